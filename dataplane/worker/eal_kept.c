/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK in a process that is somebody else's. It can be initialised once in the life of a process, and never quite goes: so it stays, and one stack
 * after another uses it. */
#include "worker/eal_kept.h"
#include "worker/eal_log.h"

#include <errno.h>
#include <pthread.h>
#include <rte_memory.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES_AT_ONCE 1024

/* The only state of the process that outlives a stack. */
static struct {
	pthread_mutex_t lock;
	pid_t pid; /* in which DPDK was initialised; 0: it has not been */
	bool busy; /* a stack uses it */
	bool no_huge;
	unsigned memory_mb;
	FILE *log;
} process = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int refuse(int rc, const char *why, char *err, size_t errcap)
{
	snprintf(err, errcap, "%s", why);
	return rc;
}

/* syscalls at the start: getpid */
static int may_use(const struct dp_cfg *cfg, unsigned memory_mb, char *err, size_t errcap)
{
	if (process.pid && process.pid != getpid())
		return refuse(
		        -ENOTSUP,
		        "this process was forked from one that has run a stack, and DPDK does "
		        "not work in both; start the stack after fork(), or call exec() first",
		        err, errcap);
	if (process.busy)
		return refuse(-EALREADY,
		              "this process runs a stack already, and DPDK serves one at a time; "
		              "stop that one first, or start another process",
		              err, errcap);
	if (!process.pid)
		return 0;
	if (cfg->nports)
		return refuse(-ENOTSUP,
		              "[port NAME] needs the first stack of a process, with which DPDK "
		              "looks for devices; start another process",
		              err, errcap);
	if (process.no_huge != cfg->no_huge || process.memory_mb < memory_mb) {
		snprintf(
		        err, errcap,
		        "this stack needs %u MiB%s, and DPDK was given %u MiB%s with the first one "
		        "of this process; raise memory-mb in [worker] of the first, or "
		        "start another process",
		        memory_mb, cfg->no_huge ? "" : " of huge pages", process.memory_mb,
		        process.no_huge ? "" : " of huge pages");
		return -ENOMEM;
	}
	return 0;
}

int kept_take(const struct dp_cfg *cfg, unsigned memory_mb, bool *is_first, char *err,
              size_t errcap)
{
	int rc;

	pthread_mutex_lock(&process.lock);
	rc = may_use(cfg, memory_mb, err, errcap);
	if (rc == 0) {
		*is_first = process.pid == 0;
		process.busy = true;
		process.log = eal_log_open(cfg);
	}
	pthread_mutex_unlock(&process.lock);
	return rc;
}

/* syscalls at the start: getpid */
void kept_began(const struct dp_cfg *cfg, unsigned memory_mb)
{
	pthread_mutex_lock(&process.lock);
	process.pid = getpid();
	process.no_huge = cfg->no_huge;
	process.memory_mb = memory_mb;
	pthread_mutex_unlock(&process.lock);
}

static bool is_zero(const char *p, size_t n)
{
	return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

/* What DPDK's allocator frees it fills with zeros and keeps. A page of zeros reads the same whether it is there or not.
 * syscalls at the start: madvise */
static int drop_zeros(const struct rte_memseg_list *list, const struct rte_memseg *first,
                      size_t len, void *arg)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char there[PAGES_AT_ONCE];

	(void)list;
	(void)arg;
	for (size_t at = 0; at < len; at += PAGES_AT_ONCE * page) {
		size_t n = (len - at) / page < PAGES_AT_ONCE ? (len - at) / page : PAGES_AT_ONCE;
		char *p = (char *)first->addr + at;

		if (mincore(p, n * page, there))
			return 0;
		for (size_t i = 0; i < n; i++, p += page)
			if (there[i] & 1 && is_zero(p, page))
				(void)madvise(p, page, MADV_REMOVE);
	}
	return 0;
}

void kept_give(bool is_there)
{
	pthread_mutex_lock(&process.lock);
	if (is_there && process.no_huge)
		(void)rte_memseg_contig_walk(drop_zeros, NULL);
	eal_log_close(process.log);
	process.log = NULL;
	process.busy = false;
	pthread_mutex_unlock(&process.lock);
}
