/* SPDX-License-Identifier: BSD-3-Clause */
/* How fast and how cheaply losses are repaired: outages, tails, bursts, held paths, smaller tunnels; each with a time budget. */
#include "tcpnet.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#define MS NS_PER_MS

struct world {
	struct tcpnet n;
	uint32_t a, b;
};

static void world(struct world *w, uint64_t seed, const struct tcpnet_path *p, enum tcp_cc cc)
{
	struct tcp_cfg cfg;

	tcpnet_cfg(&cfg);
	cfg.cc = cc;
	tcpnet_init(&w->n, seed, &cfg, &cfg);
	tcpnet_both(&w->n, p);
	tcpnet_pair(&w->n, 80, &w->a, &w->b);
}

static struct tcp_info info(struct world *w)
{
	struct tcp_info i;

	assert_int_equal(tcp_info(w->n.stack[0], w->a, &i), 0);
	return i;
}

/* Loses the packets of side 0 whose first transmission carries the bytes [from, to) of the stream. */
struct lose {
	uint32_t iss, from, to;
	unsigned times; /* how many transmissions of each */
	unsigned lost;
	const struct tcpnet *n;
	int64_t lost_at, again_at; /* of the first */
};

static bool lose_range(void *arg, unsigned from, uint64_t nth, const struct tcp_out *out,
                       const uint8_t *seg)
{
	struct lose *l = arg;
	uint32_t seq =
	        (uint32_t)seg[4] << 24 | (uint32_t)seg[5] << 16 | (uint32_t)seg[6] << 8 | seg[7];

	(void)nth;
	if (from || !out->payload || seq - l->iss < l->from || seq - l->iss >= l->to)
		return false;
	if (out->retransmit && l->times <= 1) {
		if (!l->again_at)
			l->again_at = l->n->now;
		return false;
	}
	if (!l->lost_at)
		l->lost_at = l->n->now;
	l->lost++;
	return true;
}

static const struct tcpnet_path lan = {.bit_s = 1e9, .delay_ns = 5 * MS, .queue_bytes = 4000000};

static void test_single_loss_costs_one_round_trip(void **state)
{
	struct world w;
	struct lose l;
	int64_t clean, lossy;

	(void)state;
	world(&w, 1, &lan, TCP_CC_CUBIC);
	clean = tcpnet_bulk(&w.n, 0, w.a, w.b, 1000000, NS_PER_S);
	tcpnet_free(&w.n);
	world(&w, 1, &lan, TCP_CC_CUBIC);
	l = (struct lose){.n = &w.n, .iss = info(&w).snd_una, .from = 90000, .to = 91000};
	w.n.filter = lose_range;
	w.n.filter_arg = &l;
	lossy = tcpnet_bulk(&w.n, 0, w.a, w.b, 1000000, NS_PER_S);
	assert_int_equal(l.lost, 1);
	assert_int_equal(info(&w).retransmits, 1);
	assert_int_equal(info(&w).rtos, 0);
	printf("clean %.1f ms, one loss %.1f ms, sent again after %.1f ms\n", clean / 1e6,
	       lossy / 1e6, (l.again_at - l.lost_at) / 1e6);
	assert_true(l.again_at - l.lost_at <= 25 * MS / 2); /* 1.25 round trips */
	assert_true(lossy > 0);
	tcpnet_free(&w.n);
}

static void test_twenty_losses_in_one_window(void **state)
{
	struct world w;
	struct lose l;
	int64_t t;

	(void)state;
	world(&w, 1, &lan, TCP_CC_CUBIC);
	l = (struct lose){.n = &w.n, .iss = info(&w).snd_una, .from = 100000, .to = 124000};
	w.n.filter = lose_range;
	w.n.filter_arg = &l;
	t = tcpnet_bulk(&w.n, 0, w.a, w.b, 1000000, NS_PER_S);
	assert_true(t > 0 && t < 300 * MS);
	assert_true(l.lost >= 20);
	assert_int_equal(info(&w).rtos, 0);
	assert_int_equal(info(&w).retransmits, l.lost);
	tcpnet_free(&w.n);
}

static void test_lost_tail_needs_no_timeout(void **state)
{
	struct world w;
	struct lose l;
	int64_t t;

	(void)state;
	world(&w, 1, &lan, TCP_CC_CUBIC);
	l = (struct lose){.n = &w.n, .iss = info(&w).snd_una, .from = 9000, .to = 12000};
	w.n.filter = lose_range;
	w.n.filter_arg = &l;
	t = tcpnet_bulk(&w.n, 0, w.a, w.b, 11000, NS_PER_S);
	printf("lost tail: %.1f ms\n", t / 1e6);
	assert_true(t > 0 && t < 90 * MS); /* 2 SRTT probe, then repair */
	assert_int_equal(info(&w).rtos, 0);
	assert_int_equal(info(&w).probes, 1);
	tcpnet_free(&w.n);
}

