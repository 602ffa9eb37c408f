/* SPDX-License-Identifier: BSD-3-Clause */
/* The simulator's event queue: a binary heap ordered by virtual time, ties in order of insertion. */
#pragma once
#include "base/time.h"

#include <stdbool.h>
#include <stdint.h>

enum ev_kind {
	EV_FRAME =
	        1, /* a frame reaches the far side of an edge: a = edge * 2 + receiving side, p = frame */
	EV_TICK,  /* a node's deadline: a = node, b = incarnation */
	EV_EXEC,  /* a node's worker takes its commands */
	EV_ACK,   /* a node's worker's published number is seen */
	EV_COUNT, /* a node is told which links carried data */
	EV_BOOT,  /* a node starts */
	EV_CALL,  /* the scenario's own: call.fn(p, a, b) */
};

typedef void (*ev_call)(void *arg, uint32_t a, uint32_t b, struct instant now);

struct ev {
	int64_t at;
	uint64_t order;
	uint32_t kind; /* enum ev_kind */
	uint32_t a, b;
	ev_call fn;
	void *p;
};

struct evq {
	struct ev *heap;
	uint32_t n, cap;
	uint64_t next_order;
};

void evq_init(struct evq *q);
void evq_free(struct evq *q);

/* Copies e, setting its order. Aborts when memory is out: a simulation cannot go on without its events. */
void evq_push(struct evq *q, struct ev e);

/* Removes the earliest event into *out; false when there is none at or before `until`. */
bool evq_pop(struct evq *q, int64_t until, struct ev *out);
