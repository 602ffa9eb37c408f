/* SPDX-License-Identifier: BSD-3-Clause */
/* Epoll sets: what they tell of sockets and descriptors, when, to whom, and what a wait costs. */
#include "pair.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define MS_MOST 10000

static int set_new(void)
{
	int e = coyo_epoll_create1(EPOLL_CLOEXEC);

	assert_true(e >= 1 << 20);
	return e;
}

static void ctl(int set, int op, int fd, uint32_t events)
{
	struct epoll_event e = {.events = events,
	                        .data.u64 = UINT64_C(0x1234567800000000) + (unsigned)fd};

	assert_int_equal(coyo_epoll_ctl(set, op, fd, &e), 0);
}

/* The one event that is told within the time, of that socket. */
static uint32_t within(int set, int fd, int ms)
{
	struct epoll_event e[4];
	int n = coyo_epoll_wait(set, e, 4, ms);

	if (n == 0)
		return 0;
	assert_int_equal(n, 1);
	assert_true(e[0].data.u64 == UINT64_C(0x1234567800000000) + (unsigned)fd);
	return e[0].events;
}

static uint32_t now(int set, int fd)
{
	return within(set, fd, 0);
}

static uint32_t soon(int set, int fd)
{
	uint32_t found = within(set, fd, MS_MOST);

	assert_true(found);
	return found;
}

/* The sender's bytes have arrived. */
static void send_all(int from, int to, size_t n)
{
	struct pollfd f = {.fd = to, .events = POLLIN};
	uint8_t bytes[PAIR_RING] = {0};

	assert_int_equal(coyo_send(from, bytes, n, 0), n);
	assert_int_equal(coyo_poll(&f, 1, MS_MOST), 1);
}

/* Sends until there is no room at all, on either side. */
static void fill(int h)
{
	uint8_t big[PAIR_RING] = {0};
	struct pollfd f = {.fd = h, .events = POLLOUT};

	coyo_set_nonblock(h, 1);
	do
		while (coyo_send(h, big, sizeof(big), 0) > 0)
			;
	while (coyo_poll(&f, 1, 50) == 1);
}

static void level_triggered(void **state)
{
	struct pair *p = *state;
	int set = set_new();
	char got[4];

	ctl(set, EPOLL_CTL_ADD, p->a, EPOLLIN);
	assert_int_equal(now(set, p->a), 0);
	send_all(p->b, p->a, 2);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(soon(set, p->a), EPOLLIN);
	coyo_recv(p->a, got, 1, 0);
	assert_int_equal(now(set, p->a), EPOLLIN);
	coyo_recv(p->a, got, 1, 0);
	assert_int_equal(now(set, p->a), 0);
	ctl(set, EPOLL_CTL_MOD, p->a, EPOLLIN | EPOLLOUT);
	assert_int_equal(now(set, p->a), EPOLLOUT);
	assert_int_equal(now(set, p->a), EPOLLOUT);
	fill(p->a);
	assert_int_equal(now(set, p->a), 0);
	while (coyo_recv(p->b, got, sizeof(got), MSG_DONTWAIT) > 0 || now(set, p->a) == 0)
		;
	assert_int_equal(soon(set, p->a), EPOLLOUT);
	coyo_epoll_ctl(set, EPOLL_CTL_DEL, p->a, NULL);
	assert_int_equal(now(set, p->a), 0);
	coyo_close(set);
}

