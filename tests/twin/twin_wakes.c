/* SPDX-License-Identifier: BSD-3-Clause */
/* Who sleeps and who wakes: the protocols between an application and its worker as small machines, whose every interleaving is looked at. None loses a
 * wake-up; and each does as soon as the part that is said to prevent it is left out, so that the search is known to find such a thing.
 *
 * "Kick": stream_written() of libcoyo against pump_out() of the worker, on a processor that keeps stores back in a buffer (x86, TSO): a kick is spared
 * where the worker has bytes before. "Sleep": wait_announce() and its withdrawal, by two threads on one word, against news_wake(). */
#include "base/assert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STATES (1u << 16)
#define BYTES  24

/* What is left out of a protocol. */
enum without { NOTHING, WORKERS_FENCE, WRITERS_FENCE, NUMBERS };

/* A machine's state, in bytes; all that a step needs. */
union state {
	uint8_t bytes[BYTES];
	struct {
		uint8_t writer, commits; /* its next step; commits done */
		uint8_t head, tail;      /* in memory */
		uint8_t head_held;       /* 1 + what is kept back of it, 0: nothing */
		uint8_t tail_held;
		uint8_t kicked;
		uint8_t worker, read,
		        moved; /* its next step; its own tail; it has stored that, and not fenced since */
	} kick;
	struct {
		uint8_t waker, data;
		uint8_t sleeps, number, numbers; /* the word; announcements so far */
		struct {
			uint8_t step, seen, value, alone;
		} thread[2];
	} sleep;
};
_Static_assert(sizeof(union state) == BYTES, "no bytes between");

struct search {
	union state *seen; /* STATES of them, by hash */
	bool *used;
	unsigned found, lost;
	enum without without;
	void (*step)(struct search *s, const union state *at);
};

/* The state can come about: what follows from it is looked at, once. */
static void visit(struct search *s, const union state *next)
{
	uint32_t h = 2166136261u;

	for (unsigned i = 0; i < BYTES; i++)
		h = (h ^ next->bytes[i]) * 16777619u;
	for (h %= STATES; s->used[h]; h = (h + 1) % STATES)
		if (memcmp(&s->seen[h], next, BYTES) == 0)
			return;
	assert_true(++s->found < STATES / 2);
	s->used[h] = true;
	s->seen[h] = *next;
	s->step(s, next);
}

/* ---- kick ---- */

#define COMMITS 3

enum { WRITER_COMMITS, WRITER_FENCES, WRITER_LOOKS };
enum { WORKER_SLEEPS, WORKER_LOOKS, WORKER_WAITS_FOR_TCP };

static void writer_steps(struct search *s, const union state *at)
{
	union state n = *at;

	switch (at->kick.writer) {
	case WRITER_COMMITS:
		if (at->kick.commits == COMMITS || at->kick.head_held)
			return;
		n.kick.head_held = (uint8_t)(++n.kick.commits + 1);
		n.kick.writer = s->without == WRITERS_FENCE ? WRITER_LOOKS : WRITER_FENCES;
		break;
	case WRITER_FENCES:
		if (at->kick.head_held)
			return;
		n.kick.writer = WRITER_LOOKS;
		break;
	default:
		n.kick.kicked |= at->kick.tail >= at->kick.commits - 1;
		n.kick.writer = WRITER_COMMITS;
		break;
	}
	visit(s, &n);
}

static void worker_steps(struct search *s, const union state *at)
{
	union state n = *at;

	if (at->kick.worker == WORKER_SLEEPS) {
		if (!at->kick.kicked)
			return;
		n.kick.kicked = 0;
		n.kick.worker = WORKER_LOOKS;
	} else if (at->kick.worker == WORKER_WAITS_FOR_TCP) {
		n.kick.worker = WORKER_LOOKS; /* room comes by itself */
	} else if (at->kick.head != at->kick.read) {
		n.kick.worker = WORKER_WAITS_FOR_TCP; /* there may be no room now */
		visit(s, &n);
		if (at->kick.tail_held)
			return;
		n.kick.worker = WORKER_LOOKS;
		n.kick.read = at->kick.head;
		n.kick.tail_held = (uint8_t)(at->kick.head + 1);
		n.kick.moved = 1;
	} else if (at->kick.moved && s->without != WORKERS_FENCE) {
		if (at->kick.tail_held)
			return;
		n.kick.moved = 0;
	} else {
		n.kick.worker = WORKER_SLEEPS;
	}
	visit(s, &n);
}

