/* SPDX-License-Identifier: BSD-3-Clause */
/* One stream: a socketpair on the application's side, or a TCP socket of a forward (gw_tcp.c); two byte rings on the worker's; and how each
 * kind of end crosses over.
 *
 * A reset must reach the application as ECONNRESET, never as a clean end of stream. The kernel gives that to the other end of a
 * socketpair whose end is closed with bytes unread. So one byte always stays unread here: the last one, which has been peeked at and
 * passed on already. The first such byte is written before the application gets its end. */
#include "app/gw_attach.h"
#include "app/gw_tcp.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

struct gw_stream *gw_stream_new(struct gateway *g, unsigned worker)
{
	struct gw_stream *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->stream = stream_new(&s->side);
	if (!s->stream) {
		free(s);
		return NULL;
	}
	s->node.kind = GW_STREAM;
	s->worker = worker;
	s->fd = s->app_fd = -1;
	s->stream->owner = s;
	s->stream->uid = UINT32_MAX;
	TAILQ_INSERT_TAIL(&g->streams, s, all);
	return s;
}

void gw_stream_of(struct gw_stream *s, const struct gw_client *c)
{
	s->stream->pid = (uint32_t)c->peer.pid;
	s->stream->uid = c->known ? c->peer.uid : UINT32_MAX;
	s->user = gw_user_hold(c->user, 1);
	s->stream->payer = s->user ? &s->user->account.streams : NULL;
}

void gw_stream_free(struct gw_stream *s)
{
	stream_free(s->stream);
	free(s);
}

/* syscalls: write epoll_ctl */
int gw_stream_pair(struct gateway *g, struct gw_stream *s)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
	                        .data.ptr = &s->node};
	int fd[2], r = gw_pair(g, fd);

	if (r < 0)
		return r;
	if (write(fd[1], "", 1) != 1 || epoll_ctl(g->epoll, EPOLL_CTL_ADD, fd[0], &e) < 0) {
		r = -errno;
		gw_close(g, &fd[0]);
		gw_close(g, &fd[1]);
		return r;
	}
	s->fd = fd[0];
	s->app_fd = fd[1];
	s->can_write = true;
	return 0;
}

void gw_stream_ready(struct gateway *g, struct gw_stream *s)
{
	if (s->ready || s->node.dead)
		return;
	s->ready = true;
	TAILQ_INSERT_TAIL(&g->ready, s, ready_link);
}

void gw_stream_owe(struct gateway *g, struct gw_stream *s, uint32_t what)
{
	if (what == OWE_KICK &&
	    (!s->attached || atomic_exchange(&s->side.shared->worker_kicked, 1)))
		return;
	s->owe |= what;
	if (s->owing)
		return;
	s->owing = true;
	TAILQ_INSERT_TAIL(&g->owe[s->worker], s, owe_link);
}

void gw_streams_flush(struct gateway *g, unsigned worker)
{
	struct bridge *b = g->bridges[worker];
	struct gw_stream *s;

	while ((s = TAILQ_FIRST(&g->owe[worker]))) {
		struct bridge_msg *m = bridge_slot(&b->to_worker_tx);

		if (!m)
			return;
		*m = (struct bridge_msg){.stream = s->stream};
		if (s->owe & OWE_CONNECT) {
			m->type = BRIDGE_CONNECT;
			m->id = s->id;
			m->port = s->port;
			s->owe &= ~OWE_CONNECT;
		} else if (s->owe & OWE_ATTACH) {
			m->type = BRIDGE_ATTACH;
			m->conn = s->conn;
			s->owe &= ~OWE_ATTACH;
		} else if (s->owe & OWE_KICK) {
			m->type = BRIDGE_KICK;
			s->owe &= ~OWE_KICK;
		} else {
			m->type = BRIDGE_LET_GO;
			m->abort = s->abort;
			s->owe &= ~OWE_LET_GO;
		}
		bytering_commit(&b->to_worker_tx, sizeof(*m));
		b->to_worker_new = true;
		if (s->owe)
			continue;
		s->owing = false;
		TAILQ_REMOVE(&g->owe[worker], s, owe_link);
	}
}

/* Closes both ends held here. orderly: what is unread here is read, so that the application sees a clean end.
 * syscalls: recv */
static void shut_fds(struct gateway *g, struct gw_stream *s, bool orderly)
{
	char rest[4096];

	gw_close(g, &s->app_fd);
	if (s->fd < 0)
		return;
	if (s->tcp && !orderly)
		gw_tcp_reset(s->fd);
	while (!s->tcp && orderly && recv(s->fd, rest, sizeof(rest), MSG_DONTWAIT) > 0)
		;
	gw_close(g, &s->fd);
}

