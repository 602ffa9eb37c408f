/* SPDX-License-Identifier: BSD-3-Clause */
/* Applications on a pair of workers: one stream, ping-pong, connections one after the other; and how each is measured. */
#include "pair.h"
#include "tcp.h"
#include "session/priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PORT         7
#define APP_BYTES    (128 * 1024) /* what iperf3 writes and reads at once */
#define SMALL        64
#define PARALLEL     64 /* connections being opened or closed at a time */
#define WINDOWS      7
#define WINDOW_TIMES 100 /* that a window is stretched while nothing is done */
#define SAMPLES      (1u << 20)
#define WARM_NS      300000000

struct app {
	uint32_t conn, listener;
	bool up;
	uint8_t *buf;
	/* ping-pong */
	int64_t sent_at;
	uint32_t got;
	uint32_t *rtt_ns;
	_Atomic uint32_t samples;
	/* connections */
	unsigned open;
};

static void done(struct pair_end *e, uint64_t n)
{
	atomic_store_explicit(&e->done, atomic_load_explicit(&e->done, memory_order_relaxed) + n,
	                      memory_order_relaxed);
}

/* ---- one stream ---- */

static bool stream_send(struct pair_end *e, struct instant now)
{
	struct app *a = e->state;
	struct tcp_event ev;
	bool work = false;

	(void)now;
	while (tcp_event_next(e->tcp, &ev))
		a->up = a->up || (ev.flags & TCP_EV_CONNECTED);
	while (a->up) {
		int64_t n = tcp_send(e->tcp, a->conn, a->buf, APP_BYTES);

		if (n <= 0)
			break;
		work = true;
	}
	return work;
}

static bool accept_one(struct pair_end *e)
{
	struct app *a = e->state;

	if (!a->up && tcp_accept(e->tcp, a->listener, &a->conn) == 0)
		a->up = true;
	return a->up;
}

static bool stream_receive(struct pair_end *e, struct instant now)
{
	struct app *a = e->state;
	struct tcp_event ev;
	uint64_t total = 0;

	(void)now;
	while (tcp_event_next(e->tcp, &ev))
		;
	if (!accept_one(e))
		return false;
	for (;;) {
		int64_t n = tcp_recv(e->tcp, a->conn, a->buf, APP_BYTES);

		if (n <= 0)
			break;
		total += (uint64_t)n;
	}
	done(e, total);
	return total > 0;
}

/* ---- ping-pong ---- */

static bool ping(struct pair_end *e, struct instant now)
{
	struct app *a = e->state;
	struct tcp_event ev;
	int64_t n = 0;

	(void)now;
	while (tcp_event_next(e->tcp, &ev))
		if (ev.flags & TCP_EV_CONNECTED)
			a->up = true;
	if (!a->up)
		return false;
	if (a->sent_at) {
		n = tcp_recv(e->tcp, a->conn, a->buf, SMALL - a->got);
		if (n <= 0)
			return false;
		a->got += (uint32_t)n;
		if (a->got < SMALL)
			return true;
		if (a->samples < SAMPLES)
			a->rtt_ns[a->samples++] = (uint32_t)(wall_ns() - a->sent_at);
		done(e, 1);
	}
	a->got = 0;
	a->sent_at = wall_ns();
	tcp_send(e->tcp, a->conn, a->buf, SMALL);
	return true;
}

static bool pong(struct pair_end *e, struct instant now)
{
	struct app *a = e->state;
	struct tcp_event ev;
	int64_t n;

	(void)now;
	while (tcp_event_next(e->tcp, &ev))
		;
	if (!accept_one(e))
		return false;
	n = tcp_recv(e->tcp, a->conn, a->buf, SMALL);
	if (n <= 0)
		return false;
	tcp_send(e->tcp, a->conn, a->buf, (size_t)n);
	return true;
}

/* ---- connect, 64 bytes each way, close ---- */

static bool connects(struct pair_end *e, struct instant now)
{
	struct app *a = e->state;
	struct tcp_event ev;
	bool work = false;
	uint32_t conn;

	(void)now;
	while (tcp_event_next(e->tcp, &ev)) {
		work = true;
		if (ev.flags & TCP_EV_CONNECTED)
			tcp_send(e->tcp, ev.conn, a->buf, SMALL);
		if (ev.flags & TCP_EV_READABLE)
			tcp_recv(e->tcp, ev.conn, a->buf, SMALL);
		if (ev.flags & (TCP_EV_HANGUP | TCP_EV_ERROR)) {
			tcp_close(e->tcp, ev.conn);
			a->open--;
			done(e, (ev.flags & TCP_EV_ERROR) == 0);
		}
	}
	while (a->open < PARALLEL && tcp_connect(e->tcp, e->peer, PORT, &conn) == 0) {
		a->open++;
		work = true;
	}
	return work;
}

static bool serves(struct pair_end *e, struct instant now)
{
	struct app *a = e->state;
	struct tcp_event ev;
	bool work = false;
	uint32_t conn;

	(void)now;
	while (tcp_accept(e->tcp, a->listener, &conn) == 0)
		work = true;
	while (tcp_event_next(e->tcp, &ev)) {
		work = true;
		if (ev.flags & TCP_EV_ERROR) {
			tcp_close(e->tcp, ev.conn);
		} else if ((ev.flags & TCP_EV_READABLE) &&
		           tcp_recv(e->tcp, ev.conn, a->buf, SMALL) == SMALL) {
			tcp_send(e->tcp, ev.conn, a->buf, SMALL);
			tcp_close(e->tcp, ev.conn);
		}
	}
	return work;
}

