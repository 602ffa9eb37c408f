/* SPDX-License-Identifier: BSD-3-Clause */
/* The way back: nothing is announced before every worker holds it, replies from others change nothing, short-cuts fail safely. */
#include "hop.h"

#include <errno.h>
#include <string.h>

/* A reply is taken from the neighbour that has the set-up, once, with a label that it may grant; all else changes nothing. */
static void test_hostile(void **state)
{
	struct hop b;
	struct lsp *l, other;

	hop_open(&b, 1);
	l = hop_pending(&b, 7);
	hop_reply(&b, 0, l, 2000);
	hop_reply(&b, 2, l, 2000);
	other = *l;
	other.nonce++;
	hop_reply(&b, 1, &other, 2000);
	other = *l;
	other.dst.b[3] ^= 1; /* somebody else answers for the destination */
	hop_reply(&b, 1, &other, 2000);
	assert_int_equal(b.n->counters[CTR_REPLY_STALE], 4);
	for (uint32_t label = 0; label <= LABEL_RESERVED_MAX; label++)
		hop_reply(&b, 1, l, label);
	hop_reply(&b, 1, l, LABEL_MAX + 1);
	hop_reply(&b, 1, l, LABEL_NONE);
	assert_int_equal(b.n->counters[CTR_MALFORMED], LABEL_RESERVED_MAX + 3);
	assert_int_equal(l->state, LSP_PENDING);
	assert_int_equal(l->fwd_out, LABEL_NONE);
	assert_int_equal(b.p[0]->labels.granted, 0);
	hop_expect_nothing(&b);
	assert_int_equal(b.set, 0);
	hop_reply(&b, 1, l, 2000);
	hop_reply(&b, 1, l, 2001);
	assert_int_equal(b.n->counters[CTR_REPLY_STALE], 5);
	assert_int_equal(l->fwd_out, 2000);
	lsp_destroy(b.n, l);
	hop_close(&b);
}

/* In transit: both directions go into the workers, and the label to the neighbour only when the last worker has them. */
static void test_transit(void **state)
{
	struct hop b;
	struct hop_sent s;
	struct lsp *l;

	hop_open(&b, 2);
	l = hop_pending(&b, 7);
	hop_reply(&b, 1, l, 2000);
	hop_expect_nothing(&b);
	assert_int_equal(b.set, 2 * HOP_WORKERS);
	assert_int_equal(b.entry[0].in_label, l->fwd_in);
	assert_int_equal(b.entry[0].op, ILM_SWAP);
	assert_int_equal(b.entry[0].out_link, 1);
	assert_int_equal(b.entry[0].out_label, 2000);
	assert_int_equal(b.entry[0].twin_label, l->rev_in);
	assert_int_equal(b.entry[1].in_label, l->rev_in);
	assert_int_equal(b.entry[1].op, ILM_SWAP);
	assert_int_equal(b.entry[1].out_link, 0);
	assert_int_equal(b.entry[1].out_label, 1000);
	assert_int_equal(b.entry[1].twin_label, l->fwd_in);
	for (uint8_t w = 0; w < b.n->cfg.workers; w++) {
		hop_expect_nothing(&b);
		assert_int_equal(l->state, LSP_PROGRAM);
		tickets_ack(b.n, w, b.n->tickets.sent[w]);
	}
	assert_int_equal(l->state, LSP_UP);
	hop_expect_routed(&b, 0, NEXT_REPLY, &s);
	assert_true(id_eq(&s.h.dst, &l->src) && id_eq(&s.h.src, &l->dst));
	assert_int_equal(s.reply.nonce, 7);
	assert_int_equal(s.reply.forward_label, l->fwd_in);
	assert_int_equal(s.reply.hops, 2);
	assert_int_equal(s.reply.hops_first, 7);
	assert_int_equal(s.reply.mtu, HOP_MTU(1));
	assert_int_equal(s.reply.envelope_len, 3);
	assert_int_equal(s.reply.envelope[2], 3);
	assert_null(l->reply);
	lsp_destroy(b.n, l);
	hop_close(&b);
}

/* Without a label for the neighbour the tunnel is withdrawn on both sides, and the way back does not stay granted. */
static void test_no_label(void **state)
{
	struct hop b;
	struct hop_sent s;
	struct lsp *l;

	hop_open(&b, 3);
	l = hop_pending(&b, 7);
	b.n->cfg.labels_per_link_max = 0;
	hop_reply(&b, 1, l, 2000);
	hop_expect(&b, 0, LINKMSG_ERROR, &s);
	assert_int_equal(s.error.code, SETUP_NO_LABEL);
	hop_expect(&b, 0, LINKMSG_TEAR, &s);
	assert_int_equal(s.tear.mine, LABEL_NONE);
	hop_expect(&b, 1, LINKMSG_TEAR, &s);
	assert_int_equal(s.tear.yours, 2000);
	assert_int_equal(l->state, LSP_CLOSING);
	hop_pass(&b, 2 * NS_PER_S);
	assert_int_equal(b.n->lsps->count, 0);
	assert_int_equal(b.set + b.del, 0);
	hop_close(&b);
}

