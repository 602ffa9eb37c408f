/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a neighbour over IP is: configured, learnt, asked whether it is there. */
#include "peer/peer.h"

#include "core/emit.h"

#include <string.h>

#define ASK_WAIT  (250 * NS_PER_MS) /* or the time that answers take */
#define ASK_TRIES 3

static bool same(const struct node_addr *a, uint8_t family, const uint8_t *addr, uint16_t port)
{
	return a->family == family && a->port == port &&
	       memcmp(a->addr, addr, family == 4 ? 4 : 16) == 0;
}

static bool equal(const struct node_addr *a, const struct node_addr *b)
{
	return same(a, b->family, b->addr, b->port);
}

static struct node_addr address(uint8_t family, const uint8_t addr[16], uint16_t port)
{
	struct node_addr a = {.family = family, .port = port};

	memcpy(a.addr, addr, sizeof(a.addr));
	return a;
}

static struct node_addr in_use(const struct peer *p)
{
	return address(p->cfg.io.family, p->cfg.io.remote_addr, p->cfg.io.remote_port);
}

static void take(struct peer *p, const struct node_addr *a)
{
	p->cfg.io.family = a->family;
	p->cfg.io.remote_port = a->port;
	memcpy(p->cfg.io.remote_addr, a->addr, sizeof(a->addr));
}

void peer_addresses_init(struct peer *p)
{
	struct node_ends *ends = &p->cfg.ends;

	if (ends->n > 0)
		take(p, &ends->v[0]);
	else if (p->cfg.io.family)
		*ends = (struct node_ends){.n = 1, .v[0] = in_use(p)};
	p->at = (struct addresses){0};
}

/* All addresses to be tried, in their order; at most one more than are configured. */
static unsigned candidates(const struct peer *p, struct node_addr v[LINK_ENDS_MAX + 1])
{
	const struct node_ends *ends = &p->cfg.ends;
	bool known = p->at.learnt.family == 0;

	for (unsigned i = 0; i < ends->n; i++) {
		v[i] = ends->v[i];
		known |= equal(&v[i], &p->at.learnt);
	}
	if (!known)
		v[ends->n] = p->at.learnt;
	return ends->n + !known;
}

unsigned peer_addresses_count(const struct peer *p)
{
	struct node_addr v[LINK_ENDS_MAX + 1];

	return candidates(p, v);
}

/* The workers send to this address, and report packets from any other anew. */
static void set(struct node *n, struct peer *p, const struct node_addr *a)
{
	struct cp_cmd c = {.type = CMD_LINK_REMOTE};

	take(p, a);
	c.u.link = p->cfg.io;
	out_command(n, CPDP_ALL_WORKERS, &c);
}

static bool asked_here(const struct peer *p)
{
	static const uint8_t none[sizeof(p->at.local_addr)];

	return memcmp(p->at.local_addr, none, sizeof(none)) != 0;
}

/* Packets leave from the own address that the neighbour asked, or the kernel chooses it. One that is configured stays. */
static void set_local(struct peer *p, bool asked)
{
	struct cp_link *io = &p->cfg.io;

	if (p->at.local_used) {
		memset(io->local_addr, 0, sizeof(io->local_addr));
		io->local_if = 0;
	}
	p->at.local_used = asked && asked_here(p);
	if (!p->at.local_used)
		return;
	memcpy(io->local_addr, p->at.local_addr, sizeof(io->local_addr));
	io->local_if = p->at.local_if;
}

/* The neighbour is where this comes from, and reaches this node at the address that it names. */
static void learn(struct peer *p, const struct hs_source *from)
{
	p->at.learnt = address(from->family, from->addr, from->addr_port);
	p->at.local_if = from->local_if;
	memcpy(p->at.local_addr, from->local_addr, sizeof(p->at.local_addr));
	set_local(p, true);
	take(p, &p->at.learnt);
}

void peer_address_first(struct peer *p, const struct hs_source *from)
{
	p->cfg.ends.n = 0;
	learn(p, from);
}

void peer_address_use(struct node *n, struct peer *p, const struct hs_source *from)
{
	p->at.asked.family = 0;
	disarm(n, &p->address_timer);
	learn(p, from);
	set(n, p, &p->at.learnt);
}

void peer_address_answered(struct node *n, struct peer *p, const struct hs_source *from)
{
	const struct cp_link *io = &p->cfg.io;

	if (!from->family)
		return;
	if (io->family == from->family && io->remote_port == from->addr_port &&
	    memcmp(io->remote_addr, from->addr, sizeof(from->addr)) == 0 &&
	    (!hs_source_local(from) ||
	     memcmp(io->local_addr, from->local_addr, sizeof(from->local_addr)) == 0))
		return;
	peer_address_use(n, p, from);
}

