/* SPDX-License-Identifier: BSD-3-Clause */
/* Records of what is outstanding against a model; a walk over them costs by what is new, whatever a peer repeats. */
#include "base/rng.h"
#include "tcp/record.h"
#include "tcptest.h"

#define SEGMENTS 60

static void sack(struct tt *t, uint32_t from, uint32_t to)
{
	t->sack[0] = (struct tcp_sack_range){1 + 1000 * from, 1 + 1000 * to};
	t->nsack = 1;
	tt_in(t, TCP_ACK, 1, 1, NULL, 0);
}

/* Steps of a walk over the records from `from` to the first that is not SACKed. */
static unsigned steps(struct tt *t, uint32_t from)
{
	struct conn *c = conn_of(t->s, t->conn);
	unsigned n = 0;

	for (uint32_t pos = c->rec.head + from * REC_BYTES;
	     pos != rec_end(c) && (rec_at(t->s, c, pos)->flags & REC_SACKED);
	     pos += rec_run(rec_at(t->s, c, pos)) * REC_BYTES)
		n++;
	return n;
}

/* Ranges that take turns, nested in both directions: none costs a walk over what is known. */
static void test_sack_costs_by_what_is_new(void **state)
{
	struct tcp_cfg cfg;
	struct tt t;
	struct tt_seg o;

	(void)state;
	tt_cfg(&cfg);
	cfg.sack = true;
	cfg.initial_window = 100;
	tt_init(&t, &cfg);
	t.sack_ok = true;
	t.wnd = 65535;
	tt_establish_passive(&t);
	assert_int_equal(tcp_send(t.s, t.conn, tt_filler, SEGMENTS * 1000), SEGMENTS * 1000);
	while (tt_out(&t, &o))
		;
	for (uint32_t i = 0; i < 20; i++) {
		sack(&t, 10, 40);
		assert_in_range(steps(&t, 10), 1, 2);
		sack(&t, 12 + i, 38 - i % 3);
		assert_in_range(steps(&t, 12 + i), 1, 2);
		assert_in_range(steps(&t, 10), 1, 2);
	}
	sack(&t, 5, 50);
	assert_in_range(steps(&t, 5), 1, 2);
	for (uint32_t i = 10; i < 50; i++)
		assert_in_range(steps(&t, i), 1, 3);
	while (tt_out(&t, &o))
		;
	tt_free(&t);
}

/* What the records should be: one row each, the oldest first, and the order of sending. */
#define MODEL 64

struct model {
	struct {
		uint32_t seq, len;
		bool sacked, lost;
		unsigned sent; /* the how-manieth transmission */
	} r[MODEL];
	uint32_t n;
	unsigned sendings;
};

static void compare(struct tt *t, struct conn *c, const struct model *m)
{
	uint32_t sacked = 0, lost = 0, segs = 0, timed = 0, first_lost = m->n;
	unsigned last = 0;

	assert_int_equal(c->rec.len / REC_BYTES, m->n);
	for (uint32_t i = 0; i < m->n; i++) {
		const struct rec *r = rec_at(t->s, c, c->rec.head + i * REC_BYTES);

		assert_true(r->seq == m->r[i].seq && r->len == m->r[i].len);
		assert_int_equal((r->flags & REC_SACKED) != 0, m->r[i].sacked);
		assert_int_equal((r->flags & REC_LOST) != 0, m->r[i].lost);
		sacked += m->r[i].sacked ? m->r[i].len : 0;
		segs += m->r[i].sacked;
		lost += m->r[i].lost ? m->r[i].len : 0;
		timed += !m->r[i].sacked && !m->r[i].lost;
		first_lost = m->r[i].lost && first_lost == m->n ? i : first_lost;
	}
	assert_true(sacked == c->sacked_bytes && segs == c->sacked_segs && lost == c->lost_bytes);
	assert_int_equal((rec_next_lost(t->s, c) - c->rec.head) / REC_BYTES, first_lost);
	for (uint32_t pos = c->time_head; pos != CONN_NONE; pos = rec_at(t->s, c, pos)->tnext) {
		uint32_t i = (pos - c->rec.head) / REC_BYTES;

		assert_true(i < m->n && m->r[i].sent > last);
		last = m->r[i].sent;
		timed--;
	}
	assert_int_equal(timed, 0);
}

/* One step that loss detection or an acknowledgement might take with record i of those there are. */
static void step(struct tt *t, struct conn *c, struct model *m, unsigned what, uint32_t i)
{
	uint32_t pos = c->rec.head + i * REC_BYTES;

	switch (what) {
	case 0:
		rec_mark_sacked(t->s, c, pos);
		m->r[i].sacked = true;
		m->r[i].lost = false;
		break;
	case 1:
	case 2:
		rec_mark_lost(t->s, c, pos);
		m->r[i].lost = !m->r[i].sacked;
		break;
	case 3:
		rec_mark_resent(t->s, c, pos);
		if (!m->r[i].sacked) {
			m->r[i].lost = false;
			m->r[i].sent = ++m->sendings;
		}
		break;
	default:
		rec_pop(t->s, c);
		for (uint32_t k = 1; k < m->n; k++)
			m->r[k - 1] = m->r[k];
		m->n--;
	}
}

static void test_records_against_a_model(void **state)
{
	struct rng_seeded seed;
	struct rng rng = rng_from_seeded(&seed);
	struct model m = {.n = 0};
	uint32_t seq = 5;
	struct conn *c;
	struct tt t;

	(void)state;
	rng_seeded_init(&seed, 13);
	tt_start(&t, true);
	tt_establish_passive(&t);
	c = conn_of(t.s, t.conn);
	for (unsigned n = 0; n < 50000; n++) {
		if (m.n < MODEL && (!m.n || rng_below(&rng, 4) == 0)) {
			uint32_t len = 1 + (uint32_t)rng_below(&rng, 1000);

			assert_non_null(rec_push(t.s, c, seq, len, 0));
			m.r[m.n].seq = seq;
			m.r[m.n].len = len;
			m.r[m.n].sacked = m.r[m.n].lost = false;
			m.r[m.n++].sent = ++m.sendings;
			seq += len;
		} else {
			uint32_t i = (uint32_t)rng_below(&rng, m.n);

			assert_int_equal(rec_find(t.s, c, m.r[i].seq), c->rec.head + i * REC_BYTES);
			step(&t, c, &m, (unsigned)rng_below(&rng, 5), i);
		}
		compare(&t, c, &m);
	}
	while (m.n) /* nothing outstanding, as before */
		step(&t, c, &m, 4, 0);
	tt_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_records_against_a_model),
	        cmocka_unit_test(test_sack_costs_by_what_is_new),
	};

	return cmocka_run_group_tests_name("tcp record", tests, NULL, NULL);
}
