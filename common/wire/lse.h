/* SPDX-License-Identifier: BSD-3-Clause */
/* MPLS label stack entries (RFC 3032, RFC 5462) and the reserved labels this network uses. */
#pragma once
#include "base/assert.h"
#include "base/be.h"

#include <stdbool.h>

#define LSE_BYTES          4
#define LABEL_ROUTER_ALERT 1u
#define LABEL_GAL          13u
#define LABEL_RESERVED_MAX 15u
#define LABEL_MAX          0xfffffu
#define LABEL_SPACE        (1u << 20)
#define TTL_START          255

/* TC values (PROTOCOL.md, "Traffic classes"). */
#define TC_BE_NOT_ECT  0
#define TC_BE_ECT      1
#define TC_BE_CE       2
#define TC_INT_NOT_ECT 3
#define TC_INT_ECT     4
#define TC_INT_CE      5
#define TC_CONTROL     6
#define TC_LIVENESS    7

/* A label one neighbour may grant another: no reserved one, no more than 20 bits, or none (all-ones). Every reader of a
 * message that grants a label asks, so that no 21st bit is cut off later and turns it into a reserved one. */
static inline bool label_grant_ok(uint32_t label)
{
	return label == UINT32_MAX || (label > LABEL_RESERVED_MAX && label <= LABEL_MAX);
}

/* One label stack entry in host byte order (RFC 3032, section 2.1): label below LABEL_SPACE, tc 0..7 (RFC 5462), bottom of stack, ttl
 * 0..255. Larger values would spill into the neighbouring field. */
static inline uint32_t lse_make(uint32_t label, unsigned tc, bool bottom, unsigned ttl)
{
	COYO_ASSERT(label <= LABEL_MAX && tc <= 7 && ttl <= 255);
	return label << 12 | tc << 9 | (bottom ? 1u << 8 : 0) | ttl;
}

/* The label of an entry in host byte order, 0..LABEL_MAX. */
static inline uint32_t lse_label(uint32_t lse)
{
	return lse >> 12;
}

/* The traffic class of an entry, 0..7 (TC_*). */
static inline unsigned lse_tc(uint32_t lse)
{
	return lse >> 9 & 7;
}

/* True when the entry is the last of its stack. */
static inline bool lse_bottom(uint32_t lse)
{
	return lse >> 8 & 1;
}

/* The time to live of an entry, 0..255. */
static inline unsigned lse_ttl(uint32_t lse)
{
	return lse & 0xff;
}
