/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes of a stream: every way to send and receive them, and every order in which it ends. */
#include "pair.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static void there_and_back(void **state)
{
	struct pair *p = *state;
	char got[16] = "";

	assert_int_equal(coyo_send(p->a, "question", 8, 0), 8);
	assert_int_equal(coyo_recv(p->b, got, sizeof(got), 0), 8);
	assert_memory_equal(got, "question", 8);
	assert_int_equal(coyo_write(p->b, "answer", 6), 6);
	assert_int_equal(coyo_read(p->a, got, sizeof(got)), 6);
	assert_memory_equal(got, "answer", 6);
	assert_int_equal(coyo_send(p->a, "", 0, 0), 0);
	assert_int_equal(coyo_recv(p->a, got, 0, 0), 0);
}

static void flags(void **state)
{
	struct pair *p = *state;
	char got[16] = "";

	assert_fails(coyo_recv(p->b, got, 1, MSG_DONTWAIT), EAGAIN);
	assert_fails(coyo_recv(p->b, got, 1, MSG_OOB), EOPNOTSUPP);
	assert_fails(coyo_send(p->a, got, 1, MSG_OOB), EOPNOTSUPP);
	assert_int_equal(coyo_send(p->a, "abcd", 4, MSG_NOSIGNAL | MSG_MORE | MSG_DONTWAIT), 4);
	assert_int_equal(coyo_recv(p->b, got, 2, MSG_PEEK), 2);
	assert_int_equal(coyo_recv(p->b, got, 4, MSG_WAITALL), 4);
	assert_memory_equal(got, "abcd", 4);
	assert_int_equal(coyo_send(p->a, "ef", 2, 0), 2);
	assert_int_equal(coyo_shutdown(p->a, SHUT_WR), 0);
	assert_int_equal(coyo_recv(p->b, got, 4, MSG_WAITALL), 2);
	assert_int_equal(coyo_recv(p->b, got, 4, MSG_WAITALL), 0);
}

static void pieces(void **state)
{
	struct pair *p = *state;
	char x[3], y[5];
	struct iovec out[3] = {{"ab", 2}, {NULL, 0}, {"cdefgh", 6}}, in[2] = {{x, 3}, {y, 5}};
	struct msghdr m = {.msg_iov = in, .msg_iovlen = 2, .msg_namelen = 7};

	assert_int_equal(coyo_writev(p->a, out, 3), 8);
	assert_int_equal(coyo_recvmsg(p->b, &m, MSG_WAITALL), 8);
	assert_int_equal(m.msg_namelen, 0);
	assert_memory_equal(x, "abc", 3);
	assert_memory_equal(y, "defgh", 5);
	m = (struct msghdr){.msg_iov = out, .msg_iovlen = 3};
	assert_int_equal(coyo_sendmsg(p->b, &m, 0), 8);
	pair_await(coyo_recv(p->a, y, 5, MSG_PEEK | MSG_DONTWAIT) == 5);
	assert_int_equal(coyo_readv(p->a, in, 2), 8);
	assert_memory_equal(y, "defgh", 5);
	m.msg_control = x;
	m.msg_controllen = sizeof(x);
	assert_fails(coyo_sendmsg(p->b, &m, 0), EOPNOTSUPP);
	assert_fails(coyo_writev(p->a, out, -1), EINVAL);
	assert_fails(coyo_writev(p->a, out, 100000), EMSGSIZE);
}

/* ---- many bytes ---- */

#define TOTAL (UINT64_C(8) << 20)

static uint8_t byte_at(uint64_t i)
{
	return (uint8_t)(i * 7 + (i >> 9));
}

static void *send_total(void *arg)
{
	int h = *(int *)arg;
	uint8_t piece[9000];
	uint64_t done = 0;

	while (done < TOTAL) {
		size_t n = TOTAL - done < sizeof(piece) ? TOTAL - done : sizeof(piece);

		for (size_t i = 0; i < n; i++)
			piece[i] = byte_at(done + i);
		if (coyo_send(h, piece, n, 0) != (ssize_t)n)
			return (void *)1;
		done += n;
	}
	return coyo_shutdown(h, SHUT_WR) ? (void *)1 : NULL;
}

static uint64_t recv_total(int h)
{
	uint8_t piece[7000];
	uint64_t done = 0;
	ssize_t n;

	while ((n = coyo_recv(h, piece, sizeof(piece), 0)) > 0)
		for (ssize_t i = 0; i < n; i++, done++)
			if (piece[i] != byte_at(done))
				return 0;
	return n == 0 ? done : 0;
}

static void *recv_thread(void *arg)
{
	return recv_total(*(int *)arg) == TOTAL ? NULL : (void *)1;
}

