/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams on their way to whoever listens. A stream is handed over by a line in the client's socket; what the kernel still counts for that
 * socket tells how many lines the client has not taken. No more than a few lie there: the others wait in TCP, whose backlog bounds them. */
#include "app/gw_accept.h"
#include "app/gw_attach.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define AHEAD_MAX 32u
#define HERE_MAX  64u

int gw_divide_backlog(struct gateway *g, struct gw_listener *l, uint32_t backlog)
{
	l->ahead = (uint32_t)max_u64(1, min_u64(backlog / 8, AHEAD_MAX));
	l->backlog = backlog + 1 - l->ahead;
	l->here_max = (uint32_t)min_u64(backlog + 1, HERE_MAX);
	l->order_cap = g->nbridges * l->ahead + l->here_max;
	l->order = calloc(l->order_cap, 1);
	return l->order ? 0 : -ENOMEM;
}

/* syscalls: socketpair ioctl close */
uint32_t gw_line_cost(void)
{
	struct app_answer ans = {.type = APP_ANS_ACCEPT, .has_end = true, .port = UINT16_MAX};
	struct gw_client c;
	int fd[2], queued = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
		return 1;
	c.fd = fd[0];
	if (gw_send_line(&c, &ans, -1) < 0 || ioctl(fd[0], SIOCOUTQ, &queued) < 0)
		queued = 0;
	close(fd[0]);
	close(fd[1]);
	return queued > 0 ? (uint32_t)queued : 1;
}

/* Lines in the client's socket that it has not taken, others than accept lines among them.
 * syscalls: ioctl */
static uint32_t untaken(const struct gateway *g, const struct gw_client *c)
{
	int queued;

	if (ioctl(c->fd, SIOCOUTQ, &queued) < 0 || queued <= 0)
		return 0;
	/* The kernel gives a line back in two steps and tells of the first: of the line that is going one byte is still counted then, and no
	 * other edge would come. */
	return ((uint32_t)queued + g->line_cost - 2) / g->line_cost;
}

static void lies_untaken(struct gw_listener *l, unsigned worker)
{
	COYO_ASSERT(l->order_n < l->order_cap);
	l->order[(l->order_first + l->order_n++) % l->order_cap] = (uint8_t)worker;
	l->here_n += worker == GW_HERE;
}

void gw_credit(struct gateway *g, struct gw_listener *l, unsigned worker)
{
	l->at[worker].taken++;
	gw_listener_owe(g, l);
}

static void here(struct gateway *g, struct gw_listener *l, struct gw_client *c,
                 const struct node_id *id);

void gw_look_taken(struct gateway *g, struct gw_listener *l)
{
	uint32_t left = l->order_n ? untaken(g, l->client) : 0;
	struct gw_client *c;

	while (l->order_n > left) {
		unsigned worker = l->order[l->order_first];

		l->order_first = (l->order_first + 1) % l->order_cap;
		l->order_n--;
		if (worker == GW_HERE)
			l->here_n--;
		else
			gw_credit(g, l, worker);
	}
	while (l->client && l->here_n < l->here_max && (c = TAILQ_FIRST(&l->here))) {
		TAILQ_REMOVE(&l->here, c, here_link);
		c->here = NULL;
		here(g, l, c, &g->id);
		gw_client_not_busy(g, c);
	}
}

/* ---- from other nodes ---- */

static int pass_one(struct gateway *g, struct gw_client *c, struct gw_stream *s)
{
	struct app_answer ans = {
	        .type = APP_ANS_ACCEPT, .has_end = true, .id = s->id, .port = s->port};
	int r = gw_send_line(c, &ans, s->app_fd);

	if (r < 0)
		return r;
	lies_untaken(c->listener, s->worker);
	gw_close(g, &s->app_fd);
	s->client = NULL;
	gw_stream_ready(g, s);
	return 0;
}

