/* SPDX-License-Identifier: BSD-3-Clause */
/* Questions between nodes: each has a number, a deadline that grows with the way, and one place to be answered. */
#include "kad/kad.h"

#include "anchor/anchor.h"
#include "core/route.h"

#include <errno.h>
#include <string.h>

#define RPC_BASE      (3 * NS_PER_S)
#define RPC_HOP       (60 * NS_PER_MS)
#define SLOW_BASE     (400 * NS_PER_MS)
#define SLOW_HOP      (20 * NS_PER_MS)
#define FAILS_MAX     2
#define EXR_CLOSEST   8
#define EXR_TREE_NEAR 8
#define EXQ_CLOSEST   4
#define EXQ_TREE_NEAR 4
#define UNREACHABLE \
	NS_PER_MS /* no way from here: as good as unanswered, but not in the middle of the asking */

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

static void list_add(struct kad_msg *m, const struct contact *c, const struct node_id * not )
{
	if (m->count < KAD_CONTACTS_MAX && !id_eq(&c->id, not ) && !listed(m, &c->id))
		contact_to_info(c, &m->c[m->count++]);
}

/* Contacts near `to` in ids and near it along the tree, few of each bucket of its. */
static void list_for(struct node *n, struct kad_msg *m, const struct node_id *to,
                     const struct place *place, unsigned nplaces)
{
	struct contacts *t = &n->kad->contacts;
	struct contact *near[EXR_CLOSEST];
	unsigned closest = m->op == KAD_EXQ ? EXQ_CLOSEST : EXR_CLOSEST;
	unsigned all = closest + (m->op == KAD_EXQ ? EXQ_TREE_NEAR : EXR_TREE_NEAR);
	unsigned k = contact_closest(t, to, true, near, closest);
	uint8_t per_bucket[64] = {0};

	for (unsigned i = 0; i < k; i++)
		list_add(m, near[i], to);
	if (nplaces == 0)
		return;
	for (unsigned limit = 4; limit < 256 && m->count < all; limit *= 4)
		for (struct contact *c = contact_after(t, NULL); c && m->count < all;
		     c = contact_after(t, c)) {
			unsigned b = id_common_prefix(to, &c->id);

			if (!c->verified || c->fails || c->ntrees == 0 ||
			    c->place[0].root != place[0].root || b > 63 || per_bucket[b] >= 2 ||
			    listed(m, &c->id) ||
			    coords_distance(&c->place[0].coords, &place[0].coords) > limit)
				continue;
			per_bucket[b]++;
			list_add(m, c, to);
		}
}

bool kad_send(struct node *n, uint8_t op, uint32_t rpc, const struct node_id *to,
              const struct place *places, unsigned nplaces, const struct node_id *target)
{
	struct kad_msg m;
	uint8_t buf[CONTROL_PACKET_MAX];
	struct wr w;
	size_t room;

	m.op = op;
	m.flags = 0;
	m.count = 0;
	m.rpc = rpc;
	m.self = n->anchor->record;
	if (op == KAD_FIND || op == KAD_FOUND)
		m.target = *target;
	if (op == KAD_EXQ || op == KAD_EXR)
		list_for(n, &m, to, places, nplaces);
	if (op == KAD_FOUND) {
		struct contact *near[EXR_CLOSEST];
		unsigned k = contact_closest(&n->kad->contacts, target, true, near, EXR_CLOSEST);

		for (unsigned i = 0; i < k; i++)
			list_add(&m, near[i], to);
	}
	/* What stands before the body: stack, channel, header, route extension with the receiver's coords. */
	room = sizeof(buf) - 12 - ACH_BYTES - ROUTED_HEADER_BYTES - 88 -
	       (nplaces ? places[0].coords.len : 0) - 4;
	w = wr_init(buf, room);
	kad_write(&w, &m);
	if (!wr_ok(&w)) {
		count(n, CTR_TOO_BIG);
		return false;
	}
	return route_send(n, to, places, nplaces, NEXT_KAD, buf, wr_len(&w)) == 0;
}

/* There is no way to it from here: given up, but not in the middle of the asking. */
static void rpc_soon(struct node *n, struct rpc *r)
{
	r->patience_ns = 0;
	arm(n, &r->timer, TIMER_KAD_RPC, r, UNREACHABLE);
}

