/* SPDX-License-Identifier: BSD-3-Clause */
/* Node ids: XOR metric and the base32 text forms. */
#include "wire/id.h"

#include "base/assert.h"

/* id 64, checksum 2, version 1: 536 bits, so 108 characters of 5 bits with 4 zero bits at the end. */
#define RAW_BYTES (ID_BYTES + 3)
#define HALF      (ID_TEXT_LEN / 2)

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

int id_cmp_dist(const struct node_id *target, const struct node_id *a, const struct node_id *b)
{
	for (size_t i = 0; i < ID_BYTES; i++) {
		int da = a->b[i] ^ target->b[i], db = b->b[i] ^ target->b[i];

		if (da != db)
			return da - db;
	}
	return 0;
}

unsigned id_common_prefix(const struct node_id *a, const struct node_id *b)
{
	for (unsigned i = 0; i < ID_BYTES; i++) {
		unsigned x = a->b[i] ^ b->b[i];

		if (x)
			return i * 8 + (unsigned)__builtin_clz(x) - 24;
	}
	return ID_BITS;
}

/* CRC-16 (x^16 + x^12 + x^5 + 1, from all ones, most significant bit first) of the version byte and the id, which it
 * follows in the text: every burst of up to 16 bits is found, so any one wrong character and any two swapped neighbours
 * are refused for certain; a hash cut to 2 bytes would let one such error in 65 536 pass. */
static void checksum(const uint8_t *id, uint8_t version, uint8_t out[2])
{
	uint32_t crc = 0xffff;

	/* A byte at a time: with this polynomial its eight steps are three shifts (the test compares with single steps). */
	for (unsigned i = 0; i <= ID_BYTES; i++) {
		uint32_t x = (crc >> 8 ^ (i ? id[i - 1] : version)) & 0xff;

		x ^= x >> 4;
		crc = (crc << 8 ^ x << 12 ^ x << 5 ^ x) & 0xffff;
	}
	out[0] = (uint8_t)(crc >> 8);
	out[1] = (uint8_t)crc;
}

void id_to_text(const struct node_id *id, char *out)
{
	uint8_t raw[RAW_BYTES + 1] = {0};

	memcpy(raw, id->b, ID_BYTES);
	checksum(id->b, ID_VERSION, raw + ID_BYTES);
	raw[ID_BYTES + 2] = ID_VERSION;
	for (unsigned i = 0; i < ID_TEXT_LEN; i++) {
		unsigned bit = i * 5, two = (unsigned)raw[bit / 8] << 8;

		if (bit / 8 + 1 < sizeof(raw))
			two |= raw[bit / 8 + 1];
		out[i] = alphabet[(two >> (11 - bit % 8)) & 31];
	}
	out[ID_TEXT_LEN] = '\0';
}

void id_to_short(const struct node_id *id, char *out)
{
	char text[ID_TEXT_LEN + 1];

	id_to_text(id, text);
	memcpy(out, text, ID_SHORT_LEN);
	out[ID_SHORT_LEN] = '\0';
}

void id_to_host(const struct node_id *id, char *out)
{
	char text[ID_TEXT_LEN + 1];

	id_to_text(id, text);
	memcpy(out, text, HALF);
	out[HALF] = '.';
	memcpy(out + HALF + 1, text + HALF, HALF);
	memcpy(out + ID_TEXT_LEN + 1, ".coyo", 6);
}

static int digit(char c)
{
	if (c >= 'a' && c <= 'z')
		return c - 'a';
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= '2' && c <= '7')
		return c - '2' + 26;
	return -1;
}

static bool has_suffix(const char *text, size_t len)
{
	static const char suffix[] = ".coyo";

	if (len < 5)
		return false;
	for (size_t i = 0; i < 5; i++) {
		char c = text[len - 5 + i];

		if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != suffix[i])
			return false;
	}
	return true;
}

enum id_parse_result id_parse(const char *text, size_t len, struct node_id *out)
{
	uint8_t raw[RAW_BYTES + 1] = {0}, sum[2];
	unsigned n = 0;
	bool strange = false;

	if (has_suffix(text, len))
		len -= 5;
	for (size_t i = 0; i < len; i++) {
		int d = digit(text[i]);

		if (text[i] == '.')
			continue;
		if (n >= ID_TEXT_LEN)
			return ID_PARSE_LENGTH;
		if (d < 0) {
			strange = true;
			d = 0;
		}
		COYO_ASSERT((n * 5 + 4) / 8 < sizeof(raw) && d < 32);
		for (unsigned b = 0; b < 5; b++, d <<= 1)
			if (d & 16)
				raw[(n * 5 + b) / 8] |= (uint8_t)(0x80 >> ((n * 5 + b) % 8));
		n++;
	}
	if (n != ID_TEXT_LEN)
		return ID_PARSE_LENGTH;
	if (strange)
		return ID_PARSE_CHAR;
	checksum(raw, raw[ID_BYTES + 2], sum);
	if (memcmp(sum, raw + ID_BYTES, 2) != 0 || raw[RAW_BYTES] != 0)
		return ID_PARSE_CHECKSUM;
	if (raw[ID_BYTES + 2] != ID_VERSION)
		return ID_PARSE_VERSION;
	memcpy(out->b, raw, ID_BYTES);
	return ID_PARSE_OK;
}

const char *id_parse_error(enum id_parse_result r)
{
	switch (r) {
	case ID_PARSE_OK:
		return "a valid id";
	case ID_PARSE_LENGTH:
		return "an id has 108 characters (dots and a final .coyo do not count); check that "
		       "it was copied whole";
	case ID_PARSE_CHAR:
		return "an id has only the characters a-z and 2-7; check for a stray character (0, "
		       "1, 8 and 9 never occur)";
	case ID_PARSE_CHECKSUM:
		return "the id's checksum does not match, so it was mistyped; copy it again from "
		       "`coyo id`";
	case ID_PARSE_VERSION:
		return "the id has a version this build does not know; a newer build may";
	}
	return "an unknown error";
}