void gw_pass_on(struct gateway *g, struct gw_client *c)
{
	struct gw_stream *s;

	/* Nothing comes before the answer to `listen`. */
	while (!c->busy && (s = TAILQ_FIRST(&c->accepted))) {
		int r = pass_one(g, c, s);

		if (r == -EAGAIN)
			return;
		if (r < 0) {
			gw_client_free(g, c);
			return;
		}
		TAILQ_REMOVE(&c->accepted, s, wait_link);
	}
}

struct gw_stream *gw_accepted(struct gateway *g, unsigned worker, const struct bridge_msg *m)
{
	struct gw_listener *l = gw_listener_of(g, m->token);
	struct gw_stream *s = gw_stream_new(g, worker);

	if (s) {
		s->id = m->id;
		s->port = m->port;
		s->conn = m->conn;
		s->attached = true;
		gw_stream_owe(g, s, OWE_ATTACH);
	}
	if (s && l && gw_client_may_hold(g, l->client, 1) && gw_stream_pair(g, s) == 0) {
		s->client = l->client;
		gw_stream_of(s, l->client);
		TAILQ_INSERT_TAIL(&l->client->accepted, s, wait_link);
		gw_pass_on(g, l->client);
		return s;
	}
	/* Nobody listens any more, or there is no descriptor, or not for this user: it is attached and reset. */
	if (l)
		gw_credit(g, l, worker);
	if (s)
		gw_stream_let_go(g, s, true);
	return s;
}

/* ---- within this node ---- */

/* An application talks to itself or its neighbour on the same node: the two ends of one socketpair, no network. */
static void here(struct gateway *g, struct gw_listener *l, struct gw_client *c,
                 const struct node_id *id)
{
	struct app_answer ans = {.type = APP_ANS_ACCEPT, .has_end = true, .id = g->id};
	int fd[2], r;

	r = gw_pair(g, fd);
	if (r < 0) {
		gw_fail_connect(g, c, EMFILE, id, l->port);
		return;
	}
	g->here_port = g->here_port < 32768 || g->here_port >= 60999 ? 32768 : g->here_port + 1;
	ans.port = (uint16_t)g->here_port;
	r = gw_send_line(l->client, &ans, fd[0]);
	if (r < 0) {
		gw_fail_connect(g, c, ECONNREFUSED, id, l->port);
	} else {
		lies_untaken(l, GW_HERE);
		ans.type = APP_ANS_OK;
		if (gw_send_line(c, &ans, fd[1]) < 0)
			gw_client_free(g, c);
	}
	gw_close(g, &fd[0]);
	gw_close(g, &fd[1]);
}

void gw_connect_here(struct gateway *g, struct gw_client *c, const struct node_id *id,
                     uint16_t port)
{
	struct gw_listener *first = gw_listener_of(g, g->port_token[port]), *l = first;

	/* Those that share a port have their turns here, too. */
	while (l && l->waiting && l->beside != first)
		l = l->beside;
	if (l)
		g->port_token[port] = l->beside->token;
	/* A forward takes streams of other nodes: a program here reaches its address without one. */
	if (!l || l->waiting || l->client->forward) {
		gw_fail_connect(g, c, ECONNREFUSED, id, port);
		return;
	}
	gw_look_taken(g, l);
	if (l->here_n < l->here_max) {
		here(g, l, c, id);
		return;
	}
	/* As a connect to a full backlog: it waits until something is taken. */
	c->busy = true;
	c->here = l;
	TAILQ_INSERT_TAIL(&l->here, c, here_link);
}

void gw_refuse_waiting(struct gateway *g, struct gw_listener *l, struct gw_client *owner)
{
	struct gw_stream *s;
	struct gw_client *c;

	while ((s = TAILQ_FIRST(&owner->accepted))) {
		TAILQ_REMOVE(&owner->accepted, s, wait_link);
		s->client = NULL;
		gw_stream_let_go(g, s, true);
	}
	while ((c = TAILQ_FIRST(&l->here))) {
		TAILQ_REMOVE(&l->here, c, here_link);
		c->here = NULL;
		gw_fail_connect(g, c, ECONNREFUSED, &g->id, l->port);
		gw_client_not_busy(g, c);
	}
}
