/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as the next message of a handshake at any step: refused, nothing past the buffers is touched, and the reader is as before. */
#include "tests/fuzz/harness.h"

#include "crypto/noise.h"

#include <stdlib.h>
#include <string.h>

/* Brings both sides to step k; k even: the responder is about to read. */
static void bring(struct noise side[2], enum noise_pattern pattern, unsigned k)
{
	struct rng_seeded s;
	struct rng rng;
	uint8_t sec[2][32], pub[2][32], msg[NOISE_MESSAGE_MAX], payload[NOISE_MESSAGE_MAX];
	size_t n, m;

	rng_seeded_init(&s, 1);
	rng = rng_from_seeded(&s);
	for (unsigned i = 0; i < 2; i++) {
		struct noise tmp;

		/* the public half of a random secret, by way of an ephemeral */
		rng_fill(&rng, pub[i], 32);
		if (noise_init(&tmp, NOISE_XX, true, "", 0, pub[i], pub[i], NULL, &rng) != 0)
			abort();
		memcpy(sec[i], tmp.e, 32);
		memcpy(pub[i], tmp.e_pub, 32);
	}
	for (unsigned i = 0; i < 2; i++)
		if (noise_init(&side[i], pattern, i == 0, "fuzz", 4, sec[i], pub[i],
		               i == 0 && pattern == NOISE_IK ? pub[1] : NULL, &rng) != 0)
			abort();
	for (unsigned i = 0; i < 2 && pattern == NOISE_IK; i++)
		noise_set_psk(&side[i], pub[0]);
	for (unsigned i = 0; i < k; i++)
		if (noise_write(&side[i % 2], "x", 1, msg, sizeof(msg), &n) != 0 ||
		    noise_read(&side[1 - i % 2], msg, n, payload, &m) != 0)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct noise side[2], *reader, before;
	uint8_t *in, *payload;
	unsigned step;
	size_t m;
	int err;

	if (size < 1)
		return 0;
	step = data[0] % 5; /* XX 0, 1, 2; IK 0, 1 */
	in = malloc(size);
	payload = malloc(size);
	memcpy(in, data + 1, size - 1);
	bring(side, step < 3 ? NOISE_XX : NOISE_IK, step % 3);
	reader = &side[1 - step % 3 % 2];
	memcpy(&before, reader, sizeof(before));
	err = noise_read(reader, in, size - 1, payload, &m);
	if (err != 0 && memcmp(&before, reader, sizeof(before)) != 0)
		__builtin_trap();
	if (err == 0 && step != 0) /* only XX's first message is in clear */
		__builtin_trap();
	free(in);
	free(payload);
	return 0;
}
