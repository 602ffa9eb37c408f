/* SPDX-License-Identifier: BSD-3-Clause */
/* What applications and users may have: who is at a limit is refused by the errno that it says, and harms nobody else. */
#include "lanepair.h"

static void limited(struct lapp *a, struct app_account *account, struct app_account *user)
{
	static const struct dp_app_limits none;

	account_init(account, &none, user);
	a->seg.account = account;
}

/* A user who has all streams that one may have is refused another, in either of two applications, and another user is not. What comes in waits
 * until one has ended. */
static void test_streams_of_a_user(void **state)
{
	const struct dp_app_limits two = {.streams = 2};
	struct app_account *account = aligned_alloc(COYO_CACHELINE, 3 * sizeof(*account));
	struct app_account *user = aligned_alloc(COYO_CACHELINE, 2 * sizeof(*user));
	struct lanes *w = *state;
	struct lapp c = {.b = NULL};

	account_init(&user[0], &two, NULL);
	account_init(&user[1], &two, NULL);
	limited(&w->a, &account[0], &user[0]);
	limited(&w->b, &account[1], &user[1]);
	lapp_start(&w->n, &c, 0, SLOTS, RING);
	limited(&c, &account[2], &user[0]);
	w->a.beside = &c;
	assert_true(LANES_UNTIL(w, c.attached, NS_PER_S));
	listens(w);
	joined(w, 0, 0);
	lapp_connect(&c, 0, &w->n.cfg[1].id, PORT);
	lapp_connect(&w->a, 1, &w->n.cfg[1].id, PORT);
	lapp_connect(&c, 1, &w->n.cfg[1].id, PORT);
	assert_true(LANES_UNTIL(
	        w, has(&w->a, 1, STREAM_ERROR) && has(&c, 1, STREAM_ERROR) && has(&c, 0, APPSEG_UP),
	        NS_PER_S));
	assert_int_equal(lapp_err(&w->a, 1), ENFILE);
	assert_int_equal(lapp_err(&c, 1), ENFILE);
	assert_int_equal(atomic_load(&user[0].refused[ACCOUNT_STREAMS]), 2);
	assert_int_equal(lanes_count(w, 0)->app_no_streams, 2);
	/* The other user has one of its two, and takes the second. */
	lapp_post(&w->b, 1, SLOTS - 1);
	assert_true(LANES_UNTIL(w, w->b.accepted == 2, NS_PER_S));
	lapp_close(&w->a, 1, true);
	lapp_close(&c, 1, true);
	lapp_close(&w->a, 0, true);
	assert_true(
	        LANES_UNTIL(w, has(&w->a, 0, APPSEG_FREE) && has(&c, 1, APPSEG_FREE), NS_PER_S));
	assert_int_equal(tcp_charge_held(&user[0].streams), 1);
	/* There is room for one more here; there it is not answered before there is room. */
	lapp_post(&w->b, 2, SLOTS - 1);
	lapp_connect(&w->a, 2, &w->n.cfg[1].id, PORT);
	lanes_for(w, NS_PER_S);
	assert_false(has(&w->a, 2, APPSEG_UP));
	assert_int_equal(w->b.accepted, 2);
	lapp_close(&w->b, 0, true);
	assert_true(LANES_UNTIL(w, w->b.accepted == 3, 10 * NS_PER_S));
	assert_int_equal(tcp_charge_held(&account[1].streams), 2);
	lapp_bridge(&c, (struct bridge_msg){.type = BRIDGE_APP_LEAVE, .app = c.port});
	assert_true(LANES_UNTIL(w, c.gone, 10 * NS_PER_S));
	assert_int_equal(tcp_charge_held(&account[2].streams), 0);
	/* Its stream is not over before the peer has closed as well. */
	assert_int_equal(tcp_charge_held(&user[0].streams), 2);
	lapp_close(&w->b, 1, false);
	assert_true(LANES_UNTIL(w, tcp_charge_held(&user[0].streams) == 1, NS_PER_S));
	w->a.beside = NULL;
	lapp_free(&c);
	w->a.seg.account = w->b.seg.account = NULL;
	/* What is charged is released where it was. */
	for (uint32_t i = 0; i < SLOTS; i++)
		w->a.seg.slots[i].charged = w->b.seg.slots[i].charged = false;
	free(account);
	free(user);
}

