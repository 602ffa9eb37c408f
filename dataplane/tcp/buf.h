/* SPDX-License-Identifier: BSD-3-Clause */
/* A sparse ring of pool chunks, addressed by positions that count modulo 2^32: send buffer, receive buffer, segment records. */
#pragma once
#include "tcp/pool.h"

#define BUF_INLINE 4u

/* All zero (but point) is an empty ring. Only chunks that hold something are taken; an idle connection holds none. */
struct tcp_buf {
	uint32_t head;    /* position of the first byte */
	uint32_t len;     /* bytes from there on in order; more may lie beyond (out of order) */
	uint32_t dir;     /* chunk that holds the directory, 0: slot[] is the directory */
	uint16_t nchunks; /* chunks taken, the directory not counted */
	uint8_t point;    /* enum tcp_alloc: whose memory it is */
	uint32_t slot[BUF_INLINE]; /* directory of a small ring */
};

/* Most bytes a ring can span wherever its head lies. */
static inline uint32_t tcp_buf_span_max(const struct tcp_pool *p)
{
	return ((tcp_pool_chunk_bytes(p) / 4) - 1) << p->shift;
}

/* The directory's word for the chunk that pos lies in: the chunk's name, or 0 where none was taken. Valid until the ring's directory
 * grows (tcp_buf_ensure()) or is given back. */
static inline uint32_t *tcp_buf_slot(const struct tcp_pool *p, const struct tcp_buf *b,
                                     uint32_t pos)
{
	uint32_t i = pos >> p->shift;

	if (b->dir)
		return (uint32_t *)(void *)tcp_pool_ptr(p, b->dir) +
		       (i & (tcp_pool_chunk_bytes(p) / 4 - 1));
	return (uint32_t *)&b->slot[i & (BUF_INLINE - 1)];
}

/* The byte at pos, which must be in a chunk that was taken; *room gets the bytes up to the chunk's end. */
static inline uint8_t *tcp_buf_at(const struct tcp_pool *p, const struct tcp_buf *b, uint32_t pos,
                                  uint32_t *room)
{
	uint32_t off = pos & (tcp_pool_chunk_bytes(p) - 1);

	*room = tcp_pool_chunk_bytes(p) - off;
	return tcp_pool_ptr(p, *tcp_buf_slot(p, b, pos)) + off;
}

/* Makes the chunk under pos present. -ENOMEM: pool empty or pos too far from head. */
int tcp_buf_ensure(struct tcp_pool *p, struct tcp_buf *b, uint32_t pos);

/* Copies n bytes in at pos (len is not changed). Returns how many fitted. */
uint32_t tcp_buf_write(struct tcp_pool *p, struct tcp_buf *b, uint32_t pos, const void *src,
                       uint32_t n);

/* Copies n present bytes out from pos. */
void tcp_buf_read(const struct tcp_pool *p, const struct tcp_buf *b, uint32_t pos, void *dst,
                  uint32_t n);

/* Drops the first n bytes (n <= len). more: something lies beyond len, so the last chunk stays. */
void tcp_buf_drop(struct tcp_pool *p, struct tcp_buf *b, uint32_t n, bool more);

/* Returns every chunk; the ring is empty afterwards. */
void tcp_buf_free(struct tcp_pool *p, struct tcp_buf *b);
