/* SPDX-License-Identifier: BSD-3-Clause */
/* Hands each part's reports to the parts above it, in the order in which these need them. */
#include "node/news.h"

#include "anchor/anchor.h"
#include "base/assert.h"
#include "endpoint/input.h"
#include "endpoint/request.h"
#include "endpoint/resolve.h"
#include "kad/kad.h"
#include "lsp/lsp.h"

static void peer_came_up(struct node *n, struct peer *p)
{
	anchor_peer_up(n, p);
	kad_peer_up(n, p);
	session_topology_changed(n);
}

/* Tunnels end first: they free labels of the link, and parts that their end is reported to may still use contacts and coords. */
static void peer_went_down(struct node *n, struct peer *p, const char *why)
{
	lsp_peer_down(n, p);
	kad_peer_down(n, p);
	anchor_peer_down(n, p);
}

static void coords_changed(struct node *n)
{
	kad_coords_changed(n);
	if (n->sessions)
		session_topology_changed(n);
}

static void grown(struct node *n)
{
	kad_grown(n);
}

static void sample(struct node *n, struct peer *p, const struct contact_info *c)
{
	kad_hint(n, c);
}

static void lookup_done(struct node *n, enum lookup_purpose purpose, uint32_t ref,
                        const struct node_id *target, bool exact,
                        const struct contact_info *closest)
{
	if (purpose == LOOKUP_REQUEST)
		request_lookup_done(n, ref, target, exact, closest);
	else if (purpose == LOOKUP_ADDRESS)
		resolve_lookup_done(n, ref, target, exact, closest);
	else if (purpose == LOOKUP_SESSION)
		session_lookup_done(n, ref, exact, closest);
}

static bool finger_build(struct node *n, const struct contact *c)
{
	struct lsp_request q = {.dst = c->id,
	                        .flags = SETUP_FLAG_FINGER,
	                        .session = SESSION_NONE,
	                        .worker = -1,
	                        .places = c->place,
	                        .nplaces = c->ntrees};
	struct lsp *l;

	return lsp_build(n, &q, &l) == 0;
}

static const struct node_id *far_end(const struct lsp *l)
{
	return l->role == LSP_INGRESS ? &l->dst : &l->src;
}

/* The contact is about to be freed and must not be told of the tunnel's end any more. */
static void finger_drop(struct node *n, struct lsp *l)
{
	COYO_ASSERT(l->finger && l->role != LSP_TRANSIT);
	kad_finger_gone(n, l, far_end(l));
	if (l->role == LSP_INGRESS)
		lsp_release(n, l, TEAR_REPLACED);
}

static void lsp_came_up(struct node *n, struct lsp *l, const struct reply_msg *m)
{
	COYO_ASSERT(l->role == LSP_INGRESS);
	if (l->finger)
		kad_finger_up(n, l, &l->dst);
	else
		session_lsp_up(n, l, m);
}

static void lsp_failed(struct node *n, struct lsp *l, uint8_t code, uint32_t tag_from,
                       uint32_t tag_to)
{
	COYO_ASSERT(l->role == LSP_INGRESS);
	if (l->finger)
		kad_finger_failed(n, &l->dst);
	else
		session_lsp_failed(n, l, code, tag_from, tag_to);
}

static void lsp_gone(struct node *n, struct lsp *l, uint8_t reason)
{
	COYO_ASSERT(l->role != LSP_TRANSIT);
	if (l->finger)
		kad_finger_gone(n, l, far_end(l));
	else
		session_lsp_gone(n, l);
}

const struct news node_news = {
        .peer_up = peer_came_up,
        .peer_down = peer_went_down,
        .peer_leaves = lsp_peer_leaves,
        .peer_mtu = lsp_peer_mtu,
        .coords_changed = coords_changed,
        .grown = grown,
        .sample = sample,
        .lookup_done = lookup_done,
        .finger_build = finger_build,
        .finger_drop = finger_drop,
        .lsp_offer = session_offer,
        .lsp_up = lsp_came_up,
        .lsp_failed = lsp_failed,
        .lsp_gone = lsp_gone,
        .lsp_mtu = session_lsp_mtu,
        .lsp_leaves = session_lsp_leaves,
        .lsp_over = session_lsp_over,
        .unreached = kad_suspect,
        .session_ready = request_session_ready,
        .session_failed = request_session_failed,
};
