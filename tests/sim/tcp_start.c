/* SPDX-License-Identifier: BSD-3-Clause */
/* Start-up: segments by round trip, how soon a long fat pipe is full, and what slow start loses beyond it. */
#include "golden.h"
#include "tcpnet.h"
#include "tcpnet_require.h"
#include "tcp/stack.h"

#include <stdio.h>

#define MSS 1448.0

static char row[96];
static const char *name(const char *group, const char *what)
{
	snprintf(row, sizeof(row), "%s: %s", group, what);
	return row;
}

struct rounds {
	struct tcpnet *n;
	int64_t first, rtt;
	unsigned sent[64];
};

static void count(void *arg, unsigned from, const struct tcp_out *out, const uint8_t *seg)
{
	struct rounds *r = arg;
	int64_t i;

	(void)seg;
	if (from || !out->payload)
		return;
	if (!r->first)
		r->first = r->n->now;
	i = (r->n->now - r->first) / r->rtt;
	if (i < 64)
		r->sent[i]++;
}

/* On a path without a bottleneck each round trip carries twice as much. */
static void doubling(const char *group, bool delack)
{
	struct tcpnet n;
	struct tcp_cfg cfg;
	struct rounds r = {.n = &n, .rtt = 100 * NS_PER_MS};
	struct tcpnet_flow f = {.src = 0, .dst = 1, .total = UINT64_MAX};
	struct tcpnet_path p = {.delay_ns = 50 * NS_PER_MS};

	tcpnet_cfg_wide(&cfg, 16u << 20);
	cfg.rcvbuf = cfg.rcvbuf_max;
	if (!delack)
		cfg.delack_ns = 0;
	tcpnet_init(&n, 1, &cfg, &cfg);
	tcpnet_both(&n, &p);
	n.tap = count;
	n.tap_arg = &r;
	tcpnet_flows(&n, &f, 1, n.now + 8 * r.rtt);
	for (unsigned i = 0; i < 6; i++) {
		char what[40];

		snprintf(what, sizeof(what), "segments in round trip %u", i + 1);
		golden(name(group, what), r.sent[i], "segments", 0.97 * (10u << i), 10u << i, 0);
	}
	tcpnet_free(&n);
}

struct pipe {
	double bit_s;
	int64_t rtt_ms;
	double queue; /* of BDP */
	bool hystart, pacing;
};

/* Until 90 % of the pipe is in flight; then on until the first losses are repaired. */
static void fill_pipe(const char *group, const struct pipe *q, double flight_s, double within_s,
                      double lost_bdp, double used_pct)
{
	struct tcpnet n;
	struct tcp_cfg cfg;
	struct rounds r = {.n = &n, .rtt = q->rtt_ms * NS_PER_MS};
	struct tcpnet_flow f = {.src = 0, .dst = 1, .total = UINT64_MAX};
	struct tcpnet_path p = {.bit_s = q->bit_s, .delay_ns = q->rtt_ms * NS_PER_MS / 2};
	double bdp = q->bit_s * (double)q->rtt_ms / 1e3 / 8, full = 0;
	uint64_t before = 0, second = 0;
	double since = 0, flown = 0;
	int64_t mark = 0;

	p.queue_bytes = (uint32_t)(bdp * q->queue);
	tcpnet_cfg_wide(&cfg, (uint32_t)(bdp * 6));
	cfg.rcvbuf = cfg.rcvbuf_max;
	cfg.sndbuf = cfg.sndbuf_max;
	cfg.hystart = q->hystart;
	cfg.pacing = q->pacing;
	tcpnet_init(&n, 1, &cfg, &cfg);
	tcpnet_both(&n, &p);
	n.tap = count;
	n.tap_arg = &r;
	while (n.now < 5 * NS_PER_S) {
		tcpnet_flows_step(&n, &f, 1, 5 * NS_PER_S);
		if (!r.first)
			continue;
		if (!flown && (double)tcpnet_info(&n, &f).in_flight * (MSS + 32) / MSS >= 0.9 * bdp)
			flown = (double)(n.now - r.first) / 1e9;
		/* What arrives in a round trip against what the link carries in one. */
		if (!mark || n.now - mark >= r.rtt / 20) {
			static uint64_t at[20];
			static unsigned i;

			if (!mark)
				i = 0;
			if (mark && i >= 20 && !full &&
			    (double)(n.bytes[0] - at[i % 20]) >= 0.9 * bdp)
				full = (double)(n.now - r.first) / 1e9;
			at[i++ % 20] = n.bytes[0];
			mark = n.now;
		}
		if (n.now > r.first + 2 * NS_PER_S && !before)
			before = n.lost[0] + 1;
		if (n.now > r.first + 3 * NS_PER_S && !since) {
			second = tcpnet_info(&n, &f).delivered;
			since = (double)n.now;
		}
	}
	golden(name(group, "90 % of the pipe is in flight after"), flown, "s", 0.1, flight_s, 1);
	golden(name(group, "90 % of the link's rate is sent after"), full, "s", 0.1, within_s, 1);
	golden(name(group, "lost by starting up"), (double)(before - 1) * (MSS + 32) / bdp, "BDP",
	       0, lost_bdp, 2);
	golden(name(group, "link used in the fourth second"),
	       100 * (double)(tcpnet_info(&n, &f).delivered - second) * (MSS + 32) / MSS * 8 /
	               (((double)n.now - since) / 1e9) / q->bit_s,
	       "%", used_pct, 100.1, 1);
	golden(name(group, "timeouts"), (double)tcpnet_info(&n, &f).rtos, "timeouts", 0, 0, 0);
	tcpnet_free(&n);
}

int main(void)
{
	const struct pipe plain = {1e9, 100, 1, false, false}, hs = {1e9, 100, 1, true, false},
	                  paced = {1e9, 100, 1, true, true}, low = {100e6, 40, 1, true, false},
	                  shallow = {1e9, 100, 0.25, true, true};

	golden_open("tcp_start");
	doubling("start, an ACK for two", true);
	doubling("start, an ACK for each", false);
	golden_note("90 % of this pipe are 7 706 segments: ten doubled are 5 120 in the tenth "
	            "round trip, so they are reached within the eleventh, which "
	            "begins at 1.0 s. Sooner is possible only with a larger initial window than "
	            "RFC 6928's.");
	fill_pipe("1 Gbit/s x 100 ms", &plain, 1.05, 1.05, 2, 95);
	fill_pipe("1 Gbit/s x 100 ms, HyStart++", &hs, 1.05, 1.05, 1, 99);
	golden_note("Where the last doubling happens to begin just below the pipe's size, no "
	            "sample has grown before all of it has left: up to two pipes "
	            "too much, with RFC 9406's rules as without them.");
	fill_pipe("100 Mbit/s x 40 ms, HyStart++", &low, 2.5, 2.5, 2.2, 99);
	golden_note("Paced at twice the link's rate every other segment is lost until the first "
	            "loss is heard of: thousands of gaps.");
	fill_pipe("1 Gbit/s x 100 ms, HyStart++, paced", &paced, 1.05, 1.05, 1.2, 95);
	fill_pipe("1 Gbit/s x 100 ms, quarter buffer, HyStart++, paced", &shallow, 1.05, 1.05, 1,
	          80);
	return golden_close();
}
