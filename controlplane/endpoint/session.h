/* SPDX-License-Identifier: BSD-3-Clause */
/* End-to-end sessions: Noise keys with another id, which outlive the tunnel under them. */
#pragma once
#include "core/ctx.h"
#include "crypto/identity.h"
#include "crypto/noise.h"
#include "lsp/lsp.h"
#include "wire/hsmsg.h"
#include "wire/record.h"
#include "wire/tunnel.h"

#include <bsd/sys/tree.h>

#define SESSION_NONE     UINT32_MAX
#define SESSION_BUILDS   4    /* tunnels under construction at once */
#define SESSION_ENVELOPE 192  /* bytes of a set-up's envelope: no answer is longer */
#define SESSION_HS_RATE  1000 /* handshakes/s answered */

enum session_timer {
	TIMER_SESSION = TIMERS_OF(PART_SESSION),
	TIMER_SESSION_REKEY,
	TIMER_SESSION_OLD_KEY,
	TIMER_SESSION_PATH,
};

/* One handshake in the making. */
struct session_hs {
	struct noise noise;
	/* The tunnel it came or went by; NULL: inside the present tunnel (rekey). */
	struct lsp *lsp;
	struct instant born;
	uint8_t first
	        [32]; /* answering: the asker's ephemeral, so that a first message that comes twice is known */
	bool active;
	bool done; /* keys derived */
	bool ik;
	bool renews;   /* of keys that stand: inside the tunnel */
	bool obsolete; /* answering: ours was finished first and is the one that counts */
	uint8_t phase;
	uint8_t alg;
	uint8_t tries;
	uint8_t tx_secret[32];
	uint8_t msg[NOISE_MESSAGE_MAX]; /* last message sent, for sending again */
	size_t msg_len;
};

struct session {
	RB_ENTRY(session) node;
	struct node_id remote;
	uint32_t index;
	uint8_t worker;
	bool in_worker; /* CMD_SESSION_SET was sent */
	bool wanted;    /* the worker or a request waits for a tunnel */
	bool in_use;    /* connections exist */
	bool has_keys;
	bool confirmed; /* the other side is known to use our keys */
	bool initiator; /* who rebuilds first */
	bool known;     /* x_key is valid */
	uint8_t key[32], x_key[32];
	uint8_t phase, alg;
	uint8_t refused;
	struct instant key_at, want_since, last_build;
	struct lsp *path;
	LIST_HEAD(, lsp) tunnels; /* all whose lsp.session is this one and that are not closing */
	struct {
		struct lsp *lsp;
		bool placed; /* led by place, else greedily by id */
	} build[SESSION_BUILDS];
	struct session_hs own, answer;
	uint8_t attempts, seeks; /* set-ups begun, lookups made */
	uint8_t old_phase;
	bool has_old;
	bool looking;
	struct instant sought; /* when the last lookup began */
	uint32_t notvia[SETUP_NOTVIA_MAX][2];
	uint8_t nnotvia;
	struct place place; /* of the destination, from a lookup */
	bool has_place;
	uint64_t place_seq; /* of the record that told it */
	uint64_t stale_seq; /* ... of one that did not lead there; 0: none */
	struct timer timer, rekey_timer, path_timer, old_timer;
	int64_t path_ns; /* present interval of looking for a better path */
	struct ticket own_ticket, answer_ticket;
	struct lsp *commit; /* tunnel to be committed to, until acknowledged */
	uint8_t commit_tries;
	uint16_t commit_seq; /* of the newest commit, ours or theirs */
	uint32_t rekeys, rebuilds;
	uint8_t first_hops;
	int64_t setup_ns;
};

RB_HEAD(session_tree, session);

struct sessions {
	struct session_tree tree;
	struct session **by_index; /* sessions_max of them */
	uint32_t count, next;
	struct bucket hs_rate;
};

int sessions_new(struct node *n);
void sessions_free(struct node *n);
struct session *session_find(struct node *n, const struct node_id *remote);
struct session *session_at(struct node *n, uint32_t index);
/* Finds or makes. NULL at the limit. */
struct session *session_get(struct node *n, const struct node_id *remote);
void session_destroy(struct node *n, struct session *s);
struct session *session_after(const struct node *n, struct session *s);
/* From here on l is a tunnel of s, which hears of its end. Once for each tunnel; over when l closes or s is destroyed. */
void session_own(struct session *s, struct lsp *l);

/* Somebody here needs to reach remote. */
int session_want(struct node *n, const struct node_id *remote);
/* A tunnel stands and keys are there. */
static inline bool session_ready(const struct session *s)
{
	return s->has_keys && s->path;
}

/* ---- inputs ---- */
void session_offer(struct node *n, struct lsp *l, const struct setup_msg *m);
void session_lsp_up(struct node *n, struct lsp *l, const struct reply_msg *m);
void session_lsp_failed(struct node *n, struct lsp *l, uint8_t code, uint32_t tag_from,
                        uint32_t tag_to);
void session_lsp_gone(struct node *n, struct lsp *l);
/* Whatever ended it: no session keeps a pointer to l. */
void session_lsp_over(struct node *n, struct lsp *l);
void session_handshake_rx(struct node *n, const struct dp_packet *pk);
void session_key_used(struct node *n, uint32_t index, uint8_t phase);
void session_rekey_wanted(struct node *n, uint32_t index);
void session_idle(struct node *n, uint32_t index, bool idle);
void session_commit_rx(struct node *n, struct session *s, const struct oam *m);
void session_lookup_done(struct node *n, uint32_t index, bool exact, const struct contact_info *c);
void session_topology_changed(struct node *n);
void session_timer(struct node *n, struct timer *t);

/* ---- between this part's files ---- */
void session_set(struct node *n, struct session *s);
void session_send_oam(struct node *n, struct session *s, const struct oam *m, uint8_t ttl);
void session_send_handshake(struct node *n, const struct session *s, uint8_t number,
                            const uint8_t *msg, size_t len);
void session_commit(struct node *n, struct session *s);
void session_use_path(struct node *n, struct session *s, struct lsp *l);
void session_adopt_keys(struct node *n, struct session *s, struct session_hs *hs);
void session_step(struct node *n, struct session *s);
void session_lose_keys(struct node *n, struct session *s);
/* The other side never used our keys: forgotten, and made anew while somebody here waits. */
void session_begin_anew(struct node *n, struct session *s);
/* The receiving key of this phase is wanted only for what is under way. */
void session_old_phase(struct node *n, struct session *s, uint8_t phase);
/* Begins a handshake of ours; writes its first message into hs->msg. */
int session_hs_begin(struct node *n, struct session *s, bool ik);
/* Envelope around hs->msg for a set-up or reply. */
size_t session_envelope(struct node *n, const struct node_id *addressee,
                        const struct session_hs *hs, bool first, uint8_t out[LSP_ENVELOPE_MAX]);
void session_rekey(struct node *n, struct session *s);
void session_hs_reply(struct node *n, struct session *s, struct lsp *l, const struct reply_msg *m);
void session_hs_resend(struct node *n, struct session *s);
void session_wipe_hs(struct node *n, struct session_hs *hs);
