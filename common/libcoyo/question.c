/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages about a slot that the worker answers in the slot's words. */
#include "libcoyo/question.h"
#include "libcoyo/clock.h"
#include "libcoyo/lane.h"
#include "libcoyo/wait.h"

#include <errno.h>

#define ANSWER_NS NS_PER_S

struct applane_msg question_of(const struct ref *r, uint8_t type)
{
	return (struct applane_msg){.type = type,
	                            .slot = r->s->slot,
	                            .seq = atomic_fetch_add(&r->a->region->option_seq, 1) + 1};
}

/* Waits for the worker's answer to the message. 0 or a negative errno. */
static int answer(const struct ref *r, const struct applane_msg *m)
{
	struct appseg_slot *words = attach_slot(r->a, m->slot);
	int64_t until = clock_ns() + ANSWER_NS;

	while (atomic_load(&words->option_seq) != m->seq) {
		struct wait_mark mark = wait_announce(r->a, &words->in_waits);
		int64_t left = until - clock_ns();

		if (left <= 0 || attach_look(r->a))
			return -EIO;
		/* A signal shortens the sleep and not the wait. */
		if (atomic_load(&words->option_seq) != m->seq)
			wait_futex(&words->in_waits, mark.value,
			           min_u64((uint64_t)left, 10 * NS_PER_MS));
	}
	return words->option_err > 0 && words->option_err < 4096 ? -words->option_err : 0;
}

int question_ask(const struct ref *r, const struct applane_msg *m)
{
	int err = lane_put(r->a, r->s->worker, m);

	return err < 0 ? err : answer(r, m);
}