static void send_challenge(struct node *n, struct peer *p, uint64_t nonce, bool answer,
                           const struct node_addr *to)
{
	struct linkmsg_challenge m = {.nonce = nonce, .answer = answer};
	struct emit_at at = {.worker = p->cfg.io.owner};
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));

	if (to) {
		at.to = *to;
		if (to->family == p->cfg.io.family) {
			memcpy(at.local_addr, p->cfg.io.local_addr, sizeof(at.local_addr));
			at.local_if = p->cfg.io.local_if;
		}
	}
	linkmsg_challenge_write(&w, &m);
	emit_local_at(n, p->link, &at, CONTROL_PACKET_MAX, buf, wr_len(&w));
}

static void ask(struct node *n, struct peer *p)
{
	int64_t wait = p->rtt_ns < 0 ? ASK_WAIT : peer_answer_wait(p);

	send_challenge(n, p, p->at.nonce, false, &p->at.asked);
	arm(n, &p->address_timer, TIMER_PEER_ADDRESS, p, wait > ASK_WAIT ? wait : ASK_WAIT);
}

void peer_learnt(struct node *n, struct peer *p, uint8_t family, const uint8_t addr[16],
                 uint16_t port)
{
	if (family != 4 && family != 6)
		return;
	if (!p->cfg.io.family) {
		struct hs_source from = {.family = family, .addr_port = port};

		memcpy(from.addr, addr, sizeof(from.addr));
		peer_address_use(n, p, &from);
		return;
	}
	if (!peer_up(p) || (p->at.asked.family && same(&p->at.asked, family, addr, port)))
		return;
	p->at.asked = address(family, addr, port);
	p->at.nonce = rng_u64(&n->cfg.rng);
	p->at.tries = 0;
	ask(n, p);
}

void peer_address_tick(struct node *n, struct peer *p)
{
	struct node_addr now = in_use(p);

	if (!p->at.asked.family)
		return;
	if (peer_up(p) && ++p->at.tries < ASK_TRIES) {
		ask(n, p);
		return;
	}
	/* Nobody answers there. The workers are to report it again if packets go on coming from it. */
	p->at.asked.family = 0;
	set(n, p, &now);
}

void peer_challenge_rx(struct node *n, struct peer *p, const struct linkmsg_challenge *m,
                       const struct dp_packet *pk)
{
	struct hs_source from;

	if (!m->answer) {
		send_challenge(n, p, m->nonce, true, NULL);
		return;
	}
	/* An answer that comes from elsewhere shows only that somebody at the address asked hands packets on. */
	from = hs_source_of(pk);
	if (!p->at.asked.family || m->nonce != p->at.nonce ||
	    !same(&p->at.asked, pk->family, pk->addr, pk->addr_port))
		return;
	peer_address_use(n, p, &from);
}

void peer_address_next(struct node *n, struct peer *p)
{
	struct node_addr v[LINK_ENDS_MAX + 1], now = in_use(p);
	unsigned k = candidates(p, v), at = 0;

	while (at < k && !equal(&v[at], &now))
		at++;
	if (k == 0 || (k == 1 && at == 0 && !asked_here(p)))
		return; /* there is nothing to turn to */
	now = v[at + 1 < k ? at + 1 : 0];
	set_local(p, equal(&now, &p->at.learnt) && p->at.turns++ % 2);
	set(n, p, &now);
}

static bool listed(const struct node_ends *ends, const struct node_addr *a)
{
	for (unsigned i = 0; i < ends->n; i++)
		if (equal(&ends->v[i], a))
			return true;
	return false;
}

void peer_addresses_set(struct node *n, struct peer *p, const struct node_ends *ends)
{
	const struct node_ends old = p->cfg.ends;
	const struct node_addr now = in_use(p), *to = NULL;

	if (p->state == PEER_GONE || p->listener)
		return;
	p->cfg.ends = *ends;
	p->cfg.initiate = ends->n > 0;
	if (peer_up(p) || ends->n == 0)
		return;
	for (unsigned i = 0; i < ends->n && !to; i++)
		if (!listed(&old, &ends->v[i]))
			to = &ends->v[i];
	if (!to && !listed(ends, &now))
		to = &ends->v[0];
	if (to) {
		set_local(p, false);
		set(n, p, to);
	}
	p->hs_tries = 0;
	peer_handshake_start(n, p);
}
