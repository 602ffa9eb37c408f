/* SPDX-License-Identifier: BSD-3-Clause */
/* Who waits and how long: the series of time-outs, probes of closed windows, both windows closed, small readers. */
#include "golden.h"
#include "lab.h"
#include "tcpnet_require.h"

#include <stdio.h>
#include <string.h>

#define MSS 1448u

static char row[96];
static const char *name(const char *group, const char *what)
{
	snprintf(row, sizeof(row), "%s: %s", group, what);
	return row;
}

/* Times at which a host put segments out. */
struct times {
	const struct tcpnet *n;
	unsigned from, count;
	bool data_only;
	int64_t at[64];
};

static void note(void *arg, unsigned from, const struct tcp_out *out, const uint8_t *seg)
{
	struct times *t = arg;

	(void)seg;
	if (from == t->from && t->count < 64 && (out->payload || !t->data_only))
		t->at[t->count++] = t->n->now;
}

static void gaps(const char *group, const struct times *t, unsigned first, unsigned last,
                 double unit_s, double cap_s)
{
	double want = unit_s;

	for (unsigned i = first; i < last; i++) {
		char what[40];

		REQUIRE(i + 1 < t->count);
		snprintf(what, sizeof(what), "wait %u", i - first + 1);
		golden(name(group, what), (double)(t->at[i + 1] - t->at[i]) / 1e9, "s", 0.97 * want,
		       1.03 * want, 1);
		want = 2 * want < cap_s ? 2 * want : cap_s;
	}
}

/* ---- time-outs ----------------------------------------------------------------------------------------------------- */

static void syn_series(void)
{
	struct tcpnet n;
	struct tcp_cfg cfg;
	struct times t = {.n = &n};
	uint32_t c;

	tcpnet_cfg(&cfg);
	cfg.connect_timeout_ns = 0;
	cfg.syn_retries = 8;
	tcpnet_init(&n, 1, &cfg, &cfg);
	n.tap = note;
	n.tap_arg = &t;
	n.path[0].down = n.path[1].down = true;
	REQUIRE(tcp_connect(n.stack[0], TCPNET_PEER, 80, &c) == 0);
	tcpnet_run(&n, 600 * NS_PER_S);
	gaps("SYN without an answer", &t, 0, 8, 1, 60);
	golden("SYN without an answer: sent", t.count, "segments", 9, 9, 0);
	tcpnet_free(&n);
}

/* Data on a path that is gone: 1, 2, 4 ... 60 s; it comes back, and the next outage begins at 1 again. */
static void data_series(void)
{
	const struct tcpnet_path p = {.delay_ns = 5 * NS_PER_MS};
	struct tcpnet n;
	struct tcp_cfg cfg;
	struct tcp_info i;
	struct times t = {.n = &n, .data_only = true};
	uint32_t a, b;
	char buf[100];

	tcpnet_cfg(&cfg);
	cfg.rto_min_ns = NS_PER_S;
	cfg.tail_loss_probe = false;
	cfg.timestamps = false;
	cfg.data_retries = 30;
	tcpnet_init(&n, 1, &cfg, &cfg);
	tcpnet_both(&n, &p);
	tcpnet_pair(&n, 80, &a, &b);
	REQUIRE(tcpnet_bulk(&n, 0, a, b, 50000, NS_PER_S) > 0);
	n.tap = note;
	n.tap_arg = &t;
	n.path[0].down = true;
	REQUIRE(tcp_send(n.stack[0], a, "x", 1) == 1);
	tcpnet_run(&n, 400 * NS_PER_S);
	gaps("data on a path that is gone", &t, 0, 9, 1, 60);
	/* Karn: the answer to what was sent again is no sample, the time-out stays doubled ... */
	n.path[0].down = false;
	tcpnet_run(&n, 61 * NS_PER_S);
	REQUIRE(tcp_recv(n.stack[1], b, buf, sizeof(buf)) == 1);
	REQUIRE(tcp_info(n.stack[0], a, &i) == 0);
	golden("answer to what was sent again: time-outs doubled", i.backoff, "times", 6, 12, 0);
	golden("answer to what was sent again: SRTT", (double)i.srtt_ns / 1e6, "ms", 10, 20, 1);
	/* ... until one that was sent once is acknowledged. */
	REQUIRE(tcpnet_bulk(&n, 0, a, b, 5000, NS_PER_S) > 0);
	n.path[0].down = true;
	t.count = 0;
	REQUIRE(tcp_send(n.stack[0], a, "x", 1) == 1);
	tcpnet_run(&n, 20 * NS_PER_S);
	gaps("the next outage", &t, 0, 4, 1, 60);
	tcpnet_free(&n);
}

