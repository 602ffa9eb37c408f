/* SPDX-License-Identifier: BSD-3-Clause */
/* Application calls that open and close: connect, listen, accept, shutdown, close, abort. */
#include "tcp/reass.h"

#include <errno.h>

int tcp_connect(struct tcp_stack *s, uint32_t peer, uint16_t port, uint32_t *conn)
{
	return tcp_connect_from(s, peer, 0, port, conn);
}

int tcp_connect_from(struct tcp_stack *s, uint32_t peer, uint16_t local_port, uint16_t port,
                     uint32_t *conn)
{
	struct conn *c;

	*conn = TCP_NO_CONN;
	if (peer >= s->cfg.max_peers || !s->peers[peer].set || !port)
		return -EINVAL;
	if (!local_port) {
		local_port = isn_port(s, peer, port);
		if (!local_port)
			return -EADDRNOTAVAIL;
	} else if (table_find(s, peer, local_port, port)) {
		return -EADDRINUSE;
	}
	c = conn_new(s, peer, local_port, port);
	if (!c)
		return -ENOBUFS;
	conn_defaults(s, c);
	conn_setup(s, c);
	conn_become(c, TCP_SYN_SENT);
	c->flags |= CF_APP | CF_SYN_DUE;
	if (s->cfg.connect_timeout_ns)
		timer_life(s, c, LIFE_CONNECT, s->cfg.connect_timeout_ns);
	conn_ready(s, c);
	*conn = conn_handle(c);
	return 0;
}

int tcp_set_backlog(struct tcp_stack *s, uint32_t listener, uint32_t backlog)
{
	struct conn *l = conn_app(s, listener);

	if (!l)
		return -EBADF;
	if (l->state != TCP_LISTEN)
		return -EINVAL;
	l->backlog = backlog < 1 ? 1 : backlog > s->cfg.backlog_max ? s->cfg.backlog_max : backlog;
	return 0;
}

int tcp_listen(struct tcp_stack *s, uint16_t port, uint32_t backlog, uint32_t *listener)
{
	struct conn *l;

	*listener = TCP_NO_CONN;
	if (!port)
		return -EINVAL;
	if (table_find(s, TABLE_LISTEN, port, 0))
		return -EADDRINUSE;
	l = conn_new(s, TABLE_LISTEN, port, 0);
	if (!l)
		return -ENOBUFS;
	conn_become(l, TCP_LISTEN);
	l->flags = CF_APP;
	conn_defaults(s, l);
	tcp_set_backlog(s, conn_handle(l), backlog);
	*listener = conn_handle(l);
	return 0;
}

int tcp_accept(struct tcp_stack *s, uint32_t listener, uint32_t *conn)
{
	struct conn *l = conn_app(s, listener), *c;
	struct conn_list q;
	uint32_t events;

	*conn = TCP_NO_CONN;
	if (!l)
		return -EBADF;
	if (l->state != TCP_LISTEN)
		return -EINVAL;
	if (l->acc_head == CONN_NONE)
		return -EAGAIN;
	c = &s->conns[l->acc_head];
	COYO_ASSERT((c->flags & CF_QUEUED) && l->acc_used && l->acc_used <= l->backlog_used);
	q = (struct conn_list){l->acc_head, l->acc_tail};
	LIST_DEL(s, &q, c, queue);
	l->acc_head = q.head;
	l->acc_tail = q.tail;
	l->acc_used--;
	l->backlog_used--;
	c->parent = CONN_NONE;
	c->flags = (c->flags & ~(uint32_t)CF_QUEUED) | CF_APP;
	/* What happened before it had an owner is told now. */
	events = c->ev_flags;
	conn_event(s, c, events);
	*conn = conn_handle(c);
	return 0;
}

