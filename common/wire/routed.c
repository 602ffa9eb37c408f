/* SPDX-License-Identifier: BSD-3-Clause */
/* The routed datagram: label stack, associated channel header, the 136-byte header with two ids, and the route extension. */
#include "wire/routed.h"

#include "base/assert.h"

#include <string.h>

#define ROUTE_FIXED \
	(4 + 8 + 2)  /* with the coords' count, without committed id, coords and padding */
#define HOPS_BYTES 2 /* of the hops without ports, where the coords have any */

void routed_header_write(struct wr *w, const struct routed_header *h)
{
	wr_be32(w, 0xCu << 28 | TC_CONTROL << 20);
	wr_be16(w, h->length);
	wr_u8(w, h->next);
	wr_u8(w, h->hop_limit);
	wr_copy(w, h->src.b, ID_BYTES);
	wr_copy(w, h->dst.b, ID_BYTES);
}

bool routed_header_read(struct rd *r, struct routed_header *h)
{
	uint32_t word = rd_be32(r);

	h->length = rd_be16(r);
	h->next = rd_u8(r);
	h->hop_limit = rd_u8(r);
	rd_copy(r, h->src.b, ID_BYTES);
	rd_copy(r, h->dst.b, ID_BYTES);
	if (!rd_ok(r) || word >> 28 != 0xC || h->length > rd_left(r))
		return false;
	r->end = r->p + h->length;
	return true;
}

void route_ext_write(struct wr *w, const struct route_ext *e)
{
	bool committed = e->flags & ROUTE_FLAG_COMMITTED;
	unsigned body = ROUTE_FIXED + (committed ? ID_BYTES : 0) + e->coords.len +
	                (e->coords.hops > e->coords.coded ? HOPS_BYTES : 0);
	unsigned pad = (4 - body % 4) % 4;

	COYO_ASSERT(e->mode <= ROUTE_COORDS && e->next != NEXT_ROUTE && e->tree < RECORD_TREES_MAX);
	COYO_ASSERT((body + pad) / 4 <= UINT8_MAX);
	wr_u8(w, e->next);
	wr_u8(w, (uint8_t)((body + pad) / 4));
	wr_u8(w, e->mode);
	wr_u8(w, e->flags);
	wr_be16(w, e->distance);
	wr_u8(w, e->tree);
	wr_u8(w, 0);
	wr_be64(w, e->root);
	if (committed)
		wr_copy(w, e->committed.b, ID_BYTES);
	coords_write(w, &e->coords);
	wr_zero(w, pad);
}

bool route_ext_read(struct rd *r, struct route_ext *e)
{
	struct rd body;
	const uint8_t *p;
	unsigned len;

	e->next = rd_u8(r);
	len = rd_u8(r) * 4u;
	e->mode = rd_u8(r);
	e->flags = rd_u8(r);
	p = rd_take(r, len);
	if (!p || e->mode > ROUTE_COORDS || e->next == NEXT_ROUTE)
		return false;
	body = rd_init(p, len);
	e->distance = rd_be16(&body);
	e->tree = rd_u8(&body);
	(void)rd_u8(&body);
	e->root = rd_be64(&body);
	if (e->flags & ROUTE_FLAG_COMMITTED)
		rd_copy(&body, e->committed.b, ID_BYTES);
	else
		memset(e->committed.b, 0, ID_BYTES);
	return coords_read(&body, &e->coords) && rd_left(&body) < 4 && e->tree < RECORD_TREES_MAX;
}

void ach_write(struct wr *w, uint16_t channel)
{
	wr_be32(w, 0x10000000u | channel);
}

int ach_read(struct rd *r)
{
	uint32_t word = rd_be32(r);

	return rd_ok(r) && word >> 16 == 0x1000 ? (int)(word & 0xffff) : -1;
}

bool control_stack_read(struct rd *r, uint32_t *tunnel_label, uint8_t *ttl)
{
	uint32_t lse = rd_be32(r);

	*tunnel_label = UINT32_MAX;
	*ttl = (uint8_t)lse_ttl(lse);
	if (lse_label(lse) == LABEL_ROUTER_ALERT && !lse_bottom(lse)) {
		lse = rd_be32(r);
		if (lse_bottom(lse) || lse_label(lse) <= LABEL_RESERVED_MAX)
			return false;
		*tunnel_label = lse_label(lse);
		*ttl = (uint8_t)lse_ttl(lse);
		lse = rd_be32(r);
	}
	return rd_ok(r) && lse_label(lse) == LABEL_GAL && lse_bottom(lse);
}

void control_stack_write(struct wr *w, uint32_t tunnel_label, uint8_t ttl)
{
	COYO_ASSERT(label_grant_ok(tunnel_label));
	if (tunnel_label != UINT32_MAX) {
		wr_be32(w, lse_make(LABEL_ROUTER_ALERT, TC_CONTROL, false, ttl));
		wr_be32(w, lse_make(tunnel_label, TC_CONTROL, false, ttl));
	}
	wr_be32(w, lse_make(LABEL_GAL, TC_CONTROL, true, ttl));
}
