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

static void bytes(void **state)
{
	struct coords c = {0};
	static const uint8_t want[] = {0x01, 0x3f, 0x80, 0x40, 0xff, 0xff, 0x40,
	                               0x05, 0x7e, 0x06, 0x7f, 0x00, 0x40};

	assert_true(coords_push(&c, 1));
	assert_true(coords_push(&c, 63));
	assert_true(coords_push(&c, 64));
	assert_true(coords_push(&c, COORDS_PORT_MAX));
	assert_true(coords_push(&c, COORDS_PORT_MAX));
	for (unsigned i = 0; i < 64; i++)
		assert_true(coords_push(&c, 5));
	for (unsigned i = 0; i < 65; i++)
		assert_true(coords_push(&c, 6));
	assert_int_equal(c.len, sizeof(want));
	assert_int_equal(c.hops, 134);
	assert_int_equal(c.coded, 134);
	assert_memory_equal(c.b, want, sizeof(want));
	assert_false(coords_push(&c, 0));
	assert_int_equal(c.hops, 134);
}

/* What stands in a message: the byte count, hops without ports where `word` says that there are any, bytes. */
static bool parse(struct coords *c, unsigned word, unsigned without, const uint8_t *b, size_t len)
{
	uint8_t wire[4 + COORDS_BYTES_MAX + 1];
	struct wr w = wr_init(wire, sizeof(wire));
	struct rd r;

	wr_be16(&w, (uint16_t)word);
	if (word & 0x8000)
		wr_be16(&w, (uint16_t)without);
	wr_copy(&w, b, len);
	r = rd_init(wire, wr_len(&w));
	return coords_read(&r, c) && rd_left(&r) == 0;
}

/* The longest chain takes a few bytes; where neighbours' ports differ the place ends when its bytes are used up, and the depth goes on. */
static void limits(void **state)
{
	struct coords chain = {0}, c = {0}, d;

	assert_true(coords_push(&chain, 7));
	for (unsigned i = 1; i < COORDS_HOPS_MAX; i++)
		assert_true(coords_push(&chain, 1));
	assert_false(coords_push(&chain, 1));
	assert_int_equal(chain.coded, COORDS_HOPS_MAX);
	assert_int_equal(chain.len, 5);
	assert_true(parse(&d, chain.len, 0, chain.b, chain.len));
	assert_true(coords_eq(&chain, &d));

	for (unsigned i = 0; i < COORDS_HOPS_MAX; i++)
		assert_true(coords_push(&c, (uint16_t)(200 + i % 2)));
	assert_false(coords_push(&c, 1));
	assert_int_equal(c.hops, COORDS_HOPS_MAX);
	assert_int_equal(c.coded, COORDS_BYTES_MAX / 2);
	assert_int_equal(c.len, COORDS_BYTES_MAX);
	assert_true(parse(&d, 0x8000u | c.len, (unsigned)c.hops - c.coded, c.b, c.len));
	assert_true(coords_eq(&c, &d));
	assert_false(parse(&d, 0x8000u | c.len, c.hops - c.coded + 1u, c.b, c.len));

	c = (struct coords){0};
	assert_true(coords_push(&c, 1));
	assert_true(coords_push(&c, COORDS_PORT_MAX + 1)); /* a port that cannot be written */
	assert_true(coords_push(&c, 1));
	assert_int_equal(c.hops, 3);
	assert_int_equal(c.coded, 1);
}

static void refused(void **state)
{
	static const struct {
		uint8_t n, b[6];
		bool good;
	} rows[] = {
	        {3, {5, 0x80, 0x40}, true},
	        {3, {5, 0, 5}, false},
	        {2, {5, 0x81}, false},
	        {2, {0x80, 0x3f}, false},
	        {1, {0x40}, false},
	        {1, {0x7f}, false},
	        {2, {5, 5}, false},
	        {2, {5, 0x40}, true},
	        {3, {5, 0x40, 5}, false},
	        {3, {5, 0x40, 0x40}, false},
	        {4, {5, 0x7f, 0, 0x40}, true},
	        {4, {5, 0x7f, 0, 0x3f}, false},
	        {3, {5, 0x7f, 0}, false},
	        {5, {5, 0x7f, 0, 0x40, 0x40}, false},
	        {4, {5, 0x7f, 0x40, 0}, false},
	        {4, {5, 0x7f, 0x3f, 0xfe}, true},
	};
	uint8_t many[COORDS_BYTES_MAX + 1];
	struct coords c;

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(parse(&c, rows[i].n, 0, rows[i].b, rows[i].n), rows[i].good);
	assert_true(parse(&c, 0, 0, many, 0));
	assert_int_equal(c.hops, 0);
	assert_true(parse(&c, 0x8001, 9, rows[0].b, 1));
	assert_int_equal(c.hops, 10);
	assert_int_equal(c.coded, 1);
	assert_false(parse(&c, 0x8001, 0, rows[0].b, 1)); /* none, and yet said */
	assert_false(parse(&c, 0x4001, 0, rows[0].b, 1));
	for (unsigned i = 0; i < sizeof(many); i++)
		many[i] = (uint8_t)(1 + i % 2);
	assert_false(parse(&c, sizeof(many), 0, many, sizeof(many)));
	assert_true(parse(&c, sizeof(many) - 1, 0, many, sizeof(many) - 1));
}

