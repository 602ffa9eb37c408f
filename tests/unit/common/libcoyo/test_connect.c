/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets from their making to a connection: what connect, listen, accept and their options say in each state. */
#include "pair.h"

#include "ipc/appopts.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/time.h>

static int try(int h, uint16_t port)
{
	struct sockaddr_coyo to = pair_address(port);

	return coyo_connect(h, (struct sockaddr *)&to, sizeof(to));
}

static int option(int h, int level, int name)
{
	int v = -1;
	socklen_t len = sizeof(v);

	assert_int_equal(coyo_getsockopt(h, level, name, &v, &len), 0);
	return v;
}

static void what_is_no_socket_of_ours(void **state)
{
	assert_fails(coyo_socket(AF_INET, SOCK_STREAM, 0), EAFNOSUPPORT);
	assert_fails(coyo_socket(AF_COYO, SOCK_SEQPACKET, 0), ESOCKTNOSUPPORT);
	assert_fails(coyo_socket(AF_COYO, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
}

static void refused(void **state)
{
	int h = coyo_socket(AF_COYO, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);

	assert_fails(try(h, 1), ECONNREFUSED);
	assert_fails(coyo_recv(h, &h, 0, 0), ENOTCONN);
	/* The same socket may try again. */
	assert_int_equal(try(h, PAIR_PORT), 0);
	assert_fails(try(h, PAIR_PORT), EISCONN);
	coyo_close(h);
}

static void addresses_that_are_none(void **state)
{
	struct sockaddr_coyo to = pair_address(PAIR_PORT);
	int h = coyo_socket(AF_COYO, SOCK_STREAM, 0);

	assert_fails(coyo_connect(h, (struct sockaddr *)&to, 8), EINVAL);
	assert_fails(try(h, 0), EINVAL);
	to.scoyo_family = AF_INET;
	assert_fails(coyo_connect(h, (struct sockaddr *)&to, sizeof(to)), EAFNOSUPPORT);
	assert_fails(coyo_bind(h, (struct sockaddr *)&to, sizeof(to)), EAFNOSUPPORT);
	to = pair_address(1);
	to.scoyo_id[9] ^= 1;
	assert_fails(coyo_bind(h, (struct sockaddr *)&to, sizeof(to)), EADDRNOTAVAIL);
	coyo_close(h);
}

static void not_connected(void **state)
{
	int h = coyo_socket(AF_COYO, SOCK_STREAM, 0);
	struct sockaddr_coyo to;
	socklen_t len = sizeof(to);

	assert_fails(coyo_send(h, "x", 1, 0), EPIPE);
	assert_fails(coyo_recv(h, &to, 1, 0), ENOTCONN);
	assert_fails(coyo_shutdown(h, SHUT_WR), ENOTCONN);
	assert_fails(coyo_getpeername(h, (struct sockaddr *)&to, &len), ENOTCONN);
	assert_fails(coyo_accept(h, NULL, NULL), EINVAL);
	coyo_close(h);
}

static void without_blocking(void **state)
{
	struct pair *p = *state;
	int h = coyo_socket(AF_COYO, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_int_equal(coyo_fcntl(h, F_GETFL), O_RDWR | O_NONBLOCK);
	otherside_hold(p->o, true);
	assert_fails(try(h, PAIR_PORT), EINPROGRESS);
	assert_fails(try(h, PAIR_PORT), EALREADY);
	assert_fails(coyo_send(h, "x", 1, 0), EAGAIN);
	assert_fails(coyo_recv(h, &h, 1, 0), EAGAIN);
	otherside_hold(p->o, false);
	pair_await(coyo_send(h, "x", 1, 0) == 1);
	assert_int_equal(option(h, SOL_SOCKET, SO_ERROR), 0);
	assert_int_equal(try(h, PAIR_PORT), 0);
	assert_fails(try(h, PAIR_PORT), EISCONN);
	coyo_close(h);
	h = coyo_socket(AF_COYO, SOCK_STREAM | SOCK_NONBLOCK, 0);
	otherside_hold(p->o, true);
	assert_fails(try(h, 1), EINPROGRESS);
	otherside_hold(p->o, false);
	for (int err = 0; err == 0; usleep(100))
		if ((err = option(h, SOL_SOCKET, SO_ERROR)))
			assert_int_equal(err, ECONNREFUSED);
	assert_int_equal(option(h, SOL_SOCKET, SO_ERROR), 0);
	coyo_close(h);
}

static void a_connect_that_takes_too_long(void **state)
{
	struct pair *p = *state;
	struct timeval t = {0, 20000};
	int h = coyo_socket(AF_COYO, SOCK_STREAM, 0);

	coyo_setsockopt(h, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
	otherside_hold(p->o, true);
	assert_fails(try(h, PAIR_PORT), EINPROGRESS);
	otherside_hold(p->o, false);
	coyo_close(h);
}

static void names_of_both_ends(void **state)
{
	struct pair *p = *state;
	struct sockaddr_coyo a, b;
	socklen_t len = sizeof(a), short_len = 4;

	assert_int_equal(coyo_getsockname(p->a, (struct sockaddr *)&a, &len), 0);
	assert_int_equal(len, sizeof(a));
	assert_int_equal(coyo_getpeername(p->b, (struct sockaddr *)&b, &len), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(coyo_getpeername(p->a, (struct sockaddr *)&a, &len), 0);
	assert_int_equal(coyo_getsockname(p->b, (struct sockaddr *)&b, &len), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(ntohs(b.scoyo_port), PAIR_PORT);
	assert_int_equal(coyo_getsockname(p->b, (struct sockaddr *)&b, &short_len), 0);
	assert_int_equal(short_len, sizeof(b));
	assert_int_equal(coyo_local_id(a.scoyo_id), 0);
	assert_memory_equal(a.scoyo_id, otherside_id.b, COYO_ID_BYTES);
}

static void listening(void **state)
{
	struct pair *p = *state;
	struct sockaddr_coyo to = pair_address(PAIR_PORT);
	socklen_t len = sizeof(to);
	int h = coyo_socket(AF_COYO, SOCK_STREAM, 0), again, got;

	assert_int_equal(coyo_bind(h, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_fails(coyo_bind(h, (struct sockaddr *)&to, sizeof(to)), EINVAL);
	assert_fails(coyo_listen(h, 4), EADDRINUSE);
	assert_fails(try(h, PAIR_PORT), EADDRNOTAVAIL);
	coyo_close(p->listener);
	assert_int_equal(coyo_listen(h, 4), 0);
	assert_int_equal(coyo_listen(h, 8), 0);
	assert_int_equal(option(h, SOL_SOCKET, SO_ACCEPTCONN), 1);
	assert_fails(try(h, PAIR_PORT), EISCONN);
	assert_fails(coyo_listen(p->a, 4), EINVAL);
	p->listener = h;
	/* Port 0: whichever is free. */
	h = coyo_socket(AF_COYO, SOCK_STREAM, 0);
	assert_int_equal(coyo_listen(h, 0), 0);
	assert_int_equal(coyo_getsockname(h, (struct sockaddr *)&to, &len), 0);
	assert_true(ntohs(to.scoyo_port) > 1024);
	again = pair_connect(ntohs(to.scoyo_port));
	got = coyo_accept4(h, (struct sockaddr *)&to, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(got > 0);
	assert_int_equal(coyo_fcntl(got, F_GETFL), O_RDWR | O_NONBLOCK);
	assert_fails(coyo_accept4(h, NULL, NULL, 1), EINVAL);
	coyo_close(again);
	coyo_close(got);
	coyo_close(h);
}

static void accepting_without_blocking(void **state)
{
	struct pair *p = *state;
	struct timeval t = {0, 20000}, none = {0, 0};

	coyo_set_nonblock(p->listener, 1);
	assert_fails(coyo_accept(p->listener, NULL, NULL), EAGAIN);
	coyo_set_nonblock(p->listener, 0);
	coyo_setsockopt(p->listener, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	assert_fails(coyo_accept(p->listener, NULL, NULL), EAGAIN);
	coyo_setsockopt(p->listener, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof(none));
	coyo_shutdown(p->listener, SHUT_RD);
	assert_fails(coyo_accept(p->listener, NULL, NULL), EINVAL);
}

/* More that connect than slots are posted, and than are accepted at once. */
static void *connect_many(void *arg)
{
	for (unsigned i = 0; i < 100; i++) {
		int h = pair_connect(PAIR_PORT);
		char got;

		if (coyo_recv(h, &got, 1, 0) != 1 || coyo_close(h) != 0)
			return (void *)1;
	}
	return NULL;
}

static void *accept_many(void *arg)
{
	struct pair *p = arg;

	for (unsigned i = 0; i < 100; i++) {
		int h = coyo_accept(p->listener, NULL, NULL);

		if (h < 0 || coyo_send(h, "x", 1, 0) != 1 || coyo_close(h) != 0)
			return (void *)1;
	}
	return NULL;
}

static void several_threads_accept(void **state)
{
	struct pair *p = *state;
	pthread_t t[8];
	void *bad;

	for (unsigned i = 0; i < 4; i++) {
		pthread_create(&t[i], NULL, accept_many, p);
		pthread_create(&t[4 + i], NULL, connect_many, p);
	}
	for (unsigned i = 0; i < 8; i++) {
		pthread_join(t[i], &bad);
		assert_null(bad);
	}
}

/* A listener's end gives back all slots that waited for connections, and resets those that nobody accepted. */
static void a_listener_ends(void **state)
{
	struct pair *p = *state;
	int waiting = pair_connect(PAIR_PORT), h[PAIR_SLOTS];
	unsigned n = 0;
	char got;

	coyo_close(p->listener);
	assert_fails(coyo_recv(waiting, &got, 1, 0), ECONNRESET);
	assert_fails(try(p->a, PAIR_PORT), EISCONN);
	coyo_close(waiting);
	coyo_close(p->a);
	coyo_close(p->b);
	pair_await(otherside_slots(p->o) == 0);
	/* All slots but the listener's own can be used. */
	p->listener = pair_listen(PAIR_PORT, 1);
	errno = 0;
	while (n < PAIR_SLOTS && errno != ENOBUFS) {
		h[n] = coyo_socket(AF_COYO, SOCK_STREAM | SOCK_NONBLOCK, 0);
		assert_true(h[n] > 0);
		errno = 0;
		try(h[n++], PAIR_PORT);
	}
	assert_int_equal(errno, ENOBUFS);
	assert_true(n >= PAIR_SLOTS - 4);
	for (unsigned i = 0; i < n; i++)
		coyo_close(h[i]);
}

static void options(void **state)
{
	struct pair *p = *state;
	int one = 1, v = 30, bad = 4321, h;
	int64_t value;

	assert_int_equal(option(p->a, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
	assert_int_equal(option(p->a, SOL_SOCKET, SO_DOMAIN), AF_COYO);
	assert_int_equal(option(p->a, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
	assert_int_equal(option(p->a, SOL_SOCKET, SO_ACCEPTCONN), 0);
	assert_int_equal(option(p->a, IPPROTO_TCP, TCP_NODELAY), 0);
	assert_int_equal(coyo_setsockopt(p->a, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)), 0);
	assert_int_equal(otherside_option(p->o, &value), APP_OPT_NODELAY);
	assert_int_equal(value, 1);
	assert_int_equal(option(p->a, IPPROTO_TCP, TCP_NODELAY), 1);
	assert_int_equal(coyo_setsockopt(p->a, IPPROTO_TCP, TCP_KEEPIDLE, &v, sizeof(v)), 0);
	assert_int_equal(coyo_setsockopt(p->a, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one)), 0);
	assert_int_equal(otherside_option(p->o, &value), APP_OPT_KEEPALIVE_MS);
	assert_int_equal(value, 30000);
	assert_int_equal(option(p->a, SOL_SOCKET, SO_KEEPALIVE), 1);
	/* What the worker refuses stays as it was. */
	assert_fails(coyo_setsockopt(p->a, IPPROTO_TCP, TCP_MAXSEG, &bad, sizeof(bad)), EINVAL);
	assert_int_equal(option(p->a, IPPROTO_TCP, TCP_MAXSEG), 536);
	assert_fails(coyo_setsockopt(p->a, IPPROTO_TCP, TCP_INFO, &v, sizeof(v)), ENOPROTOOPT);
	assert_fails(coyo_setsockopt(p->a, IPPROTO_IP, 1, &v, sizeof(v)), ENOPROTOOPT);
	assert_fails(coyo_setsockopt(p->a, IPPROTO_TCP, TCP_NODELAY, &one, 1), EINVAL);
	/* Set before there is a connection, it goes with it; and from a listener to what it accepts. */
	h = coyo_socket(AF_COYO, SOCK_STREAM, 0);
	v = 77;
	assert_int_equal(coyo_setsockopt(h, IPPROTO_TCP, TCP_USER_TIMEOUT, &v, sizeof(v)), 0);
	assert_int_equal(try(h, PAIR_PORT), 0);
	pair_await(otherside_option(p->o, &value) == APP_OPT_USER_TIMEOUT_MS && value == 77);
	coyo_close(h);
	coyo_close(p->b);
	p->b = coyo_accept(p->listener, NULL, NULL);
	v = 55;
	assert_int_equal(coyo_setsockopt(p->listener, IPPROTO_TCP, TCP_KEEPCNT, &v, sizeof(v)), 0);
	h = pair_connect(PAIR_PORT);
	coyo_close(p->b);
	p->b = coyo_accept(p->listener, NULL, NULL);
	assert_int_equal(option(p->b, IPPROTO_TCP, TCP_KEEPCNT), 55);
	pair_await(otherside_option(p->o, &value) == APP_OPT_KEEPALIVE_PROBES && value == 55);
	coyo_close(h);
}

static void names(void **state)
{
	struct addrinfo hints = {.ai_family = AF_COYO, .ai_socktype = SOCK_STREAM}, *ai;
	struct sockaddr_coyo to;
	/* A machine without /etc/services knows numbers alone. */
	const char *ssh = getservbyname("ssh", "tcp") ? "ssh" : "22";
	char text[200];

	assert_int_equal(coyo_getaddrinfo(NULL, "7000", &hints, &ai), 0);
	memcpy(&to, ai->ai_addr, sizeof(to));
	assert_int_equal(ai->ai_addrlen, sizeof(to));
	assert_memory_equal(to.scoyo_id, otherside_id.b, COYO_ID_BYTES);
	assert_int_equal(ntohs(to.scoyo_port), 7000);
	coyo_freeaddrinfo(ai);
	id_to_text(&otherside_id, text);
	hints.ai_flags = AI_CANONNAME | AI_NUMERICHOST;
	assert_int_equal(coyo_getaddrinfo(text, ssh, &hints, &ai), 0);
	memcpy(&to, ai->ai_addr, sizeof(to));
	assert_memory_equal(to.scoyo_id, otherside_id.b, COYO_ID_BYTES);
	assert_int_equal(ntohs(to.scoyo_port), 22);
	assert_string_equal(ai->ai_canonname, text);
	coyo_freeaddrinfo(ai);
	hints.ai_flags = AI_PASSIVE;
	assert_int_equal(coyo_getaddrinfo(NULL, "0", &hints, &ai), 0);
	memcpy(&to, ai->ai_addr, sizeof(to));
	assert_int_equal(to.scoyo_id[0], 0);
	coyo_freeaddrinfo(ai);
	hints.ai_flags = AI_NUMERICHOST;
	assert_int_equal(coyo_getaddrinfo("no id", "1", &hints, &ai), EAI_NONAME);
	assert_int_equal(coyo_getaddrinfo(text, "70000", &hints, &ai), EAI_SERVICE);
	assert_int_equal(coyo_getaddrinfo(NULL, NULL, &hints, &ai), EAI_NONAME);
	hints.ai_family = AF_INET;
	assert_int_equal(coyo_getaddrinfo(text, "1", &hints, &ai), EAI_FAMILY);
	hints = (struct addrinfo){.ai_socktype = SOCK_SEQPACKET};
	assert_int_equal(coyo_getaddrinfo(text, "1", &hints, &ai), EAI_SOCKTYPE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, pair_setup, pair_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(what_is_no_socket_of_ours),
	        TEST(refused),
	        TEST(addresses_that_are_none),
	        TEST(not_connected),
	        TEST(without_blocking),
	        TEST(a_connect_that_takes_too_long),
	        TEST(names_of_both_ends),
	        TEST(listening),
	        TEST(accepting_without_blocking),
	        TEST(several_threads_accept),
	        TEST(a_listener_ends),
	        TEST(options),
	        TEST(names),
	};
	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
