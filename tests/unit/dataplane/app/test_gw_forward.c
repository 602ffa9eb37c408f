/* SPDX-License-Identifier: BSD-3-Clause */
/* Forwards: a TCP connection becomes a stream and a stream a connection, both ends played by the test; sections come, change and go. */
#include "app/gw_forward.h"
#include "app/gw_tcp.h"
#include "gwtest.h"
#include "tests/lib/ringcopy.h"

#include <netinet/in.h>
#include <stdio.h>

static struct gwtest t;

static int setup(void **state)
{
	(void)state;
	gwtest_start(&t);
	return 0;
}

static int teardown(void **state)
{
	struct gw_stream *s, *next;
	struct gw_forward *f, *after;
	struct bridge_msg m;

	(void)state;
	for (s = TAILQ_FIRST(&t.g.streams); s; s = next) {
		next = TAILQ_NEXT(s, all);
		gw_stream_kill(&t.g, s);
	}
	for (f = TAILQ_FIRST(&t.g.forwards); f; f = after) {
		struct dp_forward gone = f->cfg;
		char err[200];

		after = TAILQ_NEXT(f, link);
		assert_int_equal(gateway_forward_remove(&t.g, gone.name, err, sizeof(err)), 0);
	}
	gw_forwards_round(&t.g);
	gw_forwards_bury(&t.g);
	gw_listeners_flush(&t.g);
	for (uint32_t i = 0; i < t.g.nlisteners; i++)
		for (unsigned w = 0; t.g.listeners[i] && w < GW_WORKERS; w++) {
			while (gwtest_message(&t, w, &m))
				;
			gw_unlistened(&t.g, w, t.g.listeners[i]->token);
		}
	gwtest_end(&t);
	return 0;
}

static struct dp_forward outward(uint8_t id)
{
	struct dp_forward f = {
	        .name = "f", .family = 4, .addr = {127, 0, 0, 1}, .port = 80, .id = {{id}}};

	return f;
}

static struct gw_forward *set(const struct dp_forward *from, bool socket_stays)
{
	char err[200];

	assert_int_equal(gateway_forward_set(&t.g, from, socket_stays, err, sizeof(err)), 0);
	gw_forwards_round(&t.g);
	gw_forwards_bury(&t.g);
	assert_int_equal(TAILQ_EMPTY(&t.g.forwards), 0);
	return TAILQ_LAST(&t.g.forwards, gw_forwards);
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in at;
	socklen_t n = sizeof(at);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	return ntohs(at.sin_port);
}

