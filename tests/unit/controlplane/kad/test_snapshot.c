/* SPDX-License-Identifier: BSD-3-Clause */
/* The contacts over a restart: what is written, that nothing is written where there is no room, and that no file is trusted. */
#include "asker.h"

#include "anchor/anchor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HEAD 16 /* bytes before the first contact */

static uint8_t file[8192];

/* A node with three verified contacts, the neighbour among them, and one that others reported; returns the snapshot's length. */
static size_t taken(struct asker *b, uint64_t seed, struct node_id id[3])
{
	long len;

	asker_open(b, seed);
	id[0] = asker_contact(b, 3, true)->id;
	id[1] = asker_contact(b, 4, true)->id;
	id[2] = asker_contact(b, 5, false)->id;
	b->n->anchor->record_seq = 500;
	len = kad_snapshot(b->n, file, sizeof(file));
	assert_true(len > HEAD);
	return (size_t)len;
}

static void test_round_trip(void **state)
{
	struct asker b, again;
	struct node_id id[3];
	struct contact *c;
	size_t len = taken(&b, 1, id);

	asker_open(&again, 2);
	kad_restore(again.n, file, len);
	assert_int_equal(again.n->contacts->count, 4); /* its own neighbour, and three */
	assert_int_equal(again.n->contacts->verified, 1);
	for (unsigned i = 0; i < 2; i++) {
		c = contact_find(again.n->contacts, &id[i]);
		assert_non_null(c);
		assert_false(c->verified); /* it has to answer first */
		assert_int_equal(c->ntrees, 1);
		assert_int_equal(c->place[0].coords.hops, 2);
	}
	assert_null(contact_find(again.n->contacts, &id[2]));
	assert_true(again.n->anchor->record_seq > 500);
	assert_int_equal(again.n->anchor->record.seq, again.n->anchor->record_seq);
	asker_close(&again);
	asker_close(&b);
}

/* Whatever room is given, it is all written or refused, and no byte behind the room is touched. */
static void test_room(void **state)
{
	struct asker b;
	struct node_id id[3];
	size_t len = taken(&b, 3, id);
	static uint8_t small[8192];

	for (size_t room = 0; room <= len; room++) {
		memset(small, 0xee, sizeof(small));
		assert_int_equal(kad_snapshot(b.n, small, room), room < len ? -ENOSPC : (long)len);
		for (size_t i = room; i < room + 64; i++)
			assert_int_equal(small[i], 0xee);
	}
	assert_memory_equal(small, file, len);
	asker_close(&b);
}

/* A file cut short gives the contacts that are whole; one of another kind or version gives nothing, not even the number. */
static void test_damaged(void **state)
{
	struct asker b, again;
	struct node_id id[3];
	size_t len = taken(&b, 4, id), end[4] = {HEAD};
	static uint8_t bad[sizeof(file)];
	unsigned k = 0, whole = 0;

	for (struct contact *c = contact_after(b.n->contacts, NULL); c;
	     c = contact_after(b.n->contacts, c))
		if (c->verified) {
			k++;
			end[k] = end[k - 1] + ID_BYTES + 8 + 1 + 8 + 2 + c->place[0].coords.len;
		}
	assert_int_equal(end[3], len);
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *exact = malloc(cut + 1); /* so that a sanitizer sees a step too far */

		assert_non_null(exact);
		memcpy(exact, file, cut);
		asker_open(&again, 5);
		kad_restore(again.n, exact, cut);
		whole += cut == end[whole + 1];
		assert_int_equal(again.n->contacts->count - 1, whole);
		assert_int_equal(again.n->anchor->record_seq > 500, cut >= HEAD);
		asker_close(&again);
		free(exact);
	}
	for (unsigned bit = 0; bit < 48; bit++) {
		memcpy(bad, file, len);
		bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
		asker_open(&again, 6);
		kad_restore(again.n, bad, len);
		assert_int_equal(again.n->contacts->count, 1);
		assert_true(again.n->anchor->record_seq < 500);
		asker_close(&again);
	}
	asker_close(&b);
}

/* Any bits flipped anywhere: the table stays sound, nobody is verified by a file, and the node itself is no contact. */
static void test_noise(void **state)
{
	struct asker b, again;
	struct node_id id[3];
	size_t len = taken(&b, 7, id);
	static uint8_t bad[sizeof(file)];

	for (unsigned round = 0; round < 300; round++) {
		memcpy(bad, file, len);
		for (unsigned flips = 1 + (unsigned)rng_below(&b.g.rng, 8); flips; flips--)
			bad[6 + rng_below(&b.g.rng, len - 6)] ^=
			        (uint8_t)(1 << rng_below(&b.g.rng, 8));
		asker_open(&again, 8);
		memcpy(bad + HEAD, again.g.identity.id.b, ID_BYTES);
		be64_store(bad + HEAD + ID_BYTES, 9);
		kad_restore(again.n, bad, len);
		assert_true(again.n->contacts->count <= 3);
		assert_int_equal(again.n->contacts->verified, 1);
		assert_null(contact_find(again.n->contacts, &again.g.identity.id));
		assert_true(again.n->anchor->record_seq <= UINT64_MAX / 2 + 1);
		asker_close(&again);
	}
	asker_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_round_trip),
	        cmocka_unit_test(test_room),
	        cmocka_unit_test(test_damaged),
	        cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
