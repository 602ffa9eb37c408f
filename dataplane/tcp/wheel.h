/* SPDX-License-Identifier: BSD-3-Clause */
/* A hierarchical timer wheel over numbered nodes: arm, disarm and expire in O(1), one tick is 65.5 us. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WHEEL_SHIFT  16 /* log2 of a tick in ns */
#define WHEEL_LEVELS 6
#define WHEEL_SLOTS  64
#define WHEEL_NONE   UINT32_MAX

/* One for each thing with a deadline, best in an array of their own: re-arming touches neighbours in a list. where 0: not armed. */
struct wheel_node {
	uint64_t tick; /* the one it lies under, never after due */
	uint64_t due;
	uint32_t next, prev;
	uint32_t where; /* level * 64 + slot + 1 */
	uint32_t room;
};

struct wheel {
	uint64_t now; /* tick up to which everything has expired */
	uint64_t bits[WHEEL_LEVELS];
	uint32_t head[WHEEL_LEVELS][WHEEL_SLOTS];
	uint8_t *nodes; /* node i lies at nodes + i * stride */
	size_t stride;
};

/* nodes: address of node 0; stride: bytes between nodes. */
void tcp_wheel_init(struct wheel *w, void *nodes, size_t stride, int64_t now_ns);

/* Arms or re-arms node i; it expires in the first pop at or after at_ns, rounded up to a tick. A deadline that moves on leaves the
 * node where it lies; it is put off when its old time comes. */
void tcp_wheel_arm(struct wheel *w, uint32_t i, int64_t at_ns);
void tcp_wheel_disarm(struct wheel *w, uint32_t i);

/* Takes one node that is due; WHEEL_NONE when none is left. */
uint32_t tcp_wheel_pop(struct wheel *w, int64_t now_ns);

/* Earliest time at which pop() can return something or has to sort: never late. INT64_MAX: empty. */
int64_t tcp_wheel_next(const struct wheel *w);

/* Node i, which must be one of those that the wheel was set up over. Valid as long as that memory is. */
static inline struct wheel_node *tcp_wheel_node(const struct wheel *w, uint32_t i)
{
	return (struct wheel_node *)(void *)(w->nodes + (size_t)i * w->stride);
}