static void test_source(void **state)
{
	struct hop b;
	struct hop_sent s;
	struct lsp *l;

	hop_open(&b, 4);
	l = hop_begin(&b, 0);
	hop_expect_routed(&b, 1, NEXT_SETUP, &s);
	hop_reply(&b, 1, l, 2000);
	hop_expect_nothing(&b);
	assert_int_equal(b.set, HOP_WORKERS);
	assert_int_equal(b.entry[1].op, ILM_SESSION);
	assert_int_equal(hop_heard.up, 0);
	hop_workers_done(&b);
	assert_int_equal(hop_heard.up, 1);
	assert_int_equal(hop_heard.envelope_len, 3);
	assert_int_equal(hop_heard.envelope[2], 3);
	assert_int_equal(l->state, LSP_UP);
	assert_int_equal(l->mtu, HOP_MTU(1));
	assert_true(l->ahead.in);
	lsp_destroy(b.n, l);
	hop_close(&b);
}

static struct lsp *offered(struct hop *b, uint64_t nonce)
{
	struct routed_header h = {.next = NEXT_SETUP, .src = hop_source(), .dst = b->g.identity.id};
	struct setup_msg m = {.mtu = 1400, .nonce = nonce, .hops = 6, .reverse_label = 1000};

	hop_setup(b, 0, &h, &m);
	assert_non_null(hop_heard.offered);
	return hop_heard.offered;
}

static void test_destination(void **state)
{
	static const uint8_t envelope[LSP_ENVELOPE_MAX + 1] = {9};
	struct hop b;
	struct hop_sent s;
	struct lsp *l;

	hop_open(&b, 5);
	l = offered(&b, 7);
	assert_int_equal(lsp_accept(b.n, l, 3, 1, envelope, sizeof(envelope)), -EMSGSIZE);
	assert_int_equal(l->state, LSP_PENDING);
	assert_int_equal(lsp_accept(b.n, l, 3, 1, envelope, LSP_ENVELOPE_MAX), 0);
	hop_expect_nothing(&b);
	assert_int_equal(b.set, HOP_WORKERS);
	assert_int_equal(b.entry[0].op, ILM_SESSION);
	assert_int_equal(b.entry[0].session, 3);
	assert_int_equal(cp_index_worker(b.entry[0].in_label, b.n->cfg.workers), 1);
	hop_workers_done(&b);
	hop_expect_routed(&b, 0, NEXT_REPLY, &s);
	assert_int_equal(s.reply.forward_label, l->fwd_in);
	assert_int_equal(s.reply.hops_first, 6);
	assert_int_equal(s.reply.hops, 1);
	assert_int_equal(s.reply.envelope_len, LSP_ENVELOPE_MAX);
	assert_memory_equal(s.reply.envelope, envelope, LSP_ENVELOPE_MAX);
	lsp_destroy(b.n, l);
	l = offered(&b, 8);
	b.n->cfg.labels_per_link_max = 0;
	assert_int_equal(lsp_accept(b.n, l, 3, 1, NULL, 0), 0);
	assert_int_equal(hop_heard.gone, 1); /* its owner hears that nothing came of it */
	assert_int_equal(hop_heard.reason, TEAR_NO_STATE);
	hop_pass(&b, 2 * NS_PER_S);
	assert_int_equal(b.n->lsps->count, 0);
	hop_close(&b);
}

enum shortcut_end { GRANTED, REFUSED, BAD_LABEL, NO_ANSWER, SHORTCUT_ENDS };

