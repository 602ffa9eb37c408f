/* SPDX-License-Identifier: BSD-3-Clause */
/* Slots and entries of the table over a socket's life: none is lost where a call fails, none is given back twice, and their memory is. */
#include "pair.h"

#include <pthread.h>
#include <sys/mman.h>

#define LANE    300 /* more than a lane has messages */
#define STREAMS 100
#define ROUNDS  2000
#define PAGE    4096u

static int many_setup(void **state)
{
	return pair_setup_cfg(state, &(struct otherside_cfg){
	                                     .workers = 1, .slots = 512, .ring_bytes = PAIR_RING});
}

/* ---- calls that fail ---- */

/* Sockets that connect until their worker's lane is full. Returns how many; the next one of h is what found no room, and errno says what it was told. */
static unsigned fill_lane(int h[LANE])
{
	struct sockaddr_coyo to = pair_address(1);
	unsigned n = 0;

	do {
		assert_true(n < LANE);
		h[n] = coyo_socket(AF_COYO, SOCK_STREAM | SOCK_NONBLOCK, 0);
		assert_int_equal(coyo_connect(h[n], (struct sockaddr *)&to, sizeof(to)), -1);
	} while (errno == EINPROGRESS && ++n);
	return n;
}

/* A worker that takes nothing: the connect that finds its lane full fails, and can be tried again. */
static void a_connect_that_no_worker_takes(void **state)
{
	struct sockaddr_coyo to = pair_address(1);
	struct pair *p = *state;
	const unsigned before = 2 + 16; /* the pair's, and what is posted for the backlog */
	unsigned n;
	int h[LANE];

	pair_await(otherside_slots(p->o) == before);
	otherside_hold(p->o, true);
	n = fill_lane(h);
	/* At once: this socket may not wait. */
	assert_int_equal(errno, EAGAIN);
	otherside_hold(p->o, false);
	coyo_set_nonblock(h[n], 0);
	assert_fails(coyo_connect(h[n], (struct sockaddr *)&to, sizeof(to)), ECONNREFUSED);
	for (unsigned i = 0; i <= n; i++)
		assert_int_equal(coyo_close(h[i]), 0);
	pair_await(otherside_slots(p->o) == before);
}

