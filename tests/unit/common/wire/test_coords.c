/* SPDX-License-Identifier: BSD-3-Clause */
/* Tree places: limits of the varints, and distance against a walk over port lists. */
#include "tests/lib/mutate.h"

#include "wire/coords.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>

static void trials(void **state)
{
	assert_true(mutate_table(codecs_coords, 11));
}

static void varint_bytes(void **state)
{
	struct coords c = {0};
	static const uint8_t want[] = {0x01, 0x7f, 0x81, 0x00, 0xff, 0x7f};

	assert_true(coords_push(&c, 1));
	assert_true(coords_push(&c, 127));
	assert_true(coords_push(&c, 128));
	assert_true(coords_push(&c, 16383));
	assert_int_equal(c.len, sizeof(want));
	assert_int_equal(c.hops, 4);
	assert_memory_equal(c.b, want, sizeof(want));
	assert_false(coords_push(&c, 0));
	assert_false(coords_push(&c, 16384));
	assert_int_equal(c.hops, 4);
}

/* The bytes as they stand in a message. */
static bool parse(struct coords *c, const uint8_t *b, size_t len)
{
	uint8_t wire[2 + COORDS_BYTES_MAX + 1];
	struct wr w = wr_init(wire, sizeof(wire));
	struct rd r;

	wr_be16(&w, (uint16_t)len);
	wr_copy(&w, b, len);
	r = rd_init(wire, wr_len(&w));
	return coords_read(&r, c);
}

static void limits(void **state)
{
	struct coords c = {0}, d;

	for (unsigned i = 0; i < COORDS_HOPS_MAX; i++)
		assert_int_equal(coords_push(&c, 200), i < COORDS_BYTES_MAX / 2);
	assert_int_equal(c.len, COORDS_BYTES_MAX);
	c = (struct coords){0};
	for (unsigned i = 0; i < COORDS_HOPS_MAX; i++)
		assert_true(coords_push(&c, 1));
	assert_false(coords_push(&c, 1));
	assert_true(parse(&d, c.b, c.len));
	assert_true(coords_eq(&c, &d));
}

static void refused(void **state)
{
	static const uint8_t zero[] = {5, 0, 5}, cut[] = {5, 0x81}, long_form[] = {0x80, 5},
	                     high[] = {0x81, 0x80}, good[] = {5, 0x81, 0};
	uint8_t many[COORDS_HOPS_MAX + 1];
	struct coords c;

	assert_true(parse(&c, good, sizeof(good)));
	assert_int_equal(c.hops, 2);
	assert_true(parse(&c, good, 0));
	assert_int_equal(c.hops, 0);
	assert_false(parse(&c, zero, sizeof(zero)));
	assert_false(parse(&c, cut, sizeof(cut)));
	assert_false(parse(&c, long_form, sizeof(long_form)));
	assert_false(parse(&c, high, sizeof(high)));
	memset(many, 1, sizeof(many));
	assert_false(parse(&c, many, sizeof(many)));
	assert_true(parse(&c, many, sizeof(many) - 1));
}

/* The twin keeps ports in a list and walks up to the common ancestor and down again. */
struct list {
	uint16_t port[COORDS_HOPS_MAX];
	unsigned n;
};

static unsigned walk(const struct list *a, const struct list *b)
{
	unsigned same = 0;

	while (same < a->n && same < b->n && a->port[same] == b->port[same])
		same++;
	return (a->n - same) + (b->n - same);
}

static void distance_twin(void **state)
{
	static const uint16_t ports[] = {1, 2, 127, 128, 129, 255, 256, 16383};
	struct rng_seeded s;
	struct rng rng;
	unsigned far = 0;

	rng_seeded_init(&s, 4);
	rng = rng_from_seeded(&s);
	for (unsigned i = 0; i < 50000; i++) {
		struct coords c[2] = {0};
		struct list l[2] = {0};
		unsigned shared = (unsigned)rng_below(&rng, 6);

		for (unsigned k = 0; k < 2; k++)
			for (unsigned n = shared + (unsigned)rng_below(&rng, 6); l[k].n < n;) {
				uint16_t p = ports[rng_below(&rng, 8)];

				if (k == 1 && l[1].n < shared)
					p = l[0].port[l[1].n];
				assert_true(coords_push(&c[k], p));
				l[k].port[l[k].n++] = p;
			}
		assert_int_equal(coords_distance(&c[0], &c[1]), walk(&l[0], &l[1]));
		assert_int_equal(coords_distance(&c[1], &c[0]), walk(&l[0], &l[1]));
		assert_int_equal(coords_eq(&c[0], &c[1]), walk(&l[0], &l[1]) == 0);
		far += walk(&l[0], &l[1]) > 4;
	}
	assert_true(far > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(trials),        cmocka_unit_test(varint_bytes),
	        cmocka_unit_test(limits),        cmocka_unit_test(refused),
	        cmocka_unit_test(distance_twin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
