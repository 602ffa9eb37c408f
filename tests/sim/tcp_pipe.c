/* SPDX-License-Identifier: BSD-3-Clause */
/* One loss at a full pipe: the cut, the way back along the curve, how much of the pipe is used meanwhile; with and without a buffer. */
#include "golden.h"
#include "tcpnet.h"
#include "tcpnet_require.h"
#include "tcp/stack.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define WIRE 1480.0 /* a full segment on the link: 20 of header, 12 of timestamps, 1448 */
#define MSS  1448.0

static char row[96];
static const char *name(const char *group, const char *what)
{
	snprintf(row, sizeof(row), "%s: %s", group, what);
	return row;
}

struct once {
	bool due, done;
	int64_t at;
};

static bool lose_once(void *arg, unsigned from, uint64_t nth, const struct tcp_out *out,
                      const uint8_t *seg)
{
	struct once *o = arg;

	(void)nth;
	(void)seg;
	if (from || !out->payload || !o->due || o->done)
		return false;
	o->done = true;
	return true;
}

/* Runs until the window has that many segments; returns when. */
static int64_t until_cwnd(struct tcpnet *n, struct tcpnet_flow *f, double segments, int64_t limit)
{
	const struct conn *c = conn_of(n->stack[0], f->tx);

	while (n->now < limit && (double)c->cc.cwnd / MSS < segments)
		tcpnet_flows_step(n, f, 1, limit);
	return n->now;
}

/* The receiver's window is the pipe: it is just full, nothing queues, and one loss comes. */
static void full_pipe(const char *group, double bit_s, int64_t rtt_ms, enum tcp_cc cc)
{
	struct tcpnet n;
	struct tcp_cfg a, b;
	struct once o = {false, false, 0};
	struct tcpnet_flow f = {.src = 0, .dst = 1, .total = UINT64_MAX};
	struct tcpnet_path p = {.bit_s = bit_s, .delay_ns = rtt_ms * NS_PER_MS / 2};
	double bdp = bit_s * (double)rtt_ms / 1e3 / 8 / WIRE, w, k, t0, t1, t2, t3;
	const struct conn *c;
	uint64_t got;
	int64_t far;

	tcpnet_cfg_wide(&a, (uint32_t)(bdp * 4 * MSS));
	tcpnet_cfg_wide(&b, (uint32_t)(bdp * MSS));
	b.rcvbuf = b.rcvbuf_max;
	a.cc = cc;
	tcpnet_init(&n, 1, &a, &b);
	tcpnet_both(&n, &p);
	n.filter = lose_once;
	n.filter_arg = &o;
	tcpnet_flows(&n, &f, 1, n.now + 20 * rtt_ms * NS_PER_MS);
	c = conn_of(n.stack[0], f.tx);
	/* As much is in flight as the pipe holds. */
	golden(name(group, "in flight before the loss"),
	       (double)(c->snd_nxt - c->snd_una) / MSS / bdp, "BDP", 0.97, 1.001, 1);
	w = (double)(c->snd_nxt - c->snd_una) / MSS;
	o.due = true;
	far = n.now + 1000 * NS_PER_S;
	while (c->ca != CA_RECOVERY)
		tcpnet_flows_step(&n, &f, 1, far);
	golden(name(group, "ssthresh / window before"), (double)c->cc.ssthresh / MSS / w, "ratio",
	       cc == TCP_CC_CUBIC ? 0.69 : 0.49, cc == TCP_CC_CUBIC ? 0.71 : 0.51, 1);
	while (c->ca == CA_RECOVERY)
		tcpnet_flows_step(&n, &f, 1, far);
	t0 = (double)n.now / 1e9;
	got = f.got;
	if (cc == TCP_CC_CUBIC) {
		/* The plateau is so flat that a segment more or less is a second: what the cut began from, to the byte. */
		w = (double)c->cc.ssthresh / 0.7 / MSS;
		/* K = cbrt(0.3 W / 0.4): half of it brings 7/8 of the way, and where the curve is flat the exact moment says little. */
		k = cbrt(0.3 * w / 0.4);
		t1 = (double)until_cwnd(&n, &f, w * (1 - 0.3 / 8), far) / 1e9 - t0;
		t2 = (double)until_cwnd(&n, &f, w * (1 - 0.3 / 64), far) / 1e9 - t0;
		t3 = (double)until_cwnd(&n, &f, w, far) / 1e9 - t0;
		golden(name(group, "K as 2 x time to 7/8 of the way"), 2 * t1, "s", 0.95 * k,
		       1.05 * k, 1);
		golden(name(group, "K as 4/3 x time to 63/64 of it"), t2 * 4 / 3, "s", 0.95 * k,
		       1.05 * k, 1);
		golden(name(group, "back at the old window after"), t3, "s", 0.9 * k, 1.1 * k, 1);
	} else {
		t3 = (double)until_cwnd(&n, &f, w, far) / 1e9 - t0;
		/* One segment a round trip, W / 2 of them. */
		golden(name(group, "back at the old window after"), t3, "s",
		       0.95 * w / 2 * (double)rtt_ms / 1e3, 1.1 * w / 2 * (double)rtt_ms / 1e3, 1);
	}
	golden(name(group, "pipe used meanwhile"),
	       100 * (double)(f.got - got) / MSS * WIRE * 8 / (t3 * bit_s), "%",
	       cc == TCP_CC_CUBIC ? 91.5 : 73, cc == TCP_CC_CUBIC ? 94 : 78, 1);
	golden(name(group, "timeouts"), (double)tcpnet_info(&n, &f).rtos, "timeouts", 0, 0, 0);
	tcpnet_free(&n);
}

