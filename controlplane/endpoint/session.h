/* SPDX-License-Identifier: BSD-3-Clause */
/* End-to-end sessions: Noise keys shared with another id, which outlive the tunnel under them. The types and the table.
 *
 * Beside each group of fields stands which file of this folder writes it; every file may read all of them. */
#pragma once
#include "base/assert.h"
#include "core/ctx.h"
#include "core/generation.h"
#include "crypto/identity.h"
#include "crypto/noise.h"
#include "endpoint/puzzle.h"
#include "endpoint/unproven.h"
#include "lsp/lsp.h"
#include "wire/record.h"

#include <bsd/sys/tree.h>

#define SESSION_NONE      UINT32_MAX
#define SESSION_BUILDS    4    /* tunnels under construction at once */
#define SESSION_HS_RATE   3000 /* handshake messages/s computed for others, all links together */
#define SESSION_FREE_RATE 750 /* set-ups/s that are answered without a puzzle, all links together */
#define SESSION_HALF_OPEN (8 * NS_PER_S) /* life of a session, or of an answer, without keys */

enum session_timer {
	TIMER_SESSION = TIMERS_OF(PART_SESSION), /* session.timer: step.c */
	TIMER_SESSION_REKEY,
	TIMER_SESSION_OLD_KEY,
	TIMER_SESSION_PATH,
	TIMER_SESSION_UNPROVEN, /* of no session */
	TIMER_SESSION_SOLVE,    /* of no session */
};

/* What a session has: keys, a tunnel, somebody here who waits for a tunnel. The state changes in session_enter() only, which knows the
 * permitted transitions. A session never has a tunnel without keys. */
enum session_state {
	SESSION_CLOSED,     /* nothing; perhaps a handshake of the other side is being answered */
	SESSION_CONNECTING, /* no keys; somebody here waits for them */
	SESSION_PATHLESS, /* keys, no tunnel; nobody waits; the tunnel is rebuilt all the same while connections exist */
	SESSION_REPAIRING, /* keys, no tunnel; somebody here waits for one */
	SESSION_UP,        /* keys and a tunnel */
};

enum hs_state {
	HS_NONE, /* no handshake */
	HS_OPEN, /* messages are still to come */
	HS_DONE, /* keys derived; the worker has the receiving one, or will have */
};

#define SESSION_PHASES   4
#define SESSION_NO_PHASE UINT8_MAX

/* One handshake under way. handshake.c makes and wipes it, initiate.c and answer.c continue it, keys.c derives its keys. */
struct session_hs {
	struct noise noise;
	/* The tunnel whose set-up and reply carry it; NULL: a rekey inside the session's tunnel. session.c clears it at the tunnel's
	 * end. */
	struct lsp *lsp;
	struct instant born;
	/* Answering: the asker's ephemeral key, by which a first message that arrives twice is recognized. */
	uint8_t first[32];
	uint64_t stamp; /* own: of its first message by IK, else 0 */
	uint8_t state;  /* enum hs_state */
	bool ik;
	bool renews;   /* own: a rekey, inside the tunnel */
	bool obsolete; /* answering: our own handshake was finished first, and its keys count */
	uint32_t incarnation; /* of the other side, once it is authenticated */
	uint8_t phase;        /* phase of the keys that result, 0..3 */
	uint8_t alg;          /* transport AEAD: 1 ChaCha20-Poly1305, 2 AES-256-GCM */
	uint8_t tries;        /* how often our last message was sent again */
	uint8_t tx_secret[32];
	uint8_t msg[NOISE_MESSAGE_MAX]; /* last message written, for sending it again */
	size_t msg_len;
};

struct session {
	/* Constant: session.c. */
	RB_ENTRY(session) node;
	struct node_id remote;
	uint32_t index; /* place in sessions.by_index; names the session to workers and in labels */
	uint8_t worker; /* owner of its connections */

	/* enum session_state. session_enter(), called by build.c, keys.c, path.c and end.c. */
	uint8_t state;

	/* The worker has connections on it: input.c, end.c. */
	bool in_use;

	/* Made for a handshake of the other side, and without keys as yet: session.c, keys.c. */
	bool provisional;

	/* The worker has an entry for it: tell.c. */
	bool in_worker;

	/* Keys: keys.c, end.c. confirmed: initiate.c (cleared), answer.c (set), end.c. */
	bool confirmed; /* the other side is known to use our keys */
	/* When it was first seen to use keys of a handshake of ours: answer.c. */
	struct instant own_used;
	uint8_t phase, alg;
	uint8_t old_phase; /* phase of the old receiving key still in the worker, or SESSION_NO_PHASE */
	struct instant key_at; /* when the current keys were adopted */
	uint32_t rekeys;
	struct timer rekey_timer, old_timer;

	/* The other side's X25519 key, for IK: handshake.c. What IK with it is made with: handshake.c, keys.c. */
	bool known;
	uint8_t x_key[32];
	struct generations generations;
	bool use_xx; /* the other side holds none of them: build.c, keys.c */

	/* Handshakes, one in each direction: initiate.c and answer.c. */
	struct session_hs own, answer;
	struct ticket own_ticket, answer_ticket; /* the worker learns the receiving key */

	/* Tunnels that end here for this session and are not closing: session.c. */
	LIST_HEAD(, lsp) tunnels;

