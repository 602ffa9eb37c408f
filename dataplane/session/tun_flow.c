/* SPDX-License-Identifier: BSD-3-Clause */
/* Flows of the TUN: a set-associative table of what went out, and the rules of `allow`. */
#include "session/tun_flow.h"

void tun_flows_init(struct tun_flows *f, const struct dp_tun_allow *allow, unsigned nallow,
                    unsigned queues, const uint8_t seed[16])
{
	memset(f, 0, sizeof(*f));
	f->allow = allow;
	f->nallow = nallow;
	f->queues = queues;
	memcpy(f->key, seed, sizeof(f->key));
}

static struct tun_flow key_of(uint8_t protocol, const uint8_t *remote, uint16_t local_port,
                              uint16_t remote_port)
{
	struct tun_flow k = {.local_port = local_port, .remote_port = remote_port};

	memcpy(k.remote, remote, IP6_ADDR_BYTES);
	k.remote[0] = protocol;
	return k;
}

static uint64_t hash(const struct tun_flows *f, const struct tun_flow *k)
{
	uint64_t a, b;
	unsigned __int128 p;

	memcpy(&a, k->remote, 8);
	memcpy(&b, k->remote + 8, 8);
	b ^= (uint64_t)k->local_port << 32 | (uint64_t)k->remote_port << 16;
	p = (unsigned __int128)(a ^ f->key[0]) * (b ^ f->key[1]);
	a = (uint64_t)p ^ (uint64_t)(p >> 64);
	return a ^ a >> 32;
}

static struct tun_flow *set_of(struct tun_flows *f, const struct tun_flow *k)
{
	return f->set[hash(f, k) & (TUN_FLOW_SETS - 1)];
}

static bool same(const struct tun_flow *a, const struct tun_flow *b)
{
	return memcmp(a->remote, b->remote, IP6_ADDR_BYTES) == 0 &&
	       a->local_port == b->local_port && a->remote_port == b->remote_port;
}

static struct tun_flow *find(struct tun_flows *f, const struct tun_flow *k, struct instant now)
{
	struct tun_flow *set = set_of(f, k);

	for (unsigned i = 0; i < TUN_FLOW_WAYS; i++)
		if (set[i].until > now.ns && same(&set[i], k))
			return &set[i];
	return NULL;
}

static int64_t life(uint8_t protocol)
{
	return protocol == IP6_NEXT_TCP   ? TUN_FLOW_TCP_NS
	       : protocol == IP6_NEXT_UDP ? TUN_FLOW_UDP_NS
	                                  : TUN_FLOW_OTHER_NS;
}

/* The one that is free, or ends first. */
static struct tun_flow *victim(struct tun_flow *set)
{
	struct tun_flow *v = set;

	for (unsigned i = 1; i < TUN_FLOW_WAYS; i++)
		if (set[i].until < v->until)
			v = &set[i];
	return v;
}

static bool rule_fits(const struct dp_tun_allow *a, uint8_t protocol, uint16_t local_port)
{
	return (!a->protocol || a->protocol == protocol) && local_port >= a->first &&
	       local_port <= a->last;
}

/* Whether the far end of a packet that goes out may send to where it comes from anyway. An answer to an echo is never let in for a rule. */
static bool always_in(const struct tun_flows *f, const struct tun_packet *p)
{
	for (unsigned i = 0; p->protocol != IP6_NEXT_ICMP && i < f->nallow; i++) {
		const struct dp_tun_allow *a = &f->allow[i];

		if (rule_fits(a, p->protocol, p->from) && (a->any || ip6_is_id(p->dest, &a->from)))
			return true;
	}
	return false;
}

void tun_flows_out(struct tun_flows *f, const struct tun_packet *p, unsigned queue,
                   struct instant now)
{
	struct tun_flow k, *at;

	/* An error is no question, and an answer to an echo is none either. Nor does what this node's servers say take room: whoever may call them, from as
	 * many ports as it likes, could drive out the flows of everybody else. */
	if (p->kind != TUN_FLOW || p->icmp == ICMP6_ECHO_REPLY || always_in(f, p))
		return;
	k = key_of(p->protocol, p->dest, p->from, p->to);
	at = find(f, &k, now);
	if (!at) {
		at = victim(set_of(f, &k));
		*at = k;
	}
	at->queue = (uint8_t)queue;
	at->until = instant_add(now, life(p->protocol)).ns;
}

