/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets for datagrams as programs use them: one call is one of them, sizes, peers, errors, waiting, ends. */
#include "pair.h"
#include "ipc/applane.h"
#include "ipc/cpdp.h"
#include "libcoyo/dgram.h"

#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/wait.h>

static struct otherside *o;

static int setup_rings(uint32_t ring_bytes)
{
	o = otherside_start(&(struct otherside_cfg){
	        .workers = 3, .slots = PAIR_SLOTS, .ring_bytes = ring_bytes});
	return 0;
}

static int setup(void **state)
{
	return setup_rings(PAIR_RING);
}

static int teardown(void **state)
{
	otherside_stop(o);
	return 0;
}

/* Another node: it sends back what it gets, and carries 1 000 bytes. Each is another worker's. */
static struct sockaddr_coyo echo(uint8_t node)
{
	struct sockaddr_coyo to = {.scoyo_family = AF_COYO, .scoyo_port = htons(7)};

	memset(to.scoyo_id, 0x40 + node, COYO_ID_BYTES);
	return to;
}

static int new_socket(void)
{
	int h = coyo_socket(AF_COYO, SOCK_DGRAM, 0);

	assert_true(h >= 1 << 20);
	return h;
}

static int bound(uint16_t port)
{
	struct sockaddr_coyo at = pair_address(port);
	int h = new_socket();

	assert_int_equal(coyo_bind(h, (struct sockaddr *)&at, sizeof(at)), 0);
	return h;
}

static ssize_t send_to(int h, const void *p, size_t n, const struct sockaddr_coyo *to)
{
	return coyo_sendto(h, p, n, 0, (const struct sockaddr *)to, sizeof(*to));
}

static uint16_t port_of(int h)
{
	struct sockaddr_coyo at;
	socklen_t len = sizeof(at);

	assert_int_equal(coyo_getsockname(h, (struct sockaddr *)&at, &len), 0);
	assert_memory_equal(at.scoyo_id, otherside_id.b, COYO_ID_BYTES);
	return ntohs(at.scoyo_port);
}

static int error_of(int h)
{
	socklen_t len = sizeof(int);
	int v;

	assert_int_equal(coyo_getsockopt(h, SOL_SOCKET, SO_ERROR, &v, &len), 0);
	return v;
}

/* Every length comes back whole, from several nodes, and the sender with it. */
static void test_one_call_is_one_datagram(void **state)
{
	uint8_t out[1000], in[1100];
	int h = new_socket();

	for (unsigned n = 0; n <= 1000; n += n < 20 || n > 990 ? 1 : 70) {
		for (uint8_t node = 0; node < 3; node++) {
			struct sockaddr_coyo to = echo(node), from;
			socklen_t len = sizeof(from);

			memset(out, (int)(n + node), sizeof(out));
			assert_int_equal(send_to(h, out, n, &to), n);
			assert_int_equal(
			        coyo_recvfrom(h, in, sizeof(in), 0, (struct sockaddr *)&from, &len),
			        n);
			assert_memory_equal(in, out, n);
			assert_int_equal(len, sizeof(from));
			assert_memory_equal(&from, &to, sizeof(to));
		}
	}
	assert_fails(coyo_recv(h, in, sizeof(in), MSG_DONTWAIT), EAGAIN);
	coyo_close(h);
	pair_await(otherside_slots(o) == 0);
}

/* Many lie in one ring, of all lengths: none is joined or cut. */
static void test_boundaries_hold(void **state)
{
	int a = bound(5000), b = bound(6000);
	struct sockaddr_coyo to = pair_address(6000);
	uint8_t out[600], in[600];

	for (unsigned round = 0; round < 50; round++) {
		for (unsigned i = 0; i < 12; i++) {
			memset(out, (int)(round + i), sizeof(out));
			assert_int_equal(send_to(a, out, i * 37, &to), i * 37);
		}
		for (unsigned i = 0; i < 12; i++) {
			assert_int_equal(coyo_recv(b, in, sizeof(in), 0), i * 37);
			for (unsigned k = 0; k < i * 37; k++)
				assert_int_equal(in[k], (uint8_t)(round + i));
		}
	}
	coyo_close(a);
	coyo_close(b);
}

