/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of half-open handshakes, and who gives way when it is full. */
#include "peer/halfopen.h"

#include "peer/peer.h"

#include <string.h>

static int compare(const struct halfopen *a, const struct halfopen *b)
{
	int d = (a->link > b->link) - (a->link < b->link);

	if (d == 0)
		d = memcmp(a->prefix, b->prefix, sizeof(a->prefix));
	if (d == 0)
		d = memcmp(a->addr, b->addr, sizeof(a->addr));
	return d ? d : (a->number > b->number) - (a->number < b->number);
}

static int order(struct halfopen *a, struct halfopen *b)
{
	return compare(a, b);
}

static int index_order(struct halfopen *a, struct halfopen *b)
{
	return (a->hs.mine > b->hs.mine) - (a->hs.mine < b->hs.mine);
}

RB_GENERATE_INTERNAL(halfopen_sources, halfopen, of_source, order, static __attribute__((unused)))
RB_GENERATE_INTERNAL(halfopen_indices, halfopen, of_index, index_order,
                     static __attribute__((unused)))

void halfopens_init(struct halfopens *t)
{
	RB_INIT(&t->by_source);
	RB_INIT(&t->by_index);
	TAILQ_INIT(&t->by_age);
}

void halfopen_drop(struct node *n, struct halfopen *h)
{
	struct halfopens *t = &n->peers->half_open;

	COYO_ASSERT(t->count > 0);
	RB_REMOVE(halfopen_sources, &t->by_source, h);
	RB_REMOVE(halfopen_indices, &t->by_index, h);
	TAILQ_REMOVE(&t->by_age, h, next);
	if (--t->count == 0)
		disarm(n, &t->timer);
	hs_drop(n, &h->hs);
	ctx_free(n, h);
}

void halfopens_clear(struct node *n)
{
	struct halfopen *h;

	while ((h = TAILQ_FIRST(&n->peers->half_open.by_age)))
		halfopen_drop(n, h);
}

void halfopens_expire(struct node *n)
{
	struct halfopens *t = &n->peers->half_open;
	struct halfopen *h;

	while ((h = TAILQ_FIRST(&t->by_age)) && instant_sub(n->now, h->hs.born) >= HALF_OPEN_LIFE)
		halfopen_drop(n, h);
	if (h)
		arm(n, &t->timer, TIMER_PEER_HALF_OPEN, NULL,
		    HALF_OPEN_LIFE - instant_sub(n->now, h->hs.born));
}

/* How much of two entries' sources is the same: 0 nothing, 1 the link, 2 the prefix too, 3 the address too. */
static unsigned alike(const struct halfopen *a, const struct halfopen *b)
{
	if (a->link != b->link)
		return 0;
	if (memcmp(a->prefix, b->prefix, sizeof(a->prefix)) != 0)
		return 1;
	return memcmp(a->addr, b->addr, sizeof(a->addr)) == 0 ? 3 : 2;
}

/* A run of entries whose sources are alike. */
struct group {
	struct halfopen *first; /* NULL: there is none */
	uint32_t n;
	uint64_t oldest; /* number of its oldest entry */
	bool own;        /* the newcomer's */
};

/* Whether a gives way rather than b: the one with most entries, among equals the newcomer's own, then the one whose oldest has waited longest. */
static bool gives_way(const struct group *a, const struct group *b)
{
	if (a->n != b->n)
		return a->n > b->n;
	return a->own != b->own ? a->own : a->oldest < b->oldest;
}

/* The group, among those that are alike to this level, that gives way; within: of the entries that are alike it to the level below. */
static struct halfopen *group_gives_way(struct halfopens *t, const struct halfopen *within,
                                        unsigned level, const struct halfopen *newcomer)
{
	struct group g = {.first = NULL}, best = {.first = NULL};
	struct halfopen *h;

	RB_FOREACH (h, halfopen_sources, &t->by_source) {
		if (within && alike(h, within) < level - 1)
			continue;
		if (!g.first || alike(h, g.first) < level) {
			if (gives_way(&g, &best))
				best = g;
			g = (struct group){.first = h,
			                   .oldest = h->number,
			                   .own = alike(h, newcomer) >= level};
		}
		g.n++;
		if (h->number < g.oldest)
			g.oldest = h->number;
	}
	return gives_way(&g, &best) ? g.first : best.first;
}

