/* SPDX-License-Identifier: BSD-3-Clause */
/* Which part hears which report in a whole node: no row is empty, and each report has its effect in the part that it is for. */
#include "rig.h"

#include "kad/kad.h"
#include "node/news.h"

#include <string.h>

/* Answers to requests among what the node wants to be done; all of it is thrown away. */
static unsigned answers(struct node *n, uint32_t cookie)
{
	static struct node_output out;
	unsigned k = 0;

	while (node_output(n, &out))
		k += out.type == OUT_ANSWER && out.u.answer.cookie == cookie;
	return k;
}

static void test_no_row_is_empty(void **state)
{
	void (*row[sizeof(node_news) / sizeof(void (*)(void))])(void);

	memcpy(row, &node_news, sizeof(row));
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		assert_non_null(row[i]);
}

/* A lookup's end goes to the request that wants it, and to nobody where it was housekeeping. */
static void test_lookup_done(void **state)
{
	struct node_id target;
	struct lone l;

	lone_open(&l, 1);
	rng_fill(&l.rng, target.b, ID_BYTES);
	answers(l.n, 7);
	l.n->news->lookup_done(l.n, LOOKUP_REQUEST, 7, &target, false, NULL);
	assert_int_equal(answers(l.n, 7), 2); /* it failed; nothing follows */
	l.n->news->lookup_done(l.n, LOOKUP_REFRESH, 7, &target, false, NULL);
	l.n->news->lookup_done(l.n, LOOKUP_SESSION, 7, &target, false, NULL);
	assert_int_equal(answers(l.n, 7), 0);
	lone_close(&l);
}

/* Kademlia hears of nodes in samples and of ids that could not be reached. */
static void test_kad_hears(void **state)
{
	struct contact_info c = {.seq = 3};
	struct contact *known;
	struct lone l;

	lone_open(&l, 2);
	rng_fill(&l.rng, c.id.b, ID_BYTES);
	l.n->news->sample(l.n, NULL, &c);
	known = contact_find(l.n->contacts, &c.id);
	assert_non_null(known);
	assert_false(known->verified);
	assert_int_equal(known->fails, 0);
	l.n->news->unreached(l.n, &c.id);
	assert_int_equal(known->fails, 1);
	lone_drain(&l);
	lone_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_no_row_is_empty),
	        cmocka_unit_test(test_lookup_done),
	        cmocka_unit_test(test_kad_hears),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
