/* SPDX-License-Identifier: BSD-3-Clause */
/* Arrival of bytes: whatever is malformed is dropped and counted, and nothing of a segment that is refused is remembered. */
#include "tcptest.h"

#include <string.h>

static void test_malformed(void **state)
{
	uint8_t b[64] = {0};
	struct tcp_in in = {.seg = b, .peer = TT_PEER};
	struct tt t;

	(void)state;
	tt_receiver(&t, false, false);
	for (uint32_t n = 0; n < 20; n++) {
		in.len = n;
		tcp_input(t.s, &in, (struct instant){t.now});
	}
	assert_int_equal(tt_counters(&t).drop_malformed, 20);
	in.len = 40;
	b[12] = 4 << 4; /* header shorter than itself */
	tcp_input(t.s, &in, (struct instant){t.now});
	b[12] = 15 << 4; /* longer than the segment */
	tcp_input(t.s, &in, (struct instant){t.now});
	b[12] = 10 << 4;
	b[20] = 8; /* an option that runs out */
	b[21] = 30;
	tcp_input(t.s, &in, (struct instant){t.now});
	b[21] = 0;
	tcp_input(t.s, &in, (struct instant){t.now});
	assert_int_equal(tt_counters(&t).drop_malformed, 24);
	b[20] = 1;
	b[21] = 0;
	tcp_input(t.s, &in, (struct instant){t.now});
	assert_int_equal(tt_counters(&t).drop_checksum, 1);
	in.peer = 99;
	tcp_input(t.s, &in, (struct instant){t.now});
	assert_int_equal(tt_counters(&t).drop_peer, 1);
	tt_free(&t);
}

/* What a refusal may leave behind: counters, the answer that is due, and how often such answers were given. */
static void forgive(struct conn *c, const struct conn *was)
{
	const uint32_t due = CF_ACK_NOW | CF_READY;

	c->segs_in = was->segs_in;
	c->oow_count = was->oow_count;
	c->oow_ack_at = was->oow_ack_at;
	c->flags = (c->flags & ~due) | (was->flags & due);
	c->ready = was->ready;
}

static void refused(struct tt *t, const char *what, uint8_t flags, uint32_t seq, uint32_t ack,
                    uint32_t len)
{
	struct conn *c = conn_of(t->s, t->conn), was = *c, is;
	struct tt_seg o;

	t->sack[0] = (struct tcp_sack_range){1, 2}; /* of what is outstanding, where something is */
	t->nsack = flags & TCP_SYN ? 0 : 1;
	tt_data(t, flags, seq - t->irs, ack - t->iss, len);
	is = *c;
	forgive(&is, &was);
	if (memcmp(&is, &was, sizeof(is)) != 0) {
		for (size_t i = 0; i < sizeof(is); i += 4)
			if (memcmp((char *)&is + i, (char *)&was + i, 4) != 0)
				print_error("%s in %s: the word at %zu of the connection\n", what,
				            tcp_state_name(c->state), i);
		fail();
	}
	while (tt_out(t, &o))
		assert_true(o.len == 0 && !(o.flags & (TCP_SYN | TCP_FIN)));
}

/* The state, with something outstanding, timestamps, SACK and ECN agreed, a keepalive running and a mark due. */
static void laden(struct tt *t, enum tcp_state state)
{
	struct tcp_cfg cfg;
	struct conn *c;

	tt_cfg(&cfg);
	cfg.sack = cfg.timestamps = true;
	cfg.ecn = TCP_ECN_ON;
	cfg.challenge_per_s = 1000;
	cfg.oow_ack_ns = 0;
	cfg.keepalive_idle_ns = 60 * NS_PER_S;
	tt_init(t, &cfg);
	t->sack_ok = true;
	t->ts_val = 1000;
	tt_to_state(t, state);
	c = conn_of(t->s, t->conn);
	c->flags |= CF_ECN | CF_ECE;
	c->keep_sent = 1;
	if (state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT) {
		assert_int_equal(tcp_send(t->s, t->conn, "data", 4), 4);
		tt_expect(t, TCP_ACK | TCP_ECE, 1, c->rcv_nxt - t->irs, 4);
	}
	t->now += 50 * NS_PER_MS;
	t->wnd = 7;
	t->ecn = TCP_CE;
	t->ts_ecr = 1;
}