static void test_too_long(void **state)
{
	static uint8_t out[APPDGRAM_MOST + 1];
	struct sockaddr_coyo to = echo(0);
	int h = new_socket();

	/* None is as long, whatever the path. */
	assert_fails(send_to(h, out, sizeof(out), &to), EMSGSIZE);
	/* The path is not known yet: it is lost. From then on it is known, and what fits goes. */
	assert_int_equal(send_to(h, out, 1001, &to), 1001);
	pair_await(coyo_sendto(h, out, 1001, 0, (struct sockaddr *)&to, sizeof(to)) < 0);
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(error_of(h), 0);
	assert_int_equal(send_to(h, out, 1000, &to), 1000);
	assert_int_equal(coyo_recv(h, out, sizeof(out), 0), 1000);
	/* Of another node nothing is known by that. */
	to = echo(1);
	assert_int_equal(send_to(h, out, 1001, &to), 1001);
	coyo_close(h);
}

static void test_cut_and_peeked_at(void **state)
{
	int a = bound(5000), b = bound(6000);
	struct sockaddr_coyo to = pair_address(6000), from;
	char in[8] = "";
	struct iovec piece[2] = {{in, 2}, {in + 2, 3}};
	struct msghdr m = {
	        .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = piece, .msg_iovlen = 2};

	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(send_to(a, "0123456789", 10, &to), 10);
	assert_int_equal(coyo_recv(b, in, 4, MSG_PEEK), 4);
	assert_int_equal(coyo_recv(b, in, 4, MSG_PEEK | MSG_TRUNC), 10);
	assert_int_equal(coyo_recv(b, in, 4, 0), 4);
	assert_int_equal(coyo_recv(b, in, 4, MSG_TRUNC), 10);
	assert_int_equal(coyo_recvmsg(b, &m, 0), 5);
	assert_memory_equal(in, "01234", 5);
	assert_int_equal(m.msg_flags, MSG_TRUNC);
	assert_int_equal(m.msg_namelen, sizeof(from));
	assert_int_equal(ntohs(from.scoyo_port), 5000);
	assert_int_equal(coyo_recv(b, NULL, 0, 0), 0);
	assert_fails(coyo_recv(b, in, 4, MSG_DONTWAIT), EAGAIN);
	assert_fails(coyo_recv(b, in, 4, MSG_WAITALL), EOPNOTSUPP);
	assert_fails(coyo_recv(b, in, 4, MSG_OOB), EOPNOTSUPP);
	/* In pieces. */
	m = (struct msghdr){.msg_name = &to,
	                    .msg_namelen = sizeof(to),
	                    .msg_iov = (struct iovec[]){{"ab", 2}, {NULL, 0}, {"cde", 3}},
	                    .msg_iovlen = 3};
	assert_int_equal(coyo_sendmsg(a, &m, 0), 5);
	assert_int_equal(coyo_read(b, in, sizeof(in)), 5);
	assert_memory_equal(in, "abcde", 5);
	coyo_close(a);
	coyo_close(b);
}

/* ---- ports and peers ---- */

