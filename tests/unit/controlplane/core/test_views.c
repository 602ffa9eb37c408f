/* SPDX-License-Identifier: BSD-3-Clause */
/* Views: what stands while a view is read is written once, whatever comes and goes; a row costs the same wherever it stands. */
#include "rig.h"

#include "endpoint/session.h"
#include "kad/kad.h"
#include "lsp/lsp.h"
#include "peer/peer.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct lone lone;

static int setup(void **state)
{
	(void)state;
	lone_open(&lone, 7);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lone_close(&lone);
	return 0;
}

static struct node_id random_id(void)
{
	struct node_id id;

	rng_fill(&lone.rng, id.b, sizeof(id.b));
	return id;
}

static struct lsp *tunnel(uint64_t nonce)
{
	struct node_id src = {{9}}, dst = random_id();
	struct lsp *l = lsp_new(lone.n, nonce, &src, &dst, LSP_TRANSIT);

	assert_non_null(l);
	return l;
}

/* Rows before, at and behind the cursor are taken away and added: the even ones stand all the while. */
static void test_tunnels_change(void **state)
{
	enum { N = 2000 };
	struct node_cursor at = {0};
	struct node_tunnel_view v;
	struct lsp *odd[N / 2];
	uint64_t last = 0;
	unsigned even = 0, rows = 0;

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		struct lsp *l = tunnel(10 * (uint64_t)i + 10);

		if (i % 2)
			odd[i / 2] = l;
	}
	while (node_view_tunnel(lone.n, &at, lone.n->now, &v)) {
		assert_true(v.nonce > last);
		last = v.nonce;
		even += v.nonce % 20 == 10;
		if (rows++ % 3 != 0)
			continue;
		/* One that is gone before its row, the row just written, and two that are new. */
		for (unsigned k = 0; k < N / 2; k += N / 2 - 1) {
			unsigned pick = k ? rows % (N / 2) : (unsigned)(last / 20) % (N / 2);

			if (odd[pick])
				lsp_destroy(lone.n, odd[pick]);
			odd[pick] = NULL;
		}
		tunnel(last + 3);
		tunnel(last - 3);
	}
	assert_int_equal(even, N / 2);
	assert_false(node_view_tunnel(lone.n, &at, lone.n->now, &v));
}

/* Two tunnels of one nonce are two rows. */
static void test_tunnels_of_one_nonce(void **state)
{
	struct node_cursor at = {0};
	struct node_tunnel_view v;
	struct node_id a = {{1}}, b = {{2}};

	(void)state;
	assert_non_null(lsp_new(lone.n, 5, &b, &a, LSP_TRANSIT));
	assert_non_null(lsp_new(lone.n, 5, &a, &b, LSP_TRANSIT));
	assert_true(node_view_tunnel(lone.n, &at, lone.n->now, &v) && id_eq(&v.a, &a));
	assert_true(node_view_tunnel(lone.n, &at, lone.n->now, &v) && id_eq(&v.a, &b));
	assert_false(node_view_tunnel(lone.n, &at, lone.n->now, &v));
}

static void test_sessions_change(void **state)
{
	enum { N = 300 };
	struct node_cursor at = {0};
	struct node_session_view v;
	struct session *s[N];
	bool seen[N] = {false};

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		struct node_id id = random_id();

		s[i] = session_get(lone.n, &id);
		assert_non_null(s[i]);
		assert_int_equal(s[i]->index, i);
	}
	session_destroy(lone.n, s[0]);
	while (node_view_session(lone.n, &at, lone.n->now, &v)) {
		assert_true(v.session < N && !seen[v.session]);
		seen[v.session] = true;
		if (v.session % 3 == 1) {
			session_destroy(lone.n, s[v.session]); /* the row just written */
			session_destroy(lone.n, s[v.session + 1]);
		}
	}
	for (unsigned i = 1; i < N; i++)
		assert_int_equal(seen[i], i % 3 != 2);
}

static void test_contacts_change(void **state)
{
	struct node_cursor at = {0};
	struct node_contact_view v;
	struct contacts *t = lone.n->contacts;
	struct node_id last = {{0}};
	unsigned rows = 0, first;

	(void)state;
	for (unsigned i = 0; i < 500; i++) {
		struct contact_info c = {.seq = 1};

		c.id = random_id();
		c.id.b[0] = (uint8_t)(lone.n->cfg.identity->id.b[0] ^ 1u << i % 8);
		(void)contact_learn(t, lone.n->now, &c, true);
	}
	first = t->count;
	assert_true(first > 60);
	while (node_view_contact(lone.n, &at, lone.n->now, &v)) {
		assert_true(rows == 0 || id_cmp(&last, &v.id) < 0);
		last = v.id;
		rows++;
		contact_drop(t, lone.n->now, contact_find(t, &v.id), false);
	}
	assert_int_equal(rows, first);
	assert_int_equal(t->count, 0);
}

