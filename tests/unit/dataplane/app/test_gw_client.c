/* SPDX-License-Identifier: BSD-3-Clause */
/* Clients that come: no user takes all the places or all the descriptors, and whoever says nothing is closed. */
#include "gwtest.h"
#include "app/gw_door.h"
#include "app/gw_quota.h"

static struct gwtest t;
static int ends[100];
static unsigned nends;

static int setup(void **state)
{
	(void)state;
	gwtest_start(&t);
	nends = 0;
	return 0;
}

static int teardown(void **state)
{
	struct gw_client *c;

	(void)state;
	while ((c = TAILQ_FIRST(&t.g.clients)))
		gw_client_free(&t.g, c);
	gw_bury(&t.g);
	for (unsigned i = 0; i < nends; i++)
		close(ends[i]);
	gwtest_end(&t);
	return 0;
}

static uint32_t peer_uid; /* who connects, for all that the gateway knows */

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *n);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *n)
{
	(void)fd;
	assert_int_equal(level, SOL_SOCKET);
	assert_int_equal(name, SO_PEERCRED);
	assert_int_equal(*n, sizeof(struct ucred));
	*(struct ucred *)value = (struct ucred){.pid = 1, .uid = peer_uid};
	return 0;
}

/* The client that comes next, or NULL: it was refused. */
static struct gw_client *comes(bool own)
{
	unsigned before = t.g.nclients;
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd), 0);
	assert_true(nends < ARRAY_LEN(ends));
	ends[nends++] = fd[1];
	gw_client_new(&t.g, fd[0], own);
	return t.g.nclients > before ? TAILQ_LAST(&t.g.clients, gw_clients) : NULL;
}

static const char *heard(int fd)
{
	static char line[APP_LINE_MAX + 1];
	ssize_t n = recv(fd, line, sizeof(line) - 1, MSG_DONTWAIT);

	line[n > 0 ? n : 0] = 0;
	return n == 0 ? "end" : line;
}

static unsigned all_that_come(uint32_t uid)
{
	unsigned n = 0;

	peer_uid = uid;
	while (comes(false))
		n++;
	return n;
}

/* Whoever takes all that it gets, takes half; others still get in, and so does root. */
static void test_a_user_has_a_share_of_the_places(void **state)
{
	const unsigned places = t.g.fds_max / 2, first = all_that_come(1001);
	struct gw_user *u = TAILQ_FIRST(&t.g.limits.users);

	(void)state;
	assert_int_equal(first, places / 2);
	assert_int_equal(u->clients, first);
	assert_int_equal(u->fds, first);
	assert_int_equal(u->turned_away, 1);
	assert_non_null(strstr(heard(ends[first]), "EDQUOT this user has as many connections"));
	assert_string_equal(heard(ends[first]), "end");
	assert_int_equal(all_that_come(1002), places / 4);
	assert_true(all_that_come(1003) > 0);
	/* One that goes makes room for one of anybody. */
	gw_client_free(&t.g, TAILQ_FIRST(&t.g.clients));
	assert_int_equal(u->clients, first - 1);
	assert_int_equal(all_that_come(1001), 0);
	peer_uid = 0;
	while (t.g.nclients < places)
		assert_non_null(comes(false));
	assert_null(comes(false));
	assert_non_null(strstr(heard(ends[nends - 1]), "EBUSY"));
}

/* The process that the stack runs in shares with nobody, and may stay silent. */
static void test_own_clients(void **state)
{
	struct gw_client *c;

	(void)state;
	peer_uid = 1001;
	for (unsigned i = 0; i < t.g.fds_max / 2; i++) {
		c = comes(true);
		assert_non_null(c);
		assert_null(c->user);
		assert_false(c->mute);
	}
	assert_null(comes(true));
	assert_true(TAILQ_EMPTY(&t.g.limits.users));
}

/* Streams with descriptors count, whoever holds the other ends: here there is a place for a client, and no descriptor for more of this user's. */
static void test_a_user_has_a_share_of_the_descriptors(void **state)
{
	struct gw_client *c;

	(void)state;
	peer_uid = 1001;
	c = comes(false);
	gw_user_hold(c->user, 39);
	t.g.fds += 39;
	assert_true(gw_client_may_hold(&t.g, c, 10));
	assert_false(gw_client_may_hold(&t.g, c, 11));
	gw_user_hold(c->user, 20);
	t.g.fds += 20;
	assert_null(comes(false));
	t.g.fds -= 59;
	gw_user_put(&t.g.limits, c->user, 59, 0);
	gw_user_put(&t.g.limits, c->user, 0, 0);
}

static void test_who_says_nothing_is_closed(void **state)
{
	struct gw_client *speaks = comes(false), *half = comes(false), *mute = comes(false);
	int64_t came = mute->came_at;

	(void)state;
	assert_true(speaks->mute && half->mute && mute->mute);
	assert_int_equal(send(ends[0], "version\n", 8, 0), 8);
	assert_int_equal(send(ends[1], "vers", 4, 0), 4);
	gw_round(&t.g, false);
	assert_false(speaks->mute);
	assert_non_null(strstr(heard(ends[0]), "ok"));
	assert_true(gw_quota_due(&t.g) > 0);
	assert_true(gw_mute_due(&t.g) <= came + GW_MUTE_NS);
	gw_mute_close(&t.g, half->came_at + GW_MUTE_NS - 1);
	assert_int_equal(t.g.nclients, 3);
	gw_mute_close(&t.g, came + GW_MUTE_NS);
	assert_int_equal(t.g.nclients, 1);
	assert_non_null(strstr(heard(ends[2]), "ETIMEDOUT"));
	assert_string_equal(heard(ends[2]), "end");
	assert_int_equal(gw_mute_due(&t.g), INT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_a_user_has_a_share_of_the_places, setup,
	                                        teardown),
	        cmocka_unit_test_setup_teardown(test_own_clients, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_a_user_has_a_share_of_the_descriptors, setup,
	                                        teardown),
	        cmocka_unit_test_setup_teardown(test_who_says_nothing_is_closed, setup, teardown),
	};

	return cmocka_run_group_tests_name("gateway, clients", tests, NULL, NULL);
}
