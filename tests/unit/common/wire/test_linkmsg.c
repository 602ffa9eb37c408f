/* SPDX-License-Identifier: BSD-3-Clause */
/* Link-local messages: fields at their places, one after the other in a packet, limits. */
#include "tests/lib/mutate.h"

#include "wire/linkmsg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void trials(void **state)
{
	assert_true(mutate_table(codecs_linkmsg, 51));
}

static void hello(void **state)
{
	const struct linkmsg_hello m = {.sent_us = 0x0102030405060708,
	                                .echo_us = 0x1112131415161718,
	                                .held_us = 0x21222324,
	                                .flags = HELLO_FLAG_REPLY_WANTED,
	                                .mtu = 0x3132,
	                                .epoch = 0x41424344};
	static const uint8_t want[32] = {1,    0,    0,    92,   1,    2,    3,    4,
	                                 5,    6,    7,    8,    0x11, 0x12, 0x13, 0x14,
	                                 0x15, 0x16, 0x17, 0x18, 0x21, 0x22, 0x23, 0x24,
	                                 1,    0,    0x31, 0x32, 0x41, 0x42, 0x43, 0x44};
	uint8_t buf[96];
	struct wr w = wr_init(buf, sizeof(buf));
	struct linkmsg_hello back;
	struct linkmsg_head h;
	struct rd r, body;

	linkmsg_hello_write(&w, &m);
	assert_true(wr_ok(&w));
	assert_int_equal(wr_len(&w), 96);
	assert_memory_equal(buf, want, sizeof(want));
	r = rd_init(buf, 96);
	assert_true(linkmsg_next(&r, &h, &body));
	assert_true(linkmsg_hello_read(&body, &back));
	assert_true(back.sent_us == m.sent_us && back.echo_us == m.echo_us);
	assert_true(back.held_us == m.held_us && back.flags == m.flags && back.mtu == m.mtu &&
	            back.epoch == m.epoch);
}

static void several_in_a_packet(void **state)
{
	const struct linkmsg_tear tear = {.nonce = 1, .yours = 2, .mine = 3, .reason = TEAR_IDLE};
	const struct linkmsg_grant grant = {.step = 1, .nonce = 4, .label = 500};
	uint8_t buf[256];
	struct wr w = wr_init(buf, sizeof(buf));
	struct linkmsg_head h;
	struct linkmsg_tear t;
	struct linkmsg_grant g;
	struct rd r, body;

	linkmsg_tear_write(&w, LINKMSG_TEAR, &tear);
	wr_u8(&w, 99); /* a type of the future is skipped by its length */
	wr_u8(&w, 0);
	wr_be16(&w, 3);
	wr_zero(&w, 3);
	linkmsg_grant_write(&w, &grant);
	r = rd_init(buf, wr_len(&w));
	assert_true(linkmsg_next(&r, &h, &body));
	assert_int_equal(h.type, LINKMSG_TEAR);
	assert_true(linkmsg_tear_read(&body, &t));
	assert_true(t.nonce == 1 && t.yours == 2 && t.mine == 3 && t.reason == TEAR_IDLE);
	assert_true(linkmsg_next(&r, &h, &body));
	assert_int_equal(h.type, 99);
	assert_int_equal(rd_left(&body), 3);
	assert_true(linkmsg_next(&r, &h, &body));
	assert_true(linkmsg_grant_read(&body, &g));
	assert_true(g.step == 1 && g.nonce == 4 && g.label == 500);
	assert_true(rd_done(&r));
	assert_false(linkmsg_next(&r, &h, &body));
}

static void ann(void **state)
{
	struct linkmsg_ann m = {.seq = 1, .ntrees = 2, .height = 0x0203}, back;
	uint8_t buf[256];
	struct wr w = wr_init(buf, sizeof(buf));
	struct linkmsg_head h;
	struct rd r, body;

	m.tree[1] = (struct ann_tree){.port = 8, .is_parent = true};
	assert_true(coords_push(&m.tree[1].coords, 300));
	linkmsg_ann_write(&w, &m);
	assert_int_equal(wr_len(&w), 4 + 12 + 2 * (64 + 2 + 2) + 2);
	assert_int_equal(buf[4 + 8], 2);
	assert_int_equal(buf[4 + 9], 2); /* parent in tree 1 */
	r = rd_init(buf, wr_len(&w));
	assert_true(linkmsg_next(&r, &h, &body));
	assert_true(linkmsg_ann_read(&body, &back));
	assert_true(back.seq == 1 && back.height == 0x0203 && !back.tree[0].is_parent &&
	            back.tree[1].is_parent && back.tree[1].port == 8);
	assert_true(coords_eq(&back.tree[1].coords, &m.tree[1].coords));
	buf[4 + 8] = RECORD_TREES_MAX + 1;
	r = rd_init(buf, wr_len(&w));
	assert_true(linkmsg_next(&r, &h, &body));
	assert_false(linkmsg_ann_read(&body, &back));
}

static void one_sample_too_many(void **state)
{
	uint8_t buf[4 + 8 + 73 * (SAMPLE_MAX + 1)] = {LINKMSG_SAMPLE, 0};
	struct linkmsg_sample m[2];
	struct linkmsg_head h;
	struct rd r, body;

	for (unsigned n = SAMPLE_MAX; n <= SAMPLE_MAX + 1; n++) {
		be16_store(buf + 2, (uint16_t)(8 + 73 * n));
		buf[4 + 4] = (uint8_t)n;
		r = rd_init(buf, 4 + 8 + 73 * n);
		assert_true(linkmsg_next(&r, &h, &body));
		assert_int_equal(linkmsg_sample_read(&body, m), n <= SAMPLE_MAX);
	}
}

