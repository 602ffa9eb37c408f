/* SPDX-License-Identifier: BSD-3-Clause */
/* XX answered by computing: the ephemeral key comes from a rotating secret, so that it need not be kept for somebody who has proven nothing. */
#include "endpoint/stateless.h"

#include "base/be.h"
#include "endpoint/handshake.h"
#include "endpoint/unproven.h"

#include <errno.h>
#include <string.h>

/* "Random" bytes for one ephemeral key. */
static void ephemeral_fill(void *arg, void *out, size_t len)
{
	COYO_ASSERT(len == SECRET_BYTES);
	memcpy(out, arg, len);
}

/* The secret ephemeral of the answer to msg in l. The serial is never used again, and neither therefore is the key, also where all else is
 * repeated. */
static int ephemeral(struct node *n, const struct lsp *l, const uint8_t *msg, size_t len,
                     uint8_t e[SECRET_BYTES])
{
	uint8_t data[8 + 8 + ID_BYTES + NOISE_MESSAGE_MAX];

	if (len > NOISE_MESSAGE_MAX)
		return -EBADMSG;
	be64_store(data, l->unproven->serial);
	be64_store(data + 8, l->nonce);
	memcpy(data + 16, l->src.b, ID_BYTES);
	memcpy(data + 16 + ID_BYTES, msg, len);
	return secret_derive(&n->sessions->secret, l->unproven->generation, "ephemeral", data,
	                     16 + ID_BYTES + len, e);
}

static int begin(struct node *n, const struct lsp *l, uint8_t e[SECRET_BYTES],
                 struct session_hs *hs)
{
	uint8_t prologue[HS_PROLOGUE_MAX];
	size_t len = hs_prologue(n->cfg.network_id, HS_CONTEXT_SESSION, &l->src,
	                         &n->cfg.identity->id, prologue);
	const struct rng rng = {.fill = ephemeral_fill, .arg = e};

	return noise_init(&hs->noise, NOISE_XX, false, prologue, len, n->cfg.identity->x_secret,
	                  n->cfg.identity->x_public, NULL, &rng) == 0
	               ? 0
	               : -EBADMSG;
}

int stateless_answer(struct node *n, const struct lsp *l, const uint8_t *msg, size_t len,
                     struct session_hs *hs)
{
	uint8_t e[SECRET_BYTES], payload[NOISE_MESSAGE_MAX];
	struct hs_payload p;
	size_t out;
	int r;

	COYO_ASSERT(l->unproven);
	handshake_wipe(hs);
	r = ephemeral(n, l, msg, len, e);
	if (r == 0)
		r = begin(n, l, e, hs);
	explicit_bzero(e, sizeof(e));
	if (r != 0)
		return r;
	handshake_incarnation(n, &hs->noise);
	hs->born = n->now;
	hs->state = HS_OPEN;
	hs->phase = l->unproven->phase;
	if (noise_read(&hs->noise, msg, len, payload, &out) != 0 ||
	    !hs_payload_read(payload, out, &p) || handshake_write(n, hs, false) != 0)
		return -EBADMSG;
	return 0;
}

int stateless_proof(struct node *n, const struct lsp *l, const uint8_t *msg, size_t len,
                    struct session_hs *hs, uint8_t x_key[32])
{
	uint8_t payload[NOISE_MESSAGE_MAX];
	size_t first = len >= 2 ? be16_load(msg) : 0, out;
	struct hs_payload p;
	int r;

	if (first == 0 || first > len - 2 || len - 2 - first > sizeof(payload))
		return -EBADMSG;
	r = stateless_answer(n, l, msg + 2, first, hs);
	if (r != 0)
		return r;
	if (noise_read(&hs->noise, msg + 2 + first, len - 2 - first, payload, &out) != 0 ||
	    !hs_payload_read(payload, out, &p) || !handshake_is_of(&l->src, &hs->noise, &p))
		return -EBADMSG;
	handshake_agreed(n, hs, &p);
	memcpy(x_key, hs->noise.rs, 32);
	return 0;
}
