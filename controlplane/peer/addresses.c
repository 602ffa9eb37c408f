/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a neighbour over IP is: configured, learnt, asked whether it is there. */
#include "peer/peer.h"

#include "wire/lse.h"
#include "wire/routed.h"

#include <string.h>

#define ASK_WAIT  (250 * NS_PER_MS) /* or the time that answers take */
#define ASK_TRIES 3
/* Tries of a handshake that leave from the own address that the neighbour asked. */
#define LOCAL_TRIES 4

static bool same(const struct address *a, uint8_t family, const uint8_t *addr, uint16_t port)
{
	return a->family == family && a->port == port &&
	       memcmp(a->addr, addr, family == 4 ? 4 : 16) == 0;
}

static struct address address(uint8_t family, const uint8_t addr[16], uint16_t port)
{
	struct address a = {.family = family, .port = port};

	memcpy(a.addr, addr, sizeof(a.addr));
	return a;
}

static struct address in_use(const struct peer *p)
{
	return address(p->cfg.io.family, p->cfg.io.remote_addr, p->cfg.io.remote_port);
}

void peer_addresses_init(struct peer *p)
{
	p->at = (struct addresses){.configured = in_use(p)};
}

/* The workers send to this address, and report packets from any other anew. */
static void set(struct node *n, struct peer *p, const struct address *a)
{
	struct cp_cmd c = {.type = CMD_LINK_REMOTE};

	p->cfg.io.family = a->family;
	p->cfg.io.remote_port = a->port;
	memcpy(p->cfg.io.remote_addr, a->addr, sizeof(a->addr));
	c.u.link = p->cfg.io;
	out_command(n, CPDP_ALL_WORKERS, &c);
}

/* The kernel chooses the own address. One that is configured comes without an interface, and stays. */
static void forget_local(struct peer *p)
{
	if (p->cfg.io.local_if)
		memset(p->cfg.io.local_addr, 0, sizeof(p->cfg.io.local_addr));
	p->cfg.io.local_if = 0;
}

void peer_address_use(struct node *n, struct peer *p, const struct hs_source *from)
{
	p->at.learnt = address(from->family, from->addr, from->addr_port);
	p->at.asked.family = 0;
	disarm(n, &p->address_timer);
	forget_local(p);
	if (hs_source_local(from)) {
		memcpy(p->cfg.io.local_addr, from->local_addr, sizeof(from->local_addr));
		p->cfg.io.local_if = from->local_if;
	}
	set(n, p, &p->at.learnt);
}

static void send_challenge(struct node *n, struct peer *p, uint64_t nonce, bool answer,
                           const struct address *to)
{
	struct linkmsg_challenge m = {.nonce = nonce, .answer = answer};
	struct cp_cmd c;
	struct wr w;

	memset(&c, 0, offsetof(struct cp_cmd, u.send.data));
	c.type = CMD_SEND;
	c.u.send.link = p->link;
	if (to) {
		c.u.send.has_addr = 1;
		c.u.send.family = to->family;
		c.u.send.addr_port = to->port;
		memcpy(c.u.send.addr, to->addr, sizeof(to->addr));
		if (to->family == p->cfg.io.family) {
			memcpy(c.u.send.local_addr, p->cfg.io.local_addr,
			       sizeof(c.u.send.local_addr));
			c.u.send.local_if = p->cfg.io.local_if;
		}
	}
	w = wr_init(c.u.send.data, sizeof(c.u.send.data));
	control_stack_write(&w, LABEL_NONE, 1);
	ach_write(&w, ACH_LINKLOCAL);
	linkmsg_challenge_write(&w, &m);
	c.u.send.len = (uint16_t)wr_len(&w);
	out_command(n, p->cfg.io.owner, &c);
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
	struct address now = in_use(p);

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
	const struct addresses *at = &p->at;
	const struct address now = in_use(p);

	if (p->cfg.io.local_if && p->hs_tries >= LOCAL_TRIES) {
		forget_local(p);
		set(n, p, &now);
	}
	if (!at->configured.family || !at->learnt.family ||
	    same(&at->configured, at->learnt.family, at->learnt.addr, at->learnt.port))
		return;
	set(n, p,
	    same(&now, at->configured.family, at->configured.addr, at->configured.port)
	            ? &at->learnt
	            : &at->configured);
}
