/* SPDX-License-Identifier: BSD-3-Clause */
/* Which contacts a node names to another: those that have answered and owe nothing, near to it, that it has not heard of. */
#include "kad/kad.h"

#include "anchor/anchor.h"

#include <limits.h>

#define EXR_CLOSEST   8
#define EXR_TREE_NEAR 8
#define NEXT_DOOR     4 /* hops along the tree: nodes this near are named even for a full bucket */
#define NEXT_DOOR_MAX 2

static bool listed(const struct kad_msg *m, const struct node_id *id)
{
	for (unsigned i = 0; i < m->count; i++)
		if (id_eq(&m->c[i].id, id))
			return true;
	return false;
}

/* Whether contact c belongs into a list for node `to`. In an answer to q: if the filter in q lacks it. In a question (q is NULL): if it
 * was learnt since `told`, when `to` last got a list from this node. */
static bool worth_telling(const struct kad_msg *m, const struct contact *c,
                          const struct node_id *to, struct instant told, const struct kad_msg *q)
{
	if (id_eq(&c->id, to) || listed(m, &c->id))
		return false;
	return q ? !kad_have(q, &c->id, c->seq) : !instant_before(c->learnt, told);
}

static void list_add(struct kad_msg *m, const struct contact *c)
{
	if (m->count < KAD_CONTACTS_MAX)
		contact_to_info(c, &m->c[m->count++]);
}

/* Hops from c to place along tree 0; UINT_MAX where that is unknown or c may not be named. */
static unsigned near_along_tree(const struct contact *c, const struct place *place)
{
	return c->verified && !c->fails && c->ntrees && c->place[0].root == place->root
	               ? coords_distance(&c->place[0].coords, &place->coords)
	               : UINT_MAX;
}

void tell_closest(struct node *n, struct kad_msg *m, const struct node_id *to, unsigned at_most,
                  struct instant told, const struct kad_msg *q)
{
	struct contact *near[KAD_SIBLINGS];
	unsigned k = contact_closest(n->contacts, to, true, near, q ? KAD_SIBLINGS : at_most);

	for (unsigned i = 0; i < k && m->count < at_most; i++)
		if (worth_telling(m, near[i], to, told, q))
			list_add(m, near[i]);
}

/* Adds contacts near the asker along the tree, nearest ring first: at most two for each of its buckets, and for buckets that it says
 * are full only nodes within NEXT_DOOR hops, which make short fingers. */
static void list_tree_near(struct node *n, struct kad_msg *m, const struct node_id *to,
                           const struct kad_msg *q)
{
	struct contacts *t = n->contacts;
	unsigned all = m->count + EXR_TREE_NEAR, next_door = 0;
	uint8_t per_bucket[64] = {0};

	for (unsigned limit = NEXT_DOOR; limit < 256 && m->count < all; limit *= 4)
		for (struct contact *c = contact_after(t, NULL); c && m->count < all;
		     c = contact_after(t, c)) {
			unsigned b = id_common_prefix(to, &c->id);
			bool full = b < 64 && q->full >> b & 1;

			if (b > 63 || per_bucket[b] >= 2 ||
			    (full && (limit > NEXT_DOOR || next_door == NEXT_DOOR_MAX)) ||
			    near_along_tree(c, q->self.place) > limit ||
			    !worth_telling(m, c, to, n->now, q))
				continue;
			per_bucket[b]++;
			next_door += full;
			list_add(m, c);
		}
}

void tell_known(struct node *n, struct kad_msg *m)
{
	const struct contacts *t = n->contacts;

	m->full = 0;
	for (unsigned b = 0; b < 64; b++)
		m->full |= (uint64_t)(t->fill[b] >= n->cfg.kad_k) << b;
	kad_have_begin(m, t->count);
	for (uint32_t i = 0; i < t->count; i++)
		kad_have_add(m, &t->v[i]->id, t->v[i]->seq);
	for (unsigned i = 0; i < TOMBSTONES; i++)
		if (instant_before(n->now, t->dead[i].until))
			kad_have_add(m, &t->dead[i].id, t->dead[i].seq);
}

void tell_answer(struct node *n, struct kad_msg *m, const struct node_id *to,
                 const struct kad_msg *q)
{
	struct contact *near[EXR_CLOSEST];
	unsigned k;

	if (q->op == KAD_EXQ) {
		tell_closest(n, m, to, EXR_CLOSEST, n->now, q);
		if (q->self.ntrees)
			list_tree_near(n, m, to, q);
		return;
	}
	k = contact_closest(n->contacts, &q->target, true, near, EXR_CLOSEST);
	for (unsigned i = 0; i < k; i++)
		if (!id_eq(&near[i]->id, to))
			list_add(m, near[i]);
}
