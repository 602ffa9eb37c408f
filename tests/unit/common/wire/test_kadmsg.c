/* SPDX-License-Identifier: BSD-3-Clause */
/* Kademlia messages and routed errors: fields at their places, and the writer that stops at what fits. */
#include "tests/lib/mutate.h"

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
	static const uint8_t head[8] = {1, KAD_FIND, 3, 1, 0xa, 0xb, 0xc, 0xd};
	struct wr w = wr_init(buf, sizeof(buf));
	struct rd r;

	m->op = KAD_FIND;
	m->flags = 3;
	m->count = 1;
	m->rpc = 0x0a0b0c0d;
	memset(m->target.b, 0x11, ID_BYTES);
	memset(m->self.key, 0x22, 32);
	memset(m->self.sig, 0x33, 64);
	memset(m->c[0].id.b, 0x44, ID_BYTES);
	m->c[0].seq = 5;
	kad_write(&w, m);
	assert_int_equal(wr_len(&w), 8 + 64 + (50 + 64) + 73);
	assert_memory_equal(buf, head, 8);
	assert_int_equal(buf[8], 0x11);
	assert_int_equal(buf[72], 0x22);
	assert_int_equal(buf[72 + 50], 0x33);
	assert_int_equal(buf[72 + 114], 0x44);
	r = rd_init(buf, wr_len(&w));
	assert_true(kad_read(&r, back));
	assert_ptr_equal(back->self_body, buf + 72);
	assert_int_equal(back->self_body_len, 50);
	assert_true(back->c[0].seq == 5 && back->rpc == m->rpc && back->count == 1);
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

/* For every room: either nothing usable was written, or a message with as many contacts as fit. */
static void as_many_as_fit(void **state)
{
	struct kad_msg *m = calloc(1, sizeof(*m)), *back = calloc(1, sizeof(*back));

	m->op = KAD_FOUND;
	m->count = KAD_CONTACTS_MAX;
	for (size_t room = 0; room < 1500; room++) {
		uint8_t *buf = malloc(room ? room : 1);
		struct wr w = wr_init(buf, room);
		size_t fixed = 8 + 64 + 114, fit = room < fixed ? 0 : (room - fixed) / 73;
		struct rd r;

		kad_write(&w, m);
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
	uint8_t buf[8 + 114 + 73 * (KAD_CONTACTS_MAX + 1)] = {0};
	struct wr w = wr_init(buf, sizeof(buf));
	struct rd r;

	m->op = KAD_EXR;
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
	        cmocka_unit_test(trials),
	        cmocka_unit_test(layout),
	        cmocka_unit_test(as_many_as_fit),
	        cmocka_unit_test(error),
	        cmocka_unit_test(one_contact_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
