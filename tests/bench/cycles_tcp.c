/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP for scripts/cycles: two stacks that hand their segments to each other, without a worker, encryption or a clock.
 *
 * usage: cycles_tcp --build | CASE UNITS
 * Counted: all calls of both ends, and the few instructions that carry a segment across. Prints how many units were counted:
 * segments' worth of payload delivered (bulk, loss), messages of 64 bytes (pingpong), connections (connect). */
#include "base/time.h"
#include "counted.h"
#include "tcp/tcp.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BURST      16
#define MSS        1434
#define SEGMENT    (MSS + 60)
#define WRITE      16384
#define SMALL      64
#define PORT       7
#define PEER       1
#define ROUND_NS   (100 * NS_PER_US)
#define LOSE_EVERY 500
#define PARALLEL   8

struct side {
	struct tcp_stack *s;
	void *mem;
	uint32_t conn, listener, got, open;
	uint8_t segment[BURST][SEGMENT];
	uint8_t buf[WRITE];
};

struct net {
	struct side side[2];
	struct instant now;
	uint64_t done, data;
	unsigned lose_every; /* data segments; 0: none is lost */
	void (*app)(struct net *n);
};

static void die(const char *what)
{
	fprintf(stderr, "cycles_tcp: %s\n", what);
	exit(1);
}

/* ---- what applications do in a round ---- */

static void skip_events(struct tcp_stack *s)
{
	struct tcp_event ev;

	while (tcp_event_next(s, &ev))
		;
}

static void bulk(struct net *n)
{
	struct side *a = &n->side[0], *b = &n->side[1];
	int64_t k;

	skip_events(a->s);
	skip_events(b->s);
	while (tcp_send(a->s, a->conn, a->buf, WRITE) > 0)
		;
	while ((k = tcp_recv(b->s, b->conn, b->buf, WRITE)) > 0)
		b->got += (uint32_t)k;
	n->done += b->got / (MSS - 12); /* timestamps take 12 bytes */
	b->got %= MSS - 12;
}

static void pingpong(struct net *n)
{
	struct side *a = &n->side[0], *b = &n->side[1];

	skip_events(a->s);
	skip_events(b->s);
	if (tcp_recv(b->s, b->conn, b->buf, SMALL) == SMALL) {
		tcp_send(b->s, b->conn, b->buf, SMALL);
		n->done++;
	}
	if (a->open == 0 || tcp_recv(a->s, a->conn, a->buf, SMALL) == SMALL) {
		n->done += a->open;
		a->open = 1;
		tcp_send(a->s, a->conn, a->buf, SMALL);
	}
}

static void ask(struct net *n, struct side *a)
{
	struct tcp_event ev;
	uint32_t conn;

	while (tcp_event_next(a->s, &ev)) {
		if (ev.flags & TCP_EV_CONNECTED)
			tcp_send(a->s, ev.conn, a->buf, SMALL);
		if (ev.flags & TCP_EV_READABLE)
			tcp_recv(a->s, ev.conn, a->buf, SMALL);
		if (ev.flags & (TCP_EV_HANGUP | TCP_EV_ERROR)) {
			tcp_close(a->s, ev.conn);
			a->open--;
			n->done++;
		}
	}
	while (a->open < PARALLEL && tcp_connect(a->s, PEER, PORT, &conn) == 0)
		a->open++;
}

/* Connect, 64 bytes there and back, close. */
static void connect_close(struct net *n)
{
	struct side *b = &n->side[1];
	struct tcp_event ev;
	uint32_t conn;

	ask(n, &n->side[0]);
	while (tcp_accept(b->s, b->listener, &conn) == 0)
		;
	while (tcp_event_next(b->s, &ev)) {
		if ((ev.flags & TCP_EV_READABLE) &&
		    tcp_recv(b->s, ev.conn, b->buf, SMALL) == SMALL) {
			tcp_send(b->s, ev.conn, b->buf, SMALL);
			tcp_close(b->s, ev.conn);
		}
	}
}

/* ---- the wire ---- */