static int program(uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
	                         .sin_port = htons(port),
	                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

/* What epoll tells, then every stream that is ready, then what workers are owed. */
static void turn(void)
{
	struct epoll_event e;

	while (epoll_wait(t.g.epoll, &e, 1, 50) == 1) {
		struct gw_node *node = e.data.ptr;

		if (node->kind == GW_FORWARD)
			gw_forward_event(&t.g, (struct gw_forward *)node);
		else
			gw_stream_event(&t.g, (struct gw_stream *)node, e.events);
	}
	for (unsigned i = 0; i < 64 && !TAILQ_EMPTY(&t.g.ready); i++) {
		struct gw_stream *r = TAILQ_FIRST(&t.g.ready);

		TAILQ_REMOVE(&t.g.ready, r, ready_link);
		r->ready = false;
		gw_stream_pump(&t.g, r);
	}
	for (unsigned w = 0; w < GW_WORKERS; w++)
		gw_streams_flush(&t.g, w);
}

/* The next message of a type that any worker finds. */
static bool message(enum bridge_msg_type type, struct bridge_msg *m)
{
	for (unsigned w = 0; w < GW_WORKERS; w++)
		while (gwtest_message(&t, w, m))
			if (m->type == type)
				return true;
	return false;
}

static void test_connection_becomes_stream(void **state)
{
	struct dp_forward out = outward(7);
	struct gw_forward *f = set(&out, false);
	int fd = program(port_of(f->fd));
	struct bridge_msg m;
	struct gw_stream *s;
	char got[8];

	(void)state;
	turn();
	s = TAILQ_FIRST(&t.g.streams);
	assert_non_null(s);
	assert_true(message(BRIDGE_CONNECT, &m));
	assert_int_equal(m.port, 80);
	assert_int_equal(m.id.b[0], 7);
	assert_int_equal(t.g.fds, 2);
	/* What it says before the stream stands waits. */
	assert_int_equal(send(fd, "early", 5, 0), 5);
	turn();
	assert_int_equal(bytering_used(&s->stream->side.out), 0);
	gw_forward_connected(&t.g, s);
	turn();
	assert_int_equal(ring_copy_out(&s->stream->side.out, got, sizeof(got)), 5);
	assert_memory_equal(got, "early", 5);
	assert_int_equal(ring_copy_in(&s->stream->side.in, "answer", 6), 6);
	gw_stream_ready(&t.g, s);
	turn();
	assert_int_equal(recv(fd, got, sizeof(got), 0), 6);
	/* Its end is an end, and the other way goes on; then its reset is one. */
	shutdown(fd, SHUT_WR);
	turn();
	assert_true(atomic_load(&s->side.shared->asked) & STREAM_SHUT);
	gw_tcp_reset(fd);
	close(fd);
	turn();
	assert_true(message(BRIDGE_LET_GO, &m));
	assert_int_equal(t.g.fds, 1);
}

/* The network's reset reaches the program as one, and a stream that cannot be had resets, too. */
static void test_resets_reach_the_program(void **state)
{
	struct dp_forward out = outward(7);
	struct gw_forward *f = set(&out, false);

	(void)state;
	for (unsigned connected = 0; connected < 2; connected++) {
		int fd = program(port_of(f->fd));
		struct gw_stream *s;
		char byte;

		turn();
		s = TAILQ_LAST(&t.g.streams, gw_streams);
		if (connected) {
			gw_forward_connected(&t.g, s);
			atomic_fetch_or(&s->side.shared->told, STREAM_ERROR);
			turn();
		} else {
			gw_failed(&t.g, s, ECONNREFUSED);
		}
		assert_int_equal(recv(fd, &byte, 1, 0), -1);
		assert_int_equal(errno, ECONNRESET);
		close(fd);
		s->attached = false;
		gw_stream_kill(&t.g, s);
	}
}

/* Without descriptors connections wait in the kernel, and the loop does not spin. */
static void test_limit_of_descriptors(void **state)
{
	struct dp_forward out = outward(7);
	struct gw_forward *f = set(&out, false);
	int fd = program(port_of(f->fd));

	(void)state;
	t.g.fds_max = t.g.fds;
	turn();
	assert_true(f->paused && TAILQ_EMPTY(&t.g.streams));
	t.g.fds_max += 2;
	gw_forwards_resume(&t.g);
	turn();
	assert_false(f->paused || TAILQ_EMPTY(&t.g.streams));
	close(fd);
}

/* A change keeps the socket and what stands; the end closes it. */
static void test_change(void **state)
{
	struct dp_forward out = outward(7);
	struct gw_forward *f = set(&out, false);
	uint16_t port = port_of(f->fd);
	int first = program(port), second;
	char err[200];

	(void)state;
	turn();
	out.id.b[0] = 8;
	f = set(&out, true);
	assert_int_equal(port_of(f->fd), port);
	second = program(port);
	turn();
	assert_int_equal(TAILQ_FIRST(&t.g.streams)->id.b[0], 7);
	assert_int_equal(TAILQ_LAST(&t.g.streams, gw_streams)->id.b[0], 8);
	assert_int_equal(gateway_forward_remove(&t.g, "f", err, sizeof(err)), 0);
	gw_forwards_round(&t.g);
	gw_forwards_bury(&t.g);
	assert_true(TAILQ_EMPTY(&t.g.forwards));
	assert_int_equal(t.g.fds, 2);
	close(first);
	close(second);
}

/* An address in use is told at once. */
static void test_address_in_use(void **state)
{
	struct dp_forward out = outward(7);
	struct gw_forward *f = set(&out, false);
	char err[200];

	(void)state;
	out.tcp_port = port_of(f->fd);
	snprintf(out.name, sizeof(out.name), "g");
	assert_int_equal(gateway_forward_set(&t.g, &out, false, err, sizeof(err)), -EADDRINUSE);
	assert_non_null(strstr(err, "[forward g] cannot listen"));
}

static struct dp_forward inward(uint16_t tcp_port, const struct node_id *allow)
{
	struct dp_forward f = {.name = "r",
	                       .reverse = true,
	                       .family = 4,
	                       .addr = {127, 0, 0, 1},
	                       .tcp_port = tcp_port,
	                       .port = 80,
	                       .allow = allow,
	                       .nallow = 1};

	return f;
}

/* A stream of who may come becomes a connection; another's is reset, and either gives the worker its credit back. */
static void test_stream_becomes_connection(void **state)
{
	const struct node_id friend = {{1}}, stranger = {{2}};
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;
	struct bridge_msg m = {.type = BRIDGE_ACCEPT, .id = stranger};
	struct dp_forward in;
	struct gw_listener *l;
	struct gw_stream *s;
	char got[8];

	(void)state;
	assert_int_equal(bind(server, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(server, 1), 0);
	in = inward(port_of(server), &friend);
	l = set(&in, false)->client.listener;
	assert_non_null(l);
	assert_non_null(gw_forward_accepted(&t.g, 0, l, &m));
	turn();
	assert_true(message(BRIDGE_LET_GO, &m));
	assert_true(m.abort);
	assert_int_equal(l->at[0].taken, 1);
	m = (struct bridge_msg){.type = BRIDGE_ACCEPT, .id = friend};
	s = gw_forward_accepted(&t.g, 1, l, &m);
	assert_non_null(s);
	assert_int_equal(l->at[1].taken, 1);
	assert_int_equal(ring_copy_in(&s->stream->side.in, "hello", 5), 5);
	gw_stream_ready(&t.g, s);
	turn();
	fd = accept(server, NULL, NULL);
	assert_true(fd >= 0);
	assert_int_equal(recv(fd, got, sizeof(got), 0), 5);
	close(fd);
	close(server);
}

/* A port that an application has is the forward's when that is gone. */
static void test_port_that_is_taken(void **state)
{
	const struct node_id friend = {{1}};
	struct dp_forward in = inward(1, &friend);
	struct gw_client app = {.fd = -1};
	struct gw_forward *f;

	(void)state;
	TAILQ_INIT(&app.accepted);
	assert_int_equal(gw_listen(&t.g, &app, 80, 1, false), 0);
	f = set(&in, false);
	assert_null(f->client.listener);
	gw_unlisten(&t.g, app.listener);
	gw_forwards_round(&t.g);
	assert_non_null(f->client.listener);
}

/* Streams that come in do not take the last descriptors, which programs of this node need. */
static void test_descriptors_left_to_programs(void **state)
{
	const struct node_id friend = {{1}};
	struct bridge_msg m = {.type = BRIDGE_ACCEPT, .id = friend};
	struct dp_forward in = inward(1, &friend);
	struct gw_listener *l = set(&in, false)->client.listener;
	struct gw_stream *s;

	(void)state;
	t.g.fds += 75;
	s = gw_forward_accepted(&t.g, 0, l, &m);
	assert_non_null(s);
	assert_true(s->let_go && s->abort);
	t.g.fds -= 75;
}

/* A worker that cannot listen is not asked again before somebody else lets go of a port. */
static void test_worker_that_cannot_listen(void **state)
{
	const struct node_id friend = {{1}};
	struct dp_forward in = inward(1, &friend);
	struct gw_forward *f = set(&in, false);
	struct gw_client app = {.fd = -1};

	(void)state;
	gw_forward_listening(&t.g, f, ENOBUFS);
	gw_forwards_round(&t.g);
	assert_null(f->client.listener);
	TAILQ_INIT(&app.accepted);
	assert_int_equal(gw_listen(&t.g, &app, 81, 1, false), 0);
	gw_unlisten(&t.g, app.listener);
	gw_forwards_round(&t.g);
	assert_non_null(f->client.listener);
}

/* A stream that is reset before its connection stands holds no descriptor any longer. */
static void test_reset_while_connecting(void **state)
{
	const struct node_id friend = {{1}};
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct bridge_msg m = {.type = BRIDGE_ACCEPT, .id = friend};
	struct dp_forward in;
	struct gw_stream *s;

	(void)state;
	assert_int_equal(bind(server, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(server, 1), 0);
	in = inward(port_of(server), &friend);
	s = gw_forward_accepted(&t.g, 0, set(&in, false)->client.listener, &m);
	assert_non_null(s);
	/* What epoll has to tell has not been asked for yet. */
	assert_true(s->dialling && s->fd >= 0);
	gw_stream_pump(&t.g, s);
	assert_false(s->let_go);
	atomic_fetch_or(&s->side.shared->told, STREAM_ERROR);
	gw_stream_pump(&t.g, s);
	assert_true(s->let_go && s->abort && s->fd < 0);
	close(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_connection_becomes_stream, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_resets_reach_the_program, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_limit_of_descriptors, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_change, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_address_in_use, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_stream_becomes_connection, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_port_that_is_taken, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_descriptors_left_to_programs, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_worker_that_cannot_listen, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_reset_while_connecting, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
