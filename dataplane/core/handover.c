/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets between workers: one ring per ordered pair, so that every key, window, session and socket has one user. */
#include "core/handover.h"
#include "core/ring.h"
#include "core/state.h"

#include <unistd.h>

/* The fence pairs with the one in front of the other worker's sleep: either that worker sees the packet before it sleeps, or it is woken.
 * syscalls: write */
void worker_wake(struct worker *w)
{
	uint64_t one = 1;

	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&w->sleeping, memory_order_relaxed))
		(void)!write(w->wake_fd, &one, sizeof(one));
}

void handover(struct worker *w, unsigned to, struct rte_mbuf *m)
{
	struct rte_ring *r = to < w->workers ? w->all->worker[to]->from[w->number] : NULL;

	OWNER_CHECK(&w->thread);
	if (unlikely_(!r || rte_ring_sp_enqueue(r, m))) {
		drop_packet(w, DROP_HANDOVER_FULL, m);
		return;
	}
	w->handed |= 1u << to;
}

void handover_wake(struct worker *w)
{
	for (unsigned i = 0; w->handed; i++) {
		if (w->handed & 1u << i)
			worker_wake(w->all->worker[i]);
		w->handed &= ~(1u << i);
	}
}

bool handover_waiting(const struct worker *w)
{
	for (unsigned i = 0; i < w->workers; i++)
		if (w->from[i] && !ring_is_empty(w->from[i]))
			return true;
	return false;
}

unsigned handover_take(struct worker *w, unsigned from, struct burst *b)
{
	struct rte_mbuf *m[BURST];
	unsigned n;

	OWNER_CHECK(&w->thread);
	COYO_ASSERT(from < w->workers && burst_room(b) <= BURST);
	if (!w->from[from])
		return 0;
	n = rte_ring_sc_dequeue_burst(w->from[from], (void **)m, burst_room(b), NULL);
	for (unsigned i = 0; i < n; i++) {
		switch (packet_of(m[i])->kind) {
		case PACKET_FRAME:
			b->sealed[b->nsealed++] = m[i];
			break;
		case PACKET_SESSION:
			b->local[b->nlocal++] = m[i];
			break;
		default:
			COYO_ASSERT(packet_of(m[i])->kind == PACKET_TX ||
			            packet_of(m[i])->kind == PACKET_TX_RAW);
			b->leaving[b->nleaving++] = m[i];
		}
	}
	return n;
}
