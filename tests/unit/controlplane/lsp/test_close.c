/* SPDX-License-Identifier: BSD-3-Clause */
/* The end of a tunnel: both sides are told until they answer, labels go back only when the workers have forgotten them, and whatever
 * message is lost, nothing stays. */
#include "hop.h"

#include <time.h>

static void answer(struct hop *b, unsigned from, uint64_t nonce)
{
	struct linkmsg_tear m = {.nonce = nonce};

	lsp_tear_ack_rx(b->n, b->p[from], &m);
}

/* Of the tear-downs sent since, how many each neighbour got. */
static void tears(struct hop *b, unsigned to[HOP_PEERS])
{
	struct hop_sent s;

	for (unsigned i = 0; i < HOP_PEERS; i++)
		to[i] = 0;
	while (hop_sent(b, &s))
		to[s.to] += s.local == LINKMSG_TEAR;
}

static void test_withdrawn(void **state)
{
	struct hop b;
	struct hop_sent s;
	struct lsp *l;

	hop_open(&b, 1);
	l = hop_up(&b, 7);
	lsp_release(b.n, l, TEAR_REPLACED);
	lsp_release(b.n, l, TEAR_ADMIN); /* ends once */
	hop_expect(&b, 0, LINKMSG_TEAR, &s);
	assert_int_equal(s.tear.nonce, 7);
	assert_int_equal(s.tear.yours, 1000);
	assert_int_equal(s.tear.mine, l->fwd_in);
	assert_int_equal(s.tear.reason, TEAR_REPLACED);
	hop_expect(&b, 1, LINKMSG_TEAR, &s);
	assert_int_equal(s.tear.yours, 2000);
	assert_int_equal(s.tear.mine, l->rev_in);
	hop_expect_nothing(&b);
	answer(&b, 2, 7); /* no neighbour of this tunnel */
	answer(&b, 0, 8);
	answer(&b, 0, 7);
	answer(&b, 0, 7);
	hop_expect_nothing(&b);
	assert_int_equal(l->state, LSP_CLOSING);
	assert_int_equal(b.del, 0); /* packets may still be under way from the other side */
	answer(&b, 1, 7);
	answer(&b, 1, 7);
	hop_expect_nothing(&b);
	assert_int_equal(b.del, 2 * HOP_WORKERS);
	tickets_ack(b.n, 0, b.n->tickets.sent[0]);
	tickets_ack(b.n, 1, b.n->tickets.sent[1]);
	assert_int_equal(b.p[0]->labels.granted + b.p[1]->labels.granted, 2);
	tickets_ack(b.n, 2, b.n->tickets.sent[2]);
	assert_int_equal(b.n->lsps->count, 0);
	assert_int_equal(b.p[0]->labels.quarantined + b.p[1]->labels.quarantined, 2);
	hop_close(&b);
}

/* A side that does not answer is told four times, 300 ms apart, and no more; the other is left in peace. */
static void test_retries(void **state)
{
	for (unsigned silent = 0; silent < 2; silent++) {
		struct hop b;
		unsigned to[HOP_PEERS];

		hop_open(&b, 2);
		lsp_release(b.n, hop_up(&b, 7), TEAR_REPLACED);
		tears(&b, to);
		assert_int_equal(to[0] + to[1], 2);
		answer(&b, 1 - silent, 7);
		for (unsigned i = 0; i < 3; i++) {
			hop_pass(&b, 299 * NS_PER_MS);
			tears(&b, to);
			assert_int_equal(to[silent], 0);
			hop_pass(&b, NS_PER_MS);
			tears(&b, to);
			assert_int_equal(to[1 - silent], 0);
			assert_int_equal(to[silent], 1);
			assert_int_equal(b.del, 0);
		}
		hop_pass(&b, 300 * NS_PER_MS);
		tears(&b, to);
		assert_int_equal(to[silent], 0);
		assert_int_equal(b.del, 2 * HOP_WORKERS);
		hop_workers_done(&b);
		assert_int_equal(b.n->lsps->count, 0);
		hop_pass(&b, 10 * NS_PER_S);
		hop_expect_nothing(&b);
		hop_close(&b);
	}
}