static void megabytes_both_ways(void **state)
{
	struct pair *p = *state;
	pthread_t t[4];
	void *bad;

	pthread_create(&t[0], NULL, send_total, &p->a);
	pthread_create(&t[1], NULL, send_total, &p->b);
	pthread_create(&t[2], NULL, recv_thread, &p->a);
	pthread_create(&t[3], NULL, recv_thread, &p->b);
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(t[i], &bad);
		assert_null(bad);
	}
}

/* A reader that takes a byte at a time: the worker moves what there is room for in larger pieces. */
static void small_reads_cost_few_messages(void **state)
{
	struct pair *p = *state;
	uint8_t big[3 * PAIR_RING], one;
	size_t sent = 0;
	ssize_t n;

	memset(big, 'x', sizeof(big));
	while ((n = coyo_send(p->a, big, sizeof(big) - sent, MSG_DONTWAIT)) > 0 ||
	       sent < 2 * PAIR_RING) {
		if (n > 0)
			sent += (size_t)n;
		else
			usleep(100);
	}
	pair_await(coyo_send(p->a, big, 1, MSG_DONTWAIT) < 0);
	otherside_count(p->o)->messages = 0;
	for (size_t i = 0; i < PAIR_RING; i++)
		assert_int_equal(coyo_recv(p->b, &one, 1, 0), 1);
	assert_true(otherside_count(p->o)->messages < 100);
}

static void in_place(void **state)
{
	struct pair *p = *state;
	const void *bytes;
	char got[8];
	void *room;
	ssize_t n;

	n = coyo_reserve(p->a, &room, 0);
	assert_true(n >= (ssize_t)PAIR_RING / 2 && n <= (ssize_t)PAIR_RING);
	assert_fails(coyo_send(p->a, "x", 1, 0), EBUSY);
	assert_fails(coyo_reserve(p->a, &room, 0), EBUSY);
	memcpy(room, "in place", 8);
	assert_fails(coyo_commit(p->a, (size_t)n + 1), EINVAL);
	assert_int_equal(coyo_commit(p->a, 8), 0);
	assert_fails(coyo_commit(p->a, 1), EINVAL);
	assert_int_equal(coyo_borrow(p->b, &bytes, 0), 8);
	assert_memory_equal(bytes, "in place", 8);
	assert_fails(coyo_recv(p->b, got, 1, MSG_DONTWAIT), EBUSY);
	assert_fails(coyo_release(p->b, 9), EINVAL);
	assert_int_equal(coyo_release(p->b, 3), 0);
	assert_int_equal(coyo_recv(p->b, got, 8, 0), 5);
	assert_memory_equal(got, "place", 5);
	assert_fails(coyo_borrow(p->b, &bytes, MSG_DONTWAIT), EAGAIN);
	assert_fails(coyo_borrow(p->b, &bytes, MSG_PEEK), EOPNOTSUPP);
	coyo_shutdown(p->a, SHUT_WR);
	assert_int_equal(coyo_borrow(p->b, &bytes, 0), 0);
	assert_fails(coyo_reserve(p->a, &room, 0), EPIPE);
}

/* ---- ends ---- */

static void half_close(void **state)
{
	struct pair *p = *state;
	char got[8];

	coyo_send(p->a, "last", 4, 0);
	assert_int_equal(coyo_shutdown(p->a, SHUT_WR), 0);
	assert_int_equal(coyo_shutdown(p->a, SHUT_WR), 0);
	assert_fails(coyo_send(p->a, "x", 1, 0), EPIPE);
	assert_int_equal(coyo_recv(p->b, got, 8, 0), 4);
	assert_int_equal(coyo_recv(p->b, got, 8, 0), 0);
	assert_int_equal(coyo_recv(p->b, got, 8, 0), 0);
	assert_int_equal(coyo_send(p->b, "more", 4, 0), 4);
	assert_int_equal(coyo_recv(p->a, got, 8, 0), 4);
}

static void shut_reading(void **state)
{
	struct pair *p = *state;
	char got[8];

	coyo_send(p->a, "come", 4, 0);
	pair_await(coyo_recv(p->b, got, 8, MSG_PEEK | MSG_DONTWAIT) == 4);
	assert_int_equal(coyo_shutdown(p->b, SHUT_RD), 0);
	assert_int_equal(coyo_recv(p->b, got, 8, 0), 4);
	assert_int_equal(coyo_recv(p->b, got, 8, 0), 0);
	assert_fails(coyo_shutdown(p->b, 99), EINVAL);
}

/* Another thread's shutdown wakes one that waits. */
static void *shut_later(void *arg)
{
	usleep(20000);
	return (void *)(intptr_t)coyo_shutdown(*(int *)arg, SHUT_RD);
}

