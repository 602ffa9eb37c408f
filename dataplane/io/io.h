/* SPDX-License-Identifier: BSD-3-Clause */
/* What the wire is made of: DPDK ports (sole user of rte_ethdev) and kernel UDP sockets of one worker. */
#pragma once
#include "core/burst.h"
#include "core/link.h"

#include <stdbool.h>

struct worker;
struct io;

/* One worker's sockets and port queues, without any. NULL: one sentence is in err. Every function below is called by that worker alone. */
struct io *io_new(struct worker *w, char *err, size_t errcap);
/* Every link has been detached. NULL is allowed. */
void io_free(struct io *io);

/* Attaches a link by its cfg: the socket (control's; it stays open as long as the link) on the worker that owns the link, the port on all of
 * them. 0, -EINVAL: no such port or VLAN, or the descriptor is no datagram socket; -EEXIST: another link has this port and VLAN; -ENOMEM. */
int io_link_set(struct io *io, struct link *l);
/* Detaches it: neither its descriptor nor the link is touched any more. Nothing where it was not attached. */
void io_link_del(struct io *io, struct link *l);

/* Fills the burst, which is empty, with what has arrived: sealed frames and labelled packets. Each port queue and each readable socket
 * is read once in a turn; call it again until it returns 0, which ends the turn's reception, before links are attached or detached.
 * Returns packets, dropped ones too. */
unsigned io_rx(struct io *io, struct burst *b);

/* Link frames in order, each complete but for Ethernet's header. */
struct io_frames {
	struct rte_mbuf **m;
	unsigned n;
	/* Each still begins with so many bytes of the Ethernet header that it came with, which are used where the new one is as long; 0: none. */
	unsigned room;
	uint64_t bytes; /* of all, without `room` */
};

/* n frames that begin with no Ethernet header. */
static inline struct io_frames io_frames_of(struct rte_mbuf **m, unsigned n)
{
	struct io_frames f = {.m = m, .n = n};

	for (unsigned i = 0; i < n; i++)
		f.bytes += m[i]->data_len;
	return f;
}

/* Transmits frames, of which there is one at least; Ethernet's header is written here. Where another worker has the link's socket or the port's
 * queue they are handed to it. kind is PACKET_TX or PACKET_TX_RAW, for all of them. Takes the mbufs; failures are counted drops. */
void io_tx(struct io *io, struct link *l, const struct io_frames *frames, enum packet_kind kind);

/* Transmits the burst's frames that other workers handed over; io_tx() in runs of one link and kind. */
void io_tx_handed(struct io *io, struct burst *b);

/* CMD_LINK_RUNS and CMD_LINK_SAMPLE of a link (NULL: there is none). -EINVAL: its datagrams do not leave by a socket of this worker, or the mode is
 * not known. */
int io_runs_command(struct worker *w, struct link *l, const struct cp_cmd *c);

/* held: the port is not touched any more, what is to be sent there is dropped, and control may remove its device; else it is used (again). -EINVAL: no
 * such port. */
int io_port_hold(struct io *io, uint16_t port, bool held);
/* True when a port must be polled: sleep is bounded. */
bool io_has_ports(const struct io *io);
/* The epoll descriptor with every socket and the worker's wake-ups, to sleep on. */
int io_epoll(const struct io *io);
/* fd is an eventfd that wakes the worker; edge-triggered, so that nobody need read it. 0 or -errno. */
int io_watch(struct io *io, int fd);

/* io/ether.c: writes the struct packet of one that came by an Ethernet link and still begins with its Ethernet header: the link and the
 * source's MAC. */
void ether_record(const struct link *l, struct rte_mbuf *m);
/* io/learn.c: the source of an authentic frame becomes, or is reported as, the neighbour's address. */
void learn_source(struct worker *w, struct link *l, const struct packet *p);

/* io/port.c, at start and stop, by control. Configures and starts every port of cfg; id[i] becomes DPDK's number of cfg->ports[i]. 0, or -errno with
 * one sentence in err and every port stopped again. */
int ports_start(const struct dp_cfg *cfg, struct rte_mempool *pool, uint16_t id[DP_PORTS_MAX],
                char *err, size_t errcap);
void ports_stop(void);
/* What is wrong with the device under a port, so that it must be removed and made again: static text; NULL: nothing that this process can mend. Control. */
const char *port_fault(uint16_t port);
/* Removes the device and makes it again, at the same number. Every worker holds the port. 0, or -errno with one sentence in err: there is no
 * device then, and this may be tried again. -EAGAIN: what it stands on is not there yet. -ENOTCONN: nor is a memif client's server. Control. */
int port_renew(const struct dp_cfg *cfg, const struct dp_port_cfg *c, uint16_t port,
               struct rte_mempool *pool, char *err, size_t errcap);
/* State of the link, MTU (0: unknown) and MAC of a port; any thread. False: no such port. */
bool port_info(uint16_t port, bool *up, uint16_t *mtu, uint8_t mac[6]);
