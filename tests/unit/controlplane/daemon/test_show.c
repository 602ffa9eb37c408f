/* SPDX-License-Identifier: BSD-3-Clause */
/* Views in slices: how much each costs, what changes in between, and clients that read slowly, not at all, or leave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ctl/jsonread.h"
#include "daemon/daemon.h"
#include "daemon/links.h"
#include "daemon/loop.h"
#include "daemon/request.h"
#include "fake.h"
#include "table/drop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static struct daemon d;
static char *answer;
static size_t answer_len;

static int setup(void **state)
{
	(void)state;
	fake_daemon_open(&d);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_daemon_close(&d);
	free(answer);
	answer = NULL;
	answer_len = 0;
	return 0;
}

static void configure(const char *text)
{
	struct conf_errors e = {0};

	assert_int_equal(conf_parse(&d.conf, "t", text, strlen(text), NULL, &e), 0);
	conf_errors_free(&e);
}

/* Every slice asks the node for a slice of rows at the most, and all of them together for each row once. */
static void test_visits(void **state)
{
	enum { N = 100000 };
	static const enum ctl_view views[] = {CTL_VIEW_TUNNELS, CTL_VIEW_LINKS};

	(void)state;
	fake.tunnels = N;
	for (unsigned i = 0; i < ARRAY_LEN(views); i++) {
		struct show_walk w;
		struct json j = {0};
		unsigned slices = 1;

		fake.visits = 0;
		show_begin(&w, views[i], CTL_ROWS_MAX);
		for (;; slices++) {
			uint64_t before = fake.visits;
			bool complete = show_step(&d, &w, &j);

			assert_true(fake.visits - before <= SHOW_SLICE);
			assert_true(j.len < CLIENT_OUT_MAX / 8);
			j.len = 0; /* sent */
			if (complete)
				break;
		}
		assert_int_equal(fake.visits, N + 1);
		assert_true(slices >= N / SHOW_SLICE && slices <= N / SHOW_SLICE + 2);
		show_end(&w);
		json_free(&j);
	}
}

/* ---- clients ---- */

static struct ctl_client *client(int *peer)
{
	struct ctl_client *c = d.ctl.clients;
	int fds[2];

	while (c->state != CLIENT_FREE)
		c++;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(ctl_client_open(&d, c, fds[0], 0), 0);
	*peer = fds[1];
	return c;
}

static void request(struct ctl_client *c, const char *line)
{
	char why[100];

	assert_int_equal(ctl_request_parse(line, strlen(line), &c->req, why, sizeof(why)), 0);
	c->state = CLIENT_WORKING;
	request_start(&d, c);
}

/* The client reads what there is. False: the stream has ended. */
static bool take(int peer)
{
	for (;;) {
		ssize_t n;

		answer = realloc(answer, answer_len + 65536);
		n = recv(peer, answer + answer_len, 65536, 0);
		if (n <= 0)
			return n < 0;
		answer_len += (size_t)n;
	}
}

static struct jvalue *document(void)
{
	struct jvalue *v;

	assert_true(answer_len > 1 && answer[answer_len - 1] == '\n');
	assert_null(memchr(answer, '\n', answer_len - 1));
	v = json_read(answer, answer_len - 1);
	assert_non_null(v);
	return v;
}

static unsigned rows_of(const struct jvalue *v, const char *key)
{
	const struct jvalue *list = jvalue_get(v, key);
	unsigned n = 0;

	assert_non_null(list);
	for (const struct jvalue *r = list->first; r; r = r->next)
		n++;
	return n;
}