static void shutdown_wakes_a_reader(void **state)
{
	struct pair *p = *state;
	pthread_t t;
	char got;

	pthread_create(&t, NULL, shut_later, &p->b);
	assert_int_equal(coyo_recv(p->b, &got, 1, 0), 0);
	pthread_join(t, NULL);
}

/* What came before the peer's close is readable; a write to it is answered by a reset, told once. */
static void writing_to_one_that_has_closed(void **state)
{
	struct pair *p = *state;
	int err;
	socklen_t len = sizeof(err);
	char got[8];

	coyo_send(p->b, "bye", 3, 0);
	assert_int_equal(coyo_close(p->b), 0);
	assert_int_equal(coyo_recv(p->a, got, 8, 0), 3);
	assert_int_equal(coyo_recv(p->a, got, 8, 0), 0);
	coyo_send(p->a, "x", 1, 0);
	pair_await(coyo_send(p->a, "x", 1, 0) < 0);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(coyo_recv(p->a, got, 8, 0), 0);
	assert_int_equal(coyo_getsockopt(p->a, SOL_SOCKET, SO_ERROR, &err, &len), 0);
	assert_int_equal(err, 0);
}

static void unread_bytes_make_a_reset_told_once(void **state)
{
	struct pair *p = *state;
	char got[8];

	coyo_send(p->a, "unread", 6, 0);
	coyo_send(p->b, "before", 6, 0);
	pair_await(coyo_recv(p->b, got, 8, MSG_PEEK | MSG_DONTWAIT) == 6);
	coyo_close(p->b);
	assert_int_equal(coyo_recv(p->a, got, 8, 0), 6);
	assert_fails(coyo_recv(p->a, got, 8, 0), ECONNRESET);
	assert_int_equal(coyo_recv(p->a, got, 8, 0), 0);
	assert_fails(coyo_send(p->a, "x", 1, 0), EPIPE);
}

static void linger_zero_resets(void **state)
{
	struct pair *p = *state;
	struct linger l = {1, 0};
	int err;
	socklen_t len = sizeof(err);

	assert_int_equal(coyo_setsockopt(p->b, SOL_SOCKET, SO_LINGER, &l, sizeof(l)), 0);
	coyo_close(p->b);
	pair_await(coyo_getsockopt(p->a, SOL_SOCKET, SO_ERROR, &err, &len) == 0 && err != 0);
	assert_int_equal(err, ECONNRESET);
}

static void linger_waits_for_the_peer(void **state)
{
	struct pair *p = *state;
	struct linger l = {1, 10}, got;
	socklen_t len = sizeof(got);

	coyo_setsockopt(p->b, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	assert_int_equal(coyo_getsockopt(p->b, SOL_SOCKET, SO_LINGER, &got, &len), 0);
	assert_int_equal(got.l_onoff, 1);
	assert_int_equal(got.l_linger, 10);
	coyo_send(p->b, "x", 1, 0);
	assert_int_equal(coyo_close(p->b), 0);
	/* The worker has let go of it: only the listener's and a's are left. */
	assert_int_equal(coyo_recv(p->a, &got, 1, MSG_DONTWAIT), 1);
}

/* A slot comes back when both ends are closed, however often. */
static void slots_come_back(void **state)
{
	struct pair *p = *state;
	char got;

	for (unsigned i = 0; i < 10 * PAIR_SLOTS; i++) {
		assert_int_equal(coyo_send(p->a, "x", 1, 0), 1);
		assert_int_equal(coyo_recv(p->b, &got, 1, 0), 1);
		coyo_close(p->a);
		coyo_close(p->b);
		pair_again(p);
	}
}

static void closed_handles_are_no_sockets(void **state)
{
	struct pair *p = *state;
	char got;

	coyo_close(p->a);
	assert_fails(coyo_close(p->a), EBADF);
	assert_fails(coyo_recv(p->a, &got, 1, 0), EBADF);
	assert_fails(coyo_send(-1, &got, 1, 0), EBADF);
	assert_fails(coyo_send(0, &got, 1, 0), EBADF);
	assert_fails(coyo_send(INT32_MAX, &got, 1, 0), EBADF);
	assert_fails(coyo_send((1 << 20) + 2 * PAIR_SLOTS, &got, 1, 0), EBADF);
}

static void *close_later(void *arg)
{
	usleep(20000);
	return (void *)(intptr_t)coyo_close(*(int *)arg);
}

static void close_wakes_a_reader(void **state)
{
	struct pair *p = *state;
	pthread_t t;
	char got;

	pthread_create(&t, NULL, close_later, &p->b);
	assert_fails(coyo_recv(p->b, &got, 1, 0), EBADF);
	pthread_join(t, NULL);
}

static void *send_until_closed(void *arg)
{
	while (coyo_send(*(int *)arg, "x", 1, 0) == 1)
		;
	return NULL;
}

/* The worker resets a stream about which it hears more after its close: what was sent before would be lost. */
static void no_message_follows_a_close(void **state)
{
	struct pair *p = *state;
	pthread_t t;

	for (unsigned i = 0; i < 100; i++) {
		int h = p->a;

		pthread_create(&t, NULL, send_until_closed, &h);
		usleep(i * 10);
		coyo_close(p->a);
		pthread_join(t, NULL);
		coyo_close(p->b);
		pair_again(p);
	}
	assert_int_equal(otherside_count(p->o)->after_close, 0);
}

/* ---- time ---- */

static void timeouts(void **state)
{
	struct pair *p = *state;
	struct timeval t = {0, 30000}, got = {0};
	uint8_t big[8 * PAIR_RING] = {0};
	socklen_t len = sizeof(got);
	ssize_t n;

	assert_int_equal(coyo_setsockopt(p->a, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)), 0);
	assert_int_equal(coyo_setsockopt(p->a, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)), 0);
	assert_int_equal(coyo_getsockopt(p->a, SOL_SOCKET, SO_RCVTIMEO, &got, &len), 0);
	assert_int_equal(got.tv_usec, 30000);
	assert_fails(coyo_recv(p->a, big, 1, 0), EAGAIN);
	n = coyo_send(p->a, big, sizeof(big), 0);
	assert_true(n > 0 && n < (ssize_t)sizeof(big));
	assert_fails(coyo_send(p->a, big, 1, 0), EAGAIN);
	t.tv_usec = 1000000;
	assert_fails(coyo_setsockopt(p->a, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)), EDOM);
}

