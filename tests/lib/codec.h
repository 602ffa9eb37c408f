/* SPDX-License-Identifier: BSD-3-Clause */
/* Every wire message as one table row: make a valid one, read it and write it again. Shared by unit tests and fuzzers. */
#pragma once
#include "base/rng.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CODEC_MAX 32768 /* longest message any row makes or writes again */
#define AT(byte)  (UINT64_C(1) << (byte))

struct codec {
	const char *name;
	/* A random valid message into buf; its length. */
	size_t (*make)(const struct rng *rng, uint8_t *buf, size_t cap);
	/* Reads msg and writes what was read again. False: refused. */
	bool (*again)(const uint8_t *msg, size_t len, uint8_t *out, size_t cap, size_t *out_len);
	/* Sets the bytes of an accepted message that a reader ignores (reserved fields, padding) to what a writer puts
	 * there. NULL: the format is canonical, every accepted byte comes back. */
	void (*settle)(uint8_t *msg, size_t len);
	bool prefix; /* the reader takes the front of a longer buffer */
	/* AT(n) | ...: byte n is the same in every message, since the format says so (version, length, reserved). Any other byte
	 * that every message has is part of a field, which make() must draw. */
	uint64_t fixed;
	/* Messages that differ in these bits of this byte differ in where their fields stand. No bits: all are alike. */
	uint8_t kind_at, kind_bits;
};

/* NULL-terminated tables, one per fuzzer and test file. */
extern const struct codec codecs_link[], codecs_hsmsg[], codecs_coords[], codecs_routed[],
        codecs_linkmsg[], codecs_lspmsg[], codecs_kadmsg[], codecs_record[], codecs_tunnel[];

/* Feeds bytes to a row. True: refused, or accepted and written again as the same bytes. *accepted may be NULL. */
bool codec_hold(const struct codec *c, const uint8_t *msg, size_t len, bool *accepted);
