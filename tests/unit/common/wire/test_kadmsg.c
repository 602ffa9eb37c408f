/* SPDX-License-Identifier: BSD-3-Clause */
/* Kademlia messages and routed errors: fields at their places, and the writer that stops at what fits. */
#include "tests/lib/mutate.h"

#include "base/rng.h"
#include "wire/kadmsg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>

static void trials(void **state)
{
	assert_true(mutate_table(codecs_kadmsg, 71));
}

static void layout(void **state)
{
	struct kad_msg *m = calloc(1, sizeof(*m)), *back = calloc(1, sizeof(*back));
	uint8_t buf[512];
	static const uint8_t head[8] = {2, KAD_FIND, 3, 1, 0xa, 0xa, 0xa, 0xa};
	struct wr w = wr_init(buf, sizeof(buf));
	struct rd r;

	m->op = KAD_FIND;
	m->flags = KAD_FLAG_TOKEN | KAD_FLAG_MAC;
	m->count = 1;
	memset(m->nonce, 0xa, sizeof(m->nonce));
	memset(m->token, 0x55, sizeof(m->token));
	memset(m->mac, 0x66, sizeof(m->mac));
	memset(m->target.b, 0x11, ID_BYTES);
	memset(m->self.key, 0x22, 32);
	memset(m->self.sig, 0x33, 64);
	memset(m->c[0].id.b, 0x44, ID_BYTES);
	m->c[0].seq = 5;
	kad_write(&w, m);
	assert_int_equal(wr_len(&w), 20 + 20 + 64 + (50 + 64) + 73 + 16);
	assert_memory_equal(buf, head, 8);
	assert_true(buf[19] == 0xa && buf[20] == 0x55 && buf[39] == 0x55);
	assert_int_equal(buf[40], 0x11);
	assert_int_equal(buf[104], 0x22);
	assert_int_equal(buf[104 + 50], 0x33);
	assert_int_equal(buf[104 + 114], 0x44);
	assert_true(buf[291] == 0x66 && buf[306] == 0x66);
	r = rd_init(buf, wr_len(&w));
	assert_true(kad_read(&r, back));
	assert_ptr_equal(back->self_body, buf + 104);
	assert_int_equal(back->self_body_len, 50);
	assert_ptr_equal(back->body, buf); /* the MAC covers all before it */
	assert_int_equal(back->body_len, 291);
	assert_true(back->c[0].seq == 5 && kad_ref(back->nonce) == 0x0a0a0a0a && back->count == 1);
	buf[3] = KAD_CONTACTS_MAX + 1;
	r = rd_init(buf, wr_len(&w));
	assert_false(kad_read(&r, back));
	buf[3] = 1;
	buf[1] = 0;
	r = rd_init(buf, wr_len(&w));
	assert_false(kad_read(&r, back));
	free(m);
	free(back);
}

/* EXQ alone carries which buckets are full and the filter of what is known. */
static void exchange(void **state)
{
	struct kad_msg *m = calloc(1, sizeof(*m)), *back = calloc(1, sizeof(*back));
	uint8_t buf[512];
	struct wr w = wr_init(buf, sizeof(buf));
	struct rd r;

	m->op = KAD_EXQ;
	m->full = 0x0102030405060708;
	kad_have_begin(m, 9); /* 72 bits: two units */
	assert_int_equal(m->have_len, 16);
	m->have[15] = 0x80;
	kad_write(&w, m);
	assert_int_equal(wr_len(&w), 20 + 8 + 1 + 16 + 114);
	assert_int_equal(buf[20], 1);
	assert_int_equal(buf[28], 2);
	assert_int_equal(buf[44], 0x80);
	r = rd_init(buf, wr_len(&w));
	assert_true(kad_read(&r, back));
	assert_true(back->full == m->full && back->have_len == 16);
	assert_memory_equal(back->have, m->have, 16);
	buf[28] = KAD_HAVE_MAX / KAD_HAVE_UNIT + 1;
	r = rd_init(buf, wr_len(&w));
	assert_false(kad_read(&r, back));
	free(m);
	free(back);
}

static void filter(void **state)
{
	struct kad_msg *m = calloc(1, sizeof(*m));
	struct rng_seeded s;
	struct rng rng;
	struct node_id id[100];
	unsigned wrong = 0, again = 0;

	rng_seeded_init(&s, 5);
	rng = rng_from_seeded(&s);
	rng_fill(&rng, id, sizeof(id));
	kad_have_begin(m, 0);
	assert_int_equal(m->have_len, 0);
	kad_have_add(m, &id[0], 1);
	assert_false(kad_have(m, &id[0], 1)); /* no filter: nothing is known */
	kad_have_begin(m, 10000);
	assert_int_equal(m->have_len, KAD_HAVE_MAX);
	for (uint32_t salt = 0; salt < 100; salt++) {
		memset(m->nonce, (int)salt, 4);
		kad_have_begin(m, 50);
		for (unsigned i = 0; i < 50; i++)
			kad_have_add(m, &id[i], i);
		for (unsigned i = 0; i < 50; i++)
			assert_true(kad_have(m, &id[i], i));
		for (unsigned i = 50; i < 100; i++)
			wrong += kad_have(m, &id[i], i);
		for (unsigned i = 0; i < 50; i++)
			wrong += kad_have(m, &id[i], i + 1000); /* a newer record is news */
		again += kad_have(m, &id[60], 60);
	}
	assert_in_range(wrong, 1, 500); /* of 10 000: 2.4 in a hundred expected */
	assert_in_range(again, 0, 15);  /* and not the same every time */
	free(m);
}