void gw_stream_kill(struct gateway *g, struct gw_stream *s)
{
	if (s->node.dead)
		return;
	shut_fds(g, s, false);
	s->node.dead = true;
	if (s->ready)
		TAILQ_REMOVE(&g->ready, s, ready_link);
	if (s->owing)
		TAILQ_REMOVE(&g->owe[s->worker], s, owe_link);
	s->ready = s->owing = false;
	gw_user_put(&g->limits, s->user, 1, gw_clock_ns());
	s->user = NULL;
	TAILQ_REMOVE(&g->streams, s, all);
	TAILQ_INSERT_TAIL(&g->dead_streams, s, all);
}

/* A reset that comes after the peer's end of stream is no error to whoever reads (as in Linux: read() goes on to say 0, write() says
 * EPIPE), nor is anything to an application that has shut both sides itself. */
void gw_stream_let_go(struct gateway *g, struct gw_stream *s, bool abort)
{
	if (s->let_go)
		return;
	s->let_go = true;
	s->abort = abort;
	shut_fds(g, s, s->net_eof || s->hup);
	if (s->attached)
		gw_stream_owe(g, s, OWE_LET_GO);
	else
		gw_stream_kill(g, s);
}

void gw_stream_event(struct gateway *g, struct gw_stream *s, uint32_t events)
{
	if (s->dialling && (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))) {
		if (gw_tcp_error(s->fd) < 0) {
			gw_stream_let_go(g, s, true);
			return;
		}
		s->dialling = false;
	}
	s->can_read |= (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
	s->can_write |= (events & EPOLLOUT) != 0;
	s->rdhup |= (events & (EPOLLRDHUP | EPOLLHUP)) != 0;
	s->hup |= (events & EPOLLHUP) != 0;
	/* The application has closed its end and left received bytes unread. What it wrote before is still there to be read here. */
	s->unread |= (events & EPOLLERR) != 0;
	gw_stream_ready(g, s);
}

/* Nobody takes what came from the network: has the application gone, which epoll has not told yet, or has it shut its reading side alone?
 * syscalls: poll */
static void look_again(struct gateway *g, struct gw_stream *s)
{
	struct pollfd p = {.fd = s->fd, .events = POLLIN | POLLRDHUP};

	if (s->tcp)
		gw_stream_let_go(g, s, true);
	else if (poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR)))
		gw_stream_event(g, s, (uint32_t)p.revents);
	else
		s->deaf = true;
}

/* Moves `take` new bytes (what lies behind the byte kept unread) into the ring, and keeps the last of them unread.
 * syscalls: recvmsg recv */
static ssize_t receive(int fd, void *piece[2], size_t len[2], size_t take)
{
	char kept;
	struct iovec iov[3] = {{&kept, 1}};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};
	size_t first = len[0] < take - 1 ? len[0] : take - 1;
	uint8_t *last = take <= len[0] ? (uint8_t *)piece[0] + take - 1
	                               : (uint8_t *)piece[1] + take - 1 - len[0];
	ssize_t n;

	iov[1] = (struct iovec){piece[0], first};
	if (take - 1 > first)
		iov[m.msg_iovlen++] = (struct iovec){piece[1], take - 1 - first};
	n = recvmsg(fd, &m, MSG_DONTWAIT);
	if (n != (ssize_t)take)
		return n < 0 ? -errno : -EIO;
	n = recv(fd, last, 1, MSG_PEEK | MSG_DONTWAIT);
	return n == 1 ? (ssize_t)take : n < 0 ? -errno : -EIO;
}

/* All that the application has written is in the ring, and it writes no more. */
static void write_end(struct gateway *g, struct gw_stream *s)
{
	uint32_t asked = 0;

	s->app_eof = true;
	if (s->hup && bytering_used(&s->side.in) > 0)
		s->unread = true;
	/* Bytes that were left unread at the close make it a reset (RFC 2525, section 2.17), which no FIN comes before. */
	if (!s->hup || !s->unread)
		asked |= STREAM_SHUT;
	atomic_fetch_or(&s->side.shared->asked, asked);
	gw_stream_owe(g, s, OWE_KICK);
}

/* How many new bytes lie in the socketpair; the one that is kept unread is none.
 * syscalls: ioctl */
static size_t fresh(const struct gw_stream *s)
{
	int queued;

	return ioctl(s->fd, SIOCINQ, &queued) < 0 || queued <= 1 ? 0 : (size_t)queued - 1;
}

