/* SPDX-License-Identifier: BSD-3-Clause */
/* Label switch for scripts/cycles: a worker receives plain MPLS frames from one port, swaps their labels and sends them into another.
 *
 * usage: cycles_switch --build | LABELS PACKETS
 * Counted: what a turn of the worker does with a burst, the two virtual ports included. Prints how many packets were counted. */
#include "counted.h"
#include "core/mbuf.h"
#include "core/ring.h"
#include "io/priv.h"
#include "tests/lib/switch_bed.h"
#include "wire/lse.h"
#include "worker/eal.h"
#include "worker/loop.h"

#include <stdlib.h>
#include <string.h>

#define FRAMES 32 /* in a burst */
#define FRAME  60

static struct dp_cfg cfg;
static struct workers all = {.cfg = &cfg};
static uint16_t port_id[DP_PORTS_MAX];
static struct eal *eal;

static void die(const char *what)
{
	fprintf(stderr, "cycles_switch: %s\n", what);
	exit(1);
}

static void command(void *loop, const struct cp_cmd *c)
{
	struct loop *l = loop;
	void *slot = ring_put_begin(l->w.commands, sizeof(*c));

	memcpy(slot, c, cp_cmd_size(c));
	ring_put_end(l->w.commands);
	command_run(l, 64);
}

static struct loop *start(void)
{
	/* A ring port gives back what is sent into it; the other takes what it is given. */
	static struct dp_port_cfg ports[] = {{.name = "in", .device = "net_ring0"},
	                                     {.name = "out", .device = "net_null0,no-rx=1"}};
	char err[512];
	struct loop *l;

	cfg = (struct dp_cfg){.name = "cycles",
	                      .workers = 1,
	                      .no_huge = true,
	                      .punt_rate = 1000,
	                      .ports = ports,
	                      .nports = 2};
	eal = eal_start(&cfg, 64, err, sizeof(err));
	if (!eal)
		die(err);
	all.pool = rte_pktmbuf_pool_create_by_ops("packets", 2048, 256, PACKET_BYTES, MBUF_DATA,
	                                          SOCKET_ID_ANY, "stack");
	if (!all.pool || ports_start(&cfg, all.pool, port_id, err, sizeof(err)))
		die("no port");
	l = loop_new(&all, 0, err, sizeof(err));
	if (!l)
		die(err);
	all.worker[0] = &l->w;
	switch_bed_links(port_id, command, l);
	return l;
}

/* The part of worker/loop.c's turn that a packet in transit goes through. */
static inline void turn(struct loop *l)
{
	turn_receive(l);
	fwd_flush(l->fwd);
}

static COUNTED void counted_turn(struct loop *l)
{
	turn(l);
}

/* Puts a burst of frames on the wire that the worker reads. */
static void offer(const uint32_t *label, unsigned labels, unsigned *at)
{
	static const uint8_t head[14] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0x47};
	struct rte_mbuf *m[FRAMES];

	if (rte_pktmbuf_alloc_bulk(all.pool, m, FRAMES))
		die("buffers are not given back");
	for (unsigned i = 0; i < FRAMES; i++) {
		uint8_t *p;

		m[i]->data_off = WORKER_HEADROOM;
		p = (uint8_t *)rte_pktmbuf_append(m[i], FRAME);
		memcpy(p, head, sizeof(head));
		be32_store(p + sizeof(head), lse_make(label[*at], 0, true, 64));
		*at = *at + 1 == labels ? 0 : *at + 1;
	}
	if (port_transmit(port_id[SWITCH_BED_IN], 0, m, FRAMES) != FRAMES)
		die("the port takes no burst");
}

static void pass(struct loop *l, const uint32_t *label, unsigned labels, unsigned packets,
                 bool counted)
{
	uint64_t until = l->w.count.switched_packets + packets;
	unsigned at = 0;

	for (unsigned done = 0; done < packets; done += FRAMES) {
		l->w.now.ns++;
		offer(label, labels, &at);
		if (counted)
			counted_turn(l);
		else
			turn(l);
	}
	if (l->w.count.switched_packets != until)
		die("packets were lost");
}

int main(int argc, char **argv)
{
	unsigned labels = argc == 3 ? (unsigned)atoi(argv[1]) : 0;
	unsigned packets = argc == 3 ? (unsigned)atoi(argv[2]) / FRAMES * FRAMES : 0;
	struct loop *l;
	uint32_t *label;

	if (argc == 2 && strcmp(argv[1], "--build") == 0) {
		counted_print_build(COUNTED_BUILD);
		return 0;
	}
	if (!labels || !packets)
		die("usage: cycles_switch --build | LABELS PACKETS");
	l = start();
	label = switch_bed_labels(labels, command, l);
	if (!label)
		die("no room for so many labels");
	pass(l, label, labels, 64 * FRAMES, false);
	pass(l, label, labels, packets, true);
	printf("%u\n", packets);
	free(label);
	loop_free(l);
	ports_stop();
	rte_mempool_free(all.pool);
	eal_stop(eal);
	return 0;
}
