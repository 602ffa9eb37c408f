/* SPDX-License-Identifier: BSD-3-Clause */
/* The contact table: ids in order, so that a k-bucket is a range of the tree. */
#include "table/contact.h"

#include "base/assert.h"
#include <sodium.h>
#include <string.h>

#define TOMBSTONE_NS (90 * NS_PER_S)

void contacts_init(struct contacts *t, const struct node_id *self, unsigned k,
                   const struct anchor *anchor, struct mem *mem)
{
	memset(t, 0, sizeof(*t));
	t->self = self;
	t->k = k;
	t->anchor = anchor;
	t->mem = mem;
}

/* The index of the first contact whose id is not below this one. */
static uint32_t place_of(const struct contacts *t, const struct node_id *id)
{
	uint32_t lo = 0, hi = t->count;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (id_cmp(&t->v[mid]->id, id) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct contact *contact_find(const struct contacts *t, const struct node_id *id)
{
	uint32_t at = place_of(t, id);

	return at < t->count && id_eq(&t->v[at]->id, id) ? t->v[at] : NULL;
}

struct contact *contact_after(const struct contacts *t, struct contact *c)
{
	uint32_t at = c ? c->at + 1 : 0;

	return at < t->count ? t->v[at] : NULL;
}

void contact_bucket(const struct contacts *t, unsigned bucket, uint32_t *lo, uint32_t *hi)
{
	struct node_id from = *t->self;
	uint8_t bit = (uint8_t)(0x80 >> bucket % 8);

	/* The lowest id that shares `bucket` bits with this node's and differs in the next. */
	from.b[bucket / 8] = (uint8_t)((from.b[bucket / 8] ^ bit) & ~(bit - 1));
	memset(from.b + bucket / 8 + 1, 0, ID_BYTES - bucket / 8 - 1);
	*lo = *hi = place_of(t, &from);
	while (*hi < t->count && t->v[*hi]->bucket == bucket)
		(*hi)++;
}

unsigned contact_claimed(const struct contacts *t, const struct contact *c)
{
	unsigned tree, d;

	return anchor_distance(t->anchor, c->place, c->ntrees, &tree, &d) ? d : CONTACT_FAR;
}

unsigned contact_distance(const struct contact *c)
{
	return c->hops ? c->hops : CONTACT_FAR;
}

/* Whether c, in this record or a newer one, was dropped as dead not long ago. */
static bool buried(const struct contacts *t, struct instant now, const struct contact_info *c)
{
	for (unsigned i = 0; i < TOMBSTONES; i++)
		if (instant_before(now, t->dead[i].until) && id_eq(&t->dead[i].id, &c->id) &&
		    c->seq <= t->dead[i].seq)
			return true;
	return false;
}

/* How little c is worth in a full bucket: a failing contact less than an unverified one, and that less than a far one. */
static unsigned worthless(const struct contact *c)
{
	return contact_distance(c) + (c->verified ? 0 : 0x10000) + (c->fails ? 0x20000 : 0);
}

/* The contact of a full bucket that a new one may replace; hops: as for contact_learn(). NULL: all are worth more than the new one. */
static struct contact *victim(const struct contacts *t, unsigned bucket, unsigned hops)
{
	struct contact *worst = NULL;
	unsigned limit = hops ? hops : CONTACT_FAR + 0x10000;
	uint32_t at, end;

	for (contact_bucket(t, bucket, &at, &end); at < end; at++) {
		struct contact *c = t->v[at];

		if (c->neighbour || c->finger || (c->verified && !hops))
			continue;
		if (worthless(c) > limit) {
			limit = worthless(c);
			worst = c;
		}
	}
	return worst;
}

bool contact_wanted(const struct contacts *t, const struct node_id *id, unsigned hops)
{
	unsigned bucket = id_common_prefix(t->self, id);

	return bucket < ID_BITS && (t->fill[bucket] < t->k || victim(t, bucket, hops));
}

static void set_info(const struct contacts *t, struct instant now, struct contact *c,
                     const struct contact_info *i)
{
	if (i->seq != c->seq)
		c->learnt = now;
	c->seq = i->seq;
	c->ntrees = i->ntrees < t->anchor->trees ? i->ntrees : t->anchor->trees;
	memcpy(c->place, i->place, c->ntrees * sizeof(c->place[0]));
}

static bool insert(struct contacts *t, struct contact *c)
{
	uint32_t at = place_of(t, &c->id);

	if (t->count == t->cap) {
		uint32_t cap = t->cap ? t->cap * 2 : 32;
		struct contact **v = mem_alloc(t->mem, cap * sizeof(*v));

		if (!v)
			return false;
		if (t->count)
			memcpy(v, t->v, t->count * sizeof(*v));
		mem_free(t->mem, t->v);
		t->v = v;
		t->cap = cap;
	}
	COYO_ASSERT(at == t->count || !id_eq(&t->v[at]->id, &c->id));
	memmove(&t->v[at + 1], &t->v[at], (t->count - at) * sizeof(*t->v));
	t->v[at] = c;
	for (t->count++; at < t->count; at++)
		t->v[at]->at = at;
	return true;
}

/* c has proved to exist. A gain is counted where it is the first such contact of its bucket or a sibling. */
static void verify(struct contacts *t, struct instant now, struct contact *c)
{
	unsigned closer = 0;

	c->learnt = now;
	c->verified = true;
	t->verified++;
	for (unsigned b = c->bucket + 1u; b < ID_BITS && closer < KAD_SIBLINGS; b++)
		closer += t->fill[b];
	t->gains += t->good[c->bucket]++ == 0 || closer < KAD_SIBLINGS;
}

void contact_renew(struct contacts *t, struct instant now, struct contact *c,
                   const struct contact_info *i)
{
	/* Number 0 is a neighbour whose record has not come yet. The node itself may replace a report by an older record, if that is not
	 * older than its last. */
	if (i->seq && i->seq >= c->signed_seq)
		set_info(t, now, c, i);
	if (i->seq > c->signed_seq)
		c->signed_seq = i->seq;
}

/* c has answered, so many hops from here. */
static void proved(struct contacts *t, struct instant now, struct contact *c, unsigned hops)
{
	c->hops = (uint8_t)(hops < UINT8_MAX ? hops : UINT8_MAX);
	if (!c->verified)
		verify(t, now, c);
}

/* Room for a contact that is not in the table: whether there is some, perhaps by dropping another. */
static bool room(struct contacts *t, struct instant now, const struct contact_info *i,
                 unsigned bucket, unsigned hops)
{
	struct contact *v;

	if (bucket == ID_BITS ||
	    (!hops && (t->count - t->verified >= HEARSAY_MAX || buried(t, now, i) ||
	               anchor_out_of_reach(t->anchor, i->place, i->ntrees))))
		return false;
	if (t->fill[bucket] < t->k)
		return true;
	v = victim(t, bucket, hops);
	if (v)
		contact_drop(t, now, v, false);
	return v != NULL;
}

struct contact *contact_learn(struct contacts *t, struct instant now, const struct contact_info *i,
                              unsigned hops)
{
	struct contact *c = contact_find(t, &i->id);
	unsigned bucket;

	if (c) {
		if (hops)
			contact_renew(t, now, c, i);
		else if (i->seq > c->seq && (!c->verified || c->fails))
			set_info(t, now, c, i);
		if (hops)
			proved(t, now, c, hops);
		return c;
	}
	bucket = id_common_prefix(t->self, &i->id);
	if (!room(t, now, i, bucket, hops))
		return NULL;
	c = mem_alloc(t->mem, sizeof(*c) + t->anchor->trees * sizeof(c->place[0]));
	if (!c)
		return NULL;
	c->id = i->id;
	c->bucket = (uint16_t)bucket;
	c->rtt_ns = -1;
	set_info(t, now, c, i);
	if (!insert(t, c)) {
		mem_free(t->mem, c);
		return NULL;
	}
	if (hops) {
		contact_renew(t, now, c, i);
		proved(t, now, c, hops);
	}
	t->fill[bucket]++;
	COYO_ASSERT(t->fill[bucket] <= t->k && t->verified <= t->count);
	return c;
}

void contact_drop(struct contacts *t, struct instant now, struct contact *c, bool dead)
{
	if (dead) {
		t->dead[t->next_dead] =
		        (struct tombstone){c->id, c->seq, instant_add(now, TOMBSTONE_NS)};
		t->next_dead = (t->next_dead + 1) % TOMBSTONES;
	}
	COYO_ASSERT(c->at < t->count && t->v[c->at] == c);
	t->count--;
	for (uint32_t at = c->at; at < t->count; at++) {
		t->v[at] = t->v[at + 1];
		t->v[at]->at = at;
	}
	COYO_ASSERT(t->fill[c->bucket] > 0 && t->verified >= c->verified);
	t->fill[c->bucket]--;
	t->verified -= c->verified;
	t->good[c->bucket] = (uint8_t)(t->good[c->bucket] - c->verified);
	sodium_memzero(c->pair, sizeof(c->pair));
	mem_free(t->mem, c);
}

void contacts_clear(struct contacts *t)
{
	while (t->count)
		contact_drop(t, (struct instant){0}, t->v[t->count - 1], false);
	mem_free(t->mem, t->v);
	t->v = NULL;
	t->cap = 0;
}

struct closest {
	const struct contacts *t;
	const struct node_id *target;
	struct contact **out;
	unsigned k, max;
	bool verified_only;
};

/* Appends the closest of the contacts lo .. hi - 1. The first bit in which they differ divides them in two: all on the target's side are
 * closer than all on the other. */
static void take(struct closest *q, uint32_t lo, uint32_t hi)
{
	struct contact **v = q->t->v;
	uint32_t mid = lo, end = hi;
	unsigned bit;
	uint8_t mask;

	if (lo == hi || q->k == q->max)
		return;
	if (hi - lo == 1) {
		if (!q->verified_only || (v[lo]->verified && !v[lo]->fails))
			q->out[q->k++] = v[lo];
		return;
	}
	bit = id_common_prefix(&v[lo]->id, &v[hi - 1]->id);
	mask = (uint8_t)(0x80 >> bit % 8);
	while (mid < end) {
		uint32_t m = (mid + end) / 2;

		if (v[m]->id.b[bit / 8] & mask)
			end = m;
		else
			mid = m + 1;
	}
	if (q->target->b[bit / 8] & mask) {
		take(q, mid, hi);
		take(q, lo, mid);
	} else {
		take(q, lo, mid);
		take(q, mid, hi);
	}
}

unsigned contact_closest(const struct contacts *t, const struct node_id *target, bool verified_only,
                         struct contact **out, unsigned max)
{
	struct closest q = {
	        .t = t, .target = target, .out = out, .max = max, .verified_only = verified_only};

	take(&q, 0, t->count);
	return q.k;
}

void contact_to_info(const struct contact *c, struct contact_info *out)
{
	out->id = c->id;
	out->seq = c->seq;
	out->ntrees = c->ntrees;
	memcpy(out->place, c->place, c->ntrees * sizeof(c->place[0]));
}
