/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions, outward: what leaves by a tunnel end, sealed or in the clear. */
#pragma once
#include "session/priv.h"

/* Pulls segments from TCP, seals and sends them, a bounded number. Returns segments. */
unsigned tx_run(struct worker_sessions *s, struct instant now);
/* Gives back the buffers that were taken ahead. */
void tx_free(struct worker_sessions *s);
/* Where the next packet's next header, traffic class and what follows are to be written, TUNNEL_INNER_BYTES + SESS_SEG_MAX at most; NULL: no
 * buffer is left. Nothing happens to them without tx_add(). */
uint8_t *tx_inner(struct worker_sessions *s);
/* The len bytes written there leave by e, which may send, in this burst; ops has SESS_BURST entries and goes on to tx_seal(). */
void tx_add(struct worker_sessions *s, struct tunnel_end *e, struct aead_op *ops, uint32_t len,
            unsigned tc, struct instant now);
/* Seals and sends what was added. */
void tx_seal(struct worker_sessions *s, struct aead_op *ops);
/* Sends one packet in the clear: a handshake, or OAM. Failures are counted drops. */
void tx_clear(struct worker_sessions *s, struct tunnel_end *e, const struct cp_send_session *c);
/* Sends an OAM body sealed. ttl 0: the usual. Failures are counted drops. */
void tx_oam(struct worker_sessions *s, struct tunnel_end *e, const uint8_t *body, uint32_t len,
            uint8_t ttl);
