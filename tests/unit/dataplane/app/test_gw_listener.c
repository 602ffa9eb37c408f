/* SPDX-License-Identifier: BSD-3-Clause */
/* A listener is told to every worker, is ready when all have answered, and its port is free as soon as its client lets go. */
#include "gwtest.h"

#define PORT 7000

static struct gwtest t;
static struct gw_client client, other;

static int setup(void **state)
{
	gwtest_start(&t);
	client = other = (struct gw_client){0};
	return 0;
}

static int teardown(void **state)
{
	gwtest_end(&t);
	return 0;
}

/* Lets go of a listener, and takes the messages about it. */
static void withdraw(struct gw_listener *l)
{
	struct bridge_msg m;

	gw_unlisten(&t.g, l);
	gw_listeners_flush(&t.g);
	for (unsigned w = 0; w < GW_WORKERS; w++)
		while (gwtest_message(&t, w, &m))
			;
}

static void test_every_worker_is_told_once(void **state)
{
	struct bridge_msg m;
	uint32_t token;

	assert_int_equal(gw_listen(&t.g, &client, PORT, 16), 0);
	token = client.listener->token;
	gw_listeners_flush(&t.g);
	gw_listeners_flush(&t.g);
	for (unsigned w = 0; w < GW_WORKERS; w++) {
		assert_true(gwtest_message(&t, w, &m));
		assert_int_equal(m.type, BRIDGE_LISTEN);
		assert_int_equal(m.token, token);
		assert_int_equal(m.port, PORT);
		assert_int_equal(m.backlog, 16);
		assert_false(gwtest_message(&t, w, &m));
		assert_true(t.bridge[w].to_worker_new);
	}
	gw_unlisten(&t.g, client.listener);
	assert_null(client.listener);
	gw_listeners_flush(&t.g);
	for (unsigned w = 0; w < GW_WORKERS; w++) {
		assert_true(gwtest_message(&t, w, &m));
		assert_int_equal(m.type, BRIDGE_UNLISTEN);
		assert_int_equal(m.token, token);
		assert_false(gwtest_message(&t, w, &m));
	}
}

/* The last missing answer completes it; a worker that answers twice does not stand for another. */
static void test_ready_when_all_have_answered(void **state)
{
	struct gw_listener *l;

	assert_int_equal(gw_listen(&t.g, &client, PORT, 16), 0);
	l = client.listener;
	assert_null(gw_listening(&t.g, 1, l->token, 0));
	assert_null(gw_listening(&t.g, 1, l->token, 0));
	assert_ptr_equal(gw_listening(&t.g, 0, l->token, 0), l);
	assert_int_equal(l->err, 0);
	assert_null(gw_listening(&t.g, 0, l->token, 0));
	withdraw(l);
}

/* One refusal is enough, and the first cause is told. */
static void test_first_error_is_kept(void **state)
{
	struct gw_listener *l;

	assert_int_equal(gw_listen(&t.g, &client, PORT, 16), 0);
	l = client.listener;
	assert_null(gw_listening(&t.g, 0, l->token, EADDRINUSE));
	assert_ptr_equal(gw_listening(&t.g, 1, l->token, ENOBUFS), l);
	assert_int_equal(l->err, EADDRINUSE);
	withdraw(l);
}

static void test_port_has_one_listener(void **state)
{
	uint32_t old;

	assert_int_equal(gw_listen(&t.g, &client, PORT, 16), 0);
	assert_int_equal(gw_listen(&t.g, &other, PORT, 16), -EADDRINUSE);
	assert_null(other.listener);
	assert_int_equal(gw_listen(&t.g, &other, PORT + 1, 16), 0);
	assert_int_not_equal(other.listener->token, client.listener->token);
	withdraw(other.listener);
	/* The port is free, and answers about the old listener do not reach the new one. */
	old = client.listener->token;
	withdraw(client.listener);
	assert_int_equal(gw_listen(&t.g, &other, PORT, 16), 0);
	assert_int_not_equal(other.listener->token, old);
	assert_null(gw_listener_of(&t.g, old));
	assert_null(gw_listening(&t.g, 0, old, EADDRINUSE));
	assert_int_equal(other.listener->err, 0);
	assert_ptr_equal(gw_listener_of(&t.g, other.listener->token), other.listener);
	withdraw(other.listener);
}

/* Tokens come back from workers: any value may be asked for. */
static void test_unknown_tokens(void **state)
{
	assert_null(gw_listener_of(&t.g, 0));
	assert_null(gw_listener_of(&t.g, UINT32_MAX));
	assert_int_equal(gw_listen(&t.g, &client, PORT, 16), 0);
	assert_null(gw_listener_of(&t.g, client.listener->token ^ 0x10000));
	assert_null(gw_listener_of(&t.g, client.listener->token + 1));
	withdraw(client.listener);
}

/* Worker 0's ring has no room: nobody is forgotten or told twice, and LISTEN stays before UNLISTEN. */
static void test_full_ring_delays(void **state)
{
	struct bridge_msg m;

	gwtest_fill(&t, 0);
	assert_int_equal(gw_listen(&t.g, &client, PORT, 16), 0);
	gw_listeners_flush(&t.g);
	gw_unlisten(&t.g, client.listener);
	gw_listeners_flush(&t.g);
	assert_false(TAILQ_EMPTY(&t.g.owe_listeners));
	gwtest_drain(&t, 0);
	gw_listeners_flush(&t.g);
	for (unsigned w = 0; w < GW_WORKERS; w++) {
		assert_true(gwtest_message(&t, w, &m));
		assert_int_equal(m.type, BRIDGE_LISTEN);
		assert_true(gwtest_message(&t, w, &m));
		assert_int_equal(m.type, BRIDGE_UNLISTEN);
		assert_false(gwtest_message(&t, w, &m));
	}
	assert_null(t.g.listeners[0]);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        test(test_every_worker_is_told_once),
	        test(test_ready_when_all_have_answered),
	        test(test_first_error_is_kept),
	        test(test_port_has_one_listener),
	        test(test_unknown_tokens),
	        test(test_full_ring_delays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
