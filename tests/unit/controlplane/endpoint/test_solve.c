/* SPDX-License-Identifier: BSD-3-Clause */
/* Puzzles of set-ups: asked under load only, solved in slices, good for one set-up and once. */
#include "pair.h"

#include "base/be.h"
#include "crypto/cookie.h"
#include "endpoint/solve.h"

#include <string.h>

#define LINK 1

/* Takes what may be answered without a puzzle. */
static void load(struct pair *p)
{
	struct node *n = p->answers.n;

	while (fair_take(&n->sessions->puzzles.free, &peer_by_link(n, LINK)->free_share, n->now))
		;
}

/* The puzzle that the answerer asks for this first message, as the two tags of the refusal. */
static void asked(struct pair *p, const struct pair_envelope *e, uint8_t bits, uint32_t tag[2])
{
	const struct sessions *t = p->answers.n->sessions;
	uint8_t subject[COOKIE_MAC_BYTES + ID_BYTES];
	struct puzzle z;

	memcpy(subject, e->data + e->len - HS_MACS_BYTES, COOKIE_MAC_BYTES);
	memcpy(subject + COOKIE_MAC_BYTES, p->asks.g.identity.id.b, ID_BYTES);
	assert_int_equal(puzzle_make(&t->puzzles.secret, t->puzzles.secret.generation, bits,
	                             subject, sizeof(subject), &z),
	                 0);
	tag[0] = (uint32_t)z.bits << 24 | (be32_load(z.nonce) >> 8);
	tag[1] = be32_load(z.nonce + 3);
}

/* The asker solves it; its envelope and nonce are those of the next set-up. */
static void solve(struct pair *p, const uint32_t tag[2], struct pair_envelope *e, uint64_t *nonce)
{
	struct lsp l = {.src = p->asks.g.identity.id, .dst = p->answers.g.identity.id};

	assert_true(solve_begin(p->asks.n, p->own, &l, tag[0], tag[1]));
	while (p->own->solving.on)
		solve_slice(p->asks.n);
	/* There is no way from here in this bed: the solution waits for a set-up that can leave. */
	assert_true(p->own->solving.solved);
	e->len = handshake_envelope(&p->own->remote, &p->own->own, true, e->data);
	solve_use(p->own, e->data, e->len, nonce);
	solve_spent(p->own);
	assert_false(p->own->solving.solved);
}

static void test_solved(void **state)
{
	struct pair_envelope first, solved, bad;
	const struct node_id *me;
	uint64_t nonce = 0;
	uint32_t tag[2];
	struct node *n;
	struct lsp *l;
	struct pair p;

	pair_open(&p, 1, true);
	n = p.answers.n;
	me = &p.asks.g.identity.id;
	pair_first(&p, false, &first);
	/* No load, no puzzle. */
	assert_non_null(pair_offer(&p, 1, me, 0, &first));
	load(&p);
	assert_null(pair_offer(&p, 2, me, 0, &first));
	assert_int_equal(n->counters[CTR_PUZZLE_ASKED], 1);
	asked(&p, &first, n->sessions->puzzles.bits, tag);
	solve(&p, tag, &solved, &nonce);
	assert_int_equal(p.asks.n->counters[CTR_PUZZLE_OWN], 1);
	/* For another set-up, in another name, or a bit else. */
	assert_null(pair_offer(&p, nonce + 1, me, 0, &solved));
	assert_null(pair_offer(&p, nonce, &p.answers.g.identity.id, 0, &solved));
	for (size_t i = 0; i < COOKIE_MAC_BYTES; i++) {
		bad = solved;
		bad.data[bad.len - 1 - i] ^= 1;
		assert_null(pair_offer(&p, nonce, me, 0, &bad));
	}
	assert_int_equal(n->counters[CTR_PUZZLE_WRONG], 2 + COOKIE_MAC_BYTES);
	assert_int_equal(n->counters[CTR_PUZZLE_SOLVED], 0);
	l = pair_offer(&p, nonce, me, 0, &solved);
	assert_non_null(l);
	assert_int_equal(n->counters[CTR_PUZZLE_SOLVED], 1);
	/* Once, also when its tunnel has gone. */
	lsp_destroy(n, l);
	assert_null(pair_offer(&p, nonce, me, 0, &solved));
	assert_int_equal(n->counters[CTR_PUZZLE_WRONG], 3 + COOKIE_MAC_BYTES);
	/* The next generation of the secret knows it as well. */
	n->now.ns += SECRET_NS;
	load(&p);
	assert_null(pair_offer(&p, nonce, me, 0, &solved));
	assert_int_equal(n->counters[CTR_PUZZLE_SOLVED], 1);
	pair_close(&p);
}

