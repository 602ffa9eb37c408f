/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of sockets begin with: the other side, a listener, a connected pair. */
#pragma once
#include "libcoyo/coyo.h"
#include "otherside.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PAIR_PORT  7000
#define PAIR_SLOTS 64
#define PAIR_RING  16384u

struct pair {
	struct otherside *o;
	int listener, a, b; /* a has connected, b was accepted */
};

/* The address of a port here. */
static inline struct sockaddr_coyo pair_address(uint16_t port)
{
	struct sockaddr_coyo to = {.scoyo_family = AF_COYO, .scoyo_port = htons(port)};

	memcpy(to.scoyo_id, otherside_id.b, COYO_ID_BYTES);
	return to;
}

/* A socket that listens on the port. */
static inline int pair_listen(uint16_t port, int backlog)
{
	struct sockaddr_coyo to = pair_address(port);
	int h = coyo_socket(AF_COYO, SOCK_STREAM, 0);

	assert_true(h >= 1 << 20);
	assert_int_equal(coyo_bind(h, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(coyo_listen(h, backlog), 0);
	return h;
}

/* A socket that is connected to the port. */
static inline int pair_connect(uint16_t port)
{
	struct sockaddr_coyo to = pair_address(port);
	int h = coyo_socket(AF_COYO, SOCK_STREAM, 0);

	assert_true(h >= 1 << 20);
	assert_int_equal(coyo_connect(h, (struct sockaddr *)&to, sizeof(to)), 0);
	return h;
}

/* The next connection of the pair's listener, as a and b. */
static inline void pair_again(struct pair *p)
{
	p->a = pair_connect(PAIR_PORT);
	p->b = coyo_accept(p->listener, NULL, NULL);
	assert_true(p->b >= 1 << 20);
}

static inline int pair_setup_cfg(void **state, const struct otherside_cfg *cfg)
{
	struct pair *p = calloc(1, sizeof(*p));

	p->o = otherside_start(cfg);
	p->listener = pair_listen(PAIR_PORT, 16);
	pair_again(p);
	*state = p;
	return 0;
}

static inline int pair_setup(void **state)
{
	return pair_setup_cfg(state, &(struct otherside_cfg){.workers = 2,
	                                                     .slots = PAIR_SLOTS,
	                                                     .ring_bytes = PAIR_RING});
}

/* Ends the other side; the sockets that are open are closed. */
static inline int pair_teardown(void **state)
{
	struct pair *p = *state;

	coyo_close(p->a);
	coyo_close(p->b);
	coyo_close(p->listener);
	otherside_stop(p->o);
	free(p);
	return 0;
}

/* Waits until that holds, at most ten seconds. */
#define pair_await(condition)                     \
	do {                                      \
		int left_ = 10000;                \
                                                  \
		while (!(condition)) {            \
			assert_true(left_-- > 0); \
			usleep(1000);             \
		}                                 \
	} while (0)

/* The call fails with that errno. */
#define assert_fails(call, err)               \
	do {                                  \
		errno = 0;                    \
		assert_int_equal(call, -1);   \
		assert_int_equal(errno, err); \
	} while (0)
