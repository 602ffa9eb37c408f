/* SPDX-License-Identifier: BSD-3-Clause */
/* Why something failed, in one sentence beside its errno. */
#pragma once
#include "base/cc.h"

#include <stddef.h>

/* Writes a sentence of at most cap - 1 bytes into why, which may be NULL: nobody wants to know. Bytes of control in it, which may come from a
 * file or a peer, become question marks: it is shown to people, and sent as a line. Returns -err, for err a positive errno. */
int why_say(char *why, size_t cap, int err, const char *format, ...) COYO_PRINTF(4, 5);
