/* SPDX-License-Identifier: BSD-3-Clause */
/* Generations: what a node keeps of its handshakes from the beginning (XX) with another one. */
#include "core/generation.h"

#include "base/assert.h"

#include <errno.h>
#include <string.h>

bool generations_with(const struct generations *t, const uint8_t x_key[NOISE_DH])
{
	return t->g[0].valid && memcmp(t->x_key, x_key, NOISE_DH) == 0;
}

void generation_add_secret(struct generations *t, const uint8_t x_key[NOISE_DH],
                           const uint8_t secret[NOISE_PSK])
{
	if (!generations_with(t, x_key))
		explicit_bzero(t, sizeof(*t));
	memcpy(t->x_key, x_key, NOISE_DH);
	memmove(&t->g[1], &t->g[0], (GENERATIONS - 1) * sizeof(t->g[0]));
	t->g[0] = (struct generation){.valid = true};
	memcpy(t->g[0].secret, secret, NOISE_PSK);
}

void generation_add(struct generations *t, const struct noise *xx)
{
	uint8_t secret[NOISE_PSK];

	COYO_ASSERT(xx->pattern == NOISE_XX);
	noise_generation(xx, secret);
	generation_add_secret(t, xx->rs, secret);
	explicit_bzero(secret, sizeof(secret));
}

uint64_t generation_ask(struct generations *t, struct noise *x)
{
	COYO_ASSERT(t->g[0].valid);
	noise_set_psk(x, t->g[0].secret);
	return ++t->g[0].sent;
}

/* The message under one generation: 0, -EBADMSG: it is not of that one. */
static int read_under(const struct generation *g, struct noise *x, const uint8_t *msg, size_t len,
                      struct hs_payload *p)
{
	uint8_t payload[NOISE_MESSAGE_MAX];
	size_t n;
	int err;

	noise_set_psk(x, g->secret);
	err = len > sizeof(payload) ? -EBADMSG : noise_read(x, msg, len, payload, &n);
	if (!err && !hs_payload_read(payload, n, p))
		p->stamp = 0; /* lower than any */
	return err;
}

int generation_read(struct generations *t, struct noise *x, const uint8_t *msg, size_t len,
                    struct hs_payload *p)
{
	COYO_ASSERT(x->has_rs && x->message == 0);
	if (!generations_with(t, x->rs))
		return -ESTALE;
	for (unsigned i = 0; i < GENERATIONS && t->g[i].valid; i++) {
		struct generation *g = &t->g[i];

		if (read_under(g, x, msg, len, p) != 0)
			continue;
		if (p->stamp > g->seen) {
			g->seen = p->stamp;
			return 0;
		}
		return p->stamp && p->stamp == g->seen ? -EALREADY : -ESTALE;
	}
	return -ESTALE;
}