static void test_ports(void **state)
{
	struct sockaddr_coyo at = pair_address(5000);
	int a = bound(5000), b = new_socket(), stream;

	assert_int_equal(port_of(a), 5000);
	assert_fails(coyo_bind(b, (struct sockaddr *)&at, sizeof(at)), EADDRINUSE);
	assert_fails(coyo_bind(a, (struct sockaddr *)&at, sizeof(at)), EINVAL);
	at.scoyo_port = 0;
	assert_int_equal(coyo_bind(b, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_true(port_of(b) >= 32768);
	/* A stream has ports of its own. */
	stream = pair_listen(5000, 1);
	coyo_close(stream);
	coyo_close(a);
	a = bound(5000);
	coyo_close(a);
	coyo_close(b);
	pair_await(otherside_slots(o) == 0);
}

static void test_connected(void **state)
{
	int a = bound(5000), b = bound(6000), c = bound(7000);
	struct sockaddr_coyo to_a = pair_address(5000), to_b = pair_address(6000), peer;
	socklen_t len = sizeof(peer);
	char in[8];

	assert_fails(coyo_send(a, "x", 1, 0), EDESTADDRREQ);
	assert_fails(coyo_getpeername(a, (struct sockaddr *)&peer, &len), ENOTCONN);
	assert_int_equal(coyo_connect(a, (struct sockaddr *)&to_b, sizeof(to_b)), 0);
	assert_int_equal(coyo_getpeername(a, (struct sockaddr *)&peer, &len), 0);
	assert_memory_equal(&peer, &to_b, sizeof(peer));
	assert_int_equal(coyo_send(a, "one", 3, 0), 3);
	assert_int_equal(coyo_recv(b, in, sizeof(in), 0), 3);
	/* It hears its peer alone; who sends all the same is refused, if it has named its peer. */
	assert_int_equal(coyo_connect(c, (struct sockaddr *)&to_a, sizeof(to_a)), 0);
	assert_int_equal(coyo_write(c, "no", 2), 2);
	assert_fails(coyo_recv(c, in, sizeof(in), 0), ECONNREFUSED);
	assert_int_equal(send_to(b, "two", 3, &to_a), 3);
	assert_int_equal(coyo_read(a, in, sizeof(in)), 3);
	assert_memory_equal(in, "two", 3);
	/* Everybody again. */
	assert_int_equal(coyo_connect(a, &(struct sockaddr){.sa_family = AF_UNSPEC},
	                              sizeof(struct sockaddr)),
	                 0);
	assert_fails(coyo_send(a, "x", 1, 0), EDESTADDRREQ);
	assert_int_equal(coyo_write(c, "yes", 3), 3);
	assert_int_equal(coyo_read(a, in, sizeof(in)), 3);
	coyo_close(a);
	coyo_close(b);
	coyo_close(c);
}

/* An error is told once, to the next call, to poll and to SO_ERROR. */
static void test_nobody_there(void **state)
{
	struct sockaddr_coyo to = pair_address(9);
	struct pollfd p;
	int h = new_socket();

	assert_int_equal(coyo_connect(h, (struct sockaddr *)&to, sizeof(to)), 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(coyo_send(h, "x", 1, 0), 1);
		p = (struct pollfd){.fd = h, .events = POLLIN};
		assert_int_equal(coyo_poll(&p, 1, 10000), 1);
		assert_int_equal(p.revents, POLLERR);
		if (i == 0)
			assert_int_equal(error_of(h), ECONNREFUSED);
		else if (i == 1)
			assert_fails(coyo_recv(h, NULL, 0, 0), ECONNREFUSED);
		else
			assert_fails(coyo_send(h, "x", 1, 0), ECONNREFUSED);
		assert_int_equal(error_of(h), 0);
	}
	coyo_close(h);
}

/* ---- waiting ---- */

static void *answer_later(void *arg)
{
	struct sockaddr_coyo to = pair_address(6000);
	int h = new_socket();

	usleep(50000);
	assert_int_equal(send_to(h, "late", 4, &to), 4);
	coyo_close(h);
	return NULL;
}

static void test_waiting(void **state)
{
	int b = bound(6000);
	struct pollfd p = {.fd = b, .events = POLLIN | POLLOUT};
	struct timeval t = {.tv_usec = 30000};
	pthread_t thread;
	char in[8];

	assert_int_equal(coyo_poll(&p, 1, 0), 1);
	assert_int_equal(p.revents, POLLOUT);
	p.events = POLLIN;
	assert_int_equal(coyo_poll(&p, 1, 10), 0);
	assert_int_equal(pthread_create(&thread, NULL, answer_later, NULL), 0);
	assert_int_equal(coyo_recv(b, in, sizeof(in), 0), 4);
	pthread_join(thread, NULL);
	assert_int_equal(pthread_create(&thread, NULL, answer_later, NULL), 0);
	assert_int_equal(coyo_poll(&p, 1, 10000), 1);
	assert_int_equal(p.revents, POLLIN);
	pthread_join(thread, NULL);
	assert_int_equal(coyo_recv(b, in, sizeof(in), 0), 4);
	assert_int_equal(coyo_setsockopt(b, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)), 0);
	assert_fails(coyo_recv(b, in, sizeof(in), 0), EAGAIN);
	coyo_close(b);
}

static void *close_later(void *arg)
{
	usleep(50000);
	coyo_close(*(int *)arg);
	return NULL;
}

static void test_closed_while_waiting(void **state)
{
	int b = bound(6000);
	pthread_t thread;
	char in[8];

	assert_int_equal(pthread_create(&thread, NULL, close_later, &b), 0);
	assert_fails(coyo_recv(b, in, sizeof(in), 0), EBADF);
	pthread_join(thread, NULL);
}

/* An epoll set is told of each datagram once, of a port that was bound after the socket was added, too; and of room after a send found none. */
static void test_epoll(void **state)
{
	struct sockaddr_coyo to = pair_address(6000), at = pair_address(5000);
	int a = new_socket(), b = bound(6000), set = coyo_epoll_create1(0);
	struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.fd = 1}, got;
	char buf[1000] = "";

	assert_int_equal(coyo_epoll_ctl(set, EPOLL_CTL_ADD, a, &e), 0);
	e = (struct epoll_event){.events = EPOLLIN | EPOLLET, .data.fd = 2};
	assert_int_equal(coyo_epoll_ctl(set, EPOLL_CTL_ADD, b, &e), 0);
	assert_int_equal(coyo_epoll_wait(set, &got, 1, 10000), 1);
	assert_int_equal(got.events, EPOLLOUT);
	assert_int_equal(coyo_bind(a, (struct sockaddr *)&at, sizeof(at)), 0);
	while (coyo_epoll_wait(set, &got, 1, 0) == 1)
		assert_int_equal(got.events, EPOLLOUT);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(send_to(a, "x", 1, &to), 1);
		assert_int_equal(coyo_epoll_wait(set, &got, 1, 10000), 1);
		assert_int_equal(got.data.fd, 2);
		assert_int_equal(got.events, EPOLLIN);
		assert_int_equal(coyo_epoll_wait(set, &got, 1, 0), 0);
		assert_int_equal(coyo_recv(b, buf, sizeof(buf), 0), 1);
	}
	assert_int_equal(send_to(b, "x", 1, &at), 1);
	assert_int_equal(coyo_epoll_wait(set, &got, 1, 10000), 1);
	assert_int_equal(got.data.fd, 1);
	assert_true(got.events & EPOLLIN);
	otherside_hold(o, true);
	assert_int_equal(coyo_set_nonblock(a, 1), 0);
	while (send_to(a, buf, sizeof(buf), &to) == sizeof(buf)) {
	}
	assert_int_equal(errno, EAGAIN);
	otherside_hold(o, false);
	for (got.data.fd = 0; got.data.fd != 1 || !(got.events & EPOLLOUT);)
		assert_int_equal(coyo_epoll_wait(set, &got, 1, 10000), 1);
	coyo_close(set);
	coyo_close(a);
	coyo_close(b);
}

