/* SPDX-License-Identifier: BSD-3-Clause */
/* An outside driver of the engine that speaks raw IPv4 and TCP, as packetdrill does: addresses become peers and sums of the
 * pseudo-header. It uses the public headers alone and is the example of dataplane/tcp/README.md. */
#include "tcp/tcp.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define IPPROTO_TCP 6
#define PEER        0u

struct driver {
	struct tcp_stack *s;
	void *mem;
	uint32_t local, remote; /* IPv4 addresses */
	struct instant now;
	uint32_t waiting; /* bytes of a packet that came out while waiting, 0: none */
	uint8_t packet[2048];
};

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) << 16 | get16(p + 2);
}

/* RFC 1071; 0xffff over what carries its checksum. */
static uint16_t sum(const uint8_t *p, uint32_t len, uint32_t acc)
{
	for (uint32_t i = 0; i < len; i++)
		acc += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (acc >> 16)
		acc = (acc & 0xffff) + (acc >> 16);
	return (uint16_t)acc;
}

/* The engine adds length and protocol itself, so an IPv4 address counts by its own 16-bit sum in place of an id's. */
static uint16_t address_sum(uint32_t a)
{
	uint8_t b[4];

	put32(b, a);
	return sum(b, 4, 0);
}

static void driver_init(struct driver *d, const struct tcp_cfg *cfg)
{
	size_t size = tcp_stack_size(cfg);

	assert_true(size > 0);
	d->local = 0xc0000201; /* 192.0.2.1 and 192.0.2.2, RFC 5737 */
	d->remote = 0xc0000202;
	d->now = (struct instant){NS_PER_S};
	d->waiting = 0;
	d->mem = aligned_alloc(64, (size + 63) & ~(size_t)63);
	d->s = tcp_stack_init(d->mem, size, cfg, d->now);
	assert_non_null(d->s);
	assert_int_equal(
	        tcp_peer_set(d->s, PEER, address_sum(d->local), address_sum(d->remote), 1460), 0);
}

/* An IPv4 packet from the wire. */
static void packet_in(struct driver *d, const uint8_t *ip, uint32_t len)
{
	uint32_t head = (uint32_t)(ip[0] & 15) * 4;
	struct tcp_in in = {.seg = ip + head, .len = len - head, .peer = PEER, .ecn = ip[1] & 3};

	if (len < 20 || ip[9] != IPPROTO_TCP || get32(ip + 12) != d->remote)
		return;
	tcp_input(d->s, &in, d->now);
}

/* The next IPv4 packet for the wire; its length, 0: none. */
static uint32_t packet_out(struct driver *d, uint8_t ip[2048])
{
	struct tcp_out out;
	uint32_t n = tcp_output(d->s, d->now, ip + 20, 2048 - 20, &out);

	if (!n)
		return 0;
	memset(ip, 0, 20);
	ip[0] = 0x45;
	ip[1] = out.ecn;
	put16(ip + 2, n + 20);
	ip[8] = 64;
	ip[9] = IPPROTO_TCP;
	put32(ip + 12, d->local);
	put32(ip + 16, d->remote);
	put16(ip + 10, (uint16_t)~sum(ip, 20, 0));
	return n + 20;
}

/* The checksum as RFC 9293 3.1 has it over IPv4. */
static uint16_t tcp_sum(const uint8_t *ip, uint32_t len)
{
	return sum(ip + 20, len - 20, sum(ip + 12, 8, IPPROTO_TCP + len - 20));
}

static uint32_t build(const struct driver *d, uint8_t *ip, uint32_t seq, uint32_t ack,
                      uint8_t flags, const void *data, uint32_t n)
{
	memset(ip, 0, 40);
	ip[0] = 0x45;
	put16(ip + 2, 40 + n);
	ip[8] = 64;
	ip[9] = IPPROTO_TCP;
	put32(ip + 12, d->remote);
	put32(ip + 16, d->local);
	put16(ip + 20, 33000);
	put16(ip + 22, 8080);
	put32(ip + 24, seq);
	put32(ip + 28, ack);
	ip[32] = 0x50;
	ip[33] = flags;
	put16(ip + 34, 32792);
	memcpy(ip + 40, data, n);
	put16(ip + 36, (uint16_t)~tcp_sum(ip, 40 + n));
	return 40 + n;
}

static void expect(struct driver *d, uint8_t flags, uint32_t ack, uint32_t payload, uint32_t *seq)
{
	const uint8_t *ip = d->packet;
	uint32_t len = d->waiting ? d->waiting : packet_out(d, d->packet), off;

	d->waiting = 0;

	assert_true(len >= 40);
	off = (uint32_t)(ip[32] >> 4) * 4;
	assert_int_equal(tcp_sum(ip, len), 0xffff);
	assert_int_equal(ip[33], flags);
	assert_int_equal(get32(ip + 28), ack);
	assert_int_equal(len - 20 - off, payload);
	*seq = get32(ip + 24);
}

/* Sleeps as a driver does: from deadline to deadline, until one of them gives something to send. */
static void wait_output(struct driver *d)
{
	for (unsigned i = 0; i < 100 && !d->waiting; i++) {
		d->now = tcp_next_deadline(d->s);
		tcp_advance(d->s, d->now);
		d->waiting = packet_out(d, d->packet);
	}
}

/* What a packetdrill script of a passive open, a request and an answer does, with its figures set through struct tcp_cfg. */
static void test_request_over_ipv4(void **state)
{
	struct tcp_cfg cfg;
	struct driver d;
	uint8_t ip[2048];
	uint32_t listener, conn, iss, seq, n;
	char b[64];

	(void)state;
	tcp_cfg_default(&cfg);
	cfg.mss_default = 1460;
	cfg.initial_window = 10;
	cfg.delack_ns = 0;
	cfg.rto_min_ns = 200 * NS_PER_MS;
	driver_init(&d, &cfg);
	assert_int_equal(tcp_listen(d.s, 8080, 5, &listener), 0);
	n = build(&d, ip, 0, 0, 0x02, "", 0);
	packet_in(&d, ip, n);
	expect(&d, 0x12, 1, 0, &iss);
	n = build(&d, ip, 1, iss + 1, 0x10, "", 0);
	packet_in(&d, ip, n);
	assert_int_equal(tcp_accept(d.s, listener, &conn), 0);
	n = build(&d, ip, 1, iss + 1, 0x18, "request", 7);
	packet_in(&d, ip, n);
	expect(&d, 0x10, 8, 0, &seq);
	assert_int_equal(tcp_recv(d.s, conn, b, sizeof(b)), 7);
	assert_int_equal(tcp_send(d.s, conn, "answer", 6), 6);
	expect(&d, 0x18, 8, 6, &seq);
	assert_int_equal(seq, iss + 1);
	/* A damaged packet is counted and dropped: csum_ok was not set. */
	n = build(&d, ip, 8, iss + 7, 0x10, "", 0);
	ip[36] ^= 1;
	packet_in(&d, ip, n);
	{
		struct tcp_counters c;

		tcp_stack_counters(d.s, &c);
		assert_int_equal(c.drop_checksum, 1);
	}
	/* Unanswered, it comes again after the RTO. */
	wait_output(&d);
	expect(&d, 0x18, 8, 6, &seq);
	assert_int_equal(seq, iss + 1);
	assert_in_range(d.now.ns, NS_PER_S + 200 * NS_PER_MS, NS_PER_S + 1000 * NS_PER_MS);
	free(d.mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_request_over_ipv4)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
