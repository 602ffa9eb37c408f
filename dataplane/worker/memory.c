/* SPDX-License-Identifier: BSD-3-Clause */
/* The sum of what start.c and the rooms take from DPDK's memory, by DPDK's own functions for the size of each thing. */
#include "worker/memory.h"
#include "base/cc.h"
#include "core/mbuf.h"
#include "core/packet.h"
#include "core/ring.h"
#include "worker/root.h"

#include <errno.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)
#define KIB ((size_t)1 << 10)

/* What DPDK takes for itself, and the crypto drivers with their sessions: measured 4.4 MiB (22.11), the rest is room for others. */
#define HUGE_PAGE (2 * MIB)
#define DPDK_OWN  (8 * MIB)
/* Each allocation has a header and a trailer and begins on a cache line. */
#define PIECE_OWN 256
/* A driver's rings and tables: for a port, and for each of its queue pairs. */
#define PORT_OWN  (2 * MIB)
#define QUEUE_OWN (512 * KIB)

/* Ordinary memory that is written at the start: program and libraries, and what tables cost before anything is in them. */
#define PROCESS_OWN    (64 * MIB)
#define CONNECTION_OWN 24 /* bytes, of each connection that is possible */
#define SESSION_OWN    160

static size_t piece(size_t bytes)
{
	return bytes + PIECE_OWN;
}

static size_t ring_bytes(unsigned element, unsigned slots)
{
	ssize_t n = rte_ring_get_memsize_elem(element, slots);

	COYO_ASSERT(n > 0);
	return piece((size_t)n);
}

/* A buffer does not cross a page, so that ordinary pages of 4 KiB hold one each. */
static size_t pool_bytes(const struct dp_cfg *c, size_t mbufs, size_t mbuf)
{
	size_t page = c->no_huge ? (size_t)sysconf(_SC_PAGESIZE) : HUGE_PAGE;
	size_t each = mbuf < page ? page / mbuf : 1, pages = (mbufs + each - 1) / each + 1;
	size_t header = RTE_MEMPOOL_HEADER_SIZE((struct rte_mempool *)NULL, WORKER_MBUF_CACHE);

	return piece(header) + piece(pages * page) + piece((mbufs + 64) * sizeof(void *));
}

static size_t rings_of_workers(size_t workers)
{
	size_t each = ring_bytes(RING_SLOT(struct cp_cmd), RING_SLOTS) +
	              ring_bytes(RING_SLOT(struct dp_event), RING_SLOTS);

	return workers * each +
	       workers * (workers - 1) * ring_bytes(sizeof(void *), HANDOVER_SLOTS);
}

void memory_compute(const struct dp_cfg *c, struct memory *m)
{
	size_t ports = c->nports, workers = c->workers;

	m->mbufs = c->mbufs ? c->mbufs : (unsigned)(4096 * (1 + workers + ports * workers));
	/* What the lcores keep to themselves, and what fills the receive queues of ports. */
	m->mbufs_least = (unsigned)(2 * WORKER_MBUF_CACHE * (1 + workers) + 1024 * ports * workers);
	m->mbuf_bytes = rte_mempool_calc_obj_size(
	        sizeof(struct rte_mbuf) + PACKET_BYTES + MBUF_DATA, 0, NULL);
	m->dpdk_bytes = DPDK_OWN + pool_bytes(c, m->mbufs, m->mbuf_bytes) +
	                rings_of_workers(workers) + ports * (PORT_OWN + workers * QUEUE_OWN);
	m->dpdk_mb =
	        c->memory_mb ? c->memory_mb : (unsigned)((m->dpdk_bytes + 8 * MIB - 1) / MIB) & ~7u;
	m->own_bytes = PROCESS_OWN + workers * ((size_t)c->connections_max * CONNECTION_OWN +
	                                        (size_t)c->sessions_max * SESSION_OWN);
}

/* ---- what the machine has ---- */

/* The number behind `key` in a file of lines; -1: there is none.
 * syscalls at the start: fopen fgets fclose */
