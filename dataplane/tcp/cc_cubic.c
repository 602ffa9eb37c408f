/* SPDX-License-Identifier: BSD-3-Clause */
/* CUBIC (RFC 9438): the window follows a cubic curve of time since the last congestion event, never slower than Reno. */
#include "tcp/cc.h"

#define CUBIC_C     0.4
#define CUBIC_BETA  0.7
#define CUBIC_ALPHA (3.0 * (1.0 - CUBIC_BETA) / (1.0 + CUBIC_BETA))

/* Newton's iteration: no libm in a pure part; x >= 0. */
static double cube_root(double x)
{
	double y = x > 1.0 ? x : 1.0;

	if (x <= 0.0)
		return 0.0;
	for (int i = 0; i < 60; i++) {
		double z = (2.0 * y + x / (y * y)) / 3.0;

		if (z >= y * 0.999999 && z <= y * 1.000001)
			return z;
		y = z;
	}
	return y;
}

static void cubic_init(struct tcp_ccs *c)
{
	c->partial = 0;
	c->cubic.epoch_ns = 0;
	c->cubic.grown_ns = c->cubic.was_epoch_ns = 0;
	c->cubic.w_max = c->cubic.k = c->cubic.w_est = c->cubic.cwnd_prior = 0.0;
	c->cubic.was_w_max = c->cubic.was_k = 0.0f;
	c->cubic.was_w_est = c->cubic.was_cwnd_prior = 0.0f;
	c->cubic.paused = false;
}

static void epoch_start(struct tcp_ccs *c, double cwnd, int64_t now_ns)
{
	c->cubic.epoch_ns = now_ns > 0 ? now_ns : 1;
	c->cubic.w_est = cwnd;
	if (c->cubic.w_max < cwnd) {
		c->cubic.w_max = cwnd;
		c->cubic.k = 0.0;
	} else {
		c->cubic.k = cube_root((c->cubic.w_max - cwnd) / CUBIC_C);
	}
}

static double curve(const struct tcp_ccs *c, double t)
{
	double d = t - c->cubic.k;

	return CUBIC_C * d * d * d + c->cubic.w_max;
}

/* Near the plateau an acknowledgement is worth less than a byte: the rest is kept for the next. */
static void grow(struct tcp_ccs *c, double bytes)
{
	uint64_t units = (uint64_t)(bytes * 4294967296.0) + c->partial;

	c->cwnd += units >> 32;
	c->partial = (uint32_t)units;
}

static void cubic_acked(struct tcp_ccs *c, uint32_t bytes, int64_t srtt_ns, int64_t now_ns)
{
	double cwnd, t, target, alpha;
	bool first = !c->cubic.epoch_ns;

	if (c->cwnd < c->ssthresh)
		bytes = tcp_cc_slow_start(c, bytes);
	if (!bytes)
		return;
	/* Section 5.8: time in which the window was not in use is no time of the curve. */
	if (c->cubic.paused && !first)
		c->cubic.epoch_ns += now_ns - c->cubic.grown_ns;
	c->cubic.paused = false;
	c->cubic.grown_ns = now_ns;
	cwnd = (double)c->cwnd / c->mss;
	if (first)
		epoch_start(c, cwnd, now_ns);
	t = (double)(now_ns - c->cubic.epoch_ns) / 1e9;
	alpha = c->cubic.w_est >= c->cubic.cwnd_prior ? 1.0 : CUBIC_ALPHA;
	/* The ACK that ends a recovery covers several windows perhaps: one counts. */
	c->cubic.w_est += alpha * (bytes < c->cwnd ? (double)bytes / c->mss / cwnd : 1.0);
	if (curve(c, t) < c->cubic.w_est) {
		if (c->cubic.w_est > cwnd)
			c->cwnd = (uint64_t)(c->cubic.w_est * c->mss);
		return;
	}
	/* The curve has had no time yet. */
	if (first)
		return;
	target = curve(c, t + (double)srtt_ns / 1e9);
	if (target < cwnd)
		target = cwnd;
	if (target > 1.5 * cwnd)
		target = 1.5 * cwnd;
	grow(c, (target - cwnd) / cwnd * bytes);
}

static uint64_t cubic_congestion(struct tcp_ccs *c, uint64_t in_flight)
{
	/* Section 4.6 counts what is in flight; what one segment's rounding leaves of the window does not count against it. */
	uint64_t base = in_flight + c->mss < c->cwnd ? in_flight : c->cwnd;
	uint64_t ssthresh = (uint64_t)((double)base * CUBIC_BETA);
	double w = (double)base / c->mss;

	c->cubic.was_epoch_ns = c->cubic.epoch_ns;
	c->cubic.was_w_max = (float)c->cubic.w_max;
	c->cubic.was_k = (float)c->cubic.k;
	c->cubic.was_w_est = (float)c->cubic.w_est;
	c->cubic.was_cwnd_prior = (float)c->cubic.cwnd_prior;
	c->cubic.cwnd_prior = w;
	/* Fast convergence, section 4.7: give way when this peak is below the last one. */
	c->cubic.w_max = w < c->cubic.w_max ? w * (1.0 + CUBIC_BETA) / 2.0 : w;
	c->cubic.epoch_ns = 0;
	return ssthresh > 2 * (uint64_t)c->mss ? ssthresh : 2 * (uint64_t)c->mss;
}

/* Section 4.8: the curve starts flat where slow start will have ended. */
static void cubic_timeout(struct tcp_ccs *c)
{
	c->cubic.w_max = 0.0;
}

/* Section 4.9.1. */
static void cubic_undo(struct tcp_ccs *c)
{
	c->cubic.epoch_ns = c->cubic.was_epoch_ns;
	c->cubic.w_max = c->cubic.was_w_max;
	c->cubic.k = c->cubic.was_k;
	c->cubic.w_est = c->cubic.was_w_est;
	c->cubic.cwnd_prior = c->cubic.was_cwnd_prior;
}

/* A larger segment makes no larger window of what the path bore; the curve begins anew from there. */
static void cubic_mss(struct tcp_ccs *c, uint32_t was)
{
	double f = (double)was / c->mss;

	c->cubic.w_max *= f;
	c->cubic.w_est *= f;
	c->cubic.cwnd_prior *= f;
	c->cubic.was_w_max = (float)(c->cubic.was_w_max * f);
	c->cubic.was_w_est = (float)(c->cubic.was_w_est * f);
	c->cubic.was_cwnd_prior = (float)(c->cubic.was_cwnd_prior * f);
	c->cubic.epoch_ns = c->cubic.was_epoch_ns = 0;
}

static void cubic_paused(struct tcp_ccs *c)
{
	c->cubic.paused = true;
}

/* Neither the curve nor the Reno estimate of a larger window holds: a new one begins where slow start will have ended. */
static void cubic_restart(struct tcp_ccs *c)
{
	c->cubic.epoch_ns = 0;
}

const struct tcp_cc_ops tcp_cc_cubic = {
        .name = "cubic",
        .init = cubic_init,
        .acked = cubic_acked,
        .paused = cubic_paused,
        .restart = cubic_restart,
        .congestion = cubic_congestion,
        .timeout = cubic_timeout,
        .undo = cubic_undo,
        .mss = cubic_mss,
};
