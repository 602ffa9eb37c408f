/* SPDX-License-Identifier: BSD-3-Clause */
/* A frame in flight: label stack and payload in clear, with the keys it was "sealed" under carried beside it. */
#pragma once
#include "mem.h"

#include <stdint.h>
#include <string.h>

#define FRAME_NO_PROBE UINT32_MAX

struct frame {
	uint32_t len;
	uint8_t raw;     /* data is a complete link frame: handshakes, cookies */
	uint8_t sealed;  /* link header with receiver and counter, compared key */
	uint8_t skeyed;  /* the tunnel payload is sealed under skey */
	uint8_t family;  /* source address: 0 ethernet, 4 */
	uint16_t port;   /* source port */
	uint8_t addr[4]; /* source address */
	uint8_t mac[6];
	uint32_t receiver; /* receiver index at the far side */
	uint32_t probe;    /* the judge's probe, or FRAME_NO_PROBE */
	uint64_t counter;
	uint8_t key[32];
	uint8_t skey[32];
	uint8_t data[];
};

/* A frame of len bytes with undefined data. Freed by whoever holds it with free(). */
static inline struct frame *frame_new(uint32_t len)
{
	struct frame *f = mem_check(malloc(sizeof(*f) + len));

	memset(f, 0, sizeof(*f));
	f->len = len;
	f->probe = FRAME_NO_PROBE;
	return f;
}

/* Bytes on the wire, without Ethernet or IP framing: header and tag of a sealed link, tag of a sealed tunnel. */
static inline uint32_t frame_wire_bytes(const struct frame *f)
{
	return f->len + (f->sealed ? 16 + 16 : 0) + (f->skeyed ? 16 : 0);
}
