/* SPDX-License-Identifier: BSD-3-Clause */
/* coyobench switch: the worker's own loop switches labelled frames from one port to another, beside two references on the same frames: taking
 * and freeing buffers alone, and a bare table swap. One thread, no wire: the ports are functions of this file. */
#include "bench.h"
#include "core/mbuf.h"
#include "core/ring.h"
#include "io/priv.h"
#include "switch_feed.h"
#include "tests/lib/switch_bed.h"
#include "wire/lse.h"
#include "worker/eal.h"
#include "worker/loop.h"
#include "worker/root.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define RUNS_MAX     15
#define NOISY        1.15 /* the references before and after differ by more */
#define INSTALL_RATE 1000000

struct bed {
	struct eal *eal;
	struct loop *l;
	struct workers all;
	struct dp_cfg cfg;
	double ghz;      /* of the time-stamp counter */
	uint32_t *label; /* in the order of the frames */
	unsigned labels;
	uint64_t seq;  /* of the last command */
	cpu_set_t cpu; /* that this process may use */
};

static void command(void *arg, const struct cp_cmd *c)
{
	struct bed *b = arg;
	struct cp_cmd *slot;

	/* An installer that was stopped later than the worker has filled the ring. */
	while (!(slot = ring_put_begin(b->l->w.commands, sizeof(*c))))
		command_run(b->l, 64);
	memcpy(slot, c, cp_cmd_size(c));
	slot->seq = ++b->seq;
	ring_put_end(b->l->w.commands);
	while (b->l->w.acked != b->seq)
		command_run(b->l, 64);
}

static double tsc_ghz(void)
{
	int64_t wall = wall_ns();
	uint64_t tsc = rte_rdtsc();

	while (wall_ns() - wall < 50000000)
		;
	return (double)(rte_rdtsc() - tsc) / (double)(wall_ns() - wall);
}

static void bed_start(struct bed *b)
{
	static struct dp_port_cfg ports[] = {{.name = "in", .device = "net_null0,no-rx=1"},
	                                     {.name = "out", .device = "net_null1,no-rx=1"}};
	static uint16_t port_id[DP_PORTS_MAX];
	char err[512];

	b->cfg = (struct dp_cfg){.name = "coyobench",
	                         .workers = 1,
	                         .idle = DP_IDLE_BUSY,
	                         .no_huge = true,
	                         .sessions_max = 16,
	                         .connections_max = 16,
	                         .punt_rate = 1000,
	                         .ports = ports,
	                         .nports = 2};
	b->all.cfg = &b->cfg;
	b->all.wake_fd = -1;
	b->eal = eal_start(&b->cfg, 64, err, sizeof(err));
	if (!b->eal)
		bench_die("%s", err);
	b->all.pool =
	        rte_pktmbuf_pool_create_by_ops("packets", 4096, WORKER_MBUF_CACHE, PACKET_BYTES,
	                                       MBUF_DATA, SOCKET_ID_ANY, "stack");
	if (!b->all.pool || ports_start(&b->cfg, b->all.pool, port_id, err, sizeof(err)))
		bench_die("no ports: %s", b->all.pool ? err : "no memory for packet buffers");
	b->l = loop_new(&b->all, 0, err, sizeof(err));
	if (!b->l)
		bench_die("%s", err);
	b->all.worker[0] = &b->l->w;
	switch_bed_links(port_id, command, b);
	feed_ports(port_id, b->all.pool, &b->all.stop);
	if (sched_getaffinity(0, sizeof(b->cpu), &b->cpu))
		bench_die("no CPU");
	bench_pin(1);
	bench_priority(false);
	b->ghz = tsc_ghz();
}

static void bed_end(struct bed *b)
{
	(void)sched_setaffinity(0, sizeof(b->cpu), &b->cpu);
	feed_ports(NULL, NULL, NULL);
	loop_free(b->l);
	ports_stop();
	rte_mempool_free(b->all.pool);
	eal_stop(b->eal);
	free(b->label);
}

/* ---- references ---- */

/* One label of the reference: as large as an entry of the product's, and nothing but what a swap needs. */
struct bare_entry {
	uint32_t out;
	uint8_t mac[12];
	uint8_t pad[16];
};

static struct bare_entry *bare;

