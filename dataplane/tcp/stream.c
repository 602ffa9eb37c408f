/* SPDX-License-Identifier: BSD-3-Clause */
/* Application calls that move bytes: send and receive, copying or in place; receive-window growth. */
#include "tcp/push.h"
#include "tcp/stack.h"

#include <errno.h>

/* Why a closed connection takes and gives nothing: its error, told once, then `after`. */
static int64_t closed_error(struct conn *c, int64_t after)
{
	if (!c->err || (c->flags & CF_ERR_TOLD))
		return after;
	c->flags |= CF_ERR_TOLD;
	return -c->err;
}

/* 0: may send; else what to return. */
static int64_t send_refused(struct conn *c)
{
	if (c->state == TCP_LISTEN)
		return -ENOTCONN;
	if (c->state == TCP_CLOSED)
		return closed_error(c, -EPIPE);
	return c->flags & CF_FIN_QUEUED || c->state == TCP_TIME_WAIT ? -EPIPE : 0;
}

/* WRITABLE is owed. Without anything queued no acknowledgement will bring it, so a timer does. */
static int64_t send_later(struct tcp_stack *s, struct conn *c)
{
	c->flags |= CF_WANT_WRITE;
	if (!c->snd.len && conn_synchronized(c) && c->rtx_at == INT64_MAX) {
		c->rtx_kind = RTX_PERSIST;
		c->rtx_at = s->now + s->cfg.rto_min_ns;
		timer_set(s, c, c->rtx_at);
	}
	return -EAGAIN;
}

static void sent(struct tcp_stack *s, struct conn *c, uint32_t n)
{
	/* From here on data waits, also where the peer is held and nothing can be sent. */
	if (!c->snd.len)
		c->una_moved = s->now;
	c->snd.len += n;
	c->modes &= ~(uint32_t)CM_PUSH;
	if (conn_synchronized(c))
		conn_ready(s, c);
}

static uint32_t send_space(const struct conn *c)
{
	return c->snd.len < c->snd_limit ? c->snd_limit - c->snd.len : 0;
}

int64_t tcp_send(struct tcp_stack *s, uint32_t conn, const void *data, size_t len)
{
	struct conn *c = conn_app(s, conn);
	uint32_t n, space;
	int64_t rc;

	if (!c)
		return -EBADF;
	rc = send_refused(c);
	if (rc || !len)
		return rc;
	space = send_space(c);
	n = len < space ? (uint32_t)len : space;
	n = tcp_buf_write(&s->pool, &c->snd, c->snd.head + c->snd.len, data, n);
	if (!n)
		return send_later(s, c);
	if (n < len)
		c->flags |= CF_WANT_WRITE;
	sent(s, c, n);
	return n;
}

int64_t tcp_send_urgent(struct tcp_stack *s, uint32_t conn, const void *data, size_t len)
{
	int64_t n = tcp_send(s, conn, data, len);
	struct conn *c = conn_app(s, conn);

	if (n > 0) {
		c->snd_up = conn_data_end(c);
		c->modes |= CM_SND_URGENT;
	}
	return n;
}

int64_t tcp_send_reserve(struct tcp_stack *s, uint32_t conn, void **piece)
{
	struct conn *c = conn_app(s, conn);
	uint32_t space, room;
	int64_t rc;

	*piece = NULL;
	if (!c)
		return -EBADF;
	rc = send_refused(c);
	if (rc)
		return rc;
	space = send_space(c);
	if (!space || tcp_buf_ensure(&s->pool, &c->snd, c->snd.head + c->snd.len))
		return send_later(s, c);
	*piece = tcp_buf_at(&s->pool, &c->snd, c->snd.head + c->snd.len, &room);
	return room < space ? room : space;
}

int tcp_send_commit(struct tcp_stack *s, uint32_t conn, size_t len)
{
	struct conn *c = conn_app(s, conn);
	uint32_t chunk, at;

	if (!c)
		return -EBADF;
	if (send_refused(c))
		return -EPIPE;
	if (!len)
		return 0;
	/* At most what was reserved: the rest of one chunk, within the limit. */
	chunk = tcp_pool_chunk_bytes(&s->pool);
	at = c->snd.head + c->snd.len;
	if (len > chunk - (at & (chunk - 1)) || len > send_space(c) ||
	    !*tcp_buf_slot(&s->pool, &c->snd, at))
		return -EINVAL;
	sent(s, c, (uint32_t)len);
	return 0;
}

/* The sender used the whole window within a round trip and the reader kept up: offer more (dynamic right-sizing). */
static void window_grow(struct tcp_stack *s, struct conn *c, uint32_t n)
{
	uint64_t want;

	c->drs_copied += n;
	if (!c->rcv_rtt || s->now - c->drs_at < c->rcv_rtt)
		return;
	want = 2 * (uint64_t)c->drs_copied;
	if (want > c->rcv_limit && stack_may_grow(s))
		c->rcv_limit = want < c->rcv_limit_max ? (uint32_t)want : c->rcv_limit_max;
	c->drs_copied = 0;
	c->modes |= CM_DRS_NEW;
	c->drs_at = s->now;
	c->drs_seq = c->rcv_adv;
}

