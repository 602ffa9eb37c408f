/* SPDX-License-Identifier: BSD-3-Clause */
/* A bundle of UDP wires between daemons under test, which can be cut, and lose, delay, reorder or duplicate by seed.
 *
 * Each wire joins two UDP sockets of this program: what end A's socket receives leaves end B's socket towards the
 * daemon behind B, and back. Commands come as lines on stdin, one answer line each:
 *   cut NAME | heal NAME | set NAME loss=P reorder=P dup=P delay=MS (one way) runs=MODE | stats NAME | quit
 * runs: what happens to all but the first datagram of those that come in one run (UDP GSO): pass | drop | cut (shortened) | flip (a bit).
 * The program ends when stdin closes, so that it never outlives the test that started it.
 */
#include "base/rng.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/udp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WIRES_MAX  32
#define BATCH      64
#define PACKET_MAX 2048
#define RUN_MAX    65536
#define HELD_FOR   3 /* a reordered packet leaves after this many later ones */

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum harm { HARM_NONE = 0, HARM_DROP, HARM_CUT, HARM_FLIP };
static const char *const harms[] = {"runs=pass", "runs=drop", "runs=cut", "runs=flip"};

/* A packet that is on its way for as long as the wire is long. */
struct late {
	STAILQ_ENTRY(late) next;
	int64_t due_ns;
	size_t len;
	uint8_t data[];
};

struct end {
	int fd;
	struct sockaddr_in daemon; /* whom this end talks to */
	uint8_t held[PACKET_MAX];
	size_t held_len;
	unsigned held_left;
	STAILQ_HEAD(, late) late; /* towards this end's daemon, in order of departure */
};

struct wire {
	char name[64];
	struct end end[2];
	bool cut;
	double loss, reorder, dup;
	int64_t delay_ns; /* one way */
	struct rng_seeded seed;
	enum harm harm; /* to members of runs but the first */
	uint64_t passed, lost, reordered, duplicated, runs;
};

struct bundle {
	struct wire wire[WIRES_MAX];
	unsigned n;
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static bool chance(struct wire *w, double p)
{
	struct rng r = rng_from_seeded(&w->seed);

	return p > 0 && (double)(rng_u64(&r) >> 11) * 0x1p-53 < p;
}

static int open_end(struct end *e, int port, int daemon_port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int size = 4 << 20;

	STAILQ_INIT(&e->late);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	e->daemon = a;
	e->daemon.sin_port = htons((uint16_t)daemon_port);
	e->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (e->fd < 0)
		return -errno;
	setsockopt(e->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(e->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (bind(e->fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return -errno;
	return 0;
}

/* NAME:PORT_A:DAEMON_A:PORT_B:DAEMON_B */
static int add_wire(struct bundle *b, const char *spec, unsigned index)
{
	struct wire *w = &b->wire[b->n];
	int pa, da, pb, db, err;

	if (b->n == WIRES_MAX ||
	    sscanf(spec, "%63[^:]:%d:%d:%d:%d", w->name, &pa, &da, &pb, &db) != 5)
		return -EINVAL;
	rng_seeded_init(&w->seed, 1 + index);
	err = open_end(&w->end[0], pa, da);
	if (!err)
		err = open_end(&w->end[1], pb, db);
	if (!err)
		b->n++;
	return err;
}

static void deliver(struct end *to, const void *data, size_t len)
{
	(void)sendto(to->fd, data, len, 0, (struct sockaddr *)&to->daemon, sizeof(to->daemon));
}

static void emit(const struct wire *w, struct end *to, const void *data, size_t len)
{
	struct late *l;

	if (!w->delay_ns && STAILQ_EMPTY(&to->late)) {
		deliver(to, data, len);
		return;
	}
	l = malloc(sizeof(*l) + len);
	if (!l)
		return;
	l->due_ns = now_ns() + w->delay_ns;
	l->len = len;
	memcpy(l->data, data, len);
	STAILQ_INSERT_TAIL(&to->late, l, next);
}

/* Lets go what has been on its way for long enough. ns until the next is due, -1: none is under way. */
static int64_t arrive(struct end *to)
{
	int64_t now = now_ns();
	struct late *l;

	while ((l = STAILQ_FIRST(&to->late)) && l->due_ns <= now) {
		deliver(to, l->data, l->len);
		STAILQ_REMOVE_HEAD(&to->late, next);
		free(l);
	}
	return l ? l->due_ns - now : -1;
}

/* ms until a packet is due, at least 1; -1: none is under way. */
static int arrivals(struct bundle *b)
{
	int64_t soonest = -1;

	for (unsigned i = 0; i < 2 * b->n; i++) {
		int64_t in = arrive(&b->wire[i / 2].end[i % 2]);

		if (in >= 0 && (soonest < 0 || in < soonest))
			soonest = in;
	}
	return soonest < 0 ? -1 : (int)(soonest / 1000000) + 1;
}

static void forward(struct wire *w, struct end *to, const void *data, size_t len)
{
	if (w->cut || chance(w, w->loss)) {
		w->lost++;
		return;
	}
	if (to->held_len == 0 && chance(w, w->reorder)) {
		memcpy(to->held, data, len);
		to->held_len = len;
		to->held_left = HELD_FOR;
		w->reordered++;
		return;
	}
	emit(w, to, data, len);
	w->passed++;
	if (chance(w, w->dup)) {
		emit(w, to, data, len);
		w->duplicated++;
	}
	if (to->held_len > 0 && --to->held_left == 0) {
		emit(w, to, to->held, to->held_len);
		to->held_len = 0;
	}
}

/* The size of each datagram in a message. */
static size_t segment_of(struct msghdr *h, size_t len)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		int v;

		memcpy(&v, CMSG_DATA(c), sizeof(v));
		if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO && v > 0)
			return (size_t)v;
	}
	return len;
}

/* One message: a datagram, or a run of them. */
static void message(struct wire *w, struct end *to, uint8_t *data, size_t len, size_t segment)
{
	w->runs += segment < len;
	for (size_t at = 0; at < len; at += segment) {
		size_t n = len - at < segment ? len - at : segment;

		if (at > 0 && w->harm == HARM_DROP) {
			w->lost++;
			continue;
		}
		if (at > 0 && w->harm == HARM_CUT)
			n -= n / 4;
		if (at > 0 && w->harm == HARM_FLIP)
			data[at + n / 2] ^= 4;
		forward(w, to, data + at, n);
	}
}

static void pump(struct wire *w, unsigned from)
{
	static uint8_t buf[BATCH][RUN_MAX];
	static char control[BATCH][CMSG_SPACE(sizeof(int))];
	struct iovec iov[BATCH];
	struct mmsghdr m[BATCH];
	int n;

	memset(m, 0, sizeof(m));
	for (unsigned i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){.iov_base = buf[i], .iov_len = RUN_MAX};
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
		m[i].msg_hdr.msg_control = control[i];
		m[i].msg_hdr.msg_controllen = sizeof(control[i]);
	}
	n = recvmmsg(w->end[from].fd, m, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++)
		message(w, &w->end[1 - from], buf[i], m[i].msg_len,
		        segment_of(&m[i].msg_hdr, m[i].msg_len));
}

static struct wire *find(struct bundle *b, const char *name)
{
	for (unsigned i = 0; i < b->n; i++)
		if (strcmp(b->wire[i].name, name) == 0)
			return &b->wire[i];
	return NULL;
}

/* From now on a run comes as one message. False: this kernel has none. */
static bool see_runs(struct wire *w)
{
	int on = 1;

	return setsockopt(w->end[0].fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on)) == 0 &&
	       setsockopt(w->end[1].fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on)) == 0;
}

