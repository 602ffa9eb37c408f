/* SPDX-License-Identifier: BSD-3-Clause */
/* Applications' streams on the worker's side: what their users ask for becomes TCP calls, what TCP tells becomes news. */
#include "session/stream.h"
#include "session/direct.h"
#include "session/hold.h"
#include "session/lowat.h"
#include "session/news.h"
#include "tcp/push.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- bytes ---- */

/* The connection has ended with err (positive errno), and all that was received before it has been handed over. */
static void failed(struct worker_sessions *s, struct app_stream *st, int err)
{
	if (st->ended)
		return;
	st->ended = true;
	if (st->connecting) {
		st->connecting = false;
		news_failed(s, st, err);
		return;
	}
	news_ended(s, st, err);
}

/* The connection has ended badly. What was received before it stays readable, and is handed over first. */
static void broke(struct app_stream *st, int err)
{
	if (st->broken)
		return;
	st->broken = true;
	st->err = err;
}

uint32_t stream_unsent(struct app_stream *st)
{
	uint32_t n = bytering_used(&st->side.out);

	/* Whoever has let go writes no more, and what is written all the same must not keep the stream for ever. */
	return st->closing ? (uint32_t)min_u64(n, st->last - st->side.out.mine) : n;
}

/* An application that waits for room is woken by a system call: when half of the ring is free, so that it does not wait again for the next bytes. */
static bool worth_waking(struct app_stream *st)
{
	return !st->port ||
	       (bytering_used(&st->side.out) <= st->side.out.cap / 2 && lowat_below(st));
}

/* Moves bytes from the application to TCP. The flag is read before the ring: the gateway sets it after its last byte, so that no FIN
 * overtakes bytes. */
static void pump_out(struct worker_sessions *s, struct app_stream *st)
{
	bool last = atomic_load(&st->side.shared->asked) & STREAM_SHUT;
	struct bytering *r = &st->side.out;
	uint32_t moved = 0, fenced = 0;

	for (;;) {
		const void *from;
		void *to;
		uint32_t n = bytering_peek(r, &from);
		int64_t room;

		if (unlikely_(st->closing))
			n = (uint32_t)min_u64(n, stream_unsent(st));
		if (n && unlikely_(st->notsent != 0)) {
			n = (uint32_t)min_u64(n, lowat_allows(s, st));
			if (n == 0) {
				lowat_wait(s, st);
				last = false;
			}
		}
		/* Who writes behind bytes that are not taken yet kicks nobody: see stream_written() of libcoyo. */
		if (n == 0 && fenced != moved) {
			fenced = moved;
			atomic_thread_fence(memory_order_seq_cst);
			continue;
		}
		if (n == 0)
			break;
		room = tcp_send_reserve(s->tcp, st->conn, &to);
		if (room <= 0) {
			if (room < 0 && room != -EAGAIN) {
				broke(st, (int)-room);
				st->err_taken = true;
			}
			last = false;
			break;
		}
		if (n > (uint64_t)room)
			n = (uint32_t)room;
		memcpy(to, from, n);
		tcp_send_commit(s->tcp, st->conn, n);
		bytering_consume(r, n);
		moved += n;
	}
	if (moved)
		tcp_send_more(s->tcp, st->conn, stream_unsent(st) > 0);
	if (moved && worth_waking(st) && atomic_exchange(&st->side.shared->out_full, 0))
		news_room(s, st);
	if (last && !st->shut) {
		st->shut = true;
		tcp_shutdown(s->tcp, st->conn);
	}
}

/* Nothing is left to hand over: n is what tcp_recv_peek() said. Returns whether the user must be told. */
static bool received_all(struct worker_sessions *s, struct app_stream *st, int64_t n)
{
	bool end = n == 0 && (!st->err_taken || st->hangup) &&
	           !(atomic_load(&st->side.shared->told) & STREAM_EOF);

	if (end)
		atomic_fetch_or(&st->side.shared->told, STREAM_EOF);
	if (n < 0 && n != -EAGAIN)
		broke(st, (int)-n);
	if (st->broken)
		failed(s, st, st->err);
	return end;
}