	/* The tunnel in use: path.c, end.c. */
	struct lsp *path;
	/* path, if a link that it crosses is about to be removed: path.c. Else NULL. */
	struct lsp *leaves;
	bool initiator; /* this side built path, and repairs it first; also written by initiate.c, answer.c */
	/* path, while the other side has not acknowledged that it uses it too; else NULL. */
	struct lsp *commit;
	uint8_t commit_tries;
	/* Of the newest commit of either side; also written by initiate.c, answer.c. */
	uint16_t commit_seq;
	int64_t path_ns; /* current interval between attempts at a shorter path */
	struct timer path_timer;
	uint32_t rebuilds;

	/* Attempts at a tunnel: build.c; opened anew by path.c and end.c. */
	struct {
		struct lsp *lsp;
		bool by_place; /* it goes by the destination's coords, not greedily by id */
	} build[SESSION_BUILDS];
	struct instant want_since, last_build;
	int64_t rtt_ns; /* what the newest set-up of ours took, an upper bound of the round trip; 0: none has come back. initiate.c, path.c */
	uint8_t attempts; /* set-ups begun since want_since */
	uint8_t refused;  /* repairs that the other side refused since the path was lost */
	bool anew;        /* the last one was refused: the next attempt carries a handshake */
	bool too_far;     /* since want_since, a set-up ran out of hops */
	/* Hops to be excluded, each as the tags of its two nodes. */
	uint32_t notvia[SETUP_NOTVIA_MAX][2];
	uint8_t nnotvia;
	bool looking;             /* a lookup of the destination is under way */
	uint8_t lookups_made;     /* since want_since */
	struct instant lookup_at; /* when the last one began */
	bool has_place;
	struct place place; /* of the destination, from a lookup */
	uint64_t place_seq; /* number of the record that holds place */
	uint64_t stale_seq; /* number of the record whose place proved wrong; 0: none */

	/* The puzzle that the other side asks for: solve.c; tries also build.c. */
	struct {
		TAILQ_ENTRY(session) next;
		bool on;     /* in sessions.solving */
		bool solved; /* at is the solution, which the next set-up carries */
		uint8_t tries;
		struct puzzle puzzle;
		uint8_t seed[32];
		uint64_t at;
		uint64_t nonce; /* of that set-up */
	} solving;

	/* What is due next, see step.c: armed by every file. */
	struct timer timer;
};

RB_HEAD(session_tree, session);

struct sessions {
	struct session_tree tree;
	struct session **by_index; /* sessions_max of them */
	uint32_t count, next;
	uint32_t provisional; /* of those counted */
	struct fair hs_rate;  /* shared by the links that handshakes come by: answer.c */
	struct puzzles puzzles;
	TAILQ_HEAD(, session) solving; /* whose turn it is first: solve.c */
	struct timer solve_timer;
	struct unprovens unproven; /* unproven.c */
	struct secret secret;      /* of answers that are not kept: answer.c, stateless.c */
	/* HS_INCARNATION() of this node's handshakes, not 0: drawn with its first one, then constant. handshake.c. */
	uint32_t incarnation;
};

/* 0 or -ENOMEM. */
int sessions_new(struct node *n);
/* Frees every session. Workers are told nothing; news.session_failed() is reported for each. */
void sessions_free(struct node *n);

/* The session with this id, or NULL. Sessions belong to the table and live until session_destroy(). */
struct session *session_find(struct node *n, const struct node_id *remote);
/* The session of this index, or NULL; any number may be asked for. */
struct session *session_at(struct node *n, uint32_t index);
/* Finds the session with this id or makes it. NULL at the limit or without memory. A new one that gets no keys ends by itself, see
 * step.c. */
struct session *session_get(struct node *n, const struct node_id *remote);
/* The same for a handshake of the other side. NULL also if sessions made so, and without keys as yet, take a quarter of the table. */
struct session *session_get_provisional(struct node *n, const struct node_id *remote);
/* It has keys: it is an ordinary one. */
void session_established(struct node *n, struct session *s);
/* In the order of ids; NULL begins, NULL is the end. */
struct session *session_after(const struct node *n, struct session *s);
/* Takes s out of the table, reports its end and frees it. The caller tells the worker. */
void session_destroy(struct node *n, struct session *s);

/* s owns l, of which this node is an end, from here on: what becomes of l is reported to s. Once for each tunnel. */
void session_own(struct session *s, struct lsp *l);
/* The session that owns l, or NULL. */
struct session *session_owner(struct node *n, const struct lsp *l);
/* l is not under construction any more: takes it out of the attempts, handshakes and the commit of s. s still owns it. */
void session_forget(struct session *s, const struct lsp *l);
/* l is closing: s does not own it any more. */
void session_disown(struct session *s, struct lsp *l);

/* Changes the state of s; the caller has changed s->path before. The transition must be in session.c's table. */
void session_enter(struct session *s, enum session_state to);
/* What `coyoctl show sessions` says of it: static text. */
const char *session_state_text(const struct session *s);

/* Whether s has keys, with a tunnel or without. */
static inline bool session_has_keys(const struct session *s)
{
	return s->state >= SESSION_PATHLESS;
}

/* Whether the worker or a request waits for a tunnel. */
static inline bool session_wanted(const struct session *s)
{
	return s->state == SESSION_CONNECTING || s->state == SESSION_REPAIRING;
}

/* Whether s has keys and a tunnel. */
static inline bool session_ready(const struct session *s)
{
	return s->state == SESSION_UP;
}

/* It has a path, which is not about to be lost. */
static inline bool session_settled(const struct session *s)
{
	return s->path && s->path != s->leaves;
}

/* Whether this node's id is the lower of the two, by which both sides decide alike. */
static inline bool session_lower(const struct node *n, const struct session *s)
{
	return id_cmp(&n->cfg.identity->id, &s->remote) < 0;
}
