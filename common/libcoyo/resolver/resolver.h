/* SPDX-License-Identifier: BSD-3-Clause */
/* coyo resolver: answers DNS on loopback addresses, by UDP and TCP, for the names of this network alone. It forwards nothing and writes nothing. */
#pragma once
#include "libcoyo/coyo.h"

#include <stdint.h>
#include <sys/socket.h>

#define RESOLVER_ADDRESSES_MAX 8

struct resolver_cfg {
	const char *socket; /* of the daemon; NULL: the usual one */
	uint8_t prefix;     /* the first byte of the addresses that it tells */
	struct sockaddr_storage at[RESOLVER_ADDRESSES_MAX]; /* with ports other than 0 */
	unsigned addresses;
};

/* Serves until SIGTERM or SIGINT: 0. Else -errno and a sentence in why. One line on standard error names each address when all are served. */
int resolver_run(const struct resolver_cfg *cfg, char why[COYO_WHY_MAX]);