/* ---- windows ------------------------------------------------------------------------------------------------------- */

static void fill_up(struct tcpnet *n, unsigned host, uint32_t c)
{
	static char big[1 << 20];

	for (unsigned i = 0; i < 20; i++) {
		tcp_send(n->stack[host], c, big, sizeof(big));
		tcpnet_run(n, 100 * NS_PER_MS);
	}
}

/* The reader sleeps for two hours: probes ever rarer, up to one a minute, and the connection lives. */
static void closed_window(void)
{
	const struct tcpnet_path p = {.delay_ns = 5 * NS_PER_MS};
	struct tcpnet n;
	struct tcp_cfg cfg;
	struct tcp_info i;
	struct times t = {.n = &n};
	uint32_t a, b;
	char buf[65536];

	tcpnet_cfg(&cfg);
	cfg.sndbuf = cfg.sndbuf_max = cfg.rcvbuf = cfg.rcvbuf_max = 65536;
	tcpnet_init(&n, 1, &cfg, &cfg);
	tcpnet_both(&n, &p);
	tcpnet_pair(&n, 80, &a, &b);
	fill_up(&n, 0, a);
	REQUIRE(tcp_info(n.stack[0], a, &i) == 0 && !i.snd_wnd);
	tcpnet_run(&n, 60 * NS_PER_S);
	n.tap = note;
	n.tap_arg = &t;
	tcpnet_run(&n, 7200 * NS_PER_S);
	/* The last seen stand for the rest: once a minute. */
	golden("window closed for two hours: probes noted", t.count, "probes", 64, 64, 0);
	golden("window closed for two hours: between the last", (double)(t.at[63] - t.at[62]) / 1e9,
	       "s", 59, 61, 1);
	REQUIRE(tcp_info(n.stack[0], a, &i) == 0);
	golden("window closed for two hours: alive", i.state == TCP_ESTABLISHED, "yes", 1, 1, 0);
	/* It opens: what waits is through at once. */
	while (tcp_recv(n.stack[1], b, buf, sizeof(buf)) > 0)
		;
	tcpnet_run(&n, NS_PER_S);
	REQUIRE(tcp_info(n.stack[0], a, &i) == 0);
	golden("window closed for two hours: left a second after it opens", i.snd_queued, "bytes",
	       0, 0, 0);
	tcpnet_free(&n);
}

/* Both ends full and nobody reads, for ten minutes: no ACK answers an ACK. */
static void both_closed(const char *group, bool timestamps)
{
	const struct tcpnet_path p = {.delay_ns = 5 * NS_PER_MS};
	struct tcpnet n;
	struct tcp_cfg cfg;
	struct tcp_info i, j;
	uint64_t before;
	uint32_t a, b;

	tcpnet_cfg(&cfg);
	cfg.timestamps = timestamps;
	tcpnet_init(&n, 1, &cfg, &cfg);
	tcpnet_both(&n, &p);
	tcpnet_pair(&n, 80, &a, &b);
	fill_up(&n, 0, a);
	fill_up(&n, 1, b);
	tcpnet_run(&n, 10 * NS_PER_S);
	REQUIRE(tcp_info(n.stack[0], a, &i) == 0 && tcp_info(n.stack[1], b, &j) == 0);
	REQUIRE(!i.snd_wnd && !j.snd_wnd && i.snd_queued && j.snd_queued);
	before = n.sent[0] + n.sent[1];
	tcpnet_run(&n, 600 * NS_PER_S);
	/* A probe and its answer each way, at most one a second at first and one a minute later. */
	golden(name(group, "segments in ten minutes"), (double)(n.sent[0] + n.sent[1] - before),
	       "segments", 4, 80, 0);
	REQUIRE(tcp_info(n.stack[0], a, &i) == 0 && tcp_info(n.stack[1], b, &j) == 0);
	golden(name(group, "alive"), (i.state == TCP_ESTABLISHED) + (j.state == TCP_ESTABLISHED),
	       "ends", 2, 2, 0);
	tcpnet_free(&n);
}

/* ---- silly windows ------------------------------------------------------------------------------------------------ */

struct sizes {
	unsigned small, all;
	uint64_t at, total; /* bytes seen; all there will be */
};

static void measure(void *arg, unsigned from, const struct tcp_out *out, const uint8_t *seg)
{
	struct sizes *z = arg;

	(void)seg;
	if (from || !out->payload)
		return;
	z->all++;
	/* The first finds nothing outstanding, so what little was written goes at once (Nagle); the last is what is left. */
	z->small += z->at && z->at + out->payload < z->total && out->payload < MSS / 2;
	z->at += out->payload;
}