/* For every room: either nothing usable was written, or a message with as many contacts as fit. */
static void as_many_as_fit(void **state)
{
	struct kad_msg *m = calloc(1, sizeof(*m)), *back = calloc(1, sizeof(*back));

	m->op = KAD_FOUND;
	m->flags = KAD_FLAG_MAC;
	m->count = KAD_CONTACTS_MAX;
	for (size_t room = 0; room < 1500; room++) {
		uint8_t *buf = malloc(room ? room : 1);
		struct wr w = wr_init(buf, room);
		size_t fixed = 20 + 114 + 16, fit = room < fixed ? 0 : (room - fixed) / 73;
		struct rd r;

		assert_int_equal(kad_write(&w, m), fit < KAD_CONTACTS_MAX ? fit : KAD_CONTACTS_MAX);
		assert_int_equal(wr_ok(&w), room >= fixed);
		if (wr_ok(&w)) {
			r = rd_init(buf, wr_len(&w));
			assert_true(kad_read(&r, back));
			assert_int_equal(back->count,
			                 fit < KAD_CONTACTS_MAX ? fit : KAD_CONTACTS_MAX);
		}
		free(buf);
	}
	free(m);
	free(back);
}

static void one_contact_too_many(void **state)
{
	struct kad_msg *m = calloc(1, sizeof(*m)), *back = calloc(2, sizeof(*back));
	uint8_t buf[20 + 16 + 114 + 73 * (KAD_CONTACTS_MAX + 1)] = {0};
	struct wr w = wr_init(buf, sizeof(buf));
	struct rd r;

	m->op = KAD_EXR;
	m->flags = KAD_FLAG_MAC;
	m->count = KAD_CONTACTS_MAX;
	kad_write(&w, m);
	r = rd_init(buf, wr_len(&w));
	assert_true(kad_read(&r, back));
	buf[3] = KAD_CONTACTS_MAX + 1;
	r = rd_init(buf, sizeof(buf));
	assert_false(kad_read(&r, back));
	free(m);
	free(back);
}

/* An answer without a MAC, a retry without a token, with a MAC or with contacts: refused. A retry is shorter than any question. */
static void flags_of_answers(void **state)
{
	static const struct {
		uint8_t op, flags;
		bool sound;
	} row[] = {
	        {KAD_EXR, KAD_FLAG_MAC, true}, {KAD_EXR, KAD_FLAG_TOKEN, false},
	        {KAD_FOUND, 0, false},         {KAD_RETRY, KAD_FLAG_TOKEN, true},
	        {KAD_RETRY, 0, false},         {KAD_RETRY, KAD_FLAG_TOKEN | KAD_FLAG_MAC, false},
	        {KAD_UPDATE, 0, true},         {KAD_RETRY + 1, KAD_FLAG_TOKEN, false},
	};
	struct kad_msg *m = calloc(1, sizeof(*m)), *back = calloc(1, sizeof(*back));
	uint8_t buf[512];

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct wr w = wr_init(buf, sizeof(buf));
		struct rd r;

		m->op = row[i].op;
		m->flags = row[i].flags;
		kad_write(&w, m);
		r = rd_init(buf, wr_len(&w));
		assert_int_equal(kad_read(&r, back), row[i].sound);
		if (m->op == KAD_RETRY && row[i].sound)
			assert_int_equal(wr_len(&w), 40);
	}
	free(m);
	free(back);
}

static void error(void **state)
{
	const struct error_msg m = {
	        .code = ROUTED_DEAD_END, .next = 5, .ref = 0x01020304, .about = {{0xaa}}};
	uint8_t buf[80];
	struct wr w = wr_init(buf, sizeof(buf));

	error_write(&w, &m);
	assert_int_equal(wr_len(&w), 72);
	assert_memory_equal(buf, "\1\5\0\0\1\2\3\4\xaa", 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(trials),         cmocka_unit_test(layout),
	        cmocka_unit_test(exchange),       cmocka_unit_test(filter),
	        cmocka_unit_test(as_many_as_fit), cmocka_unit_test(flags_of_answers),
	        cmocka_unit_test(error),          cmocka_unit_test(one_contact_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
