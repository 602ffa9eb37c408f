/* SPDX-License-Identifier: BSD-3-Clause */
/* Many neighbours in one process: real identities and handshakes, hellos answered, and a line of JSON a second about how they fare.
 *
 * It knows the formats of common/wire and nothing of the control plane. Each neighbour has a socket of its own, on an address of
 * 127/8 or whatever --from names. With --flood it only sends first messages, as many a second as asked, and never answers. */
#include "crypto/aead.h"
#include "crypto/cookie.h"
#include "crypto/identity.h"
#include "crypto/noise.h"
#include "wire/hsmsg.h"
#include "wire/link.h"
#include "wire/linkmsg.h"
#include "wire/lse.h"
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

#define ENVELOPE  272
#define FRAME_MAX 2048
#define KEYS      3 /* receiving keys kept: newest first */
#define RETRY_S   1.0
#define REFUSED_S 5.0
#define SILENCE_S 15.0
#define TICK_S    0.01

struct options {
	struct sockaddr_in to,
	        from; /* from: the first address; neighbour i of prefix p has address + 256 p + i / prefixes */
	unsigned count, prefixes;
	uint32_t network;
	double seconds, rate, traffic_s, flood;
	bool mute; /* hellos are not answered */
};

struct rx_key {
	uint32_t index;
	struct aead_key key;
	bool used;
};

struct neighbour {
	int fd;
	struct identity me;
	struct node_id id;
	struct noise noise;
	uint8_t generation[NOISE_PSK]; /* that the newest XX has left */
	uint32_t mine, theirs;         /* handshake indices */
	uint32_t epoch;
	bool begun, wants; /* a handshake of ours is under way; there is to be one */
	uint8_t mac1[COOKIE_MAC_BYTES], cookie[COOKIE_BYTES];
	bool has_cookie;
	double again_at, heard_at, talk_at;
	bool up;
	struct rx_key rx[KEYS];
	/* The sending key in use, and one that the other side has not used yet. */
	struct aead_key tx, tx_next;
	uint32_t tx_index, tx_next_index;
	uint32_t tx_next_rx; /* its first packet makes tx_next the sending key */
	uint64_t tx_counter;
	uint64_t hello_us;
	double hello_at;
};

static struct options o = {
        .count = 1, .prefixes = 1, .network = 1, .seconds = 10, .rate = 1000, .traffic_s = 10};
static struct neighbour *all;
static int ep;
static volatile sig_atomic_t stop;
static struct rng rng;
static struct {
	uint64_t begun, complete, flaps, rekeys, refused[8], cookies, hellos_in, frames_in,
	        frames_out, bad;
} sum;

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
	sum.frames_out++;
	(void)!send(n->fd, f, len, MSG_DONTWAIT);
}

/* ---- handshakes ---- */

static void payload_of(struct neighbour *n, bool clear, unsigned grants, uint8_t *out, size_t *len)
{
	struct hs_payload p = {.tx_lanes = 1,
	                       .caps = HS_CAP_CHACHA | HS_CAP_TRANSIT,
	                       .epoch = n->epoch,
	                       .mtu = 1280};

	if (!clear)
		memcpy(p.key, n->me.ed_public, 32);
	p.nrx = (uint8_t)grants;
	if (grants) {
		memmove(&n->rx[1], &n->rx[0], (KEYS - 1) * sizeof(n->rx[0]));
		memset(&n->rx[0], 0, sizeof(n->rx[0]));
		n->rx[0].index = (uint32_t)rng_u64(&rng);
	}
	/* One key would not do for several lanes, so as many as it takes are granted and the daemon under test has one worker. */
	for (unsigned i = 0; i < grants; i++)
		p.rx[i] = n->rx[0].index;
	*len = hs_payload_write(&p, out, HS_PAYLOAD_MAX);
}

static size_t envelope(uint8_t *f, const struct link_header *head, const uint8_t *msg, size_t len,
                       size_t total)
{
	struct link_header h = *head;
	static const struct node_id nobody;

	total = hs_envelope_write(msg, len, total, f + LINK_HEADER_BYTES,
	                          FRAME_MAX - LINK_HEADER_BYTES);
	h.length = (uint16_t)total;
	link_header_put(f, &h);
	total += LINK_HEADER_BYTES;
	cookie_mac1(&nobody, f, total - HS_MACS_BYTES, f + total - HS_MACS_BYTES);
	return total;
}

static int init(struct neighbour *n, enum noise_pattern pattern, bool initiator)
{
	uint8_t prologue[HS_PROLOGUE_MAX];
	size_t len = hs_prologue(o.network, HS_CONTEXT_LINK, NULL, NULL, prologue);

	return noise_init(&n->noise, pattern, initiator, prologue, len, n->me.x_secret,
	                  n->me.x_public, NULL, &rng);
}

