/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets for datagrams: a port that the daemon has given, and a slot with each worker, in whose rings lie records (ipc/appdgram.h). */
#pragma once
#include "libcoyo/coyo.h"
#include "libcoyo/sock.h"

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

#define DGRAM_FLAGS_SEND (MSG_DONTWAIT | MSG_NOSIGNAL)
#define DGRAM_FLAGS_RECV (MSG_DONTWAIT | MSG_PEEK | MSG_TRUNC | MSG_CMSG_CLOEXEC | MSG_NOSIGNAL)

/* Of sock.option: bytes that may wait in one direction. */
enum { DGRAM_OPT_OUT, DGRAM_OPT_IN };

/* Whether the socket is one. */
static inline bool dgram_is(const struct ref *r)
{
	return sock_flags(r) & SOCK_F_DATAGRAM;
}

/* ---- dgram.c: what a socket is ---- */

/* The socket gets that port, 0: one that is free. 0 or a negative errno. */
int dgram_bind(const struct ref *r, uint16_t port);
/* The same with a free one, where it has none yet. */
int dgram_bind_any(const struct ref *r);
/* It talks to that port alone from now on; NULL: to everybody again. 0 or a negative errno. */
int dgram_connect(const struct ref *r, const struct sockaddr_coyo *to);
/* Its port and its slots are given back. flags: as they were. Nobody else has the socket. */
void dgram_release(struct attachment *a, uint32_t first, uint32_t token, uint32_t flags);
/* Whoever waits for the socket looks again. first: its first slot. */
void dgram_wake(struct attachment *a, uint32_t first);
/* What it is ready for, as ready_look() says it. */
short dgram_ready(const struct ref *r, short events, bool arm);
/* The positive errno that the next call returns, 0: none; it is taken, but for one that stays: the daemon has ended, or lies. Under one of the locks. */
int dgram_error(const struct ref *r);
/* A limit (DGRAM_OPT_...) is set. Under the sending lock. */
int dgram_limit(const struct ref *r, unsigned option, int64_t bytes);
/* Its value. */
int64_t dgram_limit_of(const struct ref *r, unsigned option);
/* What a process that has died with a lock had moved is made known. Under that lock. */
void dgram_repair(const struct ref *r, bool recv);

/* The slot with that worker; the socket has a port. */
static inline uint32_t dgram_slot(const struct ref *r, uint32_t worker)
{
	return region_dgrams(r->a->region)[r->s->slot].slot[worker];
}
/* The views of a slot's rings. */
static inline struct dgram_end *dgram_end(const struct attachment *a, uint32_t slot)
{
	return &region_dgrams(a->region)[slot];
}

/* ---- dgram_io.c: what goes through it ---- */

/* Sends the pieces as one datagram; to NULL: to the peer of connect(). How many bytes, or a negative errno. */
ssize_t dgram_send(const struct ref *r, const struct iovec *iov, size_t pieces, int flags,
                   const struct sockaddr_coyo *to);
/* Receives one into the pieces; *from gets its sender, *length its own length. How many bytes are in the pieces, or a negative errno. */
ssize_t dgram_recv(const struct ref *r, const struct iovec *iov, size_t pieces, int flags,
                   struct sockaddr_coyo *from, size_t *length);
