/* SPDX-License-Identifier: BSD-3-Clause */
/* Who holds how many tunnels, in trees ordered by that, so that whoever holds most is found at once. */
#include "table/shares.h"

#include "base/assert.h"
#include "table/tunnel.h"

static int link_order(struct tunnel_link *a, struct tunnel_link *b)
{
	return (a->number > b->number) - (a->number < b->number);
}

static int link_held_order(struct tunnel_link *a, struct tunnel_link *b)
{
	return a->held != b->held ? (a->held < b->held ? -1 : 1) : link_order(a, b);
}

static int source_order(struct tunnel_source *a, struct tunnel_source *b)
{
	return id_cmp(&a->id, &b->id);
}

static int source_held_order(struct tunnel_source *a, struct tunnel_source *b)
{
	return a->held != b->held ? (a->held < b->held ? -1 : 1) : source_order(a, b);
}

RB_GENERATE_INTERNAL(tunnel_links, tunnel_link, of_number, link_order,
                     static __attribute__((unused)))
RB_GENERATE_INTERNAL(tunnel_links_held, tunnel_link, of_held, link_held_order,
                     static __attribute__((unused)))
RB_GENERATE_INTERNAL(tunnel_sources, tunnel_source, of_id, source_order,
                     static __attribute__((unused)))
RB_GENERATE_INTERNAL(tunnel_sources_held, tunnel_source, of_held, source_held_order,
                     static __attribute__((unused)))

void shares_init(struct shares *s)
{
	RB_INIT(&s->links);
	RB_INIT(&s->by_held);
	s->held = 0;
}

static struct tunnel_link *link_find(const struct shares *s, uint16_t number)
{
	struct tunnel_link key = {.number = number};

	return tunnel_links_RB_FIND((struct tunnel_links *)&s->links, &key);
}

/* Searches by hand, since RB_FIND would need a whole struct tunnel_source as its key. */
static struct tunnel_source *source_find(const struct tunnel_link *k, const struct node_id *id)
{
	struct tunnel_source *s = RB_ROOT(&k->sources);
	int d;

	while (s && (d = id_cmp(id, &s->id)) != 0)
		s = d < 0 ? RB_LEFT(s, of_id) : RB_RIGHT(s, of_id);
	return s;
}

/* One more (+1) or fewer (-1); both trees by number held are kept in order. */
static void change(struct shares *s, struct tunnel_source *t, int step)
{
	struct tunnel_link *k = t->link;

	COYO_ASSERT(step > 0 || (t->held > 0 && k->held > 0 && s->held > 0));
	if (t->held)
		tunnel_sources_held_RB_REMOVE(&k->by_held, t);
	if (k->held)
		tunnel_links_held_RB_REMOVE(&s->by_held, k);
	t->held += (uint32_t)step;
	k->held += (uint32_t)step;
	s->held += (uint32_t)step;
	if (t->held)
		tunnel_sources_held_RB_INSERT(&k->by_held, t);
	if (k->held)
		tunnel_links_held_RB_INSERT(&s->by_held, k);
}

/* Frees those of the two that hold nothing. */
static void release(struct node *n, struct shares *s, struct tunnel_link *k,
                    struct tunnel_source *t)
{
	if (t && t->held == 0) {
		tunnel_sources_RB_REMOVE(&k->sources, t);
		ctx_free(n, t);
	}
	if (k->held == 0) {
		COYO_ASSERT(RB_EMPTY(&k->sources));
		tunnel_links_RB_REMOVE(&s->links, k);
		ctx_free(n, k);
	}
}

static struct tunnel_link *link_get(struct node *n, struct shares *s, uint16_t number)
{
	struct tunnel_link *k = link_find(s, number);

	if (k)
		return k;
	k = ctx_alloc(n, sizeof(*k));
	if (!k)
		return NULL;
	k->number = number;
	RB_INIT(&k->sources);
	RB_INIT(&k->by_held);
	tunnel_links_RB_INSERT(&s->links, k);
	return k;
}

static struct tunnel_source *source_get(struct node *n, struct tunnel_link *k,
                                        const struct node_id *id)
{
	struct tunnel_source *t = source_find(k, id);

	if (t)
		return t;
	t = ctx_alloc(n, sizeof(*t));
	if (!t)
		return NULL;
	t->link = k;
	t->id = *id;
	TAILQ_INIT(&t->pending);
	TAILQ_INIT(&t->standing);
	tunnel_sources_RB_INSERT(&k->sources, t);
	return t;
}

void shares_take(struct node *n, struct lsp *l)
{
	struct shares *s = &n->lsps->shares;
	struct tunnel_link *k = link_get(n, s, l->up->link);
	struct tunnel_source *t = k ? source_get(n, k, &l->src) : NULL;

	COYO_ASSERT(!l->share && l->state <= LSP_UP);
	if (!t) {
		if (k)
			release(n, s, k, NULL);
		return;
	}
	change(s, t, 1);
	l->share = t;
	if (l->state < LSP_UP)
		TAILQ_INSERT_TAIL(&t->pending, l, of_share);
	else
		TAILQ_INSERT_TAIL(&t->standing, l, of_share);
}

void shares_give(struct node *n, struct lsp *l)
{
	struct shares *s = &n->lsps->shares;
	struct tunnel_source *t = l->share;

	if (!t)
		return;
	if (l->state < LSP_UP)
		TAILQ_REMOVE(&t->pending, l, of_share);
	else
		TAILQ_REMOVE(&t->standing, l, of_share);
	l->share = NULL;
	change(s, t, -1);
	release(n, s, t->link, t);
}

void shares_stand(struct lsp *l)
{
	struct tunnel_source *t = l->share;

	if (!t)
		return;
	TAILQ_REMOVE(&t->pending, l, of_share);
	TAILQ_INSERT_TAIL(&t->standing, l, of_share);
}

struct lsp *shares_victim(const struct shares *s, uint16_t link, const struct node_id *src)
{
	struct tunnel_link *most =
	        tunnel_links_held_RB_MINMAX((struct tunnel_links_held *)&s->by_held, RB_INF);
	struct tunnel_link *own = link_find(s, link);
	struct tunnel_source *t, *mine;

	if (!most)
		return NULL;
	if (most->held < (own ? own->held : 0) + 2) {
		if (!own)
			return NULL;
		most = own;
		mine = source_find(own, src);
	} else {
		mine = NULL;
	}
	t = tunnel_sources_held_RB_MINMAX(&most->by_held, RB_INF);
	if (most == own && t->held < (mine ? mine->held : 0) + 2)
		return NULL;
	return TAILQ_EMPTY(&t->pending) ? TAILQ_FIRST(&t->standing) : TAILQ_FIRST(&t->pending);
}

uint32_t shares_of_link(const struct shares *s, uint16_t link)
{
	const struct tunnel_link *k = link_find(s, link);

	return k ? k->held : 0;
}
