/* SPDX-License-Identifier: BSD-3-Clause */
/* Resets that belong to no connection, and who gets none; and those of connections: the peer takes them without asking back. */
#include "tcptest.h"

#include <errno.h>
#include <stdlib.h>

/* A segment that belongs to nobody, so that a reset waits for output. */
static void leave_reply(struct tt *t)
{
	t->rport = TT_RPORT + 1;
	t->lport = TT_PORT + 1;
	tt_in(t, TCP_ACK, 1, 1, NULL, 0);
}

static void test_no_reply_to_who_is_gone_or_held(void **state)
{
	struct tcp_cfg cfg;
	struct tt t;

	(void)state;
	tt_cfg(&cfg);
	tt_init(&t, &cfg);
	leave_reply(&t);
	tcp_peer_hold(t.s, TT_PEER, true);
	tt_quiet(&t);
	assert_int_equal(t.s->n.drop_reply, 1);
	tcp_peer_hold(t.s, TT_PEER, false);
	leave_reply(&t);
	tcp_peer_clear(t.s, TT_PEER, ENETUNREACH);
	tt_quiet(&t);
	assert_int_equal(t.s->n.drop_reply, 2);
	tt_free(&t);
}

static void test_rst_for_closed_port(void **state)
{
	struct tt t;

	(void)state;
	tt_start(&t, false);
	tt_in(&t, TCP_SYN, 0, 0, NULL, 0);
	tt_expect(&t, TCP_RST | TCP_ACK, 0u - t.iss, 1, 0); /* seq 0, absolute */
	tt_in(&t, TCP_ACK, 5, 77, NULL, 0);
	tt_expect(&t, TCP_RST, 77, 0, 0);
	tt_in(&t, TCP_RST, 5, 0, NULL, 0);
	tt_quiet(&t);
	tt_free(&t);
}

/* ---- two ends: `a` resets, and `b` must be reset by what arrives, without a challenge ACK ---- */

struct ends {
	struct tcp_stack *s[2];
	void *mem[2];
	uint32_t conn[2];
	int64_t now;
	bool lost[2];   /* what that end sends does not arrive */
	unsigned lose;  /* so many of a's segments with payload are lost */
	unsigned count; /* of a's, arrived */
};

/* Moves segments to and fro until both ends are quiet. */
static void carry(struct ends *e)
{
	uint8_t b[2048];
	struct tcp_out out;
	bool more = true;

	while (more) {
		more = false;
		for (unsigned i = 0; i < 2; i++) {
			uint32_t n =
			        tcp_output(e->s[i], (struct instant){e->now}, b, sizeof(b), &out);
			struct tcp_in in = {.seg = b, .len = n, .csum_ok = true};

			more |= n > 0;
			if (!n || e->lost[i])
				continue;
			if (i == 0 && out.payload && e->lose) {
				e->lose--;
				continue;
			}
			e->count += i == 0;
			tcp_input(e->s[!i], &in, (struct instant){e->now});
		}
	}
}

static void pass(struct ends *e, int64_t ms)
{
	int64_t until = e->now + ms * NS_PER_MS;

	carry(e);
	while (e->now < until) {
		int64_t at = until;

		for (unsigned i = 0; i < 2; i++)
			if (tcp_next_deadline(e->s[i]).ns < at)
				at = tcp_next_deadline(e->s[i]).ns;
		e->now = at > e->now ? at : e->now;
		for (unsigned i = 0; i < 2; i++)
			tcp_advance(e->s[i], (struct instant){e->now});
		carry(e);
	}
}

static void begin(struct ends *e, bool sack)
{
	struct tcp_cfg cfg;
	uint32_t listener;

	tt_cfg(&cfg);
	cfg.sack = sack;
	cfg.rcvbuf = cfg.rcvbuf_max = 5000;
	*e = (struct ends){.now = NS_PER_S};
	for (unsigned i = 0; i < 2; i++) {
		size_t size = tcp_stack_size(&cfg);

		cfg.secret[0] = (uint8_t)(7 + i);
		e->mem[i] = aligned_alloc(64, (size + 63) & ~(size_t)63);
		e->s[i] = tcp_stack_init(e->mem[i], size, &cfg, (struct instant){e->now});
		assert_non_null(e->s[i]);
		assert_int_equal(tcp_peer_set(e->s[i], 0, 1, 2, 0), 0);
	}
	assert_int_equal(tcp_listen(e->s[1], 80, 4, &listener), 0);
	assert_int_equal(tcp_connect(e->s[0], 0, 80, &e->conn[0]), 0);
	pass(e, 1);
	assert_int_equal(tcp_accept(e->s[1], listener, &e->conn[1]), 0);
}

static void write_bytes(struct ends *e, unsigned end, uint32_t n)
{
	assert_int_equal(tcp_send(e->s[end], e->conn[end], tt_filler, n), n);
}