static void seq_signed(void **state)
{
	const struct linkmsg_seq m = {.tree = 1, .seq = 0x0203040506070809};
	uint8_t out[9];

	linkmsg_seq_signed(&m, out);
	assert_memory_equal(out, "\1\2\3\4\5\6\7\x8\x9", 9);
}

/* Only step 1 carries a label; it must be one that can be put on a stack. */
static void granted_label(void **state)
{
	static const uint32_t bad[] = {0, 1, 13, 15, 0x100000, 0x100010, 0xfffffffe};
	uint8_t buf[96];

	for (uint8_t step = 0; step <= 3; step++)
		for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			const struct linkmsg_grant m = {.step = step, .label = bad[i]};
			struct wr w = wr_init(buf, sizeof(buf));
			struct linkmsg_grant g;
			struct linkmsg_head h;
			struct rd r, body;

			linkmsg_grant_write(&w, &m);
			r = rd_init(buf, wr_len(&w));
			assert_true(linkmsg_next(&r, &h, &body));
			assert_int_equal(linkmsg_grant_read(&body, &g), step == 0 || step == 2);
		}
}

/* A probe fills its packet: what does not measure what it says is malformed. */
static void probe_layout(void **state)
{
	static const uint8_t head[] = {9, 0, 0, 13, 1, 2, 3, 4, 0, 25, 1, 0, 0, 0, 0, 0, 0};
	const struct linkmsg_probe m = {.id = 0x01020304, .size = 25, .answer = true};
	struct linkmsg_probe back;
	struct linkmsg_head h;
	struct rd r, body;
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));

	linkmsg_probe_write(&w, &m);
	assert_int_equal(wr_len(&w), sizeof(head));
	assert_memory_equal(buf, head, sizeof(head));
	for (unsigned size = 0; size < 40; size++) {
		buf[9] = (uint8_t)size;
		r = rd_init(buf, sizeof(head));
		assert_true(linkmsg_next(&r, &h, &body));
		assert_int_equal(linkmsg_probe_read(&body, &back), size == 25);
	}
	assert_true(back.id == m.id && back.answer);
}

static void mtu_layout(void **state)
{
	static const uint8_t bytes[] = {10, 0, 0, 20, 1, 2, 3, 4, 5,    6,    7, 8,
	                                0,  1, 2, 3,  4, 5, 6, 7, 0x05, 0x14, 0, 0};
	const struct linkmsg_mtu m = {
	        .nonce = 0x0102030405060708, .yours = 0x00010203, .mine = 0x04050607, .mtu = 1300};
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));

	linkmsg_mtu_write(&w, &m);
	assert_int_equal(wr_len(&w), sizeof(bytes));
	assert_memory_equal(buf, bytes, sizeof(bytes));
}

static void challenge_layout(void **state)
{
	static const uint8_t bytes[] = {11, 0, 0, 12, 1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
	const struct linkmsg_challenge m = {.nonce = 0x0102030405060708, .answer = true};
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));

	linkmsg_challenge_write(&w, &m);
	assert_int_equal(wr_len(&w), sizeof(bytes));
	assert_memory_equal(buf, bytes, sizeof(bytes));
}

static void move_layout(void **state)
{
	static const uint8_t bytes[] = {12, 0, 0, 24, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0,
	                                0,  9, 0, 0,  0, 8, 0, 0, 1, 7, 0, 0, 1, 6};
	const struct linkmsg_move m = {.nonce = 0x0102030405060708,
	                               .yours = 9,
	                               .mine = 8,
	                               .tag_from = 0x107,
	                               .tag_to = 0x106};
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));

	linkmsg_move_write(&w, &m);
	assert_int_equal(wr_len(&w), sizeof(bytes));
	assert_memory_equal(buf, bytes, sizeof(bytes));
}

static void seen_layout(void **state)
{
	static const uint8_t head[] = {13, 0, 0, 48, 1,  0,  1,  0,  0,  1,
	                               2,  3, 8, 9,  10, 11, 12, 13, 14, 15};
	struct linkmsg_seen m = {
	        .answer = true, .unknown = 256, .index = 0x00010203, .first = 0x08090a0b0c0d0e0f};
	struct linkmsg_seen back;
	struct linkmsg_head h;
	struct rd r, body;
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));

	for (unsigned i = 0; i < sizeof(m.bits); i++)
		m.bits[i] = (uint8_t)(i + 1);
	linkmsg_seen_write(&w, &m);
	assert_int_equal(wr_len(&w), 52);
	assert_memory_equal(buf, head, sizeof(head));
	assert_memory_equal(buf + sizeof(head), m.bits, sizeof(m.bits));
	/* No question has bits, no answer is without. */
	for (unsigned answer = 0; answer < 3; answer++)
		for (unsigned unknown = 255; unknown < 258; unknown++)
			for (unsigned len = 0; len < 52; len++) {
				bool good = unknown <= 256 && len == (answer == 1 ? 48 : 16) &&
				            answer < 2;

				be16_store(buf + 2, (uint16_t)len);
				buf[4] = (uint8_t)answer;
				be16_store(buf + 6, (uint16_t)unknown);
				r = rd_init(buf, 4 + len);
				assert_int_equal(linkmsg_next(&r, &h, &body) &&
				                         linkmsg_seen_read(&body, &back),
				                 good && len <= 48);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(trials),
	        cmocka_unit_test(hello),
	        cmocka_unit_test(ann),
	        cmocka_unit_test(several_in_a_packet),
	        cmocka_unit_test(seq_signed),
	        cmocka_unit_test(granted_label),
	        cmocka_unit_test(probe_layout),
	        cmocka_unit_test(mtu_layout),
	        cmocka_unit_test(challenge_layout),
	        cmocka_unit_test(move_layout),
	        cmocka_unit_test(seen_layout),
	        cmocka_unit_test(one_sample_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
