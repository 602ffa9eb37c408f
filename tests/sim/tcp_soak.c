/* SPDX-License-Identifier: BSD-3-Clause */
/* Long lives in virtual time: connections without end, a flood of SYNs, memory that fails at each place; what is held stays flat. */
#include "tcpnet.h"
#include "tcpnet_require.h"
#include "tcp/stack.h"

#include <errno.h>
#include <string.h>

/* ---- connect, transfer, close ------------------------------------------------------------------------------------- */

#define AT_ONCE 6

struct visit {
	uint32_t c; /* the client's handle, 0: none */
	uint32_t ask, asked, answered;
	bool shut, ended;
};

struct served {
	uint32_t got, sent;
	bool asked; /* all of it */
};

#define ANSWER 3000u

struct soak {
	struct tcpnet n;
	struct visit v[AT_ONCE];
	struct served at[64]; /* by the server's slot */
	uint32_t listener;
	uint64_t begun, done;
};

static void visit_begin(struct soak *k, unsigned i)
{
	struct visit *v = &k->v[i];
	int r;

	*v = (struct visit){.ask = 1 + (uint32_t)rng_below(&k->n.rng, 6000)};
	r = tcp_connect(k->n.stack[0], TCPNET_PEER, 80, &v->c);
	if (r < 0) {
		v->c = 0; /* every slot is in TIME-WAIT: later */
		return;
	}
	REQUIRE(tcp_set_user(k->n.stack[0], v->c, i) == 0);
	k->begun++;
}

static void visit_go_on(struct soak *k, struct visit *v)
{
	struct tcp_stack *s = k->n.stack[0];
	uint8_t b[2048];
	int64_t r;

	while (v->asked < v->ask &&
	       (r = tcp_send(s, v->c, tcpnet_pattern(v->asked), v->ask - v->asked)) > 0)
		v->asked += (uint32_t)r;
	if (v->asked == v->ask && !v->shut)
		v->shut = tcp_shutdown(s, v->c) == 0;
	while ((r = tcp_recv(s, v->c, b, sizeof(b))) > 0) {
		REQUIRE(memcmp(b, tcpnet_pattern(v->ask + v->answered), (size_t)r) == 0);
		v->answered += (uint32_t)r;
	}
	if (r == 0) {
		REQUIRE(v->answered == ANSWER && tcp_close(s, v->c) == 0);
		v->c = 0;
		k->done++;
	}
}

static void serve(struct soak *k, uint32_t c)
{
	struct tcp_stack *s = k->n.stack[1];
	struct served *v = &k->at[conn_of(s, c)->index];
	uint8_t b[2048];
	int64_t r;

	while (!v->asked && (r = tcp_recv(s, c, b, sizeof(b))) >= 0) {
		if (!r) {
			v->asked = true;
			break;
		}
		REQUIRE(memcmp(b, tcpnet_pattern(v->got), (size_t)r) == 0);
		v->got += (uint32_t)r;
	}
	while (v->asked && v->sent < ANSWER &&
	       (r = tcp_send(s, c, tcpnet_pattern(v->got + v->sent), ANSWER - v->sent)) > 0)
		v->sent += (uint32_t)r;
	if (v->sent == ANSWER)
		REQUIRE(tcp_close(s, c) == 0);
}

static void soak_step(struct soak *k)
{
	struct tcp_event ev;
	uint32_t c;

	tcpnet_step(&k->n, k->n.now + 60 * NS_PER_S);
	while (tcp_accept(k->n.stack[1], k->listener, &c) == 0) {
		k->at[conn_of(k->n.stack[1], c)->index] = (struct served){0};
		serve(k, c);
	}
	while (tcp_event_next(k->n.stack[1], &ev))
		if (ev.conn != k->listener && conn_app(k->n.stack[1], ev.conn)) {
			REQUIRE(!(ev.flags & TCP_EV_ERROR));
			serve(k, ev.conn);
		}
	while (tcp_event_next(k->n.stack[0], &ev)) {
		REQUIRE(!(ev.flags & TCP_EV_ERROR));
		if (k->v[ev.user].c == ev.conn)
			visit_go_on(k, &k->v[ev.user]);
	}
}