static void kick_steps(struct search *s, const union state *at)
{
	union state n = *at;

	s->lost += at->kick.commits == COMMITS && at->kick.writer == WRITER_COMMITS &&
	           at->kick.worker == WORKER_SLEEPS && !at->kick.kicked && !at->kick.head_held &&
	           at->kick.read != COMMITS;
	writer_steps(s, at);
	worker_steps(s, at);
	/* What is kept back becomes visible, at any time. */
	if (at->kick.head_held) {
		n.kick.head = (uint8_t)(at->kick.head_held - 1);
		n.kick.head_held = 0;
		visit(s, &n);
	}
	n = *at;
	if (at->kick.tail_held) {
		n.kick.tail = (uint8_t)(at->kick.tail_held - 1);
		n.kick.tail_held = 0;
		visit(s, &n);
	}
}

/* ---- sleep ---- */

#define POSTS    2 /* what threads wait for: thread i for more than i */
#define ANNOUNCE 6 /* announcements that are looked at */

enum {
	THREAD_ANNOUNCES,
	THREAD_LOOKS,
	THREAD_WITHDRAWS,
	THREAD_FALLS_ASLEEP,
	THREAD_SLEEPS,
	THREAD_DONE
};

static void thread_steps(struct search *s, const union state *at, unsigned i)
{
	union state n = *at;

	switch (at->sleep.thread[i].step) {
	case THREAD_ANNOUNCES:
		if (at->sleep.numbers == ANNOUNCE)
			return;
		n.sleep.number = n.sleep.thread[i].value = ++n.sleep.numbers;
		n.sleep.thread[i].alone = !at->sleep.sleeps;
		n.sleep.sleeps = 1;
		n.sleep.thread[i].step = THREAD_LOOKS;
		break;
	case THREAD_LOOKS:
		n.sleep.thread[i].step = at->sleep.data > at->sleep.thread[i].seen
		                                 ? THREAD_WITHDRAWS
		                                 : THREAD_FALLS_ASLEEP;
		break;
	case THREAD_WITHDRAWS:
		if (at->sleep.thread[i].alone &&
		    (s->without == NUMBERS || at->sleep.number == at->sleep.thread[i].value))
			n.sleep.sleeps = n.sleep.number = 0;
		n.sleep.thread[i].step = THREAD_DONE;
		break;
	case THREAD_FALLS_ASLEEP: /* the kernel compares the word and sleeps in one */
		n.sleep.thread[i].step =
		        at->sleep.sleeps && (s->without == NUMBERS ||
		                             at->sleep.number == at->sleep.thread[i].value)
		                ? THREAD_SLEEPS
		                : THREAD_ANNOUNCES;
		break;
	default:
		return;
	}
	visit(s, &n);
}

static void waker_steps(struct search *s, const union state *at)
{
	union state n = *at;

	if (at->sleep.waker == 2 * POSTS)
		return;
	n.sleep.waker++;
	if (at->sleep.waker % 2 == 0) {
		n.sleep.data++;
	} else if (at->sleep.sleeps) {
		n.sleep.sleeps = n.sleep.number = 0;
		for (unsigned i = 0; i < 2; i++)
			if (at->sleep.thread[i].step == THREAD_SLEEPS)
				n.sleep.thread[i].step = THREAD_ANNOUNCES;
	}
	visit(s, &n);
}

static void sleep_steps(struct search *s, const union state *at)
{
	for (unsigned i = 0; i < 2; i++) {
		s->lost +=
		        at->sleep.waker == 2 * POSTS && at->sleep.thread[i].step == THREAD_SLEEPS;
		thread_steps(s, at, i);
	}
	waker_steps(s, at);
}

/* ---- both ---- */

/* How many states there are in which a wake-up is lost. */
static unsigned lost(void (*step)(struct search *, const union state *), enum without without)
{
	union state first = {.bytes = {0}};
	struct search s = {.seen = calloc(STATES, sizeof(*s.seen)),
	                   .used = calloc(STATES, sizeof(*s.used)),
	                   .without = without,
	                   .step = step};

	assert_true(s.seen && s.used);
	if (step == sleep_steps)
		first.sleep.thread[1].seen = 1;
	visit(&s, &first);
	assert_true(s.found > 100);
	free(s.seen);
	free(s.used);
	return s.lost;
}

static void test_kick(void **state)
{
	(void)state;
	assert_int_equal(lost(kick_steps, NOTHING), 0);
	assert_true(lost(kick_steps, WORKERS_FENCE) > 0);
	assert_true(lost(kick_steps, WRITERS_FENCE) > 0);
}

static void test_sleep(void **state)
{
	(void)state;
	assert_int_equal(lost(sleep_steps, NOTHING), 0);
	assert_true(lost(sleep_steps, NUMBERS) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_kick),
	        cmocka_unit_test(test_sleep),
	};

	return cmocka_run_group_tests_name("wakes", tests, NULL, NULL);
}