/* A real queue of that share of the bandwidth-delay product: how much of the link is used over many losses. */
static void buffered(const char *group, double share, int64_t seconds, double lo)
{
	struct tcpnet n;
	struct tcp_cfg cfg;
	struct tcpnet_flow f = {.src = 0, .dst = 1, .total = UINT64_MAX};
	struct tcpnet_path p = {.bit_s = 50e6, .delay_ns = 25 * NS_PER_MS};
	double bdp = 50e6 * 0.05 / 8;
	int64_t from;
	uint64_t got;

	p.queue_bytes = (uint32_t)(share * bdp);
	tcpnet_cfg_wide(&cfg, (uint32_t)(bdp * 8));
	tcpnet_init(&n, 1, &cfg, &cfg);
	tcpnet_both(&n, &p);
	tcpnet_flows(&n, &f, 1, n.now + 10 * NS_PER_S);
	from = n.now;
	got = f.got;
	tcpnet_flows(&n, &f, 1, n.now + seconds * NS_PER_S);
	golden(name(group, "link used"),
	       100 * (double)(f.got - got) / MSS * WIRE * 8 / ((double)(n.now - from) / 1e9 * 50e6),
	       "%", lo, 100.1, 1);
	golden(name(group, "timeouts"), (double)tcpnet_info(&n, &f).rtos, "timeouts", 0, 0, 0);
	tcpnet_free(&n);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "long") == 0) {
		golden_open("tcp_pipe_long");
		full_pipe("newreno, 1 Gbit/s x 100 ms", 1e9, 100, TCP_CC_NEWRENO);
		return golden_close();
	}
	golden_open("tcp_pipe");
	full_pipe("cubic, 1 Gbit/s x 100 ms", 1e9, 100, TCP_CC_CUBIC);
	full_pipe("cubic, 100 Mbit/s x 100 ms", 100e6, 100, TCP_CC_CUBIC);
	full_pipe("cubic, 1 Gbit/s x 20 ms", 1e9, 20, TCP_CC_CUBIC);
	full_pipe("newreno, 40 Mbit/s x 100 ms", 40e6, 100, TCP_CC_NEWRENO);
	buffered("cubic, buffer 10 % of BDP", 0.1, 40, 85);
	buffered("cubic, buffer 43 % of BDP", 0.43, 40, 99);
	buffered("cubic, buffer 100 % of BDP", 1.0, 40, 99);
	return golden_close();
}
