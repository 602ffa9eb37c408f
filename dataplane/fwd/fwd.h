/* SPDX-License-Identifier: BSD-3-Clause */
/* The label switch: frames in, stages over small arrays, frames out or a copy to control. */
#pragma once
#include "core/link.h"

#include <stdbool.h>

struct worker;

#define FWD_BURST 64

/* Sealed frames that start at their link header (packet.link set): handshakes are punted, data is opened here or handed to the worker
 * that owns the receiver index, then goes to fwd_labelled(). Takes the mbufs. n <= FWD_BURST. handed: came from another worker. */
void fwd_sealed(struct worker *w, struct rte_mbuf **m, unsigned n, bool handed);

/* Labelled packets of authenticated neighbours (packet.link set). Takes the mbufs. n <= FWD_BURST. */
void fwd_labelled(struct worker *w, struct rte_mbuf **m, unsigned n);

/* Queues a labelled packet for a link. Takes m. */
void fwd_out(struct worker *w, struct link *l, struct rte_mbuf *m);

/* Seals and transmits what is queued for l, or for every link. */
void fwd_flush_link(struct worker *w, struct link *l);
void fwd_flush(struct worker *w);

/* fwd/punt.c: copies m's bytes (from its data start) to control. Does not free m. False: event ring full (counted). */
bool punt(struct worker *w, enum punt_reason reason, bool authenticated, struct rte_mbuf *m);
