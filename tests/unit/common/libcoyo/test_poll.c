/* SPDX-License-Identifier: BSD-3-Clause */
/* coyo_poll(): what it says in each state, and that nobody who sleeps in it is forgotten. */
#include "pair.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

static short now(int h, short events)
{
	struct pollfd f = {.fd = h, .events = events, .revents = -1};
	int found = coyo_poll(&f, 1, 0);

	assert_int_equal(found, f.revents != 0);
	return f.revents;
}

static short soon(int h, short events)
{
	struct pollfd f = {.fd = h, .events = events};

	assert_int_equal(coyo_poll(&f, 1, 10000), 1);
	return f.revents;
}

static void states(void **state)
{
	struct pair *p = *state;
	int h = coyo_socket(AF_COYO, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct sockaddr_coyo to = pair_address(1);
	char got[8];

	assert_int_equal(now(h, POLLIN | POLLOUT), POLLOUT | POLLHUP);
	otherside_hold(p->o, true);
	assert_fails(coyo_connect(h, (struct sockaddr *)&to, sizeof(to)), EINPROGRESS);
	assert_int_equal(now(h, POLLIN | POLLOUT), 0);
	otherside_hold(p->o, false);
	assert_true(soon(h, POLLOUT) & POLLOUT);
	assert_int_equal(now(h, POLLOUT), POLLOUT | POLLERR | POLLHUP);
	coyo_close(h);
	assert_int_equal(now(h, POLLIN), POLLNVAL);
	assert_int_equal(now(p->a, POLLIN | POLLOUT | POLLRDHUP), POLLOUT);
	coyo_send(p->b, "x", 1, 0);
	assert_int_equal(soon(p->a, POLLIN), POLLIN);
	coyo_recv(p->a, got, 1, 0);
	assert_int_equal(now(p->a, POLLIN), 0);
	coyo_shutdown(p->b, SHUT_WR);
	assert_true(soon(p->a, POLLIN | POLLRDHUP | POLLOUT) & POLLOUT);
	pair_await(now(p->a, POLLIN | POLLRDHUP) == (POLLIN | POLLRDHUP));
	coyo_shutdown(p->a, SHUT_WR);
	assert_int_equal(now(p->a, POLLIN), POLLIN | POLLHUP);
	coyo_send(p->a, got, 1, MSG_NOSIGNAL);
	assert_int_equal(now(p->listener, POLLIN | POLLOUT), 0);
}

static void reset(void **state)
{
	struct pair *p = *state;
	char got;

	coyo_send(p->a, "x", 1, 0);
	assert_int_equal(soon(p->b, POLLIN), POLLIN);
	coyo_close(p->b);
	assert_int_equal(soon(p->a, POLLIN) & (POLLIN | POLLERR | POLLHUP),
	                 POLLIN | POLLERR | POLLHUP);
	assert_fails(coyo_recv(p->a, &got, 1, 0), ECONNRESET);
	assert_int_equal(now(p->a, POLLIN), POLLIN | POLLHUP);
}

static void waits_for_room(void **state)
{
	struct pair *p = *state;
	uint8_t big[PAIR_RING] = {0};

	coyo_set_nonblock(p->a, 1);
	pair_await(coyo_send(p->a, big, sizeof(big), 0) < 0);
	pair_await(now(p->a, POLLOUT) == 0);
	coyo_recv(p->b, big, sizeof(big), MSG_WAITALL);
	assert_int_equal(soon(p->a, POLLOUT), POLLOUT);
}

static void times_out(void **state)
{
	struct pair *p = *state;
	struct pollfd f[2] = {{.fd = p->a, .events = POLLIN, .revents = -1},
	                      {.fd = -1, .events = POLLIN, .revents = -1}};

	assert_int_equal(coyo_poll(f, 2, 20), 0);
	assert_int_equal(f[0].revents, 0);
	assert_int_equal(f[1].revents, 0);
	assert_int_equal(coyo_poll(NULL, 0, 1), 0);
}

/* ---- threads ---- */

struct later {
	int fd, h;
};

static void *write_later(void *arg)
{
	struct later *l = arg;

	usleep(10000);
	if (l->fd >= 0 && write(l->fd, "x", 1) != 1)
		return (void *)1;
	if (l->h > 0 && coyo_send(l->h, "x", 1, 0) != 1)
		return (void *)1;
	return NULL;
}

static void together_with_ordinary_descriptors(void **state)
{
	struct pair *p = *state;
	struct pollfd f[2];
	pthread_t t;
	int fd[2];
	char got;

	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	f[0] = (struct pollfd){.fd = fd[0], .events = POLLIN};
	f[1] = (struct pollfd){.fd = p->a, .events = POLLIN};
	pthread_create(&t, NULL, write_later, &(struct later){fd[1], 0});
	assert_int_equal(coyo_poll(f, 2, 10000), 1);
	assert_int_equal(f[0].revents, POLLIN);
	assert_int_equal(f[1].revents, 0);
	pthread_join(t, NULL);
	assert_int_equal(read(fd[0], &got, 1), 1);
	pthread_create(&t, NULL, write_later, &(struct later){-1, p->b});
	assert_int_equal(coyo_poll(f, 2, 10000), 1);
	assert_int_equal(f[0].revents, 0);
	assert_int_equal(f[1].revents, POLLIN);
	pthread_join(t, NULL);
	close(fd[0]);
	close(fd[1]);
}

#define POLLERS 8
#define ROUNDS  300

struct poller {
	int h;
	bool bad;
};

/* Answers each byte with one, and sleeps in poll between them. */
static void *echo(void *arg)
{
	struct poller *p = arg;
	char got;

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct pollfd f = {.fd = p->h, .events = POLLIN};

		if (coyo_poll(&f, 1, 10000) != 1 || coyo_recv(p->h, &got, 1, MSG_DONTWAIT) != 1 ||
		    coyo_send(p->h, &got, 1, 0) != 1) {
			p->bad = true;
			break;
		}
	}
	return NULL;
}

