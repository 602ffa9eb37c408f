/* SPDX-License-Identifier: BSD-3-Clause */
/* The state of one worker and of the data plane: shared by worker/, fwd/ and io/, never outside. */
#pragma once
#include "dataplane.h"
#include "core/link.h"
#include "table/drop.h"
#include "table/u32map.h"
#include "core/arena.h"
#include "core/burst.h"
#include "core/dpdk.h"
#include "core/mbuf.h"
#include "worker/sess.h"
#include "worker/worker.h"

#include <stdatomic.h>

#define RING_SLOTS     1024 /* commands, events: per worker */
#define HANDOVER_SLOTS 1024 /* mbufs: per ordered pair of workers */

struct io;
struct apps;
struct eal;

struct worker {
	unsigned number, workers;
	unsigned lcore;
	struct dataplane *dp;
	const struct dp_cfg *cfg;
	struct rte_mempool *pool;
	struct table_mem mem; /* from arena */
	struct arena arena;
	struct instant now; /* of this iteration */
	struct burst burst; /* what this iteration works on */
	struct link *link[CPDP_LINKS_MAX];
	struct u32map rx_index; /* receiver index -> struct rx_lane */
	struct link *dirty[CPDP_LINKS_MAX];
	unsigned ndirty;
	struct io *io;
	struct sessions *sess;
	struct rte_ring *commands, *events;
	struct rte_ring *from[CPDP_WORKERS_MAX]; /* hand-over, by sender; NULL for itself */
	uint32_t handed;                         /* workers given packets in this iteration */
	bool told;         /* events or acknowledgements since control was last woken */
	int wake_fd;       /* eventfd others write when this worker sleeps */
	uint64_t executed; /* seq of the last command */
	struct dp_link_counters *link_count; /* by link number; stays in place for readers */

	/* read by others */
	struct dp_worker_counters count COYO_ALIGNED(64);
	uint64_t drops[DROP_REASONS];
	_Atomic uint64_t acked COYO_ALIGNED(64);
	_Atomic bool sleeping COYO_ALIGNED(64); /* written by this worker, read by who wakes it */
	_Atomic bool ended;                     /* the last that this worker writes */
};

struct dataplane {
	struct dp_cfg cfg;
	struct dp_port_cfg ports[DP_PORTS_MAX]; /* cfg.ports */
	struct worker *worker[CPDP_WORKERS_MAX];
	struct rte_mempool *pool;
	struct apps *apps;
	int wake_fd;              /* eventfd control waits on */
	_Atomic bool wake_wanted; /* control may sleep: the next teller writes wake_fd */
	_Atomic bool stop;
	struct eal *eal;
	bool launched;
	uint16_t port_id[DP_PORTS_MAX];    /* DPDK's number of cfg.ports[i] */
	bool link_present[CPDP_LINKS_MAX]; /* as control has commanded; control only */
	unsigned mbufs, memory_mb;
	char memory_text[256];
};

/* Words that one thread writes and others read: no tearing, no order. */
static inline void count_add(uint64_t *c, uint64_t n)
{
	__atomic_store_n(c, *c + n, __ATOMIC_RELAXED);
}

static inline uint64_t count_read(const uint64_t *c)
{
	return __atomic_load_n(c, __ATOMIC_RELAXED);
}

static inline void drop_count(struct worker *w, enum drop_reason r, unsigned n)
{
	count_add(&w->drops[r], n);
}

/* Frees and counts. */
static inline void drop_packet(struct worker *w, enum drop_reason r, struct rte_mbuf *m)
{
	drop_count(w, r, 1);
	rte_pktmbuf_free(m);
}

/* The worker's view of a link, or NULL. number may be anything. */
static inline struct link *link_at(const struct worker *w, uint32_t number)
{
	return number < CPDP_LINKS_MAX ? w->link[number] : NULL;
}

/* core/event.c: a slot in the event ring to be filled in place and then passed on, or NULL (counted as punt_full). */
struct dp_event *event_begin(struct worker *w);
void event_end(struct worker *w);
/* Tells control that acknowledgements or events wait, if it sleeps. */
void event_tell(struct worker *w);

/* core/handover.c: gives m to another worker (packet kind set); a full ring is a counted drop. */
void handover(struct worker *w, unsigned to, struct rte_mbuf *m);
/* Wakes those given packets; run before this worker may sleep. */
void handover_wake(struct worker *w);
/* Takes what worker `from` handed over, as much as the burst has room for. Returns packets. */
unsigned handover_take(struct worker *w, unsigned from, struct burst *b);
bool handover_waiting(const struct worker *w);
/* Writes the eventfd of a worker that announced sleep; full fence inside. */
void worker_wake(struct worker *w);

/* worker/command.c: executes what control has queued. Returns commands. */
unsigned command_run(struct worker *w);
/* Forgets every link; at stop. */
void command_forget_all(struct worker *w);

/* worker/loop.c: takes all that has arrived from ports, sockets and other workers through the label switch, and gives sessions what is
 * theirs. Returns packets. */
unsigned turn_receive(struct worker *w);
/* Body of the worker thread. */
int worker_main(void *arg);

/* worker/start.c */
struct worker *worker_new(struct dataplane *dp, unsigned number, char *err, size_t errcap);
void worker_free(struct worker *w);