/* FIN after what is queued. */
static void queue_fin(struct tcp_stack *s, struct conn *c)
{
	if (c->flags & CF_FIN_QUEUED)
		return;
	c->flags |= CF_FIN_QUEUED;
	if (!c->snd.len)
		c->una_moved = s->now; /* it waits from now on */
	if (c->state == TCP_ESTABLISHED)
		conn_become(c, TCP_FIN_WAIT_1);
	else if (c->state == TCP_CLOSE_WAIT)
		conn_become(c, TCP_LAST_ACK);
	conn_ready(s, c);
}

int tcp_shutdown(struct tcp_stack *s, uint32_t conn)
{
	struct conn *c = conn_app(s, conn);

	if (!c)
		return -EBADF;
	if (c->state == TCP_CLOSED || c->state == TCP_LISTEN)
		return -ENOTCONN;
	queue_fin(s, c);
	return 0;
}

static void listener_close(struct tcp_stack *s, struct conn *l)
{
	for (uint32_t i = 0; i < s->fresh && l->backlog_used; i++) {
		struct conn *c = &s->conns[i];

		if (c->index == i && c->state != TCP_CLOSED && c->parent == l->index)
			conn_reset(s, c, ECONNABORTED);
	}
	conn_let_go(s, l);
	conn_end(s, l, 0, 0);
}

int tcp_close(struct tcp_stack *s, uint32_t conn)
{
	struct conn *c = conn_app(s, conn);

	if (!c)
		return -EBADF;
	if (c->state == TCP_LISTEN) {
		listener_close(s, c);
		return 0;
	}
	conn_let_go(s, c);
	if (c->state == TCP_CLOSED) {
		conn_free(s, c);
	} else if (c->state == TCP_SYN_SENT) {
		conn_end(s, c, 0, 0);
	} else if (c->state == TCP_TIME_WAIT) {
		/* Nobody reads any more; the peer had its acknowledgement. */
		tcp_buf_free(&s->pool, &c->rcv);
		reass_free(s, c);
	} else if (c->rcv.len || c->n_ooo || ((c->modes & CM_LINGER) && !c->linger_ms)) {
		conn_reset(s, c, ECONNABORTED);
	} else {
		queue_fin(s, c);
		if (c->state == TCP_FIN_WAIT_2)
			timer_life(s, c, LIFE_FIN_WAIT_2, s->cfg.fin_wait2_ns);
		else if (c->modes & CM_LINGER)
			timer_life(s, c, LIFE_LINGER, (int64_t)c->linger_ms * NS_PER_MS);
	}
	return 0;
}

int tcp_abort(struct tcp_stack *s, uint32_t conn)
{
	struct conn *c = conn_app(s, conn);

	if (!c)
		return -EBADF;
	if (c->state == TCP_LISTEN) {
		listener_close(s, c);
		return 0;
	}
	conn_let_go(s, c);
	if (c->state == TCP_CLOSED)
		conn_free(s, c);
	else
		conn_reset(s, c, ECONNABORTED);
	return 0;
}

int tcp_set_user(struct tcp_stack *s, uint32_t conn, uint64_t user)
{
	struct conn *c = conn_app(s, conn);

	if (!c)
		return -EBADF;
	c->user = user;
	return 0;
}

int tcp_set_charge(struct tcp_stack *s, uint32_t conn, struct tcp_charge *charge)
{
	struct conn *c = conn_app(s, conn);

	if (!c)
		return -EBADF;
	if (c->state == TCP_LISTEN) {
		c->charge = charge;
		return 0;
	}
	conn_uncharge(c);
	if (charge && c->state != TCP_CLOSED && c->state != TCP_TIME_WAIT) {
		tcp_charge_add(charge);
		c->charge = charge;
	}
	return 0;
}

bool tcp_take_charge(struct tcp_stack *s, uint32_t conn)
{
	struct conn *c = conn_app(s, conn);
	bool charged = c && c->state != TCP_LISTEN && c->charge;

	if (charged)
		c->charge = NULL;
	return charged;
}