static void edge_triggered(void **state)
{
	struct pair *p = *state;
	int set = set_new();
	uint8_t got[PAIR_RING];

	ctl(set, EPOLL_CTL_ADD, p->a, EPOLLIN | EPOLLOUT | EPOLLET);
	assert_int_equal(soon(set, p->a), EPOLLOUT);
	assert_int_equal(now(set, p->a), 0);
	send_all(p->b, p->a, 1);
	assert_int_equal(soon(set, p->a), EPOLLIN | EPOLLOUT);
	assert_int_equal(within(set, p->a, 20), 0);
	/* More comes while the first byte lies unread. */
	assert_int_equal(coyo_send(p->b, "x", 1, 0), 1);
	assert_int_equal(soon(set, p->a), EPOLLIN | EPOLLOUT);
	assert_int_equal(now(set, p->a), 0);
	coyo_recv(p->a, got, 2, 0);
	assert_int_equal(now(set, p->a), 0);
	/* Room is an edge only to who found none. */
	assert_int_equal(coyo_send(p->a, got, 100, 0), 100);
	coyo_recv(p->b, got, 100, MSG_WAITALL);
	assert_int_equal(within(set, p->a, 20), 0);
	fill(p->a);
	while (now(set, p->a))
		;
	while (coyo_recv(p->b, got, sizeof(got), MSG_DONTWAIT) > 0 ||
	       coyo_recv(p->b, got, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
		;
	assert_int_equal(soon(set, p->a), EPOLLOUT);
	assert_int_equal(coyo_epoll_ctl(set, EPOLL_CTL_DEL, p->a, NULL), 0);
	ctl(set, EPOLL_CTL_ADD, p->a, EPOLLOUT | EPOLLET);
	assert_int_equal(soon(set, p->a), EPOLLOUT);
	ctl(set, EPOLL_CTL_MOD, p->a, EPOLLOUT | EPOLLET);
	assert_int_equal(soon(set, p->a), EPOLLOUT);
	coyo_close(set);
}

static void one_shot(void **state)
{
	struct pair *p = *state;
	int set = set_new();

	ctl(set, EPOLL_CTL_ADD, p->a, EPOLLIN | EPOLLONESHOT);
	send_all(p->b, p->a, 1);
	assert_int_equal(soon(set, p->a), EPOLLIN);
	assert_int_equal(now(set, p->a), 0);
	send_all(p->b, p->a, 1);
	assert_int_equal(within(set, p->a, 20), 0);
	ctl(set, EPOLL_CTL_MOD, p->a, EPOLLIN | EPOLLONESHOT | EPOLLET);
	assert_int_equal(soon(set, p->a), EPOLLIN);
	assert_int_equal(now(set, p->a), 0);
	coyo_close(set);
}

static void ends_and_errors(void **state)
{
	struct pair *p = *state;
	int set = set_new(), h;
	char got;

	ctl(set, EPOLL_CTL_ADD, p->a, EPOLLRDHUP);
	assert_int_equal(now(set, p->a), 0);
	coyo_shutdown(p->b, SHUT_WR);
	assert_int_equal(soon(set, p->a), EPOLLRDHUP);
	coyo_shutdown(p->a, SHUT_WR);
	assert_int_equal(soon(set, p->a), EPOLLRDHUP | EPOLLHUP);
	coyo_epoll_ctl(set, EPOLL_CTL_DEL, p->a, NULL);
	h = pair_connect(PAIR_PORT);
	coyo_close(p->b);
	p->b = coyo_accept(p->listener, NULL, NULL);
	ctl(set, EPOLL_CTL_ADD, h, EPOLLIN | EPOLLRDHUP | EPOLLET);
	send_all(h, p->b, 1);
	coyo_close(p->b);
	assert_int_equal(soon(set, h), EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR);
	assert_fails(coyo_recv(h, &got, 1, 0), ECONNRESET);
	coyo_close(h);
	assert_int_equal(now(set, h), 0);
	p->b = -1;
	coyo_close(set);
}

/* Descriptors and sockets; where only one may be told of at a time, each has its turn. */
static void together_with_descriptors(void **state)
{
	struct pair *p = *state;
	int set = set_new(), fd[2], sockets = 0, descriptors = 0;
	struct epoll_event e[4];

	assert_int_equal(pipe2(fd, O_CLOEXEC | O_NONBLOCK), 0);
	ctl(set, EPOLL_CTL_ADD, fd[0], EPOLLIN | EPOLLET);
	ctl(set, EPOLL_CTL_ADD, p->a, EPOLLIN);
	assert_int_equal(now(set, p->a), 0);
	assert_int_equal(write(fd[1], "x", 1), 1);
	assert_int_equal(soon(set, fd[0]), EPOLLIN);
	assert_int_equal(now(set, fd[0]), 0);
	send_all(p->b, p->a, 1);
	assert_int_equal(soon(set, p->a), EPOLLIN);
	ctl(set, EPOLL_CTL_MOD, fd[0], EPOLLIN);
	assert_int_equal(coyo_epoll_wait(set, e, 4, MS_MOST), 2);
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(coyo_epoll_wait(set, e, 1, MS_MOST), 1);
		sockets += (int)e[0].data.u32 == p->a;
		descriptors += (int)e[0].data.u32 == fd[0];
	}
	assert_true(sockets == 5 && descriptors == 5);
	assert_int_equal(coyo_epoll_ctl(set, EPOLL_CTL_DEL, fd[0], NULL), 0);
	assert_int_equal(soon(set, p->a), EPOLLIN);
	close(fd[0]);
	close(fd[1]);
	coyo_close(set);
}

static void several_sets(void **state)
{
	struct pair *p = *state;
	int one = set_new(), two = set_new();
	char got;

	ctl(one, EPOLL_CTL_ADD, p->a, EPOLLIN);
	ctl(two, EPOLL_CTL_ADD, p->a, EPOLLIN | EPOLLET);
	assert_int_equal(now(one, p->a), 0);
	assert_int_equal(now(two, p->a), 0);
	send_all(p->b, p->a, 1);
	assert_int_equal(soon(one, p->a), EPOLLIN);
	assert_int_equal(soon(two, p->a), EPOLLIN);
	assert_int_equal(now(two, p->a), 0);
	assert_int_equal(now(one, p->a), EPOLLIN);
	coyo_recv(p->a, &got, 1, 0);
	assert_int_equal(now(one, p->a), 0);
	coyo_close(one);
	send_all(p->b, p->a, 1);
	assert_int_equal(soon(two, p->a), EPOLLIN);
	coyo_close(two);
}

static void wrong_calls(void **state)
{
	struct pair *p = *state;
	struct epoll_event e = {.events = EPOLLIN}, out[2];
	int set = set_new(), other = set_new(), closed = set_new();

	coyo_close(closed);
	assert_fails(coyo_epoll_create1(1), EINVAL);
	assert_fails(coyo_epoll_ctl(closed, EPOLL_CTL_ADD, p->a, &e), EBADF);
	assert_fails(coyo_epoll_ctl(p->a, EPOLL_CTL_ADD, p->b, &e), EINVAL);
	assert_fails(coyo_epoll_ctl(set, EPOLL_CTL_ADD, set, &e), EINVAL);
	assert_fails(coyo_epoll_ctl(set, EPOLL_CTL_ADD, other, &e), EPERM);
	assert_fails(coyo_epoll_ctl(set, 77, p->a, &e), EINVAL);
	assert_fails(coyo_epoll_ctl(set, EPOLL_CTL_ADD, p->a, NULL), EFAULT);
	assert_fails(coyo_epoll_ctl(set, EPOLL_CTL_ADD, (1 << 20) + 70000, &e), EBADF);
	assert_fails(coyo_epoll_ctl(set, EPOLL_CTL_ADD, 1000, &e), EBADF);
	assert_fails(coyo_epoll_ctl(set, EPOLL_CTL_MOD, p->a, &e), ENOENT);
	assert_fails(coyo_epoll_ctl(set, EPOLL_CTL_DEL, p->a, &e), ENOENT);
	assert_int_equal(coyo_epoll_ctl(set, EPOLL_CTL_ADD, p->a, &e), 0);
	assert_fails(coyo_epoll_ctl(set, EPOLL_CTL_ADD, p->a, &e), EEXIST);
	e.events = EPOLLIN | EPOLLEXCLUSIVE;
	assert_fails(coyo_epoll_ctl(set, EPOLL_CTL_MOD, p->a, &e), EINVAL);
	assert_int_equal(coyo_epoll_ctl(set, EPOLL_CTL_ADD, p->b, &e), 0);
	assert_fails(coyo_epoll_wait(set, out, 0, 0), EINVAL);
	assert_fails(coyo_epoll_wait(p->a, out, 2, 0), EINVAL);
	assert_fails(coyo_epoll_wait(closed, out, 2, 0), EBADF);
	assert_fails(coyo_close(closed), EBADF);
	assert_int_equal(coyo_epoll_wait(set, out, 2, 20), 0);
	coyo_close(set);
	coyo_close(other);
}

/* The number of a closed socket is used anew: the set has neither. */
static void a_closed_handle_leaves(void **state)
{
	struct pair *p = *state;
	int set = set_new(), first = p->a;

	ctl(set, EPOLL_CTL_ADD, p->a, EPOLLIN | EPOLLOUT);
	assert_int_equal(now(set, p->a), EPOLLOUT);
	coyo_close(p->b);
	coyo_close(p->a);
	pair_again(p);
	assert_true(p->a == first || p->b == first);
	assert_int_equal(within(set, first, 20), 0);
	assert_fails(coyo_epoll_ctl(set, EPOLL_CTL_DEL, first, NULL), ENOENT);
	ctl(set, EPOLL_CTL_ADD, first, EPOLLOUT);
	assert_int_equal(now(set, first), EPOLLOUT);
	coyo_close(set);
}

/* ---- while a thread sleeps ---- */

struct sleeper {
	int set, fd, n, err;
	struct epoll_event e;
	_Atomic bool begun;
	pthread_t thread;
};

static void *sleep_there(void *arg)
{
	struct sleeper *s = arg;

	atomic_store(&s->begun, true);
	s->n = coyo_epoll_wait(s->set, &s->e, 1, MS_MOST);
	s->err = errno;
	return NULL;
}

/* A thread that sleeps on the set, or is about to. */
static void sleeper_start(struct sleeper *s, int set, int fd)
{
	*s = (struct sleeper){.set = set, .fd = fd};
	pthread_create(&s->thread, NULL, sleep_there, s);
	pair_await(atomic_load(&s->begun));
	usleep(5000);
}

/* What it was told. */
static uint32_t sleeper_end(struct sleeper *s)
{
	pthread_join(s->thread, NULL);
	assert_int_equal(s->n, 1);
	assert_int_equal(s->e.data.u32, s->fd);
	return s->e.events;
}

static void what_is_added_while_one_sleeps(void **state)
{
	struct pair *p = *state;
	int set = set_new(), fd[2], h = coyo_socket(AF_COYO, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct sockaddr_coyo to = pair_address(PAIR_PORT);
	struct sleeper s;

	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	sleeper_start(&s, set, p->a);
	ctl(set, EPOLL_CTL_ADD, p->a, EPOLLOUT);
	assert_int_equal(sleeper_end(&s), EPOLLOUT);
	ctl(set, EPOLL_CTL_MOD, p->a, EPOLLIN);
	sleeper_start(&s, set, p->a);
	ctl(set, EPOLL_CTL_MOD, p->a, EPOLLOUT);
	assert_int_equal(sleeper_end(&s), EPOLLOUT);
	coyo_epoll_ctl(set, EPOLL_CTL_DEL, p->a, NULL);
	sleeper_start(&s, set, fd[0]);
	assert_int_equal(write(fd[1], "x", 1), 1);
	ctl(set, EPOLL_CTL_ADD, fd[0], EPOLLIN | EPOLLONESHOT);
	assert_int_equal(sleeper_end(&s), EPOLLIN);
	/* One that connects after it was added. */
	ctl(set, EPOLL_CTL_ADD, h, EPOLLOUT | EPOLLET);
	assert_int_equal(soon(set, h), EPOLLOUT | EPOLLHUP);
	sleeper_start(&s, set, h);
	coyo_connect(h, (struct sockaddr *)&to, sizeof(to));
	assert_int_equal(sleeper_end(&s), EPOLLOUT);
	close(fd[0]);
	close(fd[1]);
	coyo_close(h);
	coyo_close(set);
}

/* Edges: one thread fills the socket, another sleeps, as a server with a thread that sends has it. */
static void room_is_told_to_one_that_sleeps(void **state)
{
	struct pair *p = *state;
	int set = set_new();
	uint8_t got[PAIR_RING];
	struct sleeper s;

	ctl(set, EPOLL_CTL_ADD, p->a, EPOLLOUT | EPOLLET);
	for (unsigned i = 0; i < 20; i++) {
		while (now(set, p->a))
			;
		sleeper_start(&s, set, p->a);
		coyo_set_nonblock(p->a, 1);
		while (coyo_send(p->a, got, sizeof(got), 0) > 0)
			;
		while (coyo_recv(p->b, got, sizeof(got), MSG_DONTWAIT) > 0)
			;
		assert_int_equal(sleeper_end(&s), EPOLLOUT);
		while (coyo_recv(p->b, got, sizeof(got), MSG_DONTWAIT) > 0)
			;
	}
	coyo_close(set);
}

static void a_set_that_is_closed_while_one_sleeps(void **state)
{
	struct pair *p = *state;
	struct sleeper s;
	int set = set_new();

	ctl(set, EPOLL_CTL_ADD, p->a, EPOLLIN);
	sleeper_start(&s, set, p->a);
	coyo_close(set);
	pthread_join(s.thread, NULL);
	assert_true(s.n == -1 && s.err == EBADF);
}

#define THREADS 4
#define STREAMS 8
#define ROUNDS  200

struct pool {
	int set;
	_Atomic unsigned echoed, wrong;
};

/* A pool of threads on one set, each event to one of them. */
static void *serve(void *arg)
{
	struct pool *pool = arg;
	struct epoll_event e;
	char got[16];

	while (coyo_epoll_wait(pool->set, &e, 1, MS_MOST) == 1 && (int)e.data.u32 > 0) {
		ssize_t n = coyo_recv((int)e.data.u32, got, sizeof(got), MSG_DONTWAIT);

		if (n < 1 || coyo_send((int)e.data.u32, got, (size_t)n, 0) != n)
			atomic_fetch_add(&pool->wrong, 1);
		atomic_fetch_add(&pool->echoed, (unsigned)n);
		e.events = EPOLLIN | EPOLLET | EPOLLONESHOT;
		coyo_epoll_ctl(pool->set, EPOLL_CTL_MOD, (int)e.data.u32, &e);
	}
	return NULL;
}

static void a_pool_of_threads(void **state)
{
	struct pair *p = *state;
	struct pool pool = {.set = set_new()};
	int client[STREAMS], server[STREAMS], set = set_new(), stop[2];
	unsigned left[STREAMS], live = STREAMS;
	pthread_t t[THREADS];

	assert_int_equal(pipe2(stop, O_CLOEXEC), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, serve, &pool);
	for (unsigned i = 0; i < STREAMS; i++) {
		struct epoll_event e = {.events = EPOLLIN | EPOLLET | EPOLLONESHOT};

		pair_again(p);
		client[i] = p->a;
		server[i] = p->b;
		left[i] = ROUNDS;
		e.data.u32 = (uint32_t)server[i];
		coyo_epoll_ctl(pool.set, EPOLL_CTL_ADD, server[i], &e);
		coyo_epoll_ctl(set, EPOLL_CTL_ADD, client[i],
		               &(struct epoll_event){.events = EPOLLIN, .data.u32 = i});
		assert_int_equal(coyo_send(client[i], "x", 1, 0), 1);
	}
	while (live > 0) {
		struct epoll_event e[3];
		int n = coyo_epoll_wait(set, e, 3, MS_MOST);
		char got;

		assert_true(n > 0);
		for (int i = 0; i < n; i++) {
			assert_int_equal(coyo_recv(client[e[i].data.u32], &got, 1, MSG_DONTWAIT),
			                 1);
			if (--left[e[i].data.u32] > 0)
				assert_int_equal(coyo_send(client[e[i].data.u32], "x", 1, 0), 1);
			else
				live--;
		}
	}
	assert_int_equal(write(stop[1], "x", 1), 1);
	coyo_epoll_ctl(pool.set, EPOLL_CTL_ADD, stop[0],
	               &(struct epoll_event){.events = EPOLLIN, .data.u32 = 0});
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(pool.echoed, STREAMS * ROUNDS);
	assert_int_equal(pool.wrong, 0);
	for (unsigned i = 0; i < STREAMS; i++) {
		coyo_close(client[i]);
		coyo_close(server[i]);
	}
	p->a = p->b = -1;
	close(stop[0]);
	close(stop[1]);
	coyo_close(set);
	coyo_close(pool.set);
}

/* ---- signals, processes, the daemon ---- */

static void on_signal(int sig)
{
	(void)sig;
}

static void signals(void **state)
{
	struct pair *p = *state;
	struct sigaction sa = {.sa_handler = on_signal};
	int set = set_new();
	struct epoll_event e;
	sigset_t blocked, before;

	sigaction(SIGUSR1, &sa, NULL);
	ctl(set, EPOLL_CTL_ADD, p->a, EPOLLIN);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &blocked, &before);
	pthread_kill(pthread_self(), SIGUSR1);
	assert_int_equal(coyo_epoll_wait(set, &e, 1, 20), 0);
	assert_fails(coyo_epoll_pwait(set, &e, 1, MS_MOST, &before), EINTR);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	assert_int_equal(coyo_epoll_pwait(set, &e, 1, 20, &blocked), 0);
	coyo_close(set);
}

/* After fork() both have the set: either may read what the worker says, and both are told. */
static void both_processes_are_told(void **state)
{
	struct pair *p = *state;
	int set = set_new(), status, ready[2];
	char got;
	pid_t child;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	ctl(set, EPOLL_CTL_ADD, p->a, EPOLLIN | EPOLLET);
	assert_int_equal(now(set, p->a), 0);
	child = fork();
	if (child == 0) {
		alarm(30);
		if (write(ready[1], "x", 1) != 1)
			_exit(9);
		for (unsigned i = 0; i < 50; i++) {
			struct epoll_event e;

			if (coyo_epoll_wait(set, &e, 1, MS_MOST) != 1 || e.events != EPOLLIN)
				_exit(1);
			if (write(ready[1], "x", 1) != 1)
				_exit(9);
		}
		_exit(0);
	}
	assert_int_equal(read(ready[0], &got, 1), 1);
	for (unsigned i = 0; i < 50; i++) {
		assert_int_equal(coyo_send(p->b, "x", 1, 0), 1);
		assert_int_equal(soon(set, p->a), EPOLLIN);
		assert_int_equal(read(ready[0], &got, 1), 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(ready[0]);
	close(ready[1]);
	coyo_close(set);
}

static void *stop_later(void *arg)
{
	usleep(10000);
	otherside_stop(arg);
	return NULL;
}

static void the_daemons_end(void **state)
{
	struct pair *p = *state;
	struct otherside_cfg cfg = {.workers = 1, .slots = PAIR_SLOTS, .ring_bytes = PAIR_RING};
	int set = set_new();
	pthread_t t;

	ctl(set, EPOLL_CTL_ADD, p->a, EPOLLIN);
	pthread_create(&t, NULL, stop_later, p->o);
	assert_int_equal(soon(set, p->a), EPOLLIN | EPOLLERR | EPOLLHUP);
	pthread_join(t, NULL);
	ctl(set, EPOLL_CTL_MOD, p->a, 0);
	while (within(set, p->a, 0) == (EPOLLERR | EPOLLHUP) && coyo_recv(p->a, &t, 1, 0) < 0)
		;
	coyo_epoll_ctl(set, EPOLL_CTL_DEL, p->a, NULL);
	ctl(set, EPOLL_CTL_ADD, p->listener, EPOLLIN);
	assert_int_equal(soon(set, p->listener), EPOLLIN | EPOLLERR | EPOLLHUP);
	coyo_close(p->listener);
	/* The set goes on with sockets of the daemon that was started anew. */
	p->o = otherside_start(&cfg);
	p->listener = pair_listen(PAIR_PORT, 16);
	ctl(set, EPOLL_CTL_ADD, p->listener, EPOLLIN);
	assert_int_equal(now(set, p->listener), 0);
	coyo_close(p->a);
	p->a = pair_connect(PAIR_PORT);
	assert_int_equal(soon(set, p->listener), EPOLLIN);
	coyo_close(set);
}

/* ---- what a wait costs ---- */

#define IDLE  1500
#define WAITS 2000

static int many_setup(void **state)
{
	return pair_setup_cfg(
	        state, &(struct otherside_cfg){.workers = 1, .slots = 4096, .ring_bytes = 4096});
}

/* Nanoseconds of this thread for so many waits, each of which tells of one socket that has become ready. */
static int64_t waits(struct pair *p, int set)
{
	struct timespec from, to;
	int64_t ns = 0;
	char got;

	for (unsigned i = 0; i < WAITS; i++) {
		send_all(p->b, p->a, 1);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
		assert_int_equal(soon(set, p->a), EPOLLIN);
		coyo_recv(p->a, &got, 1, 0);
		assert_int_equal(now(set, p->a), 0);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
		ns += (to.tv_sec - from.tv_sec) * 1000000000 + to.tv_nsec - from.tv_nsec;
	}
	return ns;
}

static void a_wait_costs_what_is_ready(void **state)
{
	struct pair *p = *state;
	int set = set_new(), *idle = calloc(2 * IDLE, sizeof(*idle)), a = p->a, b = p->b;
	int64_t alone, among;

	ctl(set, EPOLL_CTL_ADD, p->a, EPOLLIN);
	alone = waits(p, set);
	for (unsigned i = 0; i < IDLE; i++) {
		pair_again(p);
		idle[2 * i] = p->a;
		idle[2 * i + 1] = p->b;
		ctl(set, EPOLL_CTL_ADD, p->a, EPOLLIN);
		ctl(set, EPOLL_CTL_ADD, p->b, EPOLLIN | EPOLLET);
	}
	p->a = a;
	p->b = b;
	assert_int_equal(now(set, p->a), 0);
	among = waits(p, set);
	print_message("%d waits alone: %lld ns each; among %d sockets: %lld ns each\n", WAITS,
	              (long long)alone / WAITS, 2 * IDLE, (long long)among / WAITS);
	assert_true(among < 5 * alone);
	for (unsigned i = 0; i < 2 * IDLE; i++)
		coyo_close(idle[i]);
	free(idle);
	coyo_close(set);
}

/* All become ready at once, more than a lane has room for: none is forgotten. */
static void many_at_once(void **state)
{
	struct pair *p = *state;
	int set = set_new(), *h = calloc(2 * IDLE, sizeof(*h)), a = p->a, b = p->b;
	struct epoll_event e[64];
	unsigned told = 0;

	for (unsigned i = 0; i < IDLE; i++) {
		pair_again(p);
		h[2 * i] = p->a;
		h[2 * i + 1] = p->b;
		ctl(set, EPOLL_CTL_ADD, p->a, EPOLLIN | EPOLLET);
	}
	assert_int_equal(coyo_epoll_wait(set, e, 64, 0), 0);
	for (unsigned i = 0; i < IDLE; i++)
		assert_int_equal(coyo_send(h[2 * i + 1], "x", 1, 0), 1);
	while (told < IDLE) {
		int n = coyo_epoll_wait(set, e, 64, MS_MOST);

		assert_true(n > 0);
		told += (unsigned)n;
	}
	assert_int_equal(coyo_epoll_wait(set, e, 64, 20), 0);
	for (unsigned i = 0; i < 2 * IDLE; i++)
		coyo_close(h[i]);
	free(h);
	p->a = a;
	p->b = b;
	coyo_close(set);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, pair_setup, pair_teardown)
#define MANY(f) cmocka_unit_test_setup_teardown(f, many_setup, pair_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(level_triggered),
	        TEST(edge_triggered),
	        TEST(one_shot),
	        TEST(ends_and_errors),
	        TEST(together_with_descriptors),
	        TEST(several_sets),
	        TEST(wrong_calls),
	        TEST(a_closed_handle_leaves),
	        TEST(what_is_added_while_one_sleeps),
	        TEST(room_is_told_to_one_that_sleeps),
	        TEST(a_set_that_is_closed_while_one_sleeps),
	        TEST(a_pool_of_threads),
	        TEST(signals),
	        TEST(both_processes_are_told),
	        TEST(the_daemons_end),
	        MANY(a_wait_costs_what_is_ready),
	        MANY(many_at_once),
	};
	alarm(120);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
