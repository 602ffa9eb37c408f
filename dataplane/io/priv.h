/* SPDX-License-Identifier: BSD-3-Clause */
/* One worker's sockets and port queues, inside io/ only. */
#pragma once
#include "io/io.h"

#include <stdint.h>

#define IO_PORTS    32
#define SOCK_MSGS   16    /* datagrams (or coalesced runs) per recvmmsg */
#define SOCK_BUFFER 65536 /* one coalesced run */

/* A kernel UDP socket; several links may share it. */
struct io_sock {
	int fd;
	uint16_t link; /* of frames whose header names no other */
	unsigned refs;
	bool gro, gso;
	bool v6;           /* address family of the socket */
	uint32_t overruns; /* SO_RXQ_OVFL as last seen */
	struct io_sock *next;
};

/* A port this worker polls or transmits on. */
struct io_port {
	bool used;      /* some link here stands on it */
	bool poll;      /* this worker reads its queue */
	uint16_t queue; /* this worker's */
	uint16_t *vlan; /* link by VLAN id, UINT16_MAX: none; 4096 entries */
	unsigned links;
	uint8_t mac[6];
	uint64_t missed; /* imissed as last seen */
};

struct io {
	int epoll;
	struct io_sock *socks;
	struct io_port port[IO_PORTS];
	unsigned ports;   /* in use */
	uint8_t *scratch; /* SOCK_MSGS * SOCK_BUFFER */
};

/* io/udpsock.c */
int sock_attach(struct worker *w, struct link *l);
void sock_detach(struct worker *w, struct link *l);
unsigned sock_rx(struct worker *w, struct io_sock *s);
void sock_tx(struct worker *w, struct link *l, struct rte_mbuf **m, unsigned n,
             enum packet_kind kind);

/* io/port.c */
int port_attach(struct worker *w, struct link *l);
void port_detach(struct worker *w, struct link *l);
/* True when each worker has its own queue pair. */
bool port_per_worker(uint16_t port);
/* The one worker of a port without. */
unsigned port_worker(uint16_t port, unsigned workers);
unsigned port_receive(uint16_t port, uint16_t queue, struct rte_mbuf **m, unsigned n);
unsigned port_transmit(uint16_t port, uint16_t queue, struct rte_mbuf **m, unsigned n);

/* io/ether.c */
unsigned ether_rx(struct worker *w, uint16_t port);
void ether_tx(struct worker *w, struct link *l, struct rte_mbuf **m, unsigned n,
              enum packet_kind kind);
