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

#define MOST (256u * 1024)

struct fixture {
	struct bytering_shared shared;
	uint8_t data[CAP];
	uint8_t first[BYTERING_FIRST], rest[MOST]; /* of an elastic ring */
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

/* ---- elastic ---- */

static int setup_elastic(void **state)
{
	struct fixture *f;

	setup(state);
	f = *state;
	bytering_elastic(&f->tx, &f->shared, f->first, f->rest, MOST);
	bytering_elastic(&f->rx, &f->shared, f->first, f->rest, MOST);
	return 0;
}

static uint8_t byte_at(uint64_t i)
{
	return (uint8_t)(i * 2654435761u >> 13);
}

/* n bytes of the pattern from index `at` on go in; how many did. */
static uint32_t in(struct fixture *f, uint64_t at, uint32_t n)
{
	uint32_t done = 0, k;
	void *piece;

	while (done < n && (k = bytering_reserve(&f->tx, &piece)) > 0) {
		k = k < n - done ? k : n - done;
		for (uint32_t i = 0; i < k; i++)
			((uint8_t *)piece)[i] = byte_at(at + done + i);
		bytering_commit(&f->tx, k);
		done += k;
	}
	return done;
}

/* At most n bytes come out, and are those of the pattern from `at` on; how many did. */
static uint32_t out(struct fixture *f, uint64_t at, uint32_t n)
{
	uint32_t done = 0, k;
	const void *piece;

	while (done < n && (k = bytering_peek(&f->rx, &piece)) > 0) {
		k = k < n - done ? k : n - done;
		for (uint32_t i = 0; i < k; i++)
			if (((const uint8_t *)piece)[i] != byte_at(at + done + i))
				fail_msg("byte %llu", (unsigned long long)(at + done + i));
		bytering_consume(&f->rx, k);
		done += k;
	}
	return done;
}

/* Questions and answers lie in the first bytes, always the same ones. */
static void test_little_takes_little(void **state)
{
	struct fixture *f = *state;
	void *piece;
	uint64_t at = 0;

	for (unsigned i = 0; i < 10000; i++) {
		uint32_t n = 1 + i % BYTERING_FIRST;

		assert_true(bytering_reserve(&f->tx, &piece) == BYTERING_FIRST);
		assert_ptr_equal(piece, f->first);
		assert_int_equal(in(f, at, n), n);
		assert_int_equal(out(f, at, n), n);
		at += n;
	}
	assert_int_equal(f->tx.cap, BYTERING_FIRST);
	assert_int_equal(bytering_doubled(atomic_load(&f->shared.shape)), 0);
}

/* A producer that finds nobody reading gets all that the ring may become, in one go. */
static void test_much_takes_all(void **state)
{
	struct fixture *f = *state;
	void *piece;

	assert_int_equal(in(f, 0, MOST + 1), MOST);
	assert_int_equal(f->tx.cap, MOST);
	assert_int_equal(bytering_used(&f->rx), MOST);
	assert_int_equal(f->rx.cap, MOST);
	assert_int_equal(out(f, 0, MOST), MOST);
	/* From the beginning again, without the first bytes: much of it is wanted in one piece. */
	assert_int_equal(bytering_reserve(&f->tx, &piece), MOST - BYTERING_FIRST);
	assert_ptr_equal(piece, f->rest + BYTERING_FIRST);
	assert_int_equal(in(f, MOST, 100), 100);
	assert_int_equal(bytering_base(atomic_load(&f->shared.shape)), MOST - BYTERING_FIRST);
	assert_int_equal(out(f, MOST, 100), 100);
}

/* However reads and writes meet, every byte is found where it lies, and the ring never gives more than it has. */
static void test_grows_under_way(void **state)
{
	struct fixture *f = *state;
	uint64_t put = 0, got = 0, seed = 1;

	for (unsigned i = 0; i < 200000; i++) {
		uint32_t most = 1u << (seed >> 60), n = 1 + (uint32_t)(seed >> 33) % (8 * most);

		seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		/* At times the consumer is behind, at times it has read all. */
		if ((seed >> 40) % (i % 5000 < 2500 ? 3 : 2))
			put += in(f, put, n);
		else
			got += out(f, got, i % 3 ? n : UINT32_MAX);
		assert_true(put - got <= f->tx.cap && f->tx.cap <= MOST);
	}
	assert_false(f->tx.broken || f->rx.broken);
	got += out(f, got, UINT32_MAX);
	assert_int_equal(put, got);
	assert_true(put > MOST);
}

/* A ring that has filled up after it had wrapped cannot double where it is; it does when it is empty. */
static void test_tight(void **state)
{
	struct fixture *f = *state;
	uint32_t cap;

	assert_int_equal(in(f, 0, BYTERING_SMALL), BYTERING_SMALL);
	assert_int_equal(out(f, 0, BYTERING_SMALL - 1000), BYTERING_SMALL - 1000);
	assert_int_equal(f->tx.cap, BYTERING_SMALL);
	/* 1000 of 16384 bytes are unread: it wraps. */
	assert_int_equal(in(f, BYTERING_SMALL, MOST), BYTERING_SMALL - 1000);
	assert_int_equal(f->tx.cap, BYTERING_SMALL);
	assert_int_equal(out(f, BYTERING_SMALL - 1000, MOST), BYTERING_SMALL);
	assert_int_equal(in(f, 2 * BYTERING_SMALL - 1000, 1), 1);
	cap = f->tx.cap;
	assert_int_equal(cap, 2 * BYTERING_SMALL);
	assert_int_equal(out(f, 2 * BYTERING_SMALL - 1000, 2), 1);
	assert_int_equal(f->rx.cap, cap);
}

/* Who writes in place asks for a ring that is not small. */
static void test_wide(void **state)
{
	struct fixture *f = *state;
	void *piece;

	f->tx.wide = true;
	assert_int_equal(bytering_reserve(&f->tx, &piece), BYTERING_SMALL - BYTERING_FIRST);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(in(f, i * 5000, 5000), 5000);
		assert_int_equal(out(f, i * 5000, 6000), 5000);
	}
	assert_int_equal(f->tx.cap, BYTERING_SMALL);
}

