/* SPDX-License-Identifier: BSD-3-Clause */
/* The proxy's loop: addresses on which it listens, clients by the state they are in, time limits, and the end. */
#include "libcoyo/proxy/proxy.h"
#include "base/why.h"
#include "base/cc.h"
#include "libcoyo/dial.h"
#include "libcoyo/proxy/associate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_PER_ROUND 256
#define CLIENTS_MAX      32768
#define FDS_OWN          64 /* of the process, besides two of each client */
#define BACKLOG          1024
#define PAUSE_MS         100 /* after descriptors or room for clients were missing */

/* How long a client may be in a state. */
static const uint64_t limit_ms[PROXY_STATES_TIMED] = {
        [PROXY_ASKING] = 30000,
        [PROXY_OPENING] = 90000,
        [PROXY_AGAIN] = 20,
        [PROXY_ENDING] = 2000,
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- clients ---- */

static int watch(struct proxy *x, struct proxy_watch *w, uint32_t events, int op)
{
	struct epoll_event e = {.events = events, .data.ptr = w};

	return epoll_ctl(x->epoll, op, w->fd, &e);
}

int proxy_watch_end(struct proxy *x, struct proxy_end *e, int fd)
{
	*e = (struct proxy_end){.watch = {e->watch.kind, fd}, .stream = e->stream};
	if (watch(x, &e->watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, EPOLL_CTL_ADD) == 0)
		return 0;
	e->watch.fd = -1;
	return -1;
}

void proxy_tcp_options(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

void proxy_enter(struct proxy *x, struct proxy_client *c, enum proxy_state state)
{
	TAILQ_REMOVE(&x->in[c->state], c, link);
	c->state = state;
	c->since = x->now;
	TAILQ_INSERT_TAIL(&x->in[state], c, link);
}

void proxy_ready(struct proxy *x, struct proxy_client *c)
{
	if (c->ready || c->state == PROXY_DEAD)
		return;
	c->ready = true;
	TAILQ_INSERT_TAIL(&x->ready, c, ready_link);
}

void proxy_drop(struct proxy *x, struct proxy_client *c, bool reset)
{
	if (c->state == PROXY_DEAD)
		return;
	proxy_end_close(&c->near, reset);
	proxy_end_close(&c->far, reset);
	if (c->asking && c->asking->lookup)
		c->asking->lookup->client = NULL;
	if (c->ready)
		TAILQ_REMOVE(&x->ready, c, ready_link);
	c->ready = false;
	x->nclients--;
	proxy_enter(x, c, PROXY_DEAD);
}

static void bury(struct proxy *x)
{
	struct proxy_client *c;

	while ((c = TAILQ_FIRST(&x->in[PROXY_DEAD]))) {
		TAILQ_REMOVE(&x->in[PROXY_DEAD], c, link);
		if (c->asking)
			free(c->asking->bytes);
		free(c->asking);
		free(c);
	}
}

static void add_client(struct proxy *x, int fd)
{
	struct proxy_client *c = calloc(1, sizeof(*c));
	struct proxy_asking *a = calloc(1, sizeof(*a));

	if (c && a) {
		c->asking = a;
		c->near.watch.kind = PROXY_NEAR;
		c->far.watch = (struct proxy_watch){PROXY_FAR, -1};
		c->state = PROXY_ASKING;
		c->since = x->now;
		proxy_tcp_options(fd);
		if (proxy_watch_end(x, &c->near, fd) == 0) {
			c->near.can_write = true;
			TAILQ_INSERT_TAIL(&x->in[PROXY_ASKING], c, link);
			x->nclients++;
			return;
		}
	}
	free(a);
	free(c);
	close(fd);
}

/* Listening sockets are watched, or left alone while no client can be taken: they stay readable. */
static void pause_accepting(struct proxy *x, bool pause)
{
	if (x->paused == pause)
		return;
	x->paused = pause;
	x->paused_at = x->now;
	for (unsigned i = 0; i < x->cfg->listeners; i++)
		watch(x, &x->listeners[i], pause ? 0 : EPOLLIN, EPOLL_CTL_MOD);
}

/* Makes room for a client. False: all that are there have said what they want. */
static bool make_room(struct proxy *x)
{
	struct proxy_client *oldest = TAILQ_FIRST(&x->in[PROXY_ASKING]);

	if (x->nclients < x->nclients_max)
		return true;
	if (!oldest)
		return false;
	proxy_drop(x, oldest, true);
	return true;
}

static void accept_clients(struct proxy *x, int listener)
{
	for (unsigned i = 0; i < EVENTS_PER_ROUND; i++) {
		int fd;

		if (!make_room(x)) {
			pause_accepting(x, true);
			return;
		}
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			add_client(x, fd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			pause_accepting(x, true);
		if (errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

static void go(struct proxy *x, struct proxy_client *c)
{
	if (c->state == PROXY_RELAYING)
		proxy_relay(x, c);
	else
		proxy_client_go(x, c);
}

static void end_event(struct proxy *x, struct proxy_client *c, struct proxy_end *e, uint32_t events)
{
	bool opening = c->state == PROXY_OPENING || c->state == PROXY_AGAIN;

	e->can_read |= (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
	e->can_write |= (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
	e->hup |= (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
	/* A socket that was reset takes nothing more. */
	e->deaf |= !e->stream && c->state == PROXY_RELAYING && (events & EPOLLERR);
	if (opening && e == &c->near && (events & (EPOLLHUP | EPOLLERR)))
		proxy_drop(x, c, true); /* gone while it waited */
	else if (opening && e == &c->far)
		proxy_client_far(x, c);
	else
		proxy_ready(x, c);
}

/* ---- the loop ---- */

static void found(struct proxy *x)
{
	struct proxy_lookup *l;
	eventfd_t count;

	(void)eventfd_read(x->found.fd, &count);
	while ((l = finder_take(x->finder))) {
		if (l->client)
			proxy_client_found(x, l->client, l);
		free(l);
	}
}

static void dispatch(struct proxy *x, const struct epoll_event *e)
{
	struct proxy_watch *w = e->data.ptr;
	struct proxy_client *c;

	switch (w->kind) {
	case PROXY_LISTENER:
		accept_clients(x, w->fd);
		break;
	case PROXY_SIGNALS:
		x->stopping = true;
		break;
	case PROXY_FOUND:
		found(x);
		break;
	case PROXY_NEAR:
		c = CONTAINER_OF(w, struct proxy_client, near.watch);
		if (c->state != PROXY_DEAD)
			end_event(x, c, &c->near, e->events);
		break;
	case PROXY_FAR:
		c = CONTAINER_OF(w, struct proxy_client, far.watch);
		if (c->state != PROXY_DEAD && w->fd >= 0)
			end_event(x, c, &c->far, e->events);
		break;
	}
}

/* In each state, those whose time is over are the first ones. Returns ms until the next one's is; -1: never. */
static int look_at_time(struct proxy *x)
{
	uint64_t next = UINT64_MAX;

	for (unsigned i = 0; i < PROXY_STATES_TIMED; i++) {
		struct proxy_client *c;

		while ((c = TAILQ_FIRST(&x->in[i])) && x->now - c->since >= limit_ms[i])
			proxy_client_late(x, c);
		if (c)
			next = min_u64(next, c->since + limit_ms[i] - x->now);
	}
	return next == UINT64_MAX ? -1 : (int)next;
}

static void serve_ready(struct proxy *x)
{
	struct proxy_clients round = TAILQ_HEAD_INITIALIZER(round);
	struct proxy_client *c;

	TAILQ_CONCAT(&round, &x->ready, ready_link);
	while ((c = TAILQ_FIRST(&round))) {
		TAILQ_REMOVE(&round, c, ready_link);
		c->ready = false;
		go(x, c);
	}
}

static void serve(struct proxy *x)
{
	struct epoll_event ev[EVENTS_PER_ROUND];

	while (!x->stopping) {
		int timeout, n;

		x->now = now_ms();
		timeout = look_at_time(x);
		if (x->paused && (timeout < 0 || timeout > PAUSE_MS))
			timeout = PAUSE_MS;
		n = epoll_wait(x->epoll, ev, EVENTS_PER_ROUND,
		               TAILQ_EMPTY(&x->ready) ? timeout : 0);
		x->now = now_ms();
		for (int i = 0; i < n; i++)
			dispatch(x, &ev[i]);
		serve_ready(x);
		bury(x);
		if (x->paused && x->now - x->paused_at >= PAUSE_MS)
			pause_accepting(x, false);
	}
}

/* ---- beginning and end ---- */

static void address_text(const struct sockaddr_storage *at, char out[80])
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)at;
	const struct sockaddr_in *four = (const struct sockaddr_in *)at;
	char host[INET6_ADDRSTRLEN] = "?";

	if (at->ss_family == AF_INET6) {
		inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof(host));
		snprintf(out, 80, "[%s]:%u", host, ntohs(six->sin6_port));
	} else {
		inet_ntop(AF_INET, &four->sin_addr, host, sizeof(host));
		snprintf(out, 80, "%s:%u", host, ntohs(four->sin_port));
	}
}

static int open_listener(struct proxy *x, struct proxy_watch *w, const struct sockaddr_storage *at,
                         char why[COYO_WHY_MAX])
{
	bool six = at->ss_family == AF_INET6;
	socklen_t n = six ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	int on = 1;
	char text[80];

	address_text(at, text);
	w->kind = PROXY_LISTENER;
	w->fd = socket(at->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (w->fd < 0)
		return why_say(why, COYO_WHY_MAX, errno, "cannot make a socket for %s: %s", text,
		               strerror(errno));
	setsockopt(w->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (six)
		setsockopt(w->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(w->fd, (const struct sockaddr *)at, n) < 0 || listen(w->fd, BACKLOG) < 0)
		return why_say(why, COYO_WHY_MAX, errno, "cannot listen on %s: %s%s", text,
		               strerror(errno),
		               errno == EADDRINUSE ? "; name another port with -l ADDRESS:PORT"
		                                   : "");
	if (watch(x, w, EPOLLIN, EPOLL_CTL_ADD) < 0)
		return why_say(why, COYO_WHY_MAX, errno, "epoll refuses a socket: %s",
		               strerror(errno));
	return 0;
}

/* Two descriptors for each client are to be had. */
static unsigned clients_max(void)
{
	const rlim_t want = 2 * CLIENTS_MAX + 2 * ASSOCIATIONS_MAX + FDS_OWN;
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return 256;
	if (r.rlim_cur < want) {
		r.rlim_cur = min_u64(r.rlim_max, want);
		(void)setrlimit(RLIMIT_NOFILE, &r);
		(void)getrlimit(RLIMIT_NOFILE, &r);
	}
	if (r.rlim_cur < FDS_OWN + 2)
		return 1;
	return (unsigned)min_u64((r.rlim_cur - FDS_OWN) / 2, CLIENTS_MAX);
}

/* Signals come by a descriptor; blocked before any thread is made, so that none of them takes one. */
static int open_own(struct proxy *x, char why[COYO_WHY_MAX])
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	x->epoll = epoll_create1(EPOLL_CLOEXEC);
	x->signals =
	        (struct proxy_watch){PROXY_SIGNALS, signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
	x->found = (struct proxy_watch){PROXY_FOUND, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	if (x->epoll < 0 || x->signals.fd < 0 || x->found.fd < 0 ||
	    watch(x, &x->signals, EPOLLIN, EPOLL_CTL_ADD) < 0 ||
	    watch(x, &x->found, EPOLLIN, EPOLL_CTL_ADD) < 0)
		return why_say(why, COYO_WHY_MAX, errno, "out of file descriptors: %s",
		               strerror(errno));
	x->scratch = malloc(PROXY_CHUNK);
	x->finder = finder_new(x->cfg->socket, x->found.fd);
	x->associations = associations_new(x->cfg->idle_s);
	return x->scratch && x->finder && x->associations
	               ? 0
	               : why_say(why, COYO_WHY_MAX, ENOMEM, "out of memory");
}

static int open_all(struct proxy *x, char why[COYO_WHY_MAX])
{
	int r = open_own(x, why);

	for (unsigned i = 0; r == 0 && i < x->cfg->listeners; i++)
		r = open_listener(x, &x->listeners[i], &x->cfg->at[i], why);
	for (unsigned i = 0; r == 0 && i < x->cfg->listeners; i++) {
		struct sockaddr_storage at;
		socklen_t n = sizeof(at);
		char text[80];

		/* As the kernel has it: port 0 has become one. */
		if (getsockname(x->listeners[i].fd, (struct sockaddr *)&at, &n) == 0)
			address_text(&at, text);
		else
			address_text(&x->cfg->at[i], text);
		fprintf(stderr, "coyo: SOCKS5 and HTTP proxy on %s\n", text);
	}
	return r;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* Streams that stand are reset: what is cut off must not look whole. */
static void close_all(struct proxy *x)
{
	struct proxy_client *c;

	for (unsigned i = 0; i < PROXY_DEAD; i++)
		while ((c = TAILQ_FIRST(&x->in[i])))
			proxy_drop(x, c, true);
	bury(x);
	for (unsigned i = 0; i < x->cfg->listeners; i++)
		close_fd(x->listeners[i].fd);
	if (x->finder)
		finder_leave(x->finder);
	if (x->associations)
		associations_leave(x->associations);
	close_fd(x->found.fd);
	close_fd(x->signals.fd);
	close_fd(x->epoll);
	free(x->scratch);
}

int proxy_run(const struct proxy_cfg *cfg, char why[COYO_WHY_MAX])
{
	struct proxy x = {.cfg = cfg, .epoll = -1, .signals.fd = -1, .found.fd = -1};
	int r;

	for (unsigned i = 0; i < PROXY_LISTENERS_MAX; i++)
		x.listeners[i].fd = -1;
	for (unsigned i = 0; i <= PROXY_DEAD; i++)
		TAILQ_INIT(&x.in[i]);
	TAILQ_INIT(&x.ready);
	x.nclients_max = clients_max();
	r = open_all(&x, why);
	if (r == 0)
		serve(&x);
	close_all(&x);
	return r;
}
