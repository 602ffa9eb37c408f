/* SPDX-License-Identifier: BSD-3-Clause */
/* The gateway's part for tests of sessions: an application on each side of a sessnet, which listens, connects, writes, reads and lets go. */
#pragma once
#include "sessnet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#define PORT 7000

struct app {
	struct bridge *b;
	struct app_stream *st;   /* connect, or the accepted one */
	struct appseg_side side; /* the view of it here */
	struct app_listener l;
	uint32_t token;
	bool connected, listening, gone, failed;
	int err;
};

static inline void app_init(struct sessnet *n, struct app *a, unsigned side)
{
	memset(a, 0, sizeof(*a));
	a->b = sess_bridge(n->side[side].sess);
}

static inline void app_put(struct app *a, struct bridge_msg m)
{
	assert_true(bridge_put(&a->b->to_worker_tx, &m));
}

static inline void app_listen(struct app *a)
{
	a->token = 77;
	app_put(a, (struct bridge_msg){.type = BRIDGE_LISTEN,
	                               .listener = &a->l,
	                               .credit = 4,
	                               .token = 77,
	                               .port = PORT,
	                               .backlog = 16});
}

static inline void app_connect(struct sessnet *n, struct app *a, unsigned side)
{
	a->st = stream_new(&a->side);
	assert_non_null(a->st);
	app_put(a, (struct bridge_msg){.type = BRIDGE_CONNECT,
	                               .stream = a->st,
	                               .port = PORT,
	                               .id = n->cfg[1 - side].id});
}

static inline void app_kick(struct app *a)
{
	if (!atomic_exchange(&a->side.shared->worker_kicked, 1))
		app_put(a, (struct bridge_msg){.type = BRIDGE_KICK, .stream = a->st});
}

static inline void app_shut(struct app *a)
{
	atomic_fetch_or(&a->side.shared->asked, STREAM_SHUT);
	app_kick(a);
}

static inline void app_let_go(struct app *a, bool abort)
{
	app_put(a, (struct bridge_msg){.type = BRIDGE_LET_GO, .stream = a->st, .abort = abort});
}

static inline void app_poll(struct app *a)
{
	const struct bridge_msg *m;

	while ((m = bridge_peek(&a->b->to_gateway_rx))) {
		switch (m->type) {
		case BRIDGE_CONNECTED:
			assert_true(m->port > 0);
			a->connected = true;
			break;
		case BRIDGE_FAILED:
			a->failed = true;
			a->err = m->err;
			break;
		case BRIDGE_LISTENING:
			assert_int_equal(m->token, 77);
			a->listening = m->err == 0;
			a->err = m->err;
			break;
		case BRIDGE_ACCEPT:
			assert_int_equal(m->token, 77);
			a->st = stream_new(&a->side);
			app_put(a, (struct bridge_msg){.type = BRIDGE_ATTACH,
			                               .stream = a->st,
			                               .conn = m->conn});
			break;
		case BRIDGE_KICK:
			atomic_exchange(&m->stream->side.shared->app_kicked, 0);
			break;
		case BRIDGE_GONE:
			assert_ptr_equal(m->stream, a->st);
			a->gone = true;
			break;
		}
		bridge_done(&a->b->to_gateway_rx);
	}
}

static inline uint8_t byte_at(uint64_t i)
{
	return (uint8_t)(i * 2654435761u >> 11);
}

/* Writes stream bytes from *at up to end, as far as there is room. */
static inline void app_write(struct app *a, uint64_t *at, uint64_t end)
{
	uint64_t before = *at;

	while (*at < end) {
		void *piece;
		uint64_t k = bytering_reserve(&a->side.out, &piece);

		k = min_u64(k, end - *at);
		if (k == 0) {
			atomic_exchange(&a->side.shared->out_full, 1);
			break;
		}
		for (uint64_t i = 0; i < k; i++)
			((uint8_t *)piece)[i] = byte_at(*at + i);
		bytering_commit(&a->side.out, k);
		*at += k;
	}
	if (*at != before)
		app_kick(a);
}

