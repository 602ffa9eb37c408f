/* SPDX-License-Identifier: BSD-3-Clause */
/* The side that begins a handshake: with a set-up, or inside the tunnel to renew keys. */
#pragma once
#include "endpoint/session.h"

/* The tunnel l of an attempt stands and its reply m carries the second message: the keys are made and l is used, or l is released. */
void initiate_reply(struct node *n, struct session *s, struct lsp *l, const struct reply_msg *m);
/* The second message, inside the tunnel. */
void initiate_rx_second(struct node *n, struct session *s, const uint8_t *msg, size_t len);
/* Our last message of a handshake whose keys are in use may have been lost: says it again. After the last try begins anew, or, where
 * older keys stood, lets it be: the other side has the key, and new ones are made in time. */
void initiate_again(struct node *n, struct session *s);
/* The rekey timer: renews the keys, or gives them up where renewal failed until they must not be used any more. */
void initiate_rekey(struct node *n, struct session *s);
