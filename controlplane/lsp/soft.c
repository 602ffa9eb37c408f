/* SPDX-License-Identifier: BSD-3-Clause */
/* Soft state: an idle tunnel expires by itself; traffic in one direction keeps both. */
#include "lsp/lsp.h"

#include "core/emit.h"
#include "wire/lse.h"

#define REFRESH_EVERY (40 * NS_PER_S)
#define FINGER_FACTOR 2              /* a finger's idle limit, in those of a transit tunnel */
#define RETIRE_AFTER  (5 * NS_PER_S) /* longer than any round trip over 255 hops */

/* Sends a refresh along a finger to its end, which keeps it alive at every hop. */
static void refresh_send(struct node *n, struct lsp *l)
{
	struct routed_header h = {
	        .next = NEXT_REFRESH, .hop_limit = ROUTED_HOP_LIMIT, .src = l->src, .dst = l->dst};

	if (l->down)
		emit_routed(n, l->down->link, l->fwd_out, &h, NULL, NULL, 0);
}

static int64_t idle_limit(const struct node *n, const struct lsp *l)
{
	if (l->finger)
		return FINGER_FACTOR * n->cfg.tunnel_idle_transit_ns;
	return l->role == LSP_TRANSIT ? n->cfg.tunnel_idle_transit_ns : n->cfg.tunnel_idle_end_ns;
}

/* Asks the workers when an entry was last used; they answer through lsp_label_use(). */
static void query(struct node *n, const struct peer *p, uint32_t label)
{
	struct cp_cmd c = {.type = CMD_QUERY_LABEL};

	if (!p || label == LABEL_NONE)
		return;
	c.u.ilm.in_link = p->link;
	c.u.ilm.in_label = label;
	out_command(n, CPDP_ALL_WORKERS, &c);
}

/* Sets the timer to half of the time left, so that the workers have answered before the idle limit is reached. */
static void rearm(struct node *n, struct lsp *l)
{
	int64_t left = idle_limit(n, l) - instant_sub(n->now, l->used);

	if (l->retiring)
		return;
	if (l->finger && l->role == LSP_INGRESS)
		left = REFRESH_EVERY;
	else if (left > 2 * NS_PER_S)
		left = left / 2 < NS_PER_S ? NS_PER_S : left / 2;
	else if (left <= 0)
		left = 1;
	arm(n, &l->timer, TIMER_LSP, l, left);
}

void lsp_mark_up(struct node *n, struct lsp *l)
{
	lsp_set_state(n, l, LSP_UP);
	l->up_at = l->used = n->now;
	if (l->role != LSP_EGRESS)
		ends_add(n->ends, &l->ahead);
	if (l->finger && l->role == LSP_INGRESS)
		refresh_send(n, l);
	rearm(n, l);
}

void lsp_retire(struct node *n, struct lsp *l)
{
	if (l->state != LSP_UP) {
		lsp_release(n, l, TEAR_REPLACED);
		return;
	}
	l->retiring = true;
	arm(n, &l->timer, TIMER_LSP, l, RETIRE_AFTER + peers_slow_ns(n, 2));
}

void lsp_soft_tick(struct node *n, struct lsp *l)
{
	if (l->retiring) {
		lsp_release(n, l, TEAR_REPLACED);
		return;
	}
	if (l->finger && l->role == LSP_INGRESS) {
		refresh_send(n, l);
		rearm(n, l);
		return;
	}
	if (instant_sub(n->now, l->used) >= idle_limit(n, l)) {
		count(n, CTR_TUNNEL_IDLE);
		lsp_close(n, l, TEAR_IDLE, NULL);
		return;
	}
	if (!l->finger) {
		query(n, l->up, l->fwd_in);
		query(n, l->down, l->rev_in);
	}
	rearm(n, l);
}

void lsp_label_use(struct node *n, const struct dp_label_use *u)
{
	struct peer *p = peer_by_link(n, u->link);
	struct lsp *l;
	struct instant at;
	bool forward;

	if (!p || u->idle_ns < 0 || u->idle_ns > n->now.ns)
		return;
	l = lsp_by_label(n, p, u->label, &forward);
	at = (struct instant){n->now.ns - u->idle_ns};
	if (!l || l->state != LSP_UP || !instant_before(l->used, at))
		return;
	l->used = at;
	peer_used(n, p);
	rearm(n, l);
}

void lsp_refresh_rx(struct node *n, struct lsp *l)
{
	if (l->state != LSP_UP)
		return;
	l->used = n->now;
	l->committed = true;
	if (l->role != LSP_INGRESS)
		ends_add(n->ends, &l->back);
}