/* What came straight into the ring since the last look belongs to the application now. Returns whether anything did. */
static bool take_posted(struct worker_sessions *s, struct app_stream *st)
{
	int64_t n = tcp_recv_posted(s->tcp, st->conn);

	if (n <= 0)
		return false;
	bytering_commit(&st->side.in, (size_t)n);
	return true;
}

/* What comes next goes straight into the ring, as far as that is free in one piece. */
static void post_room(struct worker_sessions *s, struct app_stream *st)
{
	void *to;
	uint32_t room = bytering_reserve(&st->side.in, &to);

	if (room)
		tcp_recv_post(s->tcp, st->conn, to, room);
}

/* Moves bytes from TCP to the application. */
static void pump_in(struct worker_sessions *s, struct app_stream *st, struct instant now)
{
	struct bytering *r = &st->side.in;
	bool moved = take_posted(s, st), now_due = false;

	for (;;) {
		const void *from;
		void *to;
		int64_t n = tcp_recv_peek(s->tcp, st->conn, &from);
		uint32_t room;

		if (n <= 0) {
			now_due = received_all(s, st, n);
			break;
		}
		room = bytering_reserve(r, &to);
		if (room == 0) {
			/* Set the flag, then look again: the gateway may have made room before it could see the flag. */
			atomic_exchange(&st->side.shared->in_full, 1);
			room = bytering_reserve(r, &to);
			if (room == 0) {
				now_due = true;
				break;
			}
		}
		if (n > room)
			n = room;
		memcpy(to, from, (size_t)n);
		bytering_commit(r, (size_t)n);
		tcp_recv_consume(s->tcp, st->conn, (size_t)n);
		moved = true;
	}
	if (now_due)
		hold_give(s, st);
	else if (moved)
		hold_in(s, st, now);
	if (!st->ended)
		post_room(s, st);
}

static void detach(struct worker_sessions *s, struct app_stream *st, struct instant now)
{
	struct remote *p;

	ending_forget(s, st);
	lowat_forget(s, st);
	hold_forget(s, st);
	news_gone(s, st);
	if (st->remote == SESS_NONE)
		return;
	direct_forget(s, st);
	p = &s->remotes[st->remote];
	COYO_ASSERT(p->used && p->streams > 0);
	p->streams--;
	s->look |= p->streams == 0;
	remote_update(s, st->remote, now);
	/* Nothing was ever sent to it: nobody looks for it later. */
	remote_release(s, st->remote);
	st->remote = SESS_NONE;
}

/* Whether something of the stream is still to reach the peer. FIN follows what was written, except where bytes lie unread: then a reset
 * does, as with any TCP socket (RFC 2525, section 2.17). */
static bool unfinished(struct worker_sessions *s, struct app_stream *st)
{
	struct tcp_info info;

	if (stream_unsent(st) > 0)
		return true;
	if (tcp_info(s->tcp, st->conn, &info) == 0 && info.rcv_queued + info.rcv_ooo > 0)
		st->abort = true;
	if (!st->abort && !st->shut) {
		st->shut = true;
		tcp_shutdown(s->tcp, st->conn);
	}
	return !ending_flushed(s, st);
}

/* The user has let go. TCP is told to close only when the peer has everything: bytes that come to a closed connection would reset it
 * and take with them what is still to be sent, and a server that answers before it has read the whole question must be heard. */
void stream_finish(struct worker_sessions *s, struct app_stream *st, struct instant now)
{
	bool over = st->ended || st->broken;

	if (!over && unfinished(s, st)) {
		ending_watch(s, st, now);
		return;
	}
	tcp_set_user(s->tcp, st->conn, 0);
	/* Its slot is somebody else's soon, but the connection may go on for a minute: the user pays for it until then. */
	if (st->port)
		tcp_set_charge(s->tcp, st->conn, account_payer(st->port->seg->account));
	if (st->abort && !over)
		tcp_abort(s->tcp, st->conn);
	else
		tcp_close(s->tcp, st->conn);
	detach(s, st, now);
}

