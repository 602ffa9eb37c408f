/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages about a slot that the worker answers in the slot's words. */
#pragma once
#include "libcoyo/sock.h"

/* A message of that type about the socket's slot, with a number of its own. */
struct applane_msg question_of(const struct ref *r, uint8_t type);
/* Sends it and waits for the worker's answer, a second at most. Under the sending lock, so that one is under way at a time. 0 or a negative errno: what
 * the worker said, or -EIO. */
int question_ask(const struct ref *r, const struct applane_msg *m);
