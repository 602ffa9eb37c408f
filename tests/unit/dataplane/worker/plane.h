/* SPDX-License-Identifier: BSD-3-Clause */
/* A whole data plane under test: commands with acknowledgement, events as they come, UDP sockets in the test's hand. */
#pragma once
#include "dataplane.h"

#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define EVENTS_KEPT 256
/* On a very busy machine even datagrams over the loopback arrive late (the kernel puts the delivery off), and workers get the processor
 * seldom. So long is waited, for what comes at once elsewhere. */
#define WAIT_MS 60000

struct plane {
	struct dataplane *dp;
	unsigned workers;
	uint64_t seq[CPDP_WORKERS_MAX];
	struct dp_event kept[EVENTS_KEPT];
	unsigned n;
};

static inline void plane_start(struct plane *p, struct dp_cfg *cfg)
{
	char err[512] = "";

	memset(p, 0, sizeof(*p));
	cfg->no_huge = true;
	p->workers = cfg->workers;
	if (dp_start(cfg, &p->dp, err, sizeof(err)))
		fail_msg("dp_start: %s", err);
}

static inline void plane_keep(void *arg, const struct dp_event *ev)
{
	struct plane *p = arg;

	if (p->n < EVENTS_KEPT)
		memcpy(&p->kept[p->n++], ev, dp_event_size(ev));
}

/* Waits (at most ms) for control's descriptor and takes what is there. */
static inline void plane_pump(struct plane *p, int ms)
{
	struct pollfd f = {.fd = dp_wake_fd(p->dp), .events = POLLIN};

	poll(&f, 1, ms);
	dp_wake_clear(p->dp);
	for (unsigned w = 0; w < p->workers; w++)
		dp_events(p->dp, w, 1024, plane_keep, p);
}

static inline int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Pumps until condition holds, or WAIT_MS are over. */
#define PLANE_UNTIL(p, condition)                                                         \
	for (int64_t end_ms = clock_ms() + WAIT_MS; !(condition) && clock_ms() < end_ms;) \
	plane_pump(p, 10)

/* Gives a command to one worker and waits until it has been executed. */
static inline void plane_do(struct plane *p, unsigned w, struct cp_cmd *c)
{
	c->seq = ++p->seq[w];
	while (dp_command(p->dp, w, c))
		plane_pump(p, 10);
	PLANE_UNTIL(p, dp_acked(p->dp, w) >= c->seq);
	assert_true(dp_acked(p->dp, w) >= c->seq);
}

static inline void plane_all(struct plane *p, struct cp_cmd *c)
{
	for (unsigned w = 0; w < p->workers; w++)
		plane_do(p, w, c);
}

/* Takes the first event kept of a type (and punt reason, if not 0). False: there is none. */
static inline bool plane_take(struct plane *p, enum dp_event_type type, unsigned reason,
                              struct dp_event *out)
{
	for (unsigned i = 0; i < p->n; i++) {
		if (p->kept[i].type != type || (reason && p->kept[i].u.packet.reason != reason))
			continue;
		*out = p->kept[i];
		memmove(&p->kept[i], &p->kept[i + 1], (p->n - i - 1) * sizeof(p->kept[0]));
		p->n--;
		return true;
	}
	return false;
}

/* The same of an event that is to come, within WAIT_MS. */
static inline bool plane_event(struct plane *p, enum dp_event_type type, unsigned reason,
                               struct dp_event *out)
{
	bool taken;

	memset(out, 0, sizeof(*out));
	PLANE_UNTIL(p, (taken = plane_take(p, type, reason, out)));
	return taken;
}

static inline uint64_t plane_drops(struct plane *p, const char *name)
{
	const char *n, *text;
	uint64_t count;

	for (uint32_t i = 0; dp_drop(p->dp, i, &n, &text, &count); i++)
		if (strcmp(n, name) == 0)
			return count;
	fail_msg("no drop reason %s", name);
	return 0;
}

/* Waits until a drop counter has reached a value. */
static inline void plane_dropped(struct plane *p, const char *name, uint64_t count)
{
	PLANE_UNTIL(p, plane_drops(p, name) >= count);
	assert_int_equal(plane_drops(p, name), count);
}

/* A bound UDP socket on the loopback; *port in host order. */
static inline int loop_socket(uint16_t *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static inline void loop_send(int fd, uint16_t port, const void *p, size_t len)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
	                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	                        .sin_port = htons(port)};

	assert_int_equal(sendto(fd, p, len, 0, (struct sockaddr *)&a, sizeof(a)), len);
}

static inline size_t loop_receive(int fd, void *p, size_t cap)
{
	struct pollfd f = {.fd = fd, .events = POLLIN};
	ssize_t n;

	assert_int_equal(poll(&f, 1, WAIT_MS), 1);
	n = recv(fd, p, cap, 0);
	assert_true(n > 0);
	return (size_t)n;
}

static inline struct cp_cmd udp_link(uint16_t link, uint8_t owner, int fd, uint16_t remote)
{
	struct cp_cmd c = {.type = CMD_LINK_SET};

	c.u.link = (struct cp_link){.link = link,
	                            .type = LINK_UDP_SOCKET,
	                            .sealed = true,
	                            .mtu = 1400,
	                            .owner = owner,
	                            .fd = fd,
	                            .family = remote ? 4 : 0,
	                            .remote_port = remote,
	                            .remote_addr = {127, 0, 0, 1}};
	return c;
}

static inline struct cp_cmd lane(enum cp_cmd_type type, uint16_t link, uint32_t index, uint8_t fill)
{
	struct cp_cmd c = {.type = type};

	c.u.key = (struct cp_lane_key){.link = link, .alg = 1, .index = index};
	memset(c.u.key.key, fill, sizeof(c.u.key.key));
	return c;
}

static inline struct cp_cmd open_link(uint16_t link, bool on)
{
	struct cp_cmd c = {.type = CMD_LINK_OPEN};

	c.u.open.link = link;
	c.u.open.on = on;
	return c;
}

static inline struct cp_cmd ilm(uint16_t link, uint32_t label, enum ilm_op op, uint16_t out_link,
                                uint32_t out_label)
{
	struct cp_cmd c = {.type = CMD_ILM_SET};

	c.u.ilm = (struct cp_ilm){.in_link = link,
	                          .in_label = label,
	                          .op = (uint8_t)op,
	                          .out_link = out_link,
	                          .out_label = out_label,
	                          .twin_label = LABEL_NONE};
	return c;
}

static inline struct cp_cmd packet_on(uint16_t link, const void *p, size_t len)
{
	struct cp_cmd c = {.type = CMD_SEND};

	c.u.send.link = link;
	c.u.send.len = (uint16_t)len;
	memcpy(c.u.send.data, p, len);
	return c;
}