static void test_refused_changes_nothing(void **state)
{
	const uint8_t all = TCP_ACK | TCP_CWR | TCP_ECE | TCP_URG | TCP_PSH;

	(void)state;
	for (int st = TCP_SYN_RCVD; st <= TCP_TIME_WAIT; st++) {
		struct conn *c;
		uint32_t nxt, ok, stray;
		struct tt t;

		laden(&t, (enum tcp_state)st);
		c = conn_of(t.s, t.conn);
		nxt = c->rcv_nxt;
		ok = c->snd_max;
		stray = c->snd_max + 1;
		t.ts_val = 5000; /* newer than all that was taken */
		for (uint32_t at = nxt - 20; at != nxt + 20; at++) {
			refused(&t, "an ACK of what was never sent", all, at, stray, 10);
			refused(&t, "one with a FIN", all | TCP_FIN, at, stray, 10);
			refused(&t, "one with a FIN alone", all | TCP_FIN, at, stray, 0);
			refused(&t, "a bare one", all, at, stray, 0);
			refused(&t, "no ACK", all & ~TCP_ACK, at, t.iss, 10);
			refused(&t, "no ACK, a FIN", (all & ~TCP_ACK) | TCP_FIN, at, t.iss, 10);
			refused(&t, "no flags", 0, at, t.iss, 1);
			refused(&t, "an ACK of long ago", all | TCP_FIN, at, ok - (1u << 20), 10);
		}
		refused(&t, "beyond the window", all | TCP_FIN, nxt + 100000, ok, 10);
		refused(&t, "long gone, no ACK", all & ~TCP_ACK, nxt - 100000, t.iss, 10);
		refused(&t, "a SYN", TCP_SYN | TCP_ACK, nxt + 5, ok, 10);
		refused(&t, "a SYN with a FIN", TCP_SYN | TCP_FIN, nxt + 5, t.iss, 10);
		refused(&t, "a SYN with a RST", TCP_SYN | TCP_RST, nxt + 5, t.iss, 10);
		refused(&t, "all flags", 0xff & ~TCP_RST, nxt + 5, ok, 10);
		refused(&t, "a RST in the window", all | TCP_RST, nxt + 5, ok, 10);
		t.ts_val = 999;
		refused(&t, "an old timestamp", all | TCP_FIN, nxt, ok, 10);
		t.ts_val = 0;
		refused(&t, "no timestamp", all | TCP_FIN, nxt, ok, 10);
		assert_int_equal(tt_state(&t, t.conn), st);
		tt_free(&t);
	}
}

/* The same while only our SYN is out. */
static void test_refused_in_syn_sent(void **state)
{
	struct tt t;

	(void)state;
	laden(&t, TCP_SYN_SENT);
	t.ts_val = 5000;
	refused(&t, "a SYN-ACK of what was never sent", TCP_SYN | TCP_ACK, t.irs, t.iss + 2, 10);
	refused(&t, "a SYN-ACK of nothing", TCP_SYN | TCP_ACK, t.irs, t.iss, 10);
	refused(&t, "an ACK", TCP_ACK, t.irs, t.iss + 1, 10);
	refused(&t, "a FIN", TCP_ACK | TCP_FIN, t.irs, t.iss + 1, 10);
	refused(&t, "a SYN with a FIN", TCP_SYN | TCP_FIN, t.irs, t.iss, 10);
	refused(&t, "a RST without ACK", TCP_RST, t.irs, t.iss, 0);
	refused(&t, "a RST with a SYN", TCP_RST | TCP_SYN, t.irs, t.iss, 10);
	refused(&t, "a RST that acknowledges nothing", TCP_RST | TCP_ACK, t.irs, t.iss, 0);
	refused(&t, "no flags", 0, t.irs, t.iss, 10);
	tt_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_malformed),
	        cmocka_unit_test(test_refused_changes_nothing),
	        cmocka_unit_test(test_refused_in_syn_sent),
	};

	return cmocka_run_group_tests_name("tcp input", tests, NULL, NULL);
}
