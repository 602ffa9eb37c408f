/* SPDX-License-Identifier: BSD-3-Clause */
/* Questions between nodes: each has a random number, a deadline that grows with the distance, and a slot until it is answered. */
#include "kad/kad.h"

#include "base/assert.h"
#include "anchor/anchor.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define RPC_BASE      (3 * NS_PER_S)
#define RPC_HOP       (60 * NS_PER_MS)
#define SLOW_BASE     (400 * NS_PER_MS)
#define SLOW_HOP      (20 * NS_PER_MS)
#define FAILS_MAX     2
#define EXR_CLOSEST   8
#define EXR_TREE_NEAR 8
#define EXQ_CLOSEST   4
#define NEXT_DOOR     4 /* hops along the tree: nodes this near are named even for a full bucket */
#define NEXT_DOOR_MAX 2
/* When there is no way to the node asked, the question fails after this long and not within kad_ask(): its caller may be in the middle
 * of the table or of a lookup that the failure changes. */
#define UNREACHABLE NS_PER_MS

static struct rpc *rpc_new(struct node *n)
{
	for (unsigned i = 0; i < RPC_MAX; i++)
		if (!n->kad->rpc[i].active)
			return &n->kad->rpc[i];
	return NULL;
}

static void rpc_end(struct node *n, struct rpc *r)
{
	disarm(n, &r->timer);
	COYO_ASSERT(r->active && n->kad->rpcs > 0);
	r->active = false;
	n->kad->rpcs--;
}

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

/* Adds those of the contacts closest to `to` that are worth telling, until m names at_most. */
static void list_closest(struct node *n, struct kad_msg *m, const struct node_id *to,
                         unsigned at_most, struct instant told, const struct kad_msg *q)
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

/* Fills the filter of what the other side need not name: all contacts in the table, and those dropped lately as dead. */
static void have_fill(struct node *n, struct kad_msg *m)
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

/* Bytes left for the body after label stack, channel header, routed header and a route extension with the receiver's coords. */
static size_t room_for(const struct place *places, unsigned nplaces)
{
	return CONTROL_PACKET_MAX - 12 - ACH_BYTES - ROUTED_HEADER_BYTES - 88 -
	       (nplaces ? places[0].coords.len : 0) - 4;
}

static bool send(struct node *n, struct kad_msg *m, const struct node_id *to,
                 const struct place *places, unsigned nplaces)
{
	struct contact *c = contact_find(n->contacts, to);
	uint8_t buf[CONTROL_PACKET_MAX];
	struct wr w = wr_init(buf, room_for(places, nplaces));

	kad_write(&w, m);
	if (!wr_ok(&w)) {
		count(n, CTR_TOO_BIG);
		return false;
	}
	if (kad_route(n, to, places, nplaces, NEXT_KAD, buf, wr_len(&w)) != 0)
		return false;
	if (c)
		c->told = n->now;
	return true;
}

/* Starts message m of this node; c[] and have[] stay as they are, since their counts are zero. */
static void begin(struct node *n, struct kad_msg *m, uint8_t op, uint32_t rpc)
{
	m->op = op;
	m->flags = 0;
	m->count = 0;
	m->have_len = 0;
	m->full = 0;
	m->rpc = rpc;
	m->self = n->anchor->record;
}

bool kad_send(struct node *n, uint8_t op, uint32_t rpc, const struct node_id *to,
              const struct place *places, unsigned nplaces, const struct node_id *target)
{
	struct contact *c = contact_find(n->contacts, to);
	struct kad_msg m;

	begin(n, &m, op, rpc);
	if (op == KAD_FIND)
		m.target = *target;
	if (op == KAD_EXQ) {
		have_fill(n, &m);
		list_closest(n, &m, to, EXQ_CLOSEST, c ? c->told : (struct instant){0}, NULL);
	}
	return send(n, &m, to, places, nplaces);
}

