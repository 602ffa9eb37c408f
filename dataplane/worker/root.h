/* SPDX-License-Identifier: BSD-3-Clause */
/* The data plane as a whole: its workers, its ports, its applications. */
#pragma once
#include "core/state.h"
#include "worker/loop.h"
#include "worker/memory.h"

#define WORKER_MBUF_CACHE 256 /* packet buffers that each lcore keeps to itself */

struct bridge;
struct eal;
struct gateway;

/* The control thread's, except where something else is said. */
struct dataplane {
	struct workers all;
	struct dp_cfg cfg;                      /* constant; all.cfg points here */
	struct dp_port_cfg ports[DP_PORTS_MAX]; /* cfg.ports */
	struct loop *loop[CPDP_WORKERS_MAX];
	struct gateway *gateway;   /* NULL: no applications */
	struct tun *tun;           /* NULL: none */
	struct dp_tun_cfg tun_cfg; /* cfg.tun, with the queues that there are */
	struct bridge *bridge[CPDP_WORKERS_MAX];
	struct eal *eal;
	bool launched;
	uint16_t port_id[DP_PORTS_MAX];    /* DPDK's number of cfg.ports[i] */
	bool link_present[CPDP_LINKS_MAX]; /* as control has commanded */
	struct memory memory;
	char memory_text[256];
};
