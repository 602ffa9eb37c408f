/* SPDX-License-Identifier: BSD-3-Clause */
/* The associations of all clients: SOCKS5's UDP ASSOCIATE. Each is served by a thread of its own, as finding a name or a port may wait. */
#pragma once
#include "libcoyo/coyo.h"

#define ASSOCIATIONS_MAX         256
#define ASSOCIATIONS_PER_ADDRESS 64 /* of clients at one address */

struct associations;

/* idle_s: so long one may carry nothing. NULL: out of memory. */
struct associations *associations_new(unsigned idle_s);
/* Begins one for the client behind that TCP socket; port: from which it says that its datagrams will come, 0: it does not say. Returns a stream
 * socket, the caller's to close: what comes out of it is for the client, the reply to its request first; its end, either way, is the association's.
 * Or a negative errno, with a sentence in why. */
int associations_start(struct associations *all, int client, uint16_t port, char why[COYO_WHY_MAX]);
/* Gives them up: threads that are at work end by themselves, and the last one frees it. Nothing is started after that. */
void associations_leave(struct associations *all);
