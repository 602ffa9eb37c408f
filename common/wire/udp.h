/* SPDX-License-Identifier: BSD-3-Clause */
/* The header of a datagram (RFC 768), as it rides in a session. */
#pragma once
#include "base/be.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* {be16 source port, be16 destination port, be16 length of header and payload, be16 checksum}. The checksum covers the pseudo-header of TCP in a
 * session with next header 17; one that comes to 0 is sent as 0xffff, so that 0 keeps its meaning of "none" (RFC 8200, section 8.1). */
#define UDP_HEADER_BYTES 8
#define UDP_AT_CHECKSUM  6

struct udp_header {
	uint16_t from, to; /* ports, never 0 */
};

/* Writes the header in front of `payload` bytes, at most 65 527; the checksum is 0 and the caller's to write. */
static inline void udp_header_put(uint8_t *p, const struct udp_header *h, size_t payload)
{
	be16_store(p, h->from);
	be16_store(p + 2, h->to);
	be16_store(p + 4, (uint16_t)(UDP_HEADER_BYTES + payload));
	be16_store(p + UDP_AT_CHECKSUM, 0);
}

/* Reads the header of a datagram of len bytes in all. False: shorter than a header, another length than it says, or a port 0. The checksum is
 * not looked at: the session's tag covers every byte. */
static inline bool udp_header_get(const uint8_t *p, size_t len, struct udp_header *h)
{
	if (len < UDP_HEADER_BYTES)
		return false;
	h->from = be16_load(p);
	h->to = be16_load(p + 2);
	return be16_load(p + 4) == len && h->from != 0 && h->to != 0;
}
