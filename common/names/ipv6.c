/* SPDX-License-Identifier: BSD-3-Clause */
/* The part of an id that its IPv6 view holds, as text. */
#include "names/ipv6.h"

#include <string.h>

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

void names_start_to_text(const uint8_t start[NAMES_START_BYTES], char out[NAMES_START_LEN + 1])
{
	for (unsigned i = 0; i < NAMES_START_LEN; i++) {
		unsigned at = i * 5 / 8, two = (unsigned)start[at] << 8;

		if (at + 1 < NAMES_START_BYTES)
			two |= start[at + 1];
		out[i] = alphabet[two >> (11 - i * 5 % 8) & 31];
	}
	out[NAMES_START_LEN] = '\0';
}

bool names_start_from_text(const char *text, size_t len, uint8_t start[NAMES_START_BYTES])
{
	uint8_t out[NAMES_START_BYTES + 1] = {0};

	if (len != NAMES_START_LEN)
		return false;
	for (unsigned i = 0; i < NAMES_START_LEN; i++) {
		char c = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 32) : text[i];
		const char *digit = c ? strchr(alphabet, c) : NULL;
		unsigned five = digit ? (unsigned)(digit - alphabet) << (11 - i * 5 % 8) : 0;

		if (!digit)
			return false;
		out[i * 5 / 8] |= (uint8_t)(five >> 8);
		out[i * 5 / 8 + 1] |= (uint8_t)five;
	}
	memcpy(start, out, NAMES_START_BYTES);
	return true;
}
