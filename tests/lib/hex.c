/* SPDX-License-Identifier: BSD-3-Clause */
/* Hexadecimal text to bytes and back. */
#include "tests/lib/hex.h"

#include <string.h>

static const char digits[] = "0123456789abcdef";

static int digit(char c)
{
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) : -1;
}

long hex_read(const char *text, uint8_t *out, size_t cap)
{
	size_t n = strlen(text);

	if (n % 2 || n / 2 > cap)
		return -1;
	for (size_t i = 0; i < n / 2; i++) {
		int hi = digit(text[2 * i]), lo = digit(text[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return -1;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return (long)(n / 2);
}

void hex_write(const void *bytes, size_t n, char *out)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < n; i++) {
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 15];
	}
	*out = '\0';
}
