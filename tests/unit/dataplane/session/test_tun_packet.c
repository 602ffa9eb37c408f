/* SPDX-License-Identifier: BSD-3-Clause */
/* What the TUN reads of packets, with every cut and every header, and the ICMPv6 messages that it makes. */
#include "session/tun_packet.h"
#include "base/be.h"
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t me[IP6_ADDR_BYTES] = {0xfd, 1}, other[IP6_ADDR_BYTES] = {0xfd, 2};

/* A packet with these bytes behind its header. */
static size_t make(uint8_t *p, uint8_t next, const void *rest, size_t n)
{
	memset(p, 0, IP6_HEADER_BYTES);
	p[0] = 0x60;
	be16_store(p + 4, (uint16_t)n);
	p[6] = next;
	memcpy(p + 8, me, sizeof(me));
	memcpy(p + 24, other, sizeof(other));
	memcpy(p + IP6_HEADER_BYTES, rest, n);
	return IP6_HEADER_BYTES + n;
}

/* Reads a copy that ends where the packet does, so that a sanitizer sees a byte too many. */
static struct tun_packet look(const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);
	struct tun_packet k;

	memcpy(copy, p, n);
	tun_packet_read(copy, n, &k);
	free(copy);
	return k;
}

static void test_ports(void **state)
{
	static const uint8_t ports[] = {0x12, 0x34, 0x00, 0x50, 1, 2, 3, 4};
	uint8_t p[200];
	struct tun_packet k = look(p, make(p, IP6_NEXT_TCP, ports, 8));

	assert_true(k.kind == TUN_FLOW && k.protocol == 6 && k.from == 0x1234 && k.to == 80);
	k = look(p, make(p, IP6_NEXT_UDP, ports, 4));
	assert_true(k.kind == TUN_FLOW && k.protocol == 17 && k.to == 80 && !k.fragment);
	k = look(p, make(p, IP6_NEXT_UDP, ports, 3));
	assert_int_equal(k.kind, TUN_MALFORMED);
	k = look(p, make(p, 132, ports, 8)); /* ports of SCTP are not looked at */
	assert_true(k.kind == TUN_FLOW && k.protocol == 132 && k.to == 0);
	k = look(p, 39);
	assert_int_equal(k.kind, TUN_MALFORMED);
	p[0] = 0x45;
	k = look(p, 48);
	assert_int_equal(k.kind, TUN_MALFORMED);
}

static void test_extension_headers(void **state)
{
	uint8_t rest[100] = {60, 1}, p[200];
	struct tun_packet k;

	/* Hop-by-hop of 16 bytes, destination options of 8, UDP. */
	rest[16] = IP6_NEXT_UDP;
	be16_store(rest + 24, 7);
	be16_store(rest + 26, 53);
	k = look(p, make(p, 0, rest, 32));
	assert_true(k.kind == TUN_FLOW && k.protocol == 17 && k.from == 7 && k.to == 53);
	for (size_t n = 0; n < 28; n++)
		assert_int_equal(look(p, make(p, 0, rest, n)).kind, TUN_MALFORMED);
	rest[1] = 255; /* longer than the packet */
	assert_int_equal(look(p, make(p, 0, rest, 32)).kind, TUN_MALFORMED);
	/* More headers than anybody needs. */
	memset(rest, 0, sizeof(rest));
	for (unsigned i = 0; i < 9; i++)
		rest[8 * i] = 60;
	assert_int_equal(look(p, make(p, 60, rest, 100)).kind, TUN_MALFORMED);
}

static void test_fragments(void **state)
{
	uint8_t rest[16] = {IP6_NEXT_UDP, 0, 0, 1, 0xa, 0xb, 0xc, 0xd, 0, 7, 0, 53}, p[200];
	struct tun_packet k = look(p, make(p, 44, rest, 16));

	assert_true(k.kind == TUN_FLOW && k.fragment && k.id == 0x0a0b0c0d && k.to == 53);
	be16_store(rest + 2, 8 * 10);
	k = look(p, make(p, 44, rest, 16));
	assert_true(k.kind == TUN_FRAGMENT && k.fragment && k.id == 0x0a0b0c0d && k.to == 0);
	be16_store(rest + 2, 0); /* the first and the last: the whole packet */
	k = look(p, make(p, 44, rest, 16));
	assert_true(k.kind == TUN_FLOW && !k.fragment);
}