/* ---- measuring ---- */

static void begin(struct pair *p, enum tcp_case which, struct app app[2])
{
	static bool (*const fn[][2])(struct pair_end *, struct instant) = {
	        [TCP_STREAM] = {stream_send, stream_receive},
	        [TCP_PINGPONG] = {ping, pong},
	        [TCP_CONNECT] = {connects, serves},
	};

	for (unsigned i = 0; i < 2; i++) {
		struct pair_end *e = pair_end(p, i);

		app[i].buf = calloc(1, APP_BYTES);
		app[i].rtt_ns = malloc(SAMPLES * sizeof(uint32_t));
		if (!app[i].buf || !app[i].rtt_ns)
			bench_die("out of memory");
		/* The clock has long run when a worker starts; calls before its first turn need the time. */
		tcp_advance(e->tcp, (struct instant){wall_ns()});
		e->app = fn[which][i];
		e->state = &app[i];
	}
	if (tcp_listen(pair_end(p, 1)->tcp, PORT, 1024, &app[1].listener))
		bench_die("cannot listen");
	if (which != TCP_CONNECT &&
	    tcp_connect(pair_end(p, 0)->tcp, pair_end(p, 0)->peer, PORT, &app[0].conn))
		bench_die("cannot connect");
	if (which == TCP_PINGPONG)
		tcp_set_opt(pair_end(p, 0)->tcp, app[0].conn, TCP_OPT_NODELAY, 1);
}

static double least(double a, double b)
{
	return a < b ? a : b;
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void percentiles(struct app *a, struct tcp_figures *f)
{
	uint32_t n = a->samples;

	if (n == 0)
		return;
	qsort(a->rtt_ns, n, sizeof(*a->rtt_ns), by_value);
	f->p50_us = a->rtt_ns[n / 2] / 1e3;
	f->p99_us = a->rtt_ns[(uint64_t)n * 99 / 100] / 1e3;
}

/* The end of a window of ns, or later on a machine so busy that neither worker has come to anything in it: a rate of nothing tells nothing. */
static void window_end(struct pair *p, int64_t ns, unsigned from, const struct pair_look *was,
                       struct pair_look *is)
{
	for (unsigned i = 0; i < WINDOW_TIMES; i++) {
		sleep_ns(ns);
		pair_look(p, is);
		if (is->done[from] != was->done[from])
			return;
	}
}

static void windows(struct pair *p, enum tcp_case which, const struct bench_opts *o,
                    struct tcp_figures *f)
{
	unsigned count = o->smoke ? 1 : WINDOWS;
	double rate[WINDOWS], share[WINDOWS], sent[WINDOWS], received[WINDOWS];
	unsigned from = which == TCP_STREAM ? 1 : 0;
	struct pair_look was, is;

	pair_look(p, &was);
	for (unsigned i = 0; i < count; i++) {
		double wall, n;

		window_end(p, (int64_t)(o->seconds * 1e9 / count), from, &was, &is);
		wall = (double)(is.wall - was.wall);
		n = (double)(is.done[from] - was.done[from]);
		rate[i] = n / wall;
		share[i] =
		        least((double)(is.cpu[0] - was.cpu[0]), (double)(is.cpu[1] - was.cpu[1])) /
		        wall;
		sent[i] = n > 0 ? (double)(is.busy_ns[0] - was.busy_ns[0]) / n : 0;
		received[i] = n > 0 ? (double)(is.busy_ns[1] - was.busy_ns[1]) / n : 0;
		was = is;
	}
	f->on_cpu_share = median(share, count);
	if (which == TCP_STREAM) {
		f->gbit_s = median(rate, count) * 8;
		f->ns_sent = median(sent, count) * pair_mss(p);
		f->ns_received = median(received, count) * pair_mss(p);
	} else if (which == TCP_CONNECT) {
		f->conn_s = median(rate, count) * 1e9;
		f->conn_s_core = f->conn_s / 2;
	}
}

void pair_measure(enum tcp_case which, bool sealed, const struct bench_opts *o,
                  struct tcp_figures *out)
{
	struct pair_cfg cfg = {
	        .mtu = o->mtu, .sealed = sealed, .conns = which == TCP_CONNECT ? 65536 : 1024};
	struct pair *p = pair_new(&cfg);
	struct tcp_info info;
	struct app app[2];

	memset(app, 0, sizeof(app));
	memset(out, 0, sizeof(*out));
	out->core_to_core_ns = bench_core_to_core_ns();
	begin(p, which, app);
	bench_priority(true);
	pair_start(p);
	sleep_ns(o->smoke ? WARM_NS / 10 : WARM_NS);
	if (which == TCP_PINGPONG)
		atomic_store(&app[0].samples, 0);
	windows(p, which, o, out);
	pair_stop(p);
	percentiles(&app[0], out);
	if (tcp_info(pair_end(p, 0)->tcp, app[0].conn, &info) == 0) {
		out->retransmits = (double)info.retransmits;
		out->timeouts = (double)info.rtos;
	}
	out->drops = (double)pair_drops(p);
	out->mss = pair_mss(p);
	snprintf(out->by, sizeof(out->by), "%s", pair_seal(p));
	pair_free(p);
	for (unsigned i = 0; i < 2; i++) {
		free(app[i].buf);
		free(app[i].rtt_ns);
	}
}
