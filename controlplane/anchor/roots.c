/* SPDX-License-Identifier: BSD-3-Clause */
/* The best roots of one tree and their newest signed sequence messages. */
#include "anchor/roots.h"

#include "base/assert.h"
#include <string.h>

#define HELD_FIRST     (30 * NS_PER_S)
#define HELD_MAX       (1920 * NS_PER_S)
#define STRIKES_MAX    7
#define STALLS_FREE    1
#define FORGIVEN       (1200 * NS_PER_S)
#define FLAPS_FREE     7
#define FLAP_LONG_AWAY (2 * NS_PER_S) /* who was away for so long counts as four flaps */
#define FLAP_FORGOTTEN (15 * NS_PER_S)
#define SHUNNED_MAX    (240 * NS_PER_S)

/* The place of the root of that id; r->n: it has none. */
static unsigned place_of(const struct roots *r, const struct node_id *id)
{
	unsigned i = 0;

	while (i < r->n && !id_eq(&r->root[i].id, id))
		i++;
	return i;
}

struct root *roots_find(struct roots *r, const struct node_id *id)
{
	unsigned i = place_of(r, id);

	return i < r->n ? &r->root[i] : NULL;
}

static bool same_message(const struct linkmsg_seq *a, const struct linkmsg_seq *b)
{
	return a->tree == b->tree && a->seq == b->seq &&
	       memcmp(a->key, b->key, sizeof(a->key)) == 0 &&
	       memcmp(a->sig, b->sig, sizeof(a->sig)) == 0;
}

static bool fallen(const struct root *e, struct instant now)
{
	return e->silent || root_held(e, now) || instant_sub(now, e->seq_at) >= ROOT_FALLEN;
}

static bool kept(const struct root *e, const struct node_id *keep)
{
	return keep && id_eq(&e->id, keep);
}

/* How many live roots came by that link. */
static unsigned live_by(const struct roots *r, uint16_t from, struct instant now)
{
	unsigned count = 0;

	for (unsigned i = 0; i < r->n; i++)
		count += !fallen(&r->root[i], now) && r->root[i].from == from;
	return count;
}

/* The live root that gives way to a new one of that rank that came by that link. r->n: the new one itself. */
static unsigned live_victim(const struct roots *r, uint64_t rank, uint16_t from,
                            const struct node_id *keep, struct instant now)
{
	unsigned victim = r->n, most = live_by(r, from, now) + 1;

	for (unsigned i = r->n; i-- > 0;) {
		const struct root *e = &r->root[i];
		unsigned by = live_by(r, e->from, now) + (e->from == from);

		if (fallen(e, now) || kept(e, keep) || by < most)
			continue;
		/* From the worst on: the first of several that share a link is that link's worst. */
		if (by > most || (victim == r->n && e->rank > rank)) {
			victim = i;
			most = by;
		}
	}
	return victim;
}

static unsigned count_live(const struct roots *r, struct instant now)
{
	unsigned count = 0;

	for (unsigned i = 0; i < r->n; i++)
		count += !fallen(&r->root[i], now);
	return count;
}

enum roots_word roots_judge(const struct roots *r, const struct node_id *id, uint64_t rank,
                            const struct linkmsg_seq *m, uint16_t from, const struct node_id *keep,
                            struct instant now)
{
	unsigned i = place_of(r, id);

	if (m->seq > ROOT_SEQ_MAX)
		return ROOTS_USELESS;
	if (i < r->n) {
		const struct linkmsg_seq *have = &r->root[i].seq;

		if (m->seq != have->seq)
			return m->seq > have->seq ? ROOTS_NEWER : ROOTS_OLDER;
		return same_message(m, have) ? ROOTS_SAME : ROOTS_TWO;
	}
	if (count_live(r, now) >= ROOTS_LIVE && live_victim(r, rank, from, keep, now) == r->n)
		return ROOTS_USELESS;
	return ROOTS_NEWER;
}

static void drop_at(struct roots *r, unsigned at)
{
	COYO_ASSERT(at < r->n);
	r->n--;
	for (; at < r->n; at++)
		r->root[at] = r->root[at + 1];
}

/* Makes room for a new live root. */
static void make_room(struct roots *r, uint64_t rank, uint16_t from, const struct node_id *keep,
                      struct instant now)
{
	unsigned live = count_live(r, now), excess = r->n - live;

	if (live >= ROOTS_LIVE)
		drop_at(r, live_victim(r, rank, from, keep, now));
	for (unsigned i = r->n; i-- > 0 && excess > ROOTS_FALLEN;)
		if (fallen(&r->root[i], now) && !kept(&r->root[i], keep)) {
			drop_at(r, i);
			excess--;
		}
}

struct root *roots_put(struct roots *r, const struct node_id *id, uint64_t rank,
                       const struct linkmsg_seq *m, uint16_t from, const struct node_id *keep,
                       struct instant now)
{
	struct root *e = roots_find(r, id);
	unsigned at;

	if (!e) {
		make_room(r, rank, from, keep, now);
		COYO_ASSERT(r->n < ROOTS_MAX);
		for (at = r->n++; at > 0 && rank < r->root[at - 1].rank; at--)
			r->root[at] = r->root[at - 1];
		e = &r->root[at];
		*e = (struct root){.id = *id, .rank = rank};
	}
	e->seq = *m;
	e->seq_at = now;
	e->from = from;
	e->silent = false;
	return e;
}

/* One less for each period that went by since. */
static uint8_t faded(uint8_t count, struct instant since, int64_t period, struct instant now)
{
	int64_t gone = instant_sub(now, since) / period;

	return gone < count ? (uint8_t)(count - gone) : 0;
}

static int64_t doubled(unsigned times, int64_t most)
{
	int64_t hold = HELD_FIRST << times;

	return hold < most ? hold : most;
}

void root_strike(struct root *r, enum root_fault fault, struct instant now)
{
	struct instant until;

	r->strikes = faded(r->strikes, r->fault_at, FORGIVEN, now);
	r->stalls = faded(r->stalls, r->fault_at, FORGIVEN, now);
	r->fault_at = now;
	if (fault == ROOT_STALLS) {
		r->silent = true;
		if (r->stalls++ < STALLS_FREE)
			return;
		r->stalls = STALLS_FREE;
	}
	until = instant_add(now, doubled(r->strikes, HELD_MAX));
	if (instant_before(r->held_until, until))
		r->held_until = until;
	if (r->strikes < STRIKES_MAX)
		r->strikes++;
}

void root_lost(struct root *r, struct instant now)
{
	r->lost_at = now;
}

void root_back(struct root *r, struct instant now)
{
	if (r->lost_at.ns == 0)
		return;
	r->shuns = faded(r->shuns, r->flaps_at, FORGIVEN, now);
	r->flaps = faded(r->flaps, r->flaps_at, FLAP_FORGOTTEN, now);
	r->flaps = (uint8_t)(r->flaps + (instant_sub(now, r->lost_at) < FLAP_LONG_AWAY ? 1 : 4));
	r->flaps_at = now;
	r->lost_at = (struct instant){0};
	if (r->flaps <= FLAPS_FREE)
		return;
	r->flaps = 0;
	r->shunned_until = instant_add(now, doubled(r->shuns, SHUNNED_MAX));
	if (r->shuns < STRIKES_MAX)
		r->shuns++;
}
