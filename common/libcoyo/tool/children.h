/* SPDX-License-Identifier: BSD-3-Clause */
/* The commands that run: who calls, since when. */
#pragma once
#include "libcoyo/coyo.h"

#include <stdbool.h>
#include <sys/types.h>

struct child {
	pid_t pid;
	uint16_t port;     /* here */
	uint64_t began_ms; /* on the caller's clock */
	uint8_t peer[COYO_ID_BYTES];
};

/* In no order. Zeroed: empty, and without room. */
struct children {
	struct child *at;
	unsigned n, cap;
};

/* Room for cap. 0 or -ENOMEM; freed by children_free(). */
int children_init(struct children *c, unsigned cap);
/* Frees the table; the processes go on. */
void children_free(struct children *c);
/* Enters one that was started. There must be room: n < cap. */
void children_add(struct children *c, const struct child *one);
/* Takes out the one of that pid into *out. false: it is none of ours. */
bool children_take(struct children *c, pid_t pid, struct child *out);
/* How many serve this peer. */
unsigned children_of(const struct children *c, const uint8_t peer[COYO_ID_BYTES]);
