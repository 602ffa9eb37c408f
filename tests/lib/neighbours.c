/* SPDX-License-Identifier: BSD-3-Clause */
/* Many neighbours in one process: real identities and handshakes, hellos answered, and a line of JSON a second about how they fare.
 *
 * Each neighbour (neighbour.h) has a socket of its own, on an address of 127/8 or whatever --from names. With --flood it only sends first
 * messages, as many a second as asked, and never answers. With --tunnel, the daemon's id, each has a tunnel that ends there, and uses it. */
#include "neighbour.h"

#include "wire/lspmsg.h"
#include "wire/routed.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SILENCE_S 15.0
#define TICK_S    0.01
#define USE_S     15.0 /* a tunnel is idle for no longer */
#define ASK_S     3.0  /* between two set-ups */
#define OWN_LABEL 16   /* of the way back; nothing comes that way */

struct options {
	struct sockaddr_in to,
	        from; /* from: the first address; neighbour i of prefix p has address + 256 p + i / prefixes */
	unsigned count, prefixes;
	uint32_t network;
	double seconds, rate, traffic_s, flood;
	bool mute; /* hellos are not answered */
	bool tunnels;
	struct node_id dst; /* where they end */
};

/* Of one neighbour. */
struct tunnel {
	uint32_t label; /* 0: none is up */
	double at;      /* when it is used or asked for next */
};

static struct options o = {
        .count = 1, .prefixes = 1, .network = 1, .seconds = 10, .rate = 1000, .traffic_s = 10};
static struct neighbour *all;
static struct tunnel *tunnels;
static int ep;
static volatile sig_atomic_t stop;
static struct rng rng;
static struct neighbour_world world;
static uint64_t flaps;

