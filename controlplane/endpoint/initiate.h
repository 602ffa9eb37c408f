/* SPDX-License-Identifier: BSD-3-Clause */
/* The side that begins a handshake: with a set-up, or inside the tunnel to renew keys. */
#pragma once
#include "endpoint/session.h"

/* The tunnel l of an attempt stands and its reply m carries the second message: programs the keys, then uses l; or
 * releases l. */
void initiate_reply(struct node *n, struct session *s, struct lsp *l, const struct reply_msg *m);
/* The second message, inside the tunnel. */
void initiate_rx_second(struct node *n, struct session *s, const uint8_t *msg, size_t len);
/* The other side has not used the new keys yet, and our last message may have been lost: sends it again. After the last try the session
 * begins anew; a rekey is just left as it is, since the other side has the key and the next rekey makes new ones. */
void initiate_again(struct node *n, struct session *s);
/* The rekey timer: begins a handshake for new keys, or drops the keys if none was completed before they became too old. */
void initiate_rekey(struct node *n, struct session *s);
