/* SPDX-License-Identifier: BSD-3-Clause */
/* What a part reports to the parts above it: one table of functions, a row for each thing that can happen.
 *
 * Calls between parts go down only. A part that has something to tell calls its row through n->news and does not know who hears
 * it: in a whole node that is node/news.c, in a unit test a recorder. The pointer is set before the first part is made and never
 * changes; no row is NULL. Every row is called on the node's own thread, in the middle of the reporting part's work: the hearer
 * may read anything and arm timers, and calls back into the reporting part only where the row says so. Objects passed belong to
 * the reporting part and are valid during the call; a row that says longer says until when. */
#pragma once
#include "wire/id.h"

#include <stdbool.h>
#include <stdint.h>

struct node;
struct peer;
struct lsp;
struct contact;
struct contact_info;
struct setup_msg;
struct reply_msg;
struct session;

/* Why a lookup ran, and so who is told of its end. */
enum lookup_purpose {
	LOOKUP_REFRESH = 1, /* housekeeping of kad's own */
	LOOKUP_REQUEST,     /* an operator's request; ref: its cookie */
	LOOKUP_ADDRESS, /* which id begins with the target's leading 120 bits; ref: who asks (endpoint/resolve.h) */
	LOOKUP_SESSION, /* the place of a session's far end; ref: the session's index */
};

struct news {
	/* ---- peer ---- */
	/* A neighbour is authenticated and alive; its state is PEER_UP already. p lives until after peer_down(). */
	void (*peer_up)(struct node *n, struct peer *p);
	/* A neighbour that was up is not any more: from here on its labels are void. The hearers let go of p (it may be freed
	 * once they have returned) and release what they hold of its label space. why: static text for the operator. */
	void (*peer_down)(struct node *n, struct peer *p, const char *why);

	/* The link of p is about to be removed and takes no new tunnels: those that cross it are to move. May be repeated. */
	void (*peer_leaves)(struct node *n, struct peer *p);
	/* The link carries only smaller packets than before: p->mtu. May be repeated. */
	void (*peer_mtu)(struct node *n, struct peer *p);

	/* ---- anchor ---- */
	/* This node's place in a tree, and so its own record, changed. */
	void (*coords_changed)(struct node *n);
	/* The network grew by a quarter, or merged with another. */
	void (*grown)(struct node *n);
	/* p passed on a node drawn from the whole tree, not verified. */
	void (*sample)(struct node *n, struct peer *p, const struct contact_info *c);

	/* ---- kad ---- */
	/* A lookup has ended, perhaps within lookup_start(). exact: a record of the target itself was found. closest: the target's or
	 * the closest node's record, NULL when nobody answered. Its slot is free again: the hearer may start another lookup. */
	void (*lookup_done)(struct node *n, enum lookup_purpose purpose, uint32_t ref,
	                    const struct node_id *target, bool exact,
	                    const struct contact_info *closest);
	/* A finger to c is wanted. True: its set-up is under way, and its end will be told through kad_finger_up(), _failed() or
	 * _gone(); false: not now. */
	bool (*finger_build)(struct node *n, const struct contact *c);
	/* No contact uses this finger any more, or its contact is about to be dropped. Calls back: kad_finger_gone(). */
	void (*finger_drop)(struct node *n, struct lsp *l);

	/* ---- lsp ---- */
	/* Egress: a set-up for this node. The owner calls lsp_accept() or lsp_refuse() once, now or later; l lives until then. m
	 * and its envelope are the message's. */
	void (*lsp_offer)(struct node *n, struct lsp *l, const struct setup_msg *m);
	/* Ingress: the tunnel stands and every worker has acknowledged its entries; m is the reply. The owner may release l. */
	void (*lsp_up)(struct node *n, struct lsp *l, const struct reply_msg *m);
	/* Ingress: a tunnel did not come up; l is closed or freed as soon as the hearer returns. code: enum setup_error, 0: no
	 * answer in time. tag_from, tag_to: the hop that failed, 0 where none is named. */
	void (*lsp_failed)(struct node *n, struct lsp *l, uint8_t code, uint32_t tag_from,
	                   uint32_t tag_to);
	/* An end's tunnel is being withdrawn, by the other side, by a broken link or because it was idle. reason: enum tear_reason.
	 * Not called for one that its owner releases. */
	void (*lsp_gone)(struct node *n, struct lsp *l, uint8_t reason);
	/* An end's tunnel carries only smaller packets than before: l->mtu. */
	void (*lsp_mtu)(struct node *n, struct lsp *l);
	/* An end's tunnel that is up and no finger crosses a link, named by the tags of its two nodes, that is about to be removed; it still works.
	 * May be repeated. */
	void (*lsp_leaves)(struct node *n, struct lsp *l, uint32_t tag_from, uint32_t tag_to);
	/* The last report about an end that is no finger, also about one that its owner has released: l may be freed at any time, and
	 * all pointers to it must be dropped now. */
	void (*lsp_over)(struct node *n, struct lsp *l);
	/* A set-up that was heading for this id came to a dead end here. */
	void (*unreached)(struct node *n, const struct node_id *id);

	/* ---- endpoint/session ---- */
	/* A session has keys and a path: what waited for it may go ahead. */
	void (*session_ready)(struct node *n, struct session *s);
	/* A session could not be had, or is given up; err: positive errno. s may be freed as soon as the hearer returns. */
	void (*session_failed)(struct node *n, struct session *s, int err);
};
