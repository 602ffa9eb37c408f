/* SPDX-License-Identifier: BSD-3-Clause */
/* The anchor alone, with nothing above it: what it reports, and when. */
#include "ground.h"

#include "anchor/anchor.h"

static struct {
	unsigned up, coords, grown, samples;
	struct node_id sampled;
} heard;

static void peer_came_up(struct node *n, struct peer *p)
{
	heard.up++;
	anchor_peer_up(n, p);
}

static void peer_went_down(struct node *n, struct peer *p, const char *why)
{
	anchor_peer_down(n, p);
}

static void coords_changed(struct node *n)
{
	heard.coords++;
}

static void grown(struct node *n)
{
	heard.grown++;
}

static void sample(struct node *n, struct peer *p, const struct contact_info *c)
{
	heard.samples++;
	heard.sampled = c->id;
}

static const struct news recorder = {
        .peer_up = peer_came_up,
        .peer_down = peer_went_down,
        .coords_changed = coords_changed,
        .grown = grown,
        .sample = sample,
};

struct alone {
	struct ground g;
	struct node *n;
};

static void alone_open(struct alone *a, uint64_t seed)
{
	memset(&heard, 0, sizeof(heard));
	ground_open(&a->g, seed);
	a->n = ground_node(&a->g, &recorder);
	assert_int_equal(peers_new(a->n), 0);
	assert_int_equal(anchor_new(a->n), 0);
}

static void alone_close(struct alone *a)
{
	anchor_free(a->n);
	peers_free(a->n);
	ctx_destroy(a->n);
	ground_close(&a->g);
}

/* Timers of the parts that are here. */
static void run(struct alone *a, int64_t ns)
{
	struct instant end = instant_add(a->n->now, ns);
	struct timer *t;

	while ((t = timers_pop(&a->n->timers, end))) {
		if (instant_before(a->n->now, t->at))
			a->n->now = t->at;
		if (timer_part(t) == PART_ANCHOR)
			anchor_timer(a->n, t);
	}
	a->n->now = end;
}

/* A plain link whose neighbour has said hello. */
static struct peer *neighbour(struct alone *a, uint16_t link, const struct node_id *id)
{
	struct node_link_cfg cfg = {.io = {.link = link, .mtu = 1400}, .name = "n"};
	struct linkmsg_hello hello = {.epoch = 1, .mtu = 1400, .id = *id};
	struct peer *p;

	assert_int_equal(peer_add(a->n, &cfg), 0);
	p = peer_by_link(a->n, link);
	peer_hello_rx(a->n, p, &hello);
	assert_true(peer_up(p));
	return p;
}

/* The last identities drawn by ranked(), which sign as roots. */
static struct identity drawn[8];
static unsigned ndrawn;

/* The id of one that is a better (or a worse) root than this node. */
static struct node_id ranked(struct alone *a, bool better)
{
	struct identity *i = &drawn[ndrawn++ % 8];
	uint64_t own = anchor_hash(0, &a->g.identity.id);

	do
		assert_int_equal(identity_generate(i, &a->g.rng), 0);
	while ((anchor_hash(0, &i->id) < own) != better);
	return i->id;
}

/* What that root signs as its number. */
static struct linkmsg_seq word_of(struct alone *a, const struct node_id *root, uint64_t seq)
{
	struct linkmsg_seq m = {.seq = seq};
	uint8_t body[9];
	unsigned i = 0;

	while (!id_eq(&drawn[i].id, root))
		assert_true(++i < 8);
	memcpy(m.key, drawn[i].ed_public, sizeof(m.key));
	linkmsg_seq_signed(&m, body);
	a->n->ops->sign(&drawn[i], SEQ_CONTEXT, body, sizeof(body), m.sig);
	return m;
}

/* Nobody but this node itself can say its own. */
static void say(struct alone *a, struct peer *p, const struct node_id *root, uint64_t seq)
{
	struct linkmsg_seq m;

	if (id_eq(root, &a->g.identity.id))
		return;
	m = word_of(a, root, seq);
	anchor_seq_rx(a->n, p, &m);
}

static void announce_as(struct alone *a, struct peer *p, const struct node_id *root, uint64_t seq,
                        bool child)
{
	struct linkmsg_ann m = {.seq = seq, .ntrees = 1};

	m.tree[0].root = *root;
	m.tree[0].port = 7;
	m.tree[0].is_parent = child;
	say(a, p, root, seq);
	anchor_ann_rx(a->n, p, &m);
}

