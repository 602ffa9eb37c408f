/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside a tunnel: control word with its short-frame length, OAM bodies, pseudo-header sum against a naive twin. */
#include "tests/lib/mutate.h"

#include "wire/tunnel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void trials(void **state)
{
	assert_true(mutate_table(codecs_tunnel, 91));
}

static void header(void **state)
{
	const struct tunnel_header h = {
	        .type = TUNNEL_OAM, .phase = 3, .counter = 0x0102030405060708};
	static const uint8_t longer[12] = {0x0b, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8},
	                     shorter[12] = {0x0b, 63, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
	struct tunnel_header back;
	uint8_t buf[64] = {0};
	size_t total;

	tunnel_header_put(buf, &h, 64);
	assert_memory_equal(buf, longer, 12);
	assert_true(tunnel_header_get(buf, 64, &back, &total));
	assert_int_equal(total, 64);
	assert_false(tunnel_header_get(buf, 63, &back, &total));
	tunnel_header_put(buf, &h, 63);
	assert_memory_equal(buf, shorter, 12);
	assert_true(tunnel_header_get(buf, 64, &back, &total));
	assert_int_equal(total, 63);
	assert_true(back.type == TUNNEL_OAM && back.phase == 3 && back.counter == h.counter);
	assert_false(tunnel_header_get(buf, 62, &back, &total));
	for (size_t n = 0; n < TUNNEL_HEADER_BYTES; n++)
		assert_false(tunnel_header_get(buf, n, &back, &total));
	buf[1] = 11; /* shorter than itself */
	assert_false(tunnel_header_get(buf, 64, &back, &total));
	buf[1] = 0x40 | 63; /* fragment bits */
	assert_false(tunnel_header_get(buf, 64, &back, &total));
	buf[1] = 63;
	buf[0] = 0x1b; /* an associated channel, not ours */
	assert_false(tunnel_header_get(buf, 64, &back, &total));
	buf[0] = 0x0b;
	buf[3] = 1;
	assert_false(tunnel_header_get(buf, 64, &back, &total));
}

static void oam_bodies(void **state)
{
	struct oam m = {.type = OAM_TTL_EXCEEDED,
	                .flags = 2,
	                .sequence = 0x0304,
	                .id = 0x05060708,
	                .time = 0x090a0b0c0d0e0f10,
	                .in_label = 0x11121314,
	                .out_label = 0x15161718},
	           back;
	uint8_t buf[100];
	struct wr w = wr_init(buf, sizeof(buf));
	struct rd r;

	memset(m.node.b, 0x77, ID_BYTES);
	oam_write(&w, &m);
	assert_int_equal(wr_len(&w), OAM_BYTES + ID_BYTES + 8);
	assert_memory_equal(buf, "\4\2\3\4\5\6\7\x8\x9\xa\xb\xc\xd\xe\xf\x10\x77", 17);
	assert_memory_equal(buf + 80, "\x11\x12\x13\x14\x15\x16\x17\x18", 8);
	r = rd_init(buf, wr_len(&w));
	assert_true(oam_read(&r, &back));
	assert_true(back.has_node && id_eq(&back.node, &m.node) && back.in_label == m.in_label &&
	            back.out_label == m.out_label && back.time == m.time);
	r = rd_init(buf, OAM_BYTES);
	assert_false(oam_read(&r, &back));
	buf[0] = OAM_ECHO_REQUEST;
	r = rd_init(buf, OAM_BYTES);
	assert_true(oam_read(&r, &back));
	assert_false(back.has_node);
	buf[0] = 0;
	r = rd_init(buf, OAM_BYTES);
	assert_false(oam_read(&r, &back));
	buf[0] = OAM_PORT_UNREACHABLE;
	r = rd_init(buf, OAM_BYTES);
	assert_true(oam_read(&r, &back));
	buf[0] = OAM_PORT_UNREACHABLE + 1;
	r = rd_init(buf, OAM_BYTES);
	assert_false(oam_read(&r, &back));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(trials),
	        cmocka_unit_test(header),
	        cmocka_unit_test(oam_bodies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