static void begin(struct neighbour *n, double t)
{
	uint8_t payload[HS_PAYLOAD_MAX], msg[NOISE_MESSAGE_MAX], f[FRAME_MAX];
	struct link_header h = {.type = LINK_HS1, .receiver = o.network};
	size_t len;

	n->mine = (uint32_t)rng_u64(&rng) | 1;
	n->epoch = (uint32_t)rng_u64(&rng);
	h.counter = n->mine;
	n->again_at = t + RETRY_S;
	if (init(n, NOISE_XX, true) != 0)
		return;
	payload_of(n, true, 0, payload, &len);
	if (noise_write(&n->noise, payload, len, msg, sizeof(msg), &len) != 0)
		return;
	len = envelope(f, &h, msg, len, ENVELOPE);
	memcpy(n->mac1, f + len - HS_MACS_BYTES, COOKIE_MAC_BYTES);
	if (n->has_cookie)
		cookie_mac2(n->cookie, f, len - COOKIE_MAC_BYTES, f + len - COOKIE_MAC_BYTES);
	n->begun = true;
	sum.begun++;
	put(n, f, len);
}

/* Both secrets exist: rx[0] opens, tx seals under the index that the other side granted. */
static void keys(struct neighbour *n, const struct hs_payload *remote, struct aead_key *tx)
{
	uint8_t a[32], b[32], lane[32];

	noise_split(&n->noise, a, b);
	noise_lane_key(b, 0, lane);
	if (aead_key_init(&n->rx[0].key, AEAD_CHACHA20_POLY1305, lane) != 0)
		abort();
	noise_lane_key(a, 0, lane);
	if (aead_key_init(tx, AEAD_CHACHA20_POLY1305, lane) != 0)
		abort();
}

static void hello(struct neighbour *n, bool reply, double t)
{
	struct linkmsg_hello m = {.sent_us = (uint64_t)(t * 1e6),
	                          .echo_us = n->hello_us,
	                          .epoch = n->epoch,
	                          .mtu = 1280};
	struct link_header h = {
	        .type = LINK_DATA, .receiver = n->tx_index, .counter = n->tx_counter++};
	uint8_t body[256], f[LINK_HEADER_BYTES + sizeof(body) + AEAD_TAG_BYTES];
	struct wr w = wr_init(body, sizeof(body));
	struct aead_op op;

	m.id = n->id;
	m.flags = reply ? HELLO_FLAG_REPLY_WANTED : 0;
	m.held_us = n->hello_us ? (uint32_t)((t - n->hello_at) * 1e6) : 0;
	control_stack_write(&w, UINT32_MAX, 1);
	ach_write(&w, ACH_LINKLOCAL);
	linkmsg_hello_write(&w, &m);
	h.length = (uint16_t)(wr_len(&w) + AEAD_TAG_BYTES);
	link_header_put(f, &h);
	op = (struct aead_op){.in = body,
	                      .out = f + LINK_HEADER_BYTES,
	                      .aad = f,
	                      .counter = h.counter,
	                      .len = (uint32_t)wr_len(&w),
	                      .aad_len = LINK_HEADER_BYTES};
	aead_seal_burst(&n->tx, &op, 1);
	put(n, f, LINK_HEADER_BYTES + h.length);
}

static bool read_next(struct neighbour *n, const struct hs_envelope *e, struct hs_payload *remote)
{
	uint8_t payload[NOISE_MESSAGE_MAX];
	size_t len;

	return e->noise_len <= sizeof(payload) &&
	       noise_read(&n->noise, e->noise, e->noise_len, payload, &len) == 0 &&
	       hs_payload_read(payload, len, remote);
}

static void second(struct neighbour *n, const struct link_header *h, const struct hs_envelope *e,
                   double t)
{
	uint8_t payload[HS_PAYLOAD_MAX], msg[NOISE_MESSAGE_MAX], f[FRAME_MAX];
	struct link_header out = {
	        .type = LINK_HS3, .receiver = (uint32_t)h->counter, .counter = n->mine};
	struct hs_payload remote;
	size_t len;

	if (!n->begun || h->receiver != n->mine || !read_next(n, e, &remote) || remote.nrx < 1) {
		sum.bad++;
		return;
	}
	n->begun = false;
	payload_of(n, false, remote.tx_lanes, payload, &len);
	if (noise_write(&n->noise, payload, len, msg, sizeof(msg), &len) != 0)
		return;
	keys(n, &remote, &n->tx);
	noise_generation(&n->noise, n->generation);
	n->tx_index = remote.rx[0];
	n->tx_counter = 0;
	put(n, f, envelope(f, &out, msg, len, 0));
	sum.complete++;
	n->again_at = t + RETRY_S;
	n->heard_at = t;
}