/* A solution holds while its puzzle's secret is known, and no longer. */
static void test_grows_old(void **state)
{
	for (unsigned generations = 0; generations < 3; generations++) {
		struct pair_envelope first, solved;
		uint64_t nonce = 0;
		uint32_t tag[2];
		struct pair p;

		pair_open(&p, 2, false);
		pair_first(&p, false, &first);
		load(&p);
		assert_null(pair_offer(&p, 1, &p.asks.g.identity.id, 0, &first));
		asked(&p, &first, 10, tag);
		solve(&p, tag, &solved, &nonce);
		for (unsigned i = 0; i < generations; i++) {
			p.answers.n->now.ns += SECRET_NS;
			load(&p);
			assert_null(pair_offer(&p, 2, &p.asks.g.identity.id, 0, &first));
		}
		assert_int_equal(pair_offer(&p, nonce, &p.asks.g.identity.id, 0, &solved) != NULL,
		                 generations < 2);
		pair_close(&p);
	}
}

/* Work is done a slice at a time, in turn for all sessions; what is too hard, too often or about nothing is not done. */
static void test_slices(void **state)
{
	struct pair_envelope first;
	struct session *other;
	struct node_id id;
	struct lsp l = {.session = SESSION_NONE};
	struct pair p;
	struct node *n;

	pair_open(&p, 3, true);
	n = p.asks.n;
	assert_false(solve_begin(n, p.own, &l, 20u << 24, 0));
	pair_first(&p, false, &first);
	assert_false(solve_begin(n, p.own, &l, 0, 5));
	assert_false(solve_begin(n, p.own, &l, (PUZZLE_BITS_MAX + 1u) << 24, 5));
	assert_true(solve_begin(n, p.own, &l, (uint32_t)PUZZLE_BITS_MAX << 24, 5));
	assert_true(timer_armed(&n->sessions->solve_timer));
	rng_fill(&p.asks.g.rng, id.b, ID_BYTES);
	other = session_get(n, &id);
	session_enter(other, SESSION_CONNECTING);
	assert_int_equal(handshake_begin(n, other, false), 0);
	assert_true(solve_begin(n, other, &l, (uint32_t)PUZZLE_BITS_MAX << 24, 6));
	solve_slice(n);
	assert_int_equal(p.own->solving.at, 1024);
	assert_int_equal(other->solving.at, 0);
	solve_slice(n);
	assert_int_equal(other->solving.at, 1024);
	/* Asked once more meanwhile, by another attempt: the same work goes on. */
	assert_true(solve_begin(n, p.own, &l, 1u << 24, 7));
	assert_int_equal(p.own->solving.at, 1024);
	session_destroy(n, other);
	/* Nobody waits any more. */
	session_enter(p.own, SESSION_CLOSED);
	solve_slice(n);
	assert_false(p.own->solving.on);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(solve_begin(n, p.own, &l, (uint32_t)PUZZLE_BITS_MAX << 24, 5));
		solve_slice(n);
	}
	assert_false(solve_begin(n, p.own, &l, 1u << 24, 5));
	pair_close(&p);
}

/* While solved ones are more than can be answered, puzzles get harder, up to what every initiator is ready to solve; then easy again. */
static void test_harder_under_pressure(void **state)
{
	struct pair_envelope first;
	uint8_t easy, hard;
	struct pair p;
	struct node *n;

	pair_open(&p, 4, true);
	n = p.answers.n;
	pair_first(&p, false, &first);
	load(&p);
	assert_null(pair_offer(&p, 1, &p.asks.g.identity.id, 0, &first));
	easy = n->sessions->puzzles.bits;
	/* Of a crowd behind one processor each costs it a millisecond. */
	assert_true(easy <= 12);
	for (unsigned i = 0; i < 20; i++) {
		puzzle_pressed(n);
		n->now.ns += 2 * NS_PER_S;
		load(&p);
		assert_null(pair_offer(&p, 1, &p.asks.g.identity.id, 0, &first));
	}
	hard = n->sessions->puzzles.bits;
	assert_true(hard > easy && hard <= PUZZLE_BITS_MAX);
	for (unsigned i = 0; i < 20; i++) {
		n->now.ns += 2 * NS_PER_S;
		load(&p);
		assert_null(pair_offer(&p, 1, &p.asks.g.identity.id, 0, &first));
	}
	assert_int_equal(n->sessions->puzzles.bits, easy);
	pair_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_solved),
	        cmocka_unit_test(test_grows_old),
	        cmocka_unit_test(test_slices),
	        cmocka_unit_test(test_harder_under_pressure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
