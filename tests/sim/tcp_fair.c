/* SPDX-License-Identifier: BSD-3-Clause */
/* Flows that share a bottleneck: equal ones come to equal shares, CUBIC leaves NewReno its part, twice the round trip is no ruin. */
#include "golden.h"
#include "tcpnet.h"
#include "tcpnet_require.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLOWS_MAX 10
#define MSS       1448.0
#define WIRE      1480.0

static char row[96];
static const char *name(const char *group, const char *what)
{
	snprintf(row, sizeof(row), "%s: %s", group, what);
	return row;
}

struct share {
	unsigned flows;
	double bit_s, queue_bdp;
	int64_t rtt_ms, extra_ms; /* the last flow's round trip is that much longer */
	int64_t jitter_ns;        /* both ways, as tcpnet_path */
	bool newreno_last;
	int64_t apart_ms; /* from one flow's start to the next one's */
	int64_t warm_s, count_s;
	uint64_t got[FLOWS_MAX];
	double used; /* of the link, 0..1 */
};

/* One sender and one receiver for each flow. */
static void run(struct share *x)
{
	const struct tcp_cfg *cfg[2 * FLOWS_MAX];
	struct tcpnet_flow f[FLOWS_MAX];
	struct tcp_cfg cubic, newreno;
	double bdp = x->bit_s * (double)x->rtt_ms / 1e3 / 8;
	const struct tcpnet_path p = {.bit_s = x->bit_s,
	                              .delay_ns = x->rtt_ms * NS_PER_MS / 2,
	                              .queue_bytes = (uint32_t)(bdp * x->queue_bdp),
	                              .jitter_ns = x->jitter_ns};
	struct tcpnet n;
	uint64_t sum = 0;

	tcpnet_cfg_wide(&cubic, (uint32_t)(8 * bdp) + 200000);
	/* One connection each: the invariants of every host are checked after every event. */
	cubic.max_conns = 4;
	cubic.max_peers = TCPNET_PEER + x->flows;
	cubic.chunks = 256 + cubic.sndbuf_max * 3 / 2 / cubic.chunk_bytes; /* one direction each */
	newreno = cubic;
	newreno.cc = TCP_CC_NEWRENO;
	memset(f, 0, sizeof(f));
	for (unsigned i = 0; i < x->flows; i++) {
		cfg[i] = x->newreno_last && i == x->flows - 1 ? &newreno : &cubic;
		cfg[x->flows + i] = &cubic;
		f[i] = (struct tcpnet_flow){.src = i,
		                            .dst = x->flows + i,
		                            .total = UINT64_MAX,
		                            .start_at = NS_PER_S + i * x->apart_ms * NS_PER_MS};
	}
	tcpnet_init_hosts(&n, 7, x->flows, x->flows, cfg);
	tcpnet_both(&n, &p);
	n.extra_ns[x->flows - 1] = x->extra_ms * NS_PER_MS / 2;
	tcpnet_flows(&n, f, x->flows, n.now + x->warm_s * NS_PER_S);
	for (unsigned i = 0; i < x->flows; i++)
		x->got[i] = f[i].got;
	tcpnet_flows(&n, f, x->flows, n.now + x->count_s * NS_PER_S);
	for (unsigned i = 0; i < x->flows; i++) {
		x->got[i] = f[i].got - x->got[i];
		sum += x->got[i];
	}
	x->used = (double)sum / MSS * WIRE * 8 / ((double)x->count_s * x->bit_s);
	tcpnet_free(&n);
}

static double jain(const struct share *x)
{
	double sum = 0, squares = 0;

	for (unsigned i = 0; i < x->flows; i++) {
		sum += (double)x->got[i];
		squares += (double)x->got[i] * (double)x->got[i];
	}
	return sum * sum / (x->flows * squares);
}

