/* SPDX-License-Identifier: BSD-3-Clause */
/* A session's keys and labels as control sets them: what makes no sense changes nothing, and no command repeats a nonce or opens a window anew. */
#include "sessnet.h"
#include "session/priv.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define INDEX 3

static struct sessnet n;
static struct worker_sessions *s;

static int setup(void **state)
{
	sessnet_start(&n, 1);
	s = n.side[0].sess;
	return 0;
}

static int teardown(void **state)
{
	sessnet_stop(&n);
	return 0;
}

static struct cp_session whole(void)
{
	return (struct cp_session){.session = INDEX,
	                           .out_link = SESSNET_LINK,
	                           .path_mtu = 1280,
	                           .out_label = 1001,
	                           .remote = n.cfg[1].id};
}

static struct tunnel_end *made(void)
{
	struct cp_session c = whole();

	assert_int_equal(end_set(s, &c, n.now), 0);
	return s->table[INDEX];
}

static struct cp_lane_key key(unsigned phase, uint8_t fill)
{
	struct cp_lane_key c = {.session = INDEX, .alg = AEAD_CHACHA20_POLY1305, .index = phase};

	memset(c.key, fill, sizeof(c.key));
	return c;
}

static int tx(unsigned phase, uint8_t fill)
{
	struct cp_lane_key c = key(phase, fill);

	return end_tx_key(s, &c, n.now);
}

/* To be used from the first packet on that is opened under its phase. */
static int tx_staged(unsigned phase, uint8_t fill)
{
	struct cp_lane_key c = key(phase, fill);

	c.link = CP_KEY_WHEN_USED;
	return end_tx_key(s, &c, n.now);
}

static int rx(unsigned phase, uint8_t fill)
{
	struct cp_lane_key c = key(phase, fill);

	return end_rx_key(s, &c);
}

static void test_impossible_ends(void **state)
{
	struct cp_session c = whole();

	c.session = s->table_size;
	assert_int_equal(end_set(s, &c, n.now), -EINVAL);
	c = whole();
	c.out_label = 0x100000;
	assert_int_equal(end_set(s, &c, n.now), -EINVAL);
	assert_null(s->table[INDEX]);
	assert_int_equal(remote_find(s, &c.remote), SESS_NONE);
	assert_int_equal(tx(0, 1), -EINVAL); /* no such session */
	assert_int_equal(rx(0, 1), -EINVAL);
}

/* A change moves the tunnel and keeps the keys; a segment is never larger than a buffer. */
static void test_change_keeps_keys(void **state)
{
	struct cp_session c = whole();
	struct tunnel_end *e = made();

	assert_int_equal(tx(0, 1), 0);
	e->tx->counter = 7;
	c.out_label = 2002;
	c.out_link = SESSNET_LINK + 1;
	c.path_mtu = 9000;
	assert_int_equal(end_set(s, &c, n.now), 0);
	assert_ptr_equal(s->table[INDEX], e);
	assert_int_equal(e->tx->counter, 7);
	assert_int_equal(e->out_label, 2002);
	assert_int_equal(e->out_link, SESSNET_LINK + 1);
	assert_int_equal(e->path_mtu, SESS_SEG_MAX);
}

/* The same index for another id is another session: nothing of the old one is left. */
static void test_index_reused_for_another_id(void **state)
{
	struct cp_session c = whole();

	(void)made();
	assert_int_equal(tx(0, 1), 0);
	c.remote.b[0] ^= 1;
	assert_int_equal(end_set(s, &c, n.now), 0);
	assert_null(s->table[INDEX]->tx);
	assert_true(id_eq(&s->remotes[s->table[INDEX]->remote].id, &c.remote));
	assert_int_equal(remote_find(s, &n.cfg[1].id), SESS_NONE);
}

static void test_repeated_sending_key_keeps_its_counter(void **state)
{
	struct tunnel_end *e = made();

	assert_int_equal(tx(0, 1), 0);
	e->tx->counter = 7;
	assert_int_equal(tx(0, 1), 0);
	assert_int_equal(e->tx->counter, 7);
	assert_int_equal(tx_staged(0, 1), 0);
	assert_int_equal(e->tx->counter, 7);
	assert_null(e->staged);
	assert_int_equal(tx(1, 2), 0);
	assert_int_equal(e->tx->counter, 0);
	assert_int_equal(e->tx->phase, 1);
}

static void test_keys_that_cannot_be(void **state)
{
	struct tunnel_end *e = made();
	struct cp_lane_key c = key(1, 2);

	assert_int_equal(tx(SESS_PHASES, 1), -EINVAL);
	assert_int_equal(rx(SESS_PHASES, 1), -EINVAL);
	assert_int_equal(tx(0, 1), 0);
	assert_int_equal(rx(1, 1), 1);
	c.alg = 99;
	assert_int_equal(end_tx_key(s, &c, n.now), -ENOTSUP);
	assert_int_equal(end_rx_key(s, &c), -ENOTSUP);
	assert_int_equal(e->tx->phase, 0); /* the old ones are still there */
	assert_non_null(e->rx[1]);
	assert_int_equal(tx_staged(2, 3), 0);
	assert_int_equal(end_tx_key(s, &c, n.now), -ENOTSUP);
	assert_non_null(e->staged);
}

