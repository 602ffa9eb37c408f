/* SPDX-License-Identifier: BSD-3-Clause */
/* The set-up on its way: what is granted and passed on, what is refused and by which words, and that a refusal keeps nothing. */
#include "hop.h"

#include <errno.h>
#include <string.h>

static uint8_t envelope[LSP_ENVELOPE_MAX + 1];

/* A set-up from beyond neighbour 0 to neighbour 1, which a test spoils in one place. */
static void sound(struct hop *b, struct routed_header *h, struct setup_msg *m)
{
	*h = (struct routed_header){.next = NEXT_SETUP, .src = hop_source(), .dst = b->p[1]->id};
	*m = (struct setup_msg){.mtu = 1400,
	                        .nonce = 77,
	                        .hops = 2,
	                        .nrecord = 1,
	                        .reverse_label = LABEL_MAX,
	                        .record = {id_tag(&h->src)},
	                        .envelope = envelope,
	                        .envelope_len = LSP_ENVELOPE_MAX};
}

/* The refusal that neighbour `to` got, naming the set-up. */
static void expect_error(struct hop *b, unsigned to, uint8_t code, uint32_t from, uint32_t end)
{
	struct hop_sent s;

	hop_expect(b, to, LINKMSG_ERROR, &s);
	assert_int_equal(s.error.code, code);
	assert_int_equal(s.error.nonce, 77);
	assert_int_equal(s.error.tag_from, from);
	assert_int_equal(s.error.tag_to, end);
	hop_expect_nothing(b);
}

static void test_passed_on(void **state)
{
	struct hop b;
	struct routed_header h;
	struct setup_msg m;
	struct hop_sent s;
	struct lsp *l;

	hop_open(&b, 1);
	sound(&b, &h, &m);
	memset(envelope, 0x5a, sizeof(envelope));
	hop_setup(&b, 0, &h, &m);
	l = lsp_find(b.n, m.nonce, &h.src);
	assert_non_null(l);
	assert_int_equal(l->rev_out, LABEL_MAX);
	hop_expect_routed(&b, 1, NEXT_SETUP, &s);
	assert_true(id_eq(&s.h.src, &h.src) && id_eq(&s.h.dst, &h.dst));
	assert_ptr_equal(labels_owner(&b.p[1]->labels, s.setup.reverse_label), l);
	assert_int_equal(s.setup.mtu, HOP_MTU(1));
	assert_int_equal(s.setup.hops, 3);
	assert_int_equal(s.setup.nrecord, 2);
	assert_int_equal(s.setup.record[1], id_tag(&b.g.identity.id));
	assert_int_equal(s.setup.envelope_len, LSP_ENVELOPE_MAX);
	assert_memory_equal(s.setup.envelope, envelope, LSP_ENVELOPE_MAX);
	hop_expect_nothing(&b);
	assert_int_equal(b.set, 0); /* nothing for the workers yet */
	lsp_destroy(b.n, l);
	hop_close(&b);
}

/* A record that leaves no room for the envelope is left out, and the message says so. */
static void test_long_record(void **state)
{
	struct hop b;
	struct routed_header h;
	struct setup_msg m;
	struct hop_sent s;

	hop_open(&b, 2);
	sound(&b, &h, &m);
	for (unsigned i = 0; i < SETUP_RECORD_MAX; i++)
		m.record[i] = 1000 + i;
	m.nrecord = SETUP_RECORD_MAX;
	hop_setup(&b, 0, &h, &m);
	hop_expect_routed(&b, 1, NEXT_SETUP, &s);
	assert_int_equal(s.setup.nrecord, 0);
	assert_int_equal(s.setup.flags, SETUP_FLAG_OVERFLOW);
	assert_int_equal(s.setup.envelope_len, LSP_ENVELOPE_MAX);
	assert_int_equal(b.n->counters[CTR_TOO_BIG], 0);
	lsp_destroy(b.n, lsp_after(b.n, NULL));
	hop_close(&b);
}

