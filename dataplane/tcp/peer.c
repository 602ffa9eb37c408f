/* SPDX-License-Identifier: BSD-3-Clause */
/* Peers: announced, held, released, moved to another path; and what that means for their connections. */
#include "tcp/record.h"
#include "tcp/recovery.h"

#include <errno.h>

static struct tcp_peer *peer_at(struct tcp_stack *s, uint32_t peer)
{
	return peer < s->cfg.max_peers && s->peers[peer].set ? &s->peers[peer] : NULL;
}

/* Calls fn for each connection of the peer; fn may end the one it is given. */
static void each(struct tcp_stack *s, struct tcp_peer *p,
                 void (*fn)(struct tcp_stack *, struct conn *, int), int arg)
{
	for (uint32_t i = p->conns.head, next; i != CONN_NONE; i = next) {
		next = s->conns[i].of_peer.next;
		fn(s, &s->conns[i], arg);
	}
}

static void mss_changed(struct tcp_stack *s, struct conn *c, int arg)
{
	uint32_t was = c->mss;

	(void)arg;
	conn_update_mss(s, c);
	if (c->mss >= was || !c->rec.len)
		return;
	/* Segments cut for the old path may not fit: all that is outstanding is cut anew. No loss, so no blame. */
	rec_go_back(s, c);
	timer_rtx_stop(c);
	c->backoff = c->retries = 0;
	/* Duplicates of what had arrived tell of no loss (RFC 6582 3.2 step 1). */
	c->recover = c->snd_max;
	recovery_window(c);
	c->ca = CA_OPEN;
	c->frto = FRTO_NONE;
	c->flags &= ~(uint32_t)(CF_TLP_OUT | CF_TLP_RTX | CF_UNDO);
	conn_ready(s, c);
}

int tcp_peer_set(struct tcp_stack *s, uint32_t peer, uint16_t local_sum, uint16_t remote_sum,
                 uint16_t mss)
{
	struct tcp_peer *p;

	if (peer >= s->cfg.max_peers)
		return -EINVAL;
	p = &s->peers[peer];
	if (!p->set)
		p->held = false;
	p->set = true;
	p->local_sum = local_sum;
	p->remote_sum = remote_sum;
	tcp_peer_mtu(s, peer, mss);
	return 0;
}

void tcp_peer_mtu(struct tcp_stack *s, uint32_t peer, uint16_t mss)
{
	struct tcp_peer *p = peer_at(s, peer);

	if (!p)
		return;
	if (!mss)
		mss = s->cfg.mss_default;
	p->mss = mss < s->cfg.mss_min ? s->cfg.mss_min : mss;
	each(s, p, mss_changed, 0);
}

static void end_with(struct tcp_stack *s, struct conn *c, int error)
{
	conn_end(s, c, error, 0);
}

void tcp_peer_clear(struct tcp_stack *s, uint32_t peer, int error)
{
	struct tcp_peer *p = peer_at(s, peer);

	if (!p)
		return;
	each(s, p, end_with, error);
	p->set = p->held = false;
}

static void released(struct tcp_stack *s, struct conn *c, int arg)
{
	(void)arg;
	c->flags &= ~(uint32_t)CF_RTO_HELD;
	conn_heard(c);
	if (c->state == TCP_SYN_SENT || c->state == TCP_SYN_RCVD) {
		c->flags |= CF_SYN_DUE;
		timer_rtx_stop(c); /* a new time with what is sent */
		c->backoff = c->retries = 0;
	} else {
		recovery_restart(s, c);
		if (c->rtx_kind == RTX_PERSIST) {
			c->flags |= CF_PROBE_DUE;
			timer_rtx(s, c, RTX_PERSIST); /* not the user timeout alone */
		}
	}
	conn_ready(s, c);
}

void tcp_peer_hold(struct tcp_stack *s, uint32_t peer, bool hold)
{
	struct tcp_peer *p = peer_at(s, peer);

	if (!p || p->held == hold)
		return;
	p->held = hold;
	if (!hold)
		each(s, p, released, 0);
}

