/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames for coyobench switch, and where they go. */
#include "switch_feed.h"
#include "bench.h"
#include "io/priv.h"
#include "tests/lib/switch_bed.h"
#include "wire/lse.h"

#include <stdlib.h>
#include <string.h>

#define SLOT 64 /* bytes of a frame in the table: one store of a cache line, as a NIC makes it */
#define TTL  64

static struct {
	const uint16_t *port;
	struct rte_mempool *pool;
	_Atomic bool *stop;
	uint8_t (*frame)[SLOT];
	unsigned frames, at;
	uint64_t left;
	bool check;
} feed;

static const uint8_t head[14] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0x47};

void feed_ports(const uint16_t port[2], struct rte_mempool *pool, _Atomic bool *stop)
{
	feed.port = port;
	feed.pool = pool;
	feed.stop = stop;
}

void feed_frames(const uint32_t *label, unsigned n)
{
	free(feed.frame);
	feed.frame = aligned_alloc(SLOT, (size_t)n * SLOT);
	if (!feed.frame)
		bench_die("no memory for frames");
	memset(feed.frame, 0, (size_t)n * SLOT);
	feed.frames = n;
	feed.at = 0;
	for (unsigned i = 0; i < n; i++) {
		memcpy(feed.frame[i], head, sizeof(head));
		be32_store(feed.frame[i] + sizeof(head), lse_make(label[i], 0, true, TTL));
	}
}

void feed_until(uint64_t packets)
{
	feed.left = packets;
}

void feed_check(bool on)
{
	feed.check = on;
}

unsigned feed_take(struct rte_mbuf **m, unsigned n)
{
	if (rte_pktmbuf_alloc_bulk(feed.pool, m, n))
		bench_die("buffers are not given back");
	for (unsigned i = 0; i < n; i++) {
		memcpy(rte_pktmbuf_mtod(m[i], void *), feed.frame[feed.at], SLOT);
		m[i]->data_len = FEED_FRAME;
		m[i]->pkt_len = FEED_FRAME;
		feed.at = feed.at + 1 == feed.frames ? 0 : feed.at + 1;
	}
	return n;
}

static void look(struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t lse = be32_load(p + sizeof(head));

	if (m->data_len != FEED_FRAME || m->pkt_len != FEED_FRAME || lse_ttl(lse) != TTL - 1 ||
	    !lse_bottom(lse) || lse_label(lse) < 16 || memcmp(p, head, 12) == 0 ||
	    memcmp(p + 12, head + 12, 2) != 0)
		bench_die("a frame left as it must not");
}

void feed_give(struct rte_mbuf **m, unsigned n)
{
	for (unsigned i = 0; feed.check && i < n; i++)
		look(m[i]);
	rte_pktmbuf_free_bulk(m, n);
}

unsigned __real_port_receive(uint16_t id, uint16_t queue, struct rte_mbuf **m, unsigned n);
unsigned __wrap_port_receive(uint16_t id, uint16_t queue, struct rte_mbuf **m, unsigned n);
unsigned __real_port_transmit(uint16_t id, uint16_t queue, struct rte_mbuf **m, unsigned n);
unsigned __wrap_port_transmit(uint16_t id, uint16_t queue, struct rte_mbuf **m, unsigned n);

unsigned __wrap_port_receive(uint16_t id, uint16_t queue, struct rte_mbuf **m, unsigned n)
{
	if (!feed.port)
		return __real_port_receive(id, queue, m, n);
	if (id != feed.port[SWITCH_BED_IN])
		return 0;
	if (feed.left == 0) {
		atomic_store_explicit(feed.stop, true, memory_order_relaxed);
		return 0;
	}
	feed.left -= n;
	return feed_take(m, n);
}

unsigned __wrap_port_transmit(uint16_t id, uint16_t queue, struct rte_mbuf **m, unsigned n)
{
	if (!feed.port)
		return __real_port_transmit(id, queue, m, n);
	feed_give(m, n);
	return n;
}