/* One document, whatever it was cut into on its way; rows that went while it was written do no harm. */
static void test_one_document(void **state)
{
	enum { N = 3000 };
	struct ctl_client *c;
	struct jvalue *v;
	const struct jvalue *row;
	unsigned long long last = 0;
	unsigned turns = 0, stood = 0;
	int peer;

	(void)state;
	fake.tunnels = N;
	c = client(&peer);
	request(c, "show tunnels");
	while (take(peer)) {
		if (c->state == CLIENT_SHOWING)
			ctl_server_slice(&d);
		else
			ctl_client_flush(&d, c);
		turns++;
		fake.first += fake.first < 1000 ? 300 : 0; /* behind the cursor, and past it */
		fake.tunnels += turns < 5 ? 10 : 0;        /* ahead of it */
	}
	v = document();
	assert_false(jvalue_get(v, "truncated")->truth);
	row = jvalue_get(v, "tunnels")->first;
	for (; row; row = row->next) {
		unsigned long long nonce = strtoull(jvalue_text(row, "nonce"), NULL, 16);

		assert_true(nonce > last);
		last = nonce;
		nonce -= 0xfedcba9876543210;
		stood += nonce >= 1200 && nonce < N;
	}
	assert_int_equal(stood, N - 1200);
	assert_true(turns > (N - 1200) / SHOW_SLICE);
	jvalue_free(v);
	close(peer);
}

static void test_limit(void **state)
{
	static const struct {
		const char *line;
		unsigned rows;
		bool truncated;
	} cases[] = {
	        {"show tunnels limit=255", 255, true}, {"show tunnels limit=256", 256, true},
	        {"show tunnels limit=299", 299, true}, {"show tunnels limit=300", 300, false},
	        {"show tunnels", 300, false},
	};

	(void)state;
	fake.tunnels = 300;
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		struct jvalue *v;
		int peer;

		request(client(&peer), cases[i].line);
		while (take(peer))
			ctl_server_slice(&d);
		v = document();
		assert_int_equal(rows_of(v, "tunnels"), cases[i].rows);
		assert_int_equal(jvalue_get(v, "truncated")->truth, cases[i].truncated);
		jvalue_free(v);
		answer_len = 0;
		close(peer);
	}
}

/* Who does not read has a bounded buffer and costs no slices; after a while without progress it is left. */
static void test_mute(void **state)
{
	struct ctl_client *c;
	uint64_t visits;
	int peer;

	(void)state;
	fake.tunnels = 100000;
	c = client(&peer);
	request(c, "show tunnels limit=100000");
	while (ctl_server_slice(&d))
		;
	visits = fake.visits;
	assert_int_equal(c->state, CLIENT_SHOWING);
	assert_true(ctl_client_waiting(c) >= CLIENT_OUT_LOW);
	assert_true(c->out.cap < 1u << 20);
	for (unsigned i = 0; i < 100; i++)
		assert_false(ctl_server_slice(&d));
	assert_int_equal(fake.visits, visits);
	d.now = instant_add(d.now, 14 * NS_PER_S);
	ctl_server_tick(&d);
	assert_int_equal(c->state, CLIENT_SHOWING);
	assert_true(take(peer)); /* it reads after all */
	ctl_client_flush(&d, c);
	d.now = instant_add(d.now, 14 * NS_PER_S);
	ctl_server_tick(&d);
	assert_int_equal(c->state, CLIENT_SHOWING);
	d.now = instant_add(d.now, 2 * NS_PER_S);
	ctl_server_tick(&d);
	assert_int_equal(c->state, CLIENT_FREE);
	close(peer);
}

/* Who hangs up in the middle leaves nothing behind: the counts of `links` go with it. */
static void test_hang_up(void **state)
{
	struct ctl_client *c;
	uint32_t generation;
	int peer;

	(void)state;
	fake.tunnels = 100000;
	c = client(&peer);
	request(c, "show links");
	assert_int_equal(c->state, CLIENT_SHOWING);
	assert_non_null(c->walk.held);
	generation = c->generation;
	close(peer);
	ctl_server_io(&d, (uint32_t)(c - d.ctl.clients), generation, EPOLLHUP);
	assert_int_equal(c->state, CLIENT_FREE);
	assert_null(c->walk.held);
	assert_null(c->out.text);
	assert_false(ctl_server_slice(&d));
}

