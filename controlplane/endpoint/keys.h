/* SPDX-License-Identifier: BSD-3-Clause */
/* The keys of a session in its worker: receiving first, then sending, the old ones for a while beside. */
#pragma once
#include "endpoint/session.h"

/* Derives the keys of a finished handshake, gives the worker the receiving one and waits, on t, for its acknowledgement; then runs
 * with s. Only after it may anything make the other side send under this key. The sending secret waits in hs.
 * follow: once the other side sends under the new key, it is answered under it. */
void keys_program_rx(struct node *n, struct session *s, struct session_hs *hs, bool follow,
                     struct ticket *t, void (*then)(struct node *n, void *session));
/* hs's keys, whose receiving one is programmed, are the session's from here on. The old receiving key stays for the overlap. */
void keys_adopt(struct node *n, struct session *s, struct session_hs *hs);
/* The receiving key of this phase is wanted only for what is under way: it goes after the overlap. At most one such key stays. */
void keys_retire(struct node *n, struct session *s, uint8_t phase);
/* The same key goes so many ns from now instead. Nothing where no old key stands. */
void keys_retire_in(struct node *n, struct session *s, int64_t ns);
/* The overlap is over. Nothing where no old key stands. */
void keys_retired(struct node *n, struct session *s);
