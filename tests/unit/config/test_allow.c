/* SPDX-License-Identifier: BSD-3-Clause */
/* `allow` of [tun]: what the rules mean, and what is refused with a hint. */
#include "allow.h"
#include "conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static char id[2][ID_TEXT_LEN + 1];
static struct node_id bytes[2];

static int setup(void **state)
{
	for (unsigned i = 0; i < 2; i++) {
		memset(bytes[i].b, (int)(i + 1), ID_BYTES);
		id_to_text(&bytes[i], id[i]);
	}
	return 0;
}

static unsigned read_rules(const char *text, struct conf_allow_rule v[CONF_ALLOW_MAX])
{
	char why[200] = "";
	unsigned n, again;

	if (conf_allow_parse(text, v, CONF_ALLOW_MAX, &n, why, sizeof(why)) != 0)
		fail_msg("%s: %s", text, why);
	assert_int_equal(conf_allow_parse(text, NULL, CONF_ALLOW_MAX, &again, why, sizeof(why)), 0);
	assert_int_equal(again, n);
	return n;
}

static void is(const struct conf_allow_rule *r, uint8_t protocol, unsigned first, unsigned last,
               const struct node_id *from)
{
	assert_int_equal(r->protocol, protocol);
	assert_int_equal(r->first, first);
	assert_int_equal(r->last, last);
	assert_int_equal(r->any, from == NULL);
	if (from)
		assert_true(id_eq(&r->from, from));
}

static void test_meaning(void **state)
{
	struct conf_allow_rule v[CONF_ALLOW_MAX];
	char text[600];

	assert_int_equal(read_rules("none", v), 0);
	assert_int_equal(read_rules("tcp/22", v), 1);
	is(v, 6, 22, 22, NULL);
	assert_int_equal(read_rules("udp/5000-5010,icmp , any,tcp", v), 4);
	is(v, 17, 5000, 5010, NULL);
	is(v + 1, 58, 0, 65535, NULL);
	is(v + 2, 0, 0, 65535, NULL);
	is(v + 3, 6, 0, 65535, NULL);
	/* `from` is for all rules since the one before it; those behind the last are for anybody. */
	snprintf(text, sizeof(text), "tcp/22, tcp/80 from %s, udp/53 from any, tcp/1 from %s, icmp",
	         id[0], id[1]);
	assert_int_equal(read_rules(text, v), 5);
	is(v, 6, 22, 22, &bytes[0]);
	is(v + 1, 6, 80, 80, &bytes[0]);
	is(v + 2, 17, 53, 53, NULL);
	is(v + 3, 6, 1, 1, &bytes[1]);
	is(v + 4, 58, 0, 65535, NULL);
}

static void test_refused(void **state)
{
	static const char *const bad[] = {"",
	                                  "tcp/",
	                                  "tcp/0",
	                                  "tcp/65536",
	                                  "tcp/9-8",
	                                  "tcp/22,",
	                                  "sctp/1",
	                                  "icmp/1",
	                                  "any/22",
	                                  "tcp/22 udp/1",
	                                  "from any",
	                                  "tcp/22 from",
	                                  "tcp/22 from wombat",
	                                  "tcp/22 from any from any",
	                                  ",",
	                                  "none, tcp/22",
	                                  "tcp/ 22",
	                                  "tcp/22-",
	                                  "tcp/22 from any tcp/23"};
	char why[200];
	unsigned n;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		*why = '\0';
		if (conf_allow_parse(bad[i], NULL, CONF_ALLOW_MAX, &n, why, sizeof(why)) == 0)
			fail_msg("`%s` was taken", bad[i]);
		assert_true(strlen(why) > 10);
	}
}

static void test_bound(void **state)
{
	char text[CONF_LINE_MAX] = "icmp", why[200];
	unsigned n;

	for (unsigned i = 1; i < CONF_ALLOW_MAX; i++)
		strcat(text, ",icmp");
	assert_int_equal(conf_allow_parse(text, NULL, CONF_ALLOW_MAX, &n, why, sizeof(why)), 0);
	strcat(text, ",icmp");
	assert_int_not_equal(conf_allow_parse(text, NULL, CONF_ALLOW_MAX, &n, why, sizeof(why)), 0);
	assert_non_null(strstr(why, "at most 64 rules"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_meaning),
	        cmocka_unit_test(test_refused),
	        cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
