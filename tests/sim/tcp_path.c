/* SPDX-License-Identifier: BSD-3-Clause */
/* What a path does short of losing: reordering is no loss, marks in place of losses, a delay that ends makes a needless time-out good. */
#include "golden.h"
#include "lab.h"
#include "tcpnet_require.h"
#include "tcp/stack.h"

#include <stdio.h>

#define MSS  1448.0
#define WIRE 1480.0

static char row[96];
static const char *name(const char *group, const char *what)
{
	snprintf(row, sizeof(row), "%s: %s", group, what);
	return row;
}

/* ---- reordering --------------------------------------------------------------------------------------------------- */

/* How long it takes; *needless: share of what was sent again though it was not lost. */
static int64_t transfer(const struct tcpnet_path *p, struct tcp_info *i, double *needless)
{
	struct lab l;
	int64_t t;

	lab_open(&l, 3, p, NULL, 60000000);
	REQUIRE(lab_run(&l, 60 * NS_PER_S));
	t = l.f.done_at;
	*i = tcpnet_info(&l.n, &l.f);
	*needless = i->retransmits > l.n.lost[0]
	                    ? (double)(i->retransmits - l.n.lost[0]) / (double)l.n.sent[0]
	                    : 0;
	lab_close(&l);
	return t;
}

/* Some packets come later; what is sent again for it is next to nothing, and the start-up's overflow of the queue, whose
 * repair stands between late packets, costs no more than on a path in order. */
static void reordering(const char *group, double share, int64_t later)
{
	struct tcpnet_path p = lab_path;
	struct tcp_info i;
	double needless;
	int64_t clean = transfer(&p, &i, &needless), t;

	p.reorder = share;
	p.reorder_ns = later;
	t = transfer(&p, &i, &needless);
	golden(name(group, "goodput of that in order"), 100 * (double)clean / (double)t, "%", 95,
	       101, 1);
	golden(name(group, "sent again for nothing"), 100 * needless, "%", 0, 0.2, 10);
	golden(name(group, "timeouts"), (double)i.rtos, "timeouts", 0, 0, 0);
}

/* ---- marks -------------------------------------------------------------------------------------------------------- */

/* A queue that marks at a quarter of a bandwidth-delay product: after start-up nothing is lost and nothing waits long. */
static void marks(const char *group, enum tcp_cc cc)
{
	struct tcpnet_path p = lab_path;
	struct tcp_cfg cfg;
	struct tcp_counters k;
	struct lab l;
	uint64_t got, again, lost, waited = 0, steps = 0;
	int64_t from;

	p.queue_bytes = 1000000;
	p.ecn_bytes = 250000;
	tcpnet_cfg_wide(&cfg, 4u << 20);
	cfg.ecn = TCP_ECN_ON;
	cfg.cc = cc;
	lab_open(&l, 5, &p, &cfg, UINT64_MAX);
	lab_run(&l, 10 * NS_PER_S);
	from = l.n.now;
	got = l.f.got;
	again = l.n.retransmits[0];
	lost = l.n.lost[0];
	while (l.n.now < from + 30 * NS_PER_S) {
		tcpnet_flows_step(&l.n, &l.f, 1, from + 30 * NS_PER_S);
		waited += l.n.free_at[0] > l.n.now ? (uint64_t)(l.n.free_at[0] - l.n.now) : 0;
		steps++;
	}
	REQUIRE(tcpnet_info(&l.n, &l.f).ecn);
	tcp_stack_counters(l.n.stack[0], &k);
	golden(name(group, "windows reduced"), (double)k.ecn_reductions, "times", 3, 2000, 0);
	golden(name(group, "sent again"), (double)(l.n.retransmits[0] - again), "segments", 0, 0,
	       0);
	golden(name(group, "lost"), (double)(l.n.lost[0] - lost), "segments", 0, 0, 0);
	golden(name(group, "link used"),
	       100 * (double)(l.f.got - got) / MSS * WIRE * 8 /
	               ((double)(l.n.now - from) / 1e9 * p.bit_s),
	       "%", 95, 100.1, 1);
	golden(name(group, "mean wait in the queue"), (double)waited / (double)steps / 1e6, "ms", 1,
	       20, 5);
	lab_close(&l);
}

/* ---- delay -------------------------------------------------------------------------------------------------------- */

/* All that is under way and what follows waits for 0.7 s, then comes in order: the time-out was needless, and from the ACK that shows it
 * all is as it was before, CUBIC's memory of its last loss too. */
static void delay_spike(const char *group, bool timestamps)
{
	struct tcpnet_path p = lab_path;
	struct tcp_cfg cfg;
	struct tcp_info i = {0};
	struct lab l;
	const struct conn *c;
	uint64_t before = 0, ssthresh = 0;
	double w_max = 0, undone = 0;
	int64_t until;

	p.jitter_ns = 1; /* keeps the order when the delay ends */
	p.queue_bytes = 0;
	tcpnet_cfg_wide(&cfg, 4u << 20);
	cfg.timestamps = timestamps;
	lab_open(&l, 5, &p, &cfg, UINT64_MAX);
	lab_run(&l, 1000 * NS_PER_MS);
	/* One loss, so that there is something to remember. */
	l.n.path[0].loss = 1;
	lab_run(&l, NS_PER_MS);
	l.n.path[0].loss = 0;
	lab_run(&l, 2 * NS_PER_S);
	c = conn_of(l.n.stack[0], l.f.tx);
	REQUIRE(l.n.retransmits[0] && c->ca == CA_OPEN && c->cc.cubic.w_max > 0);
	l.n.path[0].delay_ns += 700 * NS_PER_MS;
	until = l.n.now + 40 * NS_PER_MS;
	lab_run(&l, until - l.n.now);
	l.n.path[0].delay_ns -= 700 * NS_PER_MS;
	until = l.n.now + 5 * NS_PER_S;
	while (l.n.now < until) {
		tcpnet_flows_step(&l.n, &l.f, 1, until);
		i = tcpnet_info(&l.n, &l.f);
		if (!i.rtos) {
			before = i.cwnd;
			ssthresh = i.ssthresh;
			w_max = c->cc.cubic.w_max;
		}
		if (i.spurious && undone == 0) {
			undone = (double)i.cwnd / (double)before;
			REQUIRE(i.ssthresh == ssthresh);
			REQUIRE(c->cc.cubic.w_max > 0.999 * w_max &&
			        c->cc.cubic.w_max < 1.001 * w_max);
		}
	}
	golden(name(group, "timeouts"), (double)i.rtos, "timeouts", 1, 1, 0);
	golden(name(group, "found needless"), (double)i.spurious, "times", 1, 1, 0);
	golden(name(group, "window at the undoing ACK / before"), undone, "ratio", 0.95, 1.05, 1);
	lab_close(&l);
}

int main(void)
{
	golden_open("tcp_path");
	reordering("10 % late by up to RTT / 4", 0.1, 10 * NS_PER_MS);
	reordering("1 % late by up to RTT / 4", 0.01, 10 * NS_PER_MS);
	reordering("30 % late by up to RTT / 8", 0.3, 5 * NS_PER_MS);
	marks("cubic, marked at 1/2 BDP", TCP_CC_CUBIC);
	marks("newreno, marked at 1/2 BDP", TCP_CC_NEWRENO);
	delay_spike("delay of 0.7 s, timestamps (Eifel)", true);
	delay_spike("delay of 0.7 s, none (F-RTO)", false);
	return golden_close();
}
