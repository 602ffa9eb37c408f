/* SPDX-License-Identifier: BSD-3-Clause */
/* One worker's sockets and ports behind one interface: links are attached and detached, bursts received and transmitted. */
#include "io/priv.h"
#include "core/handover.h"
#include "core/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* syscalls at the start: epoll_create1 */
struct io *io_new(struct worker *w, char *err, size_t errcap)
{
	struct io *io = calloc(1, sizeof(*io));

	if (io) {
		io->w = w;
		io->epoll = epoll_create1(EPOLL_CLOEXEC);
		io->sock_rx = sock_rx_new();
	}
	if (!io || io->epoll < 0 || !io->sock_rx) {
		snprintf(err, errcap, "worker %u: cannot set up its sockets: %s", w->number,
		         strerror(errno));
		io_free(io);
		return NULL;
	}
	return io;
}

/* syscalls: close */
void io_free(struct io *io)
{
	if (!io)
		return;
	if (io->epoll > 0)
		close(io->epoll);
	for (unsigned i = 0; i < IO_PORTS; i++)
		free(io->port[i].vlan);
	sock_rx_free(io->sock_rx);
	free(io);
}

int io_link_set(struct io *io, struct link *l)
{
	switch (l->cfg.type) {
	case LINK_UDP_SOCKET:
		return l->cfg.owner == io->w->number ? sock_attach(io, l) : 0;
	case LINK_ETHERNET:
		return port_attach(io, l);
	default:
		return -EINVAL;
	}
}

void io_link_del(struct io *io, struct link *l)
{
	if (l->cfg.type == LINK_UDP_SOCKET)
		sock_detach(io, l);
	else
		port_detach(io, l);
}

static unsigned ports_rx(struct io *io, struct burst *b)
{
	unsigned packets = 0;

	for (; io->ports_left && burst_room(b) >= PORT_BURST; io->next_port++) {
		const struct io_port *p = &io->port[io->next_port];

		if (!p->used)
			continue;
		io->ports_left--;
		if (p->poll && likely_(!p->held))
			packets += ether_rx(io, io->next_port, b);
	}
	return packets;
}

unsigned io_rx(struct io *io, struct burst *b)
{
	unsigned packets;

	OWNER_CHECK(&io->w->thread);
	COYO_ASSERT(burst_room(b) == BURST);
	if (!io->receiving) {
		io->receiving = true;
		io->next_port = 0;
		io->ports_left = io->ports;
	}
	packets = ports_rx(io, b);
	packets += socks_rx(io, b);
	if (packets == 0) {
		io->receiving = false;
		socks_rx_end(io->sock_rx);
	}
	return packets;
}

/* The number of the worker that transmits on a link: this one, or its owner. */
static unsigned tx_worker(const struct io *io, const struct link *l)
{
	const struct worker *w = io->w;

	if (l->cfg.type == LINK_UDP_SOCKET)
		return l->cfg.owner;
	return port_per_worker(l->cfg.port) ? w->number : port_worker(l->cfg.port, w->workers);
}

/* Another worker transmits on the link. */
static void hand_over(struct io *io, const struct link *l, const struct io_frames *fr, unsigned to,
                      enum packet_kind kind)
{
	burst_strip(fr->m, fr->n, fr->room);
	for (unsigned i = 0; i < fr->n; i++) {
		packet_of(fr->m[i])->kind = (uint8_t)kind;
		packet_of(fr->m[i])->link = l->number;
		handover(io->w, to, fr->m[i]);
	}
}

void io_tx(struct io *io, struct link *l, const struct io_frames *fr, enum packet_kind kind)
{
	struct worker *w = io->w;
	unsigned to = tx_worker(io, l);

	OWNER_CHECK(&w->thread);
	COYO_ASSERT(fr->n > 0 && (kind == PACKET_TX || kind == PACKET_TX_RAW));
	if (unlikely_(to != w->number)) {
		hand_over(io, l, fr, to, kind);
		return;
	}
	count_add(&w->count.tx_bytes, fr->bytes);
	count_add(&w->count.tx_packets, fr->n);
	if (l->cfg.type == LINK_UDP_SOCKET) {
		burst_strip(fr->m, fr->n, fr->room);
		sock_tx(io, l, fr->m, fr->n, kind);
	} else {
		ether_tx(io, l, fr->m, fr->n, fr->room, kind);
	}
}

void io_tx_handed(struct io *io, struct burst *b)
{
	struct worker *w = io->w;
	unsigned from = 0, n = b->nleaving;

	b->nleaving = 0;
	while (from < n) {
		const struct packet *p = packet_of(b->leaving[from]);
		struct link *l = link_at(w, p->link);
		unsigned to = from + 1;

		while (to < n && packet_of(b->leaving[to])->kind == p->kind &&
		       packet_of(b->leaving[to])->link == p->link)
			to++;
		if (l) {
			struct io_frames fr = io_frames_of(b->leaving + from, to - from);

			io_tx(io, l, &fr, p->kind);
		} else {
			drop_count(w, DROP_NO_LINK, to - from);
			rte_pktmbuf_free_bulk(b->leaving + from, to - from);
		}
		from = to;
	}
}

bool io_has_ports(const struct io *io)
{
	return io->ports > 0;
}

int io_epoll(const struct io *io)
{
	return io->epoll;
}

/* syscalls: epoll_ctl */
int io_watch(struct io *io, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET};

	return epoll_ctl(io->epoll, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}