/* A worker that takes nothing: a send that may not wait does not wait for room in the lane, and says in the lane that a kick is missing. */
static void a_send_that_finds_the_lane_full(void **state)
{
	struct pair *p = *state;
	struct appseg_layout l;
	struct applane *lane = (struct applane *)otherside_segment(p->o, &l);
	unsigned n;
	int h[LANE];

	pair_await(atomic_load(&lane->to_worker.head) == atomic_load(&lane->to_worker.tail));
	otherside_hold(p->o, true);
	n = fill_lane(h);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(atomic_load(&lane->kicks_missed), 0);
	assert_int_equal(coyo_send(p->a, "abc", 3, MSG_DONTWAIT), 3);
	assert_int_equal(atomic_load(&lane->kicks_missed), 1);
	otherside_hold(p->o, false);
	for (unsigned i = 0; i <= n; i++)
		assert_int_equal(coyo_close(h[i]), 0);
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

/* ---- memory ---- */

/* Pages of all rings that take memory. */
static unsigned pages(struct pair *p)
{
	static unsigned char there[2 * 512 * PAIR_RING / PAGE];
	struct appseg_layout l;
	uint8_t *rings = otherside_segment(p->o, &l);
	unsigned n = 0;

	rings += appseg_ring_at(&l, 0, false);
	assert_int_equal(mincore(rings, sizeof(there) * PAGE, there), 0);
	for (size_t i = 0; i < sizeof(there); i++)
		n += there[i] & 1;
	return n;
}

static void fill_both_ways(int from, int to)
{
	static uint8_t big[2 * PAIR_RING];
	ssize_t n, sent = 0;

	/* Until the other side has filled the ring of who receives, and can take no more. */
	while (sent < (ssize_t)PAIR_RING) {
		n = coyo_send(from, big, sizeof(big) / 2, MSG_DONTWAIT);
		if (n > 0)
			sent += n;
		else
			usleep(100);
	}
	while (sent > 0) {
		n = coyo_recv(to, big, sizeof(big), 0);
		assert_true(n > 0);
		sent -= n;
	}
}

/* The rings of some free slots stay filled for those that come next, those of all others go back to the system. */
static void memory_of_closed_streams(void **state)
{
	struct pair *p = *state;
	int h[2 * STREAMS];

	for (unsigned i = 0; i < STREAMS; i++) {
		h[2 * i] = pair_connect(PAIR_PORT);
		h[2 * i + 1] = coyo_accept(p->listener, NULL, NULL);
		fill_both_ways(h[2 * i], h[2 * i + 1]);
		fill_both_ways(h[2 * i + 1], h[2 * i]);
	}
	assert_true(pages(p) >= STREAMS * 2 * PAIR_RING / PAGE / 2);
	for (unsigned i = 0; i < 2 * STREAMS; i++)
		coyo_close(h[i]);
	pair_await((coyo_close(p->a), coyo_close(p->b), pair_again(p),
	            pages(p) <= 80 * 2 * PAIR_RING / PAGE));
	fill_both_ways(p->a, p->b);
}

/* ---- large rings ---- */

#define LARGE (1u << 20)
#define PLAIN (256u << 10)

static int large_setup(void **state)
{
	return pair_setup_cfg(
	        state, &(struct otherside_cfg){.workers = 1, .slots = 128, .ring_bytes = LARGE});
}

/* How many bytes the out ring takes while no worker takes any. */
static size_t fill_ring(int h)
{
	static uint8_t big[PLAIN];
	size_t all = 0;

	/* A send that finds no room asks for a larger ring, which the next one has. */
	for (unsigned refused = 0; refused < 2;) {
		ssize_t n = coyo_send(h, big, sizeof(big), MSG_DONTWAIT);

		if (n > 0)
			all += (size_t)n;
		else
			refused++;
	}
	return all;
}

/* Sixteen streams may have large rings, within SO_SNDBUF; another one when one of them is closed. */
static void few_large_rings(void **state)
{
	struct pair *p = *state;
	int a[19], b[19], limit = 100000;
	unsigned slots;
	size_t bound;

	for (unsigned i = 0; i < 19; i++) {
		pair_again(p);
		a[i] = p->a;
		b[i] = p->b;
	}
	assert_int_equal(coyo_setsockopt(a[0], SOL_SOCKET, SO_SNDBUF, &limit, sizeof(limit)), 0);
	otherside_hold(p->o, true);
	bound = fill_ring(a[0]);
	assert_true(bound >= 100000 && bound <= 256 * 1024);
	for (unsigned i = 1; i <= 16; i++)
		assert_int_equal(fill_ring(a[i]), LARGE);
	assert_int_equal(fill_ring(a[17]), PLAIN);
	otherside_hold(p->o, false);
	slots = otherside_slots(p->o);
	coyo_close(b[1]);
	coyo_close(a[1]);
	/* The slots of both are free, which the library sees when it takes others. */
	pair_await(otherside_slots(p->o) <= slots - 2);
	pair_again(p);
	otherside_hold(p->o, true);
	assert_true(fill_ring(a[18]) == LARGE);
	otherside_hold(p->o, false);
	for (unsigned i = 0; i < 19; i++) {
		if (i == 1)
			continue;
		coyo_close(a[i]);
		coyo_close(b[i]);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, many_setup, pair_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(a_connect_that_no_worker_takes),
	        TEST(a_send_that_finds_the_lane_full),
	        TEST(two_threads_that_close_one_socket),
	        TEST(memory_of_closed_streams),
	        cmocka_unit_test_setup_teardown(few_large_rings, large_setup, pair_teardown),
	};
	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
