/* SPDX-License-Identifier: BSD-3-Clause */
/* The side that answers: set-ups that arrive for this node, and handshakes that the other side begins. */
#pragma once
#include "endpoint/session.h"
#include "wire/tunnel.h"

/* A set-up for this node, as in news.lsp_offer: accepted or refused at once, or accepted as soon as the worker has the key. */
void answer_offer(struct node *n, struct lsp *l, const struct setup_msg *m);
/* The first message of a rekey, which came inside the tunnel of s in packet pk. */
void answer_rx_first(struct node *n, struct session *s, const struct dp_packet *pk,
                     const uint8_t *msg, size_t len);
/* A handshake message from inside a tunnel without a session, in packet pk: if it is XX's third message in the form of handshake_third(), the
 * session is made, or gets new keys. */
void answer_rx_proof(struct node *n, const struct dp_packet *pk, const uint8_t *msg, size_t len);
/* The first packet under this phase has been opened: the other side holds the keys. */
void answer_key_used(struct node *n, struct session *s, uint8_t phase);
