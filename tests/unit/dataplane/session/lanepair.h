/* SPDX-License-Identifier: BSD-3-Clause */
/* Two applications with segments, on either side of a sessnet, and what tests of them do again and again. */
#pragma once
#include "laneapp.h"

#define SLOTS 400
#define RING  (64u * 1024)

static inline int setup(void **state)
{
	struct lanes *w = aligned_alloc(64, (sizeof(*w) + 63) / 64 * 64);

	memset((void *)w, 0, sizeof(*w));
	sessnet_start(&w->n, 42);
	lapp_start(&w->n, &w->a, 0, SLOTS, RING);
	lapp_start(&w->n, &w->b, 1, SLOTS, RING);
	sessnet_up(&w->n);
	assert_true(LANES_UNTIL(w, w->a.attached && w->b.attached, NS_PER_S));
	*state = w;
	return 0;
}

static inline int teardown(void **state)
{
	struct lanes *w = *state;

	sessnet_stop(&w->n);
	lapp_free(&w->a);
	lapp_free(&w->b);
	free(w);
	return 0;
}

static inline bool has(const struct lapp *a, uint32_t slot, uint32_t bits)
{
	return (lapp_told(a, slot) & bits) == bits;
}

static inline bool held(const struct lapp *a, uint32_t slot)
{
	return atomic_load(&a->seg.holder[slot]) != 0;
}

static inline void listens(struct lanes *w)
{
	lapp_listen(&w->b);
	assert_true(LANES_UNTIL(w, w->b.listening, NS_PER_S));
}

/* Slot sa of a is connected to slot sb of b. */
static inline void joined(struct lanes *w, uint32_t sa, uint32_t sb)
{
	unsigned before = w->b.accepted;

	lapp_post(&w->b, sb, SLOTS - 1);
	lapp_connect(&w->a, sa, &w->n.cfg[1].id, PORT);
	assert_true(
	        LANES_UNTIL(w, has(&w->a, sa, APPSEG_UP) && w->b.accepted > before, 5 * NS_PER_S));
	assert_int_equal(w->b.last_accepted, sb);
	assert_true(has(&w->b, sb, APPSEG_UP));
}

/* Slot `from` of x sends up to byte `end` to slot `to` of y. */
static inline bool transfer(struct lanes *w, struct lapp *x, uint32_t from, struct lapp *y,
                            uint32_t to, uint64_t end)
{
	struct instant limit = instant_add(w->n.now, 60 * NS_PER_S);

	while (y->slot[to].got < end && instant_before(w->n.now, limit)) {
		lapp_write(x, from, end);
		lanes_step(w, NS_PER_S);
		lapp_read(y, to, UINT64_MAX);
	}
	return y->slot[to].got == end;
}

static inline bool both_free(struct lanes *w, uint32_t sa, uint32_t sb)
{
	return LANES_UNTIL(w, has(&w->a, sa, APPSEG_FREE) && has(&w->b, sb, APPSEG_FREE),
	                   30 * NS_PER_S);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
