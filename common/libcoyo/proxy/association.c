/* SPDX-License-Identifier: BSD-3-Clause */
/* Datagrams between a client and the network, one thread for both directions. */
#include "libcoyo/proxy/association.h"
#include "base/cc.h"
#include "ipc/appdgram.h"
#include "libcoyo/coyo.h"
#include "libcoyo/proxy/asked.h"
#include "libcoyo/proxy/request.h"
#include "libcoyo/proxy/tell.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BURST 32 /* datagrams of one side before the other has its turn */

/* Why datagrams were dropped: X(NAME, what a line on standard error says of the first). */
#define DROPS(X)                                                                           \
	X(FOREIGN, "a datagram for the association came from another address: dropped")    \
	X(BROKEN, "the head of a datagram is none of SOCKS5: dropped")                     \
	X(FRAGMENT, "fragments of datagrams are not taken: dropped")                       \
	X(NOT_OURS, "this is no name or id of this network, and datagrams go to no other") \
	X(NO_NAME, "no such name: the datagram is dropped")                                \
	X(TOO_LONG, "the datagram is longer than the path there carries: dropped")         \
	X(FULL, "datagrams come faster than they can go on: dropped")                      \
	X(UNREACHED, "nobody took the datagram there")                                     \
	X(UNASKED, "a datagram came from a port that was not sent to: dropped")

enum drop {
#define DROP_ENUM(NAME, text) DROP_##NAME,
	DROPS(DROP_ENUM)
#undef DROP_ENUM
	        DROP_REASONS
};

static const char *const drop_text[] = {
#define DROP_TEXT(NAME, text) text,
        DROPS(DROP_TEXT)
#undef DROP_TEXT
};

struct association {
	int client;  /* UDP, towards the client */
	int network; /* a handle of libcoyo; -1: none yet */
	int loop;    /* a stream to the proxy's loop */
	bool pinned; /* `client` is connected: the kernel passes on nothing from elsewhere */
	bool over;
	struct sockaddr_storage peer; /* the client's address; its port once it is pinned */
	socklen_t peer_len;
	char who[INET6_ADDRSTRLEN];
	uint64_t dropped[DROP_REASONS];
	struct asked_list asked;
};

/* ---- its sockets ---- */

static in_port_t *port_of(struct sockaddr_storage *at)
{
	return at->ss_family == AF_INET6 ? &((struct sockaddr_in6 *)at)->sin6_port
	                                 : &((struct sockaddr_in *)at)->sin_port;
}

/* The bytes of the address; *n: how many. */
static const void *host_of(const struct sockaddr_storage *at, size_t *n)
{
	bool six = at->ss_family == AF_INET6;

	*n = six ? 16 : 4;
	return six ? (const void *)&((const struct sockaddr_in6 *)at)->sin6_addr
	           : (const void *)&((const struct sockaddr_in *)at)->sin_addr;
}

static bool same_host(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	size_t n, k;
	const void *p = host_of(a, &n), *q = host_of(b, &k);

	return a->ss_family == b->ss_family && memcmp(p, q, n) == 0;
}

/* Datagrams come from there alone from now on. */
static bool pin(struct association *a, in_port_t port)
{
	*port_of(&a->peer) = port;
	a->pinned = connect(a->client, (struct sockaddr *)&a->peer, a->peer_len) == 0;
	return a->pinned;
}