static void reply(struct node *n, const struct node_id *src, const struct kad_msg *q)
{
	const struct place *places = q->self.place;
	struct contact *near[EXR_CLOSEST];
	struct kad_msg m;
	unsigned k;

	begin(n, &m, q->op + 1, q->rpc);
	if (q->op == KAD_EXQ) {
		list_closest(n, &m, src, EXR_CLOSEST, n->now, q);
		if (q->self.ntrees)
			list_tree_near(n, &m, src, q);
	} else {
		m.target = q->target;
		k = contact_closest(n->contacts, &q->target, true, near, EXR_CLOSEST);
		for (unsigned i = 0; i < k; i++)
			if (!id_eq(&near[i]->id, src))
				list_add(&m, near[i]);
	}
	send(n, &m, src, places, q->self.ntrees);
}

/* There is no way to the node asked: the question fails as soon as the caller of kad_ask() is done. */
static void rpc_fail_soon(struct node *n, struct rpc *r)
{
	r->timeout_ns = 0;
	arm(n, &r->timer, TIMER_KAD_RPC, r, UNREACHABLE);
}

int kad_ask(struct node *n, uint8_t op, const struct contact_info *to, const struct node_id *target,
            unsigned lookup)
{
	struct rpc *r = rpc_new(n);
	struct contact *c;
	unsigned tree, d = 0;
	int64_t slow_ns;

	if (!r)
		return -EBUSY;
	COYO_ASSERT(lookup <= LOOKUPS_MAX && n->kad->rpcs < RPC_MAX);
	if (anchor_distance(n->anchor, to->place, to->ntrees, &tree, &d) && d > ANCHOR_REACH)
		d = ANCHOR_REACH;
	memset(r, 0, offsetof(struct rpc, id));
	r->id = (uint32_t)rng_u64(&n->cfg.rng);
	r->op = op;
	r->lookup = (uint8_t)lookup;
	r->to = to->id;
	r->sent = n->now;
	r->active = true;
	n->kad->rpcs++;
	slow_ns = peers_slow_ns(n, d);
	r->timeout_ns = RPC_BASE + RPC_HOP * d + 2 * slow_ns;
	r->slow = lookup == 0;
	arm(n, &r->timer, TIMER_KAD_RPC, r,
	    r->slow ? r->timeout_ns : SLOW_BASE + SLOW_HOP * d + slow_ns);
	c = contact_find(n->contacts, &to->id);
	if (c)
		c->asked = n->now;
	if (!kad_send(n, op, r->id, &to->id, to->place, to->ntrees, target))
		rpc_fail_soon(n, r);
	return 0;
}

/* A contact did not answer: it is dropped after FAILS_MAX failures in a row, and its finger with it. A neighbour's life is peer's
 * to judge. */
static void question_failed(struct node *n, const struct node_id *id)
{
	struct contact *c = contact_find(n->contacts, id);

	if (!c || c->neighbour)
		return;
	if (++c->fails < FAILS_MAX)
		return;
	if (c->finger)
		n->news->finger_drop(n, c->finger);
	/* The hearer may have dropped the contact already. */
	c = contact_find(n->contacts, id);
	if (!c)
		return;
	contact_drop(n->contacts, n->now, c, true);
	kad_speed_up(n, false);
}

void kad_suspect(struct node *n, const struct node_id *id)
{
	struct contact *c = contact_find(n->contacts, id);

	if (!c || c->neighbour || c->fails)
		return;
	c->fails = 1;
	kad_speed_up(n, false);
}

static void rpc_failed(struct node *n, struct rpc *r)
{
	struct node_id to = r->to;
	unsigned lookup = r->lookup;
	bool slow = r->slow;

	rpc_end(n, r);
	question_failed(n, &to);
	if (lookup)
		lookup_failed(n, &n->kad->lookup[lookup - 1], &to, slow);
}

void kad_rpc_timeout(struct node *n, struct rpc *r)
{
	int64_t left = r->timeout_ns - instant_sub(n->now, r->sent);

	COYO_ASSERT(r->active);
	if (!r->slow && left > 0) {
		r->slow = true;
		arm(n, &r->timer, TIMER_KAD_RPC, r, left);
		if (r->lookup)
			lookup_slow(n, &n->kad->lookup[r->lookup - 1]);
		return;
	}
	count(n, CTR_KAD_TIMEOUT);
	rpc_failed(n, r);
}

