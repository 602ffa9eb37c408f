/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets of the hostile neighbour, made from an input's bytes. */
#pragma once
#include "node_world.h"
#include "base/cur.h"

/* What is left of the input. Behind its end everything is 0. */
struct input {
	const uint8_t *p, *end;
	uint32_t turn; /* of a repetition: numbers and ids differ by it */
};

static inline uint8_t in_u8(struct input *in)
{
	return in->p < in->end ? *in->p++ : 0;
}

/* Big-endian, of so many bytes. */
static inline uint64_t in_bytes(struct input *in, unsigned n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | in_u8(in);
	return v;
}

/* One packet for the neighbour alone: some messages in a row. */
void say_linklocal(struct world *w, struct input *in);
/* One routed datagram: set-up, reply, refresh, Kademlia or error. */
void say_routed(struct world *w, struct input *in);
/* A packet on a label that the victim has granted, or on any. */
void say_labelled(struct world *w, struct input *in);
/* A frame that crossed the link before, with some bytes changed. */
void say_bent(struct world *w, struct input *in);
/* The input's own bytes. */
void say_noise(struct world *w, struct input *in, bool raw);