static void announce(struct alone *a, struct peer *p, const struct node_id *root, uint64_t seq)
{
	announce_as(a, p, root, seq, false);
}

/* A better root is joined at once and its loss is noticed by the silence; each time the new place is reported once. */
static void test_root(void **state)
{
	struct alone a;
	struct node_id better, worse;
	struct peer *p;
	struct tree *t;

	alone_open(&a, 1);
	t = &a.n->anchor->tree[0];
	better = ranked(&a, true);
	worse = ranked(&a, false);
	p = neighbour(&a, 1, &better);
	assert_int_equal(heard.up, 1);
	announce(&a, p, &worse, 1);
	assert_int_equal(heard.coords, 0);
	assert_null(t->parent);
	announce(&a, p, &better, 2);
	assert_int_equal(heard.coords, 1);
	assert_ptr_equal(t->parent, p);
	assert_int_equal(t->coords.hops, 1);
	announce(&a, p, &better, 2); /* old */
	assert_int_equal(a.n->counters[CTR_ANN_OLD], 1);
	assert_int_equal(heard.coords, 1);
	run(&a, 30 * NS_PER_S);
	assert_int_equal(heard.coords, 2);
	assert_null(t->parent);
	alone_close(&a);
}

/* A neighbour names a root that has said nothing, or something unsigned, or a number that leaves nothing to come: none is joined. What the
 * root itself signed counts from whomever it comes. A root that fell silent is a root again by a newer message alone. */
static void test_only_the_roots_own_word_counts(void **state)
{
	struct linkmsg_ann m = {.seq = 1, .ntrees = 1};
	struct linkmsg_seq forged;
	struct peer *p, *other;
	struct node_id better, worse;
	struct alone a;
	struct tree *t;

	alone_open(&a, 7);
	t = &a.n->anchor->tree[0];
	better = ranked(&a, true);
	worse = ranked(&a, false);
	p = neighbour(&a, 1, &worse);
	other = neighbour(&a, 2, &better);
	m.tree[0].root = better;
	m.tree[0].port = 7;
	anchor_ann_rx(a.n, p, &m);
	assert_null(t->parent);
	forged = word_of(&a, &better, 5);
	forged.seq = 6;
	anchor_seq_rx(a.n, p, &forged);
	assert_int_equal(a.n->counters[CTR_SEQ_BAD], 1);
	say(&a, p, &better, UINT64_MAX);
	assert_null(t->parent);
	say(&a, other, &better, 5);
	assert_ptr_equal(t->parent, p);
	/* Repeating it does not keep the root alive, nor does announcing it again bring it back. */
	for (unsigned i = 0; i < 8; i++) {
		run(&a, 4 * NS_PER_S);
		say(&a, p, &better, 5);
		say(&a, other, &better, 4);
		m.seq++;
		anchor_ann_rx(a.n, p, &m);
	}
	assert_null(t->parent);
	say(&a, other, &better, 6);
	assert_ptr_equal(t->parent, p);
	alone_close(&a);
}

/* However many unsigned messages one neighbour sends, few are verified, and another neighbour's counts all the same. */
static void test_a_flood_of_forged_sequences(void **state)
{
	struct node_id better, worse;
	struct peer *liar, *honest;
	struct linkmsg_seq m;
	struct alone a;

	alone_open(&a, 8);
	better = ranked(&a, true);
	worse = ranked(&a, false);
	liar = neighbour(&a, 1, &worse);
	honest = neighbour(&a, 2, &better);
	m = word_of(&a, &better, 5);
	for (m.seq = 1000; m.seq < 21000; m.seq++)
		anchor_seq_rx(a.n, liar, &m);
	assert_true(a.n->counters[CTR_SEQ_BAD] <= 200);
	assert_true(a.n->counters[CTR_SEQ_RATE] >= 19800);
	run(&a, 2 * NS_PER_S);
	announce(&a, honest, &better, 5);
	assert_ptr_equal(a.n->anchor->tree[0].parent, honest);
	alone_close(&a);
}

/* A root that falls silent is joined again once; the next time it is held off for 30 s, then for twice as long, and so on. A node that
 * nobody follows gives up holding it off after 10 s: alone it is of no use to anybody. */
