/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker's making and unmaking, and what the sessions may ask of it. */
#include "fwd/fwd.h"
#include "io/io.h"
#include "core/ring.h"
#include "core/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

void worker_send(struct worker *w, uint16_t number, struct rte_mbuf *m)
{
	struct link *l = link_at(w, number);

	if (unlikely_(!l))
		drop_packet(w, DROP_NO_LINK, m);
	else if (unlikely_(m->data_len < LSE_BYTES))
		drop_packet(w, DROP_BAD_STACK, m);
	else
		fwd_out(w, l, m);
}

void worker_drop(struct worker *w, enum drop_reason r)
{
	drop_count(w, r, 1);
}

unsigned worker_number(const struct worker *w)
{
	return w->number;
}

struct dp_worker_counters *worker_counters(struct worker *w)
{
	return &w->count;
}

uint16_t worker_link_mtu(const struct worker *w, uint16_t number)
{
	const struct link *l = link_at(w, number);

	return l ? l->cfg.mtu : 0;
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

static struct rte_ring *slots(struct worker *w, const char *what, unsigned bytes)
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

static bool watch(struct worker *w)
{
	int fd = sess_wake_fd(w->sess);

	return io_watch(w->io, w->wake_fd) == 0 && (fd < 0 || io_watch(w->io, fd) == 0);
}

struct worker *worker_new(struct dataplane *dp, unsigned number, char *err, size_t errcap)
{
	struct worker *w = aligned_alloc(64, (sizeof(*w) + 63) & ~(size_t)63);

	if (!w) {
		snprintf(err, errcap, "out of memory for worker %u", number);
		return NULL;
	}
	memset(w, 0, sizeof(*w));
	w->number = number;
	w->workers = dp->cfg.workers;
	w->dp = dp;
	w->cfg = &dp->cfg;
	w->pool = dp->pool;
	w->arena.dpdk = !w->cfg->no_huge;
	w->arena.socket = SOCKET_ID_ANY;
	w->mem = (struct table_mem){arena_alloc, arena_free, &w->arena};
	w->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	w->link_count = calloc(CPDP_LINKS_MAX, sizeof(*w->link_count));
	if (w->wake_fd < 0 || !w->link_count || !rings(w)) {
		snprintf(err, errcap, "worker %u: no memory for its rings; raise memory-mb",
		         number);
		worker_free(w);
		return NULL;
	}
	w->io = io_new(w, err, errcap);
	if (w->io)
		w->sess = sess_new(w, w->cfg, err, errcap);
	if (!w->io || !w->sess || !watch(w)) {
		if (w->io && w->sess)
			snprintf(err, errcap, "worker %u: epoll: %s", number, strerror(errno));
		worker_free(w);
		return NULL;
	}
	return w;
}

void worker_free(struct worker *w)
{
	if (!w)
		return;
	if (w->sess)
		sess_free(w->sess);
	if (w->io) {
		command_forget_all(w);
		io_free(w->io);
	}
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
	free(w);
}
