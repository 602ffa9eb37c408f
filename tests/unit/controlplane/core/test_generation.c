/* SPDX-License-Identifier: BSD-3-Clause */
/* First messages of IK: each is taken once, in rising order, and only by who holds the generation that it was made with. */
#include "ground.h"

#include "core/generation.h"
#include "crypto/identity.h"

#include <errno.h>
#include <string.h>

struct two {
	struct ground g[2];
	struct generations own[2]; /* what each keeps of the other */
};

static void two_open(struct two *t)
{
	memset(t, 0, sizeof(*t));
	ground_open(&t->g[0], 1);
	ground_open(&t->g[1], 2);
}

static void two_close(struct two *t)
{
	ground_close(&t->g[0]);
	ground_close(&t->g[1]);
}

static void start(struct two *t, unsigned side, enum noise_pattern pattern, bool asks,
                  struct noise *x)
{
	struct ground *g = &t->g[side];

	assert_int_equal(
	        noise_init(x, pattern, asks, "p", 1, g->identity.x_secret, g->identity.x_public,
	                   asks && pattern == NOISE_IK ? t->g[!side].identity.x_public : NULL,
	                   &g->rng),
	        0);
}

/* A whole XX; kept by the sides in the mask (1: the asker). */
static void xx(struct two *t, unsigned kept_by)
{
	uint8_t msg[NOISE_MESSAGE_MAX], back[NOISE_MESSAGE_MAX];
	struct noise x[2];
	size_t len, n;

	start(t, 0, NOISE_XX, true, &x[0]);
	start(t, 1, NOISE_XX, false, &x[1]);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(noise_write(&x[i % 2], "", 0, msg, sizeof(msg), &len), 0);
		assert_int_equal(noise_read(&x[1 - i % 2], msg, len, back, &n), 0);
	}
	for (unsigned side = 0; side < 2; side++)
		if (kept_by & 1u << side)
			generation_add(&t->own[side], &x[side]);
}

struct first {
	uint8_t msg[NOISE_MESSAGE_MAX];
	size_t len;
};

static struct first ask(struct two *t)
{
	struct hs_payload p = {.tx_lanes = 1};
	uint8_t payload[HS_PAYLOAD_MAX];
	struct first f;
	struct noise x;

	start(t, 0, NOISE_IK, true, &x);
	p.stamp = generation_ask(&t->own[0], &x);
	assert_int_equal(noise_write(&x, payload, hs_payload_write(&p, payload, sizeof(payload)),
	                             f.msg, sizeof(f.msg), &f.len),
	                 0);
	return f;
}

static int hear(struct two *t, const struct first *f)
{
	struct hs_payload p;
	struct noise x;

	start(t, 1, NOISE_IK, false, &x);
	assert_int_equal(noise_read_static(&x, f->msg, f->len), 0);
	return generation_read(&t->own[1], &x, f->msg, f->len, &p);
}

static void test_once(void **state)
{
	struct first f[4];
	struct two t;

	two_open(&t);
	xx(&t, 3);
	for (unsigned i = 0; i < 4; i++)
		f[i] = ask(&t);
	assert_int_equal(hear(&t, &f[1]), 0);
	assert_int_equal(hear(&t, &f[1]), -EALREADY);
	assert_int_equal(hear(&t, &f[0]), -ESTALE); /* held up on its way */
	assert_int_equal(hear(&t, &f[3]), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(hear(&t, &f[i]), -ESTALE);
	assert_int_equal(hear(&t, &f[3]), -EALREADY);
	two_close(&t);
}

/* One without a stamp is not taken, however good its keys are. */
static void test_unstamped(void **state)
{
	struct hs_payload p = {.tx_lanes = 1};
	uint8_t payload[HS_PAYLOAD_MAX];
	struct first f;
	struct noise x;
	struct two t;

	two_open(&t);
	xx(&t, 3);
	start(&t, 0, NOISE_IK, true, &x);
	(void)generation_ask(&t.own[0], &x);
	assert_int_equal(noise_write(&x, payload, hs_payload_write(&p, payload, sizeof(payload)),
	                             f.msg, sizeof(f.msg), &f.len),
	                 0);
	assert_int_equal(hear(&t, &f), -ESTALE);
	assert_int_equal(t.own[1].g[0].seen, 0);
	two_close(&t);
}

/* The answerer knows of the newer generation first, or has not heard of it: two are kept. What is older cannot be read, also where the stamp
 * would be new. */
static void test_two_generations(void **state)
{
	struct first old, newer;
	struct two t;

	two_open(&t);
	xx(&t, 3);
	old = ask(&t);
	xx(&t, 2); /* the asker has no proof yet */
	newer = ask(&t);
	assert_int_equal(hear(&t, &newer), 0);
	assert_int_equal(hear(&t, &old), -ESTALE);
	newer = ask(&t);
	xx(&t, 3);
	assert_int_equal(hear(&t, &newer), -ESTALE);
	newer = ask(&t);
	assert_int_equal(hear(&t, &newer), 0);
	xx(&t, 1); /* the answerer has started anew, or never had the proof */
	newer = ask(&t);
	assert_int_equal(hear(&t, &newer), -ESTALE);
	two_close(&t);
}

/* After a start there is nothing, and what was recorded before it is of no use. Another key's generations are not mixed with it. */
static void test_started_anew(void **state)
{
	struct two t, other;
	struct first f;

	two_open(&t);
	xx(&t, 3);
	f = ask(&t);
	memset(&t.own[1], 0, sizeof(t.own[1]));
	assert_int_equal(hear(&t, &f), -ESTALE);
	xx(&t, 3);
	assert_int_equal(hear(&t, &f), -ESTALE);
	two_open(&other);
	assert_true(generations_with(&t.own[1], other.g[0].identity.x_public));
	assert_false(generations_with(&t.own[1], other.g[1].identity.x_public));
	generation_add_secret(&t.own[1], other.g[1].identity.x_public, f.msg);
	assert_true(generations_with(&t.own[1], other.g[1].identity.x_public));
	assert_false(t.own[1].g[1].valid);
	f = ask(&t);
	assert_int_equal(hear(&t, &f), -ESTALE);
	two_close(&other);
	two_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_once),
	        cmocka_unit_test(test_unstamped),
	        cmocka_unit_test(test_two_generations),
	        cmocka_unit_test(test_started_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