/* Where there is no room a call waits, or says so; who waits goes on when there is some. */
static void test_no_room(void **state)
{
	struct sockaddr_coyo to = pair_address(6000);
	int a = bound(5000), b = bound(6000), v = 1;
	struct pollfd p = {.fd = a, .events = POLLOUT};
	socklen_t len = sizeof(v);
	char buf[1000] = "";
	unsigned n = 0;

	otherside_hold(o, true);
	assert_int_equal(coyo_set_nonblock(a, 1), 0);
	while (send_to(a, buf, sizeof(buf), &to) == sizeof(buf))
		n++;
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(n, PAIR_RING / appdgram_bytes(sizeof(buf)));
	assert_int_equal(coyo_poll(&p, 1, 0), 0);
	otherside_hold(o, false);
	assert_int_equal(coyo_poll(&p, 1, 10000), 1);
	assert_int_equal(coyo_set_nonblock(a, 0), 0);
	pair_await(coyo_poll(&(struct pollfd){.fd = b, .events = POLLIN}, 1, 0) == 1);
	/* Less is let wait where less was asked for. */
	assert_int_equal(coyo_setsockopt(a, SOL_SOCKET, SO_SNDBUF, &v, sizeof(v)), 0);
	assert_int_equal(coyo_getsockopt(a, SOL_SOCKET, SO_SNDBUF, &v, &len), 0);
	assert_int_equal(v, appdgram_bytes(APPDGRAM_MOST));
	otherside_hold(o, true);
	for (n = 0; coyo_sendto(a, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&to,
	                        sizeof(to)) == sizeof(buf);)
		n++;
	assert_int_equal(n, 2);
	otherside_hold(o, false);
	coyo_close(a);
	coyo_close(b);
}