/* Views share the loop: in each turn of it one slice of one client. */
static void test_turns(void **state)
{
	struct ctl_client *c[3];
	int peer[3];

	(void)state;
	fake.tunnels = 100000;
	for (unsigned i = 0; i < 3; i++) {
		c[i] = client(&peer[i]);
		request(c[i], "show tunnels limit=100000");
	}
	for (unsigned turn = 0; turn < 30; turn++) {
		uint64_t before = fake.visits;

		assert_true(ctl_server_slice(&d));
		assert_int_equal(fake.visits - before, SHOW_SLICE);
		for (unsigned i = 0; i < 3; i++) {
			assert_true(take(peer[i]));
			ctl_client_flush(&d, c[i]);
		}
	}
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(c[i]->walk.rows, 11 * SHOW_SLICE);
		close(peer[i]);
	}
}

static uint64_t number(const struct jvalue *row, const char *key)
{
	const struct jvalue *v = jvalue_get(row, key);

	if (!v || v->type != J_NUMBER)
		fail_msg("%s is missing", key);
	return (uint64_t)(v->number + 0.5);
}

static struct jvalue *shown(enum ctl_view view)
{
	struct show_walk w;
	struct json j = {0};
	struct jvalue *v;

	show_begin(&w, view, 100);
	while (!show_step(&d, &w, &j))
		;
	show_end(&w);
	v = json_read(j.text, j.len);
	json_free(&j);
	assert_non_null(v);
	return v;
}

/* A counter is a row of its table and nothing else: each is in the answer, with its own value, and so is its meaning. */
static void test_counters(void **state)
{
	static const char *const worker_names[] = {
#define ROW(field, name, unit, text) name,
	        DP_WORKER_COUNTERS(ROW)};
	static const char *const link_names[] = {DP_LINK_COUNTERS(ROW)};
#undef ROW
	uint64_t *v = (uint64_t *)&fake.worker;
	struct jvalue *doc;
	const struct jvalue *row, *meaning;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(worker_names); i++)
		v[i] = (100 + i) * (strcmp(worker_names[i], "busy_s") == 0 ? NS_PER_S : 1);
	v = (uint64_t *)&fake.counters[0];
	for (unsigned i = 0; i < ARRAY_LEN(link_names); i++)
		v[i] = 200 + i;
	doc = shown(CTL_VIEW_WORKERS);
	row = jvalue_get(doc, "workers")->first;
	meaning = jvalue_get(doc, "counters")->first;
	for (unsigned i = 0; i < ARRAY_LEN(worker_names); i++, meaning = meaning->next) {
		assert_int_equal(number(row, worker_names[i]), 100 + i);
		assert_string_equal(jvalue_text(meaning, "counter"), worker_names[i]);
		assert_true(strlen(jvalue_text(meaning, "text")) > 8);
	}
	assert_null(meaning);
	jvalue_free(doc);
	doc = shown(CTL_VIEW_DROPS);
	row = jvalue_get(doc, "drops")->first;
	for (unsigned i = 0; i < DROP_REASONS; i++, row = row->next) {
		assert_string_equal(jvalue_text(row, "reason"), drop_rows[i].name);
		assert_string_equal(jvalue_text(row, "text"), drop_rows[i].text);
		assert_int_equal(number(row, "count"), 5 * i);
	}
	assert_null(row);
	jvalue_free(doc);
	fake.nlinks = 1;
	doc = shown(CTL_VIEW_LINKS);
	row = jvalue_get(doc, "links")->first;
	assert_int_equal(rows_of(doc, "counters"), ARRAY_LEN(link_names));
	for (unsigned i = 0; i < ARRAY_LEN(link_names); i++)
		assert_int_equal(number(row, link_names[i]), 200 + i);
	jvalue_free(doc);
}

static void take_row(void *arg, const struct dp_event *e)
{
	ctl_server_event(arg, e);
}

