/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine alone with very many connections: what one costs when idle, and what a request and its response cost by how many are active. */
#include "tcp.h"
#include "base/rng.h"
#include "base/time.h"
#include "tcp/tcp.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <x86intrin.h>

#define BURST     32
#define SEG       1600
#define LISTENERS 16
#define SMALL     64
#define STEP_NS   (10 * NS_PER_US)
#define WINDOWS   9

/* One stack and the segments it has put out. */
struct side {
	struct tcp_stack *tcp;
	void *memory;
	size_t bytes;
	uint32_t *conn; /* handles in the order of opening */
	uint32_t conns;
	uint8_t seg[BURST][SEG];
	struct tcp_in in[BURST]; /* the other side's input made of them */
	unsigned n;
};

struct bed {
	struct side client, server;
	uint32_t listener[LISTENERS];
	struct instant now;
	uint32_t *pick; /* order of use */
	double tsc_ghz;
	uint64_t overhead; /* of two reads of the counter */
};

static struct tcp_stack *stack_new(struct side *s, unsigned conns, uint8_t seed)
{
	struct tcp_cfg c;

	tcp_cfg_default(&c);
	c.max_conns = conns + LISTENERS + 1;
	c.max_peers = 1;
	c.chunk_bytes = 1024;
	c.chunks = 4 * conns + 4096;
	c.max_ooo = 64;
	c.backlog_max = 65535;
	c.nodelay = true;
	memset(c.secret, seed, sizeof(c.secret));
	s->bytes = tcp_stack_size(&c);
	s->memory = mmap(NULL, s->bytes, PROT_READ | PROT_WRITE,
	                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (s->memory == MAP_FAILED)
		bench_die("no memory for %u connections", conns);
	(void)madvise(s->memory, s->bytes, MADV_HUGEPAGE);
	s->conn = calloc(conns, sizeof(*s->conn));
	s->tcp = tcp_stack_init(s->memory, s->bytes, &c, (struct instant){NS_PER_S});
	if (!s->tcp || !s->conn || tcp_peer_set(s->tcp, 0, 1, 2, 1400))
		bench_die("no stack");
	return s->tcp;
}

/* Takes what the stack sends, at most one burst. */
static unsigned pull(struct side *s, struct instant now)
{
	struct tcp_out out;

	for (s->n = 0; s->n < BURST; s->n++) {
		uint32_t len = tcp_output(s->tcp, now, s->seg[s->n], SEG, &out);

		if (!len)
			break;
		s->in[s->n] = (struct tcp_in){.seg = s->seg[s->n], .len = len, .csum_ok = true};
	}
	return s->n;
}

static void exchange(struct bed *b)
{
	unsigned moved;

	do {
		moved = pull(&b->client, b->now);
		tcp_input_burst(b->server.tcp, b->client.in, moved, b->now);
		moved += pull(&b->server, b->now);
		tcp_input_burst(b->client.tcp, b->server.in, b->server.n, b->now);
		b->now = instant_add(b->now, STEP_NS);
	} while (moved);
}

static void drop_events(struct side *s)
{
	struct tcp_event ev;

	while (tcp_event_next(s->tcp, &ev))
		;
}

/* Lets delayed acknowledgements and probes pass. */
static void settle(struct bed *b)
{
	for (unsigned i = 0; i < 50; i++) {
		b->now = instant_add(b->now, 10 * NS_PER_MS);
		tcp_advance(b->client.tcp, b->now);
		tcp_advance(b->server.tcp, b->now);
		exchange(b);
	}
	drop_events(&b->client);
	drop_events(&b->server);
}

static void open_all(struct bed *b, unsigned conns)
{
	for (unsigned i = 0; i < LISTENERS; i++)
		if (tcp_listen(b->server.tcp, (uint16_t)(100 + i), 65535, &b->listener[i]))
			bench_die("cannot listen");
	for (unsigned i = 0; i < conns; i++) {
		uint16_t port = (uint16_t)(100 + i % LISTENERS);
		uint32_t c;

		if (tcp_connect(b->client.tcp, 0, port, &b->client.conn[i]))
			bench_die("cannot open connection %u", i);
		exchange(b);
		if (tcp_accept(b->server.tcp, b->listener[i % LISTENERS], &c))
			bench_die("connection %u was not accepted", i);
		b->server.conn[i] = c;
		tcp_set_user(b->server.tcp, c, i);
		drop_events(&b->client);
		drop_events(&b->server);
	}
	b->client.conns = b->server.conns = conns;
}

static void bed_new(struct bed *b, unsigned conns)
{
	memset(b, 0, sizeof(*b));
	b->now.ns = NS_PER_S;
	stack_new(&b->client, conns, 3);
	stack_new(&b->server, conns, 5);
	open_all(b, conns);
	settle(b);
}

static void side_free(struct side *s)
{
	munmap(s->memory, s->bytes);
	free(s->conn);
}

/* A random order in which every connection has its turn. */
static uint32_t *shuffled(unsigned n)
{
	uint32_t *p = malloc(n * sizeof(*p));
	struct rng_seeded seed;
	struct rng r;

	if (!p)
		bench_die("out of memory");
	rng_seeded_init(&seed, 1);
	r = rng_from_seeded(&seed);
	for (uint32_t i = 0; i < n; i++)
		p[i] = i;
	for (uint32_t i = n - 1; i > 0; i--) {
		uint32_t k = (uint32_t)rng_below(&r, i + 1), t = p[i];

		p[i] = p[k];
		p[k] = t;
	}
	return p;
}

/* What the server does for one burst of requests: this is what is measured. */
static uint64_t serve(struct bed *b, unsigned n)
{
	struct side *s = &b->server;
	uint8_t buf[SMALL];
	struct tcp_event ev;
	uint64_t t = __rdtsc();

	tcp_input_burst(s->tcp, b->client.in, n, b->now);
	while (tcp_event_next(s->tcp, &ev))
		if (tcp_recv(s->tcp, ev.conn, buf, SMALL) == SMALL)
			tcp_send(s->tcp, ev.conn, buf, SMALL);
	tcp_advance(s->tcp, b->now);
	pull(s, b->now);
	return __rdtsc() - t - b->overhead;
}

/* One burst of requests on the next `width` connections of the order; returns the server's cycles. */
static uint64_t transact(struct bed *b, unsigned width, unsigned *at, unsigned active)
{
	uint8_t buf[SMALL] = {0};
	uint64_t cycles;

	for (unsigned i = 0; i < width; i++) {
		uint32_t k = b->pick[*at];

		*at = *at + 1 == active ? 0 : *at + 1;
		if (tcp_send(b->client.tcp, b->client.conn[k], buf, SMALL) != SMALL)
			bench_die("a request was not taken");
	}
	if (pull(&b->client, b->now) != width)
		bench_die("requests were not sent");
	cycles = serve(b, width);
	if (b->server.n != width)
		bench_die("%u requests, %u responses", width, b->server.n);
	tcp_input_burst(b->client.tcp, b->server.in, b->server.n, b->now);
	for (unsigned i = 0; i < width; i++) {
		struct tcp_event ev;

		if (tcp_event_next(b->client.tcp, &ev))
			tcp_recv(b->client.tcp, ev.conn, buf, SMALL);
	}
	b->now = instant_add(b->now, STEP_NS);
	tcp_advance(b->client.tcp, b->now);
	return cycles;
}

/* One way of using a bed: `active` connections in a random order, `width` of them in a burst. */
struct use {
	struct bed *b;
	unsigned width, active, at;
	uint32_t *pick;
	double v[WINDOWS];
};

static double run(struct use *u, unsigned requests)
{
	unsigned bursts = requests / u->width;
	uint64_t sum = 0;

	u->b->pick = u->pick;
	for (unsigned i = 0; i < bursts; i++)
		sum += transact(u->b, u->width, &u->at, u->active);
	return (double)sum / (bursts * u->width);
}

/* Cycles per request of each use, window by window in turn: the machine changes while one looks. */
static void measure(struct use *u, unsigned n, unsigned requests)
{
	for (unsigned i = 0; i < n; i++)
		u[i].pick = shuffled(u[i].active);
	for (unsigned w = 0; w < WINDOWS; w++)
		for (unsigned i = 0; i < n; i++) {
			unsigned once = u[i].active > requests ? u[i].active : requests;

			settle(u[i].b);
			run(&u[i], once / 2 + u[i].active); /* caches are this one's again */
			u[i].v[w] = run(&u[i], once);
		}
	for (unsigned i = 0; i < n; i++)
		free(u[i].pick);
}

static double ratio(const struct use *a, const struct use *b)
{
	double v[WINDOWS];

	for (unsigned w = 0; w < WINDOWS; w++)
		v[w] = a->v[w] / b->v[w];
	return median(v, WINDOWS);
}

static void calibrate(struct bed *b)
{
	int64_t wall = wall_ns();
	uint64_t t = __rdtsc(), least = UINT64_MAX;

	for (unsigned i = 0; i < 1000; i++) {
		uint64_t a = __rdtsc(), d = __rdtsc() - a;

		least = d < least ? d : least;
	}
	b->overhead = least;
	sleep_ns(20000000);
	t = __rdtsc() - t;
	b->tsc_ghz = (double)t / (double)(wall_ns() - wall);
}

/* Bytes of one stack that follow the number of connections. */
static double state_bytes(unsigned conns)
{
	struct tcp_cfg c;
	size_t few, many;

	tcp_cfg_default(&c);
	c.max_conns = 16;
	few = tcp_stack_size(&c);
	c.max_conns = conns + 16;
	many = tcp_stack_size(&c);
	return (double)(many - few) / conns;
}

static double huge_mb(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "r");
	char line[256];
	double kb = 0;

