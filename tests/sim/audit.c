/* SPDX-License-Identifier: BSD-3-Clause */
/* What is left over, found by walking every tunnel from its ends over the workers' own tables. */
#include "audit.h"
#include "kad/kad.h"
#include "peer/peer.h"
#include "table/tunnel.h"

#include <string.h>

/* Marks every entry on the way of a labelled packet that leaves `node` so. */
static void walk(struct net *net, uint32_t node, uint16_t link, uint32_t label, uint32_t mark)
{
	for (unsigned hop = 0; hop < 512; hop++) {
		struct sim_node *s = &net->node[node];
		struct mw_ilm *e;
		uint32_t place;

		if (link >= s->nlinks || label == LABEL_NONE)
			return;
		place = s->edge[link] ^ 1;
		node = net->edge[place / 2].node[place & 1];
		if (!net->alive[node])
			return;
		e = mw_ilm_find(net->node[node].mw, net->edge[place / 2].link[place & 1], label);
		if (!e)
			return;
		e->mark = mark;
		if (e->op != ILM_SWAP)
			return;
		link = e->out_link;
		label = e->out_label;
	}
}

static void mark_all(struct net *net, uint32_t mark)
{
	for (uint32_t i = 0; i < net->n; i++) {
		struct sim_node *s = &net->node[i];
		struct node_tunnel_view v;
		struct node_cursor it = {0};

		if (!s->node)
			continue;
		while (node_view_tunnel(s->node, &it, net->now, &v)) {
			if (v.fwd_in_link == UINT16_MAX || v.fwd_in_label == LABEL_NONE)
				walk(net, i, v.fwd_out_link, v.fwd_out_label, mark);
			if (v.rev_in_link == UINT16_MAX || v.rev_in_label == LABEL_NONE)
				walk(net, i, v.rev_out_link, v.rev_out_label, mark);
		}
		for (uint32_t k = 0; k < s->mw->nsessions; k++)
			if (s->mw->session[k])
				walk(net, i, s->mw->session[k]->cfg.out_link,
				     s->mw->session[k]->cfg.out_label, mark);
	}
}

static int order(const void *x, const void *y)
{
	return memcmp(x, y, 2 * sizeof(uint64_t));
}

static void add(struct audit *a, uint32_t node, uint16_t link, uint32_t label)
{
	if (a->n == a->cap) {
		a->cap = a->cap ? a->cap * 2 : 64;
		a->label = mem_resize(a->label, a->cap * sizeof(*a->label));
	}
	a->label[a->n][0] = (uint64_t)node << 32 | link;
	a->label[a->n++][1] = label;
}

/* What control has granted and what the worker still switches, as far as no tunnel's walk came by. */
static void take_node(struct audit *a, struct net *net, uint32_t i, uint32_t mark)
{
	struct miniworker *w = net->node[i].mw;
	struct node_label_view v;
	struct node_cursor it = {0};

	while (node_view_label(net->node[i].node, &it, net->now, &v)) {
		const struct mw_ilm *e = mw_ilm_find(w, v.link, v.label);

		if (strcmp(v.state, "quarantine") != 0 && (!e || e->mark != mark))
			add(a, i, v.link, v.label);
	}
	for (uint32_t l = 0; l < w->nlinks; l++)
		for (uint32_t k = 0; w->link[l].set && k < w->link[l].cap; k++)
			if (w->link[l].ilm[k].label != LABEL_NONE && w->link[l].ilm[k].mark != mark)
				add(a, i, (uint16_t)l, w->link[l].ilm[k].label);
}

void audit_take(struct audit *a, struct net *net)
{
	static const uint32_t marks = 0x80000000u;
	const uint32_t mark = marks | (uint32_t)(net->now.ns / NS_PER_MS);

	uint32_t one = 1;

	*a = (struct audit){0};
	mark_all(net, mark);
	for (uint32_t i = 0; i < net->n; i++)
		if (net->node[i].node)
			take_node(a, net, i, mark);
	if (a->n == 0)
		return;
	qsort(a->label, a->n, sizeof(*a->label), order);
	/* An entry that both planes hold was added twice. */
	for (uint32_t i = 1; i < a->n; i++)
		if (order(a->label[i], a->label[one - 1]) != 0) {
			memcpy(a->label[one], a->label[i], sizeof(*a->label));
			one++;
		}
	a->n = one;
}

