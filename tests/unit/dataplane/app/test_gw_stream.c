/* SPDX-License-Identifier: BSD-3-Clause */
/* One stream between an application's descriptor and a worker's rings, both played by the test: bytes, and each kind of end, cross over. */
#include "gwtest.h"
#include "tests/lib/ringcopy.h"

#include <poll.h>

static struct gwtest t;
static struct gw_stream *s;
static int app; /* the application's end */

static int setup(void **state)
{
	gwtest_start(&t);
	s = gw_stream_new(&t.g, 1);
	assert_non_null(s);
	assert_int_equal(gw_stream_pair(&t.g, s), 0);
	app = dup(s->app_fd); /* as a descriptor passed over a socket is */
	assert_true(app >= 0);
	gw_close(&t.g, &s->app_fd);
	s->attached = true;
	return 0;
}

static int teardown(void **state)
{
	if (app >= 0)
		close(app);
	gw_stream_kill(&t.g, s);
	gwtest_end(&t);
	return 0;
}

/* A round of the gateway's thread: what epoll tells, then every stream that is ready. */
static void round_of_gateway(void)
{
	struct epoll_event e;

	while (epoll_wait(t.g.epoll, &e, 1, 0) == 1) {
		assert_ptr_equal(e.data.ptr, &s->node);
		gw_stream_event(&t.g, s, e.events);
	}
	while (!TAILQ_EMPTY(&t.g.ready)) {
		struct gw_stream *r = TAILQ_FIRST(&t.g.ready);

		TAILQ_REMOVE(&t.g.ready, r, ready_link);
		r->ready = false;
		gw_stream_pump(&t.g, r);
	}
	gw_streams_flush(&t.g, 1);
}

/* The worker has put something, or room, or an end: it kicks the gateway. */
static void kick(void)
{
	gw_stream_ready(&t.g, s);
	round_of_gateway();
}

static void expect_message(enum bridge_msg_type type)
{
	struct bridge_msg m;

	assert_true(gwtest_message(&t, 1, &m));
	assert_int_equal(m.type, type);
	assert_ptr_equal(m.stream, s->stream);
	if (type == BRIDGE_KICK)
		atomic_store(&s->side.shared->worker_kicked, 0);
}

static void expect_none(void)
{
	struct bridge_msg m;

	assert_false(gwtest_message(&t, 0, &m));
	assert_false(gwtest_message(&t, 1, &m));
}

static void expect_let_go(bool abort)
{
	struct bridge_msg m = {0};

	while (gwtest_message(&t, 1, &m) && m.type == BRIDGE_KICK)
		;
	assert_int_equal(m.type, BRIDGE_LET_GO);
	assert_int_equal(m.abort, abort);
	assert_int_equal(s->fd, -1);
	expect_none();
}

static void from_network(const char *text)
{
	assert_int_equal(ring_copy_in(&s->stream->side.in, text, strlen(text)), strlen(text));
}

static void tell(uint32_t bits)
{
	atomic_fetch_or(&s->side.shared->told, bits);
	kick();
}

static void test_bytes_to_the_network(void **state)
{
	char got[16] = "";

	assert_int_equal(write(app, "hello ", 6), 6);
	round_of_gateway();
	expect_message(BRIDGE_KICK);
	assert_int_equal(write(app, "world", 5), 5);
	round_of_gateway();
	expect_message(BRIDGE_KICK);
	assert_int_equal(ring_copy_out(&s->stream->side.out, got, sizeof(got)), 11);
	assert_string_equal(got, "hello world");
	expect_none();
}

/* A worker that has not answered a KICK gets no second one. */
static void test_one_kick_at_a_time(void **state)
{
	assert_int_equal(write(app, "a", 1), 1);
	round_of_gateway();
	assert_int_equal(write(app, "b", 1), 1);
	round_of_gateway();
	expect_message(BRIDGE_KICK);
	expect_none();
	assert_int_equal(bytering_used(&s->stream->side.out), 2);
}

