/* SPDX-License-Identifier: BSD-3-Clause */
/* Forwards: TCP of this machine to a port of another node, and streams that come to a port of this node to TCP. Each is a stream whose
 * descriptor is a TCP socket, where that of an application is a socketpair. */
#include "app/gw_accept.h"
#include "app/gw_forward.h"
#include "app/gw_tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG       1024
#define TAKEN_A_ROUND 64

/* ---- what the control thread does ---- */

static socklen_t address_of(const struct dp_forward *f, struct sockaddr_storage *out)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
	struct sockaddr_in *four = (struct sockaddr_in *)out;

	*out = (struct sockaddr_storage){0};
	if (f->family == 6) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(f->tcp_port);
		memcpy(&six->sin6_addr, f->addr, sizeof(six->sin6_addr));
		return sizeof(*six);
	}
	four->sin_family = AF_INET;
	four->sin_port = htons(f->tcp_port);
	memcpy(&four->sin_addr, f->addr, sizeof(four->sin_addr));
	return sizeof(*four);
}

/* syscalls: socket setsockopt bind listen close */
static int listen_at(const struct dp_forward *f, char *err, size_t cap)
{
	struct sockaddr_storage at;
	socklen_t n = address_of(f, &at);
	int fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, r;

	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		if (f->family == 6)
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
		if (bind(fd, (struct sockaddr *)&at, n) == 0 && listen(fd, BACKLOG) == 0)
			return fd;
	}
	r = -errno;
	snprintf(err, cap, "[forward %s] cannot listen on port %u of its address: %s", f->name,
	         f->tcp_port, strerror(-r));
	if (fd >= 0)
		close(fd);
	return r;
}

static void forward_free(struct gw_forward *f)
{
	free(f->allow);
	free(f);
}

static struct gw_forward *forward_new(const struct dp_forward *from)
{
	struct gw_forward *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->node.kind = GW_FORWARD;
	f->fd = -1;
	f->cfg = *from;
	f->cfg.allow = NULL;
	f->client.node.kind = GW_CLIENT;
	f->client.fd = -1;
	f->client.forward = f;
	TAILQ_INIT(&f->client.accepted);
	if (from->nallow == 0)
		return f;
	f->allow = calloc(from->nallow, sizeof(*f->allow));
	if (!f->allow) {
		free(f);
		return NULL;
	}
	memcpy(f->allow, from->allow, from->nallow * sizeof(*f->allow));
	return f;
}

/* The gateway's thread takes it at its next round. */
static void post(struct gateway *g, struct gw_forward *f)
{
	struct gw_forward *first = atomic_load(&g->posted);

	do
		f->posted = first;
	while (!atomic_compare_exchange_weak(&g->posted, &first, f));
	bridge_wake(&g->asleep, g->wake);
}

int gateway_forward_set(struct gateway *g, const struct dp_forward *from, bool socket_stays,
                        char *err, size_t cap)
{
	struct gw_forward *f = forward_new(from);

	if (!f) {
		snprintf(err, cap, "[forward %s]: out of memory", from->name);
		return -ENOMEM;
	}
	if (!from->reverse && !socket_stays) {
		f->fd = listen_at(from, err, cap);
		if (f->fd < 0) {
			int r = f->fd;

			forward_free(f);
			return r;
		}
	}
	post(g, f);
	return 0;
}

int gateway_forward_remove(struct gateway *g, const char *name, char *err, size_t cap)
{
	struct dp_forward none = {.reverse = true};
	struct gw_forward *f;

	snprintf(none.name, sizeof(none.name), "%s", name);
	f = forward_new(&none);
	if (!f) {
		snprintf(err, cap, "[forward %s]: out of memory", name);
		return -ENOMEM;
	}
	f->removes = true;
	post(g, f);
	return 0;
}

/* ---- what the gateway's thread does ---- */

static struct gw_forward *find(struct gateway *g, const char *name)
{
	struct gw_forward *f;

	TAILQ_FOREACH (f, &g->forwards, link)
		if (strcmp(f->cfg.name, name) == 0)
			return f;
	return NULL;
}

/* syscalls: epoll_ctl */
static int watch(struct gateway *g, struct gw_forward *f, int op)
{
	struct epoll_event e = {.events = f->paused ? 0 : EPOLLIN, .data.ptr = &f->node};

	return epoll_ctl(g->epoll, op, f->fd, &e);
}

/* Its port of this node, or another try when whoever listened there has gone. */
static void listen_here(struct gateway *g, struct gw_forward *f)
{
	if (f->cfg.reverse && !f->client.listener &&
	    gw_listen(g, &f->client, f->cfg.port, APP_BACKLOG_DEFAULT, false) < 0)
		g->forwards_wait = true;
}

/* Nothing new comes by it; what stands goes on. */
static void end(struct gateway *g, struct gw_forward *f)
{
	f->node.dead = f->client.node.dead = true;
	if (f->client.listener)
		gw_unlisten(g, f->client.listener);
	gw_close(g, &f->fd);
	TAILQ_REMOVE(&g->forwards, f, link);
	TAILQ_INSERT_TAIL(&g->dead_forwards, f, link);
}

/* A new one, or a change of where an old one leads and whom it lets in. */
static void begin(struct gateway *g, struct gw_forward *f)
{
	struct gw_forward *old = find(g, f->cfg.name);

	if (f->fd >= 0)
		g->fds++;
	if (old && f->fd < 0 && !f->cfg.reverse) {
		f->fd = old->fd;
		old->fd = -1;
		f->paused = old->paused;
		watch(g, f, EPOLL_CTL_MOD);
	} else if (f->fd >= 0) {
		watch(g, f, EPOLL_CTL_ADD);
	}
	if (old)
		end(g, old);
	TAILQ_INSERT_TAIL(&g->forwards, f, link);
	listen_here(g, f);
}

