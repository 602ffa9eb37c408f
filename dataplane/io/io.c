/* SPDX-License-Identifier: BSD-3-Clause */
/* One worker's descriptors and queues behind one face. */
#include "io/priv.h"
#include "core/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EPOLL_BATCH 64

struct io *io_new(struct worker *w, char *err, size_t errcap)
{
	struct io *io = calloc(1, sizeof(*io));

	if (io) {
		io->epoll = epoll_create1(EPOLL_CLOEXEC);
		io->scratch = malloc((size_t)SOCK_MSGS * SOCK_BUFFER);
	}
	if (!io || io->epoll < 0 || !io->scratch) {
		snprintf(err, errcap, "worker %u: cannot set up its sockets: %s", w->number,
		         strerror(errno));
		io_free(io);
		return NULL;
	}
	return io;
}

void io_free(struct io *io)
{
	if (!io)
		return;
	if (io->epoll > 0)
		close(io->epoll);
	for (unsigned i = 0; i < IO_PORTS; i++)
		free(io->port[i].vlan);
	free(io->scratch);
	free(io);
}

int io_link_set(struct worker *w, struct link *l)
{
	switch (l->cfg.type) {
	case LINK_UDP_SOCKET:
		return l->cfg.owner == w->number ? sock_attach(w, l) : 0;
	case LINK_ETHERNET:
		return port_attach(w, l);
	default:
		return -EINVAL;
	}
}

void io_link_del(struct worker *w, struct link *l)
{
	if (l->cfg.type == LINK_UDP_SOCKET)
		sock_detach(w, l);
	else
		port_detach(w, l);
}

/* Sockets that have something; wake-ups of other descriptors are their readers' business. */
static unsigned socks_rx(struct worker *w)
{
	struct epoll_event ev[EPOLL_BATCH];
	unsigned packets = 0;
	int n;

	if (!w->io->socks)
		return 0;
	n = epoll_wait(w->io->epoll, ev, EPOLL_BATCH, 0);
	for (int i = 0; i < n; i++)
		if (ev[i].data.ptr)
			packets += sock_rx(w, ev[i].data.ptr);
	return packets;
}

unsigned io_rx(struct worker *w)
{
	struct io *io = w->io;
	unsigned packets = 0;

	for (uint16_t p = 0, left = (uint16_t)io->ports; left; p++) {
		if (!io->port[p].used)
			continue;
		left--;
		if (io->port[p].poll)
			packets += ether_rx(w, p);
	}
	return packets + socks_rx(w);
}

unsigned io_tx_worker(const struct worker *w, const struct link *l)
{
	if (l->cfg.type == LINK_UDP_SOCKET)
		return l->cfg.owner;
	return port_per_worker(l->cfg.port) ? w->number : port_worker(l->cfg.port, w->workers);
}

void io_tx(struct worker *w, struct link *l, struct rte_mbuf **m, unsigned n, enum packet_kind kind)
{
	unsigned to = io_tx_worker(w, l);

	if (unlikely_(to != w->number)) {
		for (unsigned i = 0; i < n; i++) {
			packet_of(m[i])->kind = (uint8_t)kind;
			packet_of(m[i])->link = l->number;
			handover(w, to, m[i]);
		}
		return;
	}
	for (unsigned i = 0; i < n; i++)
		count_add(&w->count.tx_bytes, m[i]->data_len);
	count_add(&w->count.tx_packets, n);
	if (l->cfg.type == LINK_UDP_SOCKET)
		sock_tx(w, l, m, n, kind);
	else
		ether_tx(w, l, m, n, kind);
}

bool io_has_ports(const struct io *io)
{
	return io->ports > 0;
}

int io_epoll(const struct io *io)
{
	return io->epoll;
}

int io_watch(struct io *io, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET};

	return epoll_ctl(io->epoll, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}