/* The UDP socket is bound where the client has reached the proxy. False: errno. */
static bool open_client(struct association *a, int tcp, uint16_t port)
{
	struct sockaddr_storage here;
	socklen_t n = sizeof(here);
	size_t bytes;

	a->peer_len = sizeof(a->peer);
	if (getpeername(tcp, (struct sockaddr *)&a->peer, &a->peer_len) < 0 ||
	    getsockname(tcp, (struct sockaddr *)&here, &n) < 0)
		return false;
	(void)inet_ntop(a->peer.ss_family, host_of(&a->peer, &bytes), a->who, sizeof(a->who));
	*port_of(&here) = *port_of(&a->peer) = 0;
	a->client = socket(here.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return a->client >= 0 && bind(a->client, (struct sockaddr *)&here, n) == 0 &&
	       (port == 0 || pin(a, htons(port)));
}

struct association *association_new(int client, uint16_t port, int *end, int *err)
{
	struct association *a = calloc(1, sizeof(*a));
	int pair[2] = {-1, -1};

	*err = -ENOMEM;
	if (!a)
		return NULL;
	a->client = a->network = a->loop = -1;
	if (open_client(a, client, port) &&
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0) {
		a->loop = pair[0];
		*end = pair[1];
		return a;
	}
	*err = -errno;
	association_free(a);
	return NULL;
}

bool association_same_client(const struct association *a, const struct association *b)
{
	return same_host(&a->peer, &b->peer);
}

void association_free(struct association *a)
{
	if (a->client >= 0)
		close(a->client);
	if (a->network >= 0)
		coyo_close(a->network);
	if (a->loop >= 0)
		close(a->loop);
	free(a);
}

/* ---- what is dropped ---- */

/* The first of each reason is told; all are counted, and told at the end. */
static void drop(struct association *a, enum drop reason, const struct proxy_address *to)
{
	if (a->dropped[reason]++ == 0)
		proxy_tell(to ? to->host : a->who, to ? to->port : ntohs(*port_of(&a->peer)),
		           drop_text[reason]);
}

static void tell_drops(struct association *a)
{
	for (unsigned i = 0; i < DROP_REASONS; i++) {
		char text[160];

		if (a->dropped[i] < 2)
			continue;
		snprintf(text, sizeof(text), "%llu times: %s", (unsigned long long)a->dropped[i],
		         drop_text[i]);
		proxy_tell(a->who, ntohs(*port_of(&a->peer)), text);
	}
}

/* ---- from the client ---- */

/* Whether the socket of the network is of no use any more: the daemon has ended. Others are about one datagram. */
static bool is_over(int err)
{
	return err == ENETDOWN || err == EPROTO || err == EBADF;
}

static bool is_literal(const char *host)
{
	uint8_t bytes[16];

	return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

/* Who is meant; NULL: nobody, which is counted. May wait for the daemon's answer to a name. */
static struct asked *look_up(struct association *a, const struct proxy_head *h)
{
	struct asked *to = asked_find(&a->asked, h->asked, h->asked_n);
	char why[COYO_WHY_MAX];
	struct node_id id;

	if (to) {
		asked_touch(&a->asked, to);
		return to;
	}
	if (is_literal(h->to.host)) {
		drop(a, DROP_NOT_OURS, &h->to);
		return NULL;
	}
	if (coyo_resolve(NULL, h->to.host, id.b, why) < 0) {
		drop(a, DROP_NO_NAME, &h->to);
		return NULL;
	}
	return asked_add(&a->asked, h, &id);
}

static ssize_t send_on(struct association *a, const struct asked *to, const uint8_t *p, size_t n)
{
	struct sockaddr_coyo at = {.scoyo_family = AF_COYO, .scoyo_port = htons(to->port)};

	memcpy(at.scoyo_id, to->id.b, sizeof(at.scoyo_id));
	return coyo_sendto(a->network, p, n, MSG_DONTWAIT, (struct sockaddr *)&at, sizeof(at));
}

static void pass_out(struct association *a, const uint8_t *p, size_t n, size_t whole)
{
	struct proxy_head h;
	enum proxy_head_fault fault = proxy_head_read(p, n, &h);
	struct asked *to;

	if (fault != PROXY_HEAD_FINE) {
		drop(a, fault == PROXY_HEAD_FRAGMENT ? DROP_FRAGMENT : DROP_BROKEN, NULL);
		return;
	}
	to = look_up(a, &h);
	if (!to)
		return;
	if (whole > n || whole - h.bytes > APPDGRAM_MOST) {
		drop(a, DROP_TOO_LONG, &h.to);
		return;
	}
	/* What one call returns may be about an earlier datagram: then this one is sent again. */
	for (unsigned i = 0; i < 2 && send_on(a, to, p + h.bytes, n - h.bytes) < 0; i++) {
		a->over = is_over(errno);
		if (errno == EMSGSIZE || errno == EAGAIN || a->over) {
			if (!a->over)
				drop(a, errno == EAGAIN ? DROP_FULL : DROP_TOO_LONG, &h.to);
			return;
		}
		drop(a, DROP_UNREACHED, &h.to);
	}
}

/* The next datagram of the client. False: none. */
static bool take_out(struct association *a)
{
	uint8_t buf[PROXY_DATAGRAM_HEAD_MAX + APPDGRAM_MOST];
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	ssize_t n =
	        recvfrom(a->client, buf, sizeof(buf), MSG_TRUNC, (struct sockaddr *)&from, &len);
	size_t have = n > 0 ? min_u64((uint64_t)n, sizeof(buf)) : 0;
	struct proxy_head h;

	/* That nobody listens at the client's port any more is its own affair. */
	if (n < 0)
		return errno == ECONNREFUSED;
	if (!a->pinned && !same_host(&from, &a->peer)) {
		drop(a, DROP_FOREIGN, NULL);
		return true;
	}
	/* The first one that is whole says from which port the others come. */
	if (!a->pinned && proxy_head_read(buf, have, &h) == PROXY_HEAD_FINE &&
	    !pin(a, *port_of(&from)))
		return true;
	pass_out(a, buf, have, (size_t)n);
	return true;
}

/* ---- to the client ---- */

/* The next datagram of the network. False: none. */
static bool take_in(struct association *a)
{
	uint8_t data[APPDGRAM_MOST], head[PROXY_DATAGRAM_HEAD_MAX];
	struct sockaddr_coyo from;
	socklen_t len = sizeof(from);
	ssize_t n = coyo_recvfrom(a->network, data, sizeof(data), MSG_DONTWAIT,
	                          (struct sockaddr *)&from, &len);
	struct iovec iov[2] = {{head, 0}, {data, n > 0 ? (size_t)n : 0}};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};
	const struct asked *who;
	struct node_id id;

	if (n < 0) {
		a->over = is_over(errno);
		if (errno == EAGAIN || a->over)
			return false;
		drop(a, DROP_UNREACHED, NULL);
		return true;
	}
	memcpy(id.b, from.scoyo_id, sizeof(id.b));
	who = asked_of(&a->asked, &id, ntohs(from.scoyo_port));
	if (!who) {
		drop(a, DROP_UNASKED, NULL);
		return true;
	}
	iov[0].iov_len = proxy_head_write(who->address, who->address_n, head);
	if (sendmsg(a->client, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EAGAIN)
		drop(a, DROP_FULL, NULL);
	return true;
}

/* ---- its course ---- */

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* What the client still sends over TCP means nothing. True: it has ended. */
static bool loop_ended(const struct association *a)
{
	uint8_t unused[512];
	ssize_t n;

	do {
		n = recv(a->loop, unused, sizeof(unused), 0);
	} while (n > 0 || (n < 0 && errno == EINTR));
	return n == 0 || errno != EAGAIN;
}

/* One turn; false: it is over. *since: when a datagram came last. */
static bool turn(struct association *a, uint64_t *since, uint64_t idle_ms)
{
	struct pollfd p[] = {{a->client, POLLIN, 0}, {a->network, POLLIN, 0}, {a->loop, POLLIN, 0}};
	uint64_t passed = now_ms() - *since;
	unsigned i;

	if (passed >= idle_ms) {
		proxy_tell(a->who, ntohs(*port_of(&a->peer)),
		           "the association carried nothing for a while, and is ended");
		return false;
	}
	if (coyo_poll(p, ARRAY_LEN(p), (int)(idle_ms - passed)) < 0)
		return errno == EINTR;
	for (i = 0; p[0].revents && i < BURST && !a->over && take_out(a); i++)
		*since = now_ms();
	for (i = 0; p[1].revents && i < BURST && !a->over && take_in(a); i++)
		*since = now_ms();
	return !a->over && !(p[2].revents && loop_ended(a));
}

/* The socket of the network, with a port that is free. 0 or a negative errno. */
static int open_network(struct association *a)
{
	const struct sockaddr_coyo any = {.scoyo_family = AF_COYO};

	a->network = coyo_socket(AF_COYO, SOCK_DGRAM, 0);
	if (a->network < 0 || coyo_bind(a->network, (const struct sockaddr *)&any, sizeof(any)) < 0)
		return -errno;
	return 0;
}

/* The reply to the client's request. */
static void answer(struct association *a, int err, struct proxy_reply *reply)
{
	const struct proxy_request r = {.protocol = PROXY_ASSOCIATE};
	struct sockaddr_storage here;
	socklen_t len = sizeof(here);
	const void *host;
	size_t n;

	if (err == 0 && getsockname(a->client, (struct sockaddr *)&here, &len) == 0) {
		host = host_of(&here, &n);
		proxy_answer_associated(host, n, ntohs(*port_of(&here)), reply);
		return;
	}
	proxy_answer(&r, PROXY_FAILED, "", reply);
}

void association_serve(struct association *a, unsigned idle_s)
{
	uint64_t since = now_ms();
	int err = open_network(a);
	struct proxy_reply reply;

	if (err)
		proxy_tell(a->who, 0,
		           err == -ENOBUFS || err == -EMFILE
		                   ? "no association: the daemon has no more room for this "
		                     "program's sockets"
		                   : strerror(-err));
	answer(a, err, &reply);
	/* It fits an empty socket. */
	if (send(a->loop, reply.text, reply.len, MSG_NOSIGNAL) < 0 || err)
		return;
	while (turn(a, &since, (uint64_t)idle_s * 1000))
		;
	tell_drops(a);
}