static void connections(uint64_t total)
{
	static struct soak k;
	const struct tcpnet_path p = {.delay_ns = NS_PER_MS,
	                              .loss = 0.005,
	                              .duplicate = 0.002,
	                              .reorder = 0.01,
	                              .reorder_ns = NS_PER_MS};
	struct tcp_counters now;
	struct tcp_cfg cfg;
	uint32_t chunks[2] = {0, 0}, slots[2] = {0, 0};

	tcpnet_cfg(&cfg);
	cfg.msl_ns = NS_PER_S / 4;
	cfg.chunks = 512;
	tcpnet_init(&k.n, 11, &cfg, &cfg);
	tcpnet_both(&k.n, &p);
	REQUIRE(tcp_listen(k.n.stack[1], 80, 16, &k.listener) == 0);
	while (k.done < total) {
		for (unsigned i = 0; i < AT_ONCE; i++)
			if (!k.v[i].c && k.begun < total)
				visit_begin(&k, i);
		soak_step(&k);
		/* What a tenth of them needed at most is enough for all. */
		for (unsigned h = 0; h < 2 && k.done == total / 10 && !chunks[h]; h++) {
			chunks[h] = k.n.stack[h]->pool.fresh;
			slots[h] = k.n.stack[h]->fresh;
		}
	}
	for (unsigned h = 0; h < 2; h++) {
		printf("host %u: %u chunks at most after a tenth, %u after all; %u and %u slots\n",
		       h, chunks[h], k.n.stack[h]->pool.fresh, slots[h], k.n.stack[h]->fresh);
		REQUIRE(k.n.stack[h]->pool.fresh <= chunks[h] + chunks[h] / 4 + 2);
		REQUIRE(k.n.stack[h]->fresh <= 64);
	}
	tcpnet_run(&k.n, 200 * NS_PER_S);
	tcpnet_check(&k.n);
	for (unsigned h = 0; h < 2; h++) {
		tcp_stack_counters(k.n.stack[h], &now);
		REQUIRE(now.conns == h && !now.chunks_used); /* the listener is left */
	}
	printf("%llu connections, %llu segments, %llu lost\n", (unsigned long long)k.done,
	       (unsigned long long)(k.n.sent[0] + k.n.sent[1]),
	       (unsigned long long)(k.n.lost[0] + k.n.lost[1]));
	tcpnet_free(&k.n);
}

/* ---- SYN flood ---------------------------------------------------------------------------------------------------- */

#define STRANGERS 4096u

struct flood {
	struct tcpnet n; /* the server and one honest client */
	struct tcp_stack *server;
};

/* What the server says to strangers goes nowhere. */
static bool to_stranger(void *arg, unsigned from, uint64_t nth, const struct tcp_out *out,
                        const uint8_t *seg)
{
	(void)arg;
	(void)nth;
	(void)seg;
	return from == 1 && out->peer >= TCPNET_PEER + TCPNET_HOSTS;
}

static void stranger_syn(struct flood *f)
{
	uint8_t seg[24] = {0};
	struct tcp_in in = {.seg = seg,
	                    .len = sizeof(seg),
	                    .peer = TCPNET_PEER + TCPNET_HOSTS +
	                            (uint32_t)rng_below(&f->n.rng, STRANGERS),
	                    .csum_ok = true};

	rng_fill(&f->n.rng, seg, 8);
	seg[2] = 0;
	seg[3] = 80;
	seg[12] = 6 << 4;
	seg[13] = 2; /* SYN */
	seg[14] = 0xff;
	seg[20] = 2;
	seg[21] = 4;
	seg[22] = 5;
	seg[23] = 0xb4;
	tcp_input(f->server, &in, (struct instant){f->n.now});
}