/* Reads and checks what is there. */
static inline void app_read(struct app *a, uint64_t *at)
{
	const void *piece;
	uint32_t n;

	while ((n = bytering_peek(&a->side.in, &piece)) > 0) {
		for (uint32_t i = 0; i < n; i++)
			if (((const uint8_t *)piece)[i] != byte_at(*at + i))
				fail_msg("byte %llu is wrong", (unsigned long long)(*at + i));
		bytering_consume(&a->side.in, n);
		*at += n;
	}
	if (atomic_exchange(&a->side.shared->in_full, 0))
		app_kick(a);
}

struct pair {
	struct sessnet n;
	struct app a, b, c; /* on sides 0, 1, 0 */
};

static inline int setup(void **state)
{
	struct pair *p = aligned_alloc(64, (sizeof(*p) + 63) / 64 * 64);

	sessnet_start(&p->n, 42);
	app_init(&p->n, &p->a, 0);
	app_init(&p->n, &p->b, 1);
	app_init(&p->n, &p->c, 0);
	*state = p;
	return 0;
}

static inline int teardown(void **state)
{
	struct pair *p = *state;

	sessnet_stop(&p->n);
	if (p->a.st)
		stream_free(p->a.st);
	if (p->b.st)
		stream_free(p->b.st);
	if (p->c.st)
		stream_free(p->c.st);
	free(p);
	return 0;
}

static inline void run(struct pair *p, int64_t ns)
{
	struct instant end = instant_add(p->n.now, ns);

	while (instant_before(p->n.now, end)) {
		sessnet_step(&p->n, instant_sub(end, p->n.now));
		app_poll(&p->a);
		app_poll(&p->b);
	}
}

/* True when cond came about within ns. */
#define RUN_UNTIL(p, cond, ns)                                                \
	({                                                                    \
		struct instant end_ = instant_add((p)->n.now, ns);            \
		while (!(cond) && instant_before((p)->n.now, end_)) {         \
			sessnet_step(&(p)->n, instant_sub(end_, (p)->n.now)); \
			app_poll(&(p)->a);                                    \
			app_poll(&(p)->b);                                    \
		}                                                             \
		(cond);                                                       \
	})

static inline void connected(struct pair *p)
{
	app_listen(&p->b);
	assert_true(RUN_UNTIL(p, p->b.listening, NS_PER_S));
	app_connect(&p->n, &p->a, 0);
	assert_true(RUN_UNTIL(p, p->a.connected && p->b.st, 5 * NS_PER_S));
}

/* a sends total bytes to b from *sent on; returns false when they do not arrive in time. */
static inline bool transfer(struct pair *p, uint64_t *sent, uint64_t *got, uint64_t total,
                            int64_t ns)
{
	struct instant end = instant_add(p->n.now, ns);

	while (*got < total && instant_before(p->n.now, end)) {
		app_write(&p->a, sent, total);
		sessnet_step(&p->n, instant_sub(end, p->n.now));
		app_poll(&p->a);
		app_poll(&p->b);
		app_read(&p->b, got);
	}
	return *got == total;
}

static inline bool told(const struct app *a, uint32_t bits)
{
	return (atomic_load(&a->side.shared->told) & bits) == bits;
}

/* Both ends close in order; nothing is left. */
static inline void close_both(struct pair *p)
{
	app_shut(&p->a);
	assert_true(RUN_UNTIL(p, told(&p->b, STREAM_EOF), 10 * NS_PER_S));
	app_shut(&p->b);
	assert_true(RUN_UNTIL(p, told(&p->a, STREAM_EOF), 10 * NS_PER_S));
	app_let_go(&p->a, false);
	app_let_go(&p->b, false);
	assert_true(RUN_UNTIL(p, p->a.gone && p->b.gone, 10 * NS_PER_S));
}
