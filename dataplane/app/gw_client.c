/* SPDX-License-Identifier: BSD-3-Clause */
/* Control connections of the application socket: lines in, answers and descriptors out, and what ends with them. */
#include "app/gw_accept.h"
#include "app/gw_attach.h"
#include "app/gw_door.h"
#include "app/gw_early.h"
#include "app/gw_quota.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* A listener's client is watched by edges: each line that it takes from its socket is one.
 * syscalls: epoll_ctl */
static int watch(struct gateway *g, struct gw_client *c, int op)
{
	struct epoll_event e = {.data.ptr = &c->node};

	e.events = EPOLLRDHUP | (c->busy ? 0 : EPOLLIN) | (c->listener ? EPOLLOUT | EPOLLET : 0);
	return epoll_ctl(g->epoll, op, c->fd, &e);
}

void gw_client_watch(struct gateway *g, struct gw_client *c)
{
	watch(g, c, EPOLL_CTL_MOD);
}

/* syscalls: epoll_ctl */
static void pause_server(struct gateway *g, bool pause)
{
	struct epoll_event e = {.events = pause ? 0 : EPOLLIN, .data.ptr = &g->server_node};

	g->server_paused = pause;
	epoll_ctl(g->epoll, EPOLL_CTL_MOD, g->server, &e);
}

/* The line that a client is refused by, which has no other.
 * syscalls: send */
