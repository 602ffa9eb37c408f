/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets between workers: one ring per ordered pair, so that every key, window, session and socket has one user. */
#include "fwd/fwd.h"
#include "io/io.h"
#include "core/ring.h"
#include "core/state.h"

#include <unistd.h>

/* The fence pairs with the one in the sleeper: either it sees the packet before it sleeps, or it is woken. */
void worker_wake(struct worker *w)
{
	uint64_t one = 1;

	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&w->sleeping, memory_order_relaxed))
		(void)!write(w->wake_fd, &one, sizeof(one));
}

void handover(struct worker *w, unsigned to, struct rte_mbuf *m)
{
	struct rte_ring *r = to < w->workers ? w->dp->worker[to]->from[w->number] : NULL;

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
			worker_wake(w->dp->worker[i]);
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

/* Neighbouring packets that go the same way. */
struct run {
	struct rte_mbuf *m[FWD_BURST];
	unsigned n;
	enum packet_kind kind;
	uint16_t link;
};

static void run_end(struct worker *w, struct run *r)
{
	if (!r->n)
		return;
	if (r->kind == PACKET_FRAME) {
		fwd_sealed(w, r->m, r->n, true);
	} else {
		struct link *l = link_at(w, r->link);

		if (l) {
			io_tx(w, l, r->m, r->n, r->kind);
		} else {
			drop_count(w, DROP_NO_LINK, r->n);
			rte_pktmbuf_free_bulk(r->m, r->n);
		}
	}
	r->n = 0;
}

static void run_add(struct worker *w, struct run *r, struct rte_mbuf *m)
{
	const struct packet *p = packet_of(m);

	if (r->n == FWD_BURST || (r->n && (r->kind != p->kind || r->link != p->link)))
		run_end(w, r);
	r->kind = p->kind;
	r->link = p->link;
	r->m[r->n++] = m;
}

unsigned handover_run(struct worker *w)
{
	unsigned packets = 0;
	struct run run;

	run.n = 0; /* the rest is written when used */
	for (unsigned from = 0; from < w->workers; from++) {
		struct rte_mbuf *m[FWD_BURST];
		unsigned n;

		if (!w->from[from])
			continue;
		n = rte_ring_sc_dequeue_burst(w->from[from], (void **)m, FWD_BURST, NULL);
		packets += n;
		for (unsigned i = 0; i < n; i++) {
			const struct packet *p = packet_of(m[i]);

			if (p->kind == PACKET_SESSION)
				sess_rx(w->sess, p->session, p->link, p->label, p->tc, m[i],
				        w->now);
			else
				run_add(w, &run, m[i]);
		}
		run_end(w, &run);
	}
	return packets;
}