/* An earlier node of the set-up's way is a neighbour: it is asked for a label, and whatever becomes of that, the reply goes on. */
static void test_shortcut(void **state)
{
	for (unsigned end = 0; end < SHORTCUT_ENDS; end++) {
		struct hop b;
		struct hop_sent s;
		struct lsp *l;
		struct linkmsg_grant g = {.step = 1, .nonce = 7, .label = 3000};
		unsigned to = end == GRANTED ? 2 : 0;

		hop_open(&b, 10 + end);
		g.source = hop_source();
		l = hop_pending(&b, 7);
		l->record[0] = id_tag(&b.p[2]->id);
		hop_reply(&b, 1, l, 2000);
		hop_expect(&b, 2, LINKMSG_GRANT, &s);
		assert_int_equal(s.grant.step, 0);
		assert_int_equal(s.grant.nonce, 7);
		assert_true(id_eq(&s.grant.source, &g.source));
		hop_expect_nothing(&b);
		/* Nobody else can answer for it. */
		lsp_grant_rx(b.n, b.p[0], &g);
		lsp_grant_rx(b.n, b.p[1], &g);
		assert_int_equal(l->state, LSP_SHORTCUT);
		if (end == REFUSED)
			g.step = 2;
		if (end == BAD_LABEL)
			g.label = LABEL_GAL;
		if (end == NO_ANSWER)
			hop_pass(&b, NS_PER_S);
		else
			lsp_grant_rx(b.n, b.p[2], &g);
		assert_int_equal(l->state, LSP_PROGRAM);
		assert_ptr_equal(l->up, b.p[to]);
		assert_int_equal(l->rev_out, end == GRANTED ? 3000 : 1000);
		assert_null(l->short_up);
		lsp_grant_rx(b.n, b.p[2], &g); /* too late, or a second time */
		assert_ptr_equal(l->up, b.p[to]);
		hop_workers_done(&b);
		hop_expect_routed(&b, to, NEXT_REPLY, &s);
		assert_ptr_equal(labels_owner(&b.p[to]->labels, s.reply.forward_label), l);
		assert_int_equal(b.p[2 - to]->labels.granted, 0);
		assert_int_equal(b.n->counters[CTR_SHORTCUT], end == GRANTED);
		lsp_destroy(b.n, l);
		hop_close(&b);
	}
}

/* A neighbour that owes an answer is not asked for a short-cut; one whose link goes down while it is asked will not answer: the reply goes on
 * at once by the way that the set-up came. */
static void test_shortcut_dead(void **state)
{
	for (unsigned asked = 0; asked < 2; asked++) {
		struct hop b;
		struct hop_sent s;
		struct lsp *l;

		hop_open(&b, 20 + asked);
		l = hop_pending(&b, 7);
		l->record[0] = id_tag(&b.p[2]->id);
		b.p[2]->missed = !asked;
		hop_reply(&b, 1, l, 2000);
		if (asked) {
			hop_expect(&b, 2, LINKMSG_GRANT, &s);
			assert_int_equal(l->state, LSP_SHORTCUT);
			b.p[2]->state = PEER_IDLE;
			lsp_peer_down(b.n, b.p[2]);
			b.p[2]->state = PEER_UP;
		}
		assert_int_equal(l->state, LSP_PROGRAM);
		assert_ptr_equal(l->up, b.p[0]);
		hop_workers_done(&b);
		hop_expect_routed(&b, 0, NEXT_REPLY, &s);
		lsp_destroy(b.n, l);
		hop_close(&b);
	}
}

/* The other side of a short-cut: a label while the reply is awaited, in exchange for the one that the old next hop had; else a refusal. */
static void test_shortcut_asked(void **state)
{
	struct hop b;
	struct hop_sent s;
	struct lsp *l;
	struct linkmsg_grant g = {.step = 0, .nonce = 7};

	hop_open(&b, 6);
	g.source = hop_source();
	lsp_grant_rx(b.n, b.p[2], &g);
	hop_expect(&b, 2, LINKMSG_GRANT, &s);
	assert_int_equal(s.grant.step, 2);
	l = hop_pending(&b, 7);
	lsp_grant_rx(b.n, b.p[0], &g); /* where the set-up came from */
	hop_expect(&b, 0, LINKMSG_GRANT, &s);
	assert_int_equal(s.grant.step, 2);
	assert_ptr_equal(l->down, b.p[1]);
	lsp_grant_rx(b.n, b.p[2], &g);
	hop_expect(&b, 2, LINKMSG_GRANT, &s);
	assert_int_equal(s.grant.step, 1);
	assert_ptr_equal(labels_owner(&b.p[2]->labels, s.grant.label), l);
	assert_ptr_equal(l->down, b.p[2]);
	assert_int_equal(b.p[1]->labels.granted, 0);
	assert_int_equal(b.p[1]->labels.quarantined, 1);
	hop_reply(&b, 1, l, 2000); /* left out by now */
	assert_int_equal(l->state, LSP_PENDING);
	hop_reply(&b, 2, l, 2000);
	lsp_grant_rx(b.n, b.p[1], &g); /* the reply is here already */
	hop_expect(&b, 1, LINKMSG_GRANT, &s);
	assert_int_equal(s.grant.step, 2);
	assert_ptr_equal(l->down, b.p[2]);
	lsp_destroy(b.n, l);
	hop_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_hostile),        cmocka_unit_test(test_transit),
	        cmocka_unit_test(test_no_label),       cmocka_unit_test(test_source),
	        cmocka_unit_test(test_destination),    cmocka_unit_test(test_shortcut),
	        cmocka_unit_test(test_shortcut_asked), cmocka_unit_test(test_shortcut_dead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