static void test_keys_without_memory(void **state)
{
	struct tunnel_end *e = made();

	assert_int_equal(tx(0, 1), 0);
	assert_int_equal(rx(0, 1), 1);
	sessnet_no_memory = true;
	assert_int_equal(tx(1, 2), -ENOMEM);
	assert_int_equal(tx_staged(1, 2), -ENOMEM);
	assert_int_equal(rx(0, 2), -ENOMEM);
	sessnet_no_memory = false;
	assert_int_equal(e->tx->phase, 0); /* the old ones are still there */
	assert_null(e->staged);
	assert_non_null(e->rx[0]);
}

/* A staged key waits for its own phase, and takes its place with counter 0; another staged key or one for now replaces it. */
static void test_staged_key_waits_for_its_phase(void **state)
{
	struct tunnel_end *e = made();

	assert_int_equal(tx(0, 1), 0);
	e->tx->counter = 7;
	assert_int_equal(tx_staged(1, 2), 0);
	end_phase_used(s, e, 0, n.now);
	assert_int_equal(e->tx->counter, 7);
	end_phase_used(s, e, 1, n.now);
	assert_int_equal(e->tx->phase, 1);
	assert_int_equal(e->tx->counter, 0);
	assert_null(e->staged);
	assert_int_equal(tx_staged(2, 3), 0);
	assert_int_equal(tx_staged(3, 4), 0);
	end_phase_used(s, e, 2, n.now);
	assert_int_equal(e->tx->phase, 1);
	assert_int_equal(tx(2, 5), 0);
	assert_null(e->staged);
	end_phase_used(s, e, 3, n.now);
	assert_int_equal(e->tx->phase, 2);
}

static void test_repeated_receiving_key_keeps_its_window(void **state)
{
	struct tunnel_end *e = made();

	assert_int_equal(rx(0, 1), 1);
	replay_commit(&e->rx[0]->window, 5);
	assert_int_equal(rx(0, 1), 0);
	assert_false(replay_check(&e->rx[0]->window, 5));
	assert_int_equal(rx(1, 2), 1); /* another phase stands beside it */
	assert_false(replay_check(&e->rx[0]->window, 5));
	assert_int_equal(rx(0, 3), 1); /* another key of this phase begins anew */
	assert_true(replay_check(&e->rx[0]->window, 5));
	end_drop_rx_key(e, 0);
	end_drop_rx_key(e, 0);
	assert_null(e->rx[0]);
	assert_non_null(e->rx[1]);
}

/* Connections outlive their session: they are held, and control is asked for another. */
static void test_end_holds_connections(void **state)
{
	struct tunnel_end *e = made();
	uint32_t remote = e->remote;

	assert_int_equal(tx(0, 1), 0);
	s->remotes[remote].streams = 1;
	remote_in_use(s, remote);
	assert_false(s->remotes[remote].held);
	end_free(s, e, n.now);
	assert_null(s->table[INDEX]);
	assert_true(s->remotes[remote].held);
	assert_int_equal(sessnet_events(&n.side[0], EVT_WANT, NULL), 1);
	(void)made();
	assert_int_equal(tx(0, 2), 0);
	assert_int_equal(s->table[INDEX]->remote, remote);
	assert_false(s->remotes[remote].held);
	s->remotes[remote].streams = 0;
}

/* Two sessions with one id: when the one to send on goes, its connections go on in the other, whose far end nobody else is given. */
static void test_other_session_of_the_same_id_takes_over(void **state)
{
	struct cp_session second = whole(), stranger = whole();
	struct tunnel_end *e = made();
	uint32_t remote = e->remote;

	assert_int_equal(tx(0, 1), 0);
	s->remotes[remote].streams = 1;
	remote_in_use(s, remote);
	second.session = INDEX + 1;
	assert_int_equal(end_set(s, &second, n.now), 0);
	assert_int_equal(s->remotes[remote].session, INDEX + 1);
	assert_true(s->remotes[remote].held); /* the new one has no key yet */
	end_free(s, s->table[INDEX + 1], n.now);
	assert_int_equal(s->remotes[remote].session, INDEX);
	assert_false(s->remotes[remote].held);
	s->remotes[remote].streams = 0;
	s->remotes[remote].in_use = false;
	assert_int_equal(end_set(s, &second, n.now), 0);
	end_free(s, s->table[INDEX + 1], n.now);
	stranger.session = INDEX + 2;
	stranger.remote.b[0] ^= 1;
	assert_int_equal(end_set(s, &stranger, n.now), 0);
	assert_int_not_equal(s->table[INDEX + 2]->remote, remote);
	assert_true(id_eq(&s->remotes[s->table[INDEX]->remote].id, &n.cfg[1].id));
	end_free(s, e, n.now);
	assert_int_equal(remote_find(s, &n.cfg[1].id), SESS_NONE);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        test(test_impossible_ends),
	        test(test_change_keeps_keys),
	        test(test_index_reused_for_another_id),
	        test(test_repeated_sending_key_keeps_its_counter),
	        test(test_keys_that_cannot_be),
	        test(test_keys_without_memory),
	        test(test_staged_key_waits_for_its_phase),
	        test(test_repeated_receiving_key_keeps_its_window),
	        test(test_end_holds_connections),
	        test(test_other_session_of_the_same_id_takes_over),
	};

	sessnet_global();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
