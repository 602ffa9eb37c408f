/* SPDX-License-Identifier: BSD-3-Clause */
/* Tunnels as one node sees them: two label-switched directions between an upstream and a downstream neighbour.
 *
 * "Up" is towards the set-up's source, "down" towards its destination. fwd is the direction away from the source.
 * A label whose name ends in _in was granted by this node, _out by the neighbour. */
#pragma once
#include "core/ctx.h"
#include "route/route.h"
#include "table/ends.h"
#include "peer/peer.h"
#include "wire/linkmsg.h"
#include "wire/lspmsg.h"

#include <bsd/sys/tree.h>

#define LSP_ENVELOPE_MAX 512
#define LSP_OVERHEAD  \
	(4 + 12 + 2 + \
	 16) /* label, control word, inner header, tag: what a segment loses of the path MTU */

enum lsp_timer {
	TIMER_LSP = TIMERS_OF(PART_LSP), /* what it means depends on the tunnel's state */
	TIMER_LSP_TEAR,
};

enum lsp_role { LSP_INGRESS = 1, LSP_EGRESS, LSP_TRANSIT };

enum lsp_state {
	LSP_PENDING = 1, /* set-up passed on, reply awaited */
	LSP_SHORTCUT,    /* reply here; an earlier neighbour is asked for a label */
	LSP_PROGRAM,     /* workers are learning the entries */
	LSP_UP,
	LSP_CLOSING,  /* withdrawn; neighbours' answers or a timeout awaited */
	LSP_REMOVING, /* workers are forgetting the entries */
};

/* What a reply brought, kept until the workers have acknowledged. */
struct lsp_reply {
	struct reply_msg m;
	uint8_t envelope[LSP_ENVELOPE_MAX];
};

struct lsp {
	RB_ENTRY(lsp) node; /* by nonce, then source */
	struct node_id src, dst;
	uint64_t nonce;
	uint8_t role;  /* enum lsp_role */
	uint8_t state; /* enum lsp_state */
	bool finger;
	bool programmed;
	bool retiring;  /* replaced: carries what is still under way, then goes */
	bool committed; /* finger at the far end: the way back may be used */
	uint8_t hops_first, hops;
	uint16_t mtu;
	struct peer *up, *down;
	uint32_t fwd_in, rev_out; /* on the link to up */
	uint32_t rev_in, fwd_out; /* on the link to down */
	uint32_t session;         /* at the ends: session index */
	int16_t worker;           /* at the ends: owner of the session; -1: any */
	/* At the ends: the owner's list of its tunnels; only the owner touches it. */
	LIST_ENTRY(lsp) of_owner;
	uint8_t setup_flags;
	struct instant born, up_at, used;
	struct timer timer;
	struct ticket ticket;
	struct lsp_end ahead, back; /* towards dst and src, for whoever passes by */
	uint8_t tears;              /* tear-downs sent so far */
	uint64_t punted; /* packets about this tunnel, or on it, that came to this control plane */
	bool up_answered, down_answered;
	uint8_t reason;
	/* until up */
	struct lsp_reply *reply;
	uint32_t *record;
	uint8_t nrecord;
	struct peer *short_up; /* neighbour asked for a short-cut */
};

RB_HEAD(lsp_tree, lsp);

struct lsps {
	struct lsp_tree tree;
	uint32_t count, pending;
};

/* What an end asks for. */
struct lsp_request {
	struct node_id dst;
	uint8_t flags;           /* SETUP_FLAG_* */
	const uint8_t *envelope; /* <= LSP_ENVELOPE_MAX */
	uint16_t envelope_len;
	uint32_t session;
	int16_t worker;
	/* Of the destination where known: then by coords, else greedy. */
	const struct place *places;
	unsigned nplaces;
	uint32_t notvia[SETUP_NOTVIA_MAX][2];
	uint8_t nnotvia;
};

int lsps_new(struct node *n);
void lsps_free(struct node *n);

