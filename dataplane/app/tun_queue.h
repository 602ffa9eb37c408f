/* SPDX-License-Identifier: BSD-3-Clause */
/* One queue of the TUN interface and its thread: packets of the kernel go to the worker of their id, packets of workers to the kernel. */
#pragma once
#include "app/tun_ids.h"
#include "dataplane.h"
#include "table/drop.h"

#include <pthread.h>

/* The thread's alone while it runs, except where something else is said. */
struct tun_queue {
	const struct dp_cfg *dp;
	const struct dp_tun_cfg *cfg;
	unsigned number;
	uint8_t addr[IP6_ADDR_BYTES]; /* of this node */
	int fd, epoll, wake;
	struct tunring *ring[CPDP_WORKERS_MAX];
	unsigned nrings;
	unsigned guess; /* the worker of the last packet of the kernel */
	uint32_t woken; /* bits of rings into which something was put in this round */
	uint32_t runs;  /* bits of 1 << enum gso_kind: what the kernel takes as one */
	_Atomic uint32_t
	        asleep; /* set by the thread, taken back by it or by the worker that wakes it */
	_Atomic uint32_t stop; /* set by control */
	pthread_t thread;
	bool running;
	struct instant now;
	uint64_t drops[DROP_REASONS]; /* read by others */
	struct tun_ids ids;
	struct tun_slot spare; /* where a packet is read whose worker has no room */
};

/* A queue with this descriptor of the interface, which it owns from now on. NULL: one sentence is in err, and fd is closed. */
struct tun_queue *tun_queue_new(const struct dp_cfg *cfg, unsigned number, int fd, uint32_t runs,
                                char *err, size_t errcap);
/* Starts the thread. rings: one for each of n workers, alive until tun_queue_free(). 0, or -errno with a sentence in err. */
int tun_queue_start(struct tun_queue *t, struct tunring *const *rings, unsigned n, char *err,
                    size_t errcap);
/* Stops the thread and closes the interface's descriptor. */
void tun_queue_stop(struct tun_queue *t);
/* After the workers' threads have ended. NULL is allowed. */
void tun_queue_free(struct tun_queue *t);