static long long number_in(const char *path, const char *key)
{
	FILE *f = fopen(path, "re");
	size_t n = strlen(key);
	long long v = -1;
	char line[256];

	if (!f)
		return -1;
	while (v < 0 && fgets(line, sizeof(line), f))
		if (strncmp(line, key, n) == 0 && sscanf(line + n, "%lld", &v) != 1)
			v = -1;
	fclose(f);
	return v;
}

/* The least that the control groups from this process's own up to the root leave (version 2).
 * syscalls at the start: fopen fgets fclose */
static size_t group_room(size_t room)
{
	char path[512] = "/sys/fs/cgroup", file[544], line[512], *slash;
	FILE *f = fopen("/proc/self/cgroup", "re");

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "0::/", 4) == 0) {
			line[strcspn(line, "\n")] = '\0';
			snprintf(path, sizeof(path), "/sys/fs/cgroup%.480s", line + 3);
		}
	if (f)
		fclose(f);
	while (strlen(path) >= strlen("/sys/fs/cgroup")) {
		long long max, used;

		snprintf(file, sizeof(file), "%s/memory.max", path);
		max = number_in(file, "");
		snprintf(file, sizeof(file), "%s/memory.current", path);
		used = number_in(file, "");
		if (max >= 0 && used >= 0)
			room = (size_t)min_u64(room, max > used ? (uint64_t)(max - used) : 0);
		slash = strrchr(path, '/');
		*slash = '\0';
	}
	return room;
}

/* Bytes that this process may still take: the least of what the kernel calls available and what its control groups leave. */
static size_t memory_available(void)
{
	long long kb = number_in("/proc/meminfo", "MemAvailable:");

	return group_room(kb < 0 ? SIZE_MAX : (size_t)kb * KIB);
}

static size_t huge_available(void)
{
	long long free_pages = number_in("/proc/meminfo", "HugePages_Free:");
	long long kb = number_in("/proc/meminfo", "Hugepagesize:");

	return free_pages > 0 && kb > 0 ? (size_t)free_pages * (size_t)kb * KIB : 0;
}

static int too_much(const struct dp_cfg *cfg, const struct memory *m, const char *what, size_t need,
                    size_t have, char *err, size_t errcap)
{
	snprintf(err, errcap,
	         "%u worker%s with %u packet buffers, %u connections and %u sessions need %zu MiB "
	         "of %s, and %zu MiB can be had; lower count, mbufs or connections of [worker]",
	         cfg->workers, cfg->workers == 1 ? "" : "s", m->mbufs, cfg->connections_max,
	         cfg->sessions_max, (need + MIB - 1) / MIB, what, have / MIB);
	return -ENOMEM;
}

int memory_check(const struct dp_cfg *cfg, const struct memory *m, char *err, size_t errcap)
{
	size_t have = memory_available(), need = m->own_bytes;

	if (m->mbufs < m->mbufs_least) {
		snprintf(err, errcap,
		         "mbufs = %u is too few for %u worker%s and %u port%s, which need %u; "
		         "raise it, or "
		         "leave it out",
		         m->mbufs, cfg->workers, cfg->workers == 1 ? "" : "s", cfg->nports,
		         cfg->nports == 1 ? "" : "s", m->mbufs_least);
		return -EINVAL;
	}
	if (m->dpdk_mb * MIB < m->dpdk_bytes) {
		snprintf(err, errcap,
		         "memory-mb = %u is too little for %u worker%s, %u packet buffers and %u "
		         "port%s, which need %zu; raise it, or leave it out",
		         cfg->memory_mb, cfg->workers, cfg->workers == 1 ? "" : "s", m->mbufs,
		         cfg->nports, cfg->nports == 1 ? "" : "s", (m->dpdk_bytes + MIB - 1) / MIB);
		return -ENOMEM;
	}
	if (!cfg->no_huge && huge_available() < m->dpdk_bytes)
		return too_much(cfg, m, "huge pages", m->dpdk_bytes, huge_available(), err, errcap);
	if (cfg->no_huge)
		need += max_u64(m->dpdk_bytes, cfg->memory_mb * MIB);
	if (need > have)
		return too_much(cfg, m, "memory", need, have, err, errcap);
	return 0;
}
