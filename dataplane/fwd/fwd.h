/* SPDX-License-Identifier: BSD-3-Clause */
/* The label switch: frames in, stages over small arrays, frames out or a copy to control. */
#pragma once
#include "core/burst.h"
#include "core/link.h"

#include <stdbool.h>

struct worker;

/* Sealed frames of the burst: handshakes are punted, data is opened here, or handed to the worker that owns the receiver index. What is
 * authentic becomes labelled packets of the burst. */
void fwd_sealed(struct worker *w, struct burst *b);

/* Labelled packets of the burst: switched, punted, or made local packets of the burst where a session of this worker ends here. */
void fwd_labelled(struct worker *w, struct burst *b);

/* Queues a labelled packet for a link. Takes m. */
void fwd_out(struct worker *w, struct link *l, struct rte_mbuf *m);

/* Seals and transmits what is queued for l, or for every link. */
void fwd_flush_link(struct worker *w, struct link *l);
void fwd_flush(struct worker *w);

/* fwd/punt.c: copies m's bytes (from its data start) to control. Does not free m. False: event ring full (counted). */
bool punt(struct worker *w, enum punt_reason reason, bool authenticated, struct rte_mbuf *m);
