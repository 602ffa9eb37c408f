/* SPDX-License-Identifier: BSD-3-Clause */
/* What the worker that owns a session is told: its tunnel, its keys, what to send inside the tunnel. */
#pragma once
#include "endpoint/session.h"
#include "wire/tunnel.h"

/* The session's present tunnel and path MTU; without a tunnel or keys: hold what is to be sent. */
void tell_path(struct node *n, struct session *s);
/* Forget the session and its keys. Nothing where the worker does not know it. */
void tell_end(struct node *n, struct session *s);
/* The id cannot be reached, err: positive errno; who waits for it is to be told so. */
void tell_unreachable(struct node *n, const struct session *s, int err);

/* The key for receiving under this phase, made of the handshake's secret. */
void tell_rx_key(struct node *n, const struct session *s, uint8_t phase, uint8_t alg,
                 const uint8_t secret[32]);
/* The key for sending, from now on; when_used: once something has come under the same phase. */
void tell_tx_key(struct node *n, const struct session *s, uint8_t phase, uint8_t alg,
                 const uint8_t secret[32], bool when_used);
/* Nothing more is received under this phase. */
void tell_rx_del(struct node *n, const struct session *s, uint8_t phase);

/* Send, in clear, handshake message `number`. */
void tell_send_handshake(struct node *n, const struct session *s, uint8_t number,
                         const uint8_t *msg, size_t len);
/* Send m sealed. ttl of the label, 0: the full one. */
void tell_send_oam(struct node *n, const struct session *s, const struct oam *m, uint8_t ttl);
/* Send a sealed packet that means nothing but that our keys are in use; answer: the like is asked for. */
void tell_send_keepalive(struct node *n, const struct session *s, bool answer);
