/* SPDX-License-Identifier: BSD-3-Clause */
/* What a loss costs: single, several of one window, lost again, at the tail; the bound on sending meanwhile (PRR). */
#include "golden.h"
#include "lab.h"
#include "tcpnet_require.h"
#include "base/be.h"
#include "tcp/opt.h"
#include "tcp/stack.h"

#include <math.h>
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

/* Rounds that PRR takes for the k - 1 segments which the probe's SACK shows lost: 1, 2, 4 ... */
static unsigned repair_rounds(unsigned k)
{
	unsigned rounds = 0;

	for (unsigned done = 0; done < k - 1; rounds++)
		done += 1u << rounds;
	return rounds;
}

/* The last k segments of a flow of 40 are lost: the probe comes after two round trips (and the longest delay of an
 * acknowledgement where only one segment is out), no timeout. Then one round trip until the probe's SACK, and the repair. Round trips
 * are those of a full segment. defaults: the engine's own idea of the longest delay, 200 ms, in place of the receiver's 40 ms; the
 * probe comes at the retransmission time-out at the latest. */
static void tail(const char *group, const struct tcpnet_path *p, unsigned k, bool defaults)
{
	static struct lab l, clean;
	struct armed a = {.l = &l};
	struct tcp_info i;
	struct tcp_cfg cfg;
	double delack = 0, rtt;

	tcpnet_cfg_wide(&cfg, 4u << 20);
	if (!defaults)
		cfg.tlp_delack_ns = cfg.delack_ns;
	lab_open(&clean, 1, p, &cfg, 40u * MSS);
	REQUIRE(lab_run(&clean, 20 * NS_PER_S));
	lab_open(&l, 1, p, &cfg, 40u * MSS);
	l.n.tap = armed_tap;
	l.n.tap_arg = &a;
	lab_lose(&l, (40u - k) * MSS, 40u * MSS, 1);
	REQUIRE(lab_run(&l, 20 * NS_PER_S));
	i = tcpnet_info(&l.n, &l.f);
	rtt = lab_rtt_ns(&l) + 1480 * 8e9 / p->bit_s;
	if (k == 1)
		delack = (double)cfg.tlp_delack_ns;
	golden(name(group, "probe, as a share of the time-out due"), (double)a.probe_ns / a.due,
	       "ratio", 0.98, 1.03, 1);
	if (defaults)
		golden(name(group, "flow later by"), (double)(l.f.done_at - clean.f.done_at) / 1e6,
		       "ms", 200, (3.1 * rtt + delack) / 1e6, 1);
	else
		golden(name(group, "flow later by"),
		       ((double)(l.f.done_at - clean.f.done_at) - delack) / rtt, "RTT", 2.5,
		       3.1 + repair_rounds(k), 1);
	golden(name(group, "probes"), (double)i.probes, "probes", 1, 1, 0);
	golden(name(group, "timeouts"), (double)i.rtos, "timeouts", 0, 0, 0);
	lab_close(&clean);
	lab_close(&l);
}

static void tails(int64_t rtt_ms)
{
	struct tcpnet_path p = lab_path;
	char g[48];

	p.delay_ns = rtt_ms * NS_PER_MS / 2;
	for (unsigned k = 1; k < 30; k *= k > 1 ? 3 : 2) {
		if (k == 1)
			golden_note("Tail loss: three round trips beside the longest delay of an "
			            "acknowledgement.");
		else if (k == 2)
			golden_note(
			        "That figure is for one segment. With more the probe's SACK only "
			        "begins a recovery, in which PRR (RFC 9937) lets 1, 2, 4 ... "
			        "segments go in a round trip.");
		snprintf(g, sizeof(g),
		         k > 1 ? "RTT %d ms, last %u of 40 lost" : "RTT %d ms, last of 40 lost",
		         (int)rtt_ms, k);
		tail(g, &p, k, false);
	}
	golden_note("As configured by default: the other end may delay an acknowledgement for 200 "
	            "ms, but the probe is never later than the retransmission time-out.");
	snprintf(g, sizeof(g), "RTT %d ms, last of 40 lost, defaults", (int)rtt_ms);
	tail(g, &p, 1, true);
}

/* ---- PRR ------------------------------------------------------------------------------------------------------- */

#define BOARD 8000u

/* What crossed the wire, counted here; of the engine only when it is in recovery, ssthresh and its idea of the pipe. */
struct prr {
	struct lab l;
	bool got[BOARD];           /* acknowledged or SACKed, by segment */
	uint32_t una, top, sacked; /* segments */
	uint32_t news;             /* segments delivered by the last ACK, at heard_at */
	int64_t heard_at;
	bool in, above;           /* in recovery; the pipe was above ssthresh when this ACK came */
	double flight;            /* RecoverFS */
	uint32_t delivered, sent; /* in this recovery */
	unsigned burst, worst;    /* segments sent at one instant in recovery: all, the most */
	int64_t at;
	double allowed;              /* sent may become this by the last ACK, whatever the pipe */
	double beyond, beyond_share; /* most segments sent more than either bound */
};

static uint32_t place(const struct prr *p, uint32_t seq)
{
	const struct conn *c = conn_of(p->l.n.stack[0], p->l.f.tx);
	uint32_t at = seq - (c->iss + 1);

	REQUIRE(at % MSS == 0 && at / MSS <= BOARD);
	return at / MSS;
}