/* All sleep on the one descriptor that wakes an application: a wake that one takes is not taken from another. */
static void many_that_sleep_are_all_woken(void **state)
{
	struct pollfd f[POLLERS];
	struct poller served[POLLERS];
	struct pair *p = *state;
	pthread_t t[POLLERS];
	unsigned left[POLLERS], live = POLLERS;
	char got;

	for (unsigned i = 0; i < POLLERS; i++) {
		pair_again(p);
		f[i] = (struct pollfd){.fd = p->a, .events = POLLIN};
		served[i] = (struct poller){.h = p->b};
		left[i] = ROUNDS;
		pthread_create(&t[i], NULL, echo, &served[i]);
		assert_int_equal(coyo_send(f[i].fd, "x", 1, 0), 1);
	}
	while (live > 0) {
		assert_true(coyo_poll(f, POLLERS, 10000) > 0);
		for (unsigned i = 0; i < POLLERS; i++) {
			if (!(f[i].revents & POLLIN))
				continue;
			assert_int_equal(coyo_recv(f[i].fd, &got, 1, 0), 1);
			if (--left[i] > 0)
				assert_int_equal(coyo_send(f[i].fd, "x", 1, 0), 1);
			else
				live--;
		}
	}
	for (unsigned i = 0; i < POLLERS; i++) {
		pthread_join(t[i], NULL);
		assert_false(served[i].bad);
		coyo_close(f[i].fd);
		coyo_close(served[i].h);
	}
	p->a = p->b = -1;
}

/* A loop of the caller's own sleeps on the one descriptor, also for room, and beside others that sleep in coyo_poll(). */
static void in_a_loop_of_ones_own(void **state)
{
	struct pair *p = *state;
	struct pollfd f = {.fd = p->a, .events = POLLIN}, own = {.events = POLLIN};
	struct poller served = {.h = p->b};
	uint8_t big[PAIR_RING] = {0};
	pthread_t t;
	char got;

	own.fd = coyo_fd();
	assert_true(own.fd >= 0 && own.fd == coyo_fd());
	assert_int_equal(coyo_watch(&f, 1), 0);
	pthread_create(&t, NULL, echo, &served);
	for (unsigned i = 0; i < ROUNDS; i++) {
		assert_int_equal(coyo_send(p->a, "x", 1, 0), 1);
		while (coyo_watch(&f, 1) == 0)
			assert_int_equal(poll(&own, 1, 10000), 1);
		assert_int_equal(f.revents, POLLIN);
		assert_int_equal(coyo_recv(p->a, &got, 1, 0), 1);
	}
	pthread_join(t, NULL);
	assert_false(served.bad);
	coyo_set_nonblock(p->a, 1);
	pair_await(coyo_send(p->a, big, sizeof(big), 0) < 0);
	f.events = POLLOUT;
	pair_await(coyo_watch(&f, 1) == 0);
	coyo_recv(p->b, big, sizeof(big), MSG_WAITALL);
	while (coyo_watch(&f, 1) == 0)
		assert_int_equal(poll(&own, 1, 10000), 1);
	assert_int_equal(f.revents, POLLOUT);
}

