/* SPDX-License-Identifier: BSD-3-Clause */
/* Between node and workers: commands out through queues that never wait, acknowledgements and events back.
 *
 * The node numbers its own commands per worker. The daemon puts commands of its own between them (static
 * cross-connects, dumps), so each worker's ring is numbered here anew, and acknowledgements are translated back: a list of
 * runs says which stretch of the ring's numbers was the node's.
 */
#pragma once
#include "base/time.h"
#include "ipc/cpdp.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct daemon;

#define PUMP_QUEUE_SOFT \
	8192 /* beyond this, packets of the node become no-ops: the network loses packets anyway */
#define PUMP_QUEUE_HARD 65536 /* beyond this the worker is dead and the daemon ends */
#define PUMP_EVENTS     256   /* taken from one worker in one turn of the loop */

struct pump_item;
struct pump_run {
	uint64_t n;
	bool node;
};

struct pump_worker {
	STAILQ_HEAD(, pump_item) queue; /* commands the ring had no room for */
	uint32_t queued;
	uint64_t seq;        /* last number given to a command of this worker */
	uint64_t node_seq;   /* the node's number of its last command to this worker */
	uint64_t acked;      /* ring numbers */
	uint64_t node_acked; /* the node's numbers */
	struct pump_run *runs;
	uint32_t run_first, run_count, run_cap; /* cap is a power of two */
};

struct pump {
	struct pump_worker w[CPDP_WORKERS_MAX];
	uint64_t packets_lost; /* sends that became no-ops */
	bool numbers_differ;   /* said once */
	bool broken;           /* out of memory or a dead worker: the loop ends the daemon */
};

/* Empty queues. */
void pump_init(struct pump *p);
/* Frees commands that wait; the pump is empty afterwards. */
void pump_free(struct pump *p);

/* A command of the node's (its last output), to one worker or all; numbered in place. */
void pump_node_command(struct daemon *d, unsigned worker, struct cp_cmd *cmd);
/* A command of the daemon's own; worker may be CPDP_ALL_WORKERS. */
void pump_own_command(struct daemon *d, unsigned worker, const struct cp_cmd *cmd);
/* Puts queued commands into rings as far as they have room. */
void pump_flush(struct daemon *d);
/* Whether pump_flush() left anything: call again soon. */
bool pump_pending(const struct daemon *d);
/* Whether every worker has carried out all that it was told. */
bool pump_done(const struct daemon *d);
/* Tells the node what was acknowledged. */
void pump_acks(struct daemon *d);
/* Takes events, each through take(d, e), where e is valid only during the call. True when some worker may have more. */
bool pump_events(struct daemon *d, void (*take)(void *d, const struct dp_event *e));
