/* SPDX-License-Identifier: BSD-3-Clause */
/* Continuations run once, in order, when every worker has executed what was queued before them. */
#include "ground.h"

static const struct news deaf;

struct waiter {
	struct ticket t;
	unsigned ran, order;
};

static unsigned ran;

static void then(struct node *n, void *owner)
{
	struct waiter *w = owner;

	w->ran++;
	w->order = ran++;
}

static void command(struct node *n, uint8_t worker)
{
	struct cp_cmd c = {.type = CMD_LINK_OPEN};

	out_command(n, worker, &c);
}

static void test_all_workers(void **state)
{
	struct ground g;
	struct node *n;
	struct waiter a = {0}, b = {0};

	ground_open(&g, 1);
	n = ground_node(&g, &deaf);
	command(n, CPDP_ALL_WORKERS);
	ticket_wait(n, &a.t, then, &a);
	command(n, 2);
	ticket_wait(n, &b.t, then, &b);
	tickets_ack(n, 0, 1);
	tickets_ack(n, 2, 1);
	assert_int_equal(a.ran, 0);
	tickets_ack(n, 1, 1);
	assert_int_equal(a.ran, 1);
	assert_int_equal(b.ran, 0);
	tickets_ack(n, 2, 2);
	assert_int_equal(b.ran, 1);
	assert_true(a.order < b.order);
	ctx_destroy(n);
	ground_close(&g);
}

static void test_numbers_that_cannot_be(void **state)
{
	struct ground g;
	struct node *n;
	struct waiter a = {0};

	ground_open(&g, 2);
	n = ground_node(&g, &deaf);
	command(n, 0);
	ticket_wait(n, &a.t, then, &a);
	tickets_ack(n, 0, 2); /* not sent yet */
	tickets_ack(n, 9, 1); /* no such worker */
	assert_int_equal(a.ran, 0);
	tickets_ack(n, 0, 1);
	tickets_ack(n, 0, 1);
	assert_int_equal(a.ran, 1);
	ctx_destroy(n);
	ground_close(&g);
}

static void test_cancelled(void **state)
{
	struct ground g;
	struct node *n;
	struct waiter a = {0}, b = {0};

	ground_open(&g, 3);
	n = ground_node(&g, &deaf);
	command(n, 0);
	ticket_wait(n, &a.t, then, &a);
	ticket_wait(n, &b.t, then, &b);
	ticket_cancel(n, &a.t);
	ticket_cancel(n, &a.t);
	command(n, 0);
	ticket_wait(n, &b.t, then, &b); /* waits anew */
	tickets_ack(n, 0, 1);
	assert_int_equal(a.ran + b.ran, 0);
	tickets_ack(n, 0, 2);
	assert_int_equal(a.ran, 0);
	assert_int_equal(b.ran, 1);
	ctx_destroy(n);
	ground_close(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_all_workers),
	        cmocka_unit_test(test_numbers_that_cannot_be),
	        cmocka_unit_test(test_cancelled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
