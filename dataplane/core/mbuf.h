/* SPDX-License-Identifier: BSD-3-Clause */
/* Packet buffers of one worker: how they are laid out and how it takes them from the pool. */
#pragma once
#include <stdbool.h>

struct rte_mbuf;
struct worker;

/* Bytes that stay free in front of the data of a worker_mbuf(): label stack, link header, UDP/IP and Ethernet go there. */
#define WORKER_HEADROOM 192
/* Bytes of data that a worker_mbuf() holds behind that headroom. */
#define WORKER_ROOM 1984
/* Bytes of a buffer in the pool: headroom, room for data, and a tail for the tags of sealing. */
#define MBUF_DATA (WORKER_HEADROOM + WORKER_ROOM + 128)

/* An empty buffer, or NULL: there is none left, which is counted as no_buffer. */
struct rte_mbuf *worker_mbuf(struct worker *w);

/* Takes n buffers at once into m, all of them or none (counted once as no_buffer). They are not ready for use: call
 * worker_mbuf_ready() for each before. Their heads are on the way into the cache, because another core may have had them last. */
bool worker_mbufs(struct worker *w, struct rte_mbuf **m, unsigned n);

/* Makes a buffer that worker_mbufs() gave empty and ready for use, as worker_mbuf() returns it. */
void worker_mbuf_ready(struct rte_mbuf *m);
