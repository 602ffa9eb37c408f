/* SPDX-License-Identifier: BSD-3-Clause */
/* The trials every message format goes through: round trip, noise, truncation, flipped bits, edits, and that every field is drawn. */
#pragma once
#include "tests/lib/codec.h"

/* Runs them over every row of a table with a seeded stream; prints what failed. True: all held. */
bool mutate_table(const struct codec *table, uint64_t seed);
