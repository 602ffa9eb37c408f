/* SPDX-License-Identifier: BSD-3-Clause */
/* The resolver's loop: sockets of both kinds for each address, clients by TCP, and the end. */
#include "libcoyo/resolver/resolver.h"
#include "base/why.h"
#include "base/be.h"
#include "base/cc.h"
#include "libcoyo/dial.h"
#include "libcoyo/resolver/lookup.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS_MAX 64
#define IDLE_MS \
	10000 /* a client that neither says nor takes anything for so long is in the way of others */
#define PER_ROUND 32 /* questions of one socket before the others are looked at */
#define BACKLOG   64
#define PAUSE_MS  100
#define PORT_TEXT 80

/* A client by TCP: messages with their length before them (RFC 7766), answered in turn. */
struct client {
	int fd; /* -1: none */
	int64_t heard_ms;
	bool end; /* nothing more comes from it */
	size_t in, out, out_at;
	uint8_t query[2 + DNS_QUERY_MAX], answer[2 + DNS_ANSWER_MAX];
};

struct resolver {
	const struct resolver_cfg *cfg;
	struct resolver_lookup lookup;
	int signals, udp[RESOLVER_ADDRESSES_MAX], tcp[RESOLVER_ADDRESSES_MAX];
	struct client clients[CLIENTS_MAX];
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- questions by UDP ---- */

static void serve_udp(struct resolver *x, int fd)
{
	uint8_t query[DNS_QUERY_MAX], answer[DNS_ANSWER_MAX];

	for (unsigned i = 0; i < PER_ROUND; i++) {
		struct sockaddr_storage from;
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(fd, query, sizeof(query), MSG_DONTWAIT | MSG_TRUNC,
		                     (struct sockaddr *)&from, &from_len);
		size_t len;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return;
		len = (size_t)n <= sizeof(query)
		              ? resolver_answer(&x->lookup, query, (size_t)n, answer)
		              : 0;
		/* An answer for which there is no room is lost, as any datagram may be. */
		if (len > 0)
			(void)sendto(fd, answer, len, MSG_DONTWAIT | MSG_NOSIGNAL,
			             (struct sockaddr *)&from, from_len);
	}
}

/* ---- questions by TCP ---- */

static void leave(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

/* Sends what is left of an answer. False: the client is gone. */
static bool flush(struct client *c)
{
	while (c->out_at < c->out) {
		ssize_t n = send(c->fd, c->answer + c->out_at, c->out - c->out_at,
		                 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		c->out_at += (size_t)n;
		c->heard_ms = now_ms();
	}
	c->out = c->out_at = 0;
	return true;
}

/* Answers the first message, if it is there and the one before has been taken. 1: it was answered; 0: not yet; -1: this is no client. */
static int answer_one(struct resolver *x, struct client *c)
{
	size_t len = c->in >= 2 ? be16_load(c->query) : 0, n;

	if (c->out > 0 || c->in < 2)
		return 0;
	if (len > DNS_QUERY_MAX)
		return -1;
	if (c->in < 2 + len)
		return 0;
	n = resolver_answer(&x->lookup, c->query + 2, len, c->answer + 2);
	if (n == 0)
		return -1;
	be16_store(c->answer, (uint16_t)n);
	c->out = 2 + n;
	c->in -= 2 + len;
	memmove(c->query, c->query + 2 + len, c->in);
	return flush(c) ? 1 : -1;
}

/* Reads once. False: the client is gone. */
static bool take(struct client *c)
{
	ssize_t n;

	if (c->end || c->in == sizeof(c->query))
		return true;
	n = recv(c->fd, c->query + c->in, sizeof(c->query) - c->in, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->end = n == 0;
	c->in += (size_t)n;
	if (n > 0)
		c->heard_ms = now_ms();
	return true;
}

static void serve_client(struct resolver *x, struct client *c)
{
	int r = flush(c) && take(c) ? 1 : -1;

	while (r > 0)
		r = answer_one(x, c);
	/* Its last word may be half a question, but it waits for answers. */
	if (r < 0 || (r == 0 && c->end && c->out == 0))
		leave(c);
}

/* A place for a client: a free one, else that of whoever has been silent longest. */
static struct client *place(struct resolver *x)
{
	struct client *silent = &x->clients[0];

	for (unsigned i = 0; i < CLIENTS_MAX; i++) {
		struct client *c = &x->clients[i];

		if (c->fd < 0)
			return c;
		if (c->heard_ms < silent->heard_ms)
			silent = c;
	}
	leave(silent);
	return silent;
}

static void accept_client(struct resolver *x, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *c;

	if (fd < 0) {
		/* The socket stays readable: no turn after turn until descriptors are to be had. */
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			(void)poll(NULL, 0, PAUSE_MS);
		return;
	}
	c = place(x);
	c->fd = fd;
	c->heard_ms = now_ms();
	c->end = false;
	c->in = c->out = c->out_at = 0;
}

/* ---- the loop ---- */

/* Whoever does not take an answer is not heard. */
static short wanted(const struct client *c)
{
	return c->out > 0 ? POLLOUT : POLLIN;
}

static void drop_silent(struct resolver *x, int64_t now)
{
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		if (x->clients[i].fd >= 0 && now - x->clients[i].heard_ms >= IDLE_MS)
			leave(&x->clients[i]);
}

static bool any_client(const struct resolver *x)
{
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		if (x->clients[i].fd >= 0)
			return true;
	return false;
}

static void serve(struct resolver *x)
{
	unsigned n = x->cfg->addresses;
	struct pollfd p[1 + 2 * RESOLVER_ADDRESSES_MAX + CLIENTS_MAX], *clients = p + 1 + 2 * n;

	p[0] = (struct pollfd){.fd = x->signals, .events = POLLIN};
	for (unsigned i = 0; i < n; i++) {
		p[1 + i] = (struct pollfd){.fd = x->udp[i], .events = POLLIN};
		p[1 + n + i] = (struct pollfd){.fd = x->tcp[i], .events = POLLIN};
	}
	for (;;) {
		for (unsigned i = 0; i < CLIENTS_MAX; i++)
			clients[i] = (struct pollfd){.fd = x->clients[i].fd,
			                             .events = wanted(&x->clients[i])};
		if (poll(p, 1 + 2 * n + CLIENTS_MAX, any_client(x) ? 1000 : -1) < 0)
			continue;
		if (p[0].revents)
			return;
		for (unsigned i = 0; i < CLIENTS_MAX; i++)
			if (clients[i].revents)
				serve_client(x, &x->clients[i]);
		for (unsigned i = 0; i < n; i++) {
			if (p[1 + i].revents)
				serve_udp(x, x->udp[i]);
			if (p[1 + n + i].revents)
				accept_client(x, x->tcp[i]);
		}
		drop_silent(x, now_ms());
	}
}

/* ---- beginning and end ---- */

static socklen_t length_of(const struct sockaddr_storage *at)
{
	return at->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

static void address_text(const struct sockaddr_storage *at, char out[PORT_TEXT])
{
	char host[48] = "?", port[8] = "?";

	(void)getnameinfo((const struct sockaddr *)at, length_of(at), host, sizeof(host), port,
	                  sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(out, PORT_TEXT, at->ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

/* What to do about a port that is not to be had. */
static const char *advice(int err)
{
	if (err == EADDRINUSE)
		return "; another resolver has it: name another address or port with -l";
	if (err == EACCES)
		return "; ports below 1024 take root, CAP_NET_BIND_SERVICE or a lower "
		       "net.ipv4.ip_unprivileged_port_start: name another with -l";
	return "";
}

static int open_socket(const struct sockaddr_storage *at, int type, int *fd, char why[COYO_WHY_MAX])
{
	char text[PORT_TEXT];
	int on = 1;

	address_text(at, text);
	*fd = socket(at->ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd < 0)
		return why_say(why, COYO_WHY_MAX, errno, "cannot make a socket for %s: %s", text,
		               strerror(errno));
	if (type == SOCK_STREAM)
		(void)setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(*fd, (const struct sockaddr *)at, length_of(at)) < 0 ||
	    (type == SOCK_STREAM && listen(*fd, BACKLOG) < 0))
		return why_say(why, COYO_WHY_MAX, errno, "cannot answer on %s: %s%s", text,
		               strerror(errno), advice(errno));
	return 0;
}

static int open_all(struct resolver *x, char why[COYO_WHY_MAX])
{
	sigset_t set;
	int r = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	x->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (x->signals < 0)
		return why_say(why, COYO_WHY_MAX, errno, "out of file descriptors: %s",
		               strerror(errno));
	for (unsigned i = 0; r == 0 && i < x->cfg->addresses; i++) {
		r = open_socket(&x->cfg->at[i], SOCK_DGRAM, &x->udp[i], why);
		if (r == 0)
			r = open_socket(&x->cfg->at[i], SOCK_STREAM, &x->tcp[i], why);
	}
	for (unsigned i = 0; r == 0 && i < x->cfg->addresses; i++) {
		char text[PORT_TEXT];

		address_text(&x->cfg->at[i], text);
		fprintf(stderr, "coyo: resolver of names below coyo on %s\n", text);
	}
	return r;
}

static void close_all(struct resolver *x)
{
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		leave(&x->clients[i]);
	for (unsigned i = 0; i < x->cfg->addresses; i++) {
		if (x->udp[i] >= 0)
			close(x->udp[i]);
		if (x->tcp[i] >= 0)
			close(x->tcp[i]);
	}
	if (x->signals >= 0)
		close(x->signals);
}

int resolver_run(const struct resolver_cfg *cfg, char why[COYO_WHY_MAX])
{
	static struct resolver x; /* too large for a stack */
	int r;

	x = (struct resolver){.cfg = cfg, .signals = -1};
	x.lookup = (struct resolver_lookup){.socket = cfg->socket, .prefix = cfg->prefix};
	for (unsigned i = 0; i < RESOLVER_ADDRESSES_MAX; i++)
		x.udp[i] = x.tcp[i] = -1;
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		x.clients[i].fd = -1;
	r = open_all(&x, why);
	if (r == 0)
		serve(&x);
	close_all(&x);
	return r;
}