static void test_icmp(void **state)
{
	uint8_t echo[] = {128, 0, 0, 0, 0x77, 0x88, 0, 1}, in[200], p[400], error[300] = {2};
	static const uint8_t ports[] = {0x12, 0x34, 0x00, 0x50, 1, 2, 3, 4};
	struct tun_packet k = look(p, make(p, IP6_NEXT_ICMP, echo, 8));
	size_t n;

	assert_true(k.kind == TUN_FLOW && k.icmp == ICMP6_ECHO && k.from == 0x7788 && k.to == 0);
	assert_int_equal(look(p, make(p, IP6_NEXT_ICMP, echo, 7)).kind, TUN_MALFORMED);
	echo[0] = 135; /* neighbour solicitation */
	assert_int_equal(look(p, make(p, IP6_NEXT_ICMP, echo, 8)).kind, TUN_OTHER_ICMP);
	/* An error is about the packet in it, whose length says more than is there. */
	n = make(in, IP6_NEXT_TCP, ports, 8);
	be16_store(in + 4, 1400);
	memcpy(error + 8, in, n);
	make(p, IP6_NEXT_ICMP, error, 8 + n);
	tun_packet_read(p, 40 + 8 + n, &k);
	assert_true(k.kind == TUN_ERROR && k.protocol == 6 && k.from == 0x1234 && k.to == 80);
	assert_memory_equal(k.dest, other, 16);
	assert_ptr_equal(k.dest, p + 48 + 24);
	/* An error about an error is none. */
	n = make(in, IP6_NEXT_ICMP, error, 60);
	memcpy(error + 8, in, n);
	assert_int_equal(look(p, make(p, IP6_NEXT_ICMP, error, 8 + n)).kind, TUN_MALFORMED);
}

/* The sum as RFC 1071 words it, over the pseudo-header of RFC 8200: 0 when it is right. */
static uint16_t sum(const uint8_t *p, size_t n)
{
	uint32_t s = 58 + (uint32_t)(n - 40);

	for (size_t i = 8; i < n; i++)
		s += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)(s ^ 0xffff);
}

static void test_answers(void **state)
{
	static const uint8_t from[IP6_ADDR_BYTES] = {0xfd, 9};
	static uint8_t p[1500], rest[1460], out[TUN_ANSWER_MAX];
	struct tun_packet k;

	memset(rest, 0xe7, sizeof(rest));
	for (size_t n = 8; n <= 1460; n += 11) {
		size_t len = make(p, IP6_NEXT_UDP, rest, n);
		size_t got = tun_answer(out, ICMP6_TOO_BIG, 0, 1300, from, p, len);

		assert_int_equal(got, len + 48 < 1280 ? len + 48 : 1280);
		assert_int_equal(be16_load(out + 4), got - 40);
		assert_memory_equal(out + 8, from, 16);
		assert_memory_equal(out + 24, me, 16);
		assert_memory_equal(out + 44, "\0\0\5\x14", 4);
		assert_memory_equal(out + 48, p, got - 48);
		assert_int_equal(sum(out, got), 0);
		tun_packet_read(out, got, &k);
		assert_true(k.kind == TUN_ERROR && k.from == 0xe7e7);
	}
	/* An error is not answered (RFC 4443, 2.4), whatever is in it. */
	memset(rest, 0, sizeof(rest));
	for (unsigned type = 0; type < 256; type++) {
		rest[0] = (uint8_t)type;
		assert_int_equal(tun_answer(out, ICMP6_UNREACHABLE, 3, 0, from, p,
		                            make(p, IP6_NEXT_ICMP, rest, 60)) != 0,
		                 type > ICMP6_ERRORS);
	}
	assert_int_equal(tun_answer(out, ICMP6_UNREACHABLE, 3, 0, from, p, 30), 0);
}

/* Whatever comes is read within its bounds, and what is made of it is well formed. */
static void test_anything(void **state)
{
	struct rng_seeded s;
	struct rng rng = rng_from_seeded(&s);
	uint8_t p[120], out[TUN_ANSWER_MAX];
	static const uint8_t next[] = {0, 6, 17, 43, 44, 58, 60, 59};

	rng_seeded_init(&s, 5);
	for (unsigned i = 0; i < 200000; i++) {
		size_t n = (size_t)rng_below(&rng, sizeof(p)), got;

		rng_fill(&rng, p, sizeof(p));
		p[0] = (uint8_t)(0x60 | (p[0] & 15));
		p[6] = next[rng_below(&rng, 8)];
		p[40] = next[rng_below(&rng, 8)];
		p[41] &= 3;
		(void)look(p, n);
		got = tun_answer(out, ICMP6_UNREACHABLE, 1, 0, me, p, n);
		if (got)
			assert_int_equal(sum(out, got), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_ports),     cmocka_unit_test(test_extension_headers),
	        cmocka_unit_test(test_fragments), cmocka_unit_test(test_icmp),
	        cmocka_unit_test(test_answers),   cmocka_unit_test(test_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
