/* SPDX-License-Identifier: BSD-3-Clause */
/* A client until it relays: its request is read, what it wants is looked up and connected, and it is answered. */
#include "libcoyo/proxy/proxy.h"
#include "libcoyo/proxy/associate.h"
#include "libcoyo/proxy/tell.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BYTES_FIRST 1024
#define AGAIN_MAX   1500 /* times that a daemon with too many callers is asked: half a minute */

static const char not_ours[] = "this is no name or id of this network; `coyo proxy --direct` "
                               "passes such to the ordinary one";

/* The last reply, and then the end: nothing that is still being looked up begins anything more. */
static void say_last(struct proxy *x, struct proxy_client *c, const struct proxy_reply *reply)
{
	if (c->asking->lookup)
		c->asking->lookup->client = NULL;
	c->asking->lookup = NULL;
	proxy_end_close(&c->far, true);
	if (c->near.held_n || !proxy_end_send(&c->near, reply->text, reply->len)) {
		proxy_drop(x, c, true);
		return;
	}
	proxy_enter(x, c, PROXY_ENDING);
	proxy_ready(x, c);
}

static void fail(struct proxy *x, struct proxy_client *c, enum proxy_outcome outcome,
                 const char *why)
{
	struct proxy_reply reply;

	proxy_tell(c->asking->request.to.host, c->asking->request.to.port, why);
	proxy_answer(&c->asking->request, outcome, why, &reply);
	say_last(x, c, &reply);
}

/* What an attempt over either network has met. */
static enum proxy_outcome outcome_of(int err)
{
	switch (err) {
	case ECONNREFUSED:
		return PROXY_DENIED;
	case EHOSTUNREACH:
		return PROXY_UNREACHABLE;
	case ENETUNREACH:
		return PROXY_NO_NETWORK;
	case ETIMEDOUT:
		return PROXY_TIMED_OUT;
	default:
		return PROXY_FAILED;
	}
}

/* The client has its stream, or its association, which tells it by itself: it is told so, and what it has sent already goes on. */
static void opened(struct proxy *x, struct proxy_client *c)
{
	struct proxy_asking *a = c->asking;
	struct proxy_reply reply;

	proxy_answer(&a->request, PROXY_OPEN, NULL, &reply);
	c->far.can_write = true;
	if (!proxy_end_send(&c->near, reply.text, reply.len) ||
	    !proxy_end_send(&c->far, a->bytes, a->n)) {
		proxy_drop(x, c, true);
		return;
	}
	free(a->bytes);
	free(a);
	c->asking = NULL;
	proxy_enter(x, c, PROXY_RELAYING);
	proxy_ready(x, c);
}

/* ---- the ordinary network ---- */

/* Begins with the next address. 0, or -errno of the last one. */
static int next_direct(struct proxy *x, struct proxy_client *c)
{
	struct proxy_asking *a = c->asking;
	int err = ENXIO;

	while (a->tried < a->ndirect) {
		struct sockaddr_storage *to = &a->direct[a->tried++];
		bool six = to->ss_family == AF_INET6;
		int fd = socket(to->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		*(six ? &((struct sockaddr_in6 *)to)->sin6_port
		      : &((struct sockaddr_in *)to)->sin_port) = htons(a->request.to.port);
		err = errno;
		if (fd < 0)
			continue;
		proxy_tcp_options(fd);
		if ((connect(fd, (struct sockaddr *)to,
		             six ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in)) == 0 ||
		     errno == EINPROGRESS) &&
		    proxy_watch_end(x, &c->far, fd) == 0)
			return 0;
		err = errno;
		close(fd);
	}
	return -err;
}

static void go_direct(struct proxy *x, struct proxy_client *c)
{
	char why[COYO_WHY_MAX];
	int r = next_direct(x, c);

	if (r == 0)
		return;
	snprintf(why, sizeof(why), "over the ordinary network: %s", strerror(-r));
	fail(x, c, outcome_of(-r), why);
}

static void direct_event(struct proxy *x, struct proxy_client *c)
{
	struct sockaddr_storage peer;
	socklen_t n = sizeof(peer);

	if (getpeername(c->far.watch.fd, (struct sockaddr *)&peer, &n) == 0) {
		opened(x, c);
	} else if (c->far.hup) {
		int err = 0;

		n = sizeof(err);
		getsockopt(c->far.watch.fd, SOL_SOCKET, SO_ERROR, &err, &n);
		proxy_end_close(&c->far, false);
		if (c->asking->tried < c->asking->ndirect) {
			go_direct(x, c);
			return;
		}
		fail(x, c, outcome_of(err), strerror(err));
	}
}

