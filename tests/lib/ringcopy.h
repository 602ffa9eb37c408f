/* SPDX-License-Identifier: BSD-3-Clause */
/* Whole buffers into and out of a byte ring, for tests; the programs work on the pieces in place. */
#pragma once
#include "ipc/bytering.h"

/* Copies in up to n bytes; returns how many. */
static inline size_t ring_copy_in(struct bytering *r, const void *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		void *piece;
		size_t k = bytering_reserve(r, &piece);

		if (k == 0)
			break;
		if (k > n - done)
			k = n - done;
		memcpy(piece, (const uint8_t *)p + done, k);
		bytering_commit(r, k);
		done += k;
	}
	return done;
}

/* Copies out up to n bytes; returns how many. */
static inline size_t ring_copy_out(struct bytering *r, void *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		const void *piece;
		size_t k = bytering_peek(r, &piece);

		if (k == 0)
			break;
		if (k > n - done)
			k = n - done;
		memcpy((uint8_t *)p + done, piece, k);
		bytering_consume(r, k);
		done += k;
	}
	return done;
}
