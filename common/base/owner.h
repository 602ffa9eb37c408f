/* SPDX-License-Identifier: BSD-3-Clause */
/* Which thread a structure belongs to, checked where it is entered. Costs a release build nothing but the word. */
#pragma once
#include "base/assert.h"

/* A member of the structure. All zero: nobody's, as before its thread has started and after that has ended. */
struct owner {
	const void *thread;
};

/* The calling thread owns it from now on. It is nobody's, or this thread's already. */
static inline void owner_take(struct owner *o)
{
#ifndef NDEBUG
	COYO_ASSERT(!o->thread || o->thread == __builtin_thread_pointer());
	o->thread = __builtin_thread_pointer();
#else
	(void)o;
#endif
}

/* Its owner lets go: whoever knows that the thread touches it no more may use it, and another may take it. */
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
