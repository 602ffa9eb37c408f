/* SPDX-License-Identifier: BSD-3-Clause */
/* Ids of addresses: what this node knows is answered at once, a lookup's end whatever it is. */
#include "bed.h"

#include "endpoint/resolve.h"
#include "wire/ip6.h"
#include "wire/kadmsg.h"

#include <string.h>

static struct node_id target_of(const struct node_id *id)
{
	struct node_id t = {0};

	memcpy(t.b, id->b, IP6_ID_BYTES);
	return t;
}

static void answered(struct bed *b, const struct node_id *target, const struct node_id *id)
{
	struct cp_cmd c;

	assert_true(bed_command(b, CMD_RESOLVED, &c));
	assert_true(id_eq(&c.u.resolved.target, target));
	assert_int_equal(c.u.resolved.found, id != NULL);
	if (id)
		assert_true(id_eq(&c.u.resolved.id, id));
}

static void test_a_session_answers(void **state)
{
	struct bed b;
	struct session *s;
	struct node_id target;

	bed_open(&b, 3);
	s = bed_session(&b, true, SESSION_PATHLESS);
	target = target_of(&s->remote);
	resolve_asked(b.n, 0, 7, &target);
	answered(&b, &target, &s->remote);
	bed_close(&b);
}

/* Nobody has proven to be an id that a session is only wanted with. */
static void test_a_wanted_session_does_not(void **state)
{
	struct bed b;
	struct session *s;
	struct node_id target;
	struct cp_cmd c;

	bed_open(&b, 3);
	s = bed_session(&b, true, SESSION_CONNECTING);
	target = target_of(&s->remote);
	resolve_asked(b.n, 0, 7, &target);
	while (bed_command(&b, CMD_RESOLVED, &c))
		assert_false(c.u.resolved.found);
	bed_close(&b);
}

static void test_the_end_of_a_lookup(void **state)
{
	struct contact_info c = {0};
	struct node_id target;
	struct bed b;

	bed_open(&b, 4);
	memset(c.id.b, 0x5a, ID_BYTES);
	target = target_of(&c.id);
	resolve_lookup_done(b.n, 7 << 8, &target, true, &c);
	answered(&b, &target, &c.id);
	resolve_lookup_done(b.n, 7 << 8, &target, false, &c);
	answered(&b, &target, NULL);
	resolve_lookup_done(b.n, 7 << 8, &target, false, NULL);
	answered(&b, &target, NULL);
	bed_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_a_session_answers),
	        cmocka_unit_test(test_a_wanted_session_does_not),
	        cmocka_unit_test(test_the_end_of_a_lookup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
