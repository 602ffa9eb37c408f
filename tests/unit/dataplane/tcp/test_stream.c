/* SPDX-License-Identifier: BSD-3-Clause */
/* Send and receive calls: a full buffer, a window that closes and opens with the reader. */
#include "tcptest.h"
#include "tcp/push.h"

#include <errno.h>
#include <string.h>

static void test_send_buffer(void **state)
{
	void *piece;
	int64_t k;
	struct tt t;

	(void)state;
	tt_start(&t, false);
	tt_establish_passive(&t);
	tt_event(&t, t.conn);
	assert_int_equal(tcp_send(t.s, t.conn, tt_filler, sizeof(tt_filler)), 65000);
	assert_int_equal(tcp_send(t.s, t.conn, tt_filler, 1), -EAGAIN);
	for (unsigned i = 0; i < 10; i++)
		tt_expect(&t, TCP_ACK, 1 + 1000 * i, 1, 1000);
	tt_in(&t, TCP_ACK, 1, 10001, NULL, 0);
	assert_int_equal(tt_event(&t, t.conn), 0); /* not for every segment */
	for (unsigned i = 10; i < 28; i++)
		tt_expect(&t, TCP_ACK, 1 + 1000 * i, 1, 1000);
	tt_in(&t, TCP_ACK, 1, 28001, NULL, 0);
	assert_int_equal(tt_event(&t, t.conn), TCP_EV_WRITABLE);
	k = tcp_send_reserve(t.s, t.conn, &piece);
	assert_true(k > 0);
	memset(piece, 'z', (size_t)k);
	assert_int_equal(tcp_send_commit(t.s, t.conn, (size_t)k + 1), -EINVAL);
	assert_int_equal(tcp_send_commit(t.s, t.conn, (size_t)k), 0);
	tt_free(&t);
}

static void test_window_closes_and_opens(void **state)
{
	static uint8_t b[70000];
	struct tt_seg o = {.wnd = 1};
	uint32_t at = 1;
	struct tt t;

	(void)state;
	tt_receiver(&t, false, false);
	while (at + 1000 <= 65001) {
		tt_data(&t, TCP_ACK, at, 1, 1000);
		at += 1000;
		while (tt_out(&t, &o))
			;
	}
	tt_wait(&t, 100);
	assert_true(tt_out(&t, &o));
	assert_int_equal(o.wnd, 0);
	tt_data(&t, TCP_ACK, at, 1, 1); /* a probe: answered, not taken */
	tt_expect(&t, TCP_ACK, 1, at, 0);
	assert_int_equal(tcp_recv(t.s, t.conn, b, 500), 500);
	tt_quiet(&t); /* silly-window avoidance: half a segment is not worth telling */
	assert_int_equal(tcp_recv(t.s, t.conn, b, 600), 600);
	assert_true(tt_out(&t, &o));
	assert_in_range(o.wnd, 1000, 1100);
	tt_free(&t);
}

/* In order and with nothing before them, bytes go where the application wants them, and nowhere else; what has no room there is buffered. */
static void test_posted_memory(void **state)
{
	uint8_t to[2600], rest[1000];
	const void *piece;
	struct tt t;

	(void)state;
	tt_receiver(&t, true, false);
	memset(to, 0xee, sizeof(to));
	assert_int_equal(tcp_recv_posted(t.s, t.conn), 0);
	assert_int_equal(tcp_recv_post(t.s, t.conn, to, 2500), 0);
	assert_int_equal(tcp_recv_post(t.s, t.conn, to, 2500), -EINVAL);
	tt_event(&t, t.conn);
	tt_data(&t, TCP_ACK, 1, 1, 1000);
	assert_int_equal(tt_event(&t, t.conn), TCP_EV_READABLE);
	tt_data(&t, TCP_ACK, 1001, 1, 1000);
	tt_expect(&t, TCP_ACK, 1, 2001, 0);
	tt_data(&t, TCP_ACK, 2001, 1, 1000); /* half of it fits */
	tt_data(&t, TCP_ACK, 3001, 1, 100);
	tt_expect(&t, TCP_ACK, 1, 3101, 0);
	assert_int_equal(tcp_recv_posted(t.s, t.conn), 2500);
	assert_int_equal(tcp_recv_posted(t.s, t.conn), 0);
	for (uint32_t i = 0; i < 2500; i++)
		assert_int_equal(to[i], (uint8_t)(1 + i));
	assert_int_equal(to[2500], 0xee);
	assert_int_equal(tcp_recv(t.s, t.conn, rest, sizeof(rest)), 600);
	for (uint32_t i = 0; i < 600; i++)
		assert_int_equal(rest[i], (uint8_t)(2501 + i));
	/* A gap: what lies behind it is buffered, and so is what fills it. */
	assert_int_equal(tcp_recv_post(t.s, t.conn, to, 2500), 0);
	tt_data(&t, TCP_ACK, 4101, 1, 1000);
	tt_data(&t, TCP_ACK, 3101, 1, 1000);
	assert_int_equal(tcp_recv_posted(t.s, t.conn), 0);
	assert_int_equal(tcp_recv_peek(t.s, t.conn, &piece), 2000);
	tt_free(&t);
}

