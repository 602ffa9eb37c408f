/* SPDX-License-Identifier: BSD-3-Clause */
/* Waking threads of this application that wait on one of its slots, when the application itself has changed something. */
#include "libcoyo/wake.h"
#include "libcoyo/changes.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

static void wake(struct attachment *a, _Atomic uint32_t *word)
{
	uint32_t bits = atomic_exchange(word, 0);
	uint64_t one = 1;

	if (bits & APPWAIT_SLEEPS)
		syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
	if ((bits & APPWAIT_EVENT) && attach_ours(a) && write(a->poke, &one, sizeof(one)) < 0) {
		/* EAGAIN: the counter is at its limit, so it is readable: as good as written. */
	}
}

void wake_waiting(struct attachment *a, uint32_t slot)
{
	changes_of_slot(a, slot);
	wake(a, &attach_slot(a, slot)->in_waits);
	wake(a, &attach_slot(a, slot)->out_waits);
}