/* Begins a tunnel from here. *out lives until news.lsp_over() (a finger: lsp_failed() or lsp_gone()). -EHOSTUNREACH: no way from here;
 * -ENOSPC: no label left on the link; -ENOMEM; -EMSGSIZE: no room for the envelope. */
int lsp_build(struct node *n, const struct lsp_request *q, struct lsp **out);
/* Egress: accepts what news.lsp_offer() gave; the reply leaves when the workers have acknowledged. */
int lsp_accept(struct node *n, struct lsp *l, uint32_t session, int16_t worker,
               const uint8_t *envelope, size_t len);
/* Egress: refuses it. */
void lsp_refuse(struct node *n, struct lsp *l, uint8_t code);
/* Withdraws a tunnel from here; of its news only lsp_over() follows. */
void lsp_release(struct node *n, struct lsp *l, uint8_t reason);
/* Withdraws it in a while: what the other side sent before it heard of the replacement still arrives. */
void lsp_retire(struct node *n, struct lsp *l);
/* A finger's sign of life, along it to its end. */
void lsp_refresh_send(struct node *n, struct lsp *l);

/* ---- inputs ---- */
void lsp_setup_rx(struct node *n, const struct route_query *q, const struct routed_header *h,
                  struct rd *body);
void lsp_reply_rx(struct node *n, struct peer *from, const struct routed_header *h,
                  struct rd *body);
void lsp_refresh_rx(struct node *n, struct lsp *l);
void lsp_error_rx(struct node *n, struct peer *from, const struct linkmsg_error *m);
void lsp_grant_rx(struct node *n, struct peer *from, const struct linkmsg_grant *m);
void lsp_tear_rx(struct node *n, struct peer *from, const struct linkmsg_tear *m);
void lsp_tear_ack_rx(struct node *n, struct peer *from, const struct linkmsg_tear *m);
void lsp_label_use(struct node *n, const struct dp_label_use *u);
void lsp_peer_down(struct node *n, struct peer *p);
void lsp_timer(struct node *n, struct timer *t);

/* ---- looking up ---- */
/* The tunnel that a label of ours on a link names; *forward: which direction. */
struct lsp *lsp_by_label(struct node *n, struct peer *p, uint32_t label, bool *forward);
/* Where a packet of that direction goes next; false at the tunnel's end. */
bool lsp_onward(const struct lsp *l, bool forward, struct peer **peer, uint32_t *label);
struct lsp *lsp_find(struct node *n, uint64_t nonce, const struct node_id *src);
struct lsp *lsp_after(const struct node *n, struct lsp *l);
/* The first tunnel behind this key, in the order of lsp_after(); the key itself need not stand any more. NULL: none. */
struct lsp *lsp_beyond(const struct node *n, uint64_t nonce, const struct node_id *src);

/* ---- used between this part's files ---- */
struct lsp *lsp_new(struct node *n, uint64_t nonce, const struct node_id *src,
                    const struct node_id *dst, uint8_t role);
void lsp_destroy(struct node *n, struct lsp *l);
void lsp_program(struct node *n, struct lsp *l, void (*then)(struct node *, void *));
/* As lsp_release(), telling the end's owner through news.lsp_failed() or lsp_gone(). lost: a side that needs no tear-down. */
void lsp_close(struct node *n, struct lsp *l, uint8_t reason, const struct peer *lost);
void lsp_send_error(struct node *n, struct lsp *l, uint8_t code, uint32_t tag_from,
                    uint32_t tag_to);
void lsp_reply_onward(struct node *n, struct lsp *l);
void lsp_reply_try_shortcut(struct node *n, struct lsp *l);
void lsp_shortcut_timeout(struct node *n, struct lsp *l);
void lsp_mark_up(struct node *n, struct lsp *l);
void lsp_soft_tick(struct node *n, struct lsp *l);
void lsp_soft_start(struct node *n, struct lsp *l);
void lsp_drop_down(struct node *n, struct lsp *l);
void lsp_forget_build(struct node *n, struct lsp *l);
int64_t lsp_pending_ns(const struct node *n);
