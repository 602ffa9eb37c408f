/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of tunnels as one node sees them: two label-switched directions between an upstream and a downstream neighbour.
 *
 * "Up" is towards the set-up's source, "down" towards its destination. fwd is the direction away from the source.
 * A label whose name ends in _in was granted by this node, _out by the neighbour. */
#pragma once
#include "core/ctx.h"
#include "peer/peer.h"
#include "table/ends.h"
#include "table/shares.h"
#include "wire/lspmsg.h"

#include <bsd/sys/tree.h>

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

#define LSP_ENVELOPE_MAX 512

struct unproven; /* endpoint/unproven.h */

/* What a reply brought, kept until the workers have acknowledged. */
struct lsp_reply {
	struct reply_msg m;
	uint8_t envelope[LSP_ENVELOPE_MAX];
};

/* What names a tunnel. */
struct lsp_name {
	uint64_t nonce;
	struct node_id src;
};

struct lsp {
	RB_ENTRY(lsp) node;           /* by nonce, then source */
	RB_ENTRY(lsp) of_up, of_down; /* of a link: by its number, then as above */
	struct node_id src, dst;
	uint64_t nonce;
	uint8_t role;  /* enum lsp_role */
	uint8_t state; /* enum lsp_state */
	bool finger;
	bool programmed;
	bool retiring;  /* replaced: carries packets still under way until it is closed */
	bool committed; /* finger at the far end: the way back may be used */
	uint8_t hops_first, hops;
	uint16_t mtu;
	struct peer *up, *down;   /* changed by lsp_set_up() and lsp_set_down() only */
	uint32_t fwd_in, rev_out; /* on the link to up */
	uint32_t rev_in, fwd_out; /* on the link to down */
	uint32_t session;         /* at the ends: session index */
	int16_t worker;           /* at the ends: owner of the session; -1: any */
	/* Not at the ingress, until it closes: whose share it is counted in. NULL: in none. */
	struct tunnel_source *share;
	TAILQ_ENTRY(lsp) of_share;
	/* Egress: its entry in the table of those that await the proof of who their other end is; only that table touches it. NULL: in none. */
	struct unproven *unproven;
	/* At the ends: the owner's list of its tunnels; only the owner touches it. */
	LIST_ENTRY(lsp) of_owner;
	uint8_t setup_flags;
	struct instant born, up_at, used;
	struct timer timer;
	struct ticket ticket;
	struct lsp_end ahead,
	        back;    /* the ends dst and src, to which datagrams passing here may be sent */
	uint8_t tears;   /* tear-downs sent so far */
	uint64_t punted; /* packets about this tunnel, or on it, that came to this control plane */
	bool up_answered, down_answered;
	uint8_t reason;
	/* Until up: what the reply brought, and the nodes that the set-up passed. */
	struct lsp_reply *reply;
	uint32_t *record;
	uint8_t nrecord;
	/* The neighbour asked for a short-cut; changed by lsp_set_shortcut() only. */
	struct peer *short_up;
	LIST_ENTRY(lsp) of_shortcuts;
};

RB_HEAD(lsp_tree, lsp);
RB_HEAD(lsp_ups, lsp);
RB_HEAD(lsp_downs, lsp);

struct lsps {
	struct lsp_tree tree;
	struct lsp_ups ups;
	struct lsp_downs downs;
	LIST_HEAD(, lsp) shortcuts; /* all whose short_up is set */
	uint32_t count;             /* all that stand in the tree */
	uint32_t pending;           /* of those: not up yet */
	uint32_t transit;           /* of those: neither end is this node */
	struct shares shares;       /* of those that others build */
	/* the rate of set-ups, shared by the links that they come by; lsp/setup.c */
	struct fair setups;
};

/* Makes n->lsps, empty. -ENOMEM. */
int lsps_new(struct node *n);
/* Destroys all tunnels and the table. Parts that hold tunnels are freed before. */
void lsps_free(struct node *n);

/* Makes a tunnel with a name and a role and nothing else: LSP_PENDING, its timer armed for lsp_pending_ns(). NULL: no memory, or the name
 * is taken. */
struct lsp *lsp_new(struct node *n, uint64_t nonce, const struct node_id *src,
                    const struct node_id *dst, uint8_t role);
/* Frees everything at once, labels into quarantine; entries must be out of the workers, or the links gone. */
void lsp_destroy(struct node *n, struct lsp *l);
/* The one way in which a tunnel changes its state: keeps the counts of pending tunnels, of the links' tunnels in use and of the shares,
 * takes a tunnel that ends out of the index of ends, and tells its owner (news.lsp_over()). */
void lsp_set_state(struct node *n, struct lsp *l, enum lsp_state state);
/* The neighbour on that side from now on; NULL: none. */
void lsp_set_up(struct node *n, struct lsp *l, struct peer *p);
/* The same for the other side. */
void lsp_set_down(struct node *n, struct lsp *l, struct peer *p);
/* The neighbour asked for a short-cut from now on; NULL: none. */
void lsp_set_shortcut(struct node *n, struct lsp *l, struct peer *p);
/* Frees the label granted to the next hop, and leaves the tunnel without a next hop. */
void lsp_drop_down(struct node *n, struct lsp *l);
/* Frees the reply and the record, which are kept only until the tunnel is up. */
void lsp_forget_build(struct node *n, struct lsp *l);
/* How long the reply to a set-up is waited for, ns. */
int64_t lsp_pending_ns(struct node *n);

/* Makes room for a tunnel of src that comes by p, where there is none: finds the tunnel that gives way, which the caller closes. True and
 * *victim NULL: there is room. False: there is none for this one. */
bool lsp_room(const struct node *n, const struct peer *p, const struct node_id *src,
              struct lsp **victim);

/* NULL: none of that name. */
struct lsp *lsp_find(struct node *n, uint64_t nonce, const struct node_id *src);
/* All tunnels, by nonce and then source: NULL gives the first. */
struct lsp *lsp_after(const struct node *n, struct lsp *l);
/* The first tunnel behind this key, in the order of lsp_after(); no tunnel need have this key any more. NULL: none. */
struct lsp *lsp_beyond(const struct node *n, uint64_t nonce, const struct node_id *src);
/* The first with this nonce or a higher one, or NULL; those of other sources follow by lsp_after(). */
struct lsp *lsp_first(const struct node *n, uint64_t nonce);
/* The tunnels of a link, in the order of lsp_after(): the first behind this name, which no tunnel need have any more; behind NULL:
 * the first of all. NULL: none. */
struct lsp *lsp_of_link(const struct node *n, struct peer *p, const struct lsp_name *behind);
/* The tunnel that a label of ours on a link names; *forward: which direction. NULL: none. */
struct lsp *lsp_by_label(struct node *n, struct peer *p, uint32_t label, bool *forward);
/* Where a packet of that direction goes next; false at the tunnel's end. */
bool lsp_onward(const struct lsp *l, bool forward, struct peer **peer, uint32_t *label);
