/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether the neighbour is alive: any authentic packet shows it; hellos are sent only when none has come for a while. One of them says that
 * the link goes. */
#include "peer/peer.h"

#include "base/assert.h"
#include <string.h>

/* A tick at which this thread ran too late proves nothing about the neighbour and is not counted as a miss. After so many in one silence
 * the machine is just slow, and ticks count. */
#define LATE_TICKS_MAX 8

#define LEAVE_AGAIN (500 * NS_PER_MS)

/* An answer may be late by so much more than the round trip says: threads of both machines run when they get to it. */
#define GRAIN (10 * NS_PER_MS)
/* Links whose round trip is shorter than SHORT_RTT wait no longer for an answer than SHORT_WAIT: one late answer must not make them slow
 * to notice that a cable is cut (within 1 s). All misses together still outlast any round trip after which srtt is below SHORT_RTT. */
#define SHORT_RTT  (50 * NS_PER_MS)
#define SHORT_WAIT (190 * NS_PER_MS)
#define RTT_BELIEVED \
	(10 *        \
	 NS_PER_S) /* longer ones are said, not measured: this node's own patience depends on them */
#define FIRST_WAIT    NS_PER_S          /* while the round trip is not known */
#define SLOWEST_EVERY (250 * NS_PER_MS) /* the longest link is looked for again */
#define SLOW_HOPS_MAX 8                 /* that a path may have of such length */
/* Shortest wait on a link that is not in use: nobody is in a hurry, and all of them outlast a round trip of 0.8 s. */
#define IDLE_WAIT (230 * NS_PER_MS)
/* Whoever was heard so lately is not asked because of a set-up. */
#define JUST_HEARD (50 * NS_PER_MS)

/* A link is in use while data crossed it lately or a tunnel stands on it. */
#define USED_NS (10 * NS_PER_S)

static bool in_use(const struct node *n, const struct peer *p)
{
	return p->tunnels > 0 || (p->used.ns && instant_sub(n->now, p->used) < USED_NS);
}

void peer_rtt_sample(struct peer *p, int64_t rtt_ns)
{
	int64_t off = rtt_ns > p->rtt_ns ? rtt_ns - p->rtt_ns : p->rtt_ns - rtt_ns;

	COYO_ASSERT(rtt_ns >= 0);
	p->rttvar_ns = p->rtt_ns < 0 ? rtt_ns / 2 : (3 * p->rttvar_ns + off) / 4;
	p->rtt_ns = p->rtt_ns < 0 ? rtt_ns : (7 * p->rtt_ns + rtt_ns) / 8;
}

int64_t peer_answer_wait(const struct peer *p)
{
	return p->rtt_ns < 0 ? FIRST_WAIT : p->rtt_ns + 4 * p->rttvar_ns + GRAIN;
}

int64_t peers_slow_ns(struct node *n, unsigned hops)
{
	struct peers *ps = n->peers;
	struct peer *p;

	if (!ps->slowest_at.ns || instant_sub(n->now, ps->slowest_at) >= SLOWEST_EVERY) {
		ps->slowest_at = n->now;
		ps->slowest_ns = 0;
		TAILQ_FOREACH (p, &ps->list, next)
			if (peer_up(p) && p->rtt_ns > ps->slowest_ns)
				ps->slowest_ns = p->rtt_ns;
	}
	if (ps->slowest_ns < SHORT_RTT)
		return 0;
	return ps->slowest_ns * (hops < 1 ? 1 : hops > SLOW_HOPS_MAX ? SLOW_HOPS_MAX : hops);
}

/* Silence allowed before the first hello. Later hellos follow faster, but not before an answer could have arrived; the last one is given
 * longer, so that a link whose round trip has just become 0.8 s hears from its neighbour in time. */
static int64_t interval(const struct node *n, const struct peer *p)
{
	int64_t least = in_use(n, p) || p->urgent ? n->cfg.hello_active_ns / 2 : IDLE_WAIT;
	int64_t wait = peer_answer_wait(p);

	if (p->missed == 0)
		return in_use(n, p) ? n->cfg.hello_active_ns : n->cfg.hello_idle_ns;
	if (p->rtt_ns >= 0 && p->rtt_ns < SHORT_RTT && wait > SHORT_WAIT)
		wait = SHORT_WAIT;
	if (wait < least)
		wait = least;
	return p->missed < n->cfg.hello_misses ? wait : wait * 8 / 5;
}

static void rearm(struct node *n, struct peer *p)
{
	arm(n, &p->live_timer, TIMER_PEER_LIVENESS, p, interval(n, p));
}

void peer_hello_tx(struct node *n, struct peer *p, bool reply_wanted)
{
	peer_hello_flags_tx(n, p, reply_wanted ? HELLO_FLAG_REPLY_WANTED : 0);
}

