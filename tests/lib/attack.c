/* SPDX-License-Identifier: BSD-3-Clause */
/* What all attacks need: time, sockets, pacing, batches. */
#include "attack.h"

#include "wire/lspmsg.h"
#include "wire/routed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BEHIND_S 0.02 /* more than this is not caught up */

volatile sig_atomic_t attack_stop;

double attack_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double attack_cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void attack_die(const char *what)
{
	fprintf(stderr, "attacker: %s: %s\n", what, strerror(errno));
	exit(1);
}

int attack_socket(const struct sockaddr_in *at, bool pktinfo)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), one = 1, bytes = 4 << 20;

	if (fd < 0 || bind(fd, (const struct sockaddr *)at, sizeof(*at)) != 0)
		attack_die("socket");
	if (pktinfo && setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one)) != 0)
		attack_die("IP_PKTINFO");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	return fd;
}

void pace_begin(struct pace *p, double rate, double t)
{
	*p = (struct pace){.rate = rate, .last = t};
}

unsigned pace_due(struct pace *p, double t)
{
	double most = p->rate * BEHIND_S + 1;
	unsigned due;

	p->owed += (t - p->last) * p->rate;
	p->last = t;
	if (p->owed > most)
		p->owed = most;
	due = (unsigned)p->owed;
	p->owed -= due;
	return due;
}

uint8_t *batch_frame(struct batch *b)
{
	return b->frame[b->n];
}

void batch_add(struct batch *b, size_t len, const struct sockaddr_in *to,
               const struct in_addr *from)
{
	b->len[b->n] = len;
	b->to[b->n] = *to;
	b->has_from[b->n] = from != NULL;
	if (from)
		b->from[b->n] = *from;
	if (++b->n == ATTACK_BATCH)
		batch_flush(b);
}

void batch_flush(struct batch *b)
{
	union {
		struct cmsghdr head;
		uint8_t bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
	} control[ATTACK_BATCH];
	struct mmsghdr m[ATTACK_BATCH];
	struct iovec v[ATTACK_BATCH];
	unsigned done = 0;

	memset(m, 0, b->n * sizeof(m[0]));
	for (unsigned i = 0; i < b->n; i++) {
		v[i] = (struct iovec){.iov_base = b->frame[i], .iov_len = b->len[i]};
		m[i].msg_hdr = (struct msghdr){.msg_name = &b->to[i],
		                               .msg_namelen = sizeof(b->to[i]),
		                               .msg_iov = &v[i],
		                               .msg_iovlen = 1};
		b->bytes += b->len[i];
		if (!b->has_from[i])
			continue;
		memset(&control[i], 0, sizeof(control[i]));
		control[i].head.cmsg_level = IPPROTO_IP;
		control[i].head.cmsg_type = IP_PKTINFO;
		control[i].head.cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
		memcpy(CMSG_DATA(&control[i].head),
		       &(struct in_pktinfo){.ipi_spec_dst = b->from[i]}, sizeof(struct in_pktinfo));
		m[i].msg_hdr.msg_control = &control[i];
		m[i].msg_hdr.msg_controllen = sizeof(control[i].bytes);
	}
	while (done < b->n) {
		int r = sendmmsg(b->fd, m + done, b->n - done, 0);

		/* A refusal that ICMP told of belongs to an earlier one. */
		if (r < 0 && errno != EINTR && errno != ECONNREFUSED)
			attack_die("sendmmsg");
		done += r > 0 ? (unsigned)r : 0;
	}
	b->sent += b->n;
	b->n = 0;
}

size_t attack_setup(const struct attack *a, const struct node_id *src, struct setup_msg *s,
                    uint8_t *p, size_t cap)
{
	const struct route_ext e = {.next = NEXT_SETUP, .mode = ROUTE_GREEDY};
	struct routed_header h = {
	        .next = NEXT_ROUTE, .hop_limit = ROUTED_HOP_LIMIT, .src = *src, .dst = a->o.dst};
	struct wr w = wr_init(p, cap), at;

	s->hops = s->nrecord = 1;
	s->record[0] = id_tag(src);
	control_stack_write(&w, UINT32_MAX, TTL_START);
	ach_write(&w, ACH_ROUTED);
	at = w;
	routed_header_write(&w, &h);
	route_ext_write(&w, &e);
	setup_write(&w, s);
	if (!wr_ok(&w))
		abort();
	h.length = (uint16_t)(wr_len(&w) - wr_len(&at) - ROUTED_HEADER_BYTES);
	routed_header_write(&at, &h);
	return wr_len(&w);
}
