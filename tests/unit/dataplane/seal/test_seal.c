/* SPDX-License-Identifier: BSD-3-Clause */
/* Whatever back end was chosen: the portable one's bytes, in bursts of every size, in place and not; forgeries refused. */
#include "base/rng.h"
#include "seal/seal.h"
#include "worker/eal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OPS  150
#define ROOM 2100

static uint8_t plain[OPS][ROOM], a[OPS][ROOM], b[OPS][ROOM], aad[OPS][16];

static void fill(struct aead_op *x, struct aead_op *y, unsigned n, const struct rng *r)
{
	for (unsigned i = 0; i < n; i++) {
		uint32_t len = (uint32_t)rng_below(r, 2001);

		rng_fill(r, plain[i], len);
		rng_fill(r, aad[i], sizeof(aad[i]));
		memcpy(b[i], plain[i], len);
		x[i] = (struct aead_op){.in = plain[i],
		                        .out = a[i],
		                        .aad = aad[i],
		                        .aad_len = 16,
		                        .len = len,
		                        .counter = rng_u64(r) >> rng_below(r, 64)};
		y[i] = x[i];
		y[i].out = b[i];
		y[i].in = i % 2 ? b[i] : plain[i];
	}
}

static void one_burst(enum aead_alg alg, unsigned n, const struct rng *r)
{
	struct aead_op x[OPS], y[OPS];
	struct aead_key portable, out, in;
	uint8_t key[AEAD_KEY_BYTES];
	unsigned forged;

	rng_fill(r, key, sizeof(key));
	assert_int_equal(aead_key_init(&portable, alg, key), 0);
	assert_int_equal(seal_key_init(&out, alg, key, true, 16), 0);
	assert_int_equal(seal_key_init(&in, alg, key, false, 16), 0);
	fill(x, y, n, r);
	aead_seal_burst(&portable, x, n);
	seal_burst(&out, y, n);
	for (unsigned i = 0; i < n; i++) {
		assert_memory_equal(a[i], b[i], x[i].len + AEAD_TAG_BYTES);
		y[i].in = y[i].out = b[i];
		y[i].len += AEAD_TAG_BYTES;
	}
	forged = (unsigned)rng_below(r, n);
	b[forged][rng_below(r, y[forged].len)] ^= 0x40;
	open_burst(&in, y, n);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(y[i].ok, i != forged);
		if (i != forged)
			assert_memory_equal(b[i], plain[i], x[i].len);
	}
	y[0].len = AEAD_TAG_BYTES - 1;
	open_burst(&in, y, 1);
	assert_false(y[0].ok);
	aead_key_wipe(&portable);
	seal_key_wipe(&out);
	seal_key_wipe(&in);
}

static void every_size(enum aead_alg alg)
{
	struct rng_seeded s;
	struct rng r;

	if (!aead_available(alg)) {
		print_message("algorithm %d is not available on this machine\n", alg);
		return;
	}
	print_message("algorithm %d: %s\n", alg, seal_backend(alg));
	rng_seeded_init(&s, 9);
	r = rng_from_seeded(&s);
	for (unsigned n = 1; n <= OPS; n += 1 + n / 4)
		one_burst(alg, n, &r);
}

static void test_chacha(void **state)
{
	every_size(AEAD_CHACHA20_POLY1305);
}

static void test_aes(void **state)
{
	every_size(AEAD_AES256_GCM);
}

/* More keys than the back end has sessions: the rest still work. */
static void test_many_keys(void **state)
{
	enum { KEYS = SEAL_SESSIONS + 50 };
	struct aead_key *k = aligned_alloc(64, KEYS * sizeof(*k));
	const uint8_t key[AEAD_KEY_BYTES] = {7};
	struct aead_op x = {.in = plain[0], .out = a[0], .aad = aad[0], .aad_len = 16, .len = 100};

	for (unsigned i = 0; i < KEYS; i++)
		assert_int_equal(seal_key_init(&k[i], AEAD_CHACHA20_POLY1305, key, true, 16), 0);
	aead_seal_burst(&k[0], &x, 1);
	x.out = b[0];
	seal_burst(&k[KEYS - 1], &x, 1);
	assert_memory_equal(a[0], b[0], 116);
	for (unsigned i = 0; i < KEYS; i++)
		seal_key_wipe(&k[i]);
	free(k);
}

int main(void)
{
	const struct dp_cfg cfg = {.name = "test_seal", .workers = 1, .no_huge = true};
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_chacha),
	        cmocka_unit_test(test_aes),
	        cmocka_unit_test(test_many_keys),
	};
	char err[256];
	struct eal *e = eal_start(&cfg, 64, err, sizeof(err));
	int rc;

	if (!e) {
		fprintf(stderr, "%s\n", err);
		return 1;
	}
	seal_start();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	seal_stop();
	eal_stop(e);
	return rc;
}