/* The twin keeps ports in a list and walks up to the common ancestor and down again. */
struct list {
	uint16_t port[512];
	unsigned n;
};

static unsigned walk(const struct list *a, const struct list *b)
{
	unsigned same = 0;

	while (same < a->n && same < b->n && a->port[same] == b->port[same])
		same++;
	return (a->n - same) + (b->n - same);
}

static bool begins(const struct list *a, const struct list *b)
{
	return a->n <= b->n && memcmp(a->port, b->port, a->n * sizeof(a->port[0])) == 0;
}

/* most: ports of one place, about half; runs: how often a port is the one before. Where all fit, everything is as the lists say; else where at least
 * one of the two does. */
static void against_lists(unsigned trials, unsigned most, unsigned runs, uint64_t seed)
{
	static const uint16_t ports[] = {1, 2, 63, 64, 65, 255, 256, COORDS_PORT_MAX};
	struct rng_seeded s;
	struct rng rng;
	unsigned far = 0, below = 0;

	rng_seeded_init(&s, seed);
	rng = rng_from_seeded(&s);
	for (unsigned i = 0; i < trials; i++) {
		struct coords c[2] = {0};
		static struct list l[2];
		unsigned shared = (unsigned)rng_below(&rng, most);

		l[0].n = l[1].n = 0;
		for (unsigned k = 0; k < 2; k++)
			for (unsigned n = shared + (unsigned)rng_below(&rng, most); l[k].n < n;) {
				uint16_t p = ports[rng_below(&rng, 8)];

				if (l[k].n && rng_below(&rng, runs))
					p = l[k].port[l[k].n - 1];
				if (k == 1 && l[1].n < shared && l[1].n < l[0].n)
					p = l[0].port[l[1].n];
				assert_true(coords_push(&c[k], p));
				l[k].port[l[k].n++] = p;
				assert_int_equal(c[k].hops, l[k].n);
			}
		if (c[0].coded < c[0].hops || c[1].coded < c[1].hops) {
			/* Nothing that is below is taken for what is not. */
			assert_true(!begins(&l[0], &l[1]) || coords_below(&c[1], &c[0]));
			continue;
		}
		assert_int_equal(coords_distance(&c[0], &c[1]), walk(&l[0], &l[1]));
		assert_int_equal(coords_distance(&c[1], &c[0]), walk(&l[0], &l[1]));
		assert_int_equal(coords_eq(&c[0], &c[1]), walk(&l[0], &l[1]) == 0);
		assert_int_equal(coords_below(&c[1], &c[0]), begins(&l[0], &l[1]));
		far += walk(&l[0], &l[1]) > 4;
		below += begins(&l[0], &l[1]);
	}
	assert_true(far > trials / 20 && below > trials / 1000);
}

static void distance_twin(void **state)
{
	against_lists(20000, 6, 2, 4);
	against_lists(2000, 200, 20, 5);
	against_lists(2000, 250, 2, 6);
}

/* Down a chain without places of its own the distance to a node deeper down falls hop by hop, and to its ancestors, too. */
static void without_place(void **state)
{
	struct coords at = {0}, deep[300];
	unsigned n = 0;

	for (unsigned i = 0; i < 400; i++) {
		assert_true(coords_push(&at, (uint16_t)(300 + i % 2)));
		if (i >= 100)
			deep[n++] = at;
	}
	assert_true(deep[0].coded == deep[0].hops && deep[30].coded < deep[30].hops);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(coords_distance(&deep[i], &deep[n - 1]), n - 1 - i);
		assert_int_equal(coords_distance(&deep[i], &deep[0]), i);
		assert_true(coords_below(&deep[n - 1], &deep[i]));
		assert_int_equal(coords_below(&deep[i], &deep[n - 1]), i == n - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(trials),        cmocka_unit_test(bytes),
	        cmocka_unit_test(limits),        cmocka_unit_test(refused),
	        cmocka_unit_test(distance_twin), cmocka_unit_test(without_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