static void flood(uint64_t total)
{
	static struct flood f;
	const struct tcpnet_path p = {.delay_ns = 5 * NS_PER_MS};
	struct tcp_cfg client, server;
	struct tcp_counters k;
	uint64_t syns = 0;
	uint32_t slots = 0, chunks = 0;

	tcpnet_cfg(&client);
	tcpnet_cfg(&server);
	server.max_peers = TCPNET_PEER + TCPNET_HOSTS + STRANGERS;
	server.max_conns = 256;
	tcpnet_init(&f.n, 13, &client, &server);
	tcpnet_both(&f.n, &p);
	f.server = f.n.stack[1];
	f.n.filter = to_stranger;
	for (uint32_t i = 0; i < STRANGERS; i++)
		REQUIRE(tcp_peer_set(f.server, TCPNET_PEER + TCPNET_HOSTS + i, 1, (uint16_t)i, 0) ==
		        0);
	for (unsigned turn = 0; turn < 10; turn++) {
		struct tcpnet_flow flow = {
		        .src = 0, .dst = 1, .port = 80, .start_at = f.n.now, .total = 20000};
		int64_t from;

		/* The flood goes on before and while the client comes. */
		flow.open = false;
		from = f.n.now;
		while (syns < total * (turn + 1) / 10 || !flow.done_at) {
			for (unsigned i = 0; i < 100; i++, syns++)
				stranger_syn(&f);
			tcpnet_flows_step(&f.n, &flow, 1, f.n.now + NS_PER_MS);
			REQUIRE(flow.done_at || f.n.now < from + 60 * NS_PER_S);
		}
		REQUIRE(tcp_close(f.n.stack[0], flow.tx) == 0);
		REQUIRE(tcp_close(f.server, flow.rx) == 0);
		REQUIRE(tcp_close(f.server, flow.listener) == 0);
		tcpnet_run(&f.n, NS_PER_S);
		if (!turn) {
			slots = f.server->fresh;
			chunks = f.server->pool.fresh;
		}
		printf("turn %u: %llu SYNs, the client was served after %.1f ms\n", turn,
		       (unsigned long long)syns, (double)(flow.done_at - from) / 1e6);
	}
	tcp_stack_counters(f.server, &k);
	printf("%llu SYNs: %llu cookies, %u slots and %u chunks after a tenth, %u and %u after "
	       "all\n",
	       (unsigned long long)syns, (unsigned long long)k.cookies_out, slots, chunks,
	       f.server->fresh, f.server->pool.fresh);
	REQUIRE(k.cookies_out > total / 2);
	/* A few for each honest client (listener, connection, TIME-WAIT), none for strangers beyond the backlog. */
	REQUIRE(f.server->fresh <= slots + 20 && f.server->pool.fresh <= chunks + 8);
	tcpnet_free(&f.n);
}

/* ---- memory that fails -------------------------------------------------------------------------------------------- */

#define LOAD_CONNS 4

/* What runs while memory fails: so many connections, each with `total` bytes both ways. */
struct load {
	const char *name;
	unsigned conns;
	uint64_t total;
	uint32_t buffer, chunks, initial_window;
	int64_t delay_ns;
};

static const struct load loads[] = {
        {"one connection", 1, 60000, 0, 512, 10, 2 * NS_PER_MS},
        /* Windows of hundreds of records and dozens of gaps: each is asked for many times, by one while another waits. */
        {"four connections, wide", 4, 150000, 120000, 2048, 60, 20 * NS_PER_MS},
};

struct failing {
	const struct load *load;
	enum tcp_alloc point;
	uint64_t asked, from, n; /* requests [from, from + n) fail */
	uint64_t ended;          /* connections that ended with an error */
};

static bool fails(void *arg, enum tcp_alloc point)
{
	struct failing *f = arg;

	if (point != f->point)
		return false;
	f->asked++;
	return f->asked > f->from && f->asked <= f->from + f->n;
}

/* Both ends of the connections; the i-th accepted need not be the i-th opened, all carry the same bytes. */
struct ends {
	uint32_t conn[2][LOAD_CONNS];
	uint64_t sent[2][LOAD_CONNS], got[2][LOAD_CONNS];
};

static bool all_through(const struct ends *e, const struct load *l)
{
	for (unsigned h = 0; h < 2; h++)
		for (unsigned i = 0; i < l->conns; i++)
			if (e->got[h][i] != l->total)
				return false;
	return true;
}

/* Writes and reads what goes. */
static void move(struct tcpnet *n, struct ends *e, const struct load *l, unsigned h, unsigned i)
{
	uint32_t c = e->conn[h][i];
	uint64_t *sent = &e->sent[h][i], *got = &e->got[h][i];
	uint8_t buf[4096];
	int64_t r;

	if (!c)
		return;
	while (*sent < l->total &&
	       (r = tcp_send(n->stack[h], c, tcpnet_pattern(*sent),
	                     l->total - *sent < 4096 ? l->total - *sent : 4096)) > 0)
		*sent += (uint64_t)r;
	while ((r = tcp_recv(n->stack[h], c, buf, sizeof(buf))) > 0) {
		REQUIRE(memcmp(buf, tcpnet_pattern(*got), (size_t)r) == 0);
		*got += (uint64_t)r;
	}
}

/* A dozen refusals in a row are as many retransmissions in vain: then it may have ended, and said so; and where a cookie's connection
 * found no slot, the client's later data is answered with a reset. */
static void judge(struct tcpnet *n, struct failing *f, const struct ends *e)
{
	unsigned told = 0;

	if (all_through(e, f->load))
		return;
	/* A SYN is tried fewer times than data. */
	REQUIRE(f->n > 8 || f->point == TCP_ALLOC_CONN ||
	        (f->point == TCP_ALLOC_REPLY && f->n > 1));
	for (unsigned h = 0; h < 2; h++)
		for (unsigned k = 0; k < f->load->conns; k++) {
			struct tcp_info i;

			if (!e->conn[h][k])
				continue;
			REQUIRE(tcp_info(n->stack[h], e->conn[h][k], &i) == 0);
			told += i.error == ETIMEDOUT || (!h && i.error == ECONNRESET);
		}
	REQUIRE(told);
	f->ended++;
}