/* Nothing can be read now: more comes, or all was read. */
static void nothing_to_read(struct gateway *g, struct gw_stream *s, bool end)
{
	s->can_read = false;
	if (end)
		write_end(g, s);
}

/* Moves bytes from the application's descriptor into the ring to the worker. */
static void pump_out(struct gateway *g, struct gw_stream *s)
{
	struct bytering *r = &s->side.out;
	size_t len[2] = {0, 0}, take = s->tcp ? 0 : fresh(s);
	void *piece[2];
	ssize_t n;

	if (!s->tcp && take == 0) {
		nothing_to_read(g, s, s->rdhup);
		return;
	}
	if (bytering_reserve2(r, piece, len) == 0) {
		atomic_exchange(&s->side.shared->out_full, 1);
		if (bytering_reserve2(r, piece, len) == 0)
			return;
	}
	n = s->tcp ? gw_tcp_receive(s->fd, piece, len)
	           : receive(s->fd, piece, len, min_u64(take, len[0] + len[1]));
	if (s->tcp && (n == 0 || n == -EAGAIN)) {
		nothing_to_read(g, s, n == 0);
		return;
	}
	if (n < 0) {
		gw_stream_let_go(g, s, true);
		return;
	}
	bytering_commit(r, (size_t)n);
	gw_stream_owe(g, s, OWE_KICK);
	gw_stream_ready(g, s);
}

/* n bytes of the ring have gone to the application, or nowhere. */
static void taken(struct gateway *g, struct gw_stream *s, size_t n)
{
	bytering_consume(&s->side.in, n);
	if (atomic_exchange(&s->side.shared->in_full, 0))
		gw_stream_owe(g, s, OWE_KICK);
	gw_stream_ready(g, s);
}

/* Nothing is left in the ring: an end that the worker has told is passed on.
 * syscalls: shutdown */
static void read_end(struct gateway *g, struct gw_stream *s, uint32_t told)
{
	if ((told & STREAM_EOF) && !s->net_eof) {
		s->net_eof = true;
		shutdown(s->fd, SHUT_WR);
	}
	if (told & STREAM_ERROR)
		gw_stream_let_go(g, s, false);
}

/* Moves bytes from the worker's ring to the application's descriptor.
 * syscalls: sendmsg */
static void pump_in(struct gateway *g, struct gw_stream *s)
{
	uint32_t told = atomic_load(&s->side.shared->told);
	void *piece[2];
	size_t len[2];
	unsigned k = bytering_peek2(&s->side.in, piece, len);
	struct iovec iov[2] = {{piece[0], len[0]}, {piece[1], len[1]}};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = k};
	ssize_t n;

	if (k == 0) {
		read_end(g, s, told);
	} else if (s->deaf) {
		taken(g, s, len[0] + len[1]);
	} else if (s->can_write) {
		n = sendmsg(s->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n >= 0) {
			taken(g, s, (size_t)n);
			return;
		}
		s->can_write = errno != EAGAIN;
		if (s->can_write && errno != EINTR)
			look_again(g, s);
		if (s->can_write)
			gw_stream_ready(g, s);
	}
}

/* The application is gone, and the ring has no room for what it has written: the worker is told once that there is nobody to wait for. */
static void tell_gone(struct gateway *g, struct gw_stream *s)
{
	bool unread = s->unread || bytering_used(&s->side.in) > 0;
	uint32_t bits = STREAM_GONE | (unread ? STREAM_UNREAD : 0);

	if ((atomic_fetch_or(&s->side.shared->asked, bits) & bits) != bits)
		gw_stream_owe(g, s, OWE_KICK);
}

void gw_stream_pump(struct gateway *g, struct gw_stream *s)
{
	bool error = atomic_load(&s->side.shared->told) & STREAM_ERROR;

	if (s->node.dead || s->let_go || s->fd < 0)
		return;
	if (s->dialling) {
		/* Nobody is left to connect for: an address that does not answer must not hold it for minutes. */
		if (error)
			gw_stream_let_go(g, s, true);
		return;
	}
	if (s->early) {
		if (s->hup)
			gw_failed(g, s, ECONNABORTED);
		return;
	}
	if (s->can_read && !s->app_eof && !error)
		pump_out(g, s);
	if (!s->let_go && !s->hup)
		pump_in(g, s);
	if (s->let_go)
		return;
	if (s->hup && (s->app_eof || error))
		gw_stream_let_go(g, s, s->unread || bytering_used(&s->side.in) > 0);
	else if (s->app_eof && s->net_eof)
		gw_stream_let_go(g, s, false);
	else if (s->hup && atomic_load(&s->side.shared->out_full))
		tell_gone(g, s);
}
