/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory of the rings between a worker and the TUN. */
#include "session/tunring.h"

#include <stdlib.h>

#define RING_BYTES (TUNRING_SLOTS * (uint32_t)sizeof(struct tun_slot))

struct tunring *tunring_new(struct bridge *b)
{
	struct tunring *r = aligned_alloc(COYO_CACHELINE, sizeof(*r));

	if (!r)
		return NULL;
	*r = (struct tunring){.bridge = b, .tun_fd = -1};
	r->memory = aligned_alloc(COYO_CACHELINE, 2 * RING_BYTES);
	if (!r->memory) {
		free(r);
		return NULL;
	}
	bytering_shared_init(&r->to_worker_shared);
	bytering_shared_init(&r->to_tun_shared);
	bytering_view(&r->to_worker_tx, &r->to_worker_shared, r->memory, RING_BYTES);
	bytering_view(&r->to_worker_rx, &r->to_worker_shared, r->memory, RING_BYTES);
	bytering_view(&r->to_tun_tx, &r->to_tun_shared, r->memory + RING_BYTES, RING_BYTES);
	bytering_view(&r->to_tun_rx, &r->to_tun_shared, r->memory + RING_BYTES, RING_BYTES);
	return r;
}

void tunring_free(struct tunring *r)
{
	if (!r)
		return;
	free(r->memory);
	free(r);
}