/* What no honest neighbour sends is dropped without a word: nothing is kept, granted, answered or charged to the rate. */
static void test_hostile(void **state)
{
	struct hop b;
	struct routed_header h;
	struct setup_msg m;
	unsigned k = 0;

	hop_open(&b, 3);
	for (uint32_t label = 0; label <= LABEL_RESERVED_MAX; label++) {
		sound(&b, &h, &m);
		m.reverse_label = label;
		hop_setup(&b, 0, &h, &m);
		k++;
	}
	for (unsigned what = 0; what < 4; what++) {
		sound(&b, &h, &m);
		if (what == 0)
			m.reverse_label = LABEL_MAX + 1;
		else if (what == 1)
			m.reverse_label = LABEL_NONE;
		else if (what == 2)
			m.envelope_len = LSP_ENVELOPE_MAX + 1;
		else
			m.hops = 0;
		hop_setup(&b, 0, &h, &m);
		k++;
	}
	assert_int_equal(b.n->counters[CTR_MALFORMED], k);
	assert_int_equal(b.n->counters[CTR_SETUP_RX], 0);
	assert_int_equal(b.n->lsps->count, 0);
	assert_int_equal(b.p[1]->labels.granted + b.p[1]->labels.quarantined, 0);
	hop_expect_nothing(&b);
	hop_close(&b);
}

/* The rate is each neighbour's own; the same set-up coming by again is not charged, and time gives the tokens back. */
static void test_rate(void **state)
{
	struct hop b;
	struct routed_header h;
	struct setup_msg m;
	struct hop_sent s;

	hop_open(&b, 4);
	bucket_init(&b.p[0]->setup_rate, 2, 2);
	bucket_init(&b.p[2]->setup_rate, 2, 2);
	sound(&b, &h, &m);
	for (m.nonce = 75; m.nonce < 77; m.nonce++) {
		hop_setup(&b, 0, &h, &m);
		hop_expect_routed(&b, 1, NEXT_SETUP, &s);
		hop_setup(&b, 0, &h, &m); /* a copy: the label passed on stays */
		hop_expect_nothing(&b);
		m.record[m.nrecord++] = id_tag(&b.g.identity.id);
		m.reverse_label -= 1;
		hop_setup(&b, 0, &h, &m); /* a loop is cut off */
		hop_expect_routed(&b, 1, NEXT_SETUP, &s);
		m.nrecord = 1;
		m.reverse_label += 1;
	}
	hop_setup(&b, 0, &h, &m);
	expect_error(&b, 0, SETUP_BUSY, id_tag(&b.p[0]->id), id_tag(&b.g.identity.id));
	assert_int_equal(b.n->counters[CTR_SETUP_RATE], 1);
	assert_int_equal(b.n->lsps->count, 2);
	assert_int_equal(b.p[1]->labels.granted, 2);
	hop_setup(&b, 2, &h, &m);
	hop_expect_routed(&b, 1, NEXT_SETUP, &s);
	b.n->now.ns += NS_PER_S / 2;
	m.nonce++;
	hop_setup(&b, 0, &h, &m);
	hop_expect_routed(&b, 1, NEXT_SETUP, &s);
	while (b.n->lsps->count)
		lsp_destroy(b.n, lsp_after(b.n, NULL));
	hop_close(&b);
}

/* One neighbour sends set-ups without end. Another's are all passed on, as long as they keep to its part. */
static void test_flood_beside_others(void **state)
{
	struct hop b;
	struct routed_header h;
	struct setup_msg m;

	hop_open(&b, 7);
	fair_init(&b.n->lsps->setups, 100);
	sound(&b, &h, &m);
	for (unsigned ms = 0; ms < 5000; ms++) {
		uint64_t before;

		b.n->now.ns += NS_PER_MS;
		m.nonce++;
		hop_setup(&b, 2, &h, &m);
		if (ms % 50 == 0) { /* 20/s of 25 */
			before = b.n->counters[CTR_SETUP_RATE];
			m.nonce++;
			hop_setup(&b, 0, &h, &m);
			assert_int_equal(b.n->counters[CTR_SETUP_RATE], before);
			assert_non_null(lsp_find(b.n, m.nonce, &h.src));
		}
		ground_drain(b.n, 0);
	}
	assert_true(b.n->counters[CTR_SETUP_RATE] > 4000);
	while (b.n->lsps->count)
		lsp_destroy(b.n, lsp_after(b.n, NULL));
	hop_close(&b);
}

