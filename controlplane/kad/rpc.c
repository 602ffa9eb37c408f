/* SPDX-License-Identifier: BSD-3-Clause */
/* Questions between nodes: each has a random number, a deadline that grows with the distance, and a slot until it is answered. */
#include "kad/kad.h"

#include "base/assert.h"
#include "anchor/anchor.h"

#include <errno.h>
#include <string.h>

#define RPC_BASE    (3 * NS_PER_S)
#define RPC_HOP     (60 * NS_PER_MS)
#define SLOW_BASE   (400 * NS_PER_MS)
#define SLOW_HOP    (20 * NS_PER_MS)
#define FAILS_MAX   2
#define EXQ_CLOSEST 4
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

void kad_tell(struct node *n, struct contact *c)
{
	struct kad_msg m;

	kad_begin(n, &m, KAD_UPDATE, NULL);
	if (kad_say(n, &m, &c->id, c->place, c->ntrees, c->paired ? c->pair : NULL,
	            CONTROL_PACKET_MAX))
		c->told = n->now;
}

/* There is no way to the node asked: the question fails as soon as the caller of kad_ask() is done. */
static void rpc_fail_soon(struct node *n, struct rpc *r)
{
	r->timeout_ns = 0;
	arm(n, &r->timer, TIMER_KAD_RPC, r, UNREACHABLE);
}

/* Sends question r, with a nonce of its own each time. token: what the node asked gave for it, or NULL. False: no way to it from here. */
static bool question_send(struct node *n, struct rpc *r, const struct contact_info *to,
                          const struct node_id *target, const uint8_t *token)
{
	struct contact *c = contact_find(n->contacts, &to->id);
	struct kad_msg m;

	rng_fill(&n->cfg.rng, r->nonce, sizeof(r->nonce));
	kad_begin(n, &m, r->op, r->nonce);
	if (token) {
		m.flags |= KAD_FLAG_TOKEN;
		memcpy(m.token, token, sizeof(m.token));
	}
	if (r->op == KAD_FIND)
		m.target = *target;
	if (r->op == KAD_EXQ) {
		tell_known(n, &m);
		tell_closest(n, &m, &to->id, EXQ_CLOSEST, c ? c->told : (struct instant){0}, NULL);
	}
	if (!kad_say(n, &m, &to->id, to->place, to->ntrees, trust_known(n, &to->id),
	             CONTROL_PACKET_MAX))
		return false;
	if (c)
		c->told = n->now;
	return true;
}

/* Sends question r, new or anew, and sets its timer. */
static void question(struct node *n, struct rpc *r, const struct contact_info *to,
                     const struct node_id *target, const uint8_t *token)
{
	unsigned tree, d = 0;
	int64_t slow_ns;

	if (anchor_distance(n->anchor, to->place, to->ntrees, &tree, &d) && d > ANCHOR_REACH)
		d = ANCHOR_REACH;
	slow_ns = peers_slow_ns(n, d);
	r->sent = n->now;
	r->timeout_ns = RPC_BASE + RPC_HOP * d + 2 * slow_ns;
	arm(n, &r->timer, TIMER_KAD_RPC, r,
	    r->slow ? r->timeout_ns : SLOW_BASE + SLOW_HOP * d + slow_ns);
	if (!question_send(n, r, to, target, token))
		rpc_fail_soon(n, r);
}

int kad_ask(struct node *n, uint8_t op, const struct contact_info *to, const struct node_id *target,
            unsigned lookup)
{
	struct rpc *r = rpc_new(n);
	struct contact *c = contact_find(n->contacts, &to->id);

	if (!r)
		return -EBUSY;
	COYO_ASSERT(lookup <= LOOKUPS_MAX && n->kad->rpcs < RPC_MAX);
	r->op = op;
	r->lookup = (uint8_t)lookup;
	r->to = to->id;
	r->active = true;
	r->again = false;
	r->slow = lookup == 0;
	n->kad->rpcs++;
	if (c)
		c->asked = n->now;
	question(n, r, to, target, c && c->has_token ? c->token : NULL);
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

		if (r->active && kad_ref(r->nonce) == m->ref && id_eq(&r->to, &m->about)) {
			rpc_failed(n, r);
			return;
		}
	}
}

void kad_take_list(struct node *n, const struct kad_msg *m)
{
	for (unsigned i = 0; i < m->count; i++) {
		if (id_eq(&m->c[i].id, &n->cfg.identity->id)) {
			anchor_own_heard(n, &m->c[i]);
			continue;
		}
		if (!anchor_hears_of(n, m->c[i].place, m->c[i].ntrees))
			contact_learn(n->contacts, n->now, &m->c[i], 0);
	}
}

