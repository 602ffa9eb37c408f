/* SPDX-License-Identifier: BSD-3-Clause */
/* A node's place in a spanning tree: the port numbers from the root down, as varints. */
#pragma once
#include "base/cc.h"
#include "base/cur.h"

#include <stdbool.h>

#define COORDS_BYTES_MAX 508 /* of encoded ports */
#define COORDS_HOPS_MAX  255

/* Encoded: ports < 128 take 1 byte, < 16384 two (high bit first). Empty: the root. */
struct coords {
	uint16_t len;  /* bytes used */
	uint16_t hops; /* ports */
	uint8_t b[COORDS_BYTES_MAX];
};

/* Appends a port (1..16383). False when it would pass a limit. */
bool coords_push(struct coords *c, uint16_t port) COYO_NODISCARD;

/* Hops between two places of one tree along the tree. */
unsigned coords_distance(const struct coords *a, const struct coords *b);
bool coords_eq(const struct coords *a, const struct coords *b);

/* On the wire {be16 byte count, bytes}. Refused: a truncated varint, a non-minimal one, port 0, a limit passed. */
void coords_write(struct wr *w, const struct coords *c);
bool coords_read(struct rd *r, struct coords *c) COYO_NODISCARD;