void kad_error(struct node *n, const struct error_msg *m)
{
	for (unsigned i = 0; i < RPC_MAX; i++) {
		struct rpc *r = &n->kad->rpc[i];

		if (r->active && r->id == m->ref && id_eq(&r->to, &m->about)) {
			rpc_failed(n, r);
			return;
		}
	}
}

/* Whether the signature of exactly this record has been verified before. */
static bool already_verified(const struct node *n, const struct contact *c, const struct record *r)
{
	if (!c || !c->verified || r->seq != c->signed_seq || r->seq != c->seq)
		return false;
	for (unsigned t = 0; t < r->ntrees && t < n->cfg.trees; t++)
		if (t >= c->ntrees || r->place[t].root != c->place[t].root ||
		    !coords_eq(&r->place[t].coords, &c->place[t].coords))
			return false;
	return true;
}

/* Verifies and takes over the sender's own record. False: its key or signature is wrong, and the message is to be ignored. */
static bool learn_self(struct node *n, const struct node_id *src, const struct kad_msg *m)
{
	struct contacts *t = n->contacts;
	struct contact *c = contact_find(t, src);
	struct contact_info i = {.id = *src, .seq = m->self.seq, .ntrees = m->self.ntrees};
	struct node_id id;
	uint32_t before = t->gains;

	identity_id_of_key(m->self.key, &id);
	if (!id_eq(&id, src) || (!already_verified(n, c, &m->self) &&
	                         n->ops->verify(m->self.key, RECORD_CONTEXT, m->self_body,
	                                        m->self_body_len, m->self.sig) != 0)) {
		count(n, CTR_KAD_BAD_SIG);
		return false;
	}
	if (c && m->self.seq < c->signed_seq)
		return true;
	memcpy(i.place, m->self.place, sizeof(i.place));
	c = contact_learn(t, n->now, &i, true);
	if (!c)
		return true;
	c->fails = 0;
	c->seen = n->now;
	n->kad->snapshot_changes++;
	if (t->gains != before)
		kad_speed_up(n, false);
	return true;
}

/* Learns the contacts that a message names, unverified. A record of this node that is newer than its own is from before a restart. */
static void take_list(struct node *n, const struct kad_msg *m)
{
	for (unsigned i = 0; i < m->count; i++) {
		if (id_eq(&m->c[i].id, &n->cfg.identity->id)) {
			anchor_own_record_seen(n, m->c[i].seq);
			continue;
		}
		if (!anchor_hears_of(n, m->c[i].place, m->c[i].ntrees))
			contact_learn(n->contacts, n->now, &m->c[i], false);
	}
}

static void answer(struct node *n, const struct node_id *src, const struct kad_msg *m)
{
	struct contact *c = contact_find(n->contacts, src);

	for (unsigned i = 0; i < RPC_MAX; i++) {
		struct rpc *r = &n->kad->rpc[i];
		unsigned lookup;
		bool slow;

		if (!r->active || r->id != m->rpc || !id_eq(&r->to, src) || r->op + 1 != m->op)
			continue;
		lookup = r->lookup;
		slow = r->slow;
		if (c) {
			int64_t rtt = instant_sub(n->now, r->sent);

			c->rtt_ns = c->rtt_ns < 0 ? rtt : (7 * c->rtt_ns + rtt) / 8;
		}
		rpc_end(n, r);
		take_list(n, m);
		if (lookup)
			lookup_answer(n, &n->kad->lookup[lookup - 1], src, slow, m);
		return;
	}
}

void kad_rx(struct node *n, const struct node_id *src, struct rd *r)
{
	struct kad_msg m;

	if (!kad_read(r, &m)) {
		count(n, CTR_MALFORMED);
		return;
	}
	count(n, CTR_KAD_RX);
	if (!learn_self(n, src, &m))
		return;
	switch (m.op) {
	case KAD_EXQ:
		take_list(n, &m);
		reply(n, src, &m);
		break;
	case KAD_FIND:
		reply(n, src, &m);
		break;
	case KAD_EXR:
	case KAD_FOUND:
		answer(n, src, &m);
		break;
	default:
		break;
	}
}
