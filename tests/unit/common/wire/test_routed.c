/* SPDX-License-Identifier: BSD-3-Clause */
/* Routed datagrams: header, route extension, channel header and the stack above them. */
#include "tests/lib/mutate.h"

#include "wire/routed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void trials(void **state)
{
	assert_true(mutate_table(codecs_routed, 41));
}

static void header(void **state)
{
	struct routed_header h = {.length = 5, .next = NEXT_KAD, .hop_limit = 254}, back;
	uint8_t buf[ROUTED_HEADER_BYTES + 20] = {0};
	static const uint8_t want[8] = {0xC0, 0x60, 0, 0, 0, 5, NEXT_KAD, 254};
	struct wr w = wr_init(buf, sizeof(buf));
	struct rd r;

	memset(h.src.b, 1, ID_BYTES);
	memset(h.dst.b, 2, ID_BYTES);
	routed_header_write(&w, &h);
	assert_int_equal(wr_len(&w), ROUTED_HEADER_BYTES);
	assert_memory_equal(buf, want, sizeof(want));
	assert_int_equal(buf[8], 1);
	assert_int_equal(buf[72], 2);
	r = rd_init(buf, sizeof(buf));
	assert_true(routed_header_read(&r, &back));
	assert_int_equal(rd_left(&r), 5); /* padding is cut off */
	assert_true(id_eq(&back.src, &h.src) && id_eq(&back.dst, &h.dst));
	assert_int_equal(back.hop_limit, 254);
	r = rd_init(buf, ROUTED_HEADER_BYTES + 4);
	assert_false(routed_header_read(&r, &back));
	buf[0] = 0x60;
	r = rd_init(buf, sizeof(buf));
	assert_false(routed_header_read(&r, &back));
}

static void extension(void **state)
{
	struct route_ext e = {.next = NEXT_SETUP,
	                      .mode = ROUTE_COORDS,
	                      .flags = ROUTE_FLAG_WAYPOINT | ROUTE_FLAG_COMMITTED,
	                      .tree = 1,
	                      .distance = 0x0102,
	                      .root = 0x1112131415161718},
	                 back;
	uint8_t buf[128];
	static const uint8_t want[16] = {NEXT_SETUP, 20,   ROUTE_COORDS, 6,    1,    2,
	                                 1,          0,    0x11,         0x12, 0x13, 0x14,
	                                 0x15,       0x16, 0x17,         0x18};
	struct wr w = wr_init(buf, sizeof(buf));
	struct rd r;

	memset(e.committed.b, 9, ID_BYTES);
	assert_true(coords_push(&e.coords, 3));
	route_ext_write(&w, &e);
	assert_int_equal(wr_len(&w), 84);
	assert_memory_equal(buf, want, sizeof(want));
	assert_int_equal(buf[16], 9);
	assert_int_equal(be16_load(buf + 80), 1);
	assert_int_equal(buf[82], 3);
	assert_int_equal(buf[83], 0);
	r = rd_init(buf, 84);
	assert_true(route_ext_read(&r, &back));
	assert_true(rd_done(&r));
	assert_int_equal(back.distance, 0x0102);
	assert_int_equal(back.tree, 1);
	assert_true(back.root == e.root && id_eq(&back.committed, &e.committed));
	assert_true(coords_eq(&back.coords, &e.coords));
	/* Without a committed id there is none on the wire. */
	e.flags = ROUTE_FLAG_WAYPOINT;
	w = wr_init(buf, sizeof(buf));
	route_ext_write(&w, &e);
	assert_int_equal(wr_len(&w), 20);
	assert_int_equal(be16_load(buf + 16), 1);
	r = rd_init(buf, 20);
	assert_true(route_ext_read(&r, &back) && rd_done(&r));
	assert_true(coords_eq(&back.coords, &e.coords));
	assert_int_equal(back.committed.b[0] | back.committed.b[ID_BYTES - 1], 0);
	e.flags |= ROUTE_FLAG_COMMITTED;
	w = wr_init(buf, sizeof(buf));
	route_ext_write(&w, &e);
	buf[0] = NEXT_ROUTE; /* one route extension only */
	r = rd_init(buf, 84);
	assert_false(route_ext_read(&r, &back));
	buf[0] = NEXT_SETUP;
	buf[2] = 2;
	r = rd_init(buf, 84);
	assert_false(route_ext_read(&r, &back));
	buf[2] = ROUTE_COORDS;
	buf[6] = RECORD_TREES_MAX;
	r = rd_init(buf, 84);
	assert_false(route_ext_read(&r, &back));
}

static bool stack(const uint32_t *lse, unsigned n, uint32_t *label, uint8_t *ttl)
{
	uint8_t buf[16];
	struct wr w = wr_init(buf, sizeof(buf));
	struct rd r;

	for (unsigned i = 0; i < n; i++)
		wr_be32(&w, lse[i]);
	r = rd_init(buf, wr_len(&w));
	return control_stack_read(&r, label, ttl);
}

static void stacks(void **state)
{
	const uint32_t gal = lse_make(13, 6, true, 9), ra = lse_make(1, 6, false, 8),
	               tunnel = lse_make(500, 6, false, 7);
	uint32_t label;
	uint8_t ttl;

	assert_true(stack((uint32_t[]){gal}, 1, &label, &ttl));
	assert_true(label == UINT32_MAX && ttl == 9);
	assert_true(stack((uint32_t[]){ra, tunnel, gal}, 3, &label, &ttl));
	assert_true(label == 500 && ttl == 7);
	assert_false(stack(NULL, 0, &label, &ttl));
	assert_false(stack((uint32_t[]){ra, gal}, 2, &label, &ttl));
	assert_false(stack((uint32_t[]){ra, tunnel}, 2, &label, &ttl));
	assert_false(stack((uint32_t[]){tunnel, gal}, 2, &label, &ttl));
	assert_false(stack((uint32_t[]){ra | 0x100, tunnel, gal}, 3, &label, &ttl));
	assert_false(stack((uint32_t[]){ra, tunnel | 0x100, gal}, 3, &label, &ttl));
	assert_false(stack((uint32_t[]){ra, lse_make(15, 6, false, 7), gal}, 3, &label, &ttl));
	assert_false(stack((uint32_t[]){gal & ~0x100u}, 1, &label, &ttl));
}

static void channel(void **state)
{
	uint8_t buf[4];
	struct wr w = wr_init(buf, sizeof(buf));
	struct rd r;

	ach_write(&w, ACH_ROUTED);
	assert_memory_equal(buf, "\x10\0\x7f\xf8", 4);
	r = rd_init(buf, 4);
	assert_int_equal(ach_read(&r), ACH_ROUTED);
	r = rd_init(buf, 3);
	assert_int_equal(ach_read(&r), -1);
	buf[1] = 1;
	r = rd_init(buf, 4);
	assert_int_equal(ach_read(&r), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(trials), cmocka_unit_test(header),  cmocka_unit_test(extension),
	        cmocka_unit_test(stacks), cmocka_unit_test(channel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
