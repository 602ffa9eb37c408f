/* SPDX-License-Identifier: BSD-3-Clause */
/* NewReno's windows (RFC 5681, 6582): one segment per window in congestion avoidance, half after a loss. */
#include "tcp/cc.h"

static void newreno_init(struct tcp_ccs *c)
{
	c->partial = 0;
}

static void newreno_acked(struct tcp_ccs *c, uint32_t bytes, int64_t srtt_ns, int64_t now_ns)
{
	(void)srtt_ns;
	(void)now_ns;
	if (c->cwnd < c->ssthresh)
		bytes = tcp_cc_slow_start(c, bytes);
	/* The ACK that ends a recovery covers several windows perhaps: one counts. */
	c->partial += bytes < c->cwnd ? bytes : (uint32_t)c->cwnd;
	if (c->partial >= c->cwnd) {
		c->partial -= (uint32_t)c->cwnd;
		c->cwnd += c->mss;
	}
}

static uint64_t newreno_congestion(struct tcp_ccs *c, uint64_t in_flight)
{
	uint64_t half = in_flight / 2;

	c->partial = 0;
	return half > 2 * (uint64_t)c->mss ? half : 2 * (uint64_t)c->mss;
}

static void newreno_timeout(struct tcp_ccs *c)
{
	c->partial = 0;
}

static void newreno_undo(struct tcp_ccs *c)
{
	c->partial = 0;
}

const struct tcp_cc_ops tcp_cc_newreno = {
        .name = "newreno",
        .init = newreno_init,
        .acked = newreno_acked,
        .congestion = newreno_congestion,
        .timeout = newreno_timeout,
        .undo = newreno_undo,
};