/* What a sent was the last of it. */
static void end_all(struct ends *e, int err)
{
	struct tcp_counters k;
	struct tcp_info info;

	carry(e);
	tcp_stack_counters(e->s[1], &k);
	assert_int_equal(tcp_info(e->s[1], e->conn[1], &info), 0);
	assert_int_equal(info.state, TCP_CLOSED);
	assert_int_equal(info.error, err);
	assert_int_equal(k.challenge_acks, 0);
	free(e->mem[0]);
	free(e->mem[1]);
}

static void set(struct ends *e, enum tcp_opt opt, uint32_t value)
{
	assert_int_equal(tcp_set_opt(e->s[0], e->conn[0], opt, value), 0);
}

static void abort_a(struct ends *e)
{
	assert_int_equal(tcp_abort(e->s[0], e->conn[0]), 0);
}

static void test_reset_behind_data_in_flight(void **state)
{
	struct ends e;

	(void)state;
	for (int how = 0; how < 3; how++) {
		begin(&e, true);
		if (how == 2)
			write_bytes(&e, 1, 100); /* stays unread */
		pass(&e, 100);
		if (how == 1)
			set(&e, TCP_OPT_LINGER_MS, 0);
		write_bytes(&e, 0, 3000);
		{ /* the data leaves, and arrives when the reset has left as well */
			uint8_t b[4][2048];
			struct tcp_out out;
			struct tcp_in in = {.csum_ok = true};
			unsigned n = 0;

			while (n < 4 && tcp_output(e.s[0], (struct instant){e.now}, b[n],
			                           sizeof(b[n]), &out))
				n++;
			assert_int_equal(n, 3);
			if (how == 0)
				abort_a(&e);
			else
				tcp_close(e.s[0], e.conn[0]);
			for (unsigned i = 0; i < n; i++) {
				in.seg = b[i];
				in.len = 1020;
				tcp_input(e.s[1], &in, (struct instant){e.now});
			}
		}
		end_all(&e, ECONNRESET);
	}
}

static void test_reset_after_user_timeout(void **state)
{
	struct ends e;

	(void)state;
	/* All data was lost; all acknowledgements were. */
	for (unsigned lost = 0; lost < 2; lost++) {
		begin(&e, true);
		set(&e, TCP_OPT_USER_TIMEOUT_MS, 3000);
		write_bytes(&e, 0, 3000);
		e.lost[lost] = true;
		pass(&e, 2990);
		e.lost[0] = false;
		pass(&e, 20);
		e.lost[1] = false;
		end_all(&e, ECONNRESET);
	}
}

/* The first segment is lost again and again, the others are reported. */
static void test_reset_in_recovery(void **state)
{
	struct ends e;

	(void)state;
	for (int sack = 0; sack < 2; sack++) {
		begin(&e, sack);
		write_bytes(&e, 0, 4000);
		e.lose = 1;
		carry(&e);
		e.lost[0] = true;
		pass(&e, 50);
		e.lost[0] = false;
		abort_a(&e);
		end_all(&e, ECONNRESET);
	}
}

static void test_reset_of_a_closed_window(void **state)
{
	struct ends e;

	(void)state;
	/* The probes are answered; or not; or taken, and the answer lost. */
	for (int how = 0; how < 3; how++) {
		begin(&e, false);
		write_bytes(&e, 0, 9000);
		pass(&e, 100);
		if (how == 1)
			e.lost[0] = true;
		if (how == 2) {
			static uint8_t b[9000];

			e.lost[1] = true;
			assert_int_equal(tcp_recv(e.s[1], e.conn[1], b, sizeof(b)), 5000);
		}
		pass(&e, 3000);
		e.lost[0] = e.lost[1] = false;
		abort_a(&e);
		end_all(&e, ECONNRESET);
	}
}

static void test_reset_after_keepalive(void **state)
{
	struct ends e;

	(void)state;
	begin(&e, false);
	set(&e, TCP_OPT_KEEPALIVE_INTVL_MS, 100);
	set(&e, TCP_OPT_KEEPALIVE_PROBES, 2);
	write_bytes(&e, 0, 1000);
	pass(&e, 100);
	set(&e, TCP_OPT_KEEPALIVE_MS, 500);
	e.lost[1] = true;
	pass(&e, 1000);
	e.lost[1] = false;
	end_all(&e, ECONNRESET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_rst_for_closed_port),
	        cmocka_unit_test(test_no_reply_to_who_is_gone_or_held),
	        cmocka_unit_test(test_reset_behind_data_in_flight),
	        cmocka_unit_test(test_reset_after_user_timeout),
	        cmocka_unit_test(test_reset_in_recovery),
	        cmocka_unit_test(test_reset_of_a_closed_window),
	        cmocka_unit_test(test_reset_after_keepalive),
	};

	return cmocka_run_group_tests_name("tcp reply", tests, NULL, NULL);
}