/* Nobody reads what wakes such a loop but the library, and a wake that has no room wakes nobody. */
static void a_loop_that_is_woken_often(void **state)
{
	struct pair *p = *state;
	struct pollfd f = {.fd = p->a, .events = POLLIN}, own = {.fd = coyo_fd(), .events = POLLIN};
	char got;

	for (unsigned i = 0; i < 1500; i++) {
		assert_int_equal(coyo_watch(&f, 1), 0);
		assert_int_equal(coyo_send(p->b, "x", 1, 0), 1);
		do
			assert_int_equal(poll(&own, 1, 5000), 1);
		while (coyo_watch(&f, 1) == 0);
		assert_int_equal(coyo_recv(p->a, &got, 1, 0), 1);
	}
}

static void *connect_later(void *arg)
{
	usleep(10000);
	*(int *)arg = pair_connect(PAIR_PORT);
	return NULL;
}

static void a_listener_is_readable(void **state)
{
	struct pair *p = *state;
	pthread_t t;
	int h, got;

	pthread_create(&t, NULL, connect_later, &h);
	assert_int_equal(soon(p->listener, POLLIN), POLLIN);
	got = coyo_accept(p->listener, NULL, NULL);
	pthread_join(t, NULL);
	assert_true(got > 0);
	coyo_close(got);
	coyo_close(h);
}

static void *shut_later(void *arg)
{
	usleep(10000);
	coyo_shutdown(*(int *)arg, SHUT_RDWR);
	return NULL;
}

static void shutdown_wakes_one_that_polls(void **state)
{
	struct pair *p = *state;
	pthread_t t;

	pthread_create(&t, NULL, shut_later, &p->a);
	assert_true(soon(p->a, POLLIN) & POLLIN);
	pthread_join(t, NULL);
}

static void on_alarm(int sig)
{
	(void)sig;
}

static void *signal_later(void *arg)
{
	usleep(10000);
	pthread_kill(*(pthread_t *)arg, SIGUSR1);
	return NULL;
}

static void signals_interrupt(void **state)
{
	struct pair *p = *state;
	struct sigaction sa = {.sa_handler = on_alarm};
	struct pollfd f = {.fd = p->a, .events = POLLIN};
	pthread_t t, self = pthread_self();
	char got;

	sigaction(SIGUSR1, &sa, NULL);
	pthread_create(&t, NULL, signal_later, &self);
	assert_fails(coyo_poll(&f, 1, 10000), EINTR);
	pthread_join(t, NULL);
	pthread_create(&t, NULL, signal_later, &self);
	assert_fails(coyo_recv(p->a, &got, 1, 0), EINTR);
	pthread_join(t, NULL);
	pthread_create(&t, NULL, signal_later, &self);
	assert_fails(coyo_accept(p->listener, NULL, NULL), EINTR);
	pthread_join(t, NULL);
}

/* The daemon's end wakes one that polls, at once. */
static void *stop_later(void *arg)
{
	usleep(10000);
	otherside_stop(arg);
	return NULL;
}

static void the_daemons_end(void **state)
{
	struct pair *p = *state;
	pthread_t t;
	char got;

	pthread_create(&t, NULL, stop_later, p->o);
	assert_int_equal(soon(p->a, POLLIN), POLLIN | POLLERR | POLLHUP);
	pthread_join(t, NULL);
	assert_int_equal(now(p->listener, POLLIN), POLLIN | POLLERR | POLLHUP);
	assert_fails(coyo_recv(p->a, &got, 1, 0), ECONNRESET);
	assert_fails(coyo_accept(p->listener, NULL, NULL), ENETDOWN);
	p->o = otherside_start(&(struct otherside_cfg){
	        .workers = 1, .slots = PAIR_SLOTS, .ring_bytes = PAIR_RING});
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, pair_setup, pair_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(states),
	        TEST(reset),
	        TEST(waits_for_room),
	        TEST(times_out),
	        TEST(together_with_ordinary_descriptors),
	        TEST(many_that_sleep_are_all_woken),
	        TEST(in_a_loop_of_ones_own),
	        TEST(a_loop_that_is_woken_often),
	        TEST(a_listener_is_readable),
	        TEST(shutdown_wakes_one_that_polls),
	        TEST(signals_interrupt),
	        TEST(the_daemons_end),
	};
	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