/* An application has written an index that cannot be: its bytes are worth nothing any more. */
static bool garbled(const struct app_stream *st)
{
	return st->port && !st->ended && (st->side.out.broken || st->side.in.broken);
}

void stream_pump(struct worker_sessions *s, struct app_stream *st, struct instant now)
{
	if (st->connecting)
		return;
	if (!st->ended && !st->broken)
		pump_out(s, st);
	if (st->closing) {
		stream_finish(s, st, now);
		return;
	}
	if (st->ended)
		return;
	if (atomic_load(&st->side.shared->asked) & STREAM_GONE)
		ending_watch(s, st, now);
	pump_in(s, st, now);
	if (unlikely_(garbled(st))) {
		count_add(&s->w->count.app_nonsense, 1);
		stream_reset(s, st, EPROTO, now);
	}
}

void stream_reset(struct worker_sessions *s, struct app_stream *st, int err, struct instant now)
{
	if (st->conn != TCP_NO_CONN) {
		tcp_set_user(s->tcp, st->conn, 0);
		tcp_abort(s->tcp, st->conn);
	}
	st->conn = TCP_NO_CONN;
	failed(s, st, err);
	ending_forget(s, st);
	if (st->closing)
		stream_finish(s, st, now);
}

/* ---- what users ask for ---- */

bool stream_open(struct worker_sessions *s, struct app_stream *st, uint16_t port,
                 struct instant now)
{
	struct tcp_info info;
	int r = tcp_connect(s->tcp, st->remote, port, &st->conn);

	if (r < 0) {
		st->conn = TCP_NO_CONN;
		failed(s, st, -r);
		return false;
	}
	tcp_set_user(s->tcp, st->conn, (uint64_t)(uintptr_t)st);
	if (!st->port)
		tcp_set_charge(s->tcp, st->conn, st->payer);
	if (tcp_info(s->tcp, st->conn, &info) == 0)
		st->local_port = info.local_port;
	remote_in_use(s, st->remote);
	remote_update(s, st->remote, now);
	return true;
}

void stream_connect(struct worker_sessions *s, struct app_stream *st, const struct node_id *id,
                    uint16_t port, struct instant now)
{
	uint32_t remote;

	st->conn = TCP_NO_CONN;
	st->remote = SESS_NONE;
	st->connecting = true;
	remote = s->draining ? SESS_NONE : remote_get(s, id);
	if (remote == SESS_NONE) {
		failed(s, st, s->draining ? ESHUTDOWN : ENOBUFS);
		return;
	}
	st->remote = remote;
	s->remotes[remote].streams++;
	if (!st->direct || direct_begin(s, st, port, now))
		(void)stream_open(s, st, port, now);
}

void stream_attach(struct worker_sessions *s, struct app_stream *st, uint32_t conn,
                   struct instant now)
{
	struct tcp_info info;

	st->conn = conn;
	st->remote = SESS_NONE;
	if (tcp_info(s->tcp, conn, &info) < 0 || info.peer >= s->nremotes) {
		failed(s, st, ECONNRESET);
		return;
	}
	tcp_set_user(s->tcp, conn, (uint64_t)(uintptr_t)st);
	/* What happened before it had a stream was told to nobody. */
	st->hangup = info.state == TCP_CLOSE_WAIT || info.state == TCP_LAST_ACK ||
	             info.state == TCP_CLOSING || info.state == TCP_TIME_WAIT;
	if (info.state == TCP_CLOSED)
		broke(st, info.error ? info.error : ECONNRESET);
	st->remote = info.peer;
	s->remotes[info.peer].streams++;
	remote_in_use(s, info.peer);
	remote_update(s, info.peer, now);
	stream_pump(s, st, now);
}

void stream_let_go(struct worker_sessions *s, struct app_stream *st, bool abort, struct instant now)
{
	if (!st->connecting) {
		/* Nobody reads what has come: as with any TCP socket, a reset follows. */
		abort |= st->conn != TCP_NO_CONN && take_posted(s, st) && !st->ended;
		st->last = st->side.out.mine + stream_unsent(st);
		st->closing = true;
		st->abort = abort;
		lowat_set(st, 0); /* nobody waits for room any more */
		stream_pump(s, st, now);
		return;
	}
	if (st->conn != TCP_NO_CONN) {
		tcp_set_user(s->tcp, st->conn, 0);
		tcp_abort(s->tcp, st->conn);
	}
	st->ended = st->closing = true;
	detach(s, st, now);
}

