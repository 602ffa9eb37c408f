/* SPDX-License-Identifier: BSD-3-Clause */
/* Two daemons' data planes in two processes, joined by one sealed link: packets circulate until their TTL ends, and every hop is accounted for.
 *
 * usage: circulate [workers [packets [bytes [rounds [memif]]]]]      (memif: a sealed Ethernet link over shared memory)
 * Each packet starts with TTL 255 and is swapped at both ends in turn, 254 times in all. Nothing may be lost unless a counter names it. */
#include "dataplane.h"
#include "wire/lse.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SWAPS_EACH 254

struct result {
	uint64_t switched, expired, lost, sleeps;
	double cpu_s;
};

static bool memif;
static unsigned workers = 2, packets = 32, bytes = 1200, rounds = 20;
static struct dataplane *dp;
static uint64_t seq[CPDP_WORKERS_MAX];

static void die(const char *what)
{
	fprintf(stderr, "circulate: %s\n", what);
	exit(1);
}

static void ignore(void *arg, const struct dp_event *ev)
{
}

static void pump(int ms)
{
	struct pollfd f = {.fd = dp_wake_fd(dp), .events = POLLIN};

	poll(&f, 1, ms);
	dp_wake_clear(dp);
	for (unsigned w = 0; w < workers; w++)
		dp_events(dp, w, 1024, ignore, NULL);
}

static void command(unsigned w, struct cp_cmd *c)
{
	c->seq = ++seq[w];
	while (dp_command(dp, w, c))
		pump(1);
}

static void settle(void)
{
	for (unsigned w = 0; w < workers; w++)
		while (dp_acked(dp, w) < seq[w])
			pump(100);
}

/* Sending lane w of side s uses this receiver index, which names worker w at the other side. */
static struct cp_cmd key(enum cp_cmd_type type, unsigned side, unsigned w)
{
	struct cp_cmd c = {.type = type};

	c.u.key = (struct cp_lane_key){.link = 1, .lane = (uint8_t)w, .alg = 1};
	c.u.key.index = (side + 1) * 16 * workers + w;
	memset(c.u.key.key, (int)(16 * side + w + 1), sizeof(c.u.key.key));
	return c;
}

static void configure(unsigned side, int fd, uint16_t remote)
{
	for (unsigned w = 0; w < workers; w++) {
		struct cp_cmd c = {.type = CMD_LINK_SET};

		c.u.link = (struct cp_link){.link = 1,
		                            .type = LINK_UDP_SOCKET,
		                            .sealed = true,
		                            .mtu = 1400,
		                            .fd = fd,
		                            .family = 4,
		                            .remote_port = remote,
		                            .remote_addr = {127, 0, 0, 1}};
		if (memif) {
			c.u.link.type = LINK_ETHERNET;
			c.u.link.port = (uint16_t)dp_port_index(dp, "wire");
		}
		command(w, &c);
		c = key(CMD_LINK_TX_KEY, side, w);
		command(w, &c);
		c = key(CMD_LINK_RX_KEY, !side, w);
		command(w, &c);
		c = (struct cp_cmd){.type = CMD_ILM_SET};
		c.u.ilm = (struct cp_ilm){.in_link = 1,
		                          .op = ILM_SWAP,
		                          .in_label = 1000 + side,
		                          .out_link = 1,
		                          .out_label = 1000 + !side,
		                          .twin_label = LABEL_NONE};
		command(w, &c);
		c = (struct cp_cmd){.type = CMD_LINK_OPEN};
		c.u.open.link = 1;
		c.u.open.on = 1;
		command(w, &c);
	}
	settle();
}

static struct result count(void)
{
	struct result r = {0};
	const char *name, *text;
	struct rusage u;
	uint64_t n;

