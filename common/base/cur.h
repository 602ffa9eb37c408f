/* SPDX-License-Identifier: BSD-3-Clause */
/* Bounded cursors: the only way wire bytes are read or written; an overrun sets `bad` and reads zeros. */
#pragma once
#include "base/be.h"

#include <stdbool.h>
#include <stddef.h>

/* Reader. Check rd_ok() (or rd_done()) once after a run of reads: after an overrun every read yields 0/NULL. */
struct rd {
	const uint8_t *p;
	const uint8_t *end;
	bool bad;
};

/* A reader of the len bytes at buf, which stay the caller's and must stay in place as long as the reader is used. */
static inline struct rd rd_init(const void *buf, size_t len)
{
	return (struct rd){.p = buf, .end = (const uint8_t *)buf + len};
}

/* Bytes not read yet; 0 after an overrun. */
static inline size_t rd_left(const struct rd *r)
{
	return r->bad ? 0 : (size_t)(r->end - r->p);
}

/* The next n bytes, where they lie in the buffer; NULL where fewer than n are left. */
static inline const uint8_t *rd_take(struct rd *r, size_t n)
{
	const uint8_t *p = r->p;

	if (r->bad || (size_t)(r->end - r->p) < n) {
		r->bad = true;
		return NULL;
	}
	r->p += n;
	return p;
}

/* The next byte, or 0 after an overrun. */
static inline uint8_t rd_u8(struct rd *r)
{
	const uint8_t *p = rd_take(r, 1);

	return p ? *p : 0;
}

/* The next 2 bytes as a big-endian number, or 0 after an overrun. */
static inline uint16_t rd_be16(struct rd *r)
{
	const uint8_t *p = rd_take(r, 2);

	return p ? be16_load(p) : 0;
}

/* The next 4 bytes as a big-endian number, or 0 after an overrun. */
static inline uint32_t rd_be32(struct rd *r)
{
	const uint8_t *p = rd_take(r, 4);

	return p ? be32_load(p) : 0;
}

/* The next 8 bytes as a big-endian number, or 0 after an overrun. */
static inline uint64_t rd_be64(struct rd *r)
{
	const uint8_t *p = rd_take(r, 8);

	return p ? be64_load(p) : 0;
}

/* Copies the next n bytes to out, or fills out with zeros where fewer than n are left. */
static inline void rd_copy(struct rd *r, void *out, size_t n)
{
	const uint8_t *p = rd_take(r, n);

	if (p)
		memcpy(out, p, n);
	else
		memset(out, 0, n);
}

/* True while no read has run past the end. Says nothing about bytes left over; see rd_done(). */
static inline bool rd_ok(const struct rd *r)
{
	return !r->bad;
}

/* Everything was consumed and nothing overran. */
static inline bool rd_done(const struct rd *r)
{
	return !r->bad && r->p == r->end;
}

/* Writer. After a write that found no room nothing more is written; wr_len() says how much was until then. */
struct wr {
	uint8_t *start;
	uint8_t *p;
	uint8_t *end;
	bool bad;
};

/* A writer into the cap bytes at buf, which stay the caller's and must stay in place as long as the writer is used. */
static inline struct wr wr_init(void *buf, size_t cap)
{
	return (struct wr){.start = buf, .p = buf, .end = (uint8_t *)buf + cap};
}

/* Bytes written so far. */
static inline size_t wr_len(const struct wr *w)
{
	return (size_t)(w->p - w->start);
}

/* The place of the next n bytes, which the caller fills; NULL where there is no room for them. */
static inline uint8_t *wr_take(struct wr *w, size_t n)
{
	uint8_t *p = w->p;

	if (w->bad || (size_t)(w->end - w->p) < n) {
		w->bad = true;
		return NULL;
	}
	w->p += n;
	return p;
}

/* Appends one byte. Where there is no room for it, nothing is written and wr_ok() is false from then on. */
static inline void wr_u8(struct wr *w, uint8_t v)
{
	uint8_t *p = wr_take(w, 1);

	if (p)
		*p = v;
}

/* Appends v as 2 big-endian bytes, all of them or, where there is no room, none (wr_ok() tells). */
static inline void wr_be16(struct wr *w, uint16_t v)
{
	uint8_t *p = wr_take(w, 2);

	if (p)
		be16_store(p, v);
}

/* Appends v as 4 big-endian bytes, all of them or, where there is no room, none (wr_ok() tells). */
static inline void wr_be32(struct wr *w, uint32_t v)
{
	uint8_t *p = wr_take(w, 4);

	if (p)
		be32_store(p, v);
}

/* Appends v as 8 big-endian bytes, all of them or, where there is no room, none (wr_ok() tells). */
static inline void wr_be64(struct wr *w, uint64_t v)
{
	uint8_t *p = wr_take(w, 8);

	if (p)
		be64_store(p, v);
}

/* Appends the n bytes at src, all of them or, where there is no room, none (wr_ok() tells). src may be NULL when n is 0 and must not
 * overlap the writer's buffer. */
static inline void wr_copy(struct wr *w, const void *src, size_t n)
{
	uint8_t *p = wr_take(w, n);

	if (p && n) /* src may be NULL when n is 0, but memcpy() must not be given NULL */
		memcpy(p, src, n);
}

/* Appends n zero bytes, all of them or, where there is no room, none (wr_ok() tells). */
static inline void wr_zero(struct wr *w, size_t n)
{
	uint8_t *p = wr_take(w, n);

	if (p)
		memset(p, 0, n);
}

/* True while everything that was to be written has found room. */
static inline bool wr_ok(const struct wr *w)
{
	return !w->bad;
}
