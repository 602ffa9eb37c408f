/* SPDX-License-Identifier: BSD-3-Clause */
/* The ports of coyobench switch: frames come out of a table, and what is sent is freed. Calls to a port go through these functions, where the
 * linker puts them in front of the product's; they pass on whatever is for another port. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct rte_mbuf;
struct rte_mempool;

#define FEED_BURST 32
#define FEED_FRAME 60 /* bytes: Ethernet, one label, payload */

/* From now on the ports of switch_bed_links() are the feed's; what it gives comes from this pool. NULL: nothing is the feed's. stop is set once
 * the feed has given what it was to give. */
void feed_ports(const uint16_t port[2], struct rte_mempool *pool, _Atomic bool *stop);
/* Makes a frame for each of n labels, in this order, and starts with the first. */
void feed_frames(const uint32_t *label, unsigned n);
/* The port in gives so many packets, a multiple of FEED_BURST, then `stop` is set. */
void feed_until(uint64_t packets);
/* From now on each frame that is sent must have a new label, a TTL one less and other MACs, or the program ends. */
void feed_check(bool on);

/* The next n frames, copied into buffers. Returns n. */
unsigned feed_take(struct rte_mbuf **m, unsigned n);
/* Frees what was sent. */
void feed_give(struct rte_mbuf **m, unsigned n);