static bool read_ik(struct neighbour *n, const struct hs_envelope *e, struct hs_payload *remote)
{
	noise_set_psk(&n->noise, n->generation);
	return read_next(n, e, remote);
}

/* The daemon renews its keys: IK, which this side answers. */
static void first(struct neighbour *n, const struct link_header *h, const struct hs_envelope *e)
{
	uint8_t payload[HS_PAYLOAD_MAX], msg[NOISE_MESSAGE_MAX], f[FRAME_MAX];
	struct link_header out = {.type = LINK_HS2,
	                          .flags = LINK_FLAG_IK,
	                          .receiver = (uint32_t)h->counter,
	                          .counter = rng_u64(&rng) & 0xffffffff};
	struct hs_payload remote;
	size_t len;

	if (!(h->flags & LINK_FLAG_IK) || n->begun || init(n, NOISE_IK, false) != 0 ||
	    noise_read_static(&n->noise, e->noise, e->noise_len) != 0 || !read_ik(n, e, &remote)) {
		sum.bad++;
		return;
	}
	payload_of(n, false, remote.tx_lanes, payload, &len);
	if (noise_write(&n->noise, payload, len, msg, sizeof(msg), &len) != 0)
		return;
	keys(n, &remote, &n->tx_next);
	n->tx_next_index = remote.rx[0];
	n->tx_next_rx = n->rx[0].index;
	put(n, f, envelope(f, &out, msg, len, 0));
}

static void refused(struct neighbour *n, const uint8_t *f, const struct link_header *h, double t)
{
	struct link_refused r;
	uint8_t mac[COOKIE_MAC_BYTES];

	cookie_refusal_mac(n->mac1, f, LINK_HEADER_BYTES + LINK_REFUSED_MAC, mac);
	if (h->receiver != n->mine || !link_refused_get(f + LINK_HEADER_BYTES, h->length, &r) ||
	    !cookie_mac_equal(mac, f + LINK_HEADER_BYTES + LINK_REFUSED_MAC)) {
		sum.bad++;
		return;
	}
	sum.refused[r.reason & 7]++;
	n->begun = false;
	n->again_at = t + REFUSED_S;
}

static void cookie(struct neighbour *n, const uint8_t *f, const struct link_header *h, double t)
{
	static const struct node_id nobody;

	if (h->length < COOKIE_REPLY_BYTES ||
	    cookie_open(&nobody, n->mac1, f + LINK_HEADER_BYTES, n->cookie) != 0)
		return;
	sum.cookies++;
	n->has_cookie = true;
	n->again_at = t;
}

/* ---- data ---- */

static void came_up(struct neighbour *n, double t)
{
	if (!n->up) {
		n->up = true;
		n->talk_at = t + o.traffic_s * (double)rng_below(&rng, 1000) / 1000;
	}
}

static void took_effect(struct neighbour *n, const struct rx_key *k)
{
	if (n->tx_next_rx != k->index || k->used)
		return;
	n->tx = n->tx_next;
	n->tx_index = n->tx_next_index;
	n->tx_counter = 0;
	n->tx_next_rx = 0;
	sum.rekeys++;
}

static void local(struct neighbour *n, struct rd *r, double t)
{
	struct linkmsg_head h;
	struct linkmsg_hello m;
	struct rd body;

	while (rd_left(r) > 0 && linkmsg_next(r, &h, &body))
		if (h.type == LINKMSG_HELLO && linkmsg_hello_read(&body, &m)) {
			sum.hellos_in++;
			n->hello_us = m.sent_us;
			n->hello_at = t;
			if ((m.flags & HELLO_FLAG_REPLY_WANTED) && !o.mute)
				hello(n, false, t);
		}
}

static void data(struct neighbour *n, uint8_t *f, const struct link_header *h, double t)
{
	struct aead_op op = {.in = f + LINK_HEADER_BYTES,
	                     .out = f + LINK_HEADER_BYTES,
	                     .aad = f,
	                     .counter = h->counter,
	                     .len = h->length,
	                     .aad_len = LINK_HEADER_BYTES};
	struct rd r;
	uint32_t label;
	uint8_t ttl;

	for (unsigned i = 0; i < KEYS; i++) {
		if (n->rx[i].index != h->receiver || h->length < AEAD_TAG_BYTES)
			continue;
		aead_open_burst(&n->rx[i].key, &op, 1);
		if (!op.ok)
			break;
		n->heard_at = t;
		took_effect(n, &n->rx[i]);
		n->rx[i].used = true;
		came_up(n, t);
		r = rd_init(f + LINK_HEADER_BYTES, h->length - AEAD_TAG_BYTES);
		if (control_stack_read(&r, &label, &ttl) && ach_read(&r) == ACH_LINKLOCAL)
			local(n, &r, t);
		return;
	}
	sum.bad++;
}

