/* SPDX-License-Identifier: BSD-3-Clause */
/* A node's place in a spanning tree: the port numbers from the root down, as varints. */
#include "wire/coords.h"

#include "base/assert.h"

#include <string.h>

bool coords_push(struct coords *c, uint16_t port)
{
	unsigned n = port < 0x80 ? 1 : 2;

	if (port == 0 || port > 0x3fff || c->hops >= COORDS_HOPS_MAX ||
	    c->len + n > COORDS_BYTES_MAX)
		return false;
	if (n == 1) {
		c->b[c->len++] = (uint8_t)port;
	} else {
		c->b[c->len++] = (uint8_t)(0x80 | port >> 7);
		c->b[c->len++] = port & 0x7f;
	}
	c->hops++;
	return true;
}

static bool parse(struct coords *c, const uint8_t *b, size_t len)
{
	unsigned hops = 0;

	if (len > COORDS_BYTES_MAX)
		return false;
	for (size_t i = 0; i < len; i++, hops++) {
		if (b[i] == 0)
			return false;
		if (b[i] < 0x80)
			continue;
		if (i + 1 >= len || b[i] == 0x80 || b[i + 1] >= 0x80)
			return false;
		i++;
	}
	if (hops > COORDS_HOPS_MAX)
		return false;
	c->len = (uint16_t)len;
	c->hops = (uint16_t)hops;
	memcpy(c->b, b, len);
	return true;
}

unsigned coords_distance(const struct coords *a, const struct coords *b)
{
	unsigned common = 0, i = 0, n = a->len < b->len ? a->len : b->len;

	while (i < n && a->b[i] == b->b[i]) {
		if (a->b[i] >= 0x80) {
			COYO_ASSERT(i + 1 < n); /* neither is cut short within a port */
			if (a->b[i + 1] != b->b[i + 1])
				break;
			i++;
		}
		i++;
		common++;
	}
	COYO_ASSERT(common <= a->hops && common <= b->hops);
	return a->hops + b->hops - 2 * common;
}

bool coords_eq(const struct coords *a, const struct coords *b)
{
	return a->len == b->len && memcmp(a->b, b->b, a->len) == 0;
}

void coords_write(struct wr *w, const struct coords *c)
{
	COYO_ASSERT(c->len <= COORDS_BYTES_MAX && c->hops <= COORDS_HOPS_MAX);
	wr_be16(w, c->len);
	wr_copy(w, c->b, c->len);
}

bool coords_read(struct rd *r, struct coords *c)
{
	uint16_t len = rd_be16(r);
	const uint8_t *b = rd_take(r, len);

	c->len = c->hops = 0;
	return b && parse(c, b, len);
}