/* A connection that was let go of writes there no more. */
static void test_posted_memory_goes_back(void **state)
{
	uint8_t to[100] = {0};
	struct tt t;

	(void)state;
	tt_receiver(&t, true, false);
	assert_int_equal(tcp_recv_post(t.s, t.conn, to, sizeof(to)), 0);
	tcp_close(t.s, t.conn);
	tt_expect(&t, TCP_FIN | TCP_ACK, 1, 1, 0);
	tt_data(&t, TCP_ACK, 1, 2, 50);
	for (unsigned i = 0; i < sizeof(to); i++)
		assert_int_equal(to[i], 0);
	tt_free(&t);
}

/* More is on its way as long as what came in order was not pushed, nothing is missing before it and nothing in it is urgent. */
static void test_more_to_come(void **state)
{
	struct tt t;

	(void)state;
	tt_receiver(&t, true, false);
	assert_false(tcp_recv_more(t.s, t.conn));
	tt_data(&t, TCP_ACK, 1, 1, 1000);
	assert_true(tcp_recv_more(t.s, t.conn));
	tt_data(&t, TCP_ACK | TCP_PSH, 1001, 1, 1000);
	assert_false(tcp_recv_more(t.s, t.conn));
	tt_data(&t, TCP_ACK, 2001, 1, 1000);
	assert_true(tcp_recv_more(t.s, t.conn));
	/* An old segment again says nothing new. */
	tt_data(&t, TCP_ACK | TCP_PSH, 1001, 1, 1000);
	assert_true(tcp_recv_more(t.s, t.conn));
	/* One is missing: who knows when it comes. */
	tt_data(&t, TCP_ACK, 4001, 1, 1000);
	assert_false(tcp_recv_more(t.s, t.conn));
	tt_data(&t, TCP_ACK, 3001, 1, 1000);
	assert_true(tcp_recv_more(t.s, t.conn));
	tt_data(&t, TCP_ACK | TCP_FIN, 5001, 1, 1000);
	assert_false(tcp_recv_more(t.s, t.conn));
	assert_false(tcp_recv_more(t.s, t.listener));
	assert_false(tcp_recv_more(t.s, TCP_NO_CONN));
	tt_free(&t);
}

/* The end of the buffer is not pushed while the application has more, and is sent all the same. */
static void test_more_to_send(void **state)
{
	struct tt_seg o;
	struct tt t;

	(void)state;
	tt_start(&t, false);
	tt_establish_passive(&t);
	assert_int_equal(tcp_send(t.s, t.conn, tt_filler, 2000), 2000);
	tcp_send_more(t.s, t.conn, true);
	assert_true(tt_out(&t, &o) && !(o.flags & TCP_PSH));
	assert_true(tt_out(&t, &o) && !(o.flags & TCP_PSH));
	assert_int_equal(tcp_send(t.s, t.conn, tt_filler, 2000), 2000);
	tcp_send_more(t.s, t.conn, false);
	assert_true(tt_out(&t, &o) && !(o.flags & TCP_PSH));
	assert_true(tt_out(&t, &o) && (o.flags & TCP_PSH));
	tcp_send_more(t.s, TCP_NO_CONN, true);
	tt_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_send_buffer),
	        cmocka_unit_test(test_window_closes_and_opens),
	        cmocka_unit_test(test_posted_memory),
	        cmocka_unit_test(test_posted_memory_goes_back),
	        cmocka_unit_test(test_more_to_come),
	        cmocka_unit_test(test_more_to_send),
	};

	return cmocka_run_group_tests_name("tcp stream", tests, NULL, NULL);
}
