/* SPDX-License-Identifier: BSD-3-Clause */
/* Plays a byte string as a sequence of segments, application calls and time on two small TCP stacks; invariants and the delivered
 * stream are checked all along, a violation aborts. */
#pragma once
#include "base/cur.h"
#include "tcp/stack.h"
#include "tests/sim/tcpnet.h"

#define PLAY_HANDLES 8
#define PLAY_CONNS   6

struct play {
	struct tcpnet n;
	bool trace;  /* print what happens */
	struct rd r; /* the input */
	uint32_t handle[2][PLAY_HANDLES];
	/* Sequence number of the next byte an application reads, by slot. */
	struct {
		uint32_t handle, seq;
	} next[2][PLAY_CONNS + 1];
	bool forged; /* segments were made up, or a peer declared lost: connections may rightly end or starve */
	uint32_t alloc_mask, alloc_left; /* allocations that fail: where, how many more */
};

/* Every byte of every stream is this function of its sequence number, so each can be told to be right wherever it arrives. */
static inline uint8_t play_byte(uint32_t seq)
{
	return (uint8_t)((seq * 0x9E3779B1u) >> 23);
}
void play_fill(uint8_t *p, uint32_t seq, uint32_t n);

void play_run(struct play *p, const uint8_t *data, size_t size);

/* tcp_play_calls.c, tcp_play_segs.c: one step each, chosen by the input. */
void play_call(struct play *p, unsigned side);
void play_segment(struct play *p, unsigned side);
void play_raw(struct play *p, unsigned side);
/* Reads up to max bytes and compares them. */
void play_read(struct play *p, unsigned side, uint32_t handle, uint32_t max);
uint32_t play_write(struct play *p, unsigned side, uint32_t handle, uint32_t max);
