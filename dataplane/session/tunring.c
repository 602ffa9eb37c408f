/* SPDX-License-Identifier: BSD-3-Clause */
/* The rings between a worker and the TUN. */
#include "session/tunring.h"

#include <stdlib.h>

struct tunring *tunring_new(struct bridge *b)
{
	struct tunring *r = aligned_alloc(COYO_CACHELINE, sizeof(*r));

	if (!r)
		return NULL;
	*r = (struct tunring){.bridge = b, .tun_fd = -1};
	r->memory = aligned_alloc(COYO_CACHELINE, 2 * TUNRING_BYTES);
	if (!r->memory) {
		free(r);
		return NULL;
	}
	bytering_shared_init(&r->to_worker_shared);
	bytering_shared_init(&r->to_tun_shared);
	bytering_view(&r->to_worker_tx, &r->to_worker_shared, r->memory, TUNRING_BYTES);
	bytering_view(&r->to_worker_rx, &r->to_worker_shared, r->memory, TUNRING_BYTES);
	bytering_view(&r->to_tun_tx, &r->to_tun_shared, r->memory + TUNRING_BYTES, TUNRING_BYTES);
	bytering_view(&r->to_tun_rx, &r->to_tun_shared, r->memory + TUNRING_BYTES, TUNRING_BYTES);
	return r;
}

void tunring_free(struct tunring *r)
{
	if (!r)
		return;
	free(r->memory);
	free(r);
}

static uint32_t to_end(const struct bytering *r)
{
	return r->cap - (uint32_t)(r->mine & (r->cap - 1));
}

struct tun_slot *tunring_slot(struct bytering *r, uint32_t most)
{
	uint32_t need = tunring_bytes(most), rest = to_end(r);
	void *piece;

	if (bytering_reserve(r, &piece) >= need)
		return piece;
	/* A slot is in one piece: what is left of the ring before its end is skipped. */
	if (rest >= need || bytering_room(r) < rest + need)
		return NULL;
	((struct tun_slot *)piece)->kind = TUN_PAD;
	bytering_commit(r, rest);
	return bytering_reserve(r, &piece) >= need ? piece : NULL;
}

struct tun_slot *tunring_peek(struct bytering *r)
{
	const void *piece;

	while (bytering_peek(r, &piece)) {
		/* The bytes are the reader's until they are given back; only the ring's interface does not say so. */
		struct tun_slot *slot = (struct tun_slot *)(uintptr_t)piece;

		if (slot->kind != TUN_PAD)
			return slot;
		bytering_consume(r, to_end(r));
	}
	return NULL;
}
