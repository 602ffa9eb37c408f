/* SPDX-License-Identifier: BSD-3-Clause */
/* Any characters as a key file, any bytes as a signature or a public key: refused, or consistent. */
#include "tests/fuzz/harness.h"

#include "crypto/identity.h"

#include <stdlib.h>
#include <string.h>

static void key_file(const char *text, size_t size)
{
	struct identity me, again;
	char out[IDENTITY_TEXT_MAX];

	if (identity_from_text(&me, text, size) != 0)
		return;
	if (identity_from_text(&again, out, (size_t)identity_to_text(&me, out)) != 0 ||
	    memcmp(&me, &again, sizeof(me)) != 0)
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *in = malloc(size + 1), x[32];

	if (size)
		memcpy(in, data, size);
	key_file((const char *)in, size);
	if (size >= 32)
		(void)!identity_x_of_ed(in, x);
	if (size >= 96 && sig_verify(in, "fuzz", in + 96, size - 96, in + 32) == 0)
		__builtin_trap(); /* a forged signature, or a key that signs anything */
	free(in);
	return 0;
}
