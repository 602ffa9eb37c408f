/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv6 headers read as far as ports, and ICMPv6 errors made. */
#include "session/tun_packet.h"
#include "base/be.h"

#define HOP_BY_HOP  0
#define ROUTING     43
#define FRAGMENT    44
#define DESTINATION 60
#define HEADERS_MAX 8 /* extension headers in a row */

#define ICMP6_BYTES 8

static bool is_extension(uint8_t next)
{
	return next == HOP_BY_HOP || next == ROUTING || next == FRAGMENT || next == DESTINATION;
}

/* Steps over extension headers. *at: where the transport header begins. False: cut short, or too many. */
static bool skip_extensions(const uint8_t *p, size_t n, size_t *at, struct tun_packet *out)
{
	uint8_t next = p[6];

	*at = IP6_HEADER_BYTES;
	for (unsigned i = 0; is_extension(next); i++) {
		size_t len;

		if (i == HEADERS_MAX || n - *at < 8)
			return false;
		len = next == FRAGMENT ? 8 : 8 + 8 * (size_t)p[*at + 1];
		if (len > n - *at)
			return false;
		if (next == FRAGMENT) {
			uint16_t where = be16_load(p + *at + 2);

			/* One that is the whole packet is as good as none (RFC 6946). */
			out->fragment = (where & 0xfff9) != 0;
			out->id = be32_load(p + *at + 4);
			if (where >> 3) {
				out->protocol = p[*at];
				out->kind = TUN_FRAGMENT;
				return true;
			}
		}
		next = p[*at];
		*at += len;
	}
	out->protocol = next;
	return true;
}

static void read_ports(const uint8_t *t, size_t n, struct tun_packet *out)
{
	if (n < 4)
		return;
	out->kind = TUN_FLOW;
	out->from = be16_load(t);
	out->to = be16_load(t + 2);
}

static void read_packet(const uint8_t *p, size_t n, bool within, struct tun_packet *out);

static void read_icmp(const uint8_t *t, size_t n, bool within, struct tun_packet *out)
{
	if (n < ICMP6_BYTES)
		return;
	out->icmp = t[0];
	if (t[0] == ICMP6_ECHO || t[0] == ICMP6_ECHO_REPLY) {
		out->kind = TUN_FLOW;
		out->from = be16_load(t + 4);
		return;
	}
	if (t[0] > ICMP6_ERRORS) {
		out->kind = TUN_OTHER_ICMP;
	} else if (!within) {
		struct tun_packet in;

		/* What is within may be cut short, so its length is not looked at. */
		read_packet(t + ICMP6_BYTES, n - ICMP6_BYTES, true, &in);
		if (in.kind == TUN_FLOW || in.kind == TUN_FRAGMENT) {
			*out = in;
			out->kind = TUN_ERROR;
		}
	}
}

static void read_packet(const uint8_t *p, size_t n, bool within, struct tun_packet *out)
{
	size_t at;

	*out = (struct tun_packet){.kind = TUN_MALFORMED};
	if (n < IP6_HEADER_BYTES || p[0] >> 4 != 6)
		return;
	out->source = p + 8;
	out->dest = p + 24;
	if (!skip_extensions(p, n, &at, out) || out->kind == TUN_FRAGMENT)
		return;
	if (out->protocol == IP6_NEXT_TCP || out->protocol == IP6_NEXT_UDP)
		read_ports(p + at, n - at, out);
	else if (out->protocol == IP6_NEXT_ICMP)
		read_icmp(p + at, n - at, within, out);
	else
		out->kind = TUN_FLOW;
}

void tun_packet_read(const uint8_t *p, size_t n, struct tun_packet *out)
{
	read_packet(p, n, false, out);
}

/* The Internet checksum of ICMPv6 with its pseudo-header (RFC 4443, section 2.3). */
static uint16_t checksum(const uint8_t *packet, size_t n)
{
	uint64_t sum = (n - IP6_HEADER_BYTES) + IP6_NEXT_ICMP;

	for (size_t i = 8; i + 1 < n; i += 2)
		sum += be16_load(packet + i);
	if (n & 1)
		sum += (uint32_t)packet[n - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

size_t tun_answer(uint8_t out[TUN_ANSWER_MAX], uint8_t type, uint8_t code, uint32_t value,
                  const uint8_t source[IP6_ADDR_BYTES], const uint8_t *p, size_t n)
{
	const size_t head = IP6_HEADER_BYTES + ICMP6_BYTES;
	struct tun_packet k;
	size_t part;

	tun_packet_read(p, n, &k);
	if (k.kind == TUN_MALFORMED || k.kind == TUN_ERROR ||
	    (k.protocol == IP6_NEXT_ICMP && k.icmp && k.icmp <= ICMP6_ERRORS) ||
	    (k.kind == TUN_FRAGMENT && type != ICMP6_TOO_BIG))
		return 0;
	part = n < TUN_ANSWER_MAX - head ? n : TUN_ANSWER_MAX - head;
	memset(out, 0, head);
	out[0] = 0x60;
	be16_store(out + 4, (uint16_t)(ICMP6_BYTES + part));
	out[6] = IP6_NEXT_ICMP;
	out[7] = 64;
	memcpy(out + 8, source, IP6_ADDR_BYTES);
	memcpy(out + 24, p + 8, IP6_ADDR_BYTES);
	out[IP6_HEADER_BYTES] = type;
	out[IP6_HEADER_BYTES + 1] = code;
	be32_store(out + IP6_HEADER_BYTES + 4, value);
	memcpy(out + head, p, part);
	be16_store(out + IP6_HEADER_BYTES + 2, checksum(out, head + part));
	return head + part;
}
