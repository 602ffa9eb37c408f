/* SPDX-License-Identifier: BSD-3-Clause */
/* Handshake bytes: payload, prologue, envelope. */
#include "tests/lib/mutate.h"

#include "wire/hsmsg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void trials(void **state)
{
	assert_true(mutate_table(codecs_hsmsg, 31));
}

static void payload_fields(void **state)
{
	struct hs_payload p = {.tx_lanes = 2,
	                       .caps = HS_CAP_AES_GCM | HS_CAP_CHACHA,
	                       .epoch = 0x01020304,
	                       .mtu = 1400,
	                       .nrx = 2,
	                       .rx = {0xa0a1a2a3, 0xb0b1b2b3}},
	                  q;
	uint8_t buf[HS_PAYLOAD_MAX];
	static const uint8_t head[12] = {2, 2, 0, 3, 1, 2, 3, 4, 0x05, 0x78, 2, 0};

	memset(p.key, 0x77, sizeof(p.key));
	assert_int_equal(hs_payload_write(&p, buf, sizeof(buf)), 52);
	assert_memory_equal(buf, head, sizeof(head));
	assert_int_equal(buf[12], 0x77);
	assert_int_equal(buf[44], 0xa0);
	assert_int_equal(buf[51], 0xb3);
	assert_true(hs_payload_read(buf, 52, &q));
	assert_int_equal(q.tx_lanes, 2);
	assert_int_equal(q.caps, 3);
	assert_int_equal(q.epoch, p.epoch);
	assert_int_equal(q.mtu, 1400);
	assert_int_equal(q.nrx, 2);
	assert_int_equal(q.rx[1], p.rx[1]);
	assert_memory_equal(q.key, p.key, 32);
	assert_int_equal(q.stamp, 0);
	assert_int_equal(hs_payload_write(&p, buf, 51), 0);
	assert_false(hs_payload_read(buf, 53, &q));
}

/* A stamp stands between key and indices, and flag 1 says so; other flags are reserved. */
static void stamped(void **state)
{
	struct hs_payload p = {.tx_lanes = 1,
	                       .nrx = 1,
	                       .rx = {0xa0a1a2a3},
	                       .stamp = 0x0102030405060708},
	                  q;
	static const uint8_t tail[12] = {1, 2, 3, 4, 5, 6, 7, 8, 0xa0, 0xa1, 0xa2, 0xa3};
	uint8_t buf[HS_PAYLOAD_MAX];

	assert_int_equal(hs_payload_write(&p, buf, sizeof(buf)), 56);
	assert_int_equal(buf[11], 1);
	assert_memory_equal(buf + 44, tail, sizeof(tail));
	buf[11] |= 0xfe;
	assert_true(hs_payload_read(buf, 56, &q));
	assert_int_equal(q.stamp, p.stamp);
	assert_int_equal(q.rx[0], p.rx[0]);
	buf[11] = 0;
	assert_false(hs_payload_read(buf, 56, &q));
	buf[11] = 1;
	memset(buf + 44, 0, 8);
	assert_false(hs_payload_read(buf, 56, &q)); /* 0 would be none */
}

static void payload_refused(void **state)
{
	struct hs_payload p = {.tx_lanes = HS_LANES_MAX, .nrx = HS_LANES_MAX, .stamp = 1}, q;
	uint8_t buf[HS_PAYLOAD_MAX];

	assert_int_equal(hs_payload_write(&p, buf, sizeof(buf)), HS_PAYLOAD_MAX);
	assert_true(hs_payload_read(buf, sizeof(buf), &q));
	buf[0] = 1;
	assert_false(hs_payload_read(buf, sizeof(buf), &q)); /* version */
	buf[0] = 2;
	buf[1] = 0;
	assert_false(hs_payload_read(buf, sizeof(buf), &q)); /* no lane */
	buf[1] = 17;
	assert_false(hs_payload_read(buf, sizeof(buf), &q));
	buf[1] = 16;
	buf[10] = 17;
	assert_false(hs_payload_read(buf, sizeof(buf), &q));
	buf[10] = 15;
	assert_false(hs_payload_read(buf, sizeof(buf), &q)); /* bytes left over */
}

/* Well-formed in all but the count: only the limit itself can refuse it. */
static void one_index_too_many(void **state)
{
	uint8_t buf[HS_PAYLOAD_MAX + 4] = {HS_VERSION, 1};
	struct hs_payload q;

	buf[11] = buf[44] = 1; /* a stamp */
	buf[10] = HS_LANES_MAX;
	assert_true(hs_payload_read(buf, HS_PAYLOAD_MAX, &q));
	buf[10] = HS_LANES_MAX + 1;
	assert_false(hs_payload_read(buf, sizeof(buf), &q));
}

static void prologue(void **state)
{
	struct node_id a, b;
	uint8_t out[HS_PROLOGUE_MAX];

	memset(a.b, 0xaa, ID_BYTES);
	memset(b.b, 0xbb, ID_BYTES);
	assert_int_equal(hs_prologue(0x01020304, HS_CONTEXT_LINK, NULL, NULL, out), 14);
	assert_memory_equal(out, "IPvCoyo 2\x01\x02\x03\x04\x01", 14);
	assert_int_equal(hs_prologue(7, HS_CONTEXT_SESSION, &a, &b, out), 14 + 128);
	assert_memory_equal(out, "IPvCoyo 2\0\0\0\x07\x02", 14);
	assert_memory_equal(out + 14, a.b, ID_BYTES);
	assert_memory_equal(out + 14 + ID_BYTES, b.b, ID_BYTES);
}

static void envelope(void **state)
{
	uint8_t noise[40], buf[200];
	struct hs_envelope e;

	memset(noise, 0x5a, sizeof(noise));
	memset(buf, 0xff, sizeof(buf));
	assert_int_equal(hs_envelope_write(noise, 40, 100, buf, sizeof(buf)), 100);
	assert_int_equal(buf[1], 40);
	for (unsigned i = 42; i < 100; i++)
		assert_int_equal(buf[i], 0);
	assert_int_equal(buf[100], 0xff);
	assert_true(hs_envelope_read(buf, 100, &e));
	assert_ptr_equal(e.noise, buf + 2);
	assert_int_equal(e.noise_len, 40);
	assert_int_equal(e.mac1_at, 68);
	assert_int_equal(hs_envelope_write(noise, 40, 0, buf, sizeof(buf)), 74);
	assert_int_equal(hs_envelope_write(noise, 40, 0, buf, 73), 0);
	assert_int_equal(hs_envelope_write(noise, 40, 201, buf, sizeof(buf)), 0);
	assert_false(hs_envelope_read(buf, HS_ENVELOPE_OVERHEAD - 1, &e));
	buf[1] = 41;
	assert_false(hs_envelope_read(buf, 74, &e));
	assert_int_equal(hs_envelope_write(NULL, 0, 0, buf, sizeof(buf)), HS_ENVELOPE_OVERHEAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(trials),
	        cmocka_unit_test(stamped),
	        cmocka_unit_test(payload_fields),
	        cmocka_unit_test(prologue),
	        cmocka_unit_test(payload_refused),
	        cmocka_unit_test(envelope),
	        cmocka_unit_test(one_index_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
