/* SPDX-License-Identifier: BSD-3-Clause */
/* A listener is told to every worker, is ready when all have answered, and its port is free as soon as its client lets go. */
#include "gwtest.h"
#include "app/gw_attach.h"

#include <sys/socket.h>
#include <unistd.h>

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

/* Lets go of a listener; its workers are told, and answer. */
static void withdraw(struct gw_listener *l)
{
	uint32_t token = l->token;
	struct bridge_msg m = {0};

	gw_unlisten(&t.g, l);
	gw_listeners_flush(&t.g);
	for (unsigned w = 0; w < GW_WORKERS; w++) {
		while (gwtest_message(&t, w, &m))
			;
		gw_unlistened(&t.g, w, token);
	}
	assert_null(t.g.listeners[token & 0xffff]);
}

static void test_every_worker_is_told_once(void **state)
{
	struct bridge_msg m = {0};
	uint32_t token;

	assert_int_equal(gw_listen(&t.g, &client, PORT, 16, false), 0);
	token = client.listener->token;
	gw_listeners_flush(&t.g);
	gw_listeners_flush(&t.g);
	for (unsigned w = 0; w < GW_WORKERS; w++) {
		assert_true(gwtest_message(&t, w, &m));
		assert_int_equal(m.type, BRIDGE_LISTEN);
		assert_int_equal(m.token, token);
		assert_int_equal(m.port, PORT);
		assert_int_equal(m.backlog, 15);
		assert_int_equal(m.credit, 2);
		assert_ptr_equal(m.listener, &client.listener->at[w].shared);
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
	/* It stands as long as a worker may touch it. */
	gw_unlistened(&t.g, 1, token);
	assert_non_null(t.g.listeners[token & 0xffff]);
	gw_unlistened(&t.g, 0, token);
	assert_null(t.g.listeners[token & 0xffff]);
}

/* The last missing answer completes it; a worker that answers twice does not stand for another. */
static void test_ready_when_all_have_answered(void **state)
{
	struct gw_listener *l;

	assert_int_equal(gw_listen(&t.g, &client, PORT, 16, false), 0);
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

	assert_int_equal(gw_listen(&t.g, &client, PORT, 16, false), 0);
	l = client.listener;
	assert_null(gw_listening(&t.g, 0, l->token, EADDRINUSE));
	assert_ptr_equal(gw_listening(&t.g, 1, l->token, ENOBUFS), l);
	assert_int_equal(l->err, EADDRINUSE);
	withdraw(l);
}

static void test_port_has_one_listener(void **state)
{
	uint32_t old;

	assert_int_equal(gw_listen(&t.g, &client, PORT, 16, false), 0);
	assert_int_equal(gw_listen(&t.g, &other, PORT, 16, false), -EADDRINUSE);
	assert_null(other.listener);
	assert_int_equal(gw_listen(&t.g, &other, PORT + 1, 16, false), 0);
	assert_int_not_equal(other.listener->token, client.listener->token);
	withdraw(other.listener);
	/* The port is free, and answers about the old listener do not reach the new one. */
	old = client.listener->token;
	withdraw(client.listener);
	assert_int_equal(gw_listen(&t.g, &other, PORT, 16, false), 0);
	assert_int_not_equal(other.listener->token, old);
	assert_null(gw_listener_of(&t.g, old));
	assert_null(gw_listening(&t.g, 0, old, EADDRINUSE));
	assert_int_equal(other.listener->err, 0);
	assert_ptr_equal(gw_listener_of(&t.g, other.listener->token), other.listener);
	withdraw(other.listener);
}

/* Ports of datagrams are others than those of streams. */
static void test_ports_of_datagrams_are_apart(void **state)
{
	struct gw_client third = {0};
	struct bridge_msg m = {0};

	assert_int_equal(gw_listen(&t.g, &client, PORT, 16, false), 0);
	assert_int_equal(gw_datagrams(&t.g, &other, PORT), 0);
	assert_int_equal(gw_datagrams(&t.g, &third, PORT), -EADDRINUSE);
	assert_null(third.listener);
	gw_listeners_flush(&t.g);
	for (unsigned w = 0; w < GW_WORKERS; w++) {
		assert_true(gwtest_message(&t, w, &m));
		assert_int_equal(m.type, BRIDGE_LISTEN);
		assert_true(gwtest_message(&t, w, &m));
		assert_int_equal(m.type, BRIDGE_DATAGRAMS);
		assert_int_equal(m.port, PORT);
		assert_int_equal(m.token, other.listener->token);
	}
	withdraw(other.listener);
	assert_int_equal(gw_listen(&t.g, &third, PORT, 16, false), -EADDRINUSE);
	assert_int_equal(gw_datagrams(&t.g, &other, PORT), 0);
	withdraw(client.listener);
	withdraw(other.listener);
}

/* Those of one user that say so share it; it is free when the last has gone. */
static void test_port_is_shared(void **state)
{
	int fd[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	client.fd = fd[0];
	other.fd = fd[1];
	gw_peer_learn(&client);
	gw_peer_learn(&other);
	assert_int_equal(gw_listen(&t.g, &client, PORT, 16, true), 0);
	assert_int_equal(gw_listen(&t.g, &other, PORT, 16, false), -EADDRINUSE);
	/* Another user's is not. */
	client.listener->uid++;
	assert_int_equal(gw_listen(&t.g, &other, PORT, 16, true), -EADDRINUSE);
	client.listener->uid--;
	assert_int_equal(gw_listen(&t.g, &other, PORT, 16, true), 0);
	withdraw(client.listener);
	assert_int_equal(gw_listen(&t.g, &client, PORT, 16, false), -EADDRINUSE);
	assert_int_equal(gw_listen(&t.g, &client, PORT, 16, true), 0);
	withdraw(other.listener);
	withdraw(client.listener);
	assert_int_equal(gw_listen(&t.g, &client, PORT, 16, false), 0);
	assert_int_equal(gw_listen(&t.g, &other, PORT, 16, true), -EADDRINUSE);
	withdraw(client.listener);
	close(fd[0]);
	close(fd[1]);
}

/* No more than so many share a port, since workers walk over them; and one of an application among them is seen wherever it stands. */
static void test_so_many_share_a_port(void **state)
{
	static struct gw_client many[GW_SHARE_MAX];
	struct gw_app app = {.nlisteners = 1};
	struct bridge_msg m = {0};
	int fd[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	other.fd = fd[0];
	gw_peer_learn(&other);
	for (uint32_t i = 0; i < GW_SHARE_MAX; i++) {
		many[i] = other;
		assert_int_equal(gw_listen(&t.g, &many[i], PORT, 16, true), 0);
		gw_listeners_flush(&t.g);
		for (unsigned w = 0; w < GW_WORKERS; w++)
			while (gwtest_message(&t, w, &m))
				;
	}
	assert_int_equal(gw_listen(&t.g, &other, PORT, 16, true), -ENOBUFS);
	assert_false(gw_app_listens(&t.g, PORT));
	many[GW_SHARE_MAX / 2].listener->app = &app;
	assert_true(gw_app_listens(&t.g, PORT));
	many[GW_SHARE_MAX / 2].listener->app = NULL;
	withdraw(many[0].listener);
	assert_int_equal(gw_listen(&t.g, &other, PORT, 16, true), 0);
	withdraw(other.listener);
	for (uint32_t i = 1; i < GW_SHARE_MAX; i++)
		withdraw(many[i].listener);
	assert_false(gw_app_listens(&t.g, PORT));
	close(fd[0]);
	close(fd[1]);
}

/* Tokens come back from workers: any value may be asked for. */
static void test_unknown_tokens(void **state)
{
	assert_null(gw_listener_of(&t.g, 0));
	assert_null(gw_listener_of(&t.g, UINT32_MAX));
	assert_int_equal(gw_listen(&t.g, &client, PORT, 16, false), 0);
	assert_null(gw_listener_of(&t.g, client.listener->token ^ 0x10000));
	assert_null(gw_listener_of(&t.g, client.listener->token + 1));
	withdraw(client.listener);
}

/* Worker 0's ring has no room: nobody is forgotten or told twice, and LISTEN stays before UNLISTEN. */
static void test_full_ring_delays(void **state)
{
	struct bridge_msg m = {0};

	gwtest_fill(&t, 0);
	assert_int_equal(gw_listen(&t.g, &client, PORT, 16, false), 0);
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
		gw_unlistened(&t.g, w, m.token);
	}
	assert_null(t.g.listeners[0]);
}

/* A listener that waits for room in one worker's ring does not keep another from telling the other worker; what comes first stays first. */
static void test_nobody_waits_for_another_ring(void **state)
{
	struct gw_listener *first, *second;
	struct bridge_msg m = {0};

	gwtest_fill(&t, 0);
	assert_int_equal(gw_listen(&t.g, &client, PORT, 16, false), 0);
	assert_int_equal(gw_listen(&t.g, &other, PORT + 1, 16, false), 0);
	first = client.listener;
	second = other.listener;
	gw_listeners_flush(&t.g);
	assert_true(gwtest_message(&t, 1, &m));
	assert_int_equal(m.token, first->token);
	assert_true(gwtest_message(&t, 1, &m));
	assert_int_equal(m.token, second->token);
	gwtest_drain(&t, 0);
	gw_listeners_flush(&t.g);
	assert_true(gwtest_message(&t, 0, &m));
	assert_int_equal(m.token, first->token);
	assert_true(gwtest_message(&t, 0, &m));
	assert_int_equal(m.token, second->token);
	withdraw(first);
	withdraw(second);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        test(test_every_worker_is_told_once),
	        test(test_ready_when_all_have_answered),
	        test(test_first_error_is_kept),
	        test(test_port_has_one_listener),
	        test(test_ports_of_datagrams_are_apart),
	        test(test_port_is_shared),
	        test(test_so_many_share_a_port),
	        test(test_unknown_tokens),
	        test(test_full_ring_delays),
	        test(test_nobody_waits_for_another_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
