/* SPDX-License-Identifier: BSD-3-Clause */
/* The responder of XX without memory: its second message is made anew from a secret, the tunnel and the first message, whenever it is needed. */
#pragma once
#include "endpoint/session.h"

/* Answers the first message msg, which came with the set-up of l from l->src: *hs has the second message. l is in the table of unproven
 * tunnels, and its entry names generation and phase. The same call once more gives the same *hs. -EBADMSG: it cannot be read; -ESTALE: it
 * was answered too long ago. *hs is to be wiped in any case. */
int stateless_answer(struct node *n, const struct lsp *l, const uint8_t *msg, size_t len,
                     struct session_hs *hs) COYO_NODISCARD;
/* Reads what comes in place of the third message in tunnel l: the first message once more, and the third. *hs is then the whole
 * handshake, of the other side that *x_key and hs->incarnation belong to, and proven to be l->src. Errors as above. */
int stateless_proof(struct node *n, const struct lsp *l, const uint8_t *msg, size_t len,
                    struct session_hs *hs, uint8_t x_key[32]) COYO_NODISCARD;
