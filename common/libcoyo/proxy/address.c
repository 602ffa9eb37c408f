/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses of SOCKS5: four or sixteen bytes, or a name with its length before it, and a port. */
#include "libcoyo/proxy/address.h"

#include <stdio.h>
#include <string.h>

bool proxy_take_host(char host[PROXY_HOST_MAX + 1], const char *p, size_t n)
{
	if (n == 0 || n > PROXY_HOST_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (p[i] <= ' ' || p[i] > '~')
			return false;
	memcpy(host, p, n);
	host[n] = '\0';
	return true;
}

static void take_ipv4(char host[PROXY_HOST_MAX + 1], const uint8_t *p)
{
	snprintf(host, PROXY_HOST_MAX + 1, "%u.%u.%u.%u", p[0], p[1], p[2], p[3]);
}

static void take_ipv6(char host[PROXY_HOST_MAX + 1], const uint8_t *p)
{
	size_t at = 0;

	for (unsigned i = 0; i < 16; i += 2)
		at += (size_t)snprintf(host + at, PROXY_HOST_MAX + 1 - at, "%s%x", i ? ":" : "",
		                       (unsigned)p[i] << 8 | p[i + 1]);
}

enum proxy_address_found proxy_address_read(const uint8_t *p, size_t n, struct proxy_address *a,
                                            size_t *used)
{
	size_t at = 1, len = 0;

	*used = 0;
	if (n == 0)
		return PROXY_ADDRESS_MORE;
	if (p[0] == PROXY_IPV4)
		len = 4;
	else if (p[0] == PROXY_IPV6)
		len = 16;
	else if (p[0] != PROXY_NAME)
		return PROXY_ADDRESS_TYPE;
	else if (n > 1)
		at = 2, len = p[1];
	if (n < 2 || n < at + len + 2)
		return PROXY_ADDRESS_MORE;
	*used = at + len + 2;
	a->port = (uint16_t)(p[at + len] << 8 | p[at + len + 1]);
	if (p[0] == PROXY_IPV4)
		take_ipv4(a->host, p + at);
	else if (p[0] == PROXY_IPV6)
		take_ipv6(a->host, p + at);
	else if (!proxy_take_host(a->host, (const char *)p + at, len))
		return PROXY_ADDRESS_NAME;
	return PROXY_ADDRESS_TAKEN;
}

size_t proxy_address_write(const uint8_t *host, size_t bytes, uint16_t port, uint8_t *out)
{
	out[0] = bytes == 4 ? PROXY_IPV4 : PROXY_IPV6;
	memcpy(out + 1, host, bytes);
	out[1 + bytes] = (uint8_t)(port >> 8);
	out[2 + bytes] = (uint8_t)port;
	return bytes + 3;
}