/* A tear-down is answered whoever sends it, but ends a tunnel only if its neighbour sent it and names the label it has from here. */
static void test_heard(void **state)
{
	struct hop b;
	struct hop_sent s;
	struct lsp *l;
	struct linkmsg_tear m = {.nonce = 7, .mine = 1000, .reason = TEAR_IDLE};
	struct {
		unsigned from;
		uint32_t yours;
	} wrong[3];

	hop_open(&b, 3);
	l = hop_up(&b, 7);
	wrong[0].from = 2;
	wrong[0].yours = l->fwd_in;
	wrong[1].from = 0;
	wrong[1].yours = l->fwd_in ^ 1;
	wrong[2].from = 1;
	wrong[2].yours = l->rev_in ^ 1;
	for (unsigned i = 0; i < 3; i++) {
		m.yours = wrong[i].yours;
		lsp_tear_rx(b.n, b.p[wrong[i].from], &m);
		hop_expect(&b, wrong[i].from, LINKMSG_TEAR_ACK, &s);
		assert_int_equal(s.tear.nonce, 7);
		hop_expect_nothing(&b);
		assert_int_equal(l->state, LSP_UP);
		assert_int_equal(b.n->counters[CTR_TEAR_UNKNOWN], i + 1);
	}
	m.yours = l->fwd_in;
	lsp_tear_rx(b.n, b.p[0], &m);
	hop_expect(&b, 0, LINKMSG_TEAR_ACK, &s);
	hop_expect(&b, 1, LINKMSG_TEAR, &s); /* the sender itself needs none */
	assert_int_equal(s.tear.reason, TEAR_IDLE);
	hop_expect_nothing(&b);
	lsp_tear_rx(b.n, b.p[0], &m); /* our answer was lost */
	hop_expect(&b, 0, LINKMSG_TEAR_ACK, &s);
	hop_expect_nothing(&b);
	assert_int_equal(b.n->counters[CTR_TEAR_UNKNOWN], 3);
	m.yours = l->rev_in; /* both withdrew at once: that is an answer too */
	lsp_tear_rx(b.n, b.p[1], &m);
	hop_expect(&b, 1, LINKMSG_TEAR_ACK, &s);
	hop_expect_nothing(&b);
	assert_int_equal(b.del, 2 * HOP_WORKERS);
	hop_workers_done(&b);
	assert_int_equal(b.n->lsps->count, 0);
	hop_close(&b);
}

/* Two sources drew the same number: a tear-down ends the tunnel whose label it names and leaves the other, and an answer counts for the
 * tunnel that its sender takes part in. */
static void test_same_nonce(void **state)
{
	struct hop b;
	struct lsp *l, *other;
	struct linkmsg_tear m = {.nonce = 7, .reason = TEAR_IDLE};
	struct node_id low = {{1}};

	hop_open(&b, 4);
	l = hop_up(&b, 7);
	other = lsp_new(b.n, 7, &low, &b.p[2]->id, LSP_TRANSIT);
	assert_non_null(other);
	lsp_set_up(b.n, other, b.p[0]);
	lsp_set_down(b.n, other, b.p[2]);
	assert_int_equal(labels_alloc(b.n, &b.p[0]->labels, other, -1, &other->fwd_in), 0);
	m.yours = l->fwd_in;
	lsp_tear_rx(b.n, b.p[0], &m);
	assert_int_equal(other->state, LSP_PENDING);
	assert_int_equal(l->state, LSP_CLOSING);
	lsp_release(b.n, other, TEAR_ADMIN);
	answer(&b, 1, 7);
	assert_int_equal(other->state, LSP_CLOSING);
	assert_int_equal(l->state, LSP_REMOVING);
	lsp_destroy(b.n, other);
	lsp_destroy(b.n, l);
	hop_close(&b);
}

enum stage { AWAITS_REPLY, AWAITS_SHORTCUT, AWAITS_WORKERS, STANDS, CLOSES, REMOVES, STAGES };

/* A tunnel brought so far, in transit. */
static struct lsp *bring(struct hop *b, enum stage stage)
{
	struct lsp *l;

	if (stage >= STANDS) {
		l = hop_up(b, 7);
	} else {
		l = hop_pending(b, 7);
		if (stage == AWAITS_SHORTCUT)
			l->record[0] = id_tag(&b->p[2]->id);
		if (stage != AWAITS_REPLY)
			hop_reply(b, 1, l, 2000);
	}
	if (stage >= CLOSES)
		lsp_release(b->n, l, TEAR_REPLACED);
	if (stage == REMOVES) {
		answer(b, 0, 7);
		answer(b, 1, 7);
	}
	return l;
}

/* Every message is lost from some moment on, neighbours fall silent for good: the node frees all by itself, and takes out of the workers
 * exactly what it put into them. */
static void test_silence(void **state)
{
	for (unsigned stage = 0; stage < STAGES; stage++) {
		struct hop b;
		struct hop_sent s;

		hop_open(&b, 10 + stage);
		bring(&b, stage);
		for (unsigned i = 0; i < 200; i++) {
			hop_pass(&b, NS_PER_S);
			while (hop_sent(&b, &s))
				;
			hop_workers_done(&b);
		}
		assert_int_equal(b.n->lsps->count, 0);
		assert_int_equal(b.n->lsps->pending, 0);
		assert_int_equal(b.set, b.del);
		assert_int_equal(b.n->counters[CTR_SETUP_TIMEOUT], stage == AWAITS_REPLY);
		hop_close(&b);
	}
}