/* An outage in the midst of a transfer; told or not told of its end. */
static int64_t outage(int64_t length, bool told, uint64_t *rtx)
{
	struct world w;
	int64_t start, t;

	world(&w, 1, &lan, TCP_CC_CUBIC);
	assert_true(tcpnet_bulk(&w.n, 0, w.a, w.b, 3000000, NS_PER_S) > 0);
	w.n.path[0].down = w.n.path[1].down = true;
	start = w.n.now;
	assert_int_equal(tcpnet_bulk(&w.n, 0, w.a, w.b, 1000000, length), -1);
	w.n.path[0].down = w.n.path[1].down = false;
	if (told)
		tcp_path_up(w.n.stack[0], TCPNET_PEER);
	while (info(&w).snd_queued && w.n.now < start + 60 * NS_PER_S) {
		char b[65536];

		tcpnet_step(&w.n, start + 60 * NS_PER_S);
		while (tcp_recv(w.n.stack[1], w.b, b, sizeof(b)) > 0)
			;
	}
	t = w.n.now - start - length;
	*rtx = info(&w).retransmits;
	tcpnet_free(&w.n);
	return t;
}

static void test_outage(void **state)
{
	uint64_t rtx;
	int64_t told = outage(1000 * MS, true, &rtx), untold = outage(1000 * MS, false, &rtx);

	(void)state;
	printf("after an outage of 1 s: %.1f ms told, %.1f ms untold\n", told / 1e6, untold / 1e6);
	assert_true(told < 200 * MS);
	assert_true(untold < 900 * MS);
	told = outage(8000 * MS, true, &rtx);
	printf("after 8 s: %.1f ms told\n", told / 1e6);
	assert_true(told < 200 * MS);
}

static void test_held_peer_resumes_at_once(void **state)
{
	struct world w;
	int64_t t;

	(void)state;
	world(&w, 1, &lan, TCP_CC_CUBIC);
	assert_true(tcpnet_bulk(&w.n, 0, w.a, w.b, 3000000, NS_PER_S) > 0);
	tcp_peer_hold(w.n.stack[0], TCPNET_PEER, true);
	tcpnet_run(&w.n, 30 * NS_PER_S);
	tcp_peer_hold(w.n.stack[0], TCPNET_PEER, false);
	t = tcpnet_bulk(&w.n, 0, w.a, w.b, 3000000, NS_PER_S);
	printf("3 MB after a hold: %.1f ms\n", t / 1e6);
	assert_true(t > 0 && t < 250 * MS);
	assert_int_equal(info(&w).rtos, 0);
	tcpnet_free(&w.n);
}

static void test_smaller_tunnel_does_not_stall(void **state)
{
	struct world w;
	char b[65536];
	int64_t t, start;

	(void)state;
	world(&w, 1, &lan, TCP_CC_CUBIC);
	start = w.n.now;
	assert_int_equal(tcpnet_bulk(&w.n, 0, w.a, w.b, 10000000, 30 * MS), -1);
	w.n.path[0].mtu = w.n.path[1].mtu = 900;
	tcp_peer_mtu(w.n.stack[0], TCPNET_PEER, 880);
	tcp_peer_mtu(w.n.stack[1], TCPNET_PEER, 880);
	while (info(&w).snd_queued && w.n.now < start + 10 * NS_PER_S) {
		tcpnet_step(&w.n, start + 10 * NS_PER_S);
		while (tcp_recv(w.n.stack[1], w.b, b, sizeof(b)) > 0)
			;
	}
	t = w.n.now - start;
	assert_int_equal(info(&w).snd_queued, 0);
	assert_true(t < 300 * MS);
	tcpnet_free(&w.n);
}

static void test_one_percent_loss(void **state)
{
	struct tcpnet_path p = lan;
	uint64_t rtos = 0;
	int64_t sum = 0;

	(void)state;
	p.loss = 0.01;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct world w;
		int64_t t;

		world(&w, seed, &p, TCP_CC_CUBIC);
		t = tcpnet_bulk(&w.n, 0, w.a, w.b, 5000000, 30 * NS_PER_S);
		assert_true(t > 0);
		sum += t;
		rtos += info(&w).rtos;
		tcpnet_free(&w.n);
	}
	printf("1 %% loss, 10 ms round trip: %.1f Mbit/s, %u timeouts in 10 transfers of 5 MB\n",
	       5e6 * 8 * 10 * 1e3 / (double)sum, (unsigned)rtos);
	/* The response function allows about 12.4 segments per round trip: 11.9 Mbit/s. */
	assert_true(5e6 * 8 * 10 * 1e3 / (double)sum > 10.0);
	assert_true(rtos <= 3);
}

