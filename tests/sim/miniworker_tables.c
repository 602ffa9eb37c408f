/* SPDX-License-Identifier: BSD-3-Clause */
/* The miniature worker's tables: links with their labels, sessions, receiver indices. */
#include "miniworker.h"

static uint32_t hash32(uint32_t x)
{
	return (uint32_t)((x * UINT64_C(0x9E3779B97F4A7C15)) >> 32);
}

struct mw_link *mw_link_at(struct miniworker *w, uint16_t link)
{
	return link < w->nlinks && w->link[link].set ? &w->link[link] : NULL;
}

struct mw_link *mw_link_make(struct miniworker *w, uint16_t link)
{
	if (link >= w->nlinks) {
		uint32_t n = w->nlinks ? w->nlinks * 2 : 8;

		while (n <= link)
			n *= 2;
		w->link = mem_resize(w->link, n * sizeof(*w->link));
		memset(w->link + w->nlinks, 0, (n - w->nlinks) * sizeof(*w->link));
		w->nlinks = n;
	}
	w->link[link].set = true;
	return &w->link[link];
}

void mw_link_clear(struct mw_link *l)
{
	free(l->ilm);
	free(l->rx);
	*l = (struct mw_link){.told = l->told};
}

static void ilm_grow(struct mw_link *l)
{
	struct mw_ilm *old = l->ilm;
	uint32_t n = l->cap;

	l->cap = n ? n * 2 : 8;
	l->ilm = mem_new(l->cap * sizeof(*l->ilm));
	for (uint32_t i = 0; i < l->cap; i++)
		l->ilm[i].label = LABEL_NONE;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t at;

		if (old[i].label == LABEL_NONE)
			continue;
		at = hash32(old[i].label) & (l->cap - 1);
		while (l->ilm[at].label != LABEL_NONE)
			at = (at + 1) & (l->cap - 1);
		l->ilm[at] = old[i];
	}
	free(old);
}

static struct mw_ilm *ilm_find(const struct mw_link *l, uint32_t label)
{
	if (l->cap == 0)
		return NULL;
	for (uint32_t at = hash32(label) & (l->cap - 1);; at = (at + 1) & (l->cap - 1)) {
		if (l->ilm[at].label == label)
			return &l->ilm[at];
		if (l->ilm[at].label == LABEL_NONE)
			return NULL;
	}
}

struct mw_ilm *mw_ilm_find(struct miniworker *w, uint16_t link, uint32_t label)
{
	struct mw_link *l = mw_link_at(w, link);

	return l && label != LABEL_NONE ? ilm_find(l, label) : NULL;
}

void mw_ilm_set(struct mw_link *l, const struct cp_ilm *e)
{
	struct mw_ilm *x = ilm_find(l, e->in_label);

	if (!x) {
		uint32_t at;

		if (4 * (l->nilm + 1) > 3 * l->cap)
			ilm_grow(l);
		at = hash32(e->in_label) & (l->cap - 1);
		while (l->ilm[at].label != LABEL_NONE)
			at = (at + 1) & (l->cap - 1);
		x = &l->ilm[at];
		*x = (struct mw_ilm){.label = e->in_label, .used = -1};
		l->nilm++;
	}
	x->op = e->op;
	x->out_link = e->out_link;
	x->out_label = e->out_label;
	x->twin_link = e->twin_link;
	x->twin_label = e->twin_label;
	x->session = e->session;
}

bool mw_ilm_del(struct mw_link *l, uint32_t label)
{
	struct mw_ilm *x = ilm_find(l, label);
	uint32_t hole, at;

	if (!x)
		return false;
	l->nilm--;
	hole = (uint32_t)(x - l->ilm);
	for (at = (hole + 1) & (l->cap - 1); l->ilm[at].label != LABEL_NONE;
	     at = (at + 1) & (l->cap - 1)) {
		uint32_t home = hash32(l->ilm[at].label) & (l->cap - 1);

		if (((at - home) & (l->cap - 1)) >= ((at - hole) & (l->cap - 1))) {
			l->ilm[hole] = l->ilm[at];
			hole = at;
		}
	}
	l->ilm[hole].label = LABEL_NONE;
	return true;
}

struct mw_session *mw_session_at(struct miniworker *w, uint32_t index)
{
	return index < w->nsessions ? w->session[index] : NULL;
}

struct mw_session *mw_session_make(struct miniworker *w, uint32_t index)
{
	if (index >= w->nsessions) {
		uint32_t n = w->nsessions ? w->nsessions * 2 : 16;

		while (n <= index)
			n *= 2;
		w->session = mem_resize(w->session, n * sizeof(*w->session));
		memset(w->session + w->nsessions, 0, (n - w->nsessions) * sizeof(*w->session));
		w->nsessions = n;
	}
	if (!w->session[index]) {
		w->session[index] = mem_new(sizeof(**w->session));
		w->session[index]->cfg.session = index;
		w->session[index]->cfg.out_label = LABEL_NONE;
	}
	return w->session[index];
}

void mw_session_del(struct miniworker *w, uint32_t index)
{
	struct mw_session *s = mw_session_at(w, index);

	if (!s)
		return;
	for (unsigned i = 0; i < s->nin; i++)
		free(s->in[i]);
	for (unsigned i = 0; i < s->nout; i++)
		free(s->out[i]);
	free(s);
	w->session[index] = NULL;
}

struct mw_rx *mw_rx_find(const struct mw_link *l, uint32_t index)
{
	for (uint32_t i = 0; i < l->nrx; i++)
		if (l->rx[i].index == index)
			return &l->rx[i];
	return NULL;
}

void mw_rx_del(struct mw_link *l, uint32_t index)
{
	for (uint32_t i = 0; i < l->nrx; i++)
		if (l->rx[i].index == index)
			l->rx[i] = l->rx[--l->nrx];
}

void mw_rx_set(struct mw_link *l, const struct cp_lane_key *k)
{
	mw_rx_del(l, k->index);
	if (l->nrx == l->rxcap) {
		l->rxcap = l->rxcap ? l->rxcap * 2 : 2;
		l->rx = mem_resize(l->rx, l->rxcap * sizeof(*l->rx));
	}
	l->rx[l->nrx].index = k->index;
	l->rx[l->nrx].used = false;
	memcpy(l->rx[l->nrx++].key, k->key, sizeof(k->key));
}