static void link_event(uint32_t type, uint16_t link)
{
	struct node_link_cfg cfg = {.name = "x"};
	struct node_event ev = {.type = type};

	cfg.io.link = link;
	cfg.io.type = LINK_UDP_SOCKET;
	cfg.io.mtu = 1280;
	if (type == NODE_LINK_ADD)
		ev.u.link_add = &cfg;
	else
		ev.u.link.link = link;
	node_input(lone.n, &ev, lone.n->now);
	lone_drain(&lone);
}

/* By number, whatever the order of configuration; the highest number there is has its place, too. */
static void test_links(void **state)
{
	static const uint16_t order[] = {700, 3, CPDP_LINKS_MAX - 1, 0, 64};
	static const uint16_t sorted[] = {0, 3, 64, 700, CPDP_LINKS_MAX - 1};
	struct node_cursor at = {0};
	struct node_link_view v;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(order); i++)
		link_event(NODE_LINK_ADD, order[i]);
	for (unsigned i = 0; i < ARRAY_LEN(sorted); i++) {
		assert_true(node_view_link(lone.n, &at, lone.n->now, &v));
		assert_int_equal(v.link, sorted[i]);
		assert_int_equal(peer_by_link(lone.n, sorted[i])->link, sorted[i]);
	}
	assert_false(node_view_link(lone.n, &at, lone.n->now, &v));
	assert_null(peer_by_link(lone.n, 5));
	assert_null(peer_by_link(lone.n, UINT16_MAX));
}

static void test_labels_change(void **state)
{
	enum { N = 600 };
	struct node_cursor at = {0};
	struct node_label_view v;
	struct lsp *owner = tunnel(1);
	uint32_t label[2][N];
	unsigned rows[2] = {0}, quarantined = 0;
	uint64_t last = 0;

	(void)state;
	link_event(NODE_LINK_ADD, 2);
	link_event(NODE_LINK_ADD, 1);
	for (unsigned i = 0; i < N; i++)
		for (uint16_t k = 0; k < 2; k++)
			assert_int_equal(
			        labels_alloc(lone.n,
			                     &peer_by_link(lone.n, (uint16_t)(k + 1))->labels,
			                     owner, -1, &label[k][i]),
			        0);
	while (node_view_label(lone.n, &at, lone.n->now, &v)) {
		uint64_t key = (uint64_t)v.link << 32 | v.label;

		assert_true(key > last);
		last = key;
		rows[v.link - 1]++;
		quarantined += strcmp(v.state, "quarantine") == 0;
		labels_free(lone.n, &peer_by_link(lone.n, v.link)->labels, v.label);
		labels_free(lone.n, &peer_by_link(lone.n, v.link)->labels, v.label + 1);
	}
	assert_int_equal(rows[0], N);
	assert_int_equal(rows[1], N);
	assert_true(quarantined > 0);
	/* Nothing of a link that is down. */
	labels_reset(lone.n, &peer_by_link(lone.n, 1)->labels);
	at = (struct node_cursor){0};
	assert_true(node_view_label(lone.n, &at, lone.n->now, &v));
	assert_int_equal(v.link, 2);
}

/* Each counter has a name of its own, a text and its own value. */
static void test_counters(void **state)
{
	const char *name, *text, *names[CTR_COUNT];
	uint64_t value;
	uint32_t i;

	(void)state;
	for (i = 0; i < CTR_COUNT; i++)
		lone.n->counters[i] = 1000 + i;
	for (i = 0; node_view_counter(lone.n, i, &name, &text, &value); i++) {
		assert_int_equal(value, 1000 + i);
		assert_true(strlen(name) > 1 && strlen(text) > 8);
		for (uint32_t k = 0; k < i; k++)
			assert_string_not_equal(name, names[k]);
		names[i] = name;
	}
	assert_int_equal(i, CTR_COUNT);
}

static double walk_ms(uint32_t expected)
{
	double best = 1e9;

	for (unsigned try = 0; try < 3; try++) {
		struct node_cursor at = {0};
		struct node_tunnel_view v;
		struct timespec a, b;
		uint32_t rows = 0;
		double ms;

		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
		while (node_view_tunnel(lone.n, &at, lone.n->now, &v))
			rows++;
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
		assert_int_equal(rows, expected);
		ms = (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
		best = ms < best ? ms : best;
	}
	return best;
}

/* Eight times the rows may take 40 times as long (caches, a busy machine), not 64 times as when each row is looked for from the
 * start. */
static void test_cost(void **state)
{
	enum { FEW = 12500, MANY = 100000 };
	double few, many;

	(void)state;
	for (uint32_t i = 0; i < FEW; i++)
		tunnel(rng_u64(&lone.rng));
	few = walk_ms(FEW);
	for (uint32_t i = FEW; i < MANY; i++)
		tunnel(rng_u64(&lone.rng));
	many = walk_ms(MANY);
	print_message("%d tunnels: %.2f ms, %d tunnels: %.1f ms\n", FEW, few, MANY, many);
	assert_true(many < 40 * few);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_tunnels_change, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_tunnels_of_one_nonce, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_sessions_change, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_contacts_change, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_links, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_labels_change, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_counters, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_cost, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
