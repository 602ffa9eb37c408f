/* SPDX-License-Identifier: BSD-3-Clause */
/* Slots and entries of the table over a socket's life: none is lost where a call fails, none is given back twice. */
#include "pair.h"

#include <pthread.h>

#define LANE   300 /* more than a lane has messages */
#define ROUNDS 2000

static int many_setup(void **state)
{
	return pair_setup_cfg(state, &(struct otherside_cfg){
	                                     .workers = 1, .slots = 512, .ring_bytes = PAIR_RING});
}

/* ---- calls that fail ---- */

/* A worker that takes nothing: the connect that finds its lane full fails, and can be tried again. */
static void a_connect_that_no_worker_takes(void **state)
{
	struct sockaddr_coyo to = pair_address(1);
	struct pair *p = *state;
	const unsigned before = 2 + 16; /* the pair's, and what is posted for the backlog */
	unsigned n = 0;
	int h[LANE];

	pair_await(otherside_slots(p->o) == before);
	otherside_hold(p->o, true);
	do {
		assert_true(n < LANE);
		h[n] = coyo_socket(AF_COYO, SOCK_STREAM | SOCK_NONBLOCK, 0);
		assert_int_equal(coyo_connect(h[n], (struct sockaddr *)&to, sizeof(to)), -1);
	} while (errno == EINPROGRESS && ++n);
	assert_int_equal(errno, ETIMEDOUT);
	otherside_hold(p->o, false);
	coyo_set_nonblock(h[n], 0);
	assert_fails(coyo_connect(h[n], (struct sockaddr *)&to, sizeof(to)), ECONNREFUSED);
	for (unsigned i = 0; i <= n; i++)
		assert_int_equal(coyo_close(h[i]), 0);
	pair_await(otherside_slots(p->o) == before);
}

/* ---- closing ---- */

struct closer {
	pthread_barrier_t barrier;
	int h;
	_Atomic unsigned closed;
};

static void close_one(struct closer *c)
{
	pthread_barrier_wait(&c->barrier);
	c->closed += coyo_close(c->h) == 0;
	pthread_barrier_wait(&c->barrier);
}

static void *close_all(void *arg)
{
	for (unsigned i = 0; i < ROUNDS; i++)
		close_one(arg);
	return NULL;
}

static void two_threads_that_close_one_socket(void **state)
{
	struct closer c = {.h = -1};
	pthread_t t;
	int a, b;

	pthread_barrier_init(&c.barrier, NULL, 2);
	pthread_create(&t, NULL, close_all, &c);
	for (unsigned i = 0; i < ROUNDS; i++) {
		c.h = coyo_socket(AF_COYO, SOCK_STREAM, 0);
		close_one(&c);
		assert_int_equal(c.closed, i + 1);
	}
	pthread_join(t, NULL);
	pthread_barrier_destroy(&c.barrier);
	a = coyo_socket(AF_COYO, SOCK_STREAM, 0);
	b = coyo_socket(AF_COYO, SOCK_STREAM, 0);
	assert_true(a > 0 && b > 0 && a != b);
	coyo_close(a);
	coyo_close(b);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, many_setup, pair_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(a_connect_that_no_worker_takes),
	        TEST(two_threads_that_close_one_socket),
	};
	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
