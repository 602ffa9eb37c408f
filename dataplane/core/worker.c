/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker's rings to and from control and the other workers, its counters, its memory. */
#include "core/worker.h"
#include "core/ring.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct rte_ring *slots(const struct worker *w, const char *what, unsigned bytes)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "%s%u", what, w->number);
	return rte_ring_create_elem(name, bytes, RING_SLOTS, SOCKET_ID_ANY,
	                            RING_F_SP_ENQ | RING_F_SC_DEQ);
}

static bool rings(struct worker *w)
{
	w->commands = slots(w, "commands", RING_SLOT(struct cp_cmd));
	w->events = slots(w, "events", RING_SLOT(struct dp_event));
	if (!w->commands || !w->events)
		return false;
	for (unsigned i = 0; i < w->workers; i++) {
		char name[RTE_RING_NAMESIZE];

		if (i == w->number)
			continue;
		snprintf(name, sizeof(name), "hand%u_%u", i, w->number);
		w->from[i] = rte_ring_create(name, HANDOVER_SLOTS, SOCKET_ID_ANY,
		                             RING_F_SP_ENQ | RING_F_SC_DEQ);
		if (!w->from[i])
			return false;
	}
	return true;
}

/* syscalls at the start: eventfd */
int worker_init(struct worker *w, struct workers *all, unsigned number, char *err, size_t errcap)
{
	memset(w, 0, sizeof(*w));
	w->number = number;
	w->workers = all->cfg->workers;
	w->all = all;
	w->cfg = all->cfg;
	w->pool = all->pool;
	w->arena.dpdk = !w->cfg->no_huge;
	w->arena.socket = SOCKET_ID_ANY;
	w->mem = (struct table_mem){arena_alloc, arena_free, &w->arena};
	w->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	w->link_count = calloc(CPDP_LINKS_MAX, sizeof(*w->link_count));
	if (w->wake_fd >= 0 && w->link_count && rings(w))
		return 0;
	snprintf(err, errcap, "worker %u: no memory for its rings; raise memory-mb", number);
	return -ENOMEM;
}

/* syscalls: close */
void worker_end(struct worker *w)
{
	arena_clear(&w->arena);
	for (unsigned i = 0; i < w->workers; i++) {
		struct rte_mbuf *m;

		while (w->from[i] && rte_ring_sc_dequeue(w->from[i], (void **)&m) == 0)
			rte_pktmbuf_free(m);
		rte_ring_free(w->from[i]);
	}
	rte_ring_free(w->commands);
	rte_ring_free(w->events);
	if (w->wake_fd >= 0)
		close(w->wake_fd);
	free(w->link_count);
}
