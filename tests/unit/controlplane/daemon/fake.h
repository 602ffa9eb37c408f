/* SPDX-License-Identifier: BSD-3-Clause */
/* A node and a data plane that only remember: what the daemon's own code is tested against. */
#pragma once
#include "node/node.h"
#include "dataplane.h"

struct daemon;

#define FAKE_LINKS 8
#define FAKE_LOG   65536

struct fake_command {
	uint32_t type;
	uint64_t seq;
	uint32_t in_label, out_label;
};

struct fake {
	/* data plane */
	unsigned room; /* commands a ring takes before -EAGAIN; counted down */
	bool hold_acks;
	struct fake_command *log[CPDP_WORKERS_MAX];
	uint32_t nlog[CPDP_WORKERS_MAX];
	uint64_t acked[CPDP_WORKERS_MAX];
	uint32_t connections; /* of each worker; a dump names them from 0 in bytes_in */
	uint32_t dumps;       /* slices of them asked for */
	struct dp_link_counters counters[FAKE_LINKS];
	/* Of every worker; its number is added to switched_packets. */
	struct dp_worker_counters worker;
	/* node */
	uint64_t acks[CPDP_WORKERS_MAX]; /* the node's numbers, as told */
	uint32_t nacks;
	uint32_t rx, tx; /* NODE_LINK_RX, NODE_LINK_TX counts */
	uint32_t nlinks, ndel, restored, drains, carriers;
	struct node_link_cfg links[FAKE_LINKS];
	uint32_t first, tunnels; /* those numbered first .. tunnels - 1 stand */
	uint32_t transit; /* tunnels in transit; one fewer at each look once a drain has begun */
	uint64_t visits;  /* rows asked of the node */
	struct node_cfg cfg;
	struct dp_cfg dp;
};
extern struct fake fake;

void fake_reset(void);
/* Queues an output in the node; commands are numbered. */
void fake_output(struct node *n, const struct node_output *out);

/* Makes d a daemon of two workers around such a node and data plane, without a control socket; its time is one second. */
void fake_daemon_open(struct daemon *d);
/* Frees what fake_daemon_open() and the test have given it. */
void fake_daemon_close(struct daemon *d);