static void test_a_root_that_stalls_is_held_off(void **state)
{
	static const unsigned least[] = {0, 0, 28, 58, 8};
	struct linkmsg_ann child = {.ntrees = 1};
	struct node_id better, id;
	uint64_t seq = 1;
	struct alone a;
	struct tree *t;
	struct peer *p, *q;

	alone_open(&a, 9);
	t = &a.n->anchor->tree[0];
	better = ranked(&a, true);
	id = ranked(&a, false);
	p = neighbour(&a, 1, &id);
	id = ranked(&a, false);
	q = neighbour(&a, 2, &id);
	child.tree[0].root = a.g.identity.id;
	for (unsigned i = 0; i < 5; i++) {
		int64_t waited = 0;

		child.seq++;
		child.tree[0].is_parent = i < 4;
		anchor_ann_rx(a.n, q, &child);

		for (announce(&a, p, &better, ++seq); !t->parent; announce(&a, p, &better, ++seq)) {
			run(&a, NS_PER_S);
			waited++;
		}
		assert_in_range(waited, least[i], least[i] ? least[i] + 3 : 0);
		while (t->parent)
			run(&a, NS_PER_S);
	}
	alone_close(&a);
}

static int accept_all(const uint8_t key[32], const char *context, const void *msg, size_t len,
                      const uint8_t sig[64])
{
	return 0;
}

/* Two messages of one number, both signed: nobody stays under such a root. */
static void test_a_root_that_equivocates_is_held_off(void **state)
{
	struct node_crypto_ops lax;
	struct node_id better, id;
	struct linkmsg_seq m;
	struct alone a;
	struct tree *t;
	struct peer *p;

	alone_open(&a, 10);
	lax = *a.n->ops;
	t = &a.n->anchor->tree[0];
	better = ranked(&a, true);
	id = ranked(&a, false);
	p = neighbour(&a, 1, &id);
	announce(&a, p, &better, 5);
	m = word_of(&a, &better, 5);
	m.sig[40] ^= 1;
	anchor_seq_rx(a.n, p, &m); /* anybody can say so: it has to be signed */
	assert_ptr_equal(t->parent, p);
	lax.verify = accept_all;
	a.n->ops = &lax;
	anchor_seq_rx(a.n, p, &m);
	assert_null(t->parent);
	announce(&a, p, &better, 6);
	assert_null(t->parent);
	run(&a, 31 * NS_PER_S);
	announce(&a, p, &better, 7);
	assert_ptr_equal(t->parent, p);
	alone_close(&a);
}

/* A neighbour that is a root and is none, in turn: after eight times it is no parent for 30 s, but its tree is still joined by another way. */
static void test_a_root_that_flaps_is_no_parent(void **state)
{
	struct node_id better, worse, id;
	struct peer *p, *other;
	uint64_t seq = 1;
	struct alone a;
	struct tree *t;

	alone_open(&a, 11);
	t = &a.n->anchor->tree[0];
	better = ranked(&a, true);
	worse = ranked(&a, false);
	id = ranked(&a, false);
	p = neighbour(&a, 1, &better);
	other = neighbour(&a, 2, &id);
	for (unsigned i = 0; i < 8; i++) {
		announce(&a, p, &better, ++seq);
		assert_ptr_equal(t->parent, p);
		announce(&a, p, &worse, ++seq);
		assert_null(t->parent);
		run(&a, NS_PER_S);
	}
	announce(&a, p, &better, ++seq);
	assert_null(t->parent);
	announce(&a, other, &better, ++seq);
	assert_ptr_equal(t->parent, other);
	announce(&a, other, &worse, ++seq);
	/* With nobody else to turn to it comes back earlier. */
	run(&a, 11 * NS_PER_S);
	announce(&a, p, &better, ++seq);
	assert_ptr_equal(t->parent, p);
	announce(&a, p, &better, ++seq);
	assert_ptr_equal(t->parent, p);
	alone_close(&a);
}

static void test_parent_goes(void **state)
{
	struct alone a;
	struct node_id better;
	struct peer *p;

	alone_open(&a, 2);
	better = ranked(&a, true);
	p = neighbour(&a, 1, &better);
	announce(&a, p, &better, 1);
	assert_int_equal(heard.coords, 1);
	peer_del(a.n, 1);
	assert_int_equal(heard.coords, 2);
	assert_null(a.n->anchor->tree[0].parent);
	assert_true(a.n->anchor->tree[0].has_old);
	alone_close(&a);
}

/* One that was overtaken is dropped. But a neighbour that said one number far above its count is listened to again, when it goes on counting
 * below; old announcements in any order are not taken for that. */
