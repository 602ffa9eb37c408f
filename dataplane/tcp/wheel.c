/* SPDX-License-Identifier: BSD-3-Clause */
/* The timer wheel: a node sits at the level of the highest 6-bit digit in which its tick differs from the present one. */
#include "tcp/wheel.h"

#include <string.h>

#define TOP_SHIFT (6 * (WHEEL_LEVELS - 1))

void tcp_wheel_init(struct wheel *w, void *nodes, size_t stride, int64_t now_ns)
{
	memset(w->bits, 0, sizeof(w->bits));
	memset(w->head, 0xff, sizeof(w->head));
	w->now = (uint64_t)now_ns >> WHEEL_SHIFT;
	w->nodes = nodes;
	w->stride = stride;
}

static void node_insert(struct wheel *w, uint32_t i)
{
	struct wheel_node *n = tcp_wheel_node(w, i);
	uint64_t tick = n->tick < w->now ? w->now : n->tick, diff;
	unsigned level, slot;

	/* The top level goes round: what lies beyond its last slot waits there and is sorted again. */
	if ((tick >> TOP_SHIFT) - (w->now >> TOP_SHIFT) >= WHEEL_SLOTS)
		tick = ((w->now >> TOP_SHIFT) + WHEEL_SLOTS - 1) << TOP_SHIFT;
	diff = tick ^ w->now;
	level = (63 - (unsigned)__builtin_clzll(diff | 1)) / 6;
	if (level >= WHEEL_LEVELS)
		level = WHEEL_LEVELS - 1;
	slot = (tick >> (6 * level)) & (WHEEL_SLOTS - 1);
	n->prev = WHEEL_NONE;
	n->next = w->head[level][slot];
	if (n->next != WHEEL_NONE)
		tcp_wheel_node(w, n->next)->prev = i;
	w->head[level][slot] = i;
	w->bits[level] |= UINT64_C(1) << slot;
	n->where = level * WHEEL_SLOTS + slot + 1;
}

void tcp_wheel_disarm(struct wheel *w, uint32_t i)
{
	struct wheel_node *n = tcp_wheel_node(w, i);
	unsigned level, slot;

	if (!n->where)
		return;
	level = (n->where - 1) / WHEEL_SLOTS;
	slot = (n->where - 1) % WHEEL_SLOTS;
	if (n->prev != WHEEL_NONE)
		tcp_wheel_node(w, n->prev)->next = n->next;
	else
		w->head[level][slot] = n->next;
	if (n->next != WHEEL_NONE)
		tcp_wheel_node(w, n->next)->prev = n->prev;
	if (w->head[level][slot] == WHEEL_NONE)
		w->bits[level] &= ~(UINT64_C(1) << slot);
	n->where = 0;
}

void tcp_wheel_arm(struct wheel *w, uint32_t i, int64_t at_ns)
{
	struct wheel_node *n = tcp_wheel_node(w, i);

	n->due = ((uint64_t)at_ns + (UINT64_C(1) << WHEEL_SHIFT) - 1) >> WHEEL_SHIFT;
	if (n->where && n->tick <= n->due)
		return;
	tcp_wheel_disarm(w, i);
	n->tick = n->due;
	node_insert(w, i);
}

/* Takes node i out and puts it where it is due; true: that is now. */
static bool sort_again(struct wheel *w, uint32_t i)
{
	struct wheel_node *n = tcp_wheel_node(w, i);

	tcp_wheel_disarm(w, i);
	if (n->due <= w->now)
		return true;
	n->tick = n->due;
	node_insert(w, i);
	return false;
}

/* The next occupied place: its first tick; level out. UINT64_MAX: none. */
static uint64_t next_place(const struct wheel *w, unsigned *level)
{
	uint64_t bits = w->bits[0] >> (w->now & 63);

	*level = 0;
	if (bits)
		return w->now + (unsigned)__builtin_ctzll(bits);
	for (unsigned l = 1; l < WHEEL_LEVELS; l++) {
		unsigned slot = (w->now >> (6 * l)) & 63;

		bits = slot == 63 ? 0 : w->bits[l] >> (slot + 1);
		if (l == WHEEL_LEVELS - 1) /* goes round */
			bits |= w->bits[l] << (63 - slot);
		if (bits) {
			*level = l;
			return ((w->now >> (6 * l)) + 1 + (unsigned)__builtin_ctzll(bits))
			       << (6 * l);
		}
	}
	return UINT64_MAX;
}

uint32_t tcp_wheel_pop(struct wheel *w, int64_t now_ns)
{
	uint64_t until = (uint64_t)now_ns >> WHEEL_SHIFT;

	for (;;) {
		unsigned level, slot;
		uint64_t tick = next_place(w, &level);
		uint32_t i;

		if (tick > until) {
			if (until > w->now)
				w->now = until;
			return WHEEL_NONE;
		}
		w->now = tick;
		slot = (tick >> (6 * level)) & 63;
		if (level == 0) {
			i = w->head[level][slot];
			if (sort_again(w, i))
				return i;
			continue;
		}
		while ((i = w->head[level][slot]) != WHEEL_NONE) {
			tcp_wheel_disarm(w, i);
			tcp_wheel_node(w, i)->tick = tcp_wheel_node(w, i)->due;
			node_insert(w, i);
		}
	}
}

int64_t tcp_wheel_next(const struct wheel *w)
{
	unsigned level;
	uint64_t tick = next_place(w, &level);

	return tick >= (UINT64_C(1) << (63 - WHEEL_SHIFT)) ? INT64_MAX
	                                                   : (int64_t)(tick << WHEEL_SHIFT);
}