/* No room for more tunnels: a neighbour that holds all gives way to another until both hold the same; then newcomers are refused. */
static void test_room_is_shared(void **state)
{
	struct hop b;
	struct routed_header h;
	struct setup_msg m;

	hop_open(&b, 8);
	b.n->cfg.tunnels_max = 10;
	sound(&b, &h, &m);
	for (m.nonce = 100; m.nonce < 115; m.nonce++)
		hop_setup(&b, 0, &h, &m);
	assert_int_equal(b.n->counters[CTR_TUNNEL_SHARE], 5);
	for (m.nonce = 200; m.nonce < 210; m.nonce++)
		hop_setup(&b, 2, &h, &m);
	assert_int_equal(b.n->counters[CTR_TUNNEL_EVICTED], 5);
	assert_int_equal(b.n->counters[CTR_TUNNEL_SHARE], 10);
	assert_int_equal(shares_of_link(&b.n->lsps->shares, b.p[0]->link), 5);
	assert_int_equal(shares_of_link(&b.n->lsps->shares, b.p[2]->link), 5);
	ground_drain(b.n, 0);
	while (b.n->lsps->count)
		lsp_destroy(b.n, lsp_after(b.n, NULL));
	hop_close(&b);
}

/* Each reason for which a node takes no part has its own code, and none leaves anything behind. */
static void test_refused(void **state)
{
	struct hop b;
	struct routed_header h;
	struct setup_msg m;
	uint32_t me, them;

	hop_open(&b, 5);
	me = id_tag(&b.g.identity.id);
	them = id_tag(&b.p[0]->id);
	sound(&b, &h, &m);
	b.n->cfg.transit = false;
	hop_setup(&b, 0, &h, &m);
	expect_error(&b, 0, SETUP_NO_TRANSIT, them, me);
	b.n->draining = true;
	hop_setup(&b, 0, &h, &m);
	expect_error(&b, 0, SETUP_REFUSED, them, me);
	h.dst = b.g.identity.id; /* nor for itself */
	hop_setup(&b, 0, &h, &m);
	expect_error(&b, 0, SETUP_REFUSED, them, me);
	assert_int_equal(hop_heard.offers, 0);
	b.n->draining = false;
	hop_setup(&b, 0, &h, &m); /* but a node that relays for nobody is itself reached */
	assert_int_equal(hop_heard.offers, 1);
	lsp_refuse(b.n, hop_heard.offered, SETUP_REFUSED);
	expect_error(&b, 0, SETUP_REFUSED, 0, me);
	b.n->cfg.transit = true;
	sound(&b, &h, &m);
	h.src = b.g.identity.id; /* this node's own, which it has given up */
	hop_setup(&b, 0, &h, &m);
	hop_expect_nothing(&b);
	sound(&b, &h, &m);
	m.hops = UINT8_MAX;
	hop_setup(&b, 0, &h, &m);
	expect_error(&b, 0, SETUP_TOO_FAR, 0, 0);
	b.n->cfg.labels_per_link_max = 0;
	m.hops = 2;
	hop_setup(&b, 0, &h, &m);
	expect_error(&b, 0, SETUP_NO_LABEL, me, id_tag(&b.p[1]->id));
	assert_int_equal(b.n->lsps->count, 0);
	hop_close(&b);
}

/* A dead end names what the next attempt should avoid: the node that the set-up was committed to, or else the hop to here if it was
 * already on its way around others. */
static void test_dead_end(void **state)
{
	struct hop b;
	struct routed_header h;
	struct setup_msg m;
	struct route_ext e = {.next = NEXT_SETUP, .flags = ROUTE_FLAG_COMMITTED};
	struct route_query q = {.ext = &e, .hops = 200};
	uint8_t buf[1024];
	struct wr w = wr_init(buf, sizeof(buf));
	struct rd r;

	hop_open(&b, 6);
	sound(&b, &h, &m);
	rng_fill(&b.g.rng, h.dst.b, ID_BYTES);
	hop_setup(&b, 0, &h, &m);
	expect_error(&b, 0, SETUP_DEAD_END, 0, 0);
	assert_int_equal(hop_heard.unreached, 0);
	m.nnotvia = 1;
	m.notvia[0][0] = 1;
	m.notvia[0][1] = 2;
	hop_setup(&b, 0, &h, &m);
	expect_error(&b, 0, SETUP_DEAD_END, id_tag(&b.p[0]->id), id_tag(&b.g.identity.id));
	e.committed = ground_near(&b.g, &h.dst, 40);
	q.dst = &h.dst;
	q.from = b.p[0];
	setup_write(&w, &m);
	r = rd_init(buf, wr_len(&w));
	lsp_setup_rx(b.n, &q, &h, &r);
	expect_error(&b, 0, SETUP_DEAD_END, id_tag(&e.committed), id_tag(&e.committed));
	assert_int_equal(hop_heard.unreached, 1);
	assert_true(id_eq(&hop_heard.dead_end, &e.committed));
	assert_int_equal(b.n->lsps->count, 0);
	hop_close(&b);
}

