/* SPDX-License-Identifier: BSD-3-Clause */
/* Step by step: the first byte of each says what is done. */
#include "node_play.h"

#include "node_say.h"

#define STEPS_MAX   128
#define TIME_MAX_MS 70000 /* in one input */
#define SAID_MAX    2048  /* packets in one input */

struct play {
	struct world *w;
	struct input in;
	int64_t passed_ms;
	uint32_t said;
};

static void pass(struct play *p)
{
	int64_t ms = INT64_C(1) << in_u8(&p->in) % 16;

	if (p->passed_ms + ms > TIME_MAX_MS)
		return;
	p->passed_ms += ms;
	world_run(p->w, ms);
}

static void say(struct play *p, uint8_t what)
{
	switch (what) {
	case 0:
	case 1:
		say_linklocal(p->w, &p->in);
		break;
	case 2:
	case 3:
		say_routed(p->w, &p->in);
		break;
	case 4:
		say_labelled(p->w, &p->in);
		break;
	case 5:
		say_bent(p->w, &p->in);
		break;
	default:
		say_noise(p->w, &p->in, what & 1);
		break;
	}
	p->said++;
}

/* The same bytes, some times over; numbers and ids in them go on by one. */
static void say_often(struct play *p)
{
	uint8_t how = in_u8(&p->in);
	const uint8_t *from = p->in.p;

	for (unsigned n = 1 + (how >> 3) * 4u; n > 0 && p->said < SAID_MAX; n--) {
		p->in.p = from;
		say(p, how & 7);
		p->in.turn++;
	}
	p->in.turn = 0;
}

static void honest(struct play *p)
{
	static const uint8_t pairs[][2] = {{ALICE, BOB},   {BOB, ALICE},      {ALICE, VICTIM},
	                                   {VICTIM, BOB},  {VICTIM, MALLORY}, {ALICE, MALLORY},
	                                   {MALLORY, BOB}, {MALLORY, VICTIM}};
	const uint8_t *pair = pairs[in_u8(&p->in) % 8];

	world_talk(p->w, pair[0], pair[1]);
	world_run(p->w, 20);
	p->passed_ms += 20;
}

static void step(struct play *p)
{
	uint8_t op = in_u8(&p->in);

	switch (op & 15) {
	case 0:
	case 1:
		pass(p);
		break;
	case 2:
		honest(p);
		break;
	case 3:
		p->w->deaf = op >> 4 & 1;
		p->w->mute = op >> 5 & 1;
		break;
	case 4:
	case 5:
		say_often(p);
		break;
	default:
		say(p, op & 7);
		break;
	}
}

void node_play(const uint8_t *data, size_t size)
{
	struct play p = {.w = world_fresh(), .in = {.p = data, .end = data + size}};
	bool to_the_end = in_u8(&p.in) % 4 == 0; /* a calm time costs more than all before it */

	for (unsigned i = 0; i < STEPS_MAX && p.in.p < p.in.end && p.said < SAID_MAX; i++) {
		step(&p);
		world_check(p.w);
	}
	if (to_the_end)
		world_end(p.w);
}
