/* SPDX-License-Identifier: BSD-3-Clause */
/* The keys of a session in its worker: the receiving key first, then the sending one; the old receiving key stays for a while. */
#pragma once
#include "endpoint/session.h"

/* Derives the keys of a finished handshake, gives the worker the receiving one and waits, on t, for its acknowledgement; `then` runs
 * with s. Nothing may make the other side send under this key before. The sending secret stays in hs for keys_adopt().
 * follow: the worker changes to the new sending key by itself when the other side uses its own. */
void keys_program_rx(struct node *n, struct session *s, struct session_hs *hs, bool follow,
                     struct ticket *t, void (*then)(struct node *n, void *session));
/* Makes the keys of hs, whose receiving one is in the worker, the session's. The old receiving key stays for the overlap. */
void keys_adopt(struct node *n, struct session *s, struct session_hs *hs);
/* The other side is known to hold the keys of hs, which are the session's: what XX leaves for later handshakes by IK is kept. */
void keys_proven(struct session *s, const struct session_hs *hs);
/* The receiving key of this phase is needed only for packets still under way: it is removed after the overlap. There is at most one such
 * key; an older one is removed at once. */
void keys_retire(struct node *n, struct session *s, uint8_t phase);
/* Removes that key so many ns from now instead. Nothing if there is no old key. */
void keys_retire_in(struct node *n, struct session *s, int64_t ns);
/* Removes the old key now. Nothing if there is none. */
void keys_retired(struct node *n, struct session *s);
