/* SPDX-License-Identifier: BSD-3-Clause */
/* Ids: XOR metric against bit-by-bit twins, text forms, and every mistyped character. */
#include "base/rng.h"
#include "wire/id.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>

#define ALPHABET "abcdefghijklmnopqrstuvwxyz234567"

static struct rng seeded(struct rng_seeded *s, uint64_t seed)
{
	rng_seeded_init(s, seed);
	return rng_from_seeded(s);
}

static struct node_id random_id(const struct rng *rng)
{
	struct node_id id;

	rng_fill(rng, id.b, ID_BYTES);
	return id;
}

static unsigned bit(const struct node_id *id, unsigned i)
{
	return id->b[i / 8] >> (7 - i % 8) & 1;
}

static void metric_twin(void **state)
{
	struct rng_seeded s;
	struct rng rng = seeded(&s, 1);

	for (unsigned run = 0; run < 20000; run++) {
		struct node_id t = random_id(&rng), a = random_id(&rng), b = a;
		unsigned same = 0;
		int want = 0;

		for (uint64_t flips = rng_below(&rng, 4); flips > 0; flips--)
			b.b[rng_below(&rng, ID_BYTES)] ^= (uint8_t)(1u << rng_below(&rng, 8));
		while (same < ID_BITS && bit(&a, same) == bit(&b, same))
			same++;
		if (same <
		    ID_BITS) /* the first bit that differs decides: closer is who agrees with t */
			want = bit(&a, same) == bit(&t, same) ? -1 : 1;
		assert_int_equal(id_common_prefix(&a, &b), same);
		assert_int_equal(id_cmp_dist(&t, &a, &b) < 0, want < 0);
		assert_int_equal(id_cmp_dist(&t, &a, &b) > 0, want > 0);
		assert_int_equal(id_eq(&a, &b), want == 0);
	}
}

static void zero(void **state)
{
	struct node_id id = {{0}};

	assert_true(id_is_zero(&id));
	id.b[63] = 1;
	assert_false(id_is_zero(&id));
}

static void forms(void **state)
{
	struct rng_seeded s;
	struct rng rng = seeded(&s, 2);

	for (unsigned run = 0; run < 500; run++) {
		struct node_id id = random_id(&rng), back = {{0}};
		char text[ID_TEXT_LEN + 1], host[ID_HOST_LEN + 1], brief[ID_SHORT_LEN + 1];

		id_to_text(&id, text);
		id_to_host(&id, host);
		id_to_short(&id, brief);
		assert_int_equal(strlen(text), ID_TEXT_LEN);
		assert_int_equal(strspn(text, ALPHABET), ID_TEXT_LEN);
		assert_int_equal(strlen(host), ID_HOST_LEN);
		assert_string_equal(host + 109, ".coyo");
		assert_int_equal(host[54], '.');
		assert_memory_equal(brief, text, ID_SHORT_LEN);
		assert_int_equal(id_parse(text, ID_TEXT_LEN, &back), ID_PARSE_OK);
		assert_true(id_eq(&id, &back));
		memset(&back, 0, sizeof(back));
		assert_int_equal(id_parse(host, ID_HOST_LEN, &back), ID_PARSE_OK);
		assert_true(id_eq(&id, &back));
		for (char *p = host; *p; p++)
			*p = (char)toupper((unsigned char)*p);
		memset(&back, 0, sizeof(back));
		assert_int_equal(id_parse(host, ID_HOST_LEN, &back), ID_PARSE_OK);
		assert_true(id_eq(&id, &back));
	}
}

/* The checksum is linear, so what holds for one id holds for all: no substitution of one character by another, and no
 * swap of two neighbours, is ever taken for a valid id. */
static void mistyped(void **state)
{
	struct rng_seeded s;
	struct rng rng = seeded(&s, 3);

	for (unsigned run = 0; run < 20; run++) {
		struct node_id id = random_id(&rng), out;
		char text[ID_TEXT_LEN + 1];

		id_to_text(&id, text);
		memset(&out, 0xa5, sizeof(out));
		for (unsigned i = 0; i < ID_TEXT_LEN; i++) {
			char was = text[i];

			for (const char *c = ALPHABET; *c; c++) {
				if (*c == was)
					continue;
				text[i] = *c;
				assert_int_not_equal(id_parse(text, ID_TEXT_LEN, &out),
				                     ID_PARSE_OK);
			}
			text[i] = was;
			if (i + 1 < ID_TEXT_LEN && text[i + 1] != was) {
				text[i] = text[i + 1];
				text[i + 1] = was;
				assert_int_not_equal(id_parse(text, ID_TEXT_LEN, &out),
				                     ID_PARSE_OK);
				text[i + 1] = text[i];
				text[i] = was;
			}
		}
		for (unsigned i = 0; i < ID_BYTES; i++)
			assert_int_equal(out.b[i], 0xa5);
	}
}

/* Two characters at once anywhere: at most about one pattern in 2^16 may pass. */
static void mistyped_twice(void **state)
{
	struct rng_seeded s;
	struct rng rng = seeded(&s, 4);
	struct node_id id = random_id(&rng), out;
	char text[ID_TEXT_LEN + 1], bad[ID_TEXT_LEN + 1];
	unsigned passed = 0;

	id_to_text(&id, text);
	for (unsigned run = 0; run < 200000; run++) {
		memcpy(bad, text, sizeof(bad));
		for (unsigned k = 0; k < 2; k++)
			bad[rng_below(&rng, ID_TEXT_LEN)] = ALPHABET[rng_below(&rng, 32)];
		passed += strcmp(bad, text) != 0 && id_parse(bad, ID_TEXT_LEN, &out) == ID_PARSE_OK;
	}
	assert_true(passed < 20);
}

