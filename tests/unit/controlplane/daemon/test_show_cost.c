/* SPDX-License-Identifier: BSD-3-Clause */
/* 100 000 tunnels in the node that ships, and as many links and names as there may be configured, shown slice by slice: processor
 * time in all and of the longest slice. */
#include "rig.h"

#include "daemon/daemon.h"
#include "fake.h"
#include "lsp/lsp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TUNNELS 100000
#define LINKS   4096
#define NAMES   4096

struct fake fake;
static struct daemon d;

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* A configuration as large as one may be. */
static void configure(const struct rng *rng)
{
	struct conf_errors e = {0};
	size_t cap = 2 << 20, n;
	char *text = malloc(cap), id[ID_TEXT_LEN + 1];

	n = (size_t)snprintf(text, cap, "[node]\nkey = k\n[names]\n");
	for (unsigned i = 0; i < NAMES; i++) {
		struct node_id who;

		rng_fill(rng, &who, sizeof(who));
		id_to_text(&who, id);
		n += (size_t)snprintf(text + n, cap - n, "name-of-node-%u = %s\n", i, id);
	}
	for (unsigned i = 0; i < LINKS; i++)
		n += (size_t)snprintf(text + n, cap - n,
		                      "[link to-node-%u]\ntype = udp-socket\nlocal = 127.0.0.1:%u\n"
		                      "remote = 127.0.0.1:9\n",
		                      i, 10000 + i);
	assert_int_equal(conf_parse(&d.conf, "t", text, n, NULL, &e), 0);
	conf_errors_free(&e);
	free(text);
}

/* A machine that is busy beside this or built with sanitizers is several times slower; a view whose rows are looked for from
 * the start takes five minutes. */
static void test_cost(void **state)
{
	static const enum ctl_view views[] = {CTL_VIEW_TUNNELS, CTL_VIEW_LINKS, CTL_VIEW_CONFIG};
	struct lone lone;

	(void)state;
	lone_open(&lone, 11);
	d.node = lone.n;
	d.now = lone.n->now;
	configure(&lone.rng);
	for (uint32_t i = 0; i < TUNNELS; i++) {
		struct node_id a, b;

		rng_fill(&lone.rng, &a, sizeof(a));
		rng_fill(&lone.rng, &b, sizeof(b));
		assert_non_null(lsp_new(lone.n, rng_u64(&lone.rng), &a, &b, LSP_TRANSIT));
	}
	for (unsigned i = 0; i < ARRAY_LEN(views); i++) {
		double all = 0, longest = 0;
		size_t bytes = 0;
		struct show_walk w;
		struct json j = {0};
		bool complete = false;

		show_begin(&w, views[i], CTL_ROWS_MAX);
		while (!complete) {
			double began = cpu_ms(), took;

			complete = show_step(&d, &w, &j);
			took = cpu_ms() - began;
			all += took;
			longest = took > longest ? took : longest;
			bytes += j.len;
			j.len = 0;
		}
		print_message("show %s: %.0f ms in all, %.2f ms the longest slice, %zu bytes\n",
		              ctl_view_name(views[i]), all, longest, bytes);
		assert_true(all < 3000);
		assert_true(views[i] != CTL_VIEW_TUNNELS || w.rows == TUNNELS);
		show_end(&w);
		json_free(&j);
	}
	conf_free(&d.conf);
	lone_close(&lone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_cost)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
