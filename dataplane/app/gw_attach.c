/* SPDX-License-Identifier: BSD-3-Clause */
/* Applications that share a segment with the workers: made here and handed over, and freed when the last worker has let go. In between the
 * gateway has no part in what they do. */
#include "app/gw_attach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

bool gw_peer_uid(const struct gw_client *c, uint32_t *uid)
{
	*uid = c->peer.uid;
	return c->known;
}

/* syscalls: getsockopt */
void gw_peer_learn(struct gw_client *c)
{
	socklen_t n = sizeof(c->peer);

	c->known = getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &c->peer, &n) == 0 &&
	           n == sizeof(c->peer);
}

/* syscalls: geteuid */
bool gw_may_listen(const struct gateway *g, const struct gw_client *c, uint16_t port)
{
	uint32_t uid;

	if (port == 0 || port >= 1024 || g->privileged)
		return true;
	return gw_peer_uid(c, &uid) && (uid == 0 || uid == geteuid());
}

bool gw_app_listens(struct gateway *g, uint16_t port)
{
	const struct gw_listener *first = gw_listener_of(g, g->port_token[port]), *l = first;

	while (l && !l->app && l->beside != first)
		l = l->beside;
	return l && l->app;
}

/* ---- memory and descriptors ---- */

static struct gw_app *app_new(struct gateway *g, uint32_t slots)
{
	struct gw_app *a = aligned_alloc(
	        COYO_CACHELINE, (sizeof(*a) + g->nbridges * (sizeof(a->ports[0]) + sizeof(int)) +
	                         COYO_CACHELINE - 1) /
	                                COYO_CACHELINE * COYO_CACHELINE);

	if (!a)
		return NULL;
	memset(a, 0, sizeof(*a) + g->nbridges * (sizeof(a->ports[0]) + sizeof(int)));
	a->nworkers = g->nbridges;
	a->seg = (struct app_segment){
	        .layout = {.workers = g->nbridges, .slots = slots, .ring_bytes = GW_RING_BYTES},
	        .app_fd = -1,
	        .owner = a};
	a->memfd = a->their_fd = -1;
	for (unsigned w = 0; w < a->nworkers; w++)
		gw_app_wake_fds(a)[w] = -1;
	TAILQ_INIT(&a->listeners);
	return a;
}

/* Descriptors of one application, the one that is passed on among them. */
static uint32_t app_fds(const struct gateway *g)
{
	return APP_SEGMENT_FDS(g->nbridges) + 1;
}

/* The eventfds are taken out of the workers' epolls, as the application may have passed its own copies on.
 * syscalls: munmap epoll_ctl */
static void app_free(struct gateway *g, struct gw_app *a)
{
	gw_close(g, &a->memfd);
	gw_close(g, &a->their_fd);
	for (unsigned w = 0; w < a->nworkers; w++) {
		int *fd = &gw_app_wake_fds(a)[w];

		if (*fd >= 0 && g->bridges[w]->worker_epoll >= 0)
			epoll_ctl(g->bridges[w]->worker_epoll, EPOLL_CTL_DEL, *fd, NULL);
		gw_close(g, fd);
	}
	gw_close(g, &a->seg.app_fd);
	if (a->seg.at)
		munmap(a->seg.at, appseg_bytes(&a->seg.layout));
	gw_user_put(&g->limits, a->user, app_fds(g), gw_clock_ns());
	free(a->seg.slots);
	free((void *)a->seg.holder);
	free(a);
}

/* syscalls: memfd_create ftruncate fcntl mmap */
static int make_memory(struct gateway *g, struct gw_app *a)
{
	size_t bytes = appseg_bytes(&a->seg.layout);
	void *at;

	a->seg.slots = calloc(a->seg.layout.slots, sizeof(*a->seg.slots));
	a->seg.holder = calloc(a->seg.layout.slots, sizeof(*a->seg.holder));
	if (!a->seg.slots || !a->seg.holder)
		return -ENOMEM;
	a->memfd = memfd_create("coyo-application", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (a->memfd < 0)
		return -errno;
	g->fds++;
	if (ftruncate(a->memfd, (off_t)bytes) < 0 ||
	    fcntl(a->memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, a->memfd, 0);
	if (at == MAP_FAILED)
		return -errno;
	a->seg.at = at;
	return 0;
}

/* What wakes the application must never make a worker wait. With an eventfd it could: the flag O_NONBLOCK is the application's, too. With a pipe
 * also: the kernel locks a pipe while bytes are copied out of it, for as long as the application's memory takes to be there. A send to a socket
 * takes no lock that is held while its receiver is waited for. The workers' eventfds are written by the application alone and read by nobody: each
 * write is an edge in the worker's epoll.
 * syscalls: socketpair shutdown eventfd epoll_ctl */
static int make_fds(struct gateway *g, struct gw_app *a)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd) < 0)
		return -errno;
	a->their_fd = fd[0];
	a->seg.app_fd = fd[1];
	g->fds += 2;
	/* Nothing is ever read here. */
	shutdown(a->their_fd, SHUT_WR);
	for (unsigned w = 0; w < a->nworkers; w++) {
		struct epoll_event e = {.events = EPOLLIN | EPOLLET};
		int epoll = g->bridges[w]->worker_epoll;

		gw_app_wake_fds(a)[w] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (gw_app_wake_fds(a)[w] < 0)
			return -errno;
		g->fds++;
		if (epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, gw_app_wake_fds(a)[w], &e) < 0)
			return -errno;
	}
	return 0;
}

