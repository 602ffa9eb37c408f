/* SPDX-License-Identifier: BSD-3-Clause */
/* Workers on DPDK's lcores, or, in a process that is somebody else's, on threads that sleep between one stack and the next: crypto drivers of DPDK keep
 * memory for each thread that seals (200 KB), and free none of it when the thread ends. */
#include "worker/threads.h"
#include "core/handover.h"
#include "worker/root.h"

#include <errno.h>
#include <pthread.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <stdio.h>
#include <string.h>

/* Worker i of the one stack that may run at a time has thread i. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct loop *loop[CPDP_WORKERS_MAX]; /* what the thread runs; NULL: it sleeps */
	unsigned n;                          /* threads that there are */
} own = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* Without a number of DPDK's, of which there are 128, a worker has no cache of packet buffers and is slower. */
static void *run(void *arg)
{
	struct loop **mine = arg;

	(void)rte_thread_register();
	pthread_mutex_lock(&own.lock);
	for (;;) {
		while (!*mine)
			pthread_cond_wait(&own.changed, &own.lock);
		pthread_mutex_unlock(&own.lock);
		(void)loop_main(*mine);
		pthread_mutex_lock(&own.lock);
		*mine = NULL;
		pthread_cond_broadcast(&own.changed);
	}
	return NULL;
}

/* Under the lock.
 * syscalls at the start: pthread_create */
static int make_own(unsigned i)
{
	char name[24]; /* of which 15 bytes are taken */
	pthread_t t;
	int rc = pthread_create(&t, NULL, run, &own.loop[i]);

	if (rc)
		return -rc;
	snprintf(name, sizeof(name), "coyo-worker-%u", i);
	(void)pthread_setname_np(t, name);
	(void)pthread_detach(t);
	own.n++;
	return 0;
}

static int start_own(struct dataplane *dp, unsigned i, char *err, size_t errcap)
{
	int rc = 0;

	pthread_mutex_lock(&own.lock);
	if (i == own.n)
		rc = make_own(i);
	if (rc == 0)
		own.loop[i] = dp->loop[i];
	pthread_cond_broadcast(&own.changed);
	pthread_mutex_unlock(&own.lock);
	if (rc)
		snprintf(err, errcap, "the thread of worker %u does not start: %s", i,
		         strerror(-rc));
	return rc;
}

static void stop_own(void)
{
	pthread_mutex_lock(&own.lock);
	for (unsigned i = 0; i < own.n; i++)
		while (own.loop[i])
			pthread_cond_wait(&own.changed, &own.lock);
	pthread_mutex_unlock(&own.lock);
}

static int start_lcore(struct dataplane *dp, unsigned i, char *err, size_t errcap)
{
	int rc = rte_eal_remote_launch(loop_main, dp->loop[i], dp->loop[i]->lcore);

	if (rc)
		snprintf(err, errcap, "worker %u does not start: %s", i, strerror(-rc));
	return rc;
}

int threads_prepare(struct dataplane *dp, char *err, size_t errcap)
{
	unsigned i = 0, lcore;

	if (dp->cfg.embedded)
		return 0;
	RTE_LCORE_FOREACH_WORKER(lcore)
	{
		if (i < dp->cfg.workers)
			dp->loop[i++]->lcore = lcore;
	}
	if (i == dp->cfg.workers)
		return 0;
	snprintf(err, errcap, "%u workers need %u lcores besides the main one, DPDK has %u",
	         dp->cfg.workers, dp->cfg.workers, i);
	return -EINVAL;
}

int threads_start(struct dataplane *dp, char *err, size_t errcap)
{
	dp->launched = true;
	for (unsigned i = 0; i < dp->cfg.workers; i++) {
		int rc = dp->cfg.embedded ? start_own(dp, i, err, errcap)
		                          : start_lcore(dp, i, err, errcap);

		if (rc)
			return rc;
	}
	return 0;
}

void threads_stop(struct dataplane *dp)
{
	atomic_store(&dp->all.stop, true);
	if (!dp->launched)
		return;
	for (unsigned i = 0; i < dp->cfg.workers; i++)
		worker_wake(dp->all.worker[i]);
	if (dp->cfg.embedded)
		stop_own();
	else
		rte_eal_mp_wait_lcore();
}
