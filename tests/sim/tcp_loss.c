/* SPDX-License-Identifier: BSD-3-Clause */
/* What a loss costs: single, several of one window, lost again, at the tail; the bound on sending meanwhile (PRR). */
#include "golden.h"
#include "lab.h"
#include "tcpnet_require.h"
#include "tcp/stack.h"

#include <stdio.h>

#define MSS 1448u /* payload beside timestamps */
#define AT  (2000u * MSS)

static char row[96];
static const char *name(const char *group, const char *what)
{
	snprintf(row, sizeof(row), "%s: %s", group, what);
	return row;
}

static double since(const struct lab *l, int64_t from, int64_t to)
{
	return (double)(to - from) / lab_rtt_ns(l);
}

/* Loses k segments, every step-th, each `times` times, amid a long transfer in congestion avoidance. */
static void amid(const char *group, unsigned k, unsigned step, unsigned times, double recovery)
{
	struct lab l;
	struct lab_named *first;
	struct tcp_info i;

	lab_open(&l, 1, &lab_path, NULL, 8000u * MSS);
	/* Slow start ends early, so that the window is about the pipe's when the losses come. */
	lab_lose(&l, 160 * MSS, 161 * MSS, 1);
	lab_until(&l, AT - 600u * MSS);
	first = &l.named[l.nnamed];
	for (unsigned j = 0; j < k; j++)
		lab_lose(&l, AT + (uint64_t)j * step * MSS, AT + (uint64_t)j * step * MSS + MSS,
		         times);
	REQUIRE(l.recoveries == 1);
	REQUIRE(lab_run(&l, 20 * NS_PER_S));
	i = tcpnet_info(&l.n, &l.f);
	golden(name(group, "first sent again after"), since(&l, first->lost_at, first->again_at),
	       "RTT", 1, 1.25, 1);
	golden(name(group, "time in recovery"), (double)l.recovery_ns / lab_rtt_ns(&l), "RTT", 0.9,
	       recovery, 1);
	golden(name(group, "timeouts"), (double)i.rtos, "timeouts", 0, 0, 0);
	golden(name(group, "segments sent again"), (double)i.retransmits - 1, "segments", k * times,
	       k * times, 0);
	golden(name(group, "recoveries"), l.recoveries - 1, "times", 1, 1, 0);
	golden(name(group, "window after / ssthresh"),
	       (double)l.cwnd_after / (double)l.ssthresh_after, "ratio", 0.99, 1.01, 0);
	lab_close(&l);
}

/* The last k segments of a flow of 40 are lost: the probe comes after two round trips, no timeout. */
static void tail(const char *group, unsigned k, double limit)
{
	struct lab l, clean;
	struct tcp_info i;

	lab_open(&clean, 1, &lab_path, NULL, 40u * MSS);
	REQUIRE(lab_run(&clean, 20 * NS_PER_S));
	lab_open(&l, 1, &lab_path, NULL, 40u * MSS);
	lab_lose(&l, (40u - k) * MSS, 40u * MSS, 1);
	REQUIRE(lab_run(&l, 20 * NS_PER_S));
	i = tcpnet_info(&l.n, &l.f);
	golden(name(group, "sent again or probed after"),
	       since(&l, l.named[0].lost_at, l.named[0].again_at), "RTT", 1.9, limit, 1);
	golden(name(group, "whole flow later by"), since(&l, clean.f.done_at, l.f.done_at), "RTT",
	       1, 3, 1);
	golden(name(group, "probes"), (double)i.probes, "probes", 1, 1, 0);
	golden(name(group, "timeouts"), (double)i.rtos, "timeouts", 0, 0, 0);
	lab_close(&clean);
	lab_close(&l);
}

/* ---- PRR ------------------------------------------------------------------------------------------------------- */

struct prr {
	struct lab l;
	unsigned burst, worst; /* segments sent at one instant in recovery: all, the most */
	int64_t at;
	uint64_t sent; /* bytes since recovery began */
	double excess; /* most segments ever sent beyond the proportional bound */
};

static void prr_tap(void *arg, unsigned from, const struct tcp_out *out, const uint8_t *seg)
{
	struct prr *p = arg;
	const struct conn *c;
	double bound, over;

	(void)seg;
	c = from ? NULL : conn_of(p->l.n.stack[0], p->l.f.tx);
	if (!c || c->ca != CA_RECOVERY || !out->payload)
		return;
	if (p->at != p->l.n.now)
		p->burst = 0;
	p->at = p->l.n.now;
	p->burst++;
	if (p->burst > p->worst)
		p->worst = p->burst;
	/* RFC 9937: proportional while the pipe is above ssthresh; at most what was delivered, and a segment for each ACK that
	 * made progress, below it. */
	bound = (double)c->prr_delivered;
	over = ((double)c->prr_out - bound) / MSS;
	if (over > p->excess)
		p->excess = over;
}

static void prr(const char *group, unsigned k, unsigned step)
{
	static struct prr p;

	p = (struct prr){.at = -1};
	lab_open(&p.l, 1, &lab_path, NULL, 8000u * MSS);
	p.l.n.tap = prr_tap;
	p.l.n.tap_arg = &p;
	lab_lose(&p.l, 160 * MSS, 161 * MSS, 1);
	lab_until(&p.l, AT - 600u * MSS);
	p.worst = 0;
	p.excess = 0;
	for (unsigned j = 0; j < k; j++)
		lab_lose(&p.l, AT + (uint64_t)j * step * MSS, AT + (uint64_t)j * step * MSS + MSS,
		         1);
	REQUIRE(lab_run(&p.l, 20 * NS_PER_S));
	golden(name(group, "most segments for one ACK in recovery"), p.worst, "segments", 1, 2, 0);
	golden(name(group, "sent beyond delivered"), p.excess, "segments", -1e9, k + 1, 5);
	golden(name(group, "window after / ssthresh"),
	       (double)p.l.cwnd_after / (double)p.l.ssthresh_after, "ratio", 0.99, 1.01, 0);
	lab_close(&p.l);
}

int main(void)
{
	golden_open("tcp_loss");
	amid("one loss", 1, 1, 1, 2);
	amid("2 losses in a row", 2, 1, 1, 2);
	amid("5 losses, every 3rd", 5, 3, 1, 2);
	amid("20 losses in a row", 20, 1, 1, 2);
	amid("40 losses, every 2nd", 40, 2, 1, 2);
	amid("one loss, its repair lost too", 1, 1, 2, 3.25);
	amid("5 losses, their repairs lost too", 5, 3, 2, 3.25);
	amid("one loss, lost three times", 1, 1, 3, 4.5);
	tail("last of 40 lost", 1, 2.2);
	tail("last 2 of 40 lost", 2, 2.2);
	tail("last 5 of 40 lost", 5, 2.2);
	tail("last 20 of 40 lost", 20, 2.2);
	prr("PRR, one loss", 1, 1);
	prr("PRR, 20 losses in a row", 20, 1);
	prr("PRR, 40 losses, every 2nd", 40, 2);
	return golden_close();
}