static void random_fill(void *arg, void *out, size_t n)
{
	randombytes_buf(out, n);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
	fprintf(stderr, "neighbours: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void put(struct neighbour *n, const uint8_t *f, size_t len)
{
	(void)!send(n->fd, f, len, MSG_DONTWAIT);
}

static void receive(struct neighbour *n, double t)
{
	uint8_t f[NEIGHBOUR_FRAME_MAX];
	bool was_up = n->up;
	ssize_t len;

	while ((len = recv(n->fd, f, sizeof(f), MSG_DONTWAIT)) > 0)
		neighbour_receive(n, f, (size_t)len, t);
	if (n->up && !was_up)
		n->talk_at = t + o.traffic_s * (double)rng_below(&rng, 1000) / 1000;
}

/* ---- tunnels ---- */

static void send_labelled(struct neighbour *n, const uint8_t *p, size_t len)
{
	uint8_t f[NEIGHBOUR_FRAME_MAX];

	put(n, f, neighbour_seal(n, p, len, f));
}

static void ask(struct neighbour *n)
{
	struct route_ext e = {.next = NEXT_SETUP, .mode = ROUTE_GREEDY};
	struct routed_header h = {
	        .next = NEXT_ROUTE, .hop_limit = ROUTED_HOP_LIMIT, .src = n->me.id, .dst = o.dst};
	struct setup_msg s = {.flags = SETUP_FLAG_FINGER,
	                      .mtu = 1200,
	                      .nonce = rng_u64(&rng),
	                      .hops = 1,
	                      .nrecord = 1,
	                      .reverse_label = OWN_LABEL};
	uint8_t p[CONTROL_PACKET_MAX];
	struct wr w = wr_init(p, sizeof(p)), at;

	s.record[0] = id_tag(&h.src);
	control_stack_write(&w, UINT32_MAX, TTL_START);
	ach_write(&w, ACH_ROUTED);
	at = w;
	routed_header_write(&w, &h);
	route_ext_write(&w, &e);
	setup_write(&w, &s);
	h.length = (uint16_t)(wr_len(&w) - wr_len(&at) - ROUTED_HEADER_BYTES);
	routed_header_write(&at, &h);
	send_labelled(n, p, wr_len(&w));
}

/* A packet of the tunnel that says nothing: its end counts it. */
static void use(struct neighbour *n, uint32_t label)
{
	uint8_t p[64] = {0};

	be32_store(p, lse_make(label, 0, true, TTL_START));
	send_labelled(n, p, sizeof(p));
}

static void packet(struct neighbour *n, const uint8_t *p, size_t len)
{
	struct rd r = rd_init(p, len);
	struct routed_header h;
	struct reply_msg m;
	uint32_t label;
	uint8_t ttl;

	if (!tunnels || !control_stack_read(&r, &label, &ttl) || ach_read(&r) != ACH_ROUTED ||
	    !routed_header_read(&r, &h) || h.next != NEXT_REPLY || !reply_read(&r, &m))
		return;
	tunnels[n - all].label = m.forward_label;
}

static void tunnel_step(struct neighbour *n, struct tunnel *u, double t)
{
	if (!n->up)
		u->label = 0;
	if (!n->up || t < u->at)
		return;
	u->at = t + (u->label ? USE_S : ASK_S);
	if (u->label)
		use(n, u->label);
	else
		ask(n);
}

/* ---- the course ---- */

static void step(struct neighbour *n, double t)
{
	if (n->up && t - n->heard_at > SILENCE_S) {
		n->up = false;
		flaps++;
	}
	if (!n->up && n->wants && t >= n->again_at)
		neighbour_begin(n, t);
	if (n->up && o.traffic_s > 0 && t >= n->talk_at && !o.mute) {
		neighbour_hello(n, true, t);
		n->talk_at = t + o.traffic_s;
	}
	if (tunnels)
		tunnel_step(n, &tunnels[n - all], t);
}

static void report(double t, double since)
{
	unsigned up = 0, tunnels_up = 0;

	for (unsigned i = 0; i < o.count; i++)
		up += all[i].up;
	for (unsigned i = 0; tunnels && i < o.count; i++)
		tunnels_up += tunnels[i].label != 0;
	printf("{\"t\":%.1f,\"count\":%u,\"up\":%u,\"tunnels\":%u,\"begun\":%llu,\"complete\":%llu,"
	       "\"flaps\":%llu,"
	       "\"rekeys\":%llu,\"cookies\":%llu,\"hellos\":%llu,"
	       "\"frames_in\":%llu,\"frames_out\":%llu,\"bad\":%llu,\"refused\":{\"network\":%llu,"
	       "\"not_accepted\":%llu,\"full\":%llu,\"busy\":%llu,"
	       "\"use_xx\":%llu,\"yourself\":%llu,\"version\":%llu}}\n",
	       t - since, o.count, up, tunnels_up, (unsigned long long)world.begun,
	       (unsigned long long)world.complete, (unsigned long long)flaps,
	       (unsigned long long)world.rekeys, (unsigned long long)world.cookies,
	       (unsigned long long)world.hellos_in, (unsigned long long)world.frames_in,
	       (unsigned long long)world.frames_out, (unsigned long long)world.bad,
	       (unsigned long long)world.refused[1], (unsigned long long)world.refused[2],
	       (unsigned long long)world.refused[3], (unsigned long long)world.refused[4],
	       (unsigned long long)world.refused[5], (unsigned long long)world.refused[6],
	       (unsigned long long)world.refused[7]);
	fflush(stdout);
}

static int open_socket(struct neighbour *n, unsigned i)
{
	struct sockaddr_in a = o.from;
	int fd;
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = n};

	a.sin_port = 0;
	a.sin_addr.s_addr =
	        htonl(ntohl(a.sin_addr.s_addr) + 256 * (i % o.prefixes) + i / o.prefixes % 250);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    connect(fd, (struct sockaddr *)&o.to, sizeof(o.to)) != 0)
		die("socket");
	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) != 0)
		die("epoll");
	return fd;
}

/* Neighbours start one after the other, rate a second. */
static void run(void)
{
	struct epoll_event ev[64];
	double t = now(), since = t, told = t, stepped = t;
	unsigned started = 0;

	while (!stop && t - since < o.seconds) {
		int k = epoll_wait(ep, ev, 64, (int)(TICK_S * 1000));

		t = now();
		for (int i = 0; i < k; i++)
			receive(ev[i].data.ptr, t);
		while (started < o.count && (double)started < (t - since) * o.rate)
			all[started++].wants = true;
		if (t - stepped >= TICK_S) {
			for (unsigned i = 0; i < started; i++)
				step(&all[i], t);
			stepped = t;
		}
		if (t - told >= 1) {
			report(t, since);
			told = t;
		}
	}
	report(now(), since);
}