/* Shapes that cannot be break the ring; any other makes the consumer read bytes of the ring and none beside it. */
static void test_shapes_that_lie(void **state)
{
	struct fixture *f = *state;
	const void *piece;
	void *two[2];
	size_t len[2];
	uint64_t seed = 7;

	assert_int_equal(in(f, 0, 5000), 5000);
	for (unsigned i = 0; i < 100000; i++) {
		uint32_t n;

		seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		atomic_store(&f->shared.shape, (seed & ~UINT64_C(255)) | (3 + (seed >> 30) % 6));
		n = bytering_peek(&f->rx, &piece);
		assert_false(f->rx.broken);
		assert_true(n > 0 && n <= 5000);
		assert_true(((uint8_t *)piece >= f->first &&
		             (uint8_t *)piece + n <= f->first + BYTERING_FIRST) ||
		            ((uint8_t *)piece >= f->rest + BYTERING_FIRST &&
		             (uint8_t *)piece + n <= f->rest + MOST));
		bytering_peek2(&f->rx, two, len);
		assert_true(len[0] + len[1] <= 5000);
	}
	/* Smaller than what lies in it; larger than it may be; a number that would not fit a word. */
	for (unsigned i = 0; i < 3; i++) {
		static const uint8_t doubled[] = {2, 9, 255};

		f->rx.broken = false;
		atomic_store(&f->shared.shape, doubled[i]);
		assert_int_equal(bytering_peek(&f->rx, &piece), 0);
		assert_true(f->rx.broken);
	}
}

/* A process that died between what it noted and what it made known: whoever goes on with its view says the rest. */
static void test_repair(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(in(f, 0, 3000), 3000);
	assert_int_equal(out(f, 0, 3000), 3000);
	assert_int_equal(in(f, 3000, 2000), 2000);
	atomic_store(&f->shared.shape, 0);
	atomic_store(&f->shared.head, 3000);
	f->tx.cap = BYTERING_FIRST;
	bytering_repair(&f->tx);
	assert_int_equal(out(f, 3000, 3000), 2000);
}

/* The same of a consumer, which had read the shape and not noted yet how large that makes the ring, or had not made known what it read. */
static void test_repair_of_a_consumer(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(in(f, 0, 3000), 3000);
	f->rx.shape = atomic_load(&f->shared.shape);
	bytering_repair_consumer(&f->rx);
	assert_int_equal(out(f, 0, 3000), 3000);
	atomic_store(&f->shared.tail, 0);
	bytering_repair_consumer(&f->rx);
	assert_int_equal(bytering_room(&f->tx), f->tx.cap);
}

#define STREAM_BYTES (8u << 20)

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
#define E(f) cmocka_unit_test_setup_teardown(f, setup_elastic, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        T(test_fills_and_empties),
	        T(test_pieces_wrap),
	        T(test_consumer_bounds_head),
	        T(test_consumer_refuses_head_that_goes_back),
	        T(test_producer_bounds_tail),
	        T(test_producer_refuses_tail_that_goes_back),
	        T(test_two_threads),
	        E(test_little_takes_little),
	        E(test_much_takes_all),
	        E(test_grows_under_way),
	        E(test_tight),
	        E(test_wide),
	        E(test_shapes_that_lie),
	        E(test_repair),
	        E(test_repair_of_a_consumer),
	        E(test_two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
