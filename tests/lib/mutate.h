/* SPDX-License-Identifier: BSD-3-Clause */
/* The four trials every message format goes through: round trip, noise, truncation, flipped bits. */
#pragma once
#include "tests/lib/codec.h"

/* Runs them over every row of a table with a seeded stream; prints what failed. True: all held. */
bool mutate_table(const struct codec *table, uint64_t seed);
