/* SPDX-License-Identifier: BSD-3-Clause */
/* The head of a datagram between a client and the proxy: RFC 1928, section 7. Pure. */
#pragma once
#include "libcoyo/proxy/address.h"

#define PROXY_DATAGRAM_HEAD_MAX (2 + 1 + PROXY_ADDRESS_MAX) /* reserved, fragment, address */

/* What is wrong with a head. */
enum proxy_head_fault {
	PROXY_HEAD_FINE,
	PROXY_HEAD_BROKEN, /* too short, reserved bytes that are not 0, or an address that is none */
	PROXY_HEAD_FRAGMENT, /* a part of a datagram: nobody has to put them together, and this proxy does not */
};

struct proxy_head {
	struct proxy_address to;
	size_t bytes;   /* of the head; what follows is the datagram */
	size_t asked_n; /* bytes of: */
	uint8_t asked
	        [PROXY_ADDRESS_MAX]; /* the address as the client wrote it, for answers from there */
};

/* Reads the head that a datagram of n bytes begins with. */
enum proxy_head_fault proxy_head_read(const uint8_t *p, size_t n, struct proxy_head *h);

/* Writes the head of an answer from an address of n bytes, as it was asked for. out: PROXY_DATAGRAM_HEAD_MAX bytes. Returns how many it takes. */
size_t proxy_head_write(const uint8_t *asked, size_t n, uint8_t *out);
