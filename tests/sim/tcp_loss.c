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
	golden(name(group, "window after, above ssthresh"),
	       ((double)l.cwnd_after - (double)l.ssthresh_after) / MSS, "segments", 0, 1, 1);
	lab_close(&l);
}

struct armed {
	struct lab *l;
	int64_t at;   /* the probe time-out runs from here */
	int64_t srtt; /* ... as estimated then */
	int64_t probe_at, probe_ns;
	double due; /* what RFC 8985 says */
};

/* RFC 8985 7.2: the time-out runs anew with each new segment and each acknowledgement. */
static void armed_tap(void *arg, unsigned from, const struct tcp_out *out, const uint8_t *seg)
{
	struct armed *a = arg;
	const struct conn *c = conn_of(a->l->n.stack[0], a->l->f.tx);

	(void)seg;
	if (from || !c || !out->payload || a->probe_at)
		return;
	if (!out->retransmit) {
		a->at = a->l->n.now;
		return;
	}
	if (c->una_moved > a->at)
		a->at = c->una_moved;
	a->probe_at = a->l->n.now;
	a->probe_ns = a->probe_at - a->at;
	a->due = 2 * (double)c->srtt;
	if (c->snd_nxt - c->snd_una <= c->mss)
		a->due += (double)a->l->n.stack[0]->cfg.tlp_delack_ns;
	if (a->due > (double)c->rto)
		a->due = (double)c->rto;
}

/* The last k segments of a flow of 40 are lost: the probe comes after two round trips (and the longest delay of an
 * acknowledgement where only one segment is out), no timeout. Then one round trip until the probe's SACK, and what PRR lets the
 * repair of k - 1 segments take: 1, 2, 4 ... (The acknowledgement before, of an odd segment, may have been delayed as well.) */
static void tail(const char *group, const struct tcpnet_path *p, unsigned k, unsigned rounds)
{
	static struct lab l, clean;
	struct armed a = {.l = &l};
	struct tcp_info i;
	struct tcp_cfg cfg;
	double delack;

	tcpnet_cfg_wide(&cfg, 4u << 20);
	cfg.tlp_delack_ns = cfg.delack_ns;
	lab_open(&clean, 1, p, &cfg, 40u * MSS);
	REQUIRE(lab_run(&clean, 20 * NS_PER_S));
	lab_open(&l, 1, p, &cfg, 40u * MSS);
	l.n.tap = armed_tap;
	l.n.tap_arg = &a;
	lab_lose(&l, (40u - k) * MSS, 40u * MSS, 1);
	REQUIRE(lab_run(&l, 20 * NS_PER_S));
	i = tcpnet_info(&l.n, &l.f);
	delack = k == 1 ? (double)cfg.delack_ns : 0;
	golden(name(group, "probe, as a share of the time-out due"), (double)a.probe_ns / a.due,
	       "ratio", 0.98, 1.03, 1);
	golden(name(group, "flow later by"),
	       ((double)(l.f.done_at - clean.f.done_at) - delack) / lab_rtt_ns(&l), "RTT", 1,
	       (rounds ? 4.3 : 3.6) + (rounds > 1 ? rounds - 1 : 0), 1);
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
	golden(name(group, "window after, above ssthresh"),
	       ((double)p.l.cwnd_after - (double)p.l.ssthresh_after) / MSS, "segments", 0, 1, 1);
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
	for (unsigned r = 0; r < 2; r++) {
		struct tcpnet_path p = lab_path;
		char g[2][40];

		p.delay_ns = r ? 5 * NS_PER_MS : 50 * NS_PER_MS;
		snprintf(g[0], sizeof(g[0]), "RTT %d ms, last of 40 lost", r ? 10 : 100);
		tail(g[0], &p, 1, 0);
		for (unsigned k = 2; k < 30; k *= 3) {
			snprintf(g[1], sizeof(g[1]), "RTT %d ms, last %u of 40 lost", r ? 10 : 100,
			         k);
			tail(g[1], &p, k, k > 10 ? 5 : k > 3 ? 3 : 1);
		}
	}
	prr("PRR, one loss", 1, 1);
	prr("PRR, 20 losses in a row", 20, 1);
	prr("PRR, 40 losses, every 2nd", 40, 2);
	return golden_close();
}