static void take_range(struct prr *p, uint32_t from, uint32_t to)
{
	for (; from < to; from++) {
		p->news += !p->got[from];
		p->sacked += !p->got[from];
		p->got[from] = true;
	}
}

static double prr_share(const struct prr *p, double ssthresh)
{
	return ceil(p->delivered * ssthresh / p->flight);
}

/* RFC 9937 6.2: the share of ssthresh, or what was delivered and not yet sent again, at least what this ACK delivered, and one for an
 * ACK that shows progress. */
static void prr_allow(struct prr *p, double ssthresh, bool safe)
{
	double share = prr_share(p, ssthresh), more = (double)p->delivered - p->sent;

	if (more < p->news)
		more = p->news;
	p->allowed = p->sent + more + safe;
	if (p->allowed < share)
		p->allowed = share;
}

static void prr_heard(void *arg, unsigned to, const uint8_t *seg, uint32_t len)
{
	struct prr *p = arg;
	const struct conn *c = to ? NULL : conn_of(p->l.n.stack[0], p->l.f.tx);
	uint32_t hdr = (uint32_t)(seg[12] >> 4) * 4, una;
	bool safe;
	struct tcp_opts o;

	(void)len;
	if (!c || (seg[13] & TCP_SYN))
		return;
	REQUIRE(tcp_opts_parse(seg + TCP_HDR_BYTES, hdr - TCP_HDR_BYTES, &o) == 0);
	/* A recovery begins with a segment, so the tap has seen it. */
	REQUIRE(p->in || c->ca != CA_RECOVERY);
	p->in = c->ca == CA_RECOVERY;
	p->news = 0;
	p->heard_at = p->l.n.now;
	una = place(p, be32_load(seg + 8));
	take_range(p, p->una, una);
	for (unsigned i = 0; i < o.nsack; i++)
		if (seq_gt(o.sack[i].start, be32_load(seg + 8)))
			take_range(p, place(p, o.sack[i].start), place(p, o.sack[i].end));
	safe = una > p->una;
	if (safe) {
		p->sacked -= una - p->una;
		p->una = una;
	}
	p->delivered += p->news;
	prr_allow(p, (double)c->cc.ssthresh / MSS, safe);
}

static void prr_begin(struct prr *p)
{
	p->in = true;
	if (p->heard_at != p->l.n.now)
		p->news = 0;
	/* RFC 9937 6.2: what was in the network before the acknowledgement that began it; which counts as delivered. */
	p->flight = p->top - p->una - p->sacked + p->news;
	p->delivered = p->news;
	p->sent = 0;
	p->allowed = p->news > 1 ? p->news : 1; /* the first repair goes whatever was delivered */
}

static void prr_tap(void *arg, unsigned from, const struct tcp_out *out, const uint8_t *seg)
{
	struct prr *p = arg;
	const struct conn *c = from ? NULL : conn_of(p->l.n.stack[0], p->l.f.tx);
	double share, ss;
	uint32_t end;

	if (!c || !out->payload)
		return;
	if (c->ca == CA_RECOVERY && !p->in)
		prr_begin(p);
	p->in = c->ca == CA_RECOVERY;
	end = place(p, be32_load(seg + 4)) + 1;
	p->top = end > p->top ? end : p->top;
	if (!p->in)
		return;
	ss = (double)c->cc.ssthresh / MSS;
	if (p->at != p->l.n.now) {
		p->burst = 0;
		p->above = (double)(conn_in_flight(c) - out->payload) / MSS > ss;
	}
	p->at = p->l.n.now;
	p->burst++;
	if (p->burst > p->worst)
		p->worst = p->burst;
	p->sent++;
	if (p->sent - p->allowed > p->beyond)
		p->beyond = p->sent - p->allowed;
	share = prr_share(p, ss);
	if (p->above && p->sent - share > p->beyond_share)
		p->beyond_share = p->sent - share;
}

/* Loses k segments, every step-th. */
static void prr(const char *group, unsigned k, unsigned step)
{
	static struct prr p;

	p = (struct prr){.at = -1, .heard_at = -1};
	lab_open(&p.l, 1, &lab_path, NULL, BOARD * MSS);
	p.l.n.tap = prr_tap;
	p.l.n.heard = prr_heard;
	p.l.n.tap_arg = &p;
	lab_lose(&p.l, 160 * MSS, 161 * MSS, 1);
	lab_until(&p.l, AT - 600u * MSS);
	p.worst = 0;
	p.beyond = p.beyond_share = -1e9;
	for (unsigned j = 0; j < k && step > 1; j++)
		lab_lose(&p.l, AT + (uint64_t)j * step * MSS, AT + (uint64_t)j * step * MSS + MSS,
		         1);
	if (step == 1)
		lab_lose(&p.l, AT, AT + (uint64_t)k * MSS, 1);
	REQUIRE(lab_run(&p.l, 20 * NS_PER_S));
	golden(name(group, "most segments for one ACK in recovery"), p.worst, "segments", 1, 2, 0);
	if (p.beyond_share > -1e9)
		golden(name(group, "sent beyond the share of what was delivered"), p.beyond_share,
		       "segments", -1, 1, 0);
	golden(name(group, "sent beyond what the ACKs release"), p.beyond, "segments", -1, 0, 0);
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
	tails(100);
	tails(10);
	prr("PRR, one loss", 1, 1);
	prr("PRR, 20 losses in a row", 20, 1);
	prr("PRR, 40 losses, every 2nd", 40, 2);
	prr("PRR, 80 losses in a row", 80, 1);
	return golden_close();
}
