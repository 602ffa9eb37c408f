/* SPDX-License-Identifier: BSD-3-Clause */
/* Which thread a structure belongs to, checked where it is entered. Costs a release build nothing but the word. */
#pragma once
#include "base/assert.h"

/* The thread that owns a structure, as a member of it. All zero: no thread owns it, as before its thread has started and after that thread
 * has ended. */
struct owner {
	const void *thread;
};

/* Makes the calling thread the owner. No other thread may own the structure at that time. */
static inline void owner_take(struct owner *o)
{
#ifndef NDEBUG
	COYO_ASSERT(!o->thread || o->thread == __builtin_thread_pointer());
	o->thread = __builtin_thread_pointer();
#else
	(void)o;
#endif
}

/* The calling thread, which is the owner, gives the structure up. Another thread may then become its owner. */
static inline void owner_drop(struct owner *o)
{
#ifndef NDEBUG
	COYO_ASSERT(o->thread == __builtin_thread_pointer());
	o->thread = NULL;
#else
	(void)o;
#endif
}

/* At the entry of a function that touches what is owned: o belongs to the calling thread, or to nobody. */
#define OWNER_CHECK(o) COYO_ASSERT(!(o)->thread || (o)->thread == __builtin_thread_pointer())