void peer_hello_flags_tx(struct node *n, struct peer *p, uint8_t flags)
{
	struct linkmsg_hello m = {0};
	uint8_t buf[128];
	struct wr w = wr_init(buf, sizeof(buf));

	m.sent_us = (uint64_t)(n->now.ns / NS_PER_US);
	m.echo_us = p->hello_heard_us;
	m.held_us = p->hello_heard_us
	                    ? (uint32_t)(instant_sub(n->now, p->hello_heard_at) / NS_PER_US)
	                    : 0;
	m.flags = p->leave_told ? flags | HELLO_FLAG_LEAVING : flags;
	m.epoch = p->local_epoch;
	m.mtu = p->cfg.io.mtu;
	m.id = n->cfg.identity->id;
	linkmsg_hello_write(&w, &m);
	peer_send_local(n, p, buf, wr_len(&w));
}

void peer_heard(struct node *n, struct peer *p, struct instant at)
{
	if (instant_before(at, p->heard))
		return;
	p->heard = at;
	/* A packet from before the hello is no answer to it: the link may have died in between. */
	if (p->missed && !instant_before(at, p->asked)) {
		p->missed = 0;
		p->urgent = false;
		if (peer_up(p))
			rearm(n, p);
	}
}

void peer_used(struct node *n, struct peer *p)
{
	bool was = in_use(n, p);

	p->used = n->now;
	if (!was && peer_up(p))
		rearm(n, p);
}

void peer_tunnels(struct node *n, struct peer *p, int step)
{
	bool was = in_use(n, p);

	COYO_ASSERT(step > 0 || p->tunnels > 0);
	p->tunnels = (uint32_t)((int64_t)p->tunnels + step);
	if (!was && in_use(n, p) && peer_up(p) && !p->missed)
		rearm(n, p);
}

void peer_live_start(struct node *n, struct peer *p)
{
	p->missed = 0;
	p->urgent = false;
	p->heard = n->now;
	rearm(n, p);
}

/* The workers have sent the hello. The time this machine took to do so does not count as the neighbour's silence: the wait for its
 * answer begins now. */
static void hello_sent(struct node *n, void *owner)
{
	struct peer *p = owner;

	if (p->missed && !instant_reached(p->live_timer.at, n->now))
		rearm(n, p);
}

static void await_answer(struct node *n, struct peer *p)
{
	rearm(n, p);
	ticket_wait(n, &p->live_ticket, hello_sent, p);
}

void peer_live_ask(struct node *n, struct peer *p)
{
	p->missed = 1;
	p->late = 0;
	p->asked = n->now;
	await_answer(n, p);
}

void peer_live_urge(struct node *n, struct peer *p)
{
	if (!peer_up(p) || p->urgent || instant_sub(n->now, p->heard) < JUST_HEARD)
		return;
	p->urgent = true;
	if (p->missed) {
		if (instant_sub(p->live_timer.at, n->now) > interval(n, p))
			rearm(n, p);
		return;
	}
	peer_live_ask(n, p);
	peer_hello_tx(n, p, true);
}

void peer_live_stop(struct node *n, struct peer *p)
{
	disarm(n, &p->live_timer);
	ticket_cancel(n, &p->live_ticket);
}

/* Whether this thread ran much later than the timer asked: answers may be waiting that it has not seen yet. */
static bool tick_was_late(const struct node *n, struct peer *p)
{
	if (instant_sub(n->now, p->live_timer.at) < interval(n, p) / 2 || p->late == LATE_TICKS_MAX)
		return false;
	p->late++;
	return true;
}

/* TIMER_PEER_LIVENESS. */
void peer_live_tick(struct node *n, struct peer *p)
{
	int64_t silent = instant_sub(n->now, p->heard);

	if (p->live_ticket.waiting) {
		rearm(n, p);
		return;
	}
	if (!p->missed && silent < interval(n, p)) {
		/* Data alone keeps the link alive but measures nothing. The probe brings a hello along. */
		if (in_use(n, p) && instant_sub(n->now, p->path.sent) >= n->cfg.hello_idle_ns)
			peer_probe_check(n, p);
		arm(n, &p->live_timer, TIMER_PEER_LIVENESS, p, interval(n, p) - silent);
		return;
	}
	if (!p->missed) {
		p->late = 0;
		p->missed = 1;
		p->asked = n->now;
	} else if (tick_was_late(n, p)) {
		p->missed = 1; /* count misses anew from this hello */
	} else if (p->missed >= n->cfg.hello_misses) {
		peer_address_next(n, p); /* the first handshake need not go where nobody answers */
		peer_down(n, p, "no answer to hellos");
		return;
	} else {
		p->missed++;
	}
	peer_hello_tx(n, p, true);
	await_answer(n, p);
}