#define STARTS 5

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Jain's index of each of several starts, least first; the least use of the link in any of them. */
static double starts(unsigned flows, int64_t jitter_ns, double index[STARTS])
{
	double used = 1;

	for (unsigned i = 0; i < STARTS; i++) {
		struct share x = {.flows = flows,
		                  .bit_s = 50e6,
		                  .queue_bdp = 1,
		                  .rtt_ms = 40,
		                  .jitter_ns = jitter_ns,
		                  .apart_ms = 300 + 13 * i,
		                  .warm_s = 20,
		                  .count_s = 40};

		run(&x);
		index[i] = jain(&x);
		used = x.used < used ? x.used : used;
	}
	qsort(index, STARTS, sizeof(index[0]), ascending);
	return used;
}

/* Where packets are delayed by chance by up to a fortieth of the round trip each way, as hosts and links do, equal flows share well at every start. */
static void equal(unsigned flows)
{
	double index[STARTS], used = starts(flows, NS_PER_MS, index);
	char group[48];

	snprintf(group, sizeof(group), "%u flows, 50 Mbit/s x 40 ms, jitter 1 ms", flows);
	golden(name(group, "Jain's index, least of 5 starts"), index[0], "of-1", 0.95, 1.0001, 1);
	golden(name(group, "link used, least"), 100 * used, "%", 97, 100.1, 1);
}

/* A queue that drops its tail without any chance locks the phases of some starts into each other, so that the same flow meets the
 * full queue each time (Floyd and Jacobson, "On Traffic Phase Effects in Packet-Switched Gateways", 1992): the middle of several starts. */
static void equal_locked(unsigned flows)
{
	double index[STARTS], used = starts(flows, 0, index);
	char group[48];

	snprintf(group, sizeof(group), "%u flows, 50 Mbit/s x 40 ms, no jitter", flows);
	golden(name(group, "Jain's index, median of 5 starts"), index[STARTS / 2], "of-1", 0.95,
	       1.0001, 1);
	golden(name(group, "Jain's index, least"), index[0], "of-1", 0.85, 1.0001, 1);
	golden(name(group, "link used, least"), 100 * used, "%", 97, 100.1, 1);
}

/* RFC 9438 5.1: where Reno does well, CUBIC takes no more than it would. */
static void beside_newreno(const char *group, double bit_s, int64_t rtt_ms)
{
	struct share x = {.flows = 2,
	                  .bit_s = bit_s,
	                  .queue_bdp = 1,
	                  .rtt_ms = rtt_ms,
	                  .newreno_last = true,
	                  .apart_ms = 300,
	                  .warm_s = 20,
	                  .count_s = 100};

	run(&x);
	golden(name(group, "CUBIC's share / NewReno's"), (double)x.got[0] / (double)x.got[1],
	       "ratio", 0.5, 2, 5);
	golden(name(group, "link used"), 100 * x.used, "%", 90, 100.1, 1);
}

static void longer_way(const char *group, double queue)
{
	struct share x = {.flows = 2,
	                  .bit_s = 50e6,
	                  .queue_bdp = queue,
	                  .rtt_ms = 40,
	                  .extra_ms = 40,
	                  .apart_ms = 300,
	                  .warm_s = 20,
	                  .count_s = 100};

	run(&x);
	golden(name(group, "share of 40 ms / that of 80 ms"), (double)x.got[0] / (double)x.got[1],
	       "ratio", 0.45, 2.2, 5);
	golden(name(group, "link used"), 100 * x.used, "%", 90, 100.1, 1);
}

int main(void)
{
	static const unsigned flows[] = {2, 4, 10};

	golden_open("tcp_fair");
	for (unsigned i = 0; i < 3; i++) {
		equal(flows[i]);
		equal_locked(flows[i]);
	}
	beside_newreno("beside NewReno, 10 Mbit/s x 20 ms", 10e6, 20);
	beside_newreno("beside NewReno, 20 Mbit/s x 20 ms", 20e6, 20);
	longer_way("round trips 1:2, queue of 1 BDP", 1);
	longer_way("round trips 1:2, queue of 2 BDP", 2);
	return golden_close();
}
