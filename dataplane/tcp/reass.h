/* SPDX-License-Identifier: BSD-3-Clause */
/* Out-of-order ranges of a connection: a sorted list in one chunk; the bytes themselves lie in the receive ring. */
#pragma once
#include "tcp/stack.h"

/* The first contiguous part of [start, end) that is held already (RFC 2883 4.3). */
bool reass_overlap(const struct tcp_stack *s, const struct conn *c, uint32_t start, uint32_t end,
                   struct tcp_sack_range *dup);
/* Notes that [start, end), beyond rcv_nxt, is present; merges. -ENOSPC: too many ranges, -ENOMEM: no chunk. */
int reass_add(struct tcp_stack *s, struct conn *c, uint32_t start, uint32_t end);

/* True when adding would succeed without a new range or there is room for one. */
bool reass_room(const struct tcp_stack *s, const struct conn *c, uint32_t start, uint32_t end);

/* [start, end) is present wholly already. */
bool reass_has(const struct tcp_stack *s, const struct conn *c, uint32_t start, uint32_t end);

/* Called after rcv_nxt moved: drops what it passed and returns where the stream now ends without a gap. */
uint32_t reass_pull(struct tcp_stack *s, struct conn *c, uint32_t rcv_nxt);

/* Ranges for a SACK option, D-SACK first, then the last changed (RFC 2018 section 4, 2883); returns how many, at most max. */
unsigned reass_sack(const struct tcp_stack *s, const struct conn *c, struct tcp_sack_range *out,
                    unsigned max);

/* Forgets every out-of-order range and gives the chunk that listed them back. The bytes themselves are the receive ring's to free. */
void reass_free(struct tcp_stack *s, struct conn *c);