static void test_limits(void **state)
{
	int h = new_socket(), v = 5000;
	socklen_t len = sizeof(v);
	int64_t value;

	assert_int_equal(coyo_setsockopt(h, SOL_SOCKET, SO_RCVBUF, &v, sizeof(v)), 0);
	assert_int_equal(otherside_option(o, &value), 0);
	assert_int_equal(
	        coyo_bind(h, (struct sockaddr *)&(struct sockaddr_coyo){.scoyo_family = AF_COYO},
	                  sizeof(struct sockaddr_coyo)),
	        0);
	pair_await(otherside_option(o, &value) == APPLANE_OPT_IN_MOST && value == 5000);
	v = 1 << 30;
	assert_int_equal(coyo_setsockopt(h, SOL_SOCKET, SO_RCVBUF, &v, sizeof(v)), 0);
	pair_await(otherside_option(o, &value) == APPLANE_OPT_IN_MOST && value == PAIR_RING);
	assert_int_equal(coyo_getsockopt(h, SOL_SOCKET, SO_RCVBUF, &v, &len), 0);
	assert_int_equal(v, PAIR_RING);
	assert_int_equal(coyo_getsockopt(h, SOL_SOCKET, SO_TYPE, &v, &len), 0);
	assert_int_equal(v, SOCK_DGRAM);
	assert_int_equal(coyo_getsockopt(h, SOL_SOCKET, SO_PROTOCOL, &v, &len), 0);
	assert_int_equal(v, IPPROTO_UDP);
	assert_fails(coyo_setsockopt(h, SOL_SOCKET, SO_KEEPALIVE, &v, sizeof(v)), ENOPROTOOPT);
	assert_fails(coyo_setsockopt(h, IPPROTO_TCP, 1, &v, sizeof(v)), ENOPROTOOPT);
	assert_fails(coyo_getsockopt(h, IPPROTO_TCP, 1, &v, &len), ENOPROTOOPT);
	coyo_close(h);
}

/* ---- several processes ---- */

