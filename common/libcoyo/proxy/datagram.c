/* SPDX-License-Identifier: BSD-3-Clause */
/* Heads of datagrams: read, and written for answers. */
#include "libcoyo/proxy/datagram.h"

#include <string.h>

#define BEFORE_ADDRESS 3 /* bytes: two reserved, the number of the fragment */

enum proxy_head_fault proxy_head_read(const uint8_t *p, size_t n, struct proxy_head *h)
{
	if (n < BEFORE_ADDRESS || p[0] != 0 || p[1] != 0)
		return PROXY_HEAD_BROKEN;
	if (p[2] != 0)
		return PROXY_HEAD_FRAGMENT;
	if (proxy_address_read(p + BEFORE_ADDRESS, n - BEFORE_ADDRESS, &h->to, &h->asked_n) !=
	    PROXY_ADDRESS_TAKEN)
		return PROXY_HEAD_BROKEN;
	memcpy(h->asked, p + BEFORE_ADDRESS, h->asked_n);
	h->bytes = BEFORE_ADDRESS + h->asked_n;
	return h->to.port ? PROXY_HEAD_FINE : PROXY_HEAD_BROKEN;
}

size_t proxy_head_write(const uint8_t *asked, size_t n, uint8_t *out)
{
	memset(out, 0, BEFORE_ADDRESS);
	memcpy(out + BEFORE_ADDRESS, asked, n);
	return BEFORE_ADDRESS + n;
}
