/* SPDX-License-Identifier: BSD-3-Clause */
/* Identities: published digests, signatures and key exchanges, the key file's text, signature contexts. */
#include "tests/lib/vectors.h"

#include "crypto/identity.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static struct identity fixed(uint8_t first)
{
	const uint8_t seed[32] = {first};
	struct identity me;

	assert_int_equal(identity_from_seed(&me, seed), 0);
	return me;
}

static void blake2b(void **state)
{
	struct vectors v;
	struct vector b;
	uint8_t in[64], want[64], got[64];
	unsigned n = 0, ids = 0;

	assert_true(vectors_open(&v, VECTORS "/blake2b.txt"));
	for (; vectors_next(&v, &b); n++) {
		long len = vector_hex(&b, "in", in, sizeof(in));

		assert_int_equal(vector_hex(&b, "out", want, 64), 64);
		assert_true(len >= 0);
		crypto_generichash(got, 64, in, (unsigned long long)len, NULL, 0);
		assert_memory_equal(got, want, 64);
		if (len == 32) { /* as an id */
			struct node_id id;

			identity_id_of_key(in, &id);
			assert_memory_equal(id.b, want, 64);
			ids++;
		}
		vector_free(&b);
	}
	vectors_close(&v);
	assert_int_equal(n, 64);
	assert_int_equal(ids, 1);
}

static void ed25519(void **state)
{
	struct vectors v;
	struct vector b;
	uint8_t pk[32], msg[1024], sig[256];
	unsigned n = 0;

	assert_true(vectors_open(&v, VECTORS "/ed25519.txt"));
	for (; vectors_next(&v, &b); n++) {
		long len = vector_hex(&b, "msg", msg, sizeof(msg));
		long sig_len = vector_hex(&b, "sig", sig, sizeof(sig));
		bool ok;

		assert_true(len >= 0 && sig_len >= 0);
		assert_int_equal(vector_hex(&b, "pk", pk, 32), 32);
		ok = sig_len == 64 &&
		     crypto_sign_verify_detached(sig, msg, (unsigned long long)len, pk) == 0;
		assert_int_equal(ok, strcmp(vector_text(&b, "result"), "valid") == 0);
		vector_free(&b);
	}
	vectors_close(&v);
	assert_int_equal(n, 151);
}

/* Every valid secret comes out, and a zero one is refused, which ends a handshake. */
static void x25519(void **state)
{
	struct vectors v;
	struct vector b;
	uint8_t pub[32], sec[32], want[32], got[32];
	unsigned n = 0, refused = 0;

	assert_true(vectors_open(&v, VECTORS "/x25519.txt"));
	for (; vectors_next(&v, &b); n++) {
		bool zero;

		assert_int_equal(vector_hex(&b, "public", pub, 32), 32);
		assert_int_equal(vector_hex(&b, "private", sec, 32), 32);
		assert_int_equal(vector_hex(&b, "shared", want, 32), 32);
		zero = sodium_is_zero(want, 32);
		assert_int_equal(crypto_scalarmult(got, sec, pub) != 0, zero);
		if (!zero)
			assert_memory_equal(got, want, 32);
		refused += zero;
		vector_free(&b);
	}
	vectors_close(&v);
	assert_int_equal(n, 518);
	assert_int_equal(refused, 31);
}

static void parts_agree(void **state)
{
	struct rng_seeded s;
	struct rng rng;

	rng_seeded_init(&s, 1);
	rng = rng_from_seeded(&s);
	for (unsigned i = 0; i < 50; i++) {
		struct identity me, again;
		struct node_id id;
		uint8_t x[32];

		assert_int_equal(identity_generate(&me, &rng), 0);
		assert_int_equal(identity_from_seed(&again, me.seed), 0);
		assert_memory_equal(&me, &again, sizeof(me));
		assert_int_equal(identity_x_of_ed(me.ed_public, x), 0);
		assert_memory_equal(x, me.x_public,
		                    32); /* the image of the public key is the public image */
		identity_id_of_key(me.ed_public, &id);
		assert_true(id_eq(&id, &me.id));
		identity_wipe(&me);
		assert_true(sodium_is_zero((const uint8_t *)&me, sizeof(me)));
	}
}

/* Points of small order and bytes that are no point have no X25519 image. */
static void bad_keys(void **state)
{
	static const uint8_t order1[32] = {1}, order4[32] = {0}, none[32] = {2};
	uint8_t order2[32], x[32];

	memset(order2, 0xff, 32);
	order2[0] = 0xec;
	order2[31] = 0x7f;
	assert_int_equal(identity_x_of_ed(order1, x), -EINVAL);
	assert_int_equal(identity_x_of_ed(order2, x), -EINVAL);
	assert_int_equal(identity_x_of_ed(order4, x), -EINVAL);
	assert_int_equal(identity_x_of_ed(none, x), -EINVAL);
}

static int parse(struct identity *out, const char *text, size_t len)
{
	char *copy = malloc(len ? len : 1); /* without a NUL: a read past the end shows */
	int err;

	memcpy(copy, text, len);
	err = identity_from_text(out, copy, len);
	free(copy);
	return err;
}