/* ---- from the gateway ---- */

static void handle(struct worker_sessions *s, const struct bridge_msg *m, struct instant now)
{
	switch (m->type) {
	case BRIDGE_CONNECT:
		stream_connect(s, m->stream, &m->id, m->port, now);
		break;
	case BRIDGE_LISTEN:
	case BRIDGE_DATAGRAMS:
	case BRIDGE_TAKEN:
	case BRIDGE_UNLISTEN:
		listen_message(s, m);
		break;
	case BRIDGE_ATTACH:
		stream_attach(s, m->stream, m->conn, now);
		break;
	case BRIDGE_REFUSE:
		tcp_abort(s->tcp, m->conn);
		break;
	case BRIDGE_APP_ATTACH:
	case BRIDGE_APP_LEAVE:
		lane_message(s, m);
		break;
	case BRIDGE_KICK:
		atomic_exchange(&m->stream->side.shared->worker_kicked, 0);
		stream_pump(s, m->stream, now);
		break;
	case BRIDGE_LET_GO:
		stream_let_go(s, m->stream, m->abort, now);
		break;
	default:
		break;
	}
}

/* ---- the loop's part ---- */

void app_events(struct worker_sessions *s, struct instant now)
{
	struct tcp_event ev;

	while (tcp_event_next(s->tcp, &ev)) {
		struct app_stream *st = (struct app_stream *)(uintptr_t)ev.user;

		if (ev.user & LISTENER_BIT) {
			listen_ready(s,
			             (struct app_listener *)(uintptr_t)(ev.user & ~LISTENER_BIT));
			continue;
		}
		if (!st)
			continue;
		if (st->connecting && (ev.flags & TCP_EV_CONNECTED)) {
			st->connecting = false;
			news_connected(s, st);
		}
		if ((ev.flags & TCP_EV_ERROR) && st->connecting)
			failed(s, st, ev.error ? ev.error : ECONNRESET);
		st->hangup |= (ev.flags & TCP_EV_HANGUP) != 0;
		if (ev.flags & TCP_EV_ERROR)
			broke(st, ev.error ? ev.error : ECONNRESET);
		stream_pump(s, st, now);
	}
}

/* A wake-up that was written must be read, or the worker would never sleep again.
 * syscalls: read */
static void clear_wake(struct worker_sessions *s)
{
	uint64_t count;

	if (s->maybe_asleep) {
		s->maybe_asleep = false;
		if (!atomic_exchange(&s->bridge.worker_asleep, 0))
			s->wake_pending = true;
	}
	if (s->wake_pending && read(s->bridge.worker_fd, &count, sizeof(count)) > 0)
		s->wake_pending = false;
}

unsigned app_run(struct worker_sessions *s, struct instant now)
{
	struct bridge *b = &s->bridge;
	const struct bridge_msg *m;
	unsigned done = 0;

	clear_wake(s);
	while (done < BRIDGE_MSGS && (m = bridge_peek(&b->to_worker_rx))) {
		handle(s, m, now);
		bridge_done(&b->to_worker_rx);
		done++;
	}
	done += lanes_run(s, now);
	app_events(s, now);
	return done;
}

unsigned app_flush(struct worker_sessions *s, struct instant now)
{
	struct bridge *b = &s->bridge;
	unsigned done = news_flush(s);

	lanes_retry(s, now);
	done += listen_flush(s, now);
	done += lanes_flush(s);
	if (b->to_gateway_new) {
		b->to_gateway_new = false;
		bridge_wake(b->gateway_asleep, b->gateway_fd);
	}
	return done;
}

bool app_owes(const struct worker_sessions *s)
{
	return !TAILQ_EMPTY(&s->announce) || s->listeners_ready || lanes_owe(s);
}