int kad_ask(struct node *n, uint8_t op, const struct contact_info *to, const struct node_id *target,
            unsigned lookup)
{
	struct rpc *r = rpc_new(n);
	struct contact *c;
	unsigned tree, d = 0;

	if (!r)
		return -EBUSY;
	anchor_distance(n, to->place, to->ntrees, &tree, &d);
	memset(r, 0, offsetof(struct rpc, id));
	r->id = (uint32_t)rng_u64(&n->cfg.rng);
	r->op = op;
	r->lookup = (uint8_t)lookup;
	r->to = to->id;
	r->sent = n->now;
	r->active = true;
	n->kad->rpcs++;
	r->patience_ns = RPC_BASE + RPC_HOP * d;
	r->slow = lookup == 0;
	arm(n, &r->timer, TIMER_KAD_RPC, r, r->slow ? r->patience_ns : SLOW_BASE + SLOW_HOP * d);
	c = contact_find(&n->kad->contacts, &to->id);
	if (c)
		c->asked = n->now;
	if (!kad_send(n, op, r->id, &to->id, to->place, to->ntrees, target))
		rpc_soon(n, r);
	return 0;
}

static void blame(struct node *n, const struct node_id *id)
{
	struct contact *c = contact_find(&n->kad->contacts, id);

	if (!c || c->neighbour)
		return;
	if (++c->fails < FAILS_MAX)
		return;
	if (c->finger)
		hook_finger_drop(n, c->finger);
	c = contact_find(&n->kad->contacts, id);
	if (!c)
		return;
	contact_drop(n, &n->kad->contacts, c, true);
	kad_hurry(n, false);
}

void kad_suspect(struct node *n, const struct node_id *id)
{
	struct contact *c = contact_find(&n->kad->contacts, id);

	if (!c || c->neighbour || c->fails)
		return;
	c->fails = 1;
	kad_hurry(n, false);
}

static void rpc_failed(struct node *n, struct rpc *r)
{
	struct node_id to = r->to;
	unsigned lookup = r->lookup;
	bool slow = r->slow;

	rpc_end(n, r);
	blame(n, &to);
	if (lookup)
		lookup_failed(n, &n->kad->lookup[lookup - 1], &to, slow);
}

void kad_rpc_timeout(struct node *n, struct rpc *r)
{
	int64_t left = r->patience_ns - instant_sub(n->now, r->sent);

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

/* Exactly this record has been verified before. */
static bool known(const struct node *n, const struct contact *c, const struct record *r)
{
	if (!c || !c->verified || r->seq != c->signed_seq || r->seq != c->seq)
		return false;
	for (unsigned t = 0; t < r->ntrees && t < n->cfg.trees; t++)
		if (t >= c->ntrees || r->place[t].root != c->place[t].root ||
		    !coords_eq(&r->place[t].coords, &c->place[t].coords))
			return false;
	return true;
}

/* The sender's signed record: its own word, if the signature holds. False: it is not, and nothing in the message counts. */
static bool learn_self(struct node *n, const struct node_id *src, const struct kad_msg *m)
{
	struct contacts *t = &n->kad->contacts;
	struct contact *c = contact_find(t, src);
	struct contact_info i = {.id = *src, .seq = m->self.seq, .ntrees = m->self.ntrees};
	struct node_id id;
	uint32_t before = t->news;

	identity_id_of_key(m->self.key, &id);
	if (!id_eq(&id, src) ||
	    (!known(n, c, &m->self) && n->ops->verify(m->self.key, RECORD_CONTEXT, m->self_body,
	                                              m->self_body_len, m->self.sig) != 0)) {
		count(n, CTR_KAD_BAD_SIG);
		return false;
	}
	if (c && m->self.seq < c->signed_seq)
		return true;
	memcpy(i.place, m->self.place, sizeof(i.place));
	c = contact_learn(n, t, &i, true);
	if (!c)
		return true;
	c->fails = 0;
	c->seen = n->now;
	n->kad->snapshot_changes++;
	if (t->news != before)
		kad_hurry(n, false);
	return true;
}

static void take_list(struct node *n, const struct kad_msg *m)
{
	for (unsigned i = 0; i < m->count; i++) {
		if (id_eq(&m->c[i].id, &n->cfg.identity->id)) {
			anchor_own_record_seen(n, m->c[i].seq);
			continue;
		}
		contact_learn(n, &n->kad->contacts, &m->c[i], false);
	}
}

static void answer(struct node *n, const struct node_id *src, const struct kad_msg *m)
{
	struct contact *c = contact_find(&n->kad->contacts, src);

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
		kad_send(n, KAD_EXR, m.rpc, src, m.self.place, m.self.ntrees, NULL);
		break;
	case KAD_FIND:
		kad_send(n, KAD_FOUND, m.rpc, src, m.self.place, m.self.ntrees, &m.target);
		break;
	case KAD_EXR:
	case KAD_FOUND:
		answer(n, src, &m);
		break;
	default:
		break;
	}
}