/* The oldest entry of the group that is to give way for the newcomer. Groups are runs in the order of by_source: of the links, then inside the
 * link chosen of its prefixes, then inside that of its addresses. */
static struct halfopen *who_gives_way(struct halfopens *t, const struct halfopen *newcomer)
{
	struct halfopen *within = NULL;

	for (unsigned level = 1; level <= 3; level++)
		within = group_gives_way(t, within, level, newcomer);
	COYO_ASSERT(within);
	return within;
}

static struct halfopen *entry_new(struct node *n, uint16_t link, const struct handshake *hs)
{
	struct halfopen *h = ctx_alloc(n, sizeof(*h));

	if (!h)
		return NULL;
	h->number = n->peers->half_open.added++;
	h->link = link;
	source_prefix(hs->to.family, hs->to.addr, NULL, h->prefix);
	if (hs->to.family)
		memcpy(h->addr, hs->to.addr, hs->to.family == 4 ? 4 : 16);
	h->hs.mine = hs->mine;
	return h;
}

struct halfopen *halfopen_add(struct node *n, uint16_t link, struct handshake *hs)
{
	struct halfopens *t = &n->peers->half_open;
	struct halfopen *h;

	COYO_ASSERT(hs->active && !hs->ticket.waiting);
	halfopens_expire(n);
	h = entry_new(n, link, hs);
	if (!h)
		return NULL;
	if (RB_FIND(halfopen_indices, &t->by_index, h)) {
		ctx_free(n, h);
		return NULL;
	}
	if (t->count == HALF_OPEN_MAX) {
		count(n, CTR_HS_HALF_OPEN);
		halfopen_drop(n, who_gives_way(t, h));
	}
	h->hs = *hs;
	explicit_bzero(hs, sizeof(*hs));
	RB_INSERT(halfopen_sources, &t->by_source, h);
	RB_INSERT(halfopen_indices, &t->by_index, h);
	TAILQ_INSERT_TAIL(&t->by_age, h, next);
	if (t->count++ == 0)
		arm(n, &t->timer, TIMER_PEER_HALF_OPEN, NULL, HALF_OPEN_LIFE);
	return h;
}

struct halfopen *halfopen_find(struct node *n, uint16_t link, uint32_t mine)
{
	struct halfopen *h = RB_ROOT(&n->peers->half_open.by_index);

	while (h && h->hs.mine != mine)
		h = mine < h->hs.mine ? RB_LEFT(h, of_index) : RB_RIGHT(h, of_index);
	return h && h->link == link && instant_sub(n->now, h->hs.born) < HALF_OPEN_LIFE ? h : NULL;
}

/* The first entry of a link in by_source, or NULL. */
static struct halfopen *first_of(struct halfopens *t, uint16_t link)
{
	struct halfopen *h = RB_ROOT(&t->by_source), *found = NULL;

	while (h) {
		if (h->link == link)
			found = h;
		h = h->link >= link ? RB_LEFT(h, of_source) : RB_RIGHT(h, of_source);
	}
	return found;
}

static void drop(struct node *n, uint16_t link, const struct peer *p, bool ik)
{
	struct halfopen *h = first_of(&n->peers->half_open, link), *next;

	for (; h && h->link == link; h = next) {
		next = RB_NEXT(halfopen_sources, &n->peers->half_open.by_source, h);
		if ((!p || h->hs.peer == p) && (!ik || h->hs.ik))
			halfopen_drop(n, h);
	}
}

void halfopens_drop(struct node *n, uint16_t link, const struct peer *p)
{
	drop(n, link, p, false);
}

void halfopens_drop_ik(struct node *n, uint16_t link, const struct peer *p)
{
	drop(n, link, p, true);
}

bool halfopens_recent(struct node *n, const struct peer *p, int64_t age_ns)
{
	struct halfopen *h;

	TAILQ_FOREACH_REVERSE(h, &n->peers->half_open.by_age, halfopen_age, next)
	{
		if (instant_sub(n->now, h->hs.born) >= age_ns)
			break;
		if (h->hs.peer == p)
			return true;
	}
	return false;
}