static void failing_cfg(struct failing *f, struct tcp_cfg *cfg)
{
	tcpnet_cfg(cfg);
	cfg->chunk_bytes = 1024;
	cfg->max_ooo = 64;
	cfg->chunks = f->load->chunks;
	cfg->initial_window = f->load->initial_window;
	if (f->load->buffer)
		cfg->sndbuf = cfg->sndbuf_max = cfg->rcvbuf = cfg->rcvbuf_max = f->load->buffer;
	cfg->alloc_fails = fails;
	cfg->alloc_arg = f;
	if (f->point == TCP_ALLOC_REPLY)
		cfg->syn_cookies = TCP_COOKIES_ALWAYS;
}

/* Connections with data both ways over a bad path; each event is checked: what waits has a timer. Whatever failed, in the end all
 * is through, or the one that asked was told. */
static uint64_t with_failure(struct failing *f)
{
	static struct tcpnet n;
	const struct load *l = f->load;
	/* With cookies data is reset when what brings the cookie back is lost or late, whether memory fails or not. */
	const bool bad = f->point != TCP_ALLOC_REPLY;
	const struct tcpnet_path p = {.delay_ns = l->delay_ns,
	                              .loss = bad ? 0.03 : 0,
	                              .reorder = bad ? 0.1 : 0,
	                              .reorder_ns = l->delay_ns * 3 / 2};
	struct tcp_cfg cfg;
	struct ends e = {.sent = {{0}}};
	uint32_t listener;
	unsigned accepted = 0;
	int64_t until;

	failing_cfg(f, &cfg);
	tcpnet_again(&n, 17, &cfg, &cfg);
	n.check_all = true;
	tcpnet_both(&n, &p);
	f->asked = 0;
	while (tcp_listen(n.stack[1], 80, LOAD_CONNS, &listener) < 0)
		;
	for (unsigned i = 0; i < l->conns; i++)
		while (tcp_connect(n.stack[0], TCPNET_PEER, 80, &e.conn[0][i]) < 0)
			;
	until = n.now + 600 * NS_PER_S;
	while (n.now < until && !all_through(&e, l)) {
		while (accepted < l->conns &&
		       tcp_accept(n.stack[1], listener, &e.conn[1][accepted]) == 0)
			accepted++;
		for (unsigned i = 0; i < l->conns; i++) {
			move(&n, &e, l, 0, i);
			if (i < accepted)
				move(&n, &e, l, 1, i);
		}
		/* A writer that was refused for want of memory tries again, as one that polls would. */
		tcpnet_step(&n, n.now + 50 * NS_PER_MS);
	}
	for (unsigned i = accepted; i < l->conns; i++)
		e.conn[1][i] = 0;
	judge(&n, f, &e);
	for (unsigned h = 0; h < 2; h++)
		for (unsigned i = 0; i < l->conns; i++)
			REQUIRE(!e.conn[h][i] || tcp_close(n.stack[h], e.conn[h][i]) == 0);
	REQUIRE(tcp_close(n.stack[1], listener) == 0);
	tcpnet_run(&n, 3000 * NS_PER_S);
	REQUIRE(!n.stack[0]->nconns && !n.stack[1]->nconns);
	REQUIRE(!n.stack[0]->pool.used && !n.stack[1]->pool.used);
	return f->asked;
}

static void failures(const struct load *l, unsigned step)
{
	for (unsigned point = 0; point < TCP_ALLOC_POINTS; point++) {
		struct failing f = {.load = l, .point = (enum tcp_alloc)point};
		uint64_t asked = with_failure(&f), runs = 0;

		for (f.from = 0; f.from < asked; f.from += asked < 50 ? 1 : step)
			for (f.n = 1; f.n <= 64; f.n *= 8, runs++)
				with_failure(&f);
		printf("%s, %s: asked %llu times, %llu runs with failures, %llu ended with an "
		       "error\n",
		       l->name, tcp_alloc_name((enum tcp_alloc)point), (unsigned long long)asked,
		       (unsigned long long)runs, (unsigned long long)f.ended);
	}
}

int main(int argc, char **argv)
{
	bool in_long = argc > 1 && strcmp(argv[1], "long") == 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	connections(in_long ? 1000000 : 20000);
	flood(in_long ? 1000000 : 100000);
	failures(&loads[0], in_long ? 1 : 7);
	failures(&loads[1], in_long ? 1 : 41);
	return 0;
}
