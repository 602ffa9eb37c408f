/* SPDX-License-Identifier: BSD-3-Clause */
/* Ground for a test of one room: DPDK, a pool of buffers and workers without rooms of their own. */
#pragma once
#include "core/mbuf.h"
#include "core/worker.h"
#include "worker/eal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#define ROOM_BUFFERS 4095
#define ROOM_WORKERS 2

struct room {
	struct dp_cfg cfg; /* name, ports and rates may be set before room_start() */
	struct workers all;
	struct worker w[ROOM_WORKERS];
	struct eal *eal;
};

static inline void room_start(struct room *r)
{
	char err[512] = "";

	r->cfg.workers = ROOM_WORKERS;
	r->cfg.no_huge = true;
	r->eal = eal_start(&r->cfg, 64, err, sizeof(err));
	if (!r->eal)
		fail_msg("%s", err);
	r->all.cfg = &r->cfg;
	r->all.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	r->all.pool = rte_pktmbuf_pool_create("packets", ROOM_BUFFERS, 64, PACKET_BYTES, MBUF_DATA,
	                                      SOCKET_ID_ANY);
	assert_non_null(r->all.pool);
	for (unsigned i = 0; i < ROOM_WORKERS; i++) {
		assert_int_equal(worker_init(&r->w[i], &r->all, i, err, sizeof(err)), 0);
		r->all.worker[i] = &r->w[i];
	}
}

/* Every buffer must have been given back. */
static inline void room_end(struct room *r)
{
	unsigned buffers;

	for (unsigned i = 0; i < ROOM_WORKERS; i++)
		worker_end(&r->w[i]);
	buffers = rte_mempool_avail_count(r->all.pool);
	rte_mempool_free(r->all.pool);
	eal_stop(r->eal);
	close(r->all.wake_fd);
	assert_int_equal(buffers, ROOM_BUFFERS);
}

/* True: somebody has written the eventfd since the last look. */
static inline bool room_woken(int fd)
{
	uint64_t n;

	return read(fd, &n, sizeof(n)) == sizeof(n);
}