static void turn_away(struct gw_client *c, int err, const char *why)
{
	struct app_answer ans = {.type = APP_ANS_ERROR, .err = err};
	char line[APP_LINE_MAX];

	snprintf(ans.why, sizeof(ans.why), "%s", why);
	(void)!send(c->fd, line, app_answer_write(&ans, line), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Descriptors that applications may still take. */
static uint32_t fds_left(const struct gateway *g)
{
	return g->fds < g->fds_max ? g->fds_max - g->fds : 0;
}

bool gw_client_may_hold(const struct gateway *g, const struct gw_client *c, uint32_t fds)
{
	return gw_user_share(c->user, c->user ? c->user->fds : 0, fds, fds_left(g));
}

/* Whether there is a place for the client, and a descriptor, and whether its user may have them. Else it is told so.
 * syscalls: geteuid */
static bool may_come(struct gateway *g, struct gw_client *c, bool own)
{
	uint32_t places = g->fds_max / 2, uid;
	struct gw_user *u = NULL;

	if (g->nclients >= places || fds_left(g) == 0) {
		turn_away(c, EBUSY, "the daemon has too many clients: close some first");
		return false;
	}
	if (own || !gw_peer_uid(c, &uid))
		return true;
	u = c->user = gw_user_get(&g->limits, uid, 1);
	if (!u)
		return false;
	u->trusted = uid == 0 || uid == geteuid();
	if (gw_user_share(u, u->clients, 1, places - g->nclients) &&
	    gw_user_share(u, u->fds - 1, 1, fds_left(g))) {
		u->clients++;
		return true;
	}
	u->turned_away++;
	turn_away(c, EDQUOT,
	          "this user has as many connections to the daemon as its share is: close some "
	          "first");
	gw_user_put(&g->limits, u, 1, gw_clock_ns());
	return false;
}

/* Some who connect and say nothing must not keep the places of those that would. */
static void expect_line(struct gateway *g, struct gw_client *c)
{
	c->mute = true;
	c->came_at = gw_clock_ns();
	TAILQ_INSERT_TAIL(&g->mute, c, mute_link);
}

static void heard(struct gateway *g, struct gw_client *c)
{
	if (c->mute)
		TAILQ_REMOVE(&g->mute, c, mute_link);
	c->mute = false;
}

/* It holds nothing of its user's any more. */
static void leave_user(struct gateway *g, struct gw_client *c)
{
	if (c->user)
		c->user->clients--;
	gw_user_put(&g->limits, c->user, 1, gw_clock_ns());
	c->user = NULL;
}

/* syscalls: close */
void gw_client_new(struct gateway *g, int fd, bool own)
{
	struct gw_client *c = calloc(1, sizeof(*c));

	if (c) {
		c->node.kind = GW_CLIENT;
		c->fd = fd;
		gw_peer_learn(c);
		TAILQ_INIT(&c->accepted);
		if (may_come(g, c, own)) {
			if (watch(g, c, EPOLL_CTL_ADD) == 0) {
				TAILQ_INSERT_TAIL(&g->clients, c, all);
				g->nclients++;
				g->fds++;
				if (!own)
					expect_line(g, c);
				return;
			}
			leave_user(g, c);
		}
	}
	free(c);
	close(fd);
}

int64_t gw_mute_due(const struct gateway *g)
{
	const struct gw_client *c = TAILQ_FIRST(&g->mute);

	return c ? c->came_at + GW_MUTE_NS : INT64_MAX;
}

void gw_mute_close(struct gateway *g, int64_t now)
{
	while (gw_mute_due(g) <= now) {
		struct gw_client *c = TAILQ_FIRST(&g->mute);

		turn_away(c, ETIMEDOUT, "nothing was asked for in time");
		gw_client_free(g, c);
	}
}

/* syscalls: accept4 */
void gw_serve(struct gateway *g)
{
	if (g->server_paused)
		pause_server(g, false);
	for (unsigned i = 0; i < 64; i++) {
		int fd = accept4(g->server, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			gw_client_new(g, fd, false);
			continue;
		}
		/* Out of descriptors: do not watch the server's socket until one is free. It stays readable, so the loop would spin. */
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			pause_server(g, true);
		if (errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

void gw_client_free(struct gateway *g, struct gw_client *c)
{
	if (c->node.dead)
		return;
	c->node.dead = true;
	if (c->listener)
		gw_unlisten(g, c->listener);
	if (c->app)
		gw_app_leave(g, c->app);
	if (c->here)
		TAILQ_REMOVE(&c->here->here, c, here_link);
	c->here = NULL;
	if (c->connecting) {
		c->connecting->client = NULL;
		gw_stream_let_go(g, c->connecting, true);
	}
	gw_close(g, &c->fd);
	g->nclients--;
	heard(g, c);
	leave_user(g, c);
	TAILQ_REMOVE(&g->clients, c, all);
	TAILQ_INSERT_TAIL(&g->dead_clients, c, all);
}

/* A line fits a socket buffer whole.
 * syscalls: sendmsg */
int gw_send_fds(struct gw_client *c, const struct app_answer *ans, const int *fd, unsigned nfds)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(APP_SEGMENT_FDS(APPLANE_WORKERS_MAX) * sizeof(int))];
	} control;
	char line[APP_LINE_MAX];
	struct iovec iov = {line, app_answer_write(ans, line)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	COYO_ASSERT(nfds <= APP_SEGMENT_FDS(APPLANE_WORKERS_MAX));
	if (nfds > 0) {
		struct cmsghdr *h;

		memset(&control, 0, sizeof(control));
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(h), fd, nfds * sizeof(int));
	}
	do {
		n = sendmsg(c->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ETOOMANYREFS ? -EAGAIN : -errno;
	return n == (ssize_t)iov.iov_len ? 0 : -EIO;
}

int gw_send_line(struct gw_client *c, const struct app_answer *ans, int fd)
{
	return gw_send_fds(c, ans, &fd, fd >= 0);
}

static void answer_error(struct gateway *g, struct gw_client *c, int err, const char *why)
{
	struct app_answer ans = {.type = APP_ANS_ERROR, .err = err};

	snprintf(ans.why, sizeof(ans.why), "%s", why);
	if (gw_send_line(c, &ans, -1) < 0)
		gw_client_free(g, c);
}

/* ---- connect ---- */

void gw_fail_connect(struct gateway *g, struct gw_client *c, int err, const struct node_id *id,
                     uint16_t port)
{
	char why[APP_WHY_MAX];

	app_connect_sentence(err, id, port, why);
	answer_error(g, c, err, why);
}

/* Gives the client its end of a stream before that is connected. */
static int pass_early(struct gateway *g, struct gw_stream *s, struct gw_client *c)
{
	struct app_answer ans = {.type = APP_ANS_OK};
	int r = gw_stream_pair(g, s);

	if (r == 0)
		r = gw_early_fill(s);
	return r < 0 ? r : gw_send_line(c, &ans, s->app_fd);
}

static void start_connect(struct gateway *g, struct gw_client *c, const struct app_request *req)
{
	struct gw_stream *s;

	/* To an application with a segment of this node a worker leads, as to those elsewhere. */
	if (id_eq(&req->id, &g->id) && !gw_app_listens(g, req->port)) {
		gw_connect_here(g, c, &req->id, req->port);
		return;
	}
	if (c->user && tcp_charge_full(&c->user->account.streams)) {
		gw_fail_connect(g, c, ENFILE, &req->id, req->port);
		return;
	}
	/* One of the two of its pair stays here. */
	s = gw_client_may_hold(g, c, 1) ? gw_stream_new(g, cp_session_worker(&req->id, g->nbridges))
	                                : NULL;
	if (!s) {
		gw_fail_connect(g, c, gw_client_may_hold(g, c, 1) ? ENOMEM : EMFILE, &req->id,
		                req->port);
		return;
	}
	s->id = req->id;
	s->port = req->port;
	gw_stream_of(s, c);
	if (req->early) {
		int r = pass_early(g, s, c);

		if (r < 0) {
			gw_fail_connect(g, c, -r == ENFILE ? EMFILE : -r, &s->id, s->port);
			gw_stream_let_go(g, s, true);
			return;
		}
	}
	s->client = c;
	s->attached = true;
	c->connecting = s;
	c->busy = true;
	gw_stream_owe(g, s, OWE_CONNECT);
}

void gw_connected(struct gateway *g, struct gw_stream *s, uint16_t local_port)
{
	struct gw_client *c = s->client;
	struct app_answer ans = {
	        .type = APP_ANS_OK, .has_end = true, .id = g->id, .port = local_port};
	int r;

	if (!c || s->let_go)
		return;
	c->connecting = NULL;
	s->client = NULL;
	r = s->early ? 0 : gw_stream_pair(g, s);
	if (r < 0) {
		gw_fail_connect(g, c, -r == ENFILE ? EMFILE : -r, &s->id, s->port);
	} else {
		r = gw_send_line(c, &ans, s->early ? -1 : s->app_fd);
		if (r < 0)
			gw_client_free(g, c);
	}
	if (r < 0) {
		gw_stream_let_go(g, s, true);
	} else {
		if (s->early)
			gw_early_open(s);
		gw_close(g, &s->app_fd);
		gw_stream_ready(g, s);
	}
	gw_client_not_busy(g, c);
}

void gw_failed(struct gateway *g, struct gw_stream *s, int err)
{
	struct gw_client *c = s->client;

	if (c) {
		c->connecting = NULL;
		s->client = NULL;
		gw_fail_connect(g, c, err, &s->id, s->port);
	}
	gw_stream_let_go(g, s, true);
	if (c)
		gw_client_not_busy(g, c);
}

/* ---- listen ---- */

static void start_listen(struct gateway *g, struct gw_client *c, const struct app_request *req)
{
	int r = -EACCES;

	if (gw_may_listen(g, c, req->port))
		r = req->type == APP_REQ_DATAGRAMS
		            ? gw_datagrams(g, c, req->port)
		            : gw_listen(g, c, req->port, req->backlog, req->shared);
	if (r < 0)
		gw_client_listening(g, c, NULL, -r, req->port);
	else
		c->busy = true;
}

static const char *listen_text(int err)
{
	switch (err) {
	case EADDRINUSE:
		return "somebody else listens there";
	case EACCES:
		return "ports below 1024 are for root and the daemon's user (privileged of [api])";
	default:
		return strerror(err);
	}
}

void gw_client_listening(struct gateway *g, struct gw_client *c, struct gw_listener *l, int err,
                         uint16_t port)
{
	struct app_answer ans = {.type = APP_ANS_OK, .has_end = true, .id = g->id, .port = port};
	char why[APP_WHY_MAX];
	bool listening = false;

	if (err == 0) {
		if (l->app)
			ans = (struct app_answer){
			        .type = APP_ANS_LISTENING, .token = l->token, .port = port};
		if (gw_send_line(c, &ans, -1) < 0)
			gw_client_free(g, c);
		else
			listening = true;
	} else {
		if (l)
			gw_unlisten(g, l);
		snprintf(why, sizeof(why), "cannot listen on port %u: %s", port, listen_text(err));
		answer_error(g, c, err, why);
	}
	gw_client_not_busy(g, c);
	/* What came while another worker had not answered. */
	if (listening && !c->node.dead)
		gw_pass_on(g, c);
}

/* ---- attach ---- */

static void start_attach(struct gateway *g, struct gw_client *c, const struct app_request *req)
{
	char why[APP_WHY_MAX];
	int r;

	if (req->version != APPLANE_VERSION) {
		snprintf(why, sizeof(why),
		         "the daemon's segments have version %d: use a library of that version",
		         APPLANE_VERSION);
		answer_error(g, c, EPROTONOSUPPORT, why);
		return;
	}
	r = gw_attach(g, c, req->slots);
	if (r == 0) {
		c->busy = true;
		return;
	}
	snprintf(why, sizeof(why), "cannot attach: %s",
	         r == -EDQUOT
	                 ? "this user has as many applications as one may (applications of [api])"
	                 : strerror(-r));
	answer_error(g, c, -r, why);
}

static void unlisten(struct gateway *g, struct gw_client *c, uint32_t token)
{
	struct gw_listener *l = gw_listener_of(g, token);
	struct app_answer ans = {.type = APP_ANS_OK};

	if (!l || l->client != c) {
		answer_error(g, c, ENOENT, "this application has no such listener");
		return;
	}
	gw_unlisten(g, l);
	if (gw_send_line(c, &ans, -1) < 0)
		gw_client_free(g, c);
}

/* ---- lines ---- */

/* What an attached application may ask for. */
static void attached_line(struct gateway *g, struct gw_client *c, const struct app_request *req)
{
	if (req->type == APP_REQ_LISTEN || req->type == APP_REQ_DATAGRAMS)
		start_listen(g, c, req);
	else if (req->type == APP_REQ_UNLISTEN)
		unlisten(g, c, req->token);
	else
		answer_error(g, c, EINVAL, "this connection belongs to an attached application");
}

static void request_line(struct gateway *g, struct gw_client *c, const char *line, size_t n)
{
	struct app_answer ans = {.type = APP_ANS_OK};
	struct app_request req;
	char why[APP_WHY_MAX];

	heard(g, c);
	if (app_request_parse(line, n, &req, why) < 0) {
		answer_error(g, c, EINVAL, why);
		return;
	}
	if (req.type == APP_REQ_VERSION || req.type == APP_REQ_RESOLVE ||
	    req.type == APP_REQ_NAME) {
		if (req.type == APP_REQ_VERSION)
			snprintf(ans.why, sizeof(ans.why), "%d", APPABI_VERSION);
		else
			gw_resolve(g, &req, &ans);
		if (gw_send_line(c, &ans, -1) < 0)
			gw_client_free(g, c);
	} else if (c->app) {
		attached_line(g, c, &req);
	} else if (c->listener) {
		answer_error(g, c, EINVAL, "this connection belongs to a listener");
	} else if (req.type == APP_REQ_CONNECT) {
		start_connect(g, c, &req);
	} else if (req.type == APP_REQ_ATTACH) {
		start_attach(g, c, &req);
	} else if (req.type == APP_REQ_LISTEN && req.port) {
		start_listen(g, c, &req);
	} else {
		answer_error(g, c, EINVAL, "only an attached application may ask for this");
	}
}

/* Carries out the requests that have come, line by line, until one has to wait for a worker. */
static void work_lines(struct gateway *g, struct gw_client *c)
{
	while (!c->node.dead && !c->busy) {
		char *end = memchr(c->line, '\n', c->have), copy[APP_LINE_MAX];
		size_t n;

		if (!end) {
			if (c->have == sizeof(c->line)) {
				answer_error(g, c, EINVAL, "the line is too long");
				gw_client_free(g, c);
			}
			return;
		}
		n = (size_t)(end - c->line);
		memcpy(copy, c->line, n);
		c->have -= n + 1;
		memmove(c->line, end + 1, c->have);
		request_line(g, c, copy, n);
	}
}

void gw_client_not_busy(struct gateway *g, struct gw_client *c)
{
	if (c->node.dead || !c->busy)
		return;
	c->busy = false;
	work_lines(g, c);
	if (!c->node.dead)
		gw_client_watch(g, c);
}

/* Takes what the client has sent. False: there is no more.
 * syscalls: recv */
static bool receive(struct gateway *g, struct gw_client *c)
{
	ssize_t n = recv(c->fd, c->line + c->have, sizeof(c->line) - c->have, MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		gw_client_free(g, c);
		return false;
	}
	if (n < 0)
		return errno == EINTR;
	c->have += (size_t)n;
	work_lines(g, c);
	return !c->node.dead;
}

void gw_client_event(struct gateway *g, struct gw_client *c, uint32_t events)
{
	bool was_busy = c->busy;

	if ((events & EPOLLOUT) && c->listener) {
		gw_look_taken(g, c->listener);
		gw_pass_on(g, c);
	}
	if (c->node.dead)
		return;
	if ((events & EPOLLIN) && !c->busy) {
		/* An edge tells once: all of it is read. */
		while (receive(g, c) && c->listener && !c->busy)
			;
	} else if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
		gw_client_free(g, c);
		return;
	}
	if (!c->node.dead && c->busy != was_busy)
		gw_client_watch(g, c);
}
