/* SPDX-License-Identifier: BSD-3-Clause */
/* Remotes: found by id among many, kept while anything needs them, held while there is no session to send on; control is asked and told. */
#include "sessnet.h"
#include "seal/seal.h"
#include "session/priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define INDEX 3 /* a session */

static struct sessnet n;
static struct side *side = &n.side[0];
static struct worker_sessions *s;

static int setup(void **state)
{
	sessnet_start(&n, 1);
	s = side->sess;
	return 0;
}

static int teardown(void **state)
{
	sessnet_stop(&n);
	return 0;
}

static struct node_id id(uint32_t number)
{
	struct node_id out = {0};

	memcpy(out.b + 12, &number, sizeof(number));
	return out;
}

static uint32_t make(uint32_t number)
{
	struct node_id i = id(number);

	return remote_get(s, &i);
}

static uint32_t find(uint32_t number)
{
	struct node_id i = id(number);

	return remote_find(s, &i);
}

static unsigned wants(void)
{
	return sessnet_events(side, EVT_WANT, NULL);
}

/* EVT_SESSION_IDLE so far; the last one said `idle`. */
static void told_idle(unsigned times, unsigned idle)
{
	struct dp_event ev = {0};

	assert_int_equal(sessnet_events(side, EVT_SESSION_IDLE, &ev), times);
	assert_int_equal(ev.u.idle.session, INDEX);
	assert_int_equal(ev.u.idle.idle, idle);
}

/* A session with that id, of which control gives key and label if it is `whole`. */
static struct tunnel_end *session(uint32_t number, bool whole)
{
	struct cp_session c = {.session = INDEX,
	                       .out_link = SESSNET_LINK,
	                       .path_mtu = 1280,
	                       .out_label = whole ? 1001 : LABEL_NONE,
	                       .remote = id(number)};
	struct cp_lane_key key = {.session = INDEX, .alg = AEAD_CHACHA20_POLY1305};

	assert_int_equal(end_set(s, &c, n.now), 0);
	if (whole)
		assert_int_equal(end_tx_key(s, &key, n.now), 0);
	return s->table[INDEX];
}

static void test_one_index_for_an_id(void **state)
{
	uint32_t a = make(1), b = make(2);

	assert_int_not_equal(a, SESS_NONE);
	assert_int_not_equal(a, b);
	assert_int_equal(make(1), a);
	assert_int_equal(find(1), a);
	assert_int_equal(find(2), b);
	assert_int_equal(find(3), SESS_NONE);
	assert_true(s->remotes[a].held);
}

/* A full table refuses new ids and keeps the old; each that goes makes room for one, and no chain breaks. */
static void test_full_table(void **state)
{
	uint32_t total = s->nremotes;

	for (uint32_t i = 0; i < total; i++)
		assert_int_not_equal(make(i), SESS_NONE);
	assert_int_equal(make(total), SESS_NONE);
	assert_int_not_equal(make(0), SESS_NONE);
	for (uint32_t i = 0; i < total; i += 2)
		remote_release(s, find(i));
	for (uint32_t i = 0; i < total; i++)
		assert_int_equal(find(i) == SESS_NONE, i % 2 == 0);
	for (uint32_t i = 0; i < total; i += 2)
		assert_int_not_equal(make(total + i), SESS_NONE);
	assert_int_equal(make(4 * total), SESS_NONE);
	for (uint32_t i = 1; i < total; i += 2) {
		struct node_id kept = id(i);

		assert_true(id_eq(&s->remotes[find(i)].id, &kept));
	}
}

static void test_kept_while_needed(void **state)
{
	uint32_t i = make(1);
	struct remote *p = &s->remotes[i];

	p->streams = 1;
	remote_release(s, i);
	assert_int_equal(find(1), i);
	p->streams = 0;
	p->in_use = true;
	remote_release(s, i);
	assert_int_equal(find(1), i);
	p->in_use = false;
	session(1, false);
	remote_release(s, i);
	assert_int_equal(find(1), i);
	end_free(s, s->table[INDEX], n.now); /* nothing else needs it */
	assert_int_equal(find(1), SESS_NONE);
	remote_release(s, i); /* nothing happens twice */
	assert_int_equal(make(2), i);
	assert_int_not_equal(make(3), i);
}

/* Control is asked once, then at each tick, until there is a session to send on. */
static void test_wanted_until_there_is_a_session(void **state)
{
	uint32_t i = make(1);

	remote_update(s, i, n.now);
	assert_int_equal(wants(), 0); /* no connection uses it */
	s->remotes[i].streams = 1;
	remote_in_use(s, i);
	remote_update(s, i, n.now);
	remote_update(s, i, n.now);
	assert_int_equal(wants(), 1);
	remotes_tick(s);
	assert_int_equal(wants(), 2);
	session(1, false);
	assert_true(s->remotes[i].held);
	assert_int_equal(s->nwanted, 1);
	session(1, true);
	assert_false(s->remotes[i].held);
	assert_int_equal(s->nwanted, 0);
	remotes_tick(s);
	assert_int_equal(wants(), 2);
	s->remotes[i].streams = 0;
}

/* A key that has sealed all that it may is as good as none. */
static void test_spent_key_holds(void **state)
{
	struct tunnel_end *e = session(1, true);

	assert_false(s->remotes[e->remote].held);
	e->tx->counter = SEAL_REFUSE_AT - 1;
	remote_update(s, e->remote, n.now);
	assert_false(s->remotes[e->remote].held);
	e->tx->counter = SEAL_REFUSE_AT;
	remote_update(s, e->remote, n.now);
	assert_true(s->remotes[e->remote].held);
}

/* Control hears of use and of its end once each, and of nothing in between; what it had no room for is told at the next use. */
static void test_use_and_its_end_are_told(void **state)
{
	struct tunnel_end *e = session(1, true);
	uint32_t i = e->remote;

	side->events_full = true;
	remote_in_use(s, i);
	side->events_full = false;
	assert_int_equal(sessnet_events(side, EVT_SESSION_IDLE, NULL), 0);
	remote_in_use(s, i);
	remote_in_use(s, i);
	told_idle(1, 0);
	s->remotes[i].streams = 1; /* an application holds a connection */
	remotes_tick(s);
	told_idle(1, 0);
	s->remotes[i].streams = 0;
	remote_in_use(s, i);
	remotes_tick(s); /* TCP has no connection to it */
	told_idle(2, 1);
	assert_false(s->remotes[i].in_use);
	assert_int_equal(find(1), i); /* the session is still there */
	remote_in_use(s, i);
	told_idle(3, 0);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        test(test_one_index_for_an_id), test(test_full_table),
	        test(test_kept_while_needed),   test(test_wanted_until_there_is_a_session),
	        test(test_spent_key_holds),     test(test_use_and_its_end_are_told),
	};

	sessnet_global();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
