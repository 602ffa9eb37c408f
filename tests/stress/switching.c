/* SPDX-License-Identifier: BSD-3-Clause */
/* Cost of the label switch alone: bursts of labelled packets through fwd/ to a port that swallows them, by number of labels.
 *
 * usage: switching [labels [packets]]
 * Prints one line: labels, million packets/s, ns and TSC cycles per packet; the reference loop (allocate, write, free) stands beside it. */
#include "core/mbuf.h"
#include "core/worker.h"
#include "fwd/fwd.h"
#include "io/io.h"
#include "tests/lib/switch_bed.h"
#include "wire/lse.h"
#include "worker/eal.h"

#include <rte_lcore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#define PACKETS 32 /* in a burst */

static struct dp_cfg cfg;
static struct workers all = {.cfg = &cfg};
static struct worker worker;
static struct io *io;
static struct fwd *fwd;
static struct eal *eal;

static void die(const char *what)
{
	fprintf(stderr, "switching: %s\n", what);
	exit(1);
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void command(void *arg, const struct cp_cmd *c)
{
	if (fwd_command(fwd, c))
		die("a command is refused");
}

static double run(const uint32_t *label, unsigned labels, uint64_t packets, bool reference)
{
	double began = now_s();
	unsigned at = 0;
	struct burst b = {0};

	for (uint64_t done = 0; done < packets; done += PACKETS) {
		struct rte_mbuf **m = b.labelled;

		if (rte_pktmbuf_alloc_bulk(all.pool, m, PACKETS))
			die("buffers are not given back");
		for (unsigned i = 0; i < PACKETS; i++) {
			m[i]->data_off = WORKER_HEADROOM;
			be32_store(rte_pktmbuf_append(m[i], 60), lse_make(label[at], 0, true, 64));
			*packet_of(m[i]) = (struct packet){.link = SWITCH_BED_IN};
			at = at + 1 == labels ? 0 : at + 1;
		}
		if (reference) {
			rte_pktmbuf_free_bulk(m, PACKETS);
			continue;
		}
		worker.now.ns++;
		b.nlabelled = PACKETS;
		fwd_labelled(fwd, &b);
		fwd_flush(fwd);
	}
	return now_s() - began;
}

static void start(void)
{
	static struct dp_port_cfg port = {.name = "sink", .device = "net_null0,no-rx=1"};
	static uint16_t id[DP_PORTS_MAX];
	char err[512];

	cfg = (struct dp_cfg){.name = "switching",
	                      .workers = 1,
	                      .no_huge = true,
	                      .punt_rate = 1000,
	                      .ports = &port,
	                      .nports = 1};
	eal = eal_start(&cfg, 64, err, sizeof(err));
	if (!eal)
		die(err);
	all.pool = rte_pktmbuf_pool_create_by_ops("packets", 4096, 256, PACKET_BYTES, MBUF_DATA,
	                                          SOCKET_ID_ANY, "stack");
	if (!all.pool || ports_start(&cfg, all.pool, id, err, sizeof(err)))
		die("no port");
	if (worker_init(&worker, &all, 0, err, sizeof(err)))
		die(err);
	all.worker[0] = &worker;
	io = io_new(&worker, err, sizeof(err));
	fwd = io ? fwd_new(&worker, io, err, sizeof(err)) : NULL;
	if (!fwd)
		die(err);
	id[1] = id[0];
	switch_bed_links(id, command, NULL);
}

int main(int argc, char **argv)
{
	unsigned labels = argc > 1 ? (unsigned)atoi(argv[1]) : 1000;
	uint64_t packets = argc > 2 ? strtoull(argv[2], NULL, 10) : 2000000, tsc;
	uint32_t *label;
	double reference, t;

	start();
	label = switch_bed_labels(labels, command, NULL);
	if (!label)
		die("no room for so many labels");

	run(label, labels, packets / 4, false);
	reference = run(label, labels, packets, true);
	tsc = rte_rdtsc();
	t = run(label, labels, packets, false);
	tsc = rte_rdtsc() - tsc;
	printf("labels %u mpps %.2f ns %.1f cycles %.0f reference_ns %.1f switch_ns %.1f\n", labels,
	       (double)packets / t / 1e6, t * 1e9 / (double)packets, (double)tsc / (double)packets,
	       reference * 1e9 / (double)packets, (t - reference) * 1e9 / (double)packets);
	free(label);
	labels = worker.count.switched_packets < packets; /* the exit code */
	fwd_free(fwd);
	io_free(io);
	worker_end(&worker);
	ports_stop();
	rte_mempool_free(all.pool);
	eal_stop(eal);
	return (int)labels;
}
