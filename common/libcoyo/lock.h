/* SPDX-License-Identifier: BSD-3-Clause */
/* Locks in memory that processes share after a fork: a process that dies with one leaves it to the next who asks. */
#pragma once
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

/* Makes a lock in memory that nobody uses yet. */
static inline void lock_init(pthread_mutex_t *m)
{
	pthread_mutexattr_t a;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(m, &a);
	pthread_mutexattr_destroy(&a);
}

/* Takes the lock. True: its owner has died with it, and what it guards may be half changed. */
static inline bool lock_take(pthread_mutex_t *m)
{
	if (pthread_mutex_lock(m) != EOWNERDEAD)
		return false;
	pthread_mutex_consistent(m);
	return true;
}

/* Gives it back. */
static inline void lock_give(pthread_mutex_t *m)
{
	pthread_mutex_unlock(m);
}
