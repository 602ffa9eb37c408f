/* SPDX-License-Identifier: BSD-3-Clause */
/* A node's place in a spanning tree: the port numbers from the root down, equal ones in a row written once. */
#pragma once
#include "base/cc.h"
#include "base/cur.h"

#include <stdbool.h>

#define COORDS_BYTES_MAX 240 /* of coded ports */
#define COORDS_HOPS_MAX  16383
#define COORDS_PORT_MAX  0x7fff

/* Coded: ports < 64 take 1 byte, others two (high bit first); n more of the same port take 1 byte (0x3f + n, n < 64) or three (0x7f and n
 * in two bytes). Empty: the root. A place of more bytes than there may be ends early: the hops below have no place of their own, and only
 * their number is known. */
struct coords {
	uint8_t len;    /* bytes used */
	uint16_t hops;  /* ports from the root */
	uint16_t coded; /* of these: ports that are in b, the first ones */
	uint8_t b[COORDS_BYTES_MAX];
};

/* Appends a port, or only counts the hop where the bytes do not fit any more or the port is above COORDS_PORT_MAX. False when the port is 0
 * or there are COORDS_HOPS_MAX hops; c is then as before. */
bool coords_push(struct coords *c, uint16_t port) COYO_NODISCARD;

/* Makes c the root's place. */
static inline void coords_clear(struct coords *c)
{
	c->len = 0;
	c->hops = c->coded = 0;
}

/* Hops between two places of one tree along the tree. Where both have no place of their own but the same ancestor that has one: the
 * difference of their depths, as if one were below the other. */
unsigned coords_distance(const struct coords *a, const struct coords *b);
bool coords_eq(const struct coords *a, const struct coords *b);
/* Whether b may be a or below it: a's ports begin b's. Where a has no place of its own, every hop as deep below the same ancestor may be. */
bool coords_below(const struct coords *b, const struct coords *a);

/* On the wire {be16 byte count, plus 0x8000 if be16 hops without ports follows, bytes}. Refused: another form of the same
 * ports than coords_push() makes, port 0, a limit passed. */
void coords_write(struct wr *w, const struct coords *c);
bool coords_read(struct rd *r, struct coords *c) COYO_NODISCARD;