/* First messages only, evenly, each with a fresh key: an answer costs the other side as much as an honest one. */
static void flood(void)
{
	double t = now(), since = t, told = t;
	uint64_t sent = 0;

	while (!stop && t - since < o.seconds) {
		while ((double)sent < (t - since) * o.flood) {
			struct neighbour *n = &all[sent++ % o.count];

			n->has_cookie = false;
			neighbour_begin(n, t);
		}
		usleep(1000);
		t = now();
		if (t - told >= 1) {
			report(t, since);
			told = t;
		}
	}
	report(now(), since);
}

static void address(const char *text, struct sockaddr_in *a)
{
	char host[64];
	unsigned port = 0;

	snprintf(host, sizeof(host), "%s", text);
	if (strchr(host, ':')) {
		port = (unsigned)atoi(strchr(host, ':') + 1);
		*strchr(host, ':') = '\0';
	}
	*a = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	if (inet_pton(AF_INET, host, &a->sin_addr) != 1) {
		fprintf(stderr, "neighbours: %s is no address\n", text);
		exit(2);
	}
}

static void parse(int argc, char **argv)
{
	static const struct option longs[] = {
	        {"to", 1, NULL, 't'},       {"from", 1, NULL, 'f'},    {"count", 1, NULL, 'c'},
	        {"prefixes", 1, NULL, 'p'}, {"network", 1, NULL, 'n'}, {"seconds", 1, NULL, 's'},
	        {"traffic", 1, NULL, 'T'},  {"rate", 1, NULL, 'r'},    {"flood", 1, NULL, 'F'},
	        {"mute", 0, NULL, 'm'},     {"tunnel", 1, NULL, 'u'},  {NULL, 0, NULL, 0}};
	int c;

	address("127.0.0.1:6635", &o.to);
	address("127.1.0.1", &o.from);
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		switch (c) {
		case 't':
			address(optarg, &o.to);
			break;
		case 'f':
			address(optarg, &o.from);
			break;
		case 'c':
			o.count = (unsigned)atoi(optarg);
			break;
		case 'p':
			o.prefixes = (unsigned)atoi(optarg);
			break;
		case 'n':
			o.network = (uint32_t)atoi(optarg);
			break;
		case 's':
			o.seconds = atof(optarg);
			break;
		case 'T':
			o.traffic_s = atof(optarg);
			break;
		case 'r':
			o.rate = atof(optarg);
			break;
		case 'F':
			o.flood = atof(optarg);
			break;
		case 'u':
			o.tunnels = id_parse(optarg, strlen(optarg), &o.dst) == ID_PARSE_OK;
			if (!o.tunnels)
				exit(2);
			break;
		case 'm':
			o.mute = true;
			break;
		default:
			fputs("usage: neighbours --to ADDRESS:PORT [--from ADDRESS] [--count N] "
			      "[--prefixes N] [--network N] [--seconds S]\n"
			      "                  [--rate JOINS/S] [--traffic S] [--mute] [--flood "
			      "MESSAGES/S] [--tunnel ID]\n",
			      stderr);
			exit(2);
		}
	if (o.count < 1 || o.prefixes < 1 || o.rate <= 0)
		exit(2);
}

static void on_signal(int sig)
{
	stop = 1;
}

int main(int argc, char **argv)
{
	struct rlimit files;

	parse(argc, argv);
	if (sodium_init() < 0)
		return 1;
	rng = (struct rng){.fill = random_fill};
	world = (struct neighbour_world){
	        .rng = &rng, .network = o.network, .mute = o.mute, .put = put, .packet = packet};
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	ep = epoll_create1(EPOLL_CLOEXEC);
	all = aligned_alloc(64, o.count * sizeof(*all));
	if (!all || ep < 0)
		die("memory");
	memset(all, 0, o.count * sizeof(*all));
	if (o.tunnels)
		tunnels = calloc(o.count, sizeof(*tunnels));
	for (unsigned i = 0; i < o.count; i++) {
		if (neighbour_init(&all[i], &world, open_socket(&all[i], i)) != 0)
			return 1;
	}
	if (o.flood > 0)
		flood();
	else
		run();
	return 0;
}