/* A plain link has no handshake: the first hello from the neighbour brings it up. */
static void plain_hello(struct node *n, struct peer *p, const struct linkmsg_hello *m)
{
	if (p->cfg.expect_id && !id_eq(&p->cfg.id, &m->id)) {
		count(n, CTR_HS_WRONG_ID);
		return;
	}
	if (id_eq(&m->id, &n->cfg.identity->id))
		return;
	if (peer_up(p) && (p->remote_epoch != m->epoch || !id_eq(&p->id, &m->id)))
		peer_restarted(n, p);
	if (!peer_up(p) && p->state != PEER_GONE && p->carrier) {
		p->id = m->id;
		p->known = true;
		p->remote_epoch = m->epoch;
		p->remote_mtu = m->mtu;
		peer_plain_up(n, p);
	}
}

/* ---- the end of a link in good order ---- */

/* The neighbour need not find out by silence; a lost goodbye costs it that, no more. */
void peer_say_goodbye(struct node *n, struct peer *p)
{
	if (peer_up(p))
		peer_hello_flags_tx(n, p, HELLO_FLAG_GONE);
}

void peers_say_goodbye(struct node *n)
{
	struct peer *p;

	TAILQ_FOREACH (p, &n->peers->list, next)
		peer_say_goodbye(n, p);
}

static void leave_tell(struct node *n, struct peer *p)
{
	peer_hello_tx(n, p, true);
	arm(n, &p->leave_timer, TIMER_PEER_LEAVE, p, LEAVE_AGAIN);
	n->news->peer_leaves(n, p);
}

void peer_leave(struct node *n, uint16_t link)
{
	struct peer *p = peer_by_link(n, link);

	if (!p || !peer_up(p) || p->tunnels == 0) {
		peer_del(n, link);
		return;
	}
	if (p->leave_told)
		return;
	p->leaving = true;
	p->leave_told = 1;
	leave_tell(n, p);
}

void peer_leave_tick(struct node *n, struct peer *p)
{
	if (!peer_up(p) || p->tunnels == 0 || p->leave_told++ == LEAVE_TIMES)
		peer_del(n, p->link);
	else
		leave_tell(n, p);
}

/* The neighbour says by HELLO_FLAG_* that the link is about to be removed, or goes now. */
static void leave_rx(struct node *n, struct peer *p, uint8_t flags)
{
	if (!peer_up(p))
		return;
	if (flags & HELLO_FLAG_GONE) {
		peer_down(n, p, "the neighbour closed the link");
		return;
	}
	if (p->leave_told)
		return;
	p->leaving = true;
	n->news->peer_leaves(n, p);
}

/* ---- what the neighbour says ---- */

/* The first one takes the place of what the handshake has told, in which both sides computed, and waited for their workers. */
static void hello_sample(struct peer *p, int64_t rtt_ns)
{
	if (!p->rtt_by_hello)
		p->rtt_ns = -1;
	p->rtt_by_hello = true;
	peer_rtt_sample(p, rtt_ns);
}

void peer_hello_rx(struct node *n, struct peer *p, const struct linkmsg_hello *m)
{
	p->hello_heard_us = m->sent_us;
	p->hello_heard_at = n->now;
	if (m->flags & (HELLO_FLAG_LEAVING | HELLO_FLAG_GONE))
		leave_rx(n, p, m->flags);
	else
		p->leaving = p->leave_told > 0;
	if (m->flags & HELLO_FLAG_GONE)
		return;
	if (!p->cfg.io.sealed)
		plain_hello(n, p, m);
	if (!peer_up(p)) {
		/* A neighbour that takes the link for up is to find out by its probes, not by silence. */
		if (p->narrow && (m->flags & HELLO_FLAG_REPLY_WANTED))
			peer_hello_tx(n, p, false);
		return;
	}
	if (m->flags & HELLO_FLAG_NARROW) {
		peer_probe_narrow(n, p);
		return;
	}
	/* The echo must be a time that this node's clock can have shown, and none from before one that came back already. */
	if (m->echo_us && m->echo_us >= p->echoed_us &&
	    m->echo_us <= (uint64_t)(n->now.ns / NS_PER_US)) {
		int64_t rtt = n->now.ns - (int64_t)m->echo_us * NS_PER_US -
		              (int64_t)m->held_us * NS_PER_US;

		if (rtt >= 0 && rtt < RTT_BELIEVED)
			hello_sample(p, rtt);
		p->echoed_us = m->echo_us;
	}
	if (m->flags & HELLO_FLAG_REPLY_WANTED)
		peer_hello_tx(n, p, false);
}
