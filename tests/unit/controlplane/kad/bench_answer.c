/* SPDX-License-Identifier: BSD-3-Clause */
/* What it costs a node to answer a FIND, in microseconds of this thread's time: of an asker whose key it has, of one that it meets for the first
 * time, and of a stranger when it can afford no more keys. */
#include "asker.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TIMES 2000

static int64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* The mean over TIMES questions of these askers in turn, each with a token where it is known. */
static void measure(struct asker *b, const char *what, struct kad_msg *m, unsigned askers,
                    const struct node_id *src, int64_t every_ns, uint8_t op)
{
	struct asker_sent s;
	int64_t ns = 0;

	for (unsigned i = 0; i < TIMES; i++) {
		int64_t from = cpu_ns();

		asker_hears(b, &src[i % askers], &m[i % askers]);
		ns += cpu_ns() - from;
		assert_true(asker_sent(b, &s));
		assert_int_equal(s.m.op, op);
		b->n->now.ns += every_ns;
	}
	printf("%-28s %6.1f us\n", what, (double)ns / TIMES / 1000);
}

int main(void)
{
	struct asker b;
	struct kad_msg *m = calloc(2 * TIMES, sizeof(*m));
	struct node_id *src = calloc(2 * TIMES, sizeof(*src));

	if (!m || !src)
		return 1;
	asker_open(&b, 1);
	b.room = CONTROL_PACKET_MAX; /* as if the place were proven */
	for (unsigned i = 0; i < 100; i++)
		asker_contact(&b, i / 10, true);
	for (unsigned i = 0; i < 2 * TIMES; i++) {
		struct identity who;

		if (identity_generate(&who, &b.g.rng) != 0)
			return 1;
		src[i] = who.id;
		m[i] = asker_message(&b, &who, KAD_FIND, NULL, 2);
	}
	measure(&b, "asker known", m, 1, src, NS_PER_MS, KAD_FOUND);
	measure(&b, "asker met for the first time", m, TIMES, src, 10 * NS_PER_MS, KAD_FOUND);
	while (trust_afford(b.n, b.p))
		;
	measure(&b, "no key can be afforded", m + TIMES, TIMES, src + TIMES, 0, KAD_RETRY);
	asker_close(&b);
	free(m);
	free(src);
	return 0;
}
