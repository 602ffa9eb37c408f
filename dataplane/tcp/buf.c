/* SPDX-License-Identifier: BSD-3-Clause */
/* Chunk rings: a small inline directory that moves into a chunk of its own when the ring grows. */
#include "tcp/buf.h"

#include <errno.h>
#include <string.h>

static uint32_t chunk_distance(const struct tcp_pool *p, const struct tcp_buf *b, uint32_t pos)
{
	return ((pos >> p->shift) - (b->head >> p->shift)) & (UINT32_MAX >> p->shift);
}

static int dir_grow(struct tcp_pool *p, struct tcp_buf *b)
{
	uint32_t dir = tcp_pool_take(p, (enum tcp_alloc)b->point),
	         mask = tcp_pool_chunk_bytes(p) / 4 - 1;
	uint32_t *slots, first = b->head >> p->shift;

	if (!dir)
		return -ENOMEM;
	slots = (uint32_t *)(void *)tcp_pool_ptr(p, dir);
	memset(slots, 0, tcp_pool_chunk_bytes(p));
	for (uint32_t i = first; i != first + BUF_INLINE; i++)
		slots[i & mask] = b->slot[i & (BUF_INLINE - 1)];
	memset(b->slot, 0, sizeof(b->slot));
	b->dir = dir;
	return 0;
}

int tcp_buf_ensure(struct tcp_pool *p, struct tcp_buf *b, uint32_t pos)
{
	uint32_t d = chunk_distance(p, b, pos), *slot;

	if (!b->dir && d >= BUF_INLINE && dir_grow(p, b))
		return -ENOMEM;
	if (d >= tcp_pool_chunk_bytes(p) / 4)
		return -ENOMEM;
	slot = tcp_buf_slot(p, b, pos);
	if (*slot)
		return 0;
	*slot = tcp_pool_take(p, (enum tcp_alloc)b->point);
	if (!*slot)
		return -ENOMEM;
	b->nchunks++;
	return 0;
}

uint32_t tcp_buf_write(struct tcp_pool *p, struct tcp_buf *b, uint32_t pos, const void *src,
                       uint32_t n)
{
	const uint8_t *from = src;
	uint32_t done = 0, room;

	while (done < n) {
		uint8_t *to;

		if (tcp_buf_ensure(p, b, pos + done))
			break;
		to = tcp_buf_at(p, b, pos + done, &room);
		if (room > n - done)
			room = n - done;
		memcpy(to, from + done, room);
		done += room;
	}
	return done;
}

void tcp_buf_read(const struct tcp_pool *p, const struct tcp_buf *b, uint32_t pos, void *dst,
                  uint32_t n)
{
	uint8_t *to = dst;
	uint32_t done = 0, room;

	while (done < n) {
		const uint8_t *from = tcp_buf_at(p, b, pos + done, &room);

		if (room > n - done)
			room = n - done;
		memcpy(to + done, from, room);
		done += room;
	}
}

static void chunk_release(struct tcp_pool *p, struct tcp_buf *b, uint32_t *slot)
{
	if (!*slot)
		return;
	tcp_pool_give(p, *slot);
	*slot = 0;
	b->nchunks--;
}

void tcp_buf_drop(struct tcp_pool *p, struct tcp_buf *b, uint32_t n, bool more)
{
	uint32_t passed = chunk_distance(p, b, b->head + n), pos = b->head;

	COYO_ASSERT(n <= b->len);
	for (; passed; passed--, pos += tcp_pool_chunk_bytes(p))
		chunk_release(p, b, tcp_buf_slot(p, b, pos));
	b->head += n;
	b->len -= n;
	if (b->len == 0 && !more)
		chunk_release(p, b, tcp_buf_slot(p, b, b->head));
	if (b->nchunks)
		return;
	if (b->dir)
		tcp_pool_give(p, b->dir);
	b->dir = 0;
	/* Empty rings begin at the start of a chunk, so that a small message touches the same line of the chunk last given back. */
	b->head = 0;
}

void tcp_buf_free(struct tcp_pool *p, struct tcp_buf *b)
{
	uint32_t n = b->dir ? tcp_pool_chunk_bytes(p) / 4 : BUF_INLINE, pos = b->head;

	for (; n && b->nchunks; n--, pos += tcp_pool_chunk_bytes(p))
		chunk_release(p, b, tcp_buf_slot(p, b, pos));
	if (b->dir)
		tcp_pool_give(p, b->dir);
	b->dir = 0;
	b->len = 0;
}