static void kick(struct tcp_stack *s, struct conn *c, int arg)
{
	(void)arg;
	conn_heard(c);
	c->backoff = c->retries = 0;
	if (c->state == TCP_SYN_SENT || c->state == TCP_SYN_RCVD) {
		c->flags |= CF_SYN_DUE;
		timer_rtx_stop(c); /* a new time with what is sent */
	} else if (c->rec.len) {
		c->flags = (c->flags & ~(uint32_t)CF_UNDO) | CF_RTX_HEAD;
		timer_rto_restart(s, c);
	} else if (c->rtx_kind == RTX_PERSIST) {
		c->flags |= CF_PROBE_DUE;
	} else {
		return;
	}
	conn_ready(s, c);
}

void tcp_path_up(struct tcp_stack *s, uint32_t peer)
{
	struct tcp_peer *p = peer_at(s, peer);

	if (p)
		each(s, p, kick, 0);
}

/* Whether an answer would have come by now, had the path been good. */
static bool overdue(const struct tcp_stack *s, const struct conn *c)
{
	int64_t wait = c->srtt ? 2 * c->srtt : c->rto;

	if (wait < s->cfg.tlp_min_ns)
		wait = s->cfg.tlp_min_ns;
	return c->rec.len ? s->now - rec_at(s, c, c->rec.head)->tx > wait : c->backoff > 0;
}

static void moved(struct tcp_stack *s, struct conn *c, int arg)
{
	(void)arg;
	if (overdue(s, c))
		kick(s, c, 0);
}

void tcp_path_moved(struct tcp_stack *s, uint32_t peer, struct instant now)
{
	struct tcp_peer *p = peer_at(s, peer);

	stack_time(s, now);
	if (p)
		each(s, p, moved, 0);
}

int tcp_kick(struct tcp_stack *s, uint32_t conn)
{
	struct conn *c = conn_app(s, conn);

	if (!c)
		return -EBADF;
	if (c->state != TCP_CLOSED && c->state != TCP_LISTEN)
		kick(s, c, 0);
	return 0;
}

static void soft_error(struct tcp_stack *s, struct conn *c, int error)
{
	c->soft_err = error;
	c->modes |= CM_UNREACHABLE;
	conn_warn(s, c);
}

/* How long a connection in this state may wait for a peer that cannot be reached; INT64_MAX: it waits for nothing. */
static int64_t may_wait(const struct conn *c, int64_t opening_ns, int64_t waiting_ns)
{
	bool fin = (c->flags & CF_FIN_QUEUED) && !conn_fin_acked(c);

	if (c->state == TCP_SYN_SENT || c->state == TCP_SYN_RCVD)
		return opening_ns;
	return c->snd.len || fin ? waiting_ns : INT64_MAX;
}

void tcp_peer_unreachable(struct tcp_stack *s, uint32_t peer, int error, int64_t opening_ns,
                          int64_t waiting_ns, struct instant now)
{
	struct tcp_peer *p = peer_at(s, peer);

	stack_time(s, now);
	if (!p)
		return;
	for (uint32_t i = p->conns.head, next; i != CONN_NONE; i = next) {
		struct conn *c = &s->conns[i];

		next = c->of_peer.next;
		if (s->now - c->una_moved >= may_wait(c, opening_ns, waiting_ns))
			conn_end(s, c, error, 0);
		else
			soft_error(s, c, error);
	}
}

static void restarted(struct tcp_stack *s, struct conn *c, int error)
{
	if (c->state == TCP_SYN_SENT)
		kick(s, c, 0);
	else
		conn_end(s, c, c->state == TCP_TIME_WAIT ? 0 : error, 0);
}

void tcp_peer_restarted(struct tcp_stack *s, uint32_t peer)
{
	struct tcp_peer *p = peer_at(s, peer);

	if (p)
		each(s, p, restarted, ECONNRESET);
}

uint32_t tcp_peer_live(const struct tcp_stack *s, uint32_t peer)
{
	return peer < s->cfg.max_peers ? s->peers[peer].live : 0;
}