void gw_forwards_round(struct gateway *g)
{
	struct gw_forward *f = atomic_exchange(&g->posted, NULL), *next, *in_order = NULL;

	for (; f; f = next) {
		next = f->posted;
		f->posted = in_order;
		in_order = f;
	}
	for (f = in_order; f; f = next) {
		struct gw_forward *old = f->removes ? find(g, f->cfg.name) : NULL;

		next = f->posted;
		if (old)
			end(g, old);
		if (f->removes)
			forward_free(f);
		else
			begin(g, f);
	}
	if (!g->forwards_wait || !g->port_freed)
		return;
	g->forwards_wait = g->port_freed = false;
	TAILQ_FOREACH (f, &g->forwards, link)
		listen_here(g, f);
}

void gw_forwards_bury(struct gateway *g)
{
	struct gw_forward *f;

	while ((f = TAILQ_FIRST(&g->dead_forwards))) {
		TAILQ_REMOVE(&g->dead_forwards, f, link);
		forward_free(f);
	}
}

/* syscalls: close */
void gw_forwards_free(struct gateway *g)
{
	struct gw_forward *f = atomic_exchange(&g->posted, NULL), *next;

	for (; f; f = next) {
		next = f->posted;
		if (f->fd >= 0)
			close(f->fd);
		forward_free(f);
	}
	while ((f = TAILQ_FIRST(&g->forwards))) {
		TAILQ_REMOVE(&g->forwards, f, link);
		if (f->fd >= 0)
			close(f->fd);
		forward_free(f);
	}
	gw_forwards_bury(g);
}

void gw_forward_listening(struct gateway *g, struct gw_forward *f, int err)
{
	bool freed = g->port_freed;

	if (err == 0)
		return;
	gw_unlisten(g, f->client.listener);
	/* The end of its own listener frees nothing that it has not had: to try again at once would go on for ever. */
	g->port_freed = freed;
	g->forwards_wait = true;
}

/* ---- TCP sockets of streams ---- */

/* Small writes go out at once, and a peer that has vanished is noticed.
 * syscalls: setsockopt epoll_ctl */
static int watch_stream(struct gateway *g, struct gw_stream *s)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
	                        .data.ptr = &s->node};
	int on = 1;

	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(s->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	return epoll_ctl(g->epoll, EPOLL_CTL_ADD, s->fd, &e) < 0 ? -errno : 0;
}

/* A connection to a local address becomes a stream to another node. */
static void take(struct gateway *g, const struct gw_forward *f, int fd)
{
	struct gw_stream *s = gw_stream_new(g, cp_session_worker(&f->cfg.id, g->nbridges));

	g->fds++;
	if (!s) {
		gw_tcp_reset(fd);
		gw_close(g, &fd);
		return;
	}
	s->tcp = true;
	s->fd = fd;
	s->id = f->cfg.id;
	s->port = f->cfg.port;
	s->attached = true;
	gw_stream_owe(g, s, OWE_CONNECT);
}

static void pause_forward(struct gateway *g, struct gw_forward *f, bool pause)
{
	f->paused = pause;
	watch(g, f, EPOLL_CTL_MOD);
}

/* syscalls: accept4 */
void gw_forward_event(struct gateway *g, struct gw_forward *f)
{
	for (unsigned i = 0; i < TAKEN_A_ROUND; i++) {
		int fd;

		if (g->fds >= g->fds_max) {
			pause_forward(g, f, true);
			return;
		}
		fd = accept4(f->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			take(g, f, fd);
			continue;
		}
		/* As gw_serve(): the socket stays readable. */
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			pause_forward(g, f, true);
		if (errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

void gw_forwards_resume(struct gateway *g)
{
	struct gw_forward *f;

	TAILQ_FOREACH (f, &g->forwards, link)
		if (f->paused)
			pause_forward(g, f, false);
}

void gw_forward_connected(struct gateway *g, struct gw_stream *s)
{
	if (s->let_go)
		return;
	if (watch_stream(g, s) < 0) {
		gw_stream_let_go(g, s, true);
		return;
	}
	s->can_write = true;
	gw_stream_ready(g, s);
}

static bool may_enter(const struct gw_forward *f, const struct node_id *id)
{
	if (f->cfg.any)
		return true;
	for (uint32_t i = 0; i < f->cfg.nallow; i++)
		if (id_eq(&f->allow[i], id))
			return true;
	return false;
}

/* syscalls: socket connect */
static int dial(struct gateway *g, const struct gw_forward *f, struct gw_stream *s)
{
	struct sockaddr_storage to;
	socklen_t n = address_of(&f->cfg, &to);

	/* Other nodes decide how many come: a quarter is left to the programs of this one. */
	if (g->fds >= g->fds_max - g->fds_max / 4)
		return -EMFILE;
	s->fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return -errno;
	g->fds++;
	if (connect(s->fd, (struct sockaddr *)&to, n) < 0 && errno != EINPROGRESS)
		return -errno;
	s->dialling = true;
	return watch_stream(g, s);
}

struct gw_stream *gw_forward_accepted(struct gateway *g, unsigned worker, struct gw_listener *l,
                                      const struct bridge_msg *m)
{
	struct gw_stream *s = gw_stream_new(g, worker);

	if (!s)
		return NULL;
	s->tcp = true;
	s->id = m->id;
	s->port = m->port;
	s->conn = m->conn;
	s->attached = true;
	gw_stream_owe(g, s, OWE_ATTACH);
	gw_credit(g, l, worker);
	if (!may_enter(l->client->forward, &s->id) || dial(g, l->client->forward, s) < 0)
		gw_stream_let_go(g, s, true);
	return s;
}