/* Only the neighbour that has the set-up can fail it, and only until the reply is here; what it says is passed on as it is. */
static void test_error(void **state)
{
	struct hop b;
	struct linkmsg_error e = {.code = SETUP_NO_LABEL, .nonce = 77, .tag_from = 5, .tag_to = 6};
	struct lsp *l;

	hop_open(&b, 7);
	e.source = hop_source();
	l = hop_pending(&b, 77);
	lsp_error_rx(b.n, b.p[0], &e);
	lsp_error_rx(b.n, b.p[2], &e);
	e.source.b[9] ^= 1;
	lsp_error_rx(b.n, b.p[1], &e);
	e.source = hop_source();
	hop_expect_nothing(&b);
	assert_int_equal(l->state, LSP_PENDING);
	lsp_error_rx(b.n, b.p[1], &e);
	expect_error(&b, 0, SETUP_NO_LABEL, 5, 6);
	assert_int_equal(b.n->lsps->count, 0);
	assert_int_equal(b.p[1]->labels.quarantined, 1);
	l = hop_up(&b, 77);
	lsp_error_rx(b.n, b.p[1], &e);
	hop_expect_nothing(&b);
	assert_int_equal(l->state, LSP_UP);
	lsp_destroy(b.n, l);
	hop_close(&b);
}

/* This node's own set-up: what it sends, who hears that it failed, and that a loop back here ends in a refusal and not in a tunnel that
 * bites its tail. */
static void test_source(void **state)
{
	struct hop b;
	struct lsp_request q = {.session = 4, .worker = 2};
	struct lsp *l = NULL;
	struct hop_sent s;
	struct routed_header h;
	struct setup_msg m;
	struct linkmsg_error e = {.code = SETUP_BUSY, .tag_from = 5, .tag_to = 6};

	hop_open(&b, 8);
	rng_fill(&b.g.rng, q.dst.b, ID_BYTES);
	assert_int_equal(lsp_build(b.n, &q, &l), -EHOSTUNREACH);
	q.dst = b.p[1]->id;
	b.n->cfg.labels_per_link_max = 0;
	assert_int_equal(lsp_build(b.n, &q, &l), -ENOSPC);
	assert_int_equal(b.n->lsps->count, 0);
	b.n->cfg.labels_per_link_max = 9;
	hop_expect_nothing(&b);
	l = hop_begin(&b, 0);
	hop_expect_routed(&b, 1, NEXT_SETUP, &s);
	assert_int_equal(s.setup.hops, 1);
	assert_int_equal(s.setup.mtu, HOP_MTU(1));
	assert_int_equal(cp_index_worker(s.setup.reverse_label, b.n->cfg.workers), 2);
	sound(&b, &h, &m);
	h.src = b.g.identity.id;
	m.nonce = l->nonce;
	m.nrecord = 0;
	hop_setup(&b, 2, &h, &m);
	hop_expect(&b, 2, LINKMSG_ERROR, &s);
	assert_int_equal(s.error.code, SETUP_TOO_FAR);
	assert_ptr_equal(l->down, b.p[1]);
	assert_null(l->up);
	hop_heard.over = 0;
	e.nonce = l->nonce;
	e.source = l->src;
	lsp_error_rx(b.n, b.p[1], &e);
	assert_int_equal(hop_heard.failed, 1);
	assert_int_equal(hop_heard.code, SETUP_BUSY);
	assert_int_equal(hop_heard.tag_to, 6);
	assert_int_equal(hop_heard.over, 1);
	hop_expect_nothing(&b);
	assert_int_equal(b.n->lsps->count, 0);
	hop_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_passed_on),
	        cmocka_unit_test(test_long_record),
	        cmocka_unit_test(test_hostile),
	        cmocka_unit_test(test_rate),
	        cmocka_unit_test(test_refused),
	        cmocka_unit_test(test_dead_end),
	        cmocka_unit_test(test_error),
	        cmocka_unit_test(test_source),
	        cmocka_unit_test(test_flood_beside_others),
	        cmocka_unit_test(test_room_is_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
