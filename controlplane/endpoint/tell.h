/* SPDX-License-Identifier: BSD-3-Clause */
/* What the worker that owns a session is told: its tunnel, its keys, what to send inside the tunnel. */
#pragma once
#include "endpoint/session.h"
#include "wire/tunnel.h"

/* The session's current tunnel and path MTU. Without a tunnel the worker holds what connections send. */
void tell_path(struct node *n, struct session *s);
/* The same, and that what waits under the in-label of l, a tunnel that had no session, is this session's. */
void tell_proven(struct node *n, struct session *s, const struct lsp *l);
/* Makes the worker forget the session and its keys. Nothing if it does not know it. */
void tell_end(struct node *n, struct session *s);
/* There is no way to the id, err: positive errno. The worker ends connections whose data has been waiting for longer than TELL_WAITING_NS,
 * and those that have been opening for opening_ns. */
#define TELL_WAITING_NS (7 * NS_PER_S)
void tell_unreachable(struct node *n, const struct session *s, int err, int64_t opening_ns);

/* The id is no neighbour at present: the worker ends with EHOSTUNREACH those connections to it that wait for a path of one link. */
void tell_no_neighbour(struct node *n, const struct node_id *remote);

/* Gives the worker the receiving key that results from hs, derived from secret. */
void tell_rx_key(struct node *n, const struct session *s, const struct session_hs *hs,
                 const uint8_t secret[32]);
/* Gives the worker the sending key. It uses it from now on, or, when_used, from the first packet received under the same phase on. */
void tell_tx_key(struct node *n, const struct session *s, uint8_t phase, uint8_t alg,
                 const uint8_t secret[32], bool when_used);
/* Takes the receiving key of this phase out of the worker. */
void tell_rx_del(struct node *n, const struct session *s, uint8_t phase);

/* Has handshake message `number` sent, in clear. */
void tell_send_handshake(struct node *n, const struct session *s, uint8_t number,
                         const uint8_t *msg, size_t len);
/* Has m sent, sealed. ttl: of the label, 0: the full one. */
void tell_send_oam(struct node *n, const struct session *s, const struct oam *m, uint8_t ttl);
/* Has a sealed packet sent whose only meaning is that our keys are in use; answer: asks for one in return. */
void tell_send_keepalive(struct node *n, const struct session *s, bool answer);