static void bare_fill(const struct bed *b)
{
	size_t bytes = sizeof(*bare) * LABEL_SPACE;

	if (!bare) {
		bare = aligned_alloc(2u << 20, bytes);
		if (!bare)
			bench_die("no memory for the reference's table");
		(void)madvise(bare, bytes, MADV_HUGEPAGE);
		memset(bare, 0, bytes);
	}
	for (unsigned i = 0; i < b->labels; i++)
		bare[b->label[i]] = (struct bare_entry){.out = b->label[i], .mac = {2, 1}};
}

static void bare_swap(uint64_t packets, bool swap)
{
	struct rte_mbuf *m[FEED_BURST];

	for (uint64_t done = 0; done < packets; done += FEED_BURST) {
		unsigned n = feed_take(m, FEED_BURST);

		for (unsigned i = 0; swap && i < n; i++) {
			uint8_t *p = rte_pktmbuf_mtod(m[i], uint8_t *);

			__builtin_prefetch(&bare[be32_load(p + 14) >> 12]);
		}
		for (unsigned i = 0; swap && i < n; i++) {
			uint8_t *p = rte_pktmbuf_mtod(m[i], uint8_t *);
			uint32_t lse = be32_load(p + 14);
			const struct bare_entry *e = &bare[lse >> 12];

			if (unlikely_(lse_ttl(lse) <= 1 || !e->mac[0]))
				bench_die("a frame of the feed is broken");
			memcpy(p, e->mac, 12);
			be32_store(p + 14, e->out << 12 | ((lse & 0xfff) - 1));
		}
		feed_give(m, n);
	}
}

/* ---- windows ---- */

enum what { SOURCE_SINK, BARE_SWAP, PLAIN, INSTALL };

struct window {
	double cycles; /* of one packet */
	double share;  /* of the time that the thread had a CPU */
	double commands_s;
	uint64_t commands;
};

/* Control, on another CPU: sets entries again and again at a steady rate. */
struct installer {
	struct bed *b;
	_Atomic bool stop;
	uint64_t sent;
	pthread_t thread;
};

static void *install(void *arg)
{
	struct installer *in = arg;
	struct bed *b = in->b;
	int64_t since = wall_ns();

	(void)sched_setaffinity(0, sizeof(b->cpu), &b->cpu);
	bench_pin(0);
	while (!atomic_load_explicit(&in->stop, memory_order_relaxed)) {
		struct cp_cmd *slot;

		if ((double)(wall_ns() - since) * INSTALL_RATE / 1e9 < (double)in->sent)
			continue;
		slot = ring_put_begin(b->l->w.commands, sizeof(*slot));
		if (!slot)
			continue;
		slot->type = CMD_ILM_SET;
		slot->seq = ++b->seq;
		slot->u.ilm = (struct cp_ilm){.in_link = SWITCH_BED_IN,
		                              .op = ILM_SWAP,
		                              .in_label = b->label[in->sent * 7919 % b->labels],
		                              .out_link = SWITCH_BED_OUT,
		                              .out_label = 16 + (uint32_t)(in->sent & 0xffff),
		                              .twin_label = LABEL_NONE};
		ring_put_end(b->l->w.commands);
		in->sent++;
	}
	return NULL;
}

static void switched(struct bed *b, uint64_t packets)
{
	struct worker *w = &b->l->w;
	uint64_t before = w->count.switched_packets;

	feed_until(packets);
	atomic_store(&b->all.stop, false);
	loop_main(b->l);
	if (w->count.switched_packets - before != packets)
		bench_die("packets were lost");
	for (unsigned i = 0; i < DROP_REASONS; i++)
		if (w->drops[i])
			bench_die("packets were dropped: %s", drop_rows[i].text);
}

static struct window window(struct bed *b, enum what what, uint64_t packets)
{
	struct installer in = {.b = b};
	struct window v = {0};
	int64_t wall, cpu;
	uint64_t commands = b->l->w.count.commands;

