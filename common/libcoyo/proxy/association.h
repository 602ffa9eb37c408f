/* SPDX-License-Identifier: BSD-3-Clause */
/* One association: a UDP socket towards the client, a socket of the network with a port of its own, and a stream to the loop that has the client's
 * TCP connection. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct association;

/* For the client behind that TCP socket, whose datagrams come from that port (0: not known yet). *end: the loop's end of the stream, the caller's to
 * close. Does not wait. NULL, and a negative errno in *err. */
struct association *association_new(int client, uint16_t port, int *end, int *err);
/* Whether their clients have the same address. */
bool association_same_client(const struct association *a, const struct association *b);
/* Serves until the stream ends, the daemon does, or for idle_s seconds no datagram has come from either side. Waits. */
void association_serve(struct association *a, unsigned idle_s);
/* Closes and frees it. */
void association_free(struct association *a);
