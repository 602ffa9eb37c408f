/* SPDX-License-Identifier: BSD-3-Clause */
/* Byte ring: contents across wrap-around, two threads, and a neighbour that lies about its index. */
#include "tests/lib/ringcopy.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define CAP 4096u

struct fixture {
	struct bytering_shared shared;
	uint8_t data[CAP];
	struct bytering tx, rx;
};

static int setup(void **state)
{
	struct fixture *f = aligned_alloc(64, (sizeof(*f) + 63) / 64 * 64);

	bytering_shared_init(&f->shared);
	bytering_view(&f->tx, &f->shared, f->data, CAP);
	bytering_view(&f->rx, &f->shared, f->data, CAP);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static void test_fills_and_empties(void **state)
{
	struct fixture *f = *state;
	uint8_t in[CAP + 1], out[CAP + 1];

	for (unsigned i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 7);
	assert_int_equal(bytering_used(&f->rx), 0);
	assert_int_equal(ring_copy_in(&f->tx, in, sizeof(in)), CAP);
	assert_int_equal(bytering_room(&f->tx), 0);
	assert_int_equal(ring_copy_out(&f->rx, out, sizeof(out)), CAP);
	assert_memory_equal(in, out, CAP);
	assert_int_equal(bytering_room(&f->tx), CAP);
}

static void test_pieces_wrap(void **state)
{
	struct fixture *f = *state;
	uint8_t in[3000] = {1}, out[3000];
	void *piece[2];
	size_t len[2];

	assert_int_equal(ring_copy_in(&f->tx, in, 3000), 3000);
	assert_int_equal(ring_copy_out(&f->rx, out, 3000), 3000);
	assert_int_equal(bytering_reserve2(&f->tx, piece, len), 2);
	assert_int_equal(len[0], CAP - 3000);
	assert_int_equal(len[1], 3000);
	assert_ptr_equal(piece[1], f->data);
	memset(piece[0], 0xaa, len[0]);
	memset(piece[1], 0xbb, 10);
	bytering_commit(&f->tx, len[0] + 10);
	assert_int_equal(bytering_peek2(&f->rx, piece, len), 2);
	assert_int_equal(len[0], CAP - 3000);
	assert_int_equal(len[1], 10);
	bytering_consume(&f->rx, len[0] + 10);
	assert_int_equal(bytering_peek2(&f->rx, piece, len), 0);
}

static void test_consumer_bounds_head(void **state)
{
	struct fixture *f = *state;
	const void *piece;

	atomic_store(&f->shared.head, CAP + 1);
	assert_int_equal(bytering_used(&f->rx), 0);
	assert_true(f->rx.broken);
	/* It stays broken, whatever is claimed next. */
	atomic_store(&f->shared.head, 10);
	assert_int_equal(bytering_peek(&f->rx, &piece), 0);
}

static void test_consumer_refuses_head_that_goes_back(void **state)
{
	struct fixture *f = *state;
	uint8_t b[100] = {0};

	ring_copy_in(&f->tx, b, 100);
	assert_int_equal(bytering_used(&f->rx), 100);
	bytering_consume(&f->rx, 20);
	atomic_store(&f->shared.head, 50);
	assert_int_equal(bytering_used(&f->rx), 0);
	assert_true(f->rx.broken);
	atomic_store(&f->shared.head, 10);
	assert_int_equal(bytering_used(&f->rx), 0);
}

static void test_producer_bounds_tail(void **state)
{
	struct fixture *f = *state;
	uint8_t b[100] = {0};

	ring_copy_in(&f->tx, b, 100);
	atomic_store(&f->shared.tail, 101);
	assert_int_equal(bytering_room(&f->tx), 0);
	assert_true(f->tx.broken);
	assert_int_equal(ring_copy_in(&f->tx, b, 1), 0);
}

static void test_producer_refuses_tail_that_goes_back(void **state)
{
	struct fixture *f = *state;
	uint8_t b[100] = {0};

	ring_copy_in(&f->tx, b, 100);
	ring_copy_out(&f->rx, b, 60);
	assert_int_equal(bytering_room(&f->tx), CAP - 40);
	atomic_store(&f->shared.tail, 59);
	assert_int_equal(bytering_room(&f->tx), 0);
	assert_true(f->tx.broken);
}

#define STREAM_BYTES (8u << 20)

static uint8_t byte_at(uint64_t i)
{
	return (uint8_t)(i * 2654435761u >> 13);
}

static void *producer(void *arg)
{
	struct fixture *f = arg;
	uint64_t at = 0;

	while (at < STREAM_BYTES) {
		void *piece;
		uint32_t n = bytering_reserve(&f->tx, &piece);

		if (n == 0) {
			sched_yield();
			continue;
		}
		n = (uint32_t)min_u64(min_u64(n, 1 + at % 1500), STREAM_BYTES - at);
		for (uint32_t i = 0; i < n; i++)
			((uint8_t *)piece)[i] = byte_at(at + i);
		bytering_commit(&f->tx, n);
		at += n;
	}
	return NULL;
}

static void test_two_threads(void **state)
{
	struct fixture *f = *state;
	uint64_t at = 0, wrong = 0;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, producer, f), 0);
	while (at < STREAM_BYTES && !f->rx.broken) {
		const void *piece;
		uint32_t n = bytering_peek(&f->rx, &piece);

		if (n == 0) {
			sched_yield();
			continue;
		}
		for (uint32_t i = 0; i < n; i++)
			wrong += ((const uint8_t *)piece)[i] != byte_at(at + i);
		bytering_consume(&f->rx, n);
		at += n;
	}
	pthread_join(thread, NULL);
	assert_int_equal(at, STREAM_BYTES);
	assert_int_equal(wrong, 0);
	assert_false(f->rx.broken || f->tx.broken);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        T(test_fills_and_empties),    T(test_pieces_wrap),
	        T(test_consumer_bounds_head), T(test_consumer_refuses_head_that_goes_back),
	        T(test_producer_bounds_tail), T(test_producer_refuses_tail_that_goes_back),
	        T(test_two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