static void make_ports(struct gw_app *a)
{
	const uint32_t ring = APPLANE_MSGS * (uint32_t)sizeof(struct applane_msg);

	for (unsigned w = 0; w < a->nworkers; w++) {
		struct app_port *p = &a->ports[w];

		p->seg = &a->seg;
		p->lane = (struct applane *)(a->seg.at + appseg_lane_at(w));
		bytering_view(&p->rx, &p->lane->to_worker, applane_requests(p->lane), ring);
		bytering_view(&p->tx, &p->lane->to_app, applane_events(p->lane), ring);
	}
}

/* ---- attach ---- */

static uint32_t applications_of(const struct gateway *g, uint32_t uid)
{
	const struct gw_app *a;
	uint32_t n = 0;

	TAILQ_FOREACH (a, &g->apps, all)
		n += a->seg.uid == uid;
	return n;
}

static void owe(struct gateway *g, struct gw_app *a)
{
	if (a->owing)
		return;
	a->owing = true;
	TAILQ_INSERT_TAIL(&g->owe_apps, a, owe_link);
}

int gw_attach(struct gateway *g, struct gw_client *c, uint32_t slots)
{
	struct gw_app *a;
	uint32_t uid;
	int r;

	if (!gw_peer_uid(c, &uid))
		return -EIO;
	if (applications_of(g, uid) >= g->apps_max)
		return -EDQUOT;
	if (g->fds + app_fds(g) > g->fds_max || !gw_client_may_hold(g, c, app_fds(g)))
		return -EMFILE;
	a = app_new(g, slots && slots < g->slots_max ? slots : g->slots_max);
	if (!a)
		return -ENOMEM;
	a->user = gw_user_get(&g->limits, uid, app_fds(g));
	r = a->user ? make_memory(g, a) : -ENOMEM;
	if (r == 0)
		r = make_fds(g, a);
	if (r < 0) {
		app_free(g, a);
		return r;
	}
	make_ports(a);
	a->seg.uid = uid;
	a->seg.pid = (uint32_t)c->peer.pid;
	account_init(&a->account, &g->limits.each, &a->user->account);
	a->seg.account = &a->account;
	a->client = c;
	a->tell = a->waiting = (uint32_t)((UINT64_C(1) << a->nworkers) - 1);
	TAILQ_INSERT_TAIL(&g->apps, a, all);
	c->app = a;
	owe(g, a);
	return 0;
}

bool gw_attached(struct gateway *g, unsigned worker, struct gw_app *a)
{
	struct app_answer ans = {.type = APP_ANS_SEGMENT, .layout = a->seg.layout, .id = g->id};
	int fds[APP_SEGMENT_FDS(APPLANE_WORKERS_MAX)];

	a->waiting &= ~(1u << worker);
	if (a->waiting || !a->client)
		return false;
	fds[0] = a->memfd;
	fds[1] = a->their_fd;
	memcpy(fds + 2, gw_app_wake_fds(a), a->nworkers * sizeof(int));
	if (gw_send_fds(a->client, &ans, fds, APP_SEGMENT_FDS(a->nworkers)) < 0) {
		gw_client_free(g, a->client);
		return false;
	}
	gw_close(g, &a->their_fd);
	return true;
}

/* ---- the end ---- */

void gw_app_end(struct gateway *g, struct gw_app *a)
{
	if (a->client || a->owing || a->held || a->nlisteners)
		return;
	TAILQ_REMOVE(&g->apps, a, all);
	app_free(g, a);
}

void gw_app_leave(struct gateway *g, struct gw_app *a)
{
	struct gw_listener *l;

	a->client->app = NULL;
	while ((l = TAILQ_FIRST(&a->listeners)))
		gw_unlisten(g, l);
	a->client = NULL;
	gw_close(g, &a->their_fd);
	a->untell = (uint32_t)((UINT64_C(1) << a->nworkers) - 1);
	owe(g, a);
}

void gw_app_gone(struct gateway *g, unsigned worker, struct gw_app *a)
{
	a->held &= ~(1u << worker);
	gw_app_end(g, a);
}

/* Tells one worker what it has not been told. False: its ring is full. */
static bool flush_one(struct gateway *g, struct gw_app *a, unsigned w)
{
	struct bridge *b = g->bridges[w];
	struct bridge_msg m = {.app = &a->ports[w]};
	uint32_t bit = 1u << w;

	if (a->tell & bit) {
		m.type = BRIDGE_APP_ATTACH;
		if (!bridge_put(&b->to_worker_tx, &m))
			return false;
		b->to_worker_new = true;
		a->tell &= ~bit;
		a->held |= bit;
	}
	if (a->untell & bit) {
		m.type = BRIDGE_APP_LEAVE;
		if (!bridge_put(&b->to_worker_tx, &m))
			return false;
		b->to_worker_new = true;
		a->untell &= ~bit;
	}
	return true;
}

void gw_apps_flush(struct gateway *g)
{
	struct gw_app *a, *next;

	for (a = TAILQ_FIRST(&g->owe_apps); a; a = next) {
		bool all = true;

		next = TAILQ_NEXT(a, owe_link);
		for (unsigned w = 0; w < a->nworkers; w++)
			all &= flush_one(g, a, w);
		if (!all)
			continue;
		TAILQ_REMOVE(&g->owe_apps, a, owe_link);
		a->owing = false;
		gw_app_end(g, a);
	}
}

void gw_apps_free(struct gateway *g)
{
	struct gw_app *a;

	while ((a = TAILQ_FIRST(&g->apps))) {
		TAILQ_REMOVE(&g->apps, a, all);
		app_free(g, a);
	}
}
