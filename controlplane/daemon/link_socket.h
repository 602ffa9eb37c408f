/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel's UDP socket of one link or listener. */
#pragma once
#include "conf.h"

#include <stdbool.h>
#include <stddef.h>

struct daemon;
struct daemon_link;

/* Which families a link's socket has to serve, by its own address and its neighbour's. Both: one socket of IPv6 that takes IPv4, too. */
void link_socket_families(const struct conf_link *l, bool *v4, bool *v6);
/* A socket for k, bound to the link's local address, or that of a link which is being removed from there. Sets k->v4, k->v6 and k->io.local_port.
 * Returns a descriptor that the caller owns, or -errno with one sentence in err. */
int link_socket_open(struct daemon *d, const struct conf_link *l, struct daemon_link *k, char *err,
                     size_t errcap);
