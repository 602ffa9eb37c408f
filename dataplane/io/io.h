/* SPDX-License-Identifier: BSD-3-Clause */
/* What the wire is made of: DPDK ports (sole user of rte_ethdev) and kernel UDP sockets of one worker. */
#pragma once
#include "core/burst.h"
#include "core/link.h"

#include <stdbool.h>

struct worker;
struct io;

/* One worker's sockets and port queues. NULL: err tells. */
struct io *io_new(struct worker *w, char *err, size_t errcap);
void io_free(struct io *io);

/* Attaches a new or changed link. -EINVAL: no such port, bad socket; -ENOMEM. */
int io_link_set(struct io *io, struct link *l);
/* Detaches it: its descriptor is not touched any more. */
void io_link_del(struct io *io, struct link *l);

/* Fills the burst, which is empty, with what has arrived: sealed frames and labelled packets. Each port queue and each readable socket
 * is read once in a turn; call it again until it returns 0, which ends the turn's reception, before links are attached or detached.
 * Returns packets, dropped ones too. */
unsigned io_rx(struct io *io, struct burst *b);

/* Transmits complete link frames: framing (Ethernet) added here, or hands them to the link's owner. Takes the mbufs. kind: of all of them. */
void io_tx(struct io *io, struct link *l, struct rte_mbuf **m, unsigned n, enum packet_kind kind);

/* Transmits the burst's frames that other workers handed over; io_tx() in runs of one link and kind. */
void io_tx_handed(struct io *io, struct burst *b);

/* True when a port must be polled: sleep is bounded. */
bool io_has_ports(const struct io *io);
/* epoll descriptor with every socket and the worker's wake-ups. */
int io_epoll(const struct io *io);
/* An eventfd that wakes the worker; edge-triggered, so that nobody need read it. */
int io_watch(struct io *io, int fd);

/* The worker that transmits on a link: this one, or its owner. */
unsigned io_tx_worker(const struct io *io, const struct link *l);

/* io/learn.c: the source of an authentic frame becomes, or is reported as, the neighbour's address. */
void learn_source(struct worker *w, struct link *l, const struct packet *p);

/* io/port.c, at start and stop. id[i]: DPDK's number of cfg->ports[i]. */
int ports_start(const struct dp_cfg *cfg, struct rte_mempool *pool, uint16_t id[DP_PORTS_MAX],
                char *err, size_t errcap);
void ports_stop(void);
/* False: no such port. */
bool port_info(uint16_t port, bool *up, uint16_t *mtu, uint8_t mac[6]);
