/* SPDX-License-Identifier: BSD-3-Clause */
/* The contact table: ids in order, so that a k-bucket is a range of the tree. */
#include "kad/contact.h"

#include "anchor/anchor.h"

#include <string.h>

#define TOMBSTONE_NS (90 * NS_PER_S)

static int order(struct contact *a, struct contact *b)
{
	return id_cmp(&a->id, &b->id);
}

RB_GENERATE_INTERNAL(contact_tree, contact, node, order, static __attribute__((unused)))

struct contact *contact_find(const struct contacts *t, const struct node_id *id)
{
	struct contact *c = RB_ROOT((struct contact_tree *)&t->tree);

	while (c) {
		int d = id_cmp(id, &c->id);

		if (d == 0)
			return c;
		c = d < 0 ? RB_LEFT(c, node) : RB_RIGHT(c, node);
	}
	return NULL;
}

struct contact *contact_after(const struct contacts *t, struct contact *c)
{
	return c ? contact_tree_RB_NEXT(c)
	         : contact_tree_RB_MINMAX((struct contact_tree *)&t->tree, RB_NEGINF);
}

unsigned contact_distance(const struct node *n, const struct contact *c)
{
	unsigned tree, d;

	return anchor_distance(n, c->place, c->ntrees, &tree, &d) ? d : 0xffff;
}

static bool buried(struct node *n, const struct contacts *t, const struct contact_info *c)
{
	for (unsigned i = 0; i < TOMBSTONES; i++)
		if (instant_before(n->now, t->dead[i].until) && id_eq(&t->dead[i].id, &c->id) &&
		    c->seq <= t->dead[i].seq)
			return true;
	return false;
}

/* The contact of a full bucket that a new one may push out: hearsay first, then failing, then the farthest. */
static struct contact *victim(struct node *n, const struct contacts *t, unsigned bucket,
                              bool verified, unsigned distance)
{
	struct contact *worst = NULL;
	unsigned worst_d = 0;

	for (struct contact *c = contact_after(t, NULL); c; c = contact_after(t, c)) {
		unsigned d;

		if (c->bucket != bucket || c->neighbour || c->finger)
			continue;
		if (c->verified && !c->fails && !verified)
			continue;
		d = contact_distance(n, c) + (c->verified ? 0 : 0x10000) + (c->fails ? 0x20000 : 0);
		if (d > worst_d) {
			worst_d = d;
			worst = c;
		}
	}
	return worst && worst_d > distance + (verified ? 0 : 0x10000) ? worst : NULL;
}

static void set_info(struct node *n, struct contact *c, const struct contact_info *i)
{
	c->seq = i->seq;
	c->ntrees = i->ntrees < n->cfg.trees ? i->ntrees : n->cfg.trees;
	memcpy(c->place, i->place, c->ntrees * sizeof(c->place[0]));
}

struct contact *contact_learn(struct node *n, struct contacts *t, const struct contact_info *i,
                              bool verified)
{
	struct contact *c = contact_find(t, &i->id);
	unsigned bucket, d = 0xffff, tree;

	if (c) {
		/* Hearsay may only bring a newer place. */
		if (i->seq > c->seq || (verified && i->seq == c->seq))
			set_info(n, c, i);
		if (verified && !c->verified) {
			c->verified = true;
			t->verified++;
		}
		return c;
	}
	bucket = id_common_prefix(&n->cfg.identity->id, &i->id);
	if (bucket == ID_BITS || (!verified && buried(n, t, i)))
		return NULL;
	if (t->fill[bucket] >= n->cfg.kad_k) {
		struct contact *v;

		anchor_distance(n, i->place, i->ntrees, &tree, &d);
		v = victim(n, t, bucket, verified, d);
		if (!v)
			return NULL;
		contact_drop(n, t, v, false);
	}
	c = ctx_alloc(n, sizeof(*c) + n->cfg.trees * sizeof(c->place[0]));
	if (!c)
		return NULL;
	c->id = i->id;
	c->bucket = (uint16_t)bucket;
	c->verified = verified;
	c->rtt_ns = -1;
	set_info(n, c, i);
	RB_INSERT(contact_tree, &t->tree, c);
	t->fill[bucket]++;
	t->count++;
	t->verified += verified;
	return c;
}

void contact_drop(struct node *n, struct contacts *t, struct contact *c, bool dead)
{
	if (dead) {
		t->dead[t->next_dead] =
		        (struct tombstone){c->id, c->seq, instant_add(n->now, TOMBSTONE_NS)};
		t->next_dead = (t->next_dead + 1) % TOMBSTONES;
	}
	RB_REMOVE(contact_tree, &t->tree, c);
	t->fill[c->bucket]--;
	t->count--;
	t->verified -= c->verified;
	ctx_free(n, c);
}

void contacts_clear(struct node *n, struct contacts *t)
{
	struct contact *c;

	while ((c = RB_ROOT(&t->tree)))
		contact_drop(n, t, c, false);
}

struct contact *contact_nearer(const struct contacts *t, const struct node_id *target,
                               const struct node_id *than, unsigned skip)
{
	struct contact *near[8];
	unsigned k;

	if (skip >= ARRAY_LEN(near))
		return NULL;
	k = contact_closest(t, target, true, near, skip + 1);
	return k > skip && id_cmp_dist(target, &near[skip]->id, than) < 0 ? near[skip] : NULL;
}

unsigned contact_closest(const struct contacts *t, const struct node_id *target, bool verified_only,
                         struct contact **out, unsigned max)
{
	unsigned k = 0;

	for (struct contact *c = contact_after(t, NULL); c; c = contact_after(t, c)) {
		unsigned i = k;

		if (verified_only && (!c->verified || c->fails))
			continue;
		if (k == max && id_cmp_dist(target, &c->id, &out[k - 1]->id) >= 0)
			continue;
		if (k < max)
			k++;
		else
			i--;
		for (; i > 0 && id_cmp_dist(target, &c->id, &out[i - 1]->id) < 0; i--)
			out[i] = out[i - 1];
		out[i] = c;
	}
	return k;
}

void contact_to_info(const struct contact *c, struct contact_info *out)
{
	out->id = c->id;
	out->seq = c->seq;
	out->ntrees = c->ntrees;
	memcpy(out->place, c->place, c->ntrees * sizeof(c->place[0]));
}