/* A link goes down at any stage: no tunnel points at its neighbour afterwards, the other neighbour is told, and each entry is taken out of
 * the workers once. */
static void test_link_down(void **state)
{
	for (unsigned stage = 0; stage < STAGES; stage++)
		for (unsigned side = 0; side < HOP_PEERS; side++) {
			struct hop b;
			struct hop_sent s;
			unsigned to[HOP_PEERS];
			struct lsp *l;

			hop_open(&b, 20 + stage);
			l = bring(&b, stage);
			tears(&b, to);
			peer_down(b.n, b.p[side], "test");
			for (l = lsp_after(b.n, NULL); l; l = lsp_after(b.n, l)) {
				assert_ptr_not_equal(l->up, b.p[side]);
				assert_ptr_not_equal(l->down, b.p[side]);
				assert_ptr_not_equal(l->short_up, b.p[side]);
			}
			if (stage == AWAITS_REPLY && side == 1) {
				hop_expect(&b, 0, LINKMSG_ERROR, &s);
				assert_int_equal(s.error.tag_from, id_tag(&b.g.identity.id));
				assert_int_equal(s.error.tag_to, id_tag(&b.p[1]->id));
			}
			tears(&b, to);
			if (stage < CLOSES && side < 2)
				assert_int_equal(to[1 - side], 1);
			assert_int_equal(to[side], 0);
			for (unsigned i = 0; i < 200; i++) {
				hop_pass(&b, NS_PER_S);
				hop_workers_done(&b);
				tears(&b, to);
			}
			assert_int_equal(b.n->lsps->count, 0);
			assert_int_equal(b.set, b.del);
			hop_close(&b);
		}
}

/* A tunnel from a source of its own, through this node, to neighbour 1. */
static void up_from(struct hop *b, const struct node_id *src, uint64_t nonce)
{
	struct routed_header h = {.next = NEXT_SETUP, .src = *src, .dst = b->p[1]->id};
	struct setup_msg m = {.mtu = 1400,
	                      .nonce = nonce,
	                      .hops = 2,
	                      .nrecord = 2,
	                      .reverse_label = 1000 + (uint32_t)nonce,
	                      .record = {id_tag(src), id_tag(&b->p[0]->id)}};
	unsigned to[HOP_PEERS];

	hop_setup(b, 0, &h, &m);
	hop_reply(b, 1, lsp_find(b->n, nonce, src), 2000 + (uint32_t)nonce);
	hop_workers_done(b);
	tears(b, to);
}

/* Two tunnels of one number wait for answers, and the link under both goes down: neither waits for its neighbour any more. */
static void test_link_down_under_same_nonce(void **state)
{
	for (unsigned side = 0; side < 2; side++) {
		struct node_id src[] = {{{1}}, {{2}}};
		unsigned to[HOP_PEERS];
		struct hop b;

		hop_open(&b, 41);
		for (unsigned i = 0; i < 2; i++)
			up_from(&b, &src[i], 7);
		for (unsigned i = 0; i < 2; i++)
			lsp_release(b.n, lsp_find(b.n, 7, &src[i]), TEAR_IDLE);
		tears(&b, to);
		peer_down(b.n, b.p[side], "test");
		for (unsigned i = 0; i < 2; i++) {
			struct lsp *l = lsp_find(b.n, 7, &src[i]);

			assert_true(side ? l->down_answered : l->up_answered);
			assert_false(side ? l->up_answered : l->down_answered);
		}
		hop_pass(&b, 20 * NS_PER_S);
		tears(&b, to);
		assert_int_equal(to[side], 0);
		hop_workers_done(&b);
		assert_int_equal(b.n->lsps->count, 0);
		hop_close(&b);
	}
}

