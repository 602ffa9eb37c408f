/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests of the control protocol: what is taken, what is refused, and that nothing hostile gets through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rng.h"
#include "ipc/ctl.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int parse(const char *line, struct ctl_request *r)
{
	char why[200] = "";
	int rc = ctl_request_parse(line, strlen(line), r, why, sizeof(why));

	assert_true((rc != 0) == (why[0] != '\0'));
	return rc;
}

static void test_good(void **state)
{
	struct ctl_request r;

	(void)state;
	assert_int_equal(parse("show links", &r), 0);
	assert_int_equal(r.verb, CTL_SHOW);
	assert_int_equal(r.view, CTL_VIEW_LINKS);
	assert_int_equal(r.limit, CTL_ROWS_DEFAULT);
	assert_int_equal(parse("  show   labels limit=5 ", &r), 0);
	assert_int_equal(r.limit, 5);
	assert_int_equal(parse("show tunnels limit=10000000", &r), 0);
	assert_int_equal(r.limit, CTL_ROWS_MAX);
	assert_int_equal(parse("ping b interval=10 count=3", &r), 0);
	assert_int_equal(r.count, 3);
	assert_int_equal(r.interval_ms, 10);
	assert_string_equal(r.target, "b");
	assert_int_equal(parse("trace abc.def.coyo", &r), 0);
	assert_string_equal(r.target, "abc.def.coyo");
	assert_int_equal(parse("lookup x", &r), 0);
	assert_int_equal(parse("deny x door-1.a", &r), 0);
	assert_string_equal(r.target, "x");
	assert_string_equal(r.listener, "door-1.a");
	assert_int_equal(parse("allow x", &r), 0);
	assert_string_equal(r.listener, "");
	assert_int_equal(parse("drain", &r), 0);
	assert_int_equal(parse("reload", &r), 0);
}

static void test_bad(void **state)
{
	static const char *const lines[] = {
	        "",
	        " ",
	        "show",
	        "show nothing",
	        "show links links",
	        "show links limit=0",
	        "show links limit=10000001",
	        "show links limit=",
	        "show links limit=1 limit=2",
	        "SHOW links",
	        "ping",
	        "ping b count=0",
	        "ping b count=-1",
	        "ping b count=100001",
	        "ping b interval=9",
	        "ping b count=1 x",
	        "ping b; drain",
	        "ping \"b\"",
	        "trace b count=1",
	        "lookup",
	        "drain now",
	        "reload x",
	        "allow",
	        "allow x y z",
	        "deny x a/b",
	        "deny x aaaaaaaaaabbbbbbbbbbccccccccccdd",
	        "vouch",
	        "vouch 0",
	        "vouch x",
	        "vouch 262145",
	        "vouch 1 expires=0",
	        "vouch 1 expires=315360001",
	        "vouch 1 expires=1 expires=1",
	        "vouch 1 as=",
	        "vouch 1 as=a/b",
	        "vouch 1 as=a as=b",
	        "vouch 1 x",
	        "quit",
	        "show\tlinks",
	        "show links\r",
	        "show lin\x80ks",
	        "a b c d e f g h",
	};
	struct ctl_request r;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		if (parse(lines[i], &r) != -EINVAL)
			fail_msg("taken: %s", lines[i]);
}

static void test_sizes(void **state)
{
	char line[1024], why[200];
	struct ctl_request r;

	(void)state;
	memset(line, 'a', sizeof(line));
	memcpy(line, "ping ", 5);
	assert_int_equal(ctl_request_parse(line, 5 + CTL_TARGET_MAX, &r, why, sizeof(why)), 0);
	assert_int_equal(strlen(r.target), CTL_TARGET_MAX);
	assert_int_equal(ctl_request_parse(line, 6 + CTL_TARGET_MAX, &r, why, sizeof(why)),
	                 -EINVAL);
	assert_int_equal(ctl_request_parse(line, CTL_LINE_MAX + 1, &r, why, sizeof(why)), -EINVAL);
	assert_int_equal(ctl_request_parse("drain\0", 6, &r, why, sizeof(why)), -EINVAL);
}

/* What is written is what is read. */
static void test_round_trip(void **state)
{
	static const char *const lines[] = {"show drops limit=7",
	                                    "ping x count=2 interval=50",
	                                    "lookup x",
	                                    "trace x",
	                                    "drain",
	                                    "reload",
	                                    "allow x",
	                                    "deny x door",
	                                    "vouch 7",
	                                    "vouch 262144 expires=315360000 as=al.ice",
	                                    "vouch 1 as=x"};
	struct ctl_request a, b;
	char text[CTL_LINE_MAX + 2];
	bool seen[CTL_VERBS] = {false};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		int n;

		assert_int_equal(parse(lines[i], &a), 0);
		n = ctl_request_format(&a, text, sizeof(text));
		assert_true(n > 0 && text[n - 1] == '\n');
		text[n - 1] = '\0';
		assert_string_equal(text, lines[i]);
		assert_int_equal(parse(text, &b), 0);
		assert_memory_equal(&a, &b, sizeof(a));
		seen[a.verb] = true;
	}
	for (unsigned v = CTL_SHOW; v < CTL_VERBS; v++)
		if (!seen[v])
			fail_msg("no request with verb %u", v);
	assert_int_equal(ctl_request_format(&a, text, 3), -ENOSPC);
}

static void test_random(void **state)
{
	static const char *const words[] = {
	        "show ", "ping ", "links", "count=", "=", "9", " ", "a"};
	struct rng_seeded seeded;
	struct rng rng;
	struct ctl_request r;
	char line[128], why[200];

	(void)state;
	rng_seeded_init(&seeded, 1);
	rng = rng_from_seeded(&seeded);
	for (int i = 0; i < 20000; i++) {
		size_t n = 0;

		for (uint64_t k = rng_below(&rng, 8); k > 0; k--)
			n += (size_t)snprintf(line + n, sizeof(line) - n, "%s",
			                      words[rng_below(&rng, ARRAY_LEN(words))]);
		if (n && rng_below(&rng, 2))
			line[rng_below(&rng, n)] = (char)rng_u64(&rng);
		if (ctl_request_parse(line, n, &r, why, sizeof(why)) == 0) {
			assert_true(r.verb >= CTL_SHOW && r.verb < CTL_VERBS);
			assert_true(r.count >= 1 && r.count <= CTL_COUNT_MAX);
			assert_true(r.view < CTL_VIEWS);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_good),   cmocka_unit_test(test_bad),
	        cmocka_unit_test(test_sizes),  cmocka_unit_test(test_round_trip),
	        cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
