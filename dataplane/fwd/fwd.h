/* SPDX-License-Identifier: BSD-3-Clause */
/* The label switch of one worker: links and keys as control commands them, sealed frames and labelled packets in, frames out or a copy to
 * control. */
#pragma once
#include "core/burst.h"
#include "core/link.h"
#include "ipc/cpdp.h"

#include <stddef.h>

struct fwd;
struct io;
struct worker;

/* The switch of a worker over its ports and sockets, which outlive it. NULL: one sentence is in err. */
struct fwd *fwd_new(struct worker *w, struct io *io, char *err, size_t errcap);
/* Forgets every link, wipes every key. */
void fwd_free(struct fwd *f);

/* CMD_LINK_*, CMD_ILM_*, CMD_SEND, CMD_QUERY_LABEL. 0, or -errno: the command makes no sense or cannot be done, and nothing has changed. */
int fwd_command(struct fwd *f, const struct cp_cmd *c);

/* Fetches what a command will touch, where that is known; changes nothing. */
void fwd_command_ahead(const struct fwd *f, const struct cp_cmd *c);

/* Sealed frames of the burst: handshakes are punted, data is opened here, or handed to the worker that owns the receiver index. What is
 * authentic becomes labelled packets of the burst. */
void fwd_sealed(struct fwd *f, struct burst *b);

/* Labelled packets of the burst: switched, punted, or made local packets of the burst where a session of this worker ends here. */
void fwd_labelled(struct fwd *f, struct burst *b);

/* Queues a packet, which starts with its label stack and is one segment, for a link: it is sealed and transmitted in this turn, by
 * another worker where that one owns the link. Takes m; failures are counted drops. */
void fwd_send(struct fwd *f, uint16_t link, struct rte_mbuf *m);

/* Seals and transmits what is queued for every link. */
void fwd_flush(struct fwd *f);