void audit_free(struct audit *a)
{
	free(a->label);
	*a = (struct audit){0};
}

uint32_t audit_both(const struct audit *a, const struct audit *b)
{
	uint32_t both = 0;

	for (uint32_t i = 0; i < a->n; i++)
		both += b->n && bsearch(a->label[i], b->label, b->n, sizeof(*b->label), order);
	return both;
}

void audit_print(const struct audit *a, const struct audit *b, struct net *net)
{
	unsigned said = 0;

	for (uint32_t i = 0; i < a->n && said < 30; i++) {
		uint32_t node = (uint32_t)(a->label[i][0] >> 32);
		struct node_cursor it = {0};
		uint32_t label = (uint32_t)a->label[i][1];
		uint16_t link = (uint16_t)a->label[i][0];
		const char *state = "unknown to control";
		struct node_label_view v;
		const struct mw_ilm *e;

		if (!b->n || !bsearch(a->label[i], b->label, b->n, sizeof(*b->label), order) ||
		    !net->node[node].node)
			continue;
		while (node_view_label(net->node[node].node, &it, net->now, &v))
			if (v.link == link && v.label == label)
				state = v.state;
		e = mw_ilm_find(net->node[node].mw, link, label);
		said++;
		fprintf(stderr, "leaked: node %u link %u label %u, %s", node, link, label, state);
		if (e)
			fprintf(stderr, ", worker: op %u link %u label %u session %u", e->op,
			        e->out_link, e->out_label, e->session);
		fputc('\n', stderr);
	}
}

/* Labels that a node's links cannot grant any more, though nobody holds them. */
static uint64_t unreachable(const struct node *n)
{
	const struct peer *p;
	uint64_t sum = 0;

	TAILQ_FOREACH (p, &n->peers->list, next)
		sum += labels_unreachable(&p->labels, n->cfg.workers);
	return sum;
}

/* Where the tables of a node contradict each other. */
static uint64_t contradictions(struct node *n)
{
	uint64_t attempts = 0, found = 0;

	for (struct lsp *l = lsp_after(n, NULL); l; l = lsp_after(n, l)) {
		const struct contact *c = contact_find(n->contacts, &l->dst);

		if (!l->finger || l->role != LSP_INGRESS)
			continue;
		attempts += l->state < LSP_UP;
		found += l->state == LSP_UP && (!c || c->finger != l);
	}
	found += attempts != n->kad->fingers_pending;
	for (struct contact *c = contact_after(n->contacts, NULL); c;
	     c = contact_after(n->contacts, c))
		found += c->neighbour != (peer_by_id(n, &c->id) != NULL);
	return found;
}

void audit_sums(struct net *net, struct audit_sums *s)
{
	struct node_id root = {{0}};
	uint32_t live = 0;

	*s = (struct audit_sums){0};
	for (uint32_t i = 0; i < net->n; i++) {
		struct node_contact_view c;
		struct node_stats st;
		struct node_cursor it = {0};

		if (!net->node[i].node)
			continue;
		node_stats(net->node[i].node, &st);
		live++;
		s->state_bytes += (double)st.state_bytes;
		s->pending_setups += st.pending_setups;
		s->pending_queries += st.pending_queries;
		s->labels_live += st.labels_live;
		s->labels_unreachable += unreachable(net->node[i].node);
		s->contradictions += contradictions(net->node[i].node);
		if (st.labels_live > s->labels_max)
			s->labels_max = st.labels_live;
		if (live == 1 || !id_eq(&root, &st.root[0]))
			s->roots++;
		root = st.root[0];
		while (node_view_contact(net->node[i].node, &it, net->now, &c)) {
			uint32_t who = net_find(net, &c.id);

			s->contacts++;
			s->contacts_dead += who == UINT32_MAX || !net->alive[who];
		}
	}
	if (live)
		s->state_bytes /= live;
}