/* A reader that takes a few bytes at a time, a writer that writes a few: no small segments on the wire. */
static void silly(const char *group, size_t write, size_t read)
{
	const struct tcpnet_path p = {.delay_ns = 5 * NS_PER_MS};
	const uint64_t total = 2000000;
	struct tcpnet n;
	struct tcp_cfg cfg;
	struct sizes z = {.total = total};
	uint64_t sent = 0, got = 0;
	uint32_t a, b;
	char buf[4096] = {0};
	int64_t k;

	tcpnet_cfg(&cfg);
	cfg.mss_default = 1460;
	/* More waits to be sent than the window takes, which is no multiple of a segment. */
	cfg.sndbuf = cfg.sndbuf_max = 65536;
	cfg.rcvbuf = cfg.rcvbuf_max = 16384;
	tcpnet_init(&n, 1, &cfg, &cfg);
	tcpnet_both(&n, &p);
	tcpnet_pair(&n, 80, &a, &b);
	n.tap = measure;
	n.tap_arg = &z;
	while (got < total) {
		size_t w = write < total - sent ? write : total - sent;

		if (w && (k = tcp_send(n.stack[0], a, buf, w)) > 0)
			sent += (uint64_t)k;
		if ((k = tcp_recv(n.stack[1], b, buf, read)) > 0)
			got += (uint64_t)k;
		tcpnet_run(&n, 10000);
		REQUIRE(n.now < 4000 * NS_PER_S);
	}
	golden(name(group, "below half an MSS, but the first and the last"), z.small, "segments", 0,
	       0, 0);
	golden(name(group, "mean payload"), (double)total / z.all, "bytes", 1000, MSS, 1);
	tcpnet_free(&n);
}

/* ---- Nagle and delayed ACK ---------------------------------------------------------------------------------------- */

/* A request written in two pieces, an answer to the whole of it: the second piece waits for an acknowledgement which waits for more
 * data (RFC 9293 3.7.4's note). Both ends as configured by default. */
static void two_pieces(const char *group, bool nodelay)
{
	const struct tcpnet_path p = {.delay_ns = 5 * NS_PER_MS};
	struct tcpnet n;
	struct tcp_cfg cfg;
	uint32_t a, b;
	char buf[512] = {0};
	int64_t asked, far, k, read = 0;

	tcpnet_cfg(&cfg);
	tcpnet_init(&n, 1, &cfg, &cfg);
	tcpnet_both(&n, &p);
	tcpnet_pair(&n, 80, &a, &b);
	/* The first reading tells a window larger than a SYN can: not this time. */
	REQUIRE(tcp_send(n.stack[0], a, buf, 100) == 100);
	tcpnet_run(&n, NS_PER_S);
	REQUIRE(tcp_recv(n.stack[1], b, buf, sizeof(buf)) == 100);
	tcpnet_run(&n, NS_PER_S);
	if (nodelay)
		REQUIRE(tcp_set_opt(n.stack[0], a, TCP_OPT_NODELAY, 1) == 0);
	asked = n.now;
	far = n.now + 10 * NS_PER_S;
	REQUIRE(tcp_send(n.stack[0], a, buf, 100) == 100);
	tcpnet_run(&n, 10000); /* it leaves */
	REQUIRE(tcp_send(n.stack[0], a, buf, 100) == 100);
	while (read < 200) {
		REQUIRE(tcpnet_step(&n, far));
		k = tcp_recv(n.stack[1], b, buf, sizeof(buf));
		read += k > 0 ? k : 0;
	}
	REQUIRE(tcp_send(n.stack[1], b, buf, 100) == 100);
	while (tcp_recv(n.stack[0], a, buf, sizeof(buf)) <= 0)
		REQUIRE(tcpnet_step(&n, far));
	golden(name(group, "answered after"), (double)(n.now - asked) / 1e6, "ms",
	       nodelay ? 10 : 50, nodelay ? 10.1 : 61, 1);
	tcpnet_free(&n);
}

int main(void)
{
	golden_open("tcp_wait");
	syn_series();
	data_series();
	closed_window();
	both_closed("both windows closed", true);
	both_closed("both windows closed, no timestamps", false);
	silly("reader of 17 bytes", 4096, 17);
	silly("writer of 100 bytes", 100, 4096);
	two_pieces("request in two pieces, Nagle and 40 ms of delayed ACK", false);
	two_pieces("request in two pieces, TCP_OPT_NODELAY", true);
	return golden_close();
}
