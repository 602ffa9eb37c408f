/* SPDX-License-Identifier: BSD-3-Clause */
/* Workers on DPDK's lcores, or, in a process that is somebody else's, on threads that end with the stack: an lcore lives as long as its process. */
#include "worker/threads.h"
#include "core/handover.h"
#include "worker/root.h"

#include <errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <stdio.h>
#include <string.h>

/* Without a number of DPDK's, of which there are 128, a worker has no cache of packet buffers and is slower. */
static void *run(void *arg)
{
	bool known = rte_thread_register() == 0;

	(void)loop_main(arg);
	if (known)
		rte_thread_unregister();
	return NULL;
}

/* syscalls at the start: pthread_create */
static int start_own(struct dataplane *dp, unsigned i, char *err, size_t errcap)
{
	char name[16];
	int rc = pthread_create(&dp->thread[i], NULL, run, dp->loop[i]);

	if (rc) {
		snprintf(err, errcap, "the thread of worker %u does not start: %s", i,
		         strerror(rc));
		return -rc;
	}
	dp->threads++;
	snprintf(name, sizeof(name), "coyo-worker-%u", i);
	(void)pthread_setname_np(dp->thread[i], name);
	return 0;
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
	if (!dp->cfg.embedded)
		rte_eal_mp_wait_lcore();
	while (dp->threads)
		(void)pthread_join(dp->thread[--dp->threads], NULL);
}
