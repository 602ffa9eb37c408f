/* SPDX-License-Identifier: BSD-3-Clause */
/* The label switch, inside fwd/ only. */
#pragma once
#include "core/state.h"
#include "fwd/fwd.h"
#include "io/io.h"
#include "seal/door.h"
#include "table/u32map.h"

struct fwd {
	struct worker *w;
	struct io *io;
	struct u32map rx_index;             /* receiver index -> struct rx_lane */
	struct link *dirty[CPDP_LINKS_MAX]; /* links with packets queued */
	unsigned ndirty;
	struct door door;
};

/* fwd/output.c: queues a labelled packet for a link. Takes m. */
void fwd_out(struct fwd *f, struct link *l, struct rte_mbuf *m);

/* The same for packets in order that fit the link, are of one segment and carry a label that is not reserved. */
void fwd_out_data(struct fwd *f, struct link *l, const struct io_frames *frames);

/* fwd/output.c: seals one packet under this worker's lane. False: it was dropped. */
bool fwd_seal(struct fwd *f, struct link *l, struct rte_mbuf *m);

/* fwd/output.c: transmits one frame at once, past the queue and to the address that its struct packet names, where it names one. Takes m. */
void fwd_tx_raw(struct fwd *f, struct link *l, struct rte_mbuf *m);

/* fwd/punt.c: copies m's bytes (from its data start) to control. Does not free m. False: too long, or the event ring is full (counted). */
bool punt(struct worker *w, enum punt_reason reason, bool authenticated, struct rte_mbuf *m);

/* fwd/handshake.c: a frame of a sealed link that is not data: punted, answered or dropped. Takes m, of one segment; h is its header. */
void handshake_frame(struct fwd *f, struct link *l, const struct link_header *h,
                     struct rte_mbuf *m);

/* fwd/link.c: every link is forgotten, its keys are wiped. */
void links_forget(struct fwd *f);
/* CMD_LINK_*; 0 or -errno. */
int link_command(struct fwd *f, const struct cp_cmd *c);