/* Whether host is an address of the ordinary network, which is put to those to be tried. */
static bool literal(struct proxy_asking *a)
{
	struct sockaddr_in *four = (struct sockaddr_in *)&a->direct[0];
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&a->direct[0];

	a->ndirect = 1;
	if (inet_pton(AF_INET, a->request.to.host, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
	} else if (inet_pton(AF_INET6, a->request.to.host, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
	} else {
		a->ndirect = 0;
	}
	return a->ndirect > 0;
}

/* ---- this network ---- */

/* Asks the daemon for a stream. */
static void go_ours(struct proxy *x, struct proxy_client *c)
{
	struct sockaddr_coyo *to = &c->asking->to;
	char why[COYO_WHY_MAX];
	int fd;

	to->scoyo_family = AF_COYO;
	to->scoyo_port = htons(c->asking->request.to.port);
	fd = coyo_client_connect_start(x->cfg->socket, to, why);
	if (fd == -EAGAIN && ++c->asking->again < AGAIN_MAX) {
		proxy_enter(x, c, PROXY_AGAIN);
	} else if (fd < 0) {
		fail(x, c, PROXY_NO_DAEMON, why);
	} else if (proxy_watch_end(x, &c->far, fd) < 0) {
		close(fd);
		fail(x, c, PROXY_FAILED, "out of memory");
	}
}

static void ours_event(struct proxy *x, struct proxy_client *c)
{
	char why[COYO_WHY_MAX];
	int fd = coyo_client_connect_finish(c->far.watch.fd, NULL, why);

	if (fd == -EAGAIN)
		return;
	proxy_end_close(&c->far, false);
	c->far.stream = true;
	if (fd < 0) {
		fail(x, c, fd == -ECONNABORTED ? PROXY_NO_DAEMON : outcome_of(-fd), why);
	} else if (proxy_watch_end(x, &c->far, fd) < 0) {
		close(fd);
		fail(x, c, PROXY_FAILED, "out of memory");
	} else {
		opened(x, c);
	}
}

void proxy_client_far(struct proxy *x, struct proxy_client *c)
{
	if (c->asking->ndirect)
		direct_event(x, c);
	else
		ours_event(x, c);
}

/* ---- names ---- */

static void look_up(struct proxy *x, struct proxy_client *c)
{
	struct proxy_lookup *l = calloc(1, sizeof(*l));

	if (l) {
		l->client = c;
		l->direct = x->cfg->direct;
		memcpy(l->host, c->asking->request.to.host, sizeof(l->host));
		if (finder_start(x->finder, l)) {
			c->asking->lookup = l;
			return;
		}
	}
	free(l);
	fail(x, c, PROXY_FAILED, "out of memory");
}

void proxy_client_found(struct proxy *x, struct proxy_client *c, struct proxy_lookup *l)
{
	c->asking->lookup = NULL;
	if (l->err == 0 && l->ours) {
		memcpy(c->asking->to.scoyo_id, l->id, sizeof(l->id));
		go_ours(x, c);
	} else if (l->err == 0) {
		memcpy(c->asking->direct, l->at, sizeof(l->at));
		c->asking->ndirect = l->n;
		go_direct(x, c);
	} else if (l->ours || x->cfg->direct) {
		fail(x, c, PROXY_NO_NAME, l->why);
	} else {
		fail(x, c, PROXY_NOT_OURS, not_ours);
	}
}

/* ---- datagrams ---- */

/* From now on the association speaks to the client. */
static void associate(struct proxy *x, struct proxy_client *c)
{
	char why[COYO_WHY_MAX];
	int fd = associations_start(x->associations, c->near.watch.fd, c->asking->request.to.port,
	                            why);

	if (fd < 0) {
		fail(x, c, PROXY_FAILED, why);
	} else if (proxy_watch_end(x, &c->far, fd) < 0) {
		close(fd);
		fail(x, c, PROXY_FAILED, "out of memory");
	} else {
		opened(x, c);
	}
}

/* The request is known. An id that was mistyped is looked up, too, to be refused for what is wrong with it. */
static void wanted(struct proxy *x, struct proxy_client *c)
{
	struct proxy_asking *a = c->asking;

	proxy_enter(x, c, PROXY_OPENING);
	if (a->request.protocol == PROXY_ASSOCIATE)
		associate(x, c);
	else if (coyo_parse_id(a->request.to.host, a->to.scoyo_id, NULL) == 0)
		go_ours(x, c);
	else if (!literal(a))
		look_up(x, c);
	else if (x->cfg->direct)
		go_direct(x, c);
	else
		fail(x, c, PROXY_NOT_OURS, not_ours);
}

/* ---- the request ---- */

static void use(struct proxy_asking *a, size_t n)
{
	a->n -= n;
	memmove(a->bytes, a->bytes + n, a->n);
}

/* The head of a request that is passed on takes the place of the one that came. */
static bool rewrite_head(struct proxy_asking *a, size_t used)
{
	char *out = malloc(PROXY_FORWARD_MAX(used) + a->n - used);
	size_t n;

	if (!out)
		return false;
	n = proxy_forward_head(&a->request, (const char *)a->bytes, used, out);
	memcpy(out + n, a->bytes + used, a->n - used);
	free(a->bytes);
	a->bytes = (uint8_t *)out;
	a->n = n + a->n - used;
	return true;
}

/* Carries out the messages that have come. False: more has to come first. */
static bool work(struct proxy *x, struct proxy_client *c)
{
	struct proxy_asking *a = c->asking;
	struct proxy_reply reply;
	size_t used;

	switch (proxy_read(&a->request, x->cfg->login, a->bytes, a->n, &used, &reply)) {
	case PROXY_MORE:
		return false;
	case PROXY_NEXT:
		use(a, used);
		if (c->near.held_n || !proxy_end_send(&c->near, reply.text, reply.len))
			proxy_drop(x, c, true);
		break;
	case PROXY_REFUSED:
		use(a, used);
		say_last(x, c, &reply);
		break;
	case PROXY_WANTED:
		if (a->request.protocol != PROXY_FORWARD)
			use(a, used);
		else if (!rewrite_head(a, used)) {
			proxy_drop(x, c, true);
			break;
		}
		wanted(x, c);
		break;
	}
	return true;
}

/* Receives what fits. False: nothing came, or the client is gone. */
static bool receive(struct proxy *x, struct proxy_client *c)
{
	struct proxy_asking *a = c->asking;
	ssize_t n;

	if (a->n == a->cap) {
		size_t cap = a->cap ? 2 * a->cap : BYTES_FIRST;
		uint8_t *bytes = cap <= PROXY_HEAD_MAX ? realloc(a->bytes, cap) : NULL;

		if (!bytes) {
			proxy_drop(x, c, true);
			return false;
		}
		a->bytes = bytes;
		a->cap = cap;
	}
	n = recv(c->near.watch.fd, a->bytes + a->n, a->cap - a->n, MSG_DONTWAIT);
	if (n > 0) {
		a->n += (size_t)n;
		return true;
	}
	c->near.can_read = false;
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		proxy_drop(x, c, n < 0);
	return false;
}

/* What the client still sends is thrown away: unread, it would turn the end into a reset, which takes the reply away from him. */
static void end(struct proxy *x, struct proxy_client *c)
{
	struct proxy_end *e = &c->near;
	ssize_t n;

	proxy_end_flush(e);
	if (e->held_n)
		return;
	if (!e->shut)
		shutdown(e->watch.fd, SHUT_WR);
	e->shut = true;
	n = recv(e->watch.fd, x->scratch, PROXY_CHUNK, MSG_DONTWAIT);
	if (n > 0)
		proxy_ready(x, c);
	else if (n == 0 || errno != EAGAIN)
		proxy_drop(x, c, false);
}

void proxy_client_go(struct proxy *x, struct proxy_client *c)
{
	while (c->state == PROXY_ASKING) {
		proxy_end_flush(&c->near);
		if (c->asking->n > 0 && work(x, c))
			continue;
		if (c->state != PROXY_ASKING || !c->near.can_read || !receive(x, c))
			break;
	}
	if (c->state == PROXY_ENDING)
		end(x, c);
}

void proxy_client_late(struct proxy *x, struct proxy_client *c)
{
	struct proxy_reply reply;

	switch (c->state) {
	case PROXY_ASKING:
		proxy_answer_late(&c->asking->request, &reply);
		say_last(x, c, &reply);
		break;
	case PROXY_OPENING:
		fail(x, c, PROXY_TIMED_OUT, "no answer in time");
		break;
	case PROXY_AGAIN:
		proxy_enter(x, c, PROXY_OPENING);
		go_ours(x, c);
		break;
	default:
		proxy_drop(x, c, true);
		break;
	}
}