/* Three ask for the connections at a time, and one of them leaves: the others get every row. */
static void test_connections(void **state)
{
	struct ctl_client *c[3];
	int peer[3];

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		c[i] = client(&peer[i]);
		request(c[i], "show connections");
	}
	close(peer[0]);
	ctl_server_io(&d, 0, c[0]->generation, EPOLLHUP);
	ctl_server_tick(&d);
	for (unsigned turn = 0; turn < 10; turn++) {
		ctl_server_slice(&d);
		pump_events(&d, take_row);
	}
	for (unsigned i = 1; i < 3; i++) {
		struct jvalue *v;

		assert_false(take(peer[i]));
		v = document();
		assert_int_equal(rows_of(v, "connections"), 2);
		assert_false(jvalue_get(v, "truncated")->truth);
		jvalue_free(v);
		answer_len = 0;
		close(peer[i]);
	}
}

/* More connections than the buffer of a client may hold: one who reads slowly gets each of them once, in slices that are asked for as he
 * reads, and others are served meanwhile. */
static void test_connections_many(void **state)
{
	enum { EACH = 15000 };
	static bool seen[2][EACH];
	struct ctl_client *c;
	uint32_t dumps;
	struct jvalue *v;
	int peer, quick;
	size_t cap = 0;

	(void)state;
	memset(seen, 0, sizeof(seen));
	fake.connections = EACH;
	c = client(&peer);
	request(c, "show connections limit=100000");
	for (unsigned turn = 0; turn < 100; turn++) {
		pump_events(&d, take_row);
		ctl_server_slice(&d);
	}
	/* Nobody reads, and nobody asks: some slices are in the socket and in the buffer. */
	dumps = fake.dumps;
	assert_true(dumps < 10);
	assert_int_equal(c->state, CLIENT_SHOWING);
	request(client(&quick), "show connections limit=3");
	for (unsigned turn = 0; turn < 10; turn++) {
		pump_events(&d, take_row);
		ctl_server_slice(&d);
	}
	assert_false(take(quick));
	v = document();
	assert_int_equal(rows_of(v, "connections"), 3);
	assert_true(jvalue_get(v, "truncated")->truth);
	jvalue_free(v);
	close(quick);
	answer_len = 0;
	while (take(peer)) {
		ctl_client_flush(&d, c);
		cap = c->out.cap > cap ? c->out.cap : cap;
		ctl_server_slice(&d);
		pump_events(&d, take_row);
	}
	assert_true(answer_len > CLIENT_OUT_MAX);
	assert_true(cap < 1u << 20);
	v = document();
	assert_int_equal(rows_of(v, "connections"), 2 * EACH);
	assert_false(jvalue_get(v, "truncated")->truth);
	for (const struct jvalue *r = jvalue_get(v, "connections")->first; r; r = r->next) {
		bool *at = &seen[number(r, "worker")][number(r, "bytes_in")];

		assert_false(*at);
		*at = true;
	}
	jvalue_free(v);
	close(peer);
}

struct limit_case {
	unsigned limit, each, rows; /* each: of a worker */
	bool truncated;
};

/* `show WHAT limit=N`, whose rows the workers tell. */
static void limits(const char *what, const struct limit_case *cases, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct jvalue *v;
		char line[64];
		int peer;

		fake.connections = cases[i].each;
		snprintf(line, sizeof(line), "show %s limit=%u", what, cases[i].limit);
		request(client(&peer), line);
		while (take(peer)) {
			pump_events(&d, take_row);
			ctl_server_slice(&d);
		}
		v = document();
		assert_int_equal(rows_of(v, what), cases[i].rows);
		assert_int_equal(jvalue_get(v, "truncated")->truth, cases[i].truncated);
		jvalue_free(v);
		answer_len = 0;
		close(peer);
	}
}

/* The limit counts the rows of all workers, and an answer that has all of them is not called cut. */
static void test_connections_limit(void **state)
{
	static const struct limit_case cases[] = {{600, 300, 600, false}, {599, 300, 599, true},
	                                          {300, 300, 300, true},  {1, 1, 1, true},
	                                          {512, 256, 512, false}, {256, 256, 256, true}};

	(void)state;
	limits("connections", cases, ARRAY_LEN(cases));
}

