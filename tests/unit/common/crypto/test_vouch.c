/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists of names are signed by whom they say, and by nothing that was signed for another purpose. */
#include "crypto/vouch.h"

#include <errno.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static char text[VOUCHED_TEXT_MAX], why[NAMES_WHY_MAX];
static struct identity alice, mallory;

static int make_identities(void **state)
{
	uint8_t seed[IDENTITY_SEED_BYTES] = {1};
	int r = identity_from_seed(&alice, seed);

	seed[0] = 2;
	return r | identity_from_seed(&mallory, seed);
}

static size_t make(const struct identity *me)
{
	struct vouched v = {.serial = 5};
	size_t n;

	assert_int_equal(names_add(&v.names, "nas", &mallory.id), 0);
	n = vouch_make(me, &v, text);
	vouched_free(&v);
	return n;
}

static int verify(size_t n)
{
	struct vouched v;
	int r = vouched_read(&v, text, n, why);

	if (r == 0) {
		r = vouch_verify(&v, text);
		vouched_free(&v);
	}
	return r;
}

static void what_is_made_is_verified(void **state)
{
	struct vouched v;
	size_t n = make(&alice);

	assert_int_equal(verify(n), 0);
	assert_int_equal(vouched_read(&v, text, n, why), 0);
	assert_true(id_eq(&v.signer, &alice.id));
	assert_memory_equal(v.key, alice.ed_public, 32);
	vouched_free(&v);
}

static void any_bit_changed_is_noticed(void **state)
{
	size_t n = make(&alice);

	for (size_t i = 0; i < n; i++) {
		text[i] ^= 1;
		assert_true(verify(n) < 0);
		text[i] ^= 1;
	}
}

/* Mallory signs a list that names alice as its signer: with her key, and with mallory's own. */
static void nobody_signs_for_another(void **state)
{
	struct identity forged = mallory;
	size_t n;

	forged.id = alice.id;
	n = make(&forged);
	assert_int_equal(verify(n), -EBADMSG);
	memcpy(forged.ed_public, alice.ed_public, sizeof(forged.ed_public));
	n = make(&forged);
	assert_int_equal(verify(n), -EBADMSG);
}

/* A signature of the same bytes under another context, or under none, counts for nothing. */
static void context_is_its_own(void **state)
{
	static const char *const contexts[] = {"IPvCoyo record 1", "IPvCoyo root 1", ""};
	uint8_t hash[64];
	struct vouched v;
	size_t n = make(&alice);

	assert_int_equal(vouched_read(&v, text, n, why), 0);
	crypto_generichash(hash, sizeof(hash), (const uint8_t *)text, v.signed_len, NULL, 0);
	for (size_t i = 0; i < ARRAY_LEN(contexts); i++) {
		sig_sign(&alice, contexts[i], hash, sizeof(hash), v.sig);
		assert_int_equal(vouch_verify(&v, text), -EBADMSG);
	}
	sig_sign(&alice, VOUCH_CONTEXT, hash, sizeof(hash), v.sig);
	assert_int_equal(vouch_verify(&v, text), 0);
	vouched_free(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_is_made_is_verified),
	        cmocka_unit_test(any_bit_changed_is_noticed),
	        cmocka_unit_test(nobody_signs_for_another),
	        cmocka_unit_test(context_is_its_own),
	};

	return cmocka_run_group_tests(tests, make_identities, NULL);
}
