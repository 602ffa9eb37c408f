/* SPDX-License-Identifier: BSD-3-Clause */
/* A gateway without a thread, a socket or sessions: its state, its epoll descriptor, and the bridges of workers that the test plays. */
#pragma once
#include "app/gw_accept.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define GW_WORKERS 2

struct gwtest {
	struct gateway g;
	struct bridge bridge[GW_WORKERS];
	struct bridge *bridges[GW_WORKERS];
};

static inline void gwtest_start(struct gwtest *t)
{
	struct gateway *g = &t->g;

	memset(t, 0, sizeof(*t));
	for (unsigned i = 0; i < GW_WORKERS; i++) {
		assert_int_equal(bridge_init(&t->bridge[i]), 0);
		t->bridges[i] = &t->bridge[i];
	}
	g->bridges = t->bridges;
	g->nbridges = GW_WORKERS;
	g->fds_max = 100;
	g->line_cost = gw_line_cost();
	g->epoll = epoll_create1(EPOLL_CLOEXEC);
	assert_true(g->epoll >= 0);
	gw_lists_init(g);
	g->listeners = calloc(GW_LISTENERS_MAX, sizeof(struct gw_listener *));
	g->port_token = calloc(GW_PORTS, sizeof(uint32_t));
	assert_non_null(g->listeners);
	assert_non_null(g->port_token);
}

/* No descriptor may be left, and no stream but dead ones, which are freed as at the end of a round. */
static inline void gwtest_end(struct gwtest *t)
{
	struct gateway *g = &t->g;
	struct gw_stream *s;

	assert_true(TAILQ_EMPTY(&g->streams) && TAILQ_EMPTY(&g->owe_listeners));
	while ((s = TAILQ_FIRST(&g->dead_streams))) {
		TAILQ_REMOVE(&g->dead_streams, s, all);
		gw_stream_free(s);
	}
	assert_int_equal(g->fds, 0);
	assert_true(TAILQ_EMPTY(&g->limits.users) && TAILQ_EMPTY(&g->mute));
	gw_users_free(&g->limits);
	free(g->listeners);
	free(g->port_token);
	close(g->epoll);
	for (unsigned i = 0; i < GW_WORKERS; i++)
		bridge_free(&t->bridge[i]);
}

/* The next message that a worker finds. False: there is none. */
static inline bool gwtest_message(struct gwtest *t, unsigned worker, struct bridge_msg *out)
{
	const struct bridge_msg *m = bridge_peek(&t->bridge[worker].to_worker_rx);

	if (!m)
		return false;
	*out = *m;
	bridge_done(&t->bridge[worker].to_worker_rx);
	return true;
}

/* Fills a worker's message ring, as if it had not looked for long. */
static inline void gwtest_fill(struct gwtest *t, unsigned worker)
{
	struct bridge_msg m = {.type = BRIDGE_REFUSE};

	while (bridge_put(&t->bridge[worker].to_worker_tx, &m))
		;
}

/* The worker takes what gwtest_fill() put. */
static inline void gwtest_drain(struct gwtest *t, unsigned worker)
{
	struct bridge_msg m;
	unsigned n = 0;

	while (gwtest_message(t, worker, &m)) {
		assert_int_equal(m.type, BRIDGE_REFUSE);
		n++;
	}
	assert_int_equal(n, BRIDGE_MSGS);
}