static void test_reordering_is_not_loss(void **state)
{
	struct tcpnet_path p = {.bit_s = 100e6,
	                        .delay_ns = 20 * MS,
	                        .queue_bytes = 4000000,
	                        .reorder = 0.1,
	                        .reorder_ns = 10 * MS};
	struct world w;
	int64_t clean, t;

	(void)state;
	world(&w, 2, &p, TCP_CC_CUBIC);
	t = tcpnet_bulk(&w.n, 0, w.a, w.b, 20000000, 30 * NS_PER_S);
	printf("reordering: rtx %llu of %llu, undone %llu\n",
	       (unsigned long long)info(&w).retransmits, (unsigned long long)w.n.sent[0],
	       (unsigned long long)info(&w).spurious);
	assert_true(info(&w).retransmits * 100 <= w.n.sent[0]);
	tcpnet_free(&w.n);
	p.reorder = 0;
	world(&w, 2, &p, TCP_CC_CUBIC);
	clean = tcpnet_bulk(&w.n, 0, w.a, w.b, 20000000, 30 * NS_PER_S);
	printf("with reordering %.1f ms, without %.1f ms\n", t / 1e6, clean / 1e6);
	assert_true(t > 0 && clean > 0 && t <= clean * 100 / 90);
	tcpnet_free(&w.n);
}

static void test_both_windows_closed_for_ten_minutes(void **state)
{
	struct world w;
	static char big[1 << 20];
	uint64_t before;

	(void)state;
	world(&w, 1, &lan, TCP_CC_CUBIC);
	for (unsigned i = 0; i < 20; i++) {
		tcp_send(w.n.stack[0], w.a, big, sizeof(big));
		tcp_send(w.n.stack[1], w.b, big, sizeof(big));
		tcpnet_run(&w.n, 100 * MS);
	}
	before = w.n.sent[0] + w.n.sent[1];
	tcpnet_run(&w.n, 600 * NS_PER_S);
	printf("segments in ten minutes of closed windows: %llu\n",
	       (unsigned long long)(w.n.sent[0] + w.n.sent[1] - before));
	assert_true(w.n.sent[0] + w.n.sent[1] - before < 120);
	assert_int_equal(info(&w).state, TCP_ESTABLISHED);
	tcpnet_free(&w.n);
}

static void test_many_connections_come_and_go(void **state)
{
	const struct tcpnet_path p = {.delay_ns = 1 * MS, .loss = 0.02};
	struct tcp_counters k;
	struct tcp_cfg cfg;
	struct tcpnet n;
	uint32_t listener, c, d;

	(void)state;
	tcpnet_cfg(&cfg);
	tcpnet_init(&n, 9, &cfg, &cfg);
	tcpnet_both(&n, &p);
	assert_int_equal(tcp_listen(n.stack[1], 80, 16, &listener), 0);
	for (unsigned i = 0; i < 5000; i++) {
		struct tcp_event ev;
		char b[100];
		bool done = false;

		assert_int_equal(tcp_connect(n.stack[0], TCPNET_PEER, 80, &c), 0);
		assert_int_equal(tcp_send(n.stack[0], c, "ping", 4), 4);
		assert_int_equal(tcp_shutdown(n.stack[0], c), 0);
		while (!done) {
			assert_true(tcpnet_step(&n, n.now + 60 * NS_PER_S));
			while (tcp_accept(n.stack[1], listener, &d) == 0)
				;
			while (tcp_event_next(n.stack[1], &ev)) {
				while (tcp_recv(n.stack[1], ev.conn, b, sizeof(b)) > 0)
					;
				if (ev.flags & TCP_EV_HANGUP)
					tcp_close(n.stack[1], ev.conn);
			}
			while (tcp_event_next(n.stack[0], &ev))
				done |= ev.conn == c && (ev.flags & TCP_EV_HANGUP);
		}
		assert_int_equal(tcp_close(n.stack[0], c), 0);
	}
	tcpnet_run(&n, 100 * NS_PER_S);
	for (unsigned side = 0; side < 2; side++) {
		tcp_stack_counters(n.stack[side], &k);
		assert_int_equal(k.conns, side);
		assert_int_equal(k.chunks_used, 0);
	}
	tcpnet_free(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_single_loss_costs_one_round_trip),
	        cmocka_unit_test(test_twenty_losses_in_one_window),
	        cmocka_unit_test(test_lost_tail_needs_no_timeout),
	        cmocka_unit_test(test_outage),
	        cmocka_unit_test(test_held_peer_resumes_at_once),
	        cmocka_unit_test(test_smaller_tunnel_does_not_stall),
	        cmocka_unit_test(test_one_percent_loss),
	        cmocka_unit_test(test_reordering_is_not_loss),
	        cmocka_unit_test(test_both_windows_closed_for_ten_minutes),
	        cmocka_unit_test(test_many_connections_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
