/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets that arrive before their session's key, or before their session, wait for a while. */
#pragma once
#include "session/priv.h"

/* Takes m, which is dropped (counted) where too many wait. */
void wait_add(struct worker_sessions *s, struct tunnel_end *e, struct rte_mbuf *m,
              struct instant now);
/* The packets that waited, in order, become the caller's. Returns how many. */
unsigned wait_take(struct worker_sessions *s, struct tunnel_end *e,
                   struct rte_mbuf *m[SESS_WAIT_MAX]);
/* Drops what waits in e, counted as why. */
void wait_drop(struct worker_sessions *s, struct tunnel_end *e, enum drop_reason why);
/* m came under a label without a session, and waits for one. Where too many wait, or too many of its link, the oldest of these is dropped. */
void wait_unproven(struct worker_sessions *s, struct rte_mbuf *m, struct instant now);
/* What waits under this label is e's and waits for its key. */
void wait_proven(struct worker_sessions *s, struct tunnel_end *e, uint16_t link, uint32_t label,
                 struct instant now);
/* Drops all that waits for a session. */
void wait_drop_unproven(struct worker_sessions *s);
/* Drops those that have waited for too long. */
void wait_tick(struct worker_sessions *s, struct instant now);