/* Sockets that are nobody's are left out, and do not count. */
static void test_sockets_limit(void **state)
{
	static const struct limit_case cases[] = {{1000, 300, 400, false},
	                                          {400, 300, 400, false},
	                                          {399, 300, 399, true},
	                                          {2, 3, 2, true},
	                                          {1, 3, 1, true}};

	(void)state;
	limits("sockets", cases, ARRAY_LEN(cases));
}

/* A worker that never says that its rows have ended: the answer comes without it, and says so. */
static void test_connections_cut(void **state)
{
	struct ctl_client *c;
	struct jvalue *v;
	int peer;

	(void)state;
	c = client(&peer);
	fake.room = 0; /* the command finds no room: the workers never hear of it */
	request(c, "show connections");
	d.now = instant_add(d.now, 3 * NS_PER_S);
	ctl_server_tick(&d);
	assert_false(take(peer));
	v = document();
	assert_int_equal(rows_of(v, "connections"), 0);
	assert_true(jvalue_get(v, "truncated")->truth);
	jvalue_free(v);
	close(peer);
}

/* The configuration is read again between two slices: sections and names that stay are there once. */
static void test_config_changes(void **state)
{
	static const char head[] = "[node]\nkey = k\n";
	struct show_walk w;
	struct json j = {0};
	struct jvalue *v;
	char *text = malloc(1 << 20);
	unsigned even = 0;

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		size_t n = (size_t)sprintf(text, "%s", head);

		/* At first in order of the numbers, later backwards and without the odd ones. */
		for (unsigned i = 0; i < 800; i++) {
			unsigned number = round ? 799 - i : i;

			if (round == 0 || number % 2 == 0)
				n += (size_t)sprintf(text + n,
				                     "[link l%03u]\ntype = udp-socket\nlocal = "
				                     "127.0.0.1:%u\nremote = 127.0.0.1:9\n",
				                     number, 10000 + number);
		}
		conf_free(&d.conf);
		configure(text);
		if (round)
			break;
		show_begin(&w, CTL_VIEW_CONFIG, 1);
		assert_false(show_step(&d, &w, &j));
		/* A row of 800 costs a look at 800 names: fewer make a slice. */
		assert_true(*w.name && atoi(w.name + 1) < SHOW_SLICE / 8);
	}
	while (!show_step(&d, &w, &j))
		;
	v = json_read(j.text, j.len);
	assert_non_null(v);
	for (const struct jvalue *r = jvalue_get(v, "config")->first; r; r = r->next)
		if (jvalue_text(r, "name"))
			even += atoi(jvalue_text(r, "name") + 1) % 2 == 0;
	assert_int_equal(even, 400);
	assert_non_null(jvalue_get(v, "names"));
	jvalue_free(v);
	json_free(&j);
	show_end(&w);
	free(text);
}

/* Static cross-connects are rows, too. */
static void test_static_labels(void **state)
{
	struct jvalue *v;
	int peer;

	(void)state;
	configure(
	        "[node]\nkey = k\n[port p]\ndevice = x\n[link g]\ntype = ethernet\nport = p\n"
	        "seal = no\ncontrol = no\n[lsp a]\nin-link = g\nin-label = 100-999\nout-link = g\n"
	        "out-label = 10000-10899\n[lsp b]\nin-link = g\nin-label = 16\nout-link = g\n"
	        "out-label = 17\n");
	request(client(&peer), "show labels");
	while (take(peer))
		ctl_server_slice(&d);
	v = document();
	assert_int_equal(rows_of(v, "labels"), 20 + 900 + 1);
	jvalue_free(v);
	close(peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_visits, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_one_document, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_mute, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_hang_up, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_turns, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_counters, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_connections, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_connections_cut, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_connections_many, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_connections_limit, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_sockets_limit, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_config_changes, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_static_labels, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
