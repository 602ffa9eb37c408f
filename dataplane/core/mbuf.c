/* SPDX-License-Identifier: BSD-3-Clause */
/* Packet buffers taken from the pool, one by one or many at once. */
#include "core/mbuf.h"
#include "core/state.h"

struct rte_mbuf *worker_mbuf(struct worker *w)
{
	struct rte_mbuf *m;

	OWNER_CHECK(&w->thread);
	m = rte_pktmbuf_alloc(w->pool);
	if (unlikely_(!m)) {
		drop_count(w, DROP_NO_BUFFER, 1);
		return NULL;
	}
	m->data_off = WORKER_HEADROOM;
	return m;
}

bool worker_mbufs(struct worker *w, struct rte_mbuf **m, unsigned n)
{
	OWNER_CHECK(&w->thread);
	if (unlikely_(rte_mempool_get_bulk(w->pool, (void **)m, n))) {
		drop_count(w, DROP_NO_BUFFER, 1);
		return false;
	}
	for (unsigned i = 0; i < n; i++) {
		prefetch_write(m[i]);
		prefetch_write((uint8_t *)m[i] + COYO_CACHELINE);
	}
	return true;
}

void worker_mbuf_ready(struct rte_mbuf *m)
{
	rte_pktmbuf_reset(m);
	m->data_off = WORKER_HEADROOM;
}
