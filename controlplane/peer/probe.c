/* SPDX-License-Identifier: BSD-3-Clause */
/* Probes of how large a packet a link carries: sent, answered, followed. */
#include "peer/peer.h"

#include "base/assert.h"
#include "core/emit.h"

#define WAIT_MIN    (125 * NS_PER_MS)
#define RAISE_EVERY (600 * NS_PER_S) /* larger packets are tried again */
/* A link that does not carry MTU_BASE is tried again so often. */
#define NARROW_PAUSE (30 * NS_PER_S)
/* Tunnels are told of a lower MTU so many times, since a message may be lost. */
#define TELLS 3

static int64_t probe_wait(const struct peer *p)
{
	int64_t wait = peer_answer_wait(p);

	return wait > WAIT_MIN ? wait : WAIT_MIN;
}

static void send_probe(struct node *n, struct peer *p, uint32_t id, uint16_t size, bool answer)
{
	struct linkmsg_probe m = {.id = id, .size = size, .answer = answer};
	static const struct emit_at remote;
	uint8_t buf[CPDP_PACKET_MAX];
	struct wr w = wr_init(buf, sizeof(buf));

	linkmsg_probe_write(&w, &m);
	emit_local_at(n, p->link, &remote, sizeof(buf), buf, wr_len(&w));
}

static uint16_t bound_of(const struct peer *p)
{
	uint16_t least = p->remote_mtu < p->cfg.io.mtu ? p->remote_mtu : p->cfg.io.mtu;

	return least < MTU_BASE ? MTU_BASE : least;
}

/* Sends the probe that is due, beside a hello: where that one is answered and the probe is not, the size is to be blamed. */
static void go_on(struct node *n, struct peer *p)
{
	uint16_t size = mtu_due(&p->path);

	if (!size) {
		if (p->path.good < p->path.bound)
			arm(n, &p->probe_timer, TIMER_PEER_PROBE, p, RAISE_EVERY);
		else
			disarm(n, &p->probe_timer);
		return;
	}
	mtu_sent(&p->path, (uint32_t)rng_u64(&n->cfg.rng) | 1, n->now);
	send_probe(n, p, p->path.id, size, false);
	peer_hello_tx(n, p, true);
	arm(n, &p->probe_timer, TIMER_PEER_PROBE, p, probe_wait(p));
}

/* p->path.now is another one: workers, and tunnels where it is lower, are told. */
static void changed(struct node *n, struct peer *p)
{
	struct cp_cmd c = {.type = CMD_LINK_SET};
	bool lower = p->path.now < p->mtu;

	p->mtu = p->path.now;
	c.u.link = p->cfg.io;
	c.u.link.mtu = p->mtu;
	out_command(n, CPDP_ALL_WORKERS, &c);
	if (!lower)
		return;
	out_log(n, 4, "link %s: packets of more than %u bytes do not pass any more", p->cfg.name,
	        p->mtu);
	p->mtu_tells = TELLS;
}

static void tell_tunnels(struct node *n, struct peer *p)
{
	if (!p->mtu_tells)
		return;
	p->mtu_tells--;
	n->news->peer_mtu(n, p);
}

void peer_probe_narrow(struct node *n, struct peer *p)
{
	if (!p->narrow)
		out_log(n, 3,
		        "link %s: refused, since its way carries no packet of %u bytes with their "
		        "label stack (%u on an IPv4, %u on an IPv6 wire)",
		        p->cfg.name, MTU_BASE, MTU_BASE + 60, MTU_BASE + 80);
	p->narrow = true;
	peer_hello_flags_tx(n, p, HELLO_FLAG_NARROW);
	peer_down(n, p, "the way carries less than 1200 bytes");
	hs_drop(n, &p->own);
	p->confirming = false;
	disarm(n, &p->probe_timer);
	if (p->state != PEER_GONE)
		arm(n, &p->hs_timer, TIMER_PEER_HANDSHAKE, p, NARROW_PAUSE);
}

void peer_probe_start(struct node *n, struct peer *p)
{
	mtu_start(&p->path, bound_of(p));
	p->mtu = MTU_BASE;
	p->mtu_tells = 0;
	go_on(n, p);
}

void peer_probe_first(struct node *n, struct peer *p)
{
	if (timer_armed(&p->probe_timer))
		return;
	mtu_start(&p->path, MTU_BASE);
	p->mtu = MTU_BASE;
	go_on(n, p);
}

void peer_probe_stop(struct node *n, struct peer *p)
{
	disarm(n, &p->probe_timer);
}

void peer_probe_check(struct node *n, struct peer *p)
{
	if (p->path.size)
		return;
	mtu_check(&p->path);
	go_on(n, p);
}

void peer_probe_tick(struct node *n, struct peer *p)
{
	bool heard = p->narrow || p->echoed_us >= (uint64_t)(p->path.sent.ns / NS_PER_US);

	if (!p->path.size)
		mtu_raise(&p->path);
	else if (mtu_lost(&p->path, heard))
		changed(n, p);
	if (p->path.failed) {
		peer_probe_narrow(n, p);
		return;
	}
	tell_tunnels(n, p);
	go_on(n, p);
}

void peer_probe_rx(struct node *n, struct peer *p, const struct linkmsg_probe *m)
{
	if (!m->answer) {
		if (m->size <= CPDP_PACKET_MAX)
			send_probe(n, p, m->id, m->size, true);
		return;
	}
	if (!timer_armed(&p->probe_timer) || m->id != p->path.id)
		return;
	if (p->narrow && m->size == MTU_BASE) {
		p->narrow = false;
		peer_wide(n, p);
		return;
	}
	if (mtu_answered(&p->path, m->id, m->size))
		changed(n, p);
	tell_tunnels(n, p);
	go_on(n, p);
}

void peer_too_big(struct node *n, struct peer *p, uint16_t size)
{
	if (!peer_up(p) || size > p->path.now)
		return;
	if (mtu_refused(&p->path, size))
		changed(n, p);
	tell_tunnels(n, p);
	go_on(n, p);
}

void peer_probe_bound(struct node *n, struct peer *p, uint16_t remote_mtu)
{
	if (p->remote_mtu == remote_mtu)
		return;
	p->remote_mtu = remote_mtu;
	if (!peer_up(p))
		return;
	if (mtu_set_bound(&p->path, bound_of(p)))
		changed(n, p);
	go_on(n, p);
}
