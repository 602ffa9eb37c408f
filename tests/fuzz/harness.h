/* SPDX-License-Identifier: BSD-3-Clause */
/* What the fuzzers share: try every row of a message table, trap where one does not hold. */
#pragma once
#include "tests/lib/codec.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte chooses the row, the rest is the message. */
static inline void fuzz_table(const struct codec *table, const uint8_t *data, size_t size)
{
	unsigned rows = 0;

	if (size == 0)
		return;
	while (table[rows].name)
		rows++;
	if (!codec_hold(&table[data[0] % rows], data + 1, size - 1, NULL))
		__builtin_trap();
}
