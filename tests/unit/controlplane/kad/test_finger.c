/* SPDX-License-Identifier: BSD-3-Clause */
/* Fingers: how many are built at once, and that each attempt gives its place back however it ends. */
#include "rig.h"

#include "anchor/anchor.h"
#include "core/news.h"
#include "kad/kad.h"
#include "table/tunnel.h"

#define AT_ONCE 4 /* attempts, as kad/finger.c has it */

static struct node_id built[64];
static unsigned builds;
static const struct lsp *given_up[64];
static unsigned drops;

static bool record_build(struct node *n, const struct contact *c)
{
	built[builds++] = c->id;
	return true;
}

static void record_drop(struct node *n, struct lsp *l)
{
	given_up[drops++] = l;
}

/* A node that only writes down which fingers it wants, and knows a verified contact in each of the first `buckets` buckets (8 at
 * most), all at its own place in the tree. */
static void open_with_contacts(struct lone *l, struct news *news, unsigned buckets)
{
	lone_open(l, 7);
	*news = *l->n->news;
	news->finger_build = record_build;
	news->finger_drop = record_drop;
	l->n->news = news;
	builds = drops = 0;
	for (unsigned bit = 0; bit < buckets; bit++) {
		struct contact_info c = {.seq = 1, .ntrees = 1};

		rng_fill(&l->rng, c.id.b, ID_BYTES);
		/* It shares exactly `bit` leading bits with the node's own id. */
		c.id.b[0] = (uint8_t)(l->identity.id.b[0] ^ 0x80 >> bit);
		c.place[0].root = root_tag(&l->n->anchor->tree[0].root);
		assert_non_null(contact_learn(l->n->contacts, l->n->now, &c, true));
	}
}

/* A contact that is dropped while its finger is built: the attempt ends without it, and others get their turn. */
static void test_contact_dropped_meanwhile(void **state)
{
	struct lone l;
	struct news news;

	(void)state;
	open_with_contacts(&l, &news, 2 * AT_ONCE);
	for (unsigned round = 0; round < 2; round++) {
		unsigned first = builds;

		fingers_fix(l.n);
		assert_int_equal(builds, first + AT_ONCE);
		assert_int_equal(l.n->kad->fingers_pending, AT_ONCE);
		for (unsigned i = first; i < builds; i++)
			contact_drop(l.n->contacts, l.n->now,
			             contact_find(l.n->contacts, &built[i]), false);
		for (unsigned i = first; i < builds; i++) {
			struct lsp up = {.role = LSP_INGRESS};
			unsigned before = drops;

			if (i % 2)
				kad_finger_failed(l.n, &built[i]);
			else
				kad_finger_up(l.n, &up, &built[i]);
			/* Nobody has a use for what was built. */
			assert_int_equal(drops - before, i % 2 == 0);
			assert_true(drops == before || given_up[before] == &up);
		}
		assert_int_equal(l.n->kad->fingers_pending, 0);
	}
	lone_close(&l);
}

/* A contact that was dropped and learnt again has no attempt of its own; the old one gives its place back all the same. */
static void test_contact_learnt_again(void **state)
{
	struct lone l;
	struct news news;

	(void)state;
	open_with_contacts(&l, &news, 4);
	fingers_fix(l.n);
	assert_int_equal(builds, AT_ONCE);
	for (unsigned i = 0; i < builds; i++) {
		struct contact *c = contact_find(l.n->contacts, &built[i]);
		struct contact_info again = {.seq = 2, .id = c->id};

		contact_drop(l.n->contacts, l.n->now, c, false);
		assert_non_null(contact_learn(l.n->contacts, l.n->now, &again, true));
		kad_finger_failed(l.n, &built[i]);
	}
	assert_int_equal(l.n->kad->fingers_pending, 0);
	lone_close(&l);
}

/* A finger of the far end is no attempt of ours. */
static void test_finger_of_the_far_end(void **state)
{
	struct lone l;
	struct news news;
	struct lsp theirs = {.role = LSP_EGRESS};

	(void)state;
	open_with_contacts(&l, &news, 4);
	fingers_fix(l.n);
	kad_finger_up(l.n, &theirs, &built[0]);
	assert_int_equal(l.n->kad->fingers_pending, AT_ONCE);
	assert_ptr_equal(contact_find(l.n->contacts, &built[0])->finger, &theirs);
	kad_finger_gone(l.n, &theirs, &built[0]);
	for (unsigned i = 0; i < builds; i++)
		kad_finger_failed(l.n, &built[i]);
	assert_int_equal(l.n->kad->fingers_pending, 0);
	lone_close(&l);
}

/* Of a contact that was dropped and learnt again two attempts may be under way: the second finger is given up. */
static void test_second_finger(void **state)
{
	struct lsp first = {.role = LSP_INGRESS}, second = {.role = LSP_INGRESS};
	struct lone l;
	struct news news;
	struct contact *c;

	(void)state;
	open_with_contacts(&l, &news, 1);
	fingers_fix(l.n);
	c = contact_find(l.n->contacts, &built[0]);
	c->finger_pending = false; /* as if it were new */
	fingers_fix(l.n);
	assert_int_equal(builds, 2);
	assert_int_equal(l.n->kad->fingers_pending, 2);
	kad_finger_up(l.n, &first, &built[0]);
	assert_ptr_equal(c->finger, &first);
	assert_int_equal(drops, 0);
	kad_finger_up(l.n, &second, &built[0]);
	assert_ptr_equal(c->finger, &first);
	assert_int_equal(drops, 1);
	assert_ptr_equal(given_up[0], &second);
	assert_int_equal(l.n->kad->fingers_pending, 0);
	c->finger = NULL;
	lone_close(&l);
}

/* Both ends built one: each uses its own, and the end of the other's changes nothing. */
static void test_fingers_cross(void **state)
{
	struct lsp ours = {.role = LSP_INGRESS}, theirs = {.role = LSP_EGRESS};
	struct lone l;
	struct news news;
	struct contact *c;

	(void)state;
	for (unsigned theirs_first = 0; theirs_first < 2; theirs_first++) {
		open_with_contacts(&l, &news, 1);
		fingers_fix(l.n);
		c = contact_find(l.n->contacts, &built[0]);
		if (theirs_first)
			kad_finger_up(l.n, &theirs, &built[0]);
		kad_finger_up(l.n, &ours, &built[0]);
		kad_finger_up(l.n, &theirs, &built[0]);
		assert_ptr_equal(c->finger, &ours);
		kad_finger_gone(l.n, &theirs, &built[0]);
		assert_ptr_equal(c->finger, &ours);
		assert_int_equal(drops, 0);
		c->finger = NULL;
		lone_close(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_contact_dropped_meanwhile),
	        cmocka_unit_test(test_contact_learnt_again),
	        cmocka_unit_test(test_finger_of_the_far_end),
	        cmocka_unit_test(test_second_finger),
	        cmocka_unit_test(test_fingers_cross),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
