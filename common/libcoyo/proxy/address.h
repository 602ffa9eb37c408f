/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses as SOCKS5 writes them in requests and before datagrams (RFC 1928, section 5), read from bytes that anybody may have sent. Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROXY_HOST_MAX    255 /* bytes of a host name (RFC 1928, section 5) */
#define PROXY_ADDRESS_MAX (1 + 1 + PROXY_HOST_MAX + 2) /* bytes: type, length, name, port */

enum proxy_address_type { PROXY_IPV4 = 1, PROXY_NAME = 3, PROXY_IPV6 = 4 };

enum proxy_address_found {
	PROXY_ADDRESS_TAKEN,
	PROXY_ADDRESS_MORE, /* it is not whole */
	PROXY_ADDRESS_TYPE, /* its first byte is none of enum proxy_address_type */
	PROXY_ADDRESS_NAME, /* the name is empty, or has a byte that no name has; *used is set */
};

/* A host and a port. */
struct proxy_address {
	uint16_t port;
	char host[PROXY_HOST_MAX +
	          1]; /* printable ASCII without spaces; an IPv6 address without brackets */
};

/* Reads the address that n bytes begin with. *used: its bytes, at most PROXY_ADDRESS_MAX. */
enum proxy_address_found proxy_address_read(const uint8_t *p, size_t n, struct proxy_address *a,
                                            size_t *used);

/* Writes it for an answer: a host of `bytes` bytes in network order, 4 or 16. out: PROXY_ADDRESS_MAX bytes. Returns how many it takes. */
size_t proxy_address_write(const uint8_t *host, size_t bytes, uint16_t port, uint8_t *out);

/* Takes the name of n bytes. False: empty, too long, or a byte that no host has. */
bool proxy_take_host(char host[PROXY_HOST_MAX + 1], const char *p, size_t n);
