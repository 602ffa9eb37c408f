/* SPDX-License-Identifier: BSD-3-Clause */
/* The timer heap against a list kept in order of (deadline, arming). */
#include "base/rng.h"
#include "base/timer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>

#define TIMERS 300

struct budget {
	unsigned left, live;
};

static void *take(void *arg, size_t n)
{
	struct budget *b = arg;

	if (!b->left)
		return NULL;
	b->left--;
	b->live++;
	return malloc(n);
}

static void give(void *arg, void *p)
{
	struct budget *b = arg;

	b->live -= p != NULL;
	free(p);
}

static struct instant at(int64_t ns)
{
	return (struct instant){.ns = ns};
}

/* The twin: armed timers in firing order. */
struct sorted {
	struct timer *t[TIMERS];
	int64_t ns[TIMERS];
	unsigned n;
};

static void sorted_remove(struct sorted *l, const struct timer *x)
{
	unsigned k = 0;

	for (unsigned i = 0; i < l->n; i++)
		if (l->t[i] != x) {
			l->t[k] = l->t[i];
			l->ns[k++] = l->ns[i];
		}
	l->n = k;
}

static void sorted_add(struct sorted *l, struct timer *x, int64_t ns)
{
	unsigned i = l->n;

	for (; i > 0 && l->ns[i - 1] > ns; i--) {
		l->t[i] = l->t[i - 1];
		l->ns[i] = l->ns[i - 1];
	}
	l->t[i] = x;
	l->ns[i] = ns;
	l->n++;
}

static void twin(void **state)
{
	static struct timer x[TIMERS];
	static struct sorted list;
	struct budget budget = {.left = 1000};
	struct timers t;
	struct rng_seeded s;
	struct rng rng;
	int64_t now = 0;

	rng_seeded_init(&s, 8);
	rng = rng_from_seeded(&s);
	timers_init(&t, take, give, &budget);
	for (unsigned step = 0; step < 100000; step++) {
		struct timer *y = &x[rng_below(&rng, TIMERS)], *due;
		uint64_t what = rng_below(&rng, 10);

		if (what < 6) { /* few distinct deadlines, so that ties are common */
			int64_t when = now + (int64_t)rng_below(&rng, 40);

			assert_int_equal(timer_arm(&t, y, at(when)), 0);
			sorted_remove(&list, y);
			sorted_add(&list, y, when);
		} else if (what < 8) {
			timer_disarm(&t, y);
			sorted_remove(&list, y);
		} else {
			now += (int64_t)rng_below(&rng, 4);
			while ((due = timers_pop(&t, at(now)))) {
				assert_true(list.n > 0);
				assert_ptr_equal(due, list.t[0]);
				assert_true(list.ns[0] <= now);
				assert_false(timer_armed(due));
				sorted_remove(&list, due);
			}
		}
		assert_int_equal(t.n, list.n);
		assert_true(timers_next(&t).ns == (list.n ? list.ns[0] : INT64_MAX));
		assert_true(list.n == 0 || list.ns[0] > now || what < 8);
	}
	timers_free(&t);
	assert_int_equal(budget.live, 0);
}

static void out_of_memory(void **state)
{
	struct budget budget = {.left = 1};
	struct timer x[33] = {0};
	struct timers t;

	timers_init(&t, take, give, &budget);
	for (unsigned i = 0; i < 32; i++)
		assert_int_equal(timer_arm(&t, &x[i], at(i)), 0);
	assert_int_equal(timer_arm(&t, &x[32], at(0)), -ENOMEM);
	assert_false(timer_armed(&x[32]));
	assert_int_equal(timer_arm(&t, &x[5], at(100)), 0); /* re-arming needs no room */
	timer_disarm(&t, &x[0]);
	assert_int_equal(timer_arm(&t, &x[32], at(0)), 0);
	assert_ptr_equal(timers_pop(&t, at(0)), &x[32]);
	timers_free(&t);
	assert_int_equal(budget.live, 0);
}

static void empty(void **state)
{
	struct budget budget = {.left = 1};
	struct timer x = {0};
	struct timers t;

	timers_init(&t, take, give, &budget);
	assert_true(instant_is_never(timers_next(&t)));
	assert_null(timers_pop(&t, at(INT64_MAX)));
	timer_disarm(&t, &x);
	timers_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(twin),
	        cmocka_unit_test(out_of_memory),
	        cmocka_unit_test(empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
