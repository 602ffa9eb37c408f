/* SPDX-License-Identifier: BSD-3-Clause */
/* Users outlive what they have for as long as they owe something, and no longer; shares leave something for others. */
#include "gwtest.h"

#define START INT64_C(1000000)

static struct gw_limits l;

static int setup(void **state)
{
	(void)state;
	memset(&l, 0, sizeof(l));
	l.user.connects = 10;
	TAILQ_INIT(&l.users);
	TAILQ_INIT(&l.idle);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gw_users_free(&l);
	return 0;
}

static unsigned length(const struct gw_users *list)
{
	const struct gw_user *u;
	unsigned n = 0;

	TAILQ_FOREACH (u, list, all)
		n++;
	return n;
}

static void test_buckets_outlive_the_last_holder(void **state)
{
	struct gw_user *u = gw_user_get(&l, 7, 2), *same;
	enum account_limit limit;
	int64_t fill;

	(void)state;
	assert_ptr_equal(gw_user_hold(u, 3), u);
	assert_null(gw_user_hold(NULL, 3));
	assert_int_equal(u->fds, 5);
	fill = account_fill_ns(&u->account);
	assert_int_equal(fill, 600 * NS_PER_MS);
	while (account_connect(&u->account, 0, (struct instant){START}, &limit) == 0)
		account_release(&u->account);
	assert_int_equal(limit, ACCOUNT_CONNECTS);
	gw_user_put(&l, u, 3, START);
	assert_int_equal(length(&l.users), 1);
	gw_user_put(&l, u, 2, START);
	assert_true(TAILQ_EMPTY(&l.users));
	gw_users_age(&l, START + fill - 1);
	assert_int_equal(length(&l.idle), 1);
	same = gw_user_get(&l, 7, 0);
	assert_ptr_equal(same, u);
	assert_int_equal(l.nidle, 0);
	assert_int_equal(account_connect(&same->account, 0, (struct instant){START}, &limit),
	                 EAGAIN);
	gw_user_put(&l, same, 0, START);
	gw_users_age(&l, START + fill);
	assert_int_equal(length(&l.idle), 0);
	gw_user_put(&l, NULL, 1, START);
}

static void test_kept_while_something_is_charged(void **state)
{
	struct gw_user *u = gw_user_get(&l, 7, 0);

	(void)state;
	tcp_charge_add(&u->account.streams);
	gw_user_put(&l, u, 0, START);
	gw_users_age(&l, START + 3600 * NS_PER_S);
	assert_int_equal(length(&l.idle), 1);
	/* Nor does it give way, however many come and go. */
	for (uint32_t uid = 100; uid < 100 + 3 * GW_USERS_IDLE; uid++)
		gw_user_put(&l, gw_user_get(&l, uid, 0), 0, START);
	assert_int_equal(length(&l.idle), GW_USERS_IDLE + 1);
	assert_int_equal(l.nidle, GW_USERS_IDLE + 1);
	assert_ptr_equal(TAILQ_FIRST(&l.idle), u);
	assert_int_equal(TAILQ_NEXT(u, all)->uid, 100 + 2 * GW_USERS_IDLE);
	tcp_charge_release(&u->account.streams);
	gw_users_age(&l, START + NS_PER_S);
	assert_int_equal(length(&l.idle), 0);
}

/* Each of several users takes whatever it gets: nobody is left with nothing, and the first has half. */
static void test_shares(void **state)
{
	uint32_t has[6] = {0}, left = 1000;
	struct gw_user u = {.uid = 7};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(has); i++)
		while (gw_user_share(&u, has[i], 1, left)) {
			has[i]++;
			left--;
		}
	assert_int_equal(has[0], 500 - 1 + (has[0] == 500));
	for (unsigned i = 0; i < ARRAY_LEN(has); i++)
		assert_true(has[i] > 0);
	assert_true(left > 0);
	assert_false(gw_user_share(&u, UINT32_MAX, UINT32_MAX, UINT32_MAX));
	assert_true(gw_user_share(NULL, 1000, 1, 0));
	u.trusted = true;
	assert_true(gw_user_share(&u, 1000, 1, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_buckets_outlive_the_last_holder, setup,
	                                        teardown),
	        cmocka_unit_test_setup_teardown(test_kept_while_something_is_charged, setup,
	                                        teardown),
	        cmocka_unit_test_setup_teardown(test_shares, setup, teardown),
	};

	return cmocka_run_group_tests_name("gateway, users", tests, NULL, NULL);
}