static void receive(struct neighbour *n, double t)
{
	uint8_t f[FRAME_MAX];
	struct link_header h;
	struct hs_envelope e;
	ssize_t len;

	while ((len = recv(n->fd, f, sizeof(f), MSG_DONTWAIT)) > 0) {
		sum.frames_in++;
		if (!link_header_get(f, (size_t)len, &h))
			sum.bad++;
		else if (h.type == LINK_DATA)
			data(n, f, &h, t);
		else if (h.type == LINK_REFUSED)
			refused(n, f, &h, t);
		else if (h.type == LINK_COOKIE)
			cookie(n, f, &h, t);
		else if (!hs_envelope_read(f + LINK_HEADER_BYTES, h.length, &e))
			sum.bad++;
		else if (h.type == LINK_HS2)
			second(n, &h, &e, t);
		else if (h.type == LINK_HS1)
			first(n, &h, &e);
	}
}

/* ---- the course ---- */

static void step(struct neighbour *n, double t)
{
	if (n->up && t - n->heard_at > SILENCE_S) {
		n->up = false;
		sum.flaps++;
	}
	if (!n->up && n->wants && t >= n->again_at)
		begin(n, t);
	if (n->up && o.traffic_s > 0 && t >= n->talk_at && !o.mute) {
		hello(n, true, t);
		n->talk_at = t + o.traffic_s;
	}
}

static void report(double t, double since)
{
	unsigned up = 0;

	for (unsigned i = 0; i < o.count; i++)
		up += all[i].up;
	printf("{\"t\":%.1f,\"count\":%u,\"up\":%u,\"begun\":%llu,\"complete\":%llu,\"flaps\":%llu,"
	       "\"rekeys\":%llu,\"cookies\":%llu,\"hellos\":%llu,"
	       "\"frames_in\":%llu,\"frames_out\":%llu,\"bad\":%llu,\"refused\":{\"network\":%llu,"
	       "\"not_accepted\":%llu,\"full\":%llu,\"busy\":%llu,"
	       "\"use_xx\":%llu,\"yourself\":%llu}}\n",
	       t - since, o.count, up, (unsigned long long)sum.begun,
	       (unsigned long long)sum.complete, (unsigned long long)sum.flaps,
	       (unsigned long long)sum.rekeys, (unsigned long long)sum.cookies,
	       (unsigned long long)sum.hellos_in, (unsigned long long)sum.frames_in,
	       (unsigned long long)sum.frames_out, (unsigned long long)sum.bad,
	       (unsigned long long)sum.refused[1], (unsigned long long)sum.refused[2],
	       (unsigned long long)sum.refused[3], (unsigned long long)sum.refused[4],
	       (unsigned long long)sum.refused[5], (unsigned long long)sum.refused[6]);
	fflush(stdout);
}

static void open_socket(struct neighbour *n, unsigned i)
{
	struct sockaddr_in a = o.from;
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = n};

	a.sin_port = 0;
	a.sin_addr.s_addr =
	        htonl(ntohl(a.sin_addr.s_addr) + 256 * (i % o.prefixes) + i / o.prefixes % 250);
	n->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (n->fd < 0 || bind(n->fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    connect(n->fd, (struct sockaddr *)&o.to, sizeof(o.to)) != 0)
		die("socket");
	if (epoll_ctl(ep, EPOLL_CTL_ADD, n->fd, &ev) != 0)
		die("epoll");
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
			begin(n, t);
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
	        {"mute", 0, NULL, 'm'},     {NULL, 0, NULL, 0}};
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
		case 'm':
			o.mute = true;
			break;
		default:
			fputs("usage: neighbours --to ADDRESS:PORT [--from ADDRESS] [--count N] "
			      "[--prefixes N] [--network N] [--seconds S]\n"
			      "                  [--rate JOINS/S] [--traffic S] [--mute] [--flood "
			      "MESSAGES/S]\n",
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
	for (unsigned i = 0; i < o.count; i++) {
		if (identity_generate(&all[i].me, &rng) != 0)
			return 1;
		all[i].id = all[i].me.id;
		open_socket(&all[i], i);
	}
	if (o.flood > 0)
		flood();
	else
		run();
	return 0;
}