/* The byte that stays unread in the socketpair is not the network's business. */
static void test_bytes_to_the_application(void **state)
{
	char got[16] = "";

	from_network("hello");
	kick();
	assert_int_equal(recv(app, got, sizeof(got), MSG_DONTWAIT), 5);
	assert_string_equal(got, "hello");
	assert_true(recv(app, got, sizeof(got), MSG_DONTWAIT) < 0 && errno == EAGAIN);
	expect_none();
	atomic_store(&s->side.shared->in_full, 1); /* the worker waits for room */
	from_network("more");
	kick();
	expect_message(BRIDGE_KICK);
	assert_int_equal(atomic_load(&s->side.shared->in_full), 0);
}

/* More than the ring holds: the rest waits in the socket until the worker makes room; all of it arrives in order. */
static void test_full_ring(void **state)
{
	const size_t total = BRIDGE_STREAM_BYTES + 100000;
	uint8_t *out = malloc(total), *in = malloc(total);
	size_t sent = 0, got = 0;

	for (size_t i = 0; i < total; i++)
		out[i] = (uint8_t)(i * 7 + i / 251);
	while (got < total) {
		ssize_t n = send(app, out + sent, total - sent, MSG_DONTWAIT);

		sent += n > 0 ? (size_t)n : 0;
		round_of_gateway();
		if (sent == total && got == 0) {
			assert_int_equal(bytering_used(&s->stream->side.out), BRIDGE_STREAM_BYTES);
			assert_int_equal(atomic_load(&s->side.shared->out_full), 1);
		}
		if (sent < total && n > 0)
			continue;
		n = (ssize_t)ring_copy_out(&s->stream->side.out, in + got, 50000);
		assert_true(n > 0);
		got += (size_t)n;
		gw_stream_ready(&t.g, s);
	}
	assert_memory_equal(in, out, total);
	free(out);
	free(in);
}

/* The end of stream comes after the bytes before it, and bytes still flow the other way. */
static void test_half_close_by_the_application(void **state)
{
	char got[8] = "";

	assert_int_equal(write(app, "last", 4), 4);
	shutdown(app, SHUT_WR);
	round_of_gateway();
	assert_int_equal(atomic_load(&s->side.shared->asked), STREAM_SHUT);
	assert_int_equal(ring_copy_out(&s->stream->side.out, got, sizeof(got)), 4);
	expect_message(BRIDGE_KICK);
	expect_none();
	from_network("reply");
	kick();
	assert_int_equal(recv(app, got, sizeof(got), MSG_DONTWAIT), 5);
}

/* Both directions have ended: the application sees a clean end, the worker is told to let go without a reset. */
static void test_clean_end(void **state)
{
	char c;

	from_network("x");
	tell(STREAM_EOF);
	assert_int_equal(recv(app, &c, 1, MSG_DONTWAIT), 1);
	assert_int_equal(recv(app, &c, 1, MSG_DONTWAIT), 0);
	shutdown(app, SHUT_WR);
	round_of_gateway();
	expect_let_go(false);
	assert_int_equal(recv(app, &c, 1, MSG_DONTWAIT), 0);
	assert_false(s->node.dead); /* until the worker says GONE */
}

/* A reset is a reset here, also where the application has not written anything. */
static void test_reset_by_the_network(void **state)
{
	char got[8];

	from_network("x");
	tell(STREAM_ERROR);
	assert_int_equal(recv(app, got, sizeof(got), MSG_DONTWAIT), 1);
	assert_true(recv(app, got, sizeof(got), MSG_DONTWAIT) < 0 && errno == ECONNRESET);
	expect_let_go(false); /* the connection has ended already */
}