static void carry(struct net *n, unsigned from)
{
	struct side *a = &n->side[from], *b = &n->side[!from];
	struct tcp_in in[BURST];
	struct tcp_out out;
	unsigned k;

	do {
		for (k = 0; k < BURST && tcp_output(a->s, n->now, a->segment[k], SEGMENT, &out);) {
			if (out.payload && n->lose_every && ++n->data % n->lose_every == 0)
				continue;
			in[k] = (struct tcp_in){.seg = a->segment[k],
			                        .len = out.len,
			                        .peer = PEER,
			                        .ecn = out.ecn,
			                        .csum_ok = true};
			k++;
		}
		tcp_input_burst(b->s, in, k, n->now);
	} while (k > 0);
}

static inline void turn(struct net *n)
{
	n->now = instant_add(n->now, ROUND_NS);
	tcp_advance(n->side[0].s, n->now);
	tcp_advance(n->side[1].s, n->now);
	n->app(n);
	carry(n, 0);
	carry(n, 1);
}

static COUNTED void counted_turn(struct net *n)
{
	turn(n);
}

/* ---- a run ---- */

static void start_side(struct net *n, unsigned i)
{
	struct side *e = &n->side[i];
	struct tcp_cfg cfg;
	size_t size;

	tcp_cfg_default(&cfg);
	cfg.max_conns = 65536; /* closed ones wait in TIME-WAIT */
	cfg.max_peers = 2;
	cfg.mss_default = MSS;
	cfg.chunks = 4096;
	memset(cfg.secret, (int)(7 + i), sizeof(cfg.secret));
	size = (tcp_stack_size(&cfg) + 63) & ~(size_t)63;
	e->mem = aligned_alloc(64, size);
	e->s = e->mem ? tcp_stack_init(e->mem, size, &cfg, n->now) : NULL;
	if (!e->s || tcp_peer_set(e->s, PEER, (uint16_t)(1 + i), (uint16_t)(2 - i), 0))
		die("no stack");
}

/* One connection from side 0 to side 1. */
static void open_one(struct net *n)
{
	struct side *a = &n->side[0], *b = &n->side[1];

	if (tcp_connect(a->s, PEER, PORT, &a->conn) ||
	    tcp_set_opt(a->s, a->conn, TCP_OPT_NODELAY, 1))
		die("cannot connect");
	for (unsigned i = 0; i < 4; i++) {
		carry(n, i & 1);
		if (tcp_accept(b->s, b->listener, &b->conn) == 0)
			return;
	}
	die("no connection");
}

static const struct {
	const char *name;
	void (*app)(struct net *n);
	unsigned lose_every;
} cases[] = {
        {"bulk", bulk, 0},
        {"loss", bulk, LOSE_EVERY},
        {"pingpong", pingpong, 0},
        {"connect", connect_close, 0},
};

static void run(struct net *n, unsigned which, uint64_t units)
{
	uint64_t from;

	n->now.ns = NS_PER_S;
	n->app = cases[which].app;
	start_side(n, 0);
	start_side(n, 1);
	if (tcp_listen(n->side[1].s, PORT, 1024, &n->side[1].listener))
		die("cannot listen");
	if (n->app != connect_close)
		open_one(n);
	n->lose_every = cases[which].lose_every;
	while (n->done < units)
		turn(n);
	from = n->done;
	while (n->done < from + units)
		counted_turn(n);
	printf("%llu\n", (unsigned long long)(n->done - from));
	free(n->side[0].mem);
	free(n->side[1].mem);
}

int main(int argc, char **argv)
{
	static struct net n;

	if (argc == 2 && strcmp(argv[1], "--build") == 0) {
		counted_print_build(COUNTED_BUILD);
		return 0;
	}
	for (unsigned i = 0; argc == 3 && i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strcmp(argv[1], cases[i].name) == 0 && atoi(argv[2]) > 0) {
			run(&n, i, (uint64_t)atoi(argv[2]));
			return 0;
		}
	fputs("usage: cycles_tcp --build | bulk|loss|pingpong|connect UNITS\n", stderr);
	return 2;
}