	for (unsigned w = 0; w < workers; w++) {
		struct dp_worker_counters c;

		dp_worker_counters(dp, w, &c);
		r.switched += c.switched_packets;
		r.sleeps += c.sleeps;
	}
	for (uint32_t i = 0; dp_drop(dp, i, &name, &text, &n); i++) {
		if (strcmp(name, "ttl_expired") == 0)
			r.expired = n;
		else
			r.lost += n;
		if (n && strcmp(name, "ttl_expired") != 0)
			fprintf(stderr, "circulate: %s %lu\n", name, n);
	}
	getrusage(RUSAGE_SELF, &u);
	r.cpu_s = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	          (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
	return r;
}

static void inject(void)
{
	struct cp_cmd c = {.type = CMD_SEND};

	c.u.send.link = 1;
	c.u.send.len = (uint16_t)bytes;
	be32_store(c.u.send.data, lse_make(1001, 0, true, 255));
	for (unsigned i = 0; i < packets; i++)
		command(i % workers, &c);
	settle();
}

static void start(unsigned side, int fd, uint16_t remote)
{
	struct dp_cfg cfg = {.name = side ? "right" : "left",
	                     .workers = workers,
	                     .no_huge = true,
	                     .punt_rate = 20000};
	struct dp_port_cfg wire = {.name = "wire"};
	char err[512];

	snprintf(wire.device, sizeof(wire.device),
	         "net_memif0,role=%s,id=0,socket-abstract=yes,socket=circulate%d",
	         side ? "client" : "server", (int)(side ? getppid() : getpid()));
	cfg.ports = &wire;
	cfg.nports = memif;
	if (dp_start(&cfg, &dp, err, sizeof(err)))
		die(err);
	configure(side, fd, remote);
}

/* A shared-memory port comes up when both ends have met; a sanitizer on a busy machine takes its time. */
static void wait_up(void)
{
	uint8_t mac[6];
	uint16_t mtu;
	bool up = !memif;

	for (int i = 0; i < 3000 && !up; i++) {
		pump(10);
		dp_port_info(dp, (uint16_t)dp_port_index(dp, "wire"), &up, &mtu, mac);
	}
	if (!up)
		die("the port does not come up");
}

static int bound(uint16_t *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) ||
	    getsockname(fd, (struct sockaddr *)&a, &len))
		die("no socket");
	*port = ntohs(a.sin_port);
	return fd;
}

/* The other process: answers each byte with its counters, ends when the pipe does. */
static void right_side(int fd, uint16_t remote, int ask, int answer)
{
	struct pollfd f[2] = {{.fd = ask, .events = POLLIN}, {.events = POLLIN}};
	struct result r;
	char go = 0;

	/* a memif client tries once: the server must be there */
	if (read(ask, &go, 1) != 1)
		exit(1);
	start(1, fd, remote);
	f[1].fd = dp_wake_fd(dp);
	(void)!write(answer, &go, 1);
	for (;;) {
		poll(f, 2, -1);
		pump(0);
		if (!f[0].revents)
			continue;
		if (read(ask, &go, 1) != 1)
			break;
		r = count();
		(void)!write(answer, &r, sizeof(r));
	}
	dp_stop(dp);
	exit(0);
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct result both(int ask, int answer)
{
	struct result far, near;

	(void)!write(ask, "", 1);
	if (read(answer, &far, sizeof(far)) != sizeof(far))
		die("the other process is gone");
	near = count();
	near.switched += far.switched;
	near.expired += far.expired;
	near.lost += far.lost;
	near.sleeps += far.sleeps;
	near.cpu_s += far.cpu_s;
	return near;
}

int main(int argc, char **argv)
{
	int fd[2], ask[2], answer[2], status = 0;
	uint16_t port[2];
	struct result r = {0}, first;
	double began;
	char ready;

	workers = argc > 1 ? (unsigned)atoi(argv[1]) : workers;
	packets = argc > 2 ? (unsigned)atoi(argv[2]) : packets;
	bytes = argc > 3 ? (unsigned)atoi(argv[3]) : bytes;
	rounds = argc > 4 ? (unsigned)atoi(argv[4]) : rounds;
	memif = argc > 5 && strcmp(argv[5], "memif") == 0;
	fd[0] = bound(&port[0]);
	fd[1] = bound(&port[1]);
	if (pipe(ask) || pipe(answer))
		die("no pipe");
	if (fork() == 0) {
		close(ask[1]);
		right_side(fd[1], port[0], ask[0], answer[1]);
	}
	start(0, fd[0], port[1]);
	(void)!write(ask[1], "", 1);
	if (read(answer[0], &ready, 1) != 1)
		die("the other process did not start");
	wait_up();
	first = both(ask[1], answer[0]);
	began = now_s();
	for (unsigned i = 1; i <= rounds; i++) {
		inject();
		do {
			pump(1);
			r = both(ask[1], answer[0]);
		} while (r.expired + r.lost < (uint64_t)i * packets && now_s() - began < 60);
	}
	began = now_s() - began;
	printf("workers %u bytes %u hops %lu hops/s %.0f Gbit/s %.2f cpu_us/hop %.2f sleeps %lu "
	       "lost "
	       "%lu\n",
	       workers, bytes, r.switched, (double)r.switched / began,
	       (double)r.switched * bytes * 8 / began / 1e9,
	       (r.cpu_s - first.cpu_s) * 1e6 / (double)r.switched, r.sleeps, r.lost);
	close(ask[1]);
	wait(&status); /* one after the other: memif of DPDK 22.11 frees twice when both ends close at once */
	pump(100);
	dp_stop(dp);
	/* a packet that expired was swapped 254 times; none may go without a counter */
	return r.expired + r.lost != (uint64_t)rounds * packets ||
	       (r.lost == 0 && r.switched != r.expired * SWAPS_EACH) || status != 0;
}