/* The peer's end of stream has been passed on: a reset behind it is no error to a reader, as in Linux. */
static void test_reset_after_the_end_of_stream(void **state)
{
	struct pollfd p = {.fd = app, .events = POLLIN | POLLOUT};
	char got[8];

	from_network("x");
	tell(STREAM_EOF);
	assert_int_equal(write(app, "unsent", 6), 6);
	tell(STREAM_ERROR);
	expect_let_go(false);
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_true(p.revents & POLLHUP);
	assert_true(send(app, "w", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE);
	assert_int_equal(recv(app, got, sizeof(got), MSG_DONTWAIT), 1);
	assert_int_equal(recv(app, got, sizeof(got), MSG_DONTWAIT), 0);
}

/* The application's socket is full: it learns of the reset although it has not read. */
static void test_reset_while_the_application_is_behind(void **state)
{
	struct pollfd p = {.fd = app, .events = POLLOUT};
	char block[4096] = "";

	for (unsigned i = 0; s->can_write; i++) {
		assert_true(i < 10000);
		while (ring_copy_in(&s->stream->side.in, block, sizeof(block)) == sizeof(block))
			;
		kick();
	}
	bytering_consume(&s->side.in, bytering_used(&s->side.in));
	tell(STREAM_ERROR);
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_true(p.revents & POLLERR);
}

/* It has shut its reading side alone: what comes is thrown away, and it goes on sending. */
static void test_application_shuts_reading(void **state)
{
	char got[8] = "";

	shutdown(app, SHUT_RD);
	round_of_gateway();
	atomic_store(&s->side.shared->in_full, 1);
	from_network("to nobody");
	kick();
	assert_int_equal(bytering_used(&s->side.in), 0);
	assert_int_equal(atomic_load(&s->side.shared->in_full), 0);
	expect_message(BRIDGE_KICK);
	assert_int_equal(write(app, "more", 4), 4);
	round_of_gateway();
	assert_int_equal(ring_copy_out(&s->stream->side.out, got, sizeof(got)), 4);
	assert_memory_equal(got, "more", 4);
	expect_message(BRIDGE_KICK);
	/* Seen from here a close looks like the other half of the shutdown now: it ends in order. */
	shutdown(app, SHUT_WR);
	round_of_gateway();
	assert_int_equal(atomic_load(&s->side.shared->asked), STREAM_SHUT);
	expect_let_go(false);
	assert_int_equal(recv(app, got, sizeof(got), MSG_DONTWAIT), 0);
}

/* It answers and closes although bytes lie unread: its answer goes out, then a reset without an end of stream before it. */
static void test_answer_goes_out_before_the_reset(void **state)
{
	char got[16] = "";

	from_network("unread");
	kick();
	assert_int_equal(write(app, "answer", 6), 6);
	close(app);
	app = -1;
	round_of_gateway();
	assert_int_equal(ring_copy_out(&s->stream->side.out, got, sizeof(got)), 6);
	assert_string_equal(got, "answer");
	assert_int_equal(atomic_load(&s->side.shared->asked) & STREAM_SHUT, 0);
	expect_let_go(true);
}

/* The same where the gateway has not delivered what came. */
static void test_answer_goes_out_though_bytes_have_come(void **state)
{
	char got[16] = "";

	assert_int_equal(write(app, "answer", 6), 6);
	close(app);
	app = -1;
	from_network("late");
	s->can_write = true;
	gw_stream_pump(&t.g, s); /* before epoll has told that the application is gone */
	round_of_gateway();
	assert_int_equal(ring_copy_out(&s->stream->side.out, got, sizeof(got)), 6);
	expect_let_go(true);
}

/* Gone while the ring has no room for the rest: the worker is told once that nobody waits. */
static void test_gone_with_bytes_left(void **state)
{
	char block[4096] = "";
	struct bridge_msg m;
	ssize_t n;

	do {
		n = send(app, block, sizeof(block), MSG_DONTWAIT);
		round_of_gateway();
	} while (n > 0);
	assert_int_equal(atomic_load(&s->side.shared->asked), 0);
	close(app);
	app = -1;
	round_of_gateway();
	assert_int_equal(atomic_load(&s->side.shared->asked), STREAM_GONE);
	from_network("late");
	kick();
	assert_int_equal(atomic_load(&s->side.shared->asked), STREAM_GONE | STREAM_UNREAD);
	while (gwtest_message(&t, 1, &m))
		assert_int_equal(m.type, BRIDGE_KICK);
	tell(STREAM_ERROR);
	expect_let_go(true);
}

/* Who closes without reading what has come resets the connection, as with any TCP socket. */
static void test_application_leaves_bytes_unread(void **state)
{
	from_network("unread");
	kick();
	close(app);
	app = -1;
	round_of_gateway();
	expect_let_go(true);
}

/* The same for bytes that come when the application has closed already. */
static void test_bytes_for_nobody(void **state)
{
	close(app);
	app = -1;
	from_network("late");
	round_of_gateway();
	expect_let_go(true);
}

static void test_application_closes_after_reading(void **state)
{
	char got[8];

	from_network("read");
	kick();
	assert_int_equal(recv(app, got, sizeof(got), MSG_DONTWAIT), 4);
	assert_int_equal(write(app, "bye", 3), 3);
	close(app);
	app = -1;
	round_of_gateway();
	assert_int_equal(atomic_load(&s->side.shared->asked), STREAM_SHUT);
	assert_int_equal(bytering_used(&s->stream->side.out), 3);
	expect_let_go(false);
}

/* Nothing is lost where the message ring is full, and letting go twice says so once. */
static void test_messages_wait_for_room(void **state)
{
	gwtest_fill(&t, 1);
	assert_int_equal(write(app, "a", 1), 1);
	round_of_gateway();
	gw_stream_let_go(&t.g, s, true);
	gw_stream_let_go(&t.g, s, false);
	gw_streams_flush(&t.g, 1);
	gwtest_drain(&t, 1);
	gw_streams_flush(&t.g, 1);
	expect_message(BRIDGE_KICK);
	expect_let_go(true);
}

/* A stream that no worker holds has nobody to wait for. */
static void test_let_go_before_it_is_attached(void **state)
{
	s->attached = false;
	gw_stream_let_go(&t.g, s, true);
	assert_true(s->node.dead);
	gw_streams_flush(&t.g, 1);
	expect_none();
}

static void test_connect_goes_out_first(void **state)
{
	struct bridge_msg m;

	s->port = 7000;
	memset(s->id.b, 9, sizeof(s->id.b));
	gw_stream_owe(&t.g, s, OWE_KICK);
	gw_stream_owe(&t.g, s, OWE_CONNECT);
	gw_streams_flush(&t.g, 1);
	assert_true(gwtest_message(&t, 1, &m));
	assert_int_equal(m.type, BRIDGE_CONNECT);
	assert_int_equal(m.port, 7000);
	assert_memory_equal(m.id.b, s->id.b, sizeof(m.id.b));
	expect_message(BRIDGE_KICK);
	expect_none();
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        test(test_bytes_to_the_network),
	        test(test_one_kick_at_a_time),
	        test(test_bytes_to_the_application),
	        test(test_full_ring),
	        test(test_half_close_by_the_application),
	        test(test_clean_end),
	        test(test_reset_by_the_network),
	        test(test_reset_after_the_end_of_stream),
	        test(test_reset_while_the_application_is_behind),
	        test(test_application_shuts_reading),
	        test(test_answer_goes_out_before_the_reset),
	        test(test_answer_goes_out_though_bytes_have_come),
	        test(test_gone_with_bytes_left),
	        test(test_application_leaves_bytes_unread),
	        test(test_bytes_for_nobody),
	        test(test_application_closes_after_reading),
	        test(test_messages_wait_for_room),
	        test(test_let_go_before_it_is_attached),
	        test(test_connect_goes_out_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