static void text_round_trip(void **state)
{
	struct identity me = fixed(5), back;
	char text[IDENTITY_TEXT_MAX], more[2 * IDENTITY_TEXT_MAX];
	int n = identity_to_text(&me, text);

	assert_int_equal(n, strlen(text));
	assert_true(n < IDENTITY_TEXT_MAX);
	assert_int_equal(text[0], '#');
	assert_int_equal(parse(&back, text, (size_t)n), 0);
	assert_memory_equal(&me, &back, sizeof(me));
	snprintf(more, sizeof(more), "# mine\n\n%s\r\n \n", text);
	assert_int_equal(parse(&back, more, strlen(more)), 0);
	assert_int_equal(parse(&back, strchr(text, '\n') + 1, strlen(strchr(text, '\n') + 1)), 0);
}

static void text_damaged(void **state)
{
	struct identity me = fixed(6), back;
	char text[IDENTITY_TEXT_MAX];
	size_t n = (size_t)identity_to_text(&me, text), key = n - 73;

	for (size_t i = key; i < n - 1; i++) { /* every digit, every other digit in its place */
		char was = text[i];

		for (const char *c = "0123456789abcdefg \n"; *c; c++) {
			text[i] = *c;
			assert_int_equal(parse(&back, text, n), *c == was ? 0 : -EBADMSG);
		}
		text[i] = was;
	}
	for (size_t i = strcspn(text, "\n") + 1; i < key; i++) {
		text[i] ^= 1;
		assert_int_equal(parse(&back, text, n), -EINVAL);
		text[i] ^= 1;
	}
	for (size_t i = 0; i < n; i++) /* without its last newline it is still whole */
		assert_int_equal(parse(&back, text, i), i < key     ? -EINVAL
		                                        : i < n - 1 ? -EBADMSG
		                                                    : 0);
	text[n] = 'a';
	assert_int_equal(parse(&back, text, n + 1), -EBADMSG);
	assert_int_equal(parse(&back, "# nothing", 9), -EINVAL);
	assert_int_equal(parse(&back, "", 0), -EINVAL);
}

static void contexts_differ(void **state)
{
	struct identity me = fixed(7), you = fixed(8);
	uint8_t sig[64], sig2[64];

	sig_sign(&me, "IPvCoyo record 1", "body", 4, sig);
	sig_sign(&me, "IPvCoyo root 1", "body", 4, sig2);
	assert_memory_not_equal(sig, sig2, 64);
	assert_int_equal(sig_verify(me.ed_public, "IPvCoyo record 1", "body", 4, sig), 0);
	assert_int_equal(sig_verify(me.ed_public, "IPvCoyo root 1", "body", 4, sig), -EBADMSG);
	assert_int_equal(sig_verify(you.ed_public, "IPvCoyo record 1", "body", 4, sig), -EBADMSG);
	assert_int_equal(sig_verify(me.ed_public, "IPvCoyo record 1", "bode", 4, sig), -EBADMSG);
	/* the border between context and message is signed too */
	sig_sign(&me, "ab", "cd", 2, sig);
	assert_int_equal(sig_verify(me.ed_public, "abc", "d", 1, sig), -EBADMSG);
	assert_int_equal(sig_verify(me.ed_public, "a", "bcd", 3, sig), -EBADMSG);
	assert_int_equal(sig_verify(me.ed_public, "", "abcd", 4, sig), -EBADMSG);
	/* and no bare signature of the same bytes passes */
	crypto_sign_detached(sig, NULL, (const uint8_t *)"abcd", 4, me.ed_secret);
	assert_int_equal(sig_verify(me.ed_public, "ab", "cd", 2, sig), -EBADMSG);
	for (unsigned i = 0; i < 512; i++) {
		sig2[i / 8] ^= (uint8_t)(1u << i % 8);
		assert_int_equal(sig_verify(me.ed_public, "IPvCoyo root 1", "body", 4, sig2),
		                 -EBADMSG);
		sig2[i / 8] ^= (uint8_t)(1u << i % 8);
	}
}

static void too_long_to_sign(void **state)
{
	static uint8_t msg[4097];
	char context[257];
	struct identity me = fixed(9);
	uint8_t sig[64];

	memset(context, 'c', 256);
	context[256] = '\0';
	sig_sign(&me, context, msg, 1, sig);
	assert_true(sodium_is_zero(sig, 64));
	assert_int_equal(sig_verify(me.ed_public, context, msg, 1, sig), -EBADMSG);
	sig_sign(&me, context + 1, msg, 4096, sig);
	assert_int_equal(sig_verify(me.ed_public, context + 1, msg, 4096, sig), 0);
	assert_int_equal(sig_verify(me.ed_public, context + 1, msg, 4097, sig), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(blake2b),          cmocka_unit_test(ed25519),
	        cmocka_unit_test(x25519),           cmocka_unit_test(parts_agree),
	        cmocka_unit_test(bad_keys),         cmocka_unit_test(text_round_trip),
	        cmocka_unit_test(text_damaged),     cmocka_unit_test(contexts_differ),
	        cmocka_unit_test(too_long_to_sign),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