/* n bytes more were read, and have left the buffer. */
static void was_read(struct tcp_stack *s, struct conn *c, uint32_t n)
{
	uint32_t told, room, gain, step, most;

	if ((c->modes & CM_RCV_URGENT) && seq_geq(conn_read_seq(c), c->rcv_up))
		c->modes &= ~(uint32_t)CM_RCV_URGENT;
	if (c->state != TCP_ESTABLISHED && c->state != TCP_FIN_WAIT_1 && c->state != TCP_FIN_WAIT_2)
		return;
	window_grow(s, c, n);
	told = seq_gt(c->rcv_adv, c->rcv_nxt) ? c->rcv_adv - c->rcv_nxt : 0;
	told = told >> c->rcv_ws << c->rcv_ws; /* as the peer was shown it */
	room = conn_rcv_window(c);
	most = 65535u << c->rcv_ws; /* what the field can tell */
	room = room < most ? room : most;
	most = c->rcv_limit < most ? c->rcv_limit : most;
	gain = room > told ? room - told : 0;
	step = c->mss < c->rcv_limit / 2 ? c->mss : c->rcv_limit / 2;
	/* Acknowledgements of data carry the window; one is sent for its sake only where the peer may be waiting. */
	if ((gain >= most / 4 && gain >= 2 * c->mss) || (told < 2 * c->mss && gain >= step))
		conn_ack_now(s, c);
}

static void consumed(struct tcp_stack *s, struct conn *c, uint32_t n)
{
	tcp_buf_drop(&s->pool, &c->rcv, n, c->n_ooo != 0);
	was_read(s, c, n);
}

/* 0: bytes are there; else what to return. *end: it is the end of the stream. */
static int64_t recv_refused(struct conn *c, bool *end)
{
	*end = false;
	if (c->state == TCP_LISTEN)
		return -ENOTCONN;
	if (c->rcv.len)
		return 0;
	*end = true;
	if (c->flags & CF_FIN_RCVD)
		return 0;
	if (c->state == TCP_CLOSED)
		return closed_error(c, 0);
	*end = false;
	return -EAGAIN;
}

int64_t tcp_recv(struct tcp_stack *s, uint32_t conn, void *out, size_t len)
{
	struct conn *c = conn_app(s, conn);
	uint32_t n;
	bool end;
	int64_t rc;

	if (!c)
		return -EBADF;
	rc = recv_refused(c, &end);
	if (rc || end || !len)
		return rc;
	n = len < c->rcv.len ? (uint32_t)len : c->rcv.len;
	tcp_buf_read(&s->pool, &c->rcv, c->rcv.head, out, n);
	consumed(s, c, n);
	return n;
}

int64_t tcp_peek(const struct tcp_stack *s, uint32_t conn, uint32_t offset, void *out, size_t len)
{
	const struct conn *c = conn_app(s, conn);
	uint32_t n;

	if (!c)
		return -EBADF;
	if (c->state == TCP_LISTEN)
		return -ENOTCONN;
	if (offset >= c->rcv.len) {
		bool end = (c->flags & CF_FIN_RCVD) || c->state == TCP_CLOSED;

		/* The connection's error is left for tcp_recv() to tell. */
		return end ? 0 : -EAGAIN;
	}
	n = c->rcv.len - offset;
	if (len < n)
		n = (uint32_t)len;
	tcp_buf_read(&s->pool, &c->rcv, c->rcv.head + offset, out, n);
	return n;
}

int64_t tcp_recv_peek(struct tcp_stack *s, uint32_t conn, const void **piece)
{
	struct conn *c = conn_app(s, conn);
	uint32_t room;
	bool end;
	int64_t rc;

	*piece = NULL;
	if (!c)
		return -EBADF;
	rc = recv_refused(c, &end);
	if (rc || end)
		return rc;
	*piece = tcp_buf_at(&s->pool, &c->rcv, c->rcv.head, &room);
	return room < c->rcv.len ? room : c->rcv.len;
}

int tcp_recv_consume(struct tcp_stack *s, uint32_t conn, size_t len)
{
	struct conn *c = conn_app(s, conn);

	if (!c)
		return -EBADF;
	if (c->state == TCP_LISTEN || len > c->rcv.len)
		return -EINVAL;
	if (len)
		consumed(s, c, (uint32_t)len);
	return 0;
}

int tcp_recv_post(struct tcp_stack *s, uint32_t conn, void *to, size_t room)
{
	struct conn *c = conn_app(s, conn);

	if (!c)
		return -EBADF;
	if (c->state == TCP_LISTEN)
		return -ENOTCONN;
	if (c->modes & CM_POSTED)
		return -EINVAL;
	c->posted = to;
	c->posted_room = room < UINT32_MAX ? (uint32_t)room : UINT32_MAX;
	c->posted_len = 0;
	c->modes |= CM_POSTED;
	return 0;
}

int64_t tcp_recv_posted(struct tcp_stack *s, uint32_t conn)
{
	struct conn *c = conn_app(s, conn);

	if (!c)
		return -EBADF;
	if (!(c->modes & CM_POSTED))
		return 0;
	c->modes &= ~(uint32_t)CM_POSTED;
	if (c->posted_len)
		was_read(s, c, c->posted_len);
	return c->posted_len;
}

bool tcp_recv_more(const struct tcp_stack *s, uint32_t conn)
{
	const struct conn *c = conn_app(s, conn);

	return c && (c->modes & (CM_RCV_MORE | CM_RCV_URGENT)) == CM_RCV_MORE && !c->n_ooo &&
	       (c->state == TCP_ESTABLISHED || c->state == TCP_FIN_WAIT_1 ||
	        c->state == TCP_FIN_WAIT_2);
}

void tcp_send_more(struct tcp_stack *s, uint32_t conn, bool more)
{
	struct conn *c = conn_app(s, conn);

	if (c)
		c->modes = more ? c->modes | CM_SND_MORE : c->modes & ~(uint32_t)CM_SND_MORE;
}
