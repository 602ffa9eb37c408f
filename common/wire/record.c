/* SPDX-License-Identifier: BSD-3-Clause */
/* The node record: what a node says of itself, sequence-numbered and signed, without a clock. */
#include "wire/record.h"

#include "base/assert.h"

static void places_write(struct wr *w, const struct place *p, unsigned n)
{
	COYO_ASSERT(n <= RECORD_TREES_MAX);
	for (unsigned i = 0; i < n; i++) {
		wr_be64(w, p[i].root);
		coords_write(w, &p[i].coords);
	}
}

static bool places_read(struct rd *r, struct place *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		p[i].root = rd_be64(r);
		if (!coords_read(r, &p[i].coords))
			return false;
	}
	return true;
}

void record_write(struct wr *w, const struct record *r)
{
	wr_copy(w, r->key, sizeof(r->key));
	wr_be64(w, r->seq);
	wr_be64(w, r->puzzle);
	wr_u8(w, r->ntrees);
	wr_u8(w, r->flags);
	places_write(w, r->place, r->ntrees);
	wr_copy(w, r->sig, sizeof(r->sig));
}

bool record_read(struct rd *r, struct record *out, const uint8_t **body, size_t *body_len)
{
	const uint8_t *start = r->p;

	rd_copy(r, out->key, sizeof(out->key));
	out->seq = rd_be64(r);
	out->puzzle = rd_be64(r);
	out->ntrees = rd_u8(r);
	out->flags = rd_u8(r);
	if (out->ntrees > RECORD_TREES_MAX || !places_read(r, out->place, out->ntrees))
		return false;
	*body = start;
	*body_len = (size_t)(r->p - start);
	rd_copy(r, out->sig, sizeof(out->sig));
	return rd_ok(r);
}

void contact_info_write(struct wr *w, const struct contact_info *c)
{
	wr_copy(w, c->id.b, ID_BYTES);
	wr_be64(w, c->seq);
	wr_u8(w, c->ntrees);
	places_write(w, c->place, c->ntrees);
}

bool contact_info_read(struct rd *r, struct contact_info *c)
{
	rd_copy(r, c->id.b, ID_BYTES);
	c->seq = rd_be64(r);
	c->ntrees = rd_u8(r);
	return c->ntrees <= RECORD_TREES_MAX && places_read(r, c->place, c->ntrees) && rd_ok(r);
}
