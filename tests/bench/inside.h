/* SPDX-License-Identifier: BSD-3-Clause */
/* What a bench and the daemon built for it share: orders for applications that run inside a worker, and how far they are. In a file that
 * $COYOBENCH_INSIDE names; tests/bench/apps.py knows the layout. */
#pragma once
#include <stdatomic.h>
#include <stdint.h>

enum inside_kind {
	INSIDE_IDLE,
	INSIDE_SINK,     /* listens on port: reads whatever comes, closes after the peer has */
	INSIDE_STREAM,   /* amount bytes to id, port */
	INSIDE_CONNECTS, /* amount times: connect, 64 bytes, close, some at once */
	INSIDE_PING, /* amount times 64 bytes to its own port and back, each timed; id is the node's own */
};

#define INSIDE_SAMPLES 65536

struct inside_orders {
	_Atomic uint32_t order; /* the bench: another number when all below is there */
	_Atomic uint32_t kind;  /* enum inside_kind */
	_Atomic uint32_t port;
	_Atomic uint32_t failed; /* the worker: something went wrong, and it has given up */
	_Atomic uint64_t amount; /* what is asked for */
	_Atomic uint64_t done;   /* bytes, connections or round trips; the worker alone writes it */
	_Atomic uint64_t accepted; /* bytes that were read of accepted connections */
	uint8_t id[64];
	_Atomic uint32_t
	        sample[INSIDE_SAMPLES]; /* ns of round trip number i, modulo their number */
};