	while (f && fgets(line, sizeof(line), f))
		(void)sscanf(line, "AnonHugePages: %lf", &kb);
	if (f)
		fclose(f);
	return kb / 1024;
}

static struct bed *bed_of(unsigned conns)
{
	struct bed *b = malloc(sizeof(*b));

	if (!b)
		bench_die("out of memory");
	bed_new(b, conns);
	calibrate(b);
	return b;
}

static void bed_free(struct bed *b)
{
	side_free(&b->client);
	side_free(&b->server);
	free(b);
}

void scale_measure(const struct bench_opts *o, struct scale_figures *f)
{
	struct bed *few, *many;
	struct use u[3];

	bench_pin(1);
	bench_priority(false);
	few = bed_of(1);
	many = bed_of(o->conns);
	u[0] = (struct use){.b = few, .width = 1, .active = 1};
	u[1] = (struct use){.b = many, .width = 1, .active = 1};
	u[2] = (struct use){.b = many, .width = BURST, .active = o->conns};
	measure(u, 3, o->smoke ? 2000 : 20000);
	memset(f, 0, sizeof(*f));
	f->state_bytes = state_bytes(o->conns);
	f->one_ratio = ratio(&u[1], &u[0]);
	f->all_ratio = ratio(&u[2], &u[0]);
	f->alone_cycles = median(u[0].v, WINDOWS);
	f->one_cycles = median(u[1].v, WINDOWS);
	f->all_cycles = median(u[2].v, WINDOWS);
	f->alone_ns = f->alone_cycles / many->tsc_ghz;
	f->one_ns = f->one_cycles / many->tsc_ghz;
	f->all_ns = f->all_cycles / many->tsc_ghz;
	f->huge_mb = huge_mb();
	bed_free(few);
	bed_free(many);
}