	if (what == INSTALL && pthread_create(&in.thread, NULL, install, &in))
		bench_die("no thread");
	wall = wall_ns();
	cpu = cpu_ns();
	if (what <= BARE_SWAP)
		bare_swap(packets, what == BARE_SWAP);
	else
		switched(b, packets);
	cpu = cpu_ns() - cpu;
	wall = wall_ns() - wall;
	v.commands = b->l->w.count.commands - commands;
	v.commands_s = (double)v.commands / ((double)wall / 1e9);
	v.cycles = (double)cpu * b->ghz / (double)packets;
	v.share = (double)cpu / (double)wall;
	if (what == INSTALL) {
		atomic_store(&in.stop, true);
		pthread_join(in.thread, NULL);
		command(b, &(struct cp_cmd){.type = CMD_NOP});
	}
	return v;
}

/* How many packets a window of so many seconds takes. */
static uint64_t calibrate(struct bed *b, double seconds)
{
	struct window v = window(b, PLAIN, 8192 * FEED_BURST);
	double n = seconds * b->ghz * 1e9 / v.cycles;

	return ((uint64_t)n / FEED_BURST + 1) * FEED_BURST;
}

static const char *const case_name[] = {"source_sink", "bare_swap", "plain", "install"};

/* A reference window, one of the case and another reference, as often as asked for. */
static void measure(struct bed *b, enum what what, const struct bench_opts *o, struct report *r,
                    uint64_t packets)
{
	enum what reference = what == INSTALL ? PLAIN : BARE_SWAP;
	double cycles[RUNS_MAX], ratio[RUNS_MAX], each[RUNS_MAX], rate[RUNS_MAX], share[RUNS_MAX];
	struct row *row;
	bool noisy = false;

	for (unsigned i = 0; i < o->runs; i++) {
		struct window before = window(b, reference, packets), v = window(b, what, packets);
		struct window after = window(b, reference, packets);
		double beside = (before.cycles + after.cycles) / 2;

		cycles[i] = v.cycles;
		ratio[i] = v.cycles / beside;
		share[i] = v.share;
		rate[i] = v.commands_s;
		each[i] =
		        (v.cycles - beside) * (double)packets / (double)(v.commands + !v.commands);
		noisy |= before.cycles > after.cycles * NOISY ||
		         after.cycles > before.cycles * NOISY;
	}
	row = report_row(r, case_name[what]);
	row_number(row, "labels", b->labels);
	row_number(row, "frame_bytes", FEED_FRAME);
	row_number(row, "cycles", median(cycles, o->runs));
	row_number(row, "ns", median(cycles, o->runs) / b->ghz);
	row_number(row, "mpps", 1000 * b->ghz / median(cycles, o->runs));
	row_number(row, what == INSTALL ? "ratio_to_plain" : "ratio_to_bare_swap",
	           median(ratio, o->runs));
	row_number(row, "ratio_min", ratio[0]);
	row_number(row, "ratio_max", ratio[o->runs - 1]);
	if (what == INSTALL) {
		row_number(row, "cycles_each", median(each, o->runs));
		row_number(row, "installs_s", median(rate, o->runs));
	}
	row_number(row, "on_cpu_share", median(share, o->runs));
	row_bool(row, "noisy", noisy);
}

static void labels(struct bed *b, unsigned n)
{
	free(b->label);
	b->label = switch_bed_labels(n, command, b);
	if (!b->label)
		bench_die("no memory for labels");
	b->labels = n;
	feed_frames(b->label, n);
	bare_fill(b);
}

/* Every label once, each frame looked into where it leaves. */
static void verify(struct bed *b)
{
	uint64_t packets = ((uint64_t)b->labels + FEED_BURST - 1) / FEED_BURST * FEED_BURST;

	feed_check(true);
	switched(b, packets);
	feed_check(false);
}

int mode_switch(const struct bench_opts *o, struct report *r)
{
	static const unsigned counts[] = {1, 1000, 100000, 1000000};
	struct bed *b = aligned_alloc(64, (sizeof(*b) + 63) & ~(size_t)63);

	if (!b)
		bench_die("out of memory");
	memset(b, 0, sizeof(*b));
	bed_start(b);
	for (unsigned i = 0; i < ARRAY_LEN(counts) && (!o->smoke || i < 2); i++) {
		uint64_t packets;

		labels(b, counts[i]);
		verify(b);
		packets = calibrate(b, o->seconds / 5);
		for (enum what what = SOURCE_SINK; what <= INSTALL; what++)
			if (bench_wanted(o, case_name[what]))
				measure(b, what, o, r, packets);
	}
	bed_end(b);
	free(b);
	return 0;
}