/* Connections that nobody has taken yet are the user's who listens, and so are those that were closed, until they are over. */
static void test_what_waits_and_what_is_left(void **state)
{
	const struct dp_app_limits three = {.streams = 3};
	struct app_account *account = aligned_alloc(COYO_CACHELINE, sizeof(*account));
	struct app_account *user = aligned_alloc(COYO_CACHELINE, sizeof(*user));
	struct lanes *w = *state;

	account_init(user, &three, NULL);
	limited(&w->b, account, user);
	listens(w);
	for (uint32_t i = 0; i < 5; i++)
		lapp_connect(&w->a, i, &w->n.cfg[1].id, PORT);
	lanes_for(w, NS_PER_S / 2);
	assert_int_equal(tcp_charge_held(&user->streams), 3);
	assert_int_equal(tcp_charge_held(&account->streams), 0);
	/* It may take those, although it has all that it may. */
	lapp_post(&w->b, 0, SLOTS - 1);
	assert_true(LANES_UNTIL(w, w->b.accepted == 1, NS_PER_S));
	assert_int_equal(tcp_charge_held(&user->streams), 3);
	assert_int_equal(tcp_charge_held(&account->streams), 1);
	lapp_unlisten(&w->b);
	assert_true(LANES_UNTIL(w, tcp_charge_held(&user->streams) == 1, NS_PER_S));
	/* The other side does not close: the slot is free, and the user pays for the rest. */
	lapp_close(&w->b, 0, false);
	assert_true(LANES_UNTIL(w, has(&w->b, 0, APPSEG_FREE), NS_PER_S));
	assert_int_equal(tcp_charge_held(&account->streams), 0);
	assert_int_equal(tcp_charge_held(&user->streams), 1);
	lanes_for(w, NS_PER_S);
	assert_int_equal(tcp_charge_held(&user->streams), 1);
	for (uint32_t i = 0; i < 5; i++)
		if (held(&w->a, i))
			lapp_close(&w->a, i, false);
	assert_true(LANES_UNTIL(w, tcp_charge_held(&user->streams) == 0, NS_PER_S));
	w->b.seg.account = NULL;
	free(account);
	free(user);
}

/* Connects a second, and memory as it was measured. */
static void test_connects_and_memory(void **state)
{
	const struct dp_app_limits few = {.connects = 10, .bytes = 1 << 20};
	struct app_account *account = aligned_alloc(COYO_CACHELINE, sizeof(*account));
	struct lanes *w = *state;
	unsigned refused = 0;

	account_init(account, &few, NULL);
	w->a.seg.account = account;
	for (uint32_t i = 0; i < 10; i++)
		lapp_connect(&w->a, i, &w->n.cfg[1].id, PORT + 1);
	lanes_for(w, 50 * NS_PER_MS);
	for (uint32_t i = 0; i < 10; i++)
		refused += lapp_err(&w->a, i) == EAGAIN;
	assert_int_equal(refused, 4);
	assert_int_equal(lanes_count(w, 0)->app_no_connects, 4);
	lanes_for(w, NS_PER_S);
	atomic_store(&account->bytes, 1 << 20);
	lapp_connect(&w->a, 20, &w->n.cfg[1].id, PORT + 1);
	assert_true(LANES_UNTIL(w, has(&w->a, 20, STREAM_ERROR), NS_PER_S));
	assert_int_equal(lapp_err(&w->a, 20), ENOBUFS);
	assert_int_equal(lanes_count(w, 0)->app_no_memory, 1);
	atomic_store(&account->bytes, (1 << 20) - 4096);
	lapp_connect(&w->a, 21, &w->n.cfg[1].id, PORT + 1);
	assert_true(LANES_UNTIL(w, has(&w->a, 21, STREAM_ERROR), NS_PER_S));
	assert_int_equal(lapp_err(&w->a, 21), ECONNREFUSED);
	for (uint32_t i = 0; i < 22; i++)
		if (i < 10 || i > 19)
			lapp_close(&w->a, i, true);
	assert_true(LANES_UNTIL(w, w->a.port->held == 0, NS_PER_S));
	assert_int_equal(tcp_charge_held(&account->streams), 0);
	w->a.seg.account = NULL;
	free(account);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        T(test_streams_of_a_user),
	        T(test_what_waits_and_what_is_left),
	        T(test_connects_and_memory),
	};

	sessnet_global();
	return cmocka_run_group_tests_name("account", tests, NULL, NULL);
}
