/* SPDX-License-Identifier: BSD-3-Clause */
/* The state of one worker that every room on it uses, and what the workers of a data plane share. Never seen outside dataplane/. */
#pragma once
#include "base/owner.h"
#include "core/arena.h"
#include "core/dpdk.h"
#include "core/link.h"
#include "dataplane.h"
#include "table/drop.h"

#include <stdatomic.h>

struct worker;

/* What the workers of one data plane share with each other and with control. Written before the workers run, then read by all, except
 * where something else is said. */
struct workers {
	const struct dp_cfg *cfg;
	struct rte_mempool *pool;
	struct worker *worker[CPDP_WORKERS_MAX];
	int wake_fd; /* eventfd that control waits on */
	/* Control may sleep: set by control, taken back by the worker that writes wake_fd. */
	_Atomic bool wake_wanted;
	_Atomic bool stop; /* set by control */
};

/* One worker. Its thread alone reads and writes this, except where something else is said. */
struct worker {
	struct owner thread; /* taken by the loop; nobody's before and after */
	unsigned number;     /* 0 .. workers - 1 */
	unsigned workers;
	struct workers *all;
	const struct dp_cfg *cfg;
	struct rte_mempool *pool;
	struct table_mem mem; /* from the arena */
	struct arena arena;
	struct instant now; /* of this turn: the one reading of the clock */
	struct link *link[CPDP_LINKS_MAX];
	struct rte_ring *commands; /* written by control, read by this worker */
	struct rte_ring *events;   /* written by this worker, read by control */
	/* Hand-over: from[i] is written by worker i; NULL for itself. */
	struct rte_ring *from[CPDP_WORKERS_MAX];
	uint32_t handed; /* workers that were given packets in this turn */
	bool told;       /* events or acknowledgements have come since control was last woken */
	int wake_fd;     /* eventfd that others write when this worker sleeps */

	/* Written by this worker, read by control. link_count is by link number and stays in place as long as the worker. */
	struct dp_link_counters *link_count;
	struct dp_worker_counters count COYO_ALIGNED(64);
	uint64_t drops[DROP_REASONS];
	_Atomic uint64_t acked COYO_ALIGNED(64);
	/* Written by this worker, read by whoever wakes it. */
	_Atomic bool sleeping COYO_ALIGNED(64);
	/* The last that this worker writes. */
	_Atomic bool ended;
};

/* Adds to a counter that this thread alone writes and others read. Readers never see half a value; nothing is said about order. */
static inline void count_add(uint64_t *c, uint64_t n)
{
	__atomic_store_n(c, *c + n, __ATOMIC_RELAXED);
}

/* Reads a counter that another thread may be writing. */
static inline uint64_t count_read(const uint64_t *c)
{
	return __atomic_load_n(c, __ATOMIC_RELAXED);
}

/* Counts n drops; the packets stay the caller's to free. */
static inline void drop_count(struct worker *w, enum drop_reason r, unsigned n)
{
	count_add(&w->drops[r], n);
}

/* Counts one drop and frees the packet. */
static inline void drop_packet(struct worker *w, enum drop_reason r, struct rte_mbuf *m)
{
	drop_count(w, r, 1);
	rte_pktmbuf_free(m);
}

/* The worker's view of a link, or NULL. number may be any number. */
static inline struct link *link_at(const struct worker *w, uint32_t number)
{
	return number < CPDP_LINKS_MAX ? w->link[number] : NULL;
}