static void refused(void **state)
{
	struct rng_seeded s;
	struct rng rng = seeded(&s, 5);
	struct node_id id = random_id(&rng), out;
	char text[ID_TEXT_LEN + 8];

	id_to_text(&id, text);
	for (size_t n = 0; n < ID_TEXT_LEN; n++)
		assert_int_equal(id_parse(text, n, &out), ID_PARSE_LENGTH);
	strcpy(text + ID_TEXT_LEN, "a");
	assert_int_equal(id_parse(text, ID_TEXT_LEN + 1, &out), ID_PARSE_LENGTH);
	assert_int_equal(id_parse("", 0, &out), ID_PARSE_LENGTH);
	assert_int_equal(id_parse(".coyo", 5, &out), ID_PARSE_LENGTH);
	text[7] = '0';
	assert_int_equal(id_parse(text, ID_TEXT_LEN, &out), ID_PARSE_CHAR);
	text[7] = (char)0xc3;
	assert_int_equal(id_parse(text, ID_TEXT_LEN, &out), ID_PARSE_CHAR);
	for (enum id_parse_result r = ID_PARSE_OK; r <= ID_PARSE_VERSION; r++)
		assert_true(strlen(id_parse_error(r)) > 8);
	assert_non_null(strstr(id_parse_error(ID_PARSE_CHECKSUM), "checksum"));
}

/* Base32 and checksum written a second time, bit by bit, so that a text of any version can be made. */
static void text_twin(const struct node_id *id, uint8_t version, char *out)
{
	uint8_t raw[69] = {0}, in[ID_BYTES + 1];
	unsigned crc = 0xffff;

	in[0] = version;
	memcpy(in + 1, id->b, ID_BYTES);
	for (unsigned i = 0; i < sizeof(in) * 8; i++) {
		unsigned top = (crc >> 15 ^ in[i / 8] >> (7 - i % 8)) & 1;

		crc = (crc << 1 & 0xffff) ^ (top ? 0x1021 : 0);
	}
	memcpy(raw, id->b, ID_BYTES);
	raw[64] = (uint8_t)(crc >> 8);
	raw[65] = (uint8_t)crc;
	raw[66] = version;
	for (unsigned i = 0; i < ID_TEXT_LEN; i++) {
		unsigned v = 0;

		for (unsigned b = 5 * i; b < 5 * i + 5; b++)
			v = v << 1 | (raw[b / 8] >> (7 - b % 8) & 1);
		out[i] = ALPHABET[v];
	}
	out[ID_TEXT_LEN] = '\0';
}

static void versions(void **state)
{
	struct rng_seeded s;
	struct rng rng = seeded(&s, 7);

	for (unsigned version = 0; version < 256; version++) {
		struct node_id id = random_id(&rng), out;
		char twin[ID_TEXT_LEN + 1], text[ID_TEXT_LEN + 1];

		text_twin(&id, (uint8_t)version, twin);
		id_to_text(&id, text);
		assert_int_equal(strcmp(text, twin) == 0, version == ID_VERSION);
		assert_int_equal(id_parse(twin, ID_TEXT_LEN, &out),
		                 version == ID_VERSION ? ID_PARSE_OK : ID_PARSE_VERSION);
	}
}

/* Any bytes: no crash, and what is accepted has the canonical text of its id. */
static void noise(void **state)
{
	struct rng_seeded s;
	struct rng rng = seeded(&s, 6);

	for (unsigned run = 0; run < 100000; run++) {
		size_t n = rng_below(&rng, 130);
		char *text = malloc(n ? n : 1);
		struct node_id out;

		rng_fill(&rng, text, n);
		if (rng_below(&rng, 2))
			for (size_t i = 0; i < n; i++)
				text[i] = ALPHABET[(unsigned char)text[i] & 31];
		(void)!id_parse(text, n, &out);
		free(text);
	}
}

/* The 16 bits behind the id, against the polynomial divided bit by bit. */
static void checksum_twin(void **state)
{
	struct rng_seeded s;
	struct rng rng = seeded(&s, 9);

	for (unsigned run = 0; run < 1000; run++) {
		struct node_id id = random_id(&rng);
		char text[ID_TEXT_LEN + 1];
		unsigned crc = 0xffff, found = 0;

		id_to_text(&id, text);
		for (unsigned i = ID_BITS; i < ID_BITS + 16; i++) {
			unsigned digit = (unsigned)(strchr(ALPHABET, text[i / 5]) - ALPHABET);

			found = found << 1 | (digit >> (4 - i % 5) & 1);
		}
		for (unsigned i = 0; i < 8 + ID_BITS; i++) {
			unsigned in = i < 8 ? ID_VERSION >> (7 - i) & 1 : bit(&id, i - 8);
			unsigned out = (crc >> 15 ^ in) & 1;

			crc = (crc << 1 & 0xffff) ^ (out ? 0x1021 : 0);
		}
		assert_int_equal(found, crc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(metric_twin),    cmocka_unit_test(zero),
	        cmocka_unit_test(forms),          cmocka_unit_test(mistyped),
	        cmocka_unit_test(mistyped_twice), cmocka_unit_test(refused),
	        cmocka_unit_test(versions),       cmocka_unit_test(noise),
	        cmocka_unit_test(checksum_twin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