/* ---- what comes in ---- */

static bool allowed(const struct tun_flows *f, const struct tun_packet *p, const struct node_id *id)
{
	for (unsigned i = 0; i < f->nallow; i++) {
		const struct dp_tun_allow *a = &f->allow[i];

		if (rule_fits(a, p->protocol, p->to) && (a->any || id_eq(&a->from, id)))
			return true;
	}
	return false;
}

static bool frag_known(const struct tun_flows *f, const struct tun_packet *p, struct instant now,
                       unsigned *queue)
{
	for (unsigned i = 0; i < TUN_FRAGS; i++)
		if (f->frag[i].until > now.ns && f->frag[i].id == p->id &&
		    memcmp(f->frag[i].remote, p->source, IP6_ADDR_BYTES) == 0) {
			*queue = f->frag[i].queue;
			return true;
		}
	return false;
}

/* The place of a packet in fragments: the one that it has, or the oldest; of a sender that has its share, the oldest of its own. */
static struct tun_frag *frag_place(struct tun_flows *f, const struct tun_packet *p,
                                   struct instant now)
{
	struct tun_frag *oldest = &f->frag[0], *own = NULL;
	unsigned share = 0;

	for (unsigned i = 0; i < TUN_FRAGS; i++) {
		struct tun_frag *at = &f->frag[i];

		if (at->until < oldest->until)
			oldest = at;
		if (at->until <= now.ns || memcmp(at->remote, p->source, IP6_ADDR_BYTES) != 0)
			continue;
		if (at->id == p->id)
			return at;
		share++;
		if (!own || at->until < own->until)
			own = at;
	}
	return share >= TUN_FRAGS_EACH ? own : oldest;
}

static void frag_note(struct tun_flows *f, const struct tun_packet *p, unsigned queue,
                      struct instant now)
{
	struct tun_frag *at = frag_place(f, p, now);

	memcpy(at->remote, p->source, IP6_ADDR_BYTES);
	at->id = p->id;
	at->queue = (uint8_t)queue;
	at->until = instant_add(now, TUN_FRAG_NS).ns;
}

/* An error about a packet that went out, by the node that it went to. */
static bool error_in(struct tun_flows *f, const struct tun_packet *p, const struct node_id *id,
                     struct instant now)
{
	struct tun_flow k = key_of(p->protocol, p->dest, p->from, p->to);

	return ip6_is_id(p->dest, id) && (find(f, &k, now) || always_in(f, p));
}

/* The same for all packets of a flow; an interface's other way follows it. */
static unsigned queue_of(const struct tun_flows *f, const struct tun_flow *k)
{
	return f->queues > 1 ? (unsigned)((hash(f, k) >> 16 & 0xffff) * f->queues >> 16) : 0;
}

bool tun_flows_in(struct tun_flows *f, const struct tun_packet *p, const struct node_id *id,
                  struct instant now, unsigned *queue)
{
	struct tun_flow k, *at;

	*queue = 0;
	if (p->kind == TUN_FRAGMENT)
		return frag_known(f, p, now, queue);
	if (p->kind == TUN_ERROR)
		return error_in(f, p, id, now);
	if (p->kind != TUN_FLOW)
		return false;
	/* The identifier of an echo stands for the asker's port. */
	k = p->protocol == IP6_NEXT_ICMP ? key_of(p->protocol, p->source, p->from, 0)
	                                 : key_of(p->protocol, p->source, p->to, p->from);
	at = p->icmp == ICMP6_ECHO ? NULL : find(f, &k, now);
	*queue = at ? at->queue : queue_of(f, &k);
	if (at)
		at->until = instant_add(now, life(p->protocol)).ns;
	else if (p->icmp == ICMP6_ECHO_REPLY || !allowed(f, p, id))
		return false;
	if (p->fragment)
		frag_note(f, p, *queue, now);
	return true;
}