/* Looks at the clock by this thread: a wait that goes to sleep at once takes four, one that spins before at least two more. */
static _Thread_local unsigned looks;

int clock_gettime(clockid_t id, struct timespec *t)
{
	looks++;
	return (int)syscall(SYS_clock_gettime, id, t);
}

/* Where spinning has been of no use several times, a wait goes to sleep at once; one in many still spins, since that may have changed. */
static void spins_where_it_helps(void **state)
{
	struct pair *p = *state;
	struct timeval t = {0, 1000};
	unsigned at_once = 0, spun = 0;
	uint8_t byte;

	assert_int_equal(coyo_setsockopt(p->a, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)), 0);
	for (unsigned i = 0; i < 72; i++) {
		unsigned before = looks;

		assert_fails(coyo_recv(p->a, &byte, 1, 0), EAGAIN);
		if (i < 8)
			continue;
		at_once += looks - before <= 5;
		spun += looks - before > 5;
	}
	assert_true(at_once >= 50);
	assert_true(spun >= 4);
}

static void non_blocking(void **state)
{
	struct pair *p = *state;
	uint8_t big[8 * PAIR_RING] = {0};

	assert_int_equal(coyo_set_nonblock(p->a, 1), 0);
	assert_fails(coyo_recv(p->a, big, 1, 0), EAGAIN);
	for (unsigned i = 0; i < 100; i++)
		if (coyo_send(p->a, big, sizeof(big), 0) < 0)
			break;
	pair_await(coyo_send(p->a, big, 1, 0) < 0 && errno == EAGAIN);
	assert_int_equal(coyo_set_nonblock(p->a, 0), 0);
}

/* ---- what it costs ---- */

/* Nobody who is awake is woken by a system call: one that only sends has no futex to wake, nor has one that looks without waiting. */
static void nobody_awake_is_woken(void **state)
{
	struct pair *p = *state;
	struct otherside_count *c = otherside_count(p->o);
	uint64_t futexes = c->futex_wakes, pipes = c->app_wakes;
	char got[64];

	for (unsigned i = 0; i < 1000; i++) {
		coyo_send(p->a, "0123456789", 10, 0);
		while (coyo_recv(p->b, got, sizeof(got), MSG_DONTWAIT) > 0)
			;
	}
	assert_int_equal(c->futex_wakes, futexes);
	assert_int_equal(c->app_wakes, pipes);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, pair_setup, pair_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(there_and_back),
	        TEST(flags),
	        TEST(pieces),
	        TEST(megabytes_both_ways),
	        TEST(small_reads_cost_few_messages),
	        TEST(in_place),
	        TEST(half_close),
	        TEST(shut_reading),
	        TEST(shutdown_wakes_a_reader),
	        TEST(writing_to_one_that_has_closed),
	        TEST(unread_bytes_make_a_reset_told_once),
	        TEST(linger_zero_resets),
	        TEST(linger_waits_for_the_peer),
	        TEST(slots_come_back),
	        TEST(closed_handles_are_no_sockets),
	        TEST(close_wakes_a_reader),
	        TEST(no_message_follows_a_close),
	        TEST(timeouts),
	        TEST(spins_where_it_helps),
	        TEST(non_blocking),
	        TEST(nobody_awake_is_woken),
	};
	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