static void test_late_announcements(void **state)
{
	static const uint64_t mixed[] = {10, 20, 30, 5, 15, 25, 35, 45, 55, 40, 50, 60, 70, 80, 1};
	struct alone a;
	struct node_id better;
	struct peer *p;

	alone_open(&a, 7);
	better = ranked(&a, true);
	p = neighbour(&a, 1, &better);
	announce(&a, p, &better, 1000);
	for (unsigned i = 0; i < 15; i++)
		announce(&a, p, &a.g.identity.id, mixed[i]);
	for (unsigned i = 0; i < 15; i++)
		announce(&a, p, &a.g.identity.id, 1000);
	assert_int_equal(a.n->counters[CTR_ANN_OLD], 30);
	assert_non_null(a.n->anchor->tree[0].parent);
	announce(&a, p, &better, UINT64_MAX);
	for (uint64_t seq = 1001; seq < 1008; seq++)
		announce(&a, p, &a.g.identity.id, seq);
	assert_true(p->ann->seq == UINT64_MAX);
	announce(&a, p, &a.g.identity.id, 1008);
	assert_int_equal(p->ann->seq, 1008);
	assert_null(a.n->anchor->tree[0].parent);
	announce(&a, p, &better, 1009);
	assert_non_null(a.n->anchor->tree[0].parent);
	alone_close(&a);
}

/* Samples are handed on; growth by a quarter is told once, and what a stranger to the tree says is nothing. */
static void test_samples(void **state)
{
	struct alone a;
	struct node_id better, worse;
	struct linkmsg_sample m = {.size = 8, .count = 2};
	struct peer *p, *stranger;

	alone_open(&a, 3);
	better = ranked(&a, true);
	worse = ranked(&a, false);
	p = neighbour(&a, 1, &better);
	stranger = neighbour(&a, 2, &worse);
	announce(&a, p, &better, 1);
	m.c[0].id = better;
	m.c[1].id = worse;
	anchor_sample_rx(a.n, stranger, &m);
	assert_int_equal(heard.samples + heard.grown, 0);
	anchor_sample_rx(a.n, p, &m);
	assert_int_equal(heard.samples, 2);
	assert_true(id_eq(&heard.sampled, &worse));
	assert_int_equal(heard.grown, 1);
	assert_int_equal(a.n->anchor->size, 9);
	m.size = 100;
	anchor_sample_rx(a.n, p, &m);
	assert_int_equal(heard.grown, 1); /* not again so soon */
	alone_close(&a);
}

/* Each neighbour may claim any size: what they claim together is cut off and does not wrap to a small number. */
static void test_sizes_claimed(void **state)
{
	struct linkmsg_sample m = {.size = UINT32_MAX};
	struct node_id better;
	struct alone a;

	alone_open(&a, 4);
	better = ranked(&a, true);
	announce(&a, neighbour(&a, 1, &better), &better, 1);
	anchor_sample_rx(a.n, peer_by_link(a.n, 1), &m);
	for (uint16_t link = 2; link <= 5; link++) {
		struct node_id worse = ranked(&a, false);
		struct peer *child = neighbour(&a, link, &worse);

		announce_as(&a, child, &better, 1, true);
		anchor_sample_rx(a.n, child, &m);
		assert_true(a.n->anchor->size >= 1u << 30);
	}
	alone_close(&a);
}

/* Records of our own that somebody makes newer and newer: the first are outbid at once, as after a restart; then one a minute and more seldom
 * still, while the other side makes one each second; and it is told. */
static void test_a_twin_is_not_outbid_for_ever(void **state)
{
	struct alone a;
	uint64_t seq, made = 0;

	alone_open(&a, 5);
	for (unsigned i = 0; i < 8; i++) {
		anchor_own_record_seen(a.n, a.n->anchor->record.seq + 3);
		assert_true(a.n->anchor->record.seq > 3);
	}
	assert_int_equal(a.n->peers->twin_at.ns, 0);
	seq = a.n->anchor->record.seq;
	for (unsigned s = 0; s < 3600; s++) {
		anchor_own_record_seen(a.n, a.n->anchor->record_seq + 1);
		run(&a, NS_PER_S);
		made += a.n->anchor->record.seq != seq;
		seq = a.n->anchor->record.seq;
	}
	assert_in_range(made, 5, 12); /* at 0, 1, 3, 7, 15, 25 minutes and so on */
	assert_int_not_equal(a.n->peers->twin_at.ns, 0);
	/* After 20 quiet minutes the next is the first again, and the last one met has been outbid. */
	run(&a, 1300 * NS_PER_S);
	assert_int_equal(a.n->anchor->record.seq, a.n->anchor->record_seq);
	seq = a.n->anchor->record.seq;
	anchor_own_record_seen(a.n, seq + 5);
	assert_int_equal(a.n->anchor->record.seq, seq + 6);
	alone_close(&a);
}