/* The question that m, sent by src, answers; NULL: none. */
static struct rpc *answered(struct node *n, const struct node_id *src, const struct kad_msg *m)
{
	for (unsigned i = 0; i < RPC_MAX; i++) {
		struct rpc *r = &n->kad->rpc[i];

		if (r->active && id_eq(&r->to, src) &&
		    memcmp(r->nonce, m->nonce, sizeof(r->nonce)) == 0 &&
		    (m->op == KAD_RETRY || r->op + 1 == m->op))
			return r;
	}
	return NULL;
}

/* The node that r went to has answered under the key in common: it is a contact, if there is room, and as near as its answer came. */
static void proved(struct node *n, const struct rpc *r, unsigned hops, const struct kad_msg *m)
{
	struct contact_info i = {.id = r->to, .seq = m->self.seq, .ntrees = m->self.ntrees};
	int64_t rtt = instant_sub(n->now, r->sent);
	uint32_t before = n->contacts->gains;
	struct contact *c;

	memcpy(i.place, m->self.place, sizeof(i.place));
	c = contact_learn(n->contacts, n->now, &i, hops);
	if (!c)
		return;
	trust_keep(n, c);
	c->rtt_ns = c->rtt_ns < 0 ? rtt : (7 * c->rtt_ns + rtt) / 8;
	c->fails = 0;
	c->seen = n->now;
	if (m->flags & KAD_FLAG_TOKEN) {
		memcpy(c->token, m->token, sizeof(c->token));
		c->has_token = true;
	}
	n->kad->snapshot_changes++;
	if (n->contacts->gains != before)
		kad_speed_up(n, false);
}

/* Asks once more, with the token that came instead of an answer or with a part of one. False: that was done already, or the way is not known
 * any more. */
static bool once_more(struct node *n, struct rpc *r, const struct kad_msg *m)
{
	struct contact *c = contact_find(n->contacts, &r->to);
	const struct lookup *l = r->lookup ? &n->kad->lookup[r->lookup - 1] : NULL;
	struct contact_info to = {.id = r->to};

	if (r->again || !(m->flags & KAD_FLAG_TOKEN) || (r->op == KAD_FIND && !l))
		return false;
	if (m->op != KAD_RETRY) {
		to.ntrees = m->self.ntrees;
		memcpy(to.place, m->self.place, sizeof(to.place));
	} else if (c) {
		contact_to_info(c, &to);
	} else if (!l || !lookup_candidate(l, &r->to, &to)) {
		return false;
	}
	r->again = true;
	question(n, r, &to, l ? &l->target : NULL, m->token);
	return true;
}

/* Brings back the token of an answer, so that the node that answered may take this one for a contact. */
static void prove(struct node *n, const struct rpc *r, const struct kad_msg *answer,
                  const uint8_t *key)
{
	struct kad_msg m;

	kad_begin(n, &m, KAD_UPDATE, NULL);
	m.flags |= KAD_FLAG_TOKEN;
	memcpy(m.token, answer->token, sizeof(m.token));
	kad_say(n, &m, &r->to, answer->self.place, answer->self.ntrees, key, CONTROL_PACKET_MAX);
}

void kad_answer(struct node *n, struct peer *from, const struct node_id *src, unsigned hops,
                const struct kad_msg *m)
{
	struct rpc *r = answered(n, src, m);
	const uint8_t *key;
	unsigned lookup;
	bool slow;

	if (!r)
		return;
	if (m->op == KAD_RETRY) {
		once_more(n, r, m);
		return;
	}
	key = trust_key(n, from, src, m->self.key);
	/* Without a key it may be right or not: good enough to walk on, and nobody is admitted for it. */
	if (key && !trust_mac_holds(n, key, src, m)) {
		count(n, CTR_KAD_BAD_MAC);
		return;
	}
	if (key)
		proved(n, r, hops, m);
	kad_take_list(n, m);
	/* A lookup may need the rest now. An exchange does not: the next one brings the token. */
	if (m->flags & KAD_FLAG_MORE && r->lookup &&
	    lookup_part(n, &n->kad->lookup[r->lookup - 1], src, m) && once_more(n, r, m))
		return;
	if (key && (m->flags & KAD_FLAG_PROVE) && (m->flags & KAD_FLAG_TOKEN))
		prove(n, r, m, trust_known(n, src));
	lookup = r->lookup;
	slow = r->slow;
	rpc_end(n, r);
	if (lookup)
		lookup_answer(n, &n->kad->lookup[lookup - 1], src, slow, m);
}
