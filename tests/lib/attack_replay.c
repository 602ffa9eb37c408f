/* SPDX-License-Identifier: BSD-3-Clause */
/* A wire between two daemons that keeps each handshake frame which crosses it, and sends them again from other addresses to whom they were
 * meant for. Commands come as lines on stdin: rate N. */
#include "attack.h"

#include "wire/link.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORDED_MAX 4096
#define RECORDED_LEN 512
#define ADDRESSES    1000 /* that replays come from, in four prefixes */

struct recorded {
	uint8_t end; /* whose daemon it goes to */
	uint16_t len;
	uint8_t frame[RECORDED_LEN];
};

struct wire {
	struct attack *a;
	struct batch out[2]; /* own sockets: what end 0's daemon sends leaves socket 1, and back */
	struct sockaddr_in daemon[2];
	struct batch replay;
	struct recorded recorded[RECORDED_MAX];
	unsigned n; /* recorded */
	uint64_t seen, first_ik, next, passed, answers, bytes_back;
	struct pace pace;
};

static void record(struct wire *w, unsigned to, const uint8_t *f, size_t len)
{
	struct link_header h;
	struct recorded *r;

	if (!link_header_get(f, len, &h) || h.type == LINK_DATA || len > RECORDED_LEN)
		return;
	w->seen++;
	w->first_ik += h.type == LINK_HS1 && h.flags & LINK_FLAG_IK;
	if (w->n == RECORDED_MAX)
		return;
	r = &w->recorded[w->n++];
	r->end = (uint8_t)to;
	r->len = (uint16_t)len;
	memcpy(r->frame, f, len);
}

static void pass(struct wire *w, unsigned from)
{
	struct batch *b = &w->out[!from];
	struct mmsghdr m[ATTACK_BATCH];
	struct iovec v[ATTACK_BATCH];
	int got;

	memset(m, 0, sizeof(m));
	for (unsigned i = 0; i < ATTACK_BATCH; i++) {
		v[i] = (struct iovec){.iov_base = b->frame[i], .iov_len = ATTACK_FRAME_MAX};
		m[i].msg_hdr = (struct msghdr){.msg_iov = &v[i], .msg_iovlen = 1};
	}
	got = recvmmsg(w->out[from].fd, m, ATTACK_BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < got; i++) {
		record(w, !from, b->frame[i], m[i].msg_len);
		w->passed++;
		batch_add(b, m[i].msg_len, &w->daemon[!from], NULL);
	}
	batch_flush(b);
}

static void replay_one(struct wire *w)
{
	const struct recorded *r = &w->recorded[w->next % w->n];
	uint32_t base = ntohl(w->a->o.from.sin_addr.s_addr), k = (uint32_t)(w->next % ADDRESSES);
	struct in_addr from = {htonl(base + 256 * (k % 4) + k / 4)};

	w->next++;
	memcpy(batch_frame(&w->replay), r->frame, r->len);
	batch_add(&w->replay, r->len, &w->daemon[r->end], &from);
}

static void answers(struct wire *w)
{
	uint8_t f[ATTACK_FRAME_MAX];
	ssize_t len;

	while ((len = recv(w->replay.fd, f, sizeof(f), MSG_DONTWAIT)) > 0) {
		w->answers++;
		w->bytes_back += (uint64_t)len;
	}
}

/* False: whoever commands is gone. */
static bool command(struct wire *w, double t)
{
	char line[64];
	ssize_t len = read(0, line, sizeof(line) - 1);
	double rate;

	if (len <= 0)
		return false;
	line[len] = '\0';
	if (sscanf(line, "rate %lf", &rate) == 1)
		pace_begin(&w->pace, rate, t);
	return true;
}

static void report(struct wire *w, double t)
{
	printf("{\"t\":%.1f,\"passed\":%llu,\"recorded\":%u,\"handshake_frames\":%llu,\"first_ik\":"
	       "%llu,\"replayed\":%llu,"
	       "\"bytes_out\":%llu,\"answers\":%llu,\"bytes_in\":%llu,\"cpu_s\":%.2f}\n",
	       t - w->a->since, (unsigned long long)w->passed, w->n, (unsigned long long)w->seen,
	       (unsigned long long)w->first_ik, (unsigned long long)w->replay.sent,
	       (unsigned long long)w->replay.bytes, (unsigned long long)w->answers,
	       (unsigned long long)w->bytes_back, attack_cpu());
	fflush(stdout);
}

static struct sockaddr_in port_at_home(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
	                            .sin_port = htons(port),
	                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

void attack_replay(struct attack *a)
{
	static struct wire w;
	struct sockaddr_in any = {.sin_family = AF_INET}, own;
	struct pollfd p[3] = {{.fd = 0, .events = POLLIN}, {.events = POLLIN}, {.events = POLLIN}};
	double t = attack_now(), told = t;

	w.a = a;
	for (unsigned i = 0; i < 2; i++) {
		own = port_at_home(a->o.wire[2 * i]);
		w.daemon[i] = port_at_home(a->o.wire[2 * i + 1]);
		w.out[i].fd = p[1 + i].fd = attack_socket(&own, false);
	}
	w.replay.fd = attack_socket(&any, true);
	while (!attack_stop && t - a->since < a->o.seconds) {
		(void)poll(p, 3, 1);
		t = attack_now();
		if (p[0].revents && !command(&w, t))
			return;
		for (unsigned i = 0; i < 2; i++)
			if (p[1 + i].revents)
				pass(&w, i);
		answers(&w);
		for (unsigned due = w.n ? pace_due(&w.pace, t) : 0; due > 0; due--)
			replay_one(&w);
		batch_flush(&w.replay);
		if (t - told >= 0.5) {
			report(&w, t);
			told = t;
		}
	}
}
