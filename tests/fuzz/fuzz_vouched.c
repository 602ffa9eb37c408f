/* SPDX-License-Identifier: BSD-3-Clause */
/* Any characters as a list of names that somebody vouches for: refused with a sentence, or written again as the same bytes. */
#include "tests/fuzz/harness.h"

#include "crypto/vouch.h"

#include <stdlib.h>
#include <string.h>

static void require(bool holds)
{
	if (!holds)
		__builtin_trap();
}

/* What the header promises of a list that was read. */
static void check(struct vouched *v, const char *text, size_t size)
{
	static char again[VOUCHED_TEXT_MAX];
	const char *before = "";
	size_t covered;

	require(v->serial > 0 && v->serial <= VOUCHED_NUMBER_MAX);
	require(v->expires <= VOUCHED_NUMBER_MAX && v->names.n <= VOUCHED_NAMES_MAX);
	require(v->signed_len < size && memcmp(text + v->signed_len, "signature ", 10) == 0);
	require(memchr(v->label, '\0', sizeof(v->label)));
	for (uint32_t i = 0; i < v->names.n; i++) {
		require(strcmp(before, v->names.rows[i].name) < 0);
		before = v->names.rows[i].name;
	}
	covered = v->signed_len;
	require(vouched_write(v, again) == covered);
	require(vouched_write_signature(v, again) == size && memcmp(again, text, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *in = malloc(size ? size : 1), why[NAMES_WHY_MAX];
	struct vouched v;

	if (size)
		memcpy(in, data, size);
	memset(why, 'x', sizeof(why));
	if (vouched_read(&v, in, size, why) == 0) {
		check(&v, in, size);
		(void)!vouch_verify(&v, in);
		vouched_free(&v);
	} else {
		require(memchr(why, '\0', sizeof(why)) && *why && !strchr(why, '\n'));
		require(!v.names.rows && v.names.n == 0);
	}
	free(in);
	return 0;
}