/* Processor time, in seconds, that this node needs when the link under n tunnels to one id goes down. */
static double cost_of_link_down(unsigned n, unsigned side)
{
	struct timespec from, to;
	struct hop b;
	unsigned told[HOP_PEERS];

	hop_open(&b, 40);
	for (unsigned i = 0; i < n; i++) {
		struct node_id src;

		rng_fill(&b.g.rng, src.b, ID_BYTES);
		up_from(&b, &src, i + 1);
	}
	assert_int_equal(b.n->lsps->count, n);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	peer_down(b.n, b.p[side], "test");
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
	tears(&b, told);
	assert_int_equal(told[1 - side], n);
	hop_pass(&b, 200 * NS_PER_S);
	hop_workers_done(&b);
	assert_int_equal(b.n->lsps->count, 0);
	hop_close(&b);
	return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

/* Eight times the tunnels cost about eight times as much, not 64 times; the least of three tries, since caches and other programs of
 * the machine disturb. */
static void test_link_down_costs_in_proportion(void **state)
{
	for (unsigned side = 0; side < 2; side++) {
		double ratio = 1e9;

		for (unsigned i = 0; i < 3 && ratio >= 24; i++) {
			double few = cost_of_link_down(2500, side);
			double many = cost_of_link_down(20000, side);

			ratio = many / few < ratio ? many / few : ratio;
			print_message("link %u down: 2500 tunnels %.2f ms, 20000 %.2f ms\n", side,
			              few * 1e3, many * 1e3);
		}
		assert_true(ratio < 24);
	}
}

/* What the owner of an end hears: one report of why, except where it withdrew the tunnel itself, and one that it is over. */
static void test_owner_hears(void **state)
{
	struct hop b;
	struct hop_sent s;
	struct lsp *l;
	struct linkmsg_tear m = {.reason = TEAR_ADMIN, .yours = LABEL_NONE, .mine = LABEL_NONE};

	hop_open(&b, 5);
	l = hop_begin(&b, 0);
	lsp_release(b.n, l, TEAR_REPLACED);
	assert_int_equal(hop_heard.failed + hop_heard.gone, 0);
	assert_int_equal(hop_heard.over, 1);
	l = hop_begin(&b, 0);
	hop_pass(&b, lsp_pending_ns(b.n));
	assert_int_equal(hop_heard.failed, 1);
	assert_int_equal(hop_heard.code, 0);
	assert_int_equal(hop_heard.over, 2);
	l = hop_begin(&b, 0);
	hop_reply(&b, 1, l, 2000);
	hop_workers_done(&b);
	while (hop_sent(&b, &s))
		;
	m.nonce = l->nonce;
	lsp_tear_rx(b.n, b.p[1], &m);
	assert_int_equal(hop_heard.gone, 1);
	assert_int_equal(hop_heard.reason, TEAR_ADMIN);
	assert_int_equal(hop_heard.failed, 1);
	assert_int_equal(hop_heard.over, 3);
	hop_expect(&b, 1, LINKMSG_TEAR_ACK, &s);
	hop_expect_nothing(&b);
	hop_workers_done(&b);
	hop_pass(&b, 5 * NS_PER_S);
	assert_int_equal(b.n->lsps->count, 0);
	assert_int_equal(hop_heard.over, 3);
	hop_close(&b);
}

/* A packet was longer than the link carries that it was to leave on: whoever sends into that direction is told, every time. */
static void test_packet_too_big(void **state)
{
	struct hop b;
	struct hop_sent s;
	struct lsp *l;

	hop_open(&b, 11);
	l = hop_up(&b, 7);
	l->mtu = 1400;
	b.p[1]->mtu = 1250;
	b.p[0]->mtu = 1450;
	lsp_too_big(b.n, b.p[1], 2000);
	hop_expect(&b, 0, LINKMSG_MTU, &s);
	assert_int_equal(s.mtu.mtu, 1250);
	assert_int_equal(l->mtu, 1250);
	lsp_too_big(b.n, b.p[1], 2000);
	hop_expect(&b, 0, LINKMSG_MTU, &s);
	lsp_too_big(b.n, b.p[0], 1000);
	hop_expect(&b, 1, LINKMSG_MTU, &s);
	assert_int_equal(l->mtu, 1250);
	assert_int_equal(b.n->counters[CTR_TUNNEL_TOO_BIG], 3);
	lsp_too_big(b.n, b.p[1], 1000); /* not granted by this neighbour */
	lsp_too_big(b.n, b.p[2], 2000);
	lsp_release(b.n, l, TEAR_REPLACED);
	hop_expect(&b, 0, LINKMSG_TEAR, &s);
	hop_expect(&b, 1, LINKMSG_TEAR, &s);
	lsp_too_big(b.n, b.p[1], 2000);
	hop_expect_nothing(&b);
	answer(&b, 0, 7);
	answer(&b, 1, 7);
	hop_expect_nothing(&b); /* carries the commands out */
	hop_workers_done(&b);
	hop_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_withdrawn),
	        cmocka_unit_test(test_packet_too_big),
	        cmocka_unit_test(test_retries),
	        cmocka_unit_test(test_heard),
	        cmocka_unit_test(test_same_nonce),
	        cmocka_unit_test(test_silence),
	        cmocka_unit_test(test_link_down),
	        cmocka_unit_test(test_owner_hears),
	        cmocka_unit_test(test_link_down_under_same_nonce),
	        cmocka_unit_test(test_link_down_costs_in_proportion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
