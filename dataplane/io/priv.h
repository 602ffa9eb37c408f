/* SPDX-License-Identifier: BSD-3-Clause */
/* One worker's sockets and port queues, inside io/ only. */
#pragma once
#include "io/io.h"

#include <stdint.h>
#include <sys/uio.h>

#define IO_PORTS   32
#define PORT_BURST 32

/* A kernel UDP socket that this worker uses; several links may share it. */
struct io_sock {
	int fd;
	uint16_t link; /* of frames whose header names no other */
	unsigned refs;
	bool gro, gso; /* the kernel takes and gives coalesced runs */
	/* Runs that were refused are not tried again before gso_at; gso_pause: how long that was the last time, ns, 0: never yet. */
	struct instant gso_at;
	int64_t gso_pause;
	bool v6;           /* address family of the socket */
	bool any;          /* bound to no address: packets tell theirs, and leave from it again */
	uint32_t overruns; /* SO_RXQ_OVFL as last seen */
	struct io_sock *next;
};

/* A port this worker polls or transmits on. */
struct io_port {
	bool used;      /* some link here stands on it */
	bool poll;      /* this worker reads its queue */
	bool held;      /* control is about to remove the device, or has */
	uint16_t queue; /* this worker's */
	uint16_t *vlan; /* link by VLAN id, UINT16_MAX: none; 4096 entries */
	unsigned links;
	uint8_t mac[6];
	struct instant look; /* when port_look() is due */
	uint64_t missed;     /* imissed as last seen */
};

struct sock_rx;

/* Its worker's alone. */
struct io {
	struct worker *w;
	int epoll;
	struct io_sock *socks;
	struct io_sock *of_link[CPDP_LINKS_MAX]; /* NULL: no udp-socket link of this worker */
	struct io_port port[IO_PORTS];
	unsigned ports; /* in use */
	/* Reception in this turn: under way; the next port to look at; how many in use are left from there on. */
	bool receiving;
	uint16_t next_port;
	unsigned ports_left;
	struct sock_rx *sock_rx;
};

/* io/sock_rx.c. NULL: out of memory. */
struct sock_rx *sock_rx_new(void);
void sock_rx_free(struct sock_rx *r);
/* Receives from sockets that have something, once from each in a turn. Returns 0 when there is no more in this turn. */
unsigned socks_rx(struct io *io, struct burst *b);
/* The next socks_rx() begins a turn. */
void socks_rx_end(struct sock_rx *r);

/* io/udpsock.c: io_link_set(), io_link_del() and io_tx() for links on sockets of this worker. */
int sock_attach(struct io *io, struct link *l);
void sock_detach(struct io *io, struct link *l);
void sock_tx(struct io *io, struct link *l, struct rte_mbuf **m, unsigned n, enum packet_kind kind);

/* io/runs.c: these n frames of a sealed link have left, the bits of `member` say which of them in runs (or would have): a sample takes note. */
void runs_note(struct worker *w, struct link *l, const struct iovec *frame, unsigned n,
               uint64_t member);

/* io/port.c: io_link_set() and io_link_del() for links on ports. */
int port_attach(struct io *io, struct link *l);
void port_detach(struct io *io, struct link *l);
/* True when each worker has its own queue pair. */
bool port_per_worker(uint16_t port);
/* The one worker of a port without. */
unsigned port_worker(uint16_t port, unsigned workers);
/* Packets the device missed since its start; asked about once a second. */
uint64_t port_look(uint16_t port);
/* A burst from or to a queue of a port; the mbufs that were not transmitted stay the caller's. Returns packets. */
unsigned port_receive(uint16_t port, uint16_t queue, struct rte_mbuf **m, unsigned n);
unsigned port_transmit(uint16_t port, uint16_t queue, struct rte_mbuf **m, unsigned n);

/* io/ether.c: receives at most PORT_BURST packets, for which the burst has room. Returns packets, dropped ones too. */
unsigned ether_rx(struct io *io, uint16_t port, struct burst *b);
/* io_tx() for links on ports whose queue this worker has. */
void ether_tx(struct io *io, struct link *l, struct rte_mbuf **m, unsigned n, unsigned room,
              enum packet_kind kind);