static bool set_option(struct wire *w, const char *word)
{
	double v;

	for (unsigned i = 0; i < sizeof(harms) / sizeof(harms[0]); i++)
		if (strcmp(word, harms[i]) == 0) {
			w->harm = i;
			return see_runs(w);
		}
	if (sscanf(word, "delay=%lf", &v) == 1) {
		w->delay_ns = (int64_t)(v * 1e6);
		return v >= 0 && v <= 60000;
	}
	if (sscanf(word, "loss=%lf", &v) == 1)
		w->loss = v;
	else if (sscanf(word, "reorder=%lf", &v) == 1)
		w->reorder = v;
	else if (sscanf(word, "dup=%lf", &v) == 1)
		w->dup = v;
	else
		return false;
	return v >= 0 && v <= 1;
}

/* False on quit. */
static bool command(struct bundle *b, char *line)
{
	char *save = NULL, *verb = strtok_r(line, " \n", &save),
	     *name = strtok_r(NULL, " \n", &save);
	struct wire *w = name ? find(b, name) : NULL;
	bool ok = true;

	if (verb && strcmp(verb, "quit") == 0)
		return false;
	if (!verb || !w) {
		printf("error unknown wire\n");
		return true;
	}
	if (strcmp(verb, "cut") == 0)
		w->cut = true;
	else if (strcmp(verb, "heal") == 0)
		w->cut = false;
	else if (strcmp(verb, "set") == 0)
		for (char *o = strtok_r(NULL, " \n", &save); o && ok;
		     o = strtok_r(NULL, " \n", &save))
			ok = set_option(w, o);
	else
		ok = strcmp(verb, "stats") == 0;
	if (ok)
		printf("ok passed=%llu lost=%llu reordered=%llu duplicated=%llu runs=%llu\n",
		       (unsigned long long)w->passed, (unsigned long long)w->lost,
		       (unsigned long long)w->reordered, (unsigned long long)w->duplicated,
		       (unsigned long long)w->runs);
	else
		printf("error unknown command\n");
	return true;
}

static void run(struct bundle *b)
{
	struct pollfd p[2 * WIRES_MAX + 1];
	char line[256];

	p[0] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
	for (unsigned i = 0; i < 2 * b->n; i++)
		p[1 + i] = (struct pollfd){.fd = b->wire[i / 2].end[i % 2].fd, .events = POLLIN};
	for (;;) {
		if (poll(p, 2 * b->n + 1, arrivals(b)) < 0 && errno != EINTR)
			return;
		for (unsigned i = 0; i < 2 * b->n; i++)
			if (p[1 + i].revents)
				pump(&b->wire[i / 2], i % 2);
		if (p[0].revents && (!fgets(line, sizeof(line), stdin) || !command(b, line)))
			return;
	}
}

int main(int argc, char **argv)
{
	static struct bundle b;

	setvbuf(stdout, NULL, _IOLBF, 0);
	setvbuf(stdin, NULL, _IONBF, 0);
	for (int i = 1; i < argc; i++) {
		int err = add_wire(&b, argv[i], (unsigned)i);

		if (err) {
			fprintf(stderr,
			        "coyowire: %s: %s (want NAME:PORT_A:DAEMON_A:PORT_B:DAEMON_B)\n",
			        argv[i], strerror(-err));
			return 2;
		}
	}
	printf("ready\n");
	run(&b);
	return 0;
}
