/* SPDX-License-Identifier: BSD-3-Clause */
/* What must hold for any bytes given to any message reader. */
#include "tests/lib/codec.h"

#include <stdlib.h>
#include <string.h>

bool codec_hold(const struct codec *c, const uint8_t *msg, size_t len, bool *accepted)
{
	/* copies of the exact size, so that a sanitizer sees a read past the end */
	uint8_t *in = malloc(len ? len : 1), *out = malloc(CODEC_MAX);
	size_t n = 0;
	bool took, ok;

	if (len)
		memcpy(in, msg, len);
	took = c->again(in, len, out, CODEC_MAX, &n);
	ok = !took || (c->prefix ? n <= len : n == len);
	if (took && ok) {
		if (c->settle)
			c->settle(in, len);
		ok = memcmp(in, out, n) == 0;
	}
	free(in);
	free(out);
	if (accepted)
		*accepted = took;
	return ok;
}