static void joined(pid_t child)
{
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* A child uses its parent's socket; its close is the last one's. */
static void test_a_child_shares_it(void **state)
{
	struct sockaddr_coyo to = echo(1);
	int h = bound(5000);
	char in[8];
	pid_t child = fork();

	if (child == 0) {
		bool good = send_to(h, "child", 5, &to) == 5 &&
		            coyo_recv(h, in, sizeof(in), 0) == 5 && coyo_close(h) == 0;

		_exit(good ? 0 : 1);
	}
	joined(child);
	assert_int_equal(send_to(h, "parent", 6, &to), 6);
	assert_int_equal(coyo_recv(h, in, sizeof(in), 0), 6);
	assert_memory_equal(in, "parent", 6);
	coyo_close(h);
	pair_await(otherside_slots(o) == 0);
}

/* A child dies in the middle of a send and of a receive: with the locks, indices moved and nobody told. */
static void test_a_child_dies_with_the_locks(void **state)
{
	struct sockaddr_coyo to = pair_address(5000);
	int h = bound(5000);
	char in[8];
	pid_t child;

	assert_int_equal(send_to(h, "one", 3, &to), 3);
	pair_await(coyo_poll(&(struct pollfd){.fd = h, .events = POLLIN}, 1, 0) == 1);
	child = fork();
	if (child == 0) {
		struct appdgram head = {.len = 3, .port = 5000, .id = otherside_id};
		uint32_t w;
		struct ref r;

		if (sock_find(h, &r) < 0)
			_exit(1);
		sock_take_both(&r);
		w = cp_session_worker(&otherside_id, r.a->region->layout.workers);
		appdgram_put(&dgram_end(r.a, dgram_slot(&r, w))->out, 0, &head, sizeof(head));
		appdgram_put(&dgram_end(r.a, dgram_slot(&r, w))->out, sizeof(head), "two", 3);
		dgram_end(r.a, dgram_slot(&r, w))->out.mine += appdgram_bytes(3);
		dgram_end(r.a, dgram_slot(&r, w))->in.mine += appdgram_bytes(3);
		_exit(0);
	}
	joined(child);
	/* "one" counts as read, "two" as sent. */
	assert_int_equal(send_to(h, "three", 5, &to), 5);
	assert_int_equal(coyo_recv(h, in, sizeof(in), 0), 3);
	assert_memory_equal(in, "two", 3);
	assert_int_equal(coyo_recv(h, in, sizeof(in), 0), 5);
	coyo_close(h);
	pair_await(otherside_slots(o) == 0);
}

/* ---- what is not for them ---- */

static void test_what_streams_alone_do(void **state)
{
	int h = bound(5000);
	const void *p;
	void *room;

	assert_fails(coyo_socket(AF_COYO, SOCK_DGRAM, IPPROTO_TCP), EPROTONOSUPPORT);
	assert_fails(coyo_socket(AF_COYO, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
	assert_fails(coyo_listen(h, 1), EOPNOTSUPP);
	assert_fails(coyo_accept(h, NULL, NULL), EOPNOTSUPP);
	assert_fails(coyo_borrow(h, &p, 0), EOPNOTSUPP);
	assert_fails(coyo_reserve(h, &room, 0), EOPNOTSUPP);
	assert_fails(coyo_release(h, 0), EOPNOTSUPP);
	assert_fails(coyo_commit(h, 0), EOPNOTSUPP);
	assert_fails(coyo_shutdown(h, SHUT_WR), ENOTCONN);
	coyo_close(h);
	assert_fails(coyo_send(h, "x", 1, 0), EBADF);
}

/* ---- a daemon that lies, or ends ---- */

static struct appseg_slot *words(uint32_t slot)
{
	struct appseg_layout l;
	uint8_t *segment = otherside_segment(o, &l);

	return (struct appseg_slot *)(segment + appseg_words_at(&l, slot));
}

static void test_lies(void **state)
{
	struct sockaddr_coyo to = pair_address(5000);
	char in[8];
	int h;

	/* More has come than the ring holds. */
	h = bound(5000);
	atomic_store(&words(0)->stream.in.head, UINT64_MAX / 2);
	assert_fails(coyo_recv(h, in, sizeof(in), 0), EPROTO);
	assert_fails(send_to(h, "x", 1, &to), EPROTO);
	coyo_close(h);
	pair_await(otherside_slots(o) == 0);
	/* A record of which a part has come. */
	h = bound(5000);
	atomic_store(&words(0)->stream.in.head, 16);
	assert_fails(coyo_recv(h, in, sizeof(in), 0), EPROTO);
	coyo_close(h);
	pair_await(otherside_slots(o) == 0);
	/* An error that is none. */
	h = bound(5000);
	atomic_store(&words(0)->stream.err, -5);
	atomic_fetch_or(&words(0)->stream.told, APPSEG_DATAGRAM_ERROR);
	assert_fails(coyo_recv(h, in, sizeof(in), 0), EPROTO);
	assert_fails(coyo_recv(h, in, sizeof(in), MSG_DONTWAIT), EAGAIN);
	/* The worker has taken more than was written. */
	atomic_store(&words(0)->stream.out.tail, 8);
	atomic_store(&words(1)->stream.out.tail, 8);
	atomic_store(&words(2)->stream.out.tail, 8);
	assert_fails(send_to(h, "x", 1, &to), EPROTO);
	coyo_close(h);
}

static void test_daemon_ends(void **state)
{
	int h = bound(5000), fresh;
	struct sockaddr_coyo to = pair_address(5000);
	struct pollfd p = {.fd = h, .events = POLLIN};
	char in[8];

	otherside_stop(o);
	assert_int_equal(coyo_poll(&p, 1, 10000), 1);
	assert_true(p.revents & POLLERR && p.revents & POLLHUP);
	assert_fails(coyo_recv(h, in, sizeof(in), 0), ENETDOWN);
	assert_fails(send_to(h, "x", 1, &to), ENETDOWN);
	setup(state);
	fresh = bound(5000);
	assert_int_equal(send_to(fresh, "again", 5, &to), 5);
	assert_int_equal(coyo_recv(fresh, in, sizeof(in), 0), 5);
	assert_fails(coyo_recv(h, in, sizeof(in), 0), ENETDOWN);
	coyo_close(h);
	coyo_close(fresh);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        T(test_one_call_is_one_datagram),
	        T(test_boundaries_hold),
	        T(test_too_long),
	        T(test_cut_and_peeked_at),
	        T(test_ports),
	        T(test_connected),
	        T(test_nobody_there),
	        T(test_waiting),
	        T(test_closed_while_waiting),
	        T(test_epoll),
	        T(test_no_room),
	        T(test_limits),
	        T(test_a_child_shares_it),
	        T(test_a_child_dies_with_the_locks),
	        T(test_what_streams_alone_do),
	        T(test_lies),
	        T(test_daemon_ends),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