/* A number belongs to one record: the same one at another place is a twin's, and is outbid. The very record is no news. */
static void test_one_number_at_two_places(void **state)
{
	struct contact_info c = {.ntrees = 1};
	struct alone a;

	alone_open(&a, 5);
	c.id = a.n->cfg.identity->id;
	c.ntrees = a.n->anchor->record.ntrees;
	memcpy(c.place, a.n->anchor->record.place, sizeof(c.place));
	c.seq = a.n->anchor->record.seq;
	anchor_own_heard(a.n, &c);
	assert_int_equal(a.n->anchor->record.seq, c.seq);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(a.n->peers->twin_at.ns, 0);
		c.seq = a.n->anchor->record.seq;
		assert_true(coords_push(&c.place[0].coords, 3));
		anchor_own_heard(a.n, &c);
	}
	assert_int_not_equal(a.n->peers->twin_at.ns, 0);
	assert_int_equal(a.n->anchor->record.seq, 4);
	alone_close(&a);
}

/* Announces p's place: these coords. */
static void place_below(struct alone *a, struct peer *p, const struct node_id *root, uint64_t seq,
                        const struct coords *c)
{
	struct linkmsg_ann m = {.seq = seq, .ntrees = 1};

	m.tree[0] = (struct ann_tree){.root = *root, .port = 7, .coords = *c};
	say(a, p, root, seq);
	anchor_ann_rx(a->n, p, &m);
}

/* A parent as deep as there may be is as good as any: the node takes its place below it, also where that has too many bytes. */
static void test_deep(void **state)
{
	static const unsigned depths[] = {253, 254, 255, 300, 4095, COORDS_HOPS_MAX - 2};
	struct alone a;
	struct node_id better;
	struct peer *p;
	const struct tree *t;

	for (unsigned alternate = 0; alternate < 2; alternate++) {
		alone_open(&a, 5);
		t = &a.n->anchor->tree[0];
		better = ranked(&a, true);
		p = neighbour(&a, 1, &better);
		for (unsigned i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
			struct coords c = {0};

			for (unsigned k = 0; k < depths[i]; k++)
				assert_true(coords_push(&c, (uint16_t)(1 + k * alternate % 2)));
			place_below(&a, p, &better, i + 1, &c);
			assert_ptr_equal(t->parent, p);
			assert_int_equal(t->coords.hops, depths[i] + 1);
			assert_int_equal(t->coords.coded == t->coords.hops, !alternate);
		}
		alone_close(&a);
	}
}

/* Who names a node out of reach says that the network goes on there; that is remembered for two minutes. */
static void test_network_beyond(void **state)
{
	struct linkmsg_sample m = {.size = 1000, .count = 1};
	struct node_id better;
	struct alone a;
	struct peer *p;

	alone_open(&a, 6);
	better = ranked(&a, true);
	p = neighbour(&a, 1, &better);
	announce(&a, p, &better, 1);
	m.c[0] = (struct contact_info){.id = ranked(&a, true), .seq = 1, .ntrees = 1};
	m.c[0].place[0].root = root_tag(&better);
	for (unsigned hops = 1; hops <= 255; hops++) { /* this node's own hop is one more */
		anchor_sample_rx(a.n, p, &m);
		assert_false(anchor_network_beyond(a.n));
		assert_true(coords_push(&m.c[0].place[0].coords, 3));
	}
	anchor_sample_rx(a.n, p, &m);
	assert_true(anchor_network_beyond(a.n));
	a.n->now.ns += 120 * NS_PER_S;
	assert_false(anchor_network_beyond(a.n));
	alone_close(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_root),
	        cmocka_unit_test(test_only_the_roots_own_word_counts),
	        cmocka_unit_test(test_a_flood_of_forged_sequences),
	        cmocka_unit_test(test_a_root_that_stalls_is_held_off),
	        cmocka_unit_test(test_a_root_that_equivocates_is_held_off),
	        cmocka_unit_test(test_a_root_that_flaps_is_no_parent),
	        cmocka_unit_test(test_parent_goes),
	        cmocka_unit_test(test_late_announcements),
	        cmocka_unit_test(test_samples),
	        cmocka_unit_test(test_sizes_claimed),
	        cmocka_unit_test(test_deep),
	        cmocka_unit_test(test_network_beyond),
	        cmocka_unit_test(test_a_twin_is_not_outbid_for_ever),
	        cmocka_unit_test(test_one_number_at_two_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
