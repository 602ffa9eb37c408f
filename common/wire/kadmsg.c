/* SPDX-License-Identifier: BSD-3-Clause */
/* Kademlia's questions and answers, and routed error. */
#include "wire/kadmsg.h"

#include "base/assert.h"
#include "base/be.h"

#include <string.h>

static void head_write(struct wr *w, const struct kad_msg *m)
{
	wr_u8(w, KAD_VERSION);
	wr_u8(w, m->op);
	wr_u8(w, m->flags);
	wr_u8(w, 0);
	wr_copy(w, m->nonce, KAD_NONCE_BYTES);
	if (m->flags & KAD_FLAG_TOKEN)
		wr_copy(w, m->token, KAD_TOKEN_BYTES);
	if (m->op == KAD_FIND)
		wr_copy(w, m->target.b, ID_BYTES);
	if (m->op == KAD_EXQ) {
		wr_be64(w, m->full);
		wr_u8(w, m->have_len / KAD_HAVE_UNIT);
		wr_copy(w, m->have, m->have_len);
	}
	if (m->op != KAD_RETRY)
		record_write(w, &m->self);
}

unsigned kad_write(struct wr *w, const struct kad_msg *m)
{
	uint8_t *count = w->p + 3;
	size_t mac = m->flags & KAD_FLAG_MAC ? KAD_MAC_BYTES : 0;
	unsigned n = 0;

	COYO_ASSERT(m->count <= KAD_CONTACTS_MAX);
	COYO_ASSERT(m->have_len <= KAD_HAVE_MAX && m->have_len % KAD_HAVE_UNIT == 0);
	if ((size_t)(w->end - w->p) < mac) {
		w->bad = true;
		return 0;
	}
	w->end -= mac;
	head_write(w, m);
	if (!wr_ok(w))
		return 0;
	for (; n < m->count; n++) {
		struct wr before = *w;

		contact_info_write(w, &m->c[n]);
		if (!wr_ok(w)) {
			*w = before;
			break;
		}
	}
	w->end += mac;
	if (mac)
		wr_copy(w, m->mac, mac);
	*count = (uint8_t)n;
	return n;
}

/* Whether the op is known, and the flags and the count go with it. */
static bool head_sound(const struct kad_msg *m)
{
	switch (m->op) {
	case KAD_EXR:
	case KAD_FOUND:
		return m->flags & KAD_FLAG_MAC && m->count <= KAD_CONTACTS_MAX;
	case KAD_RETRY:
		return m->flags & KAD_FLAG_TOKEN && !(m->flags & KAD_FLAG_MAC) && m->count == 0;
	default:
		return m->op >= KAD_EXQ && m->op <= KAD_FIND && m->count <= KAD_CONTACTS_MAX;
	}
}

static bool filter_read(struct rd *r, struct kad_msg *m)
{
	unsigned units;

	m->full = rd_be64(r);
	units = rd_u8(r);
	if (units > KAD_HAVE_MAX / KAD_HAVE_UNIT)
		return false;
	m->have_len = (uint8_t)(units * KAD_HAVE_UNIT);
	rd_copy(r, m->have, m->have_len);
	return true;
}

bool kad_read(struct rd *r, struct kad_msg *m)
{
	const uint8_t *start = r->p;
	uint8_t version = rd_u8(r);

	m->op = rd_u8(r);
	m->flags = rd_u8(r);
	m->count = rd_u8(r);
	rd_copy(r, m->nonce, KAD_NONCE_BYTES);
	if (version != KAD_VERSION || !head_sound(m))
		return false;
	if (m->flags & KAD_FLAG_TOKEN)
		rd_copy(r, m->token, KAD_TOKEN_BYTES);
	if (m->op == KAD_FIND)
		rd_copy(r, m->target.b, ID_BYTES);
	m->full = 0;
	m->have_len = 0;
	if (m->op == KAD_EXQ && !filter_read(r, m))
		return false;
	if (m->op == KAD_RETRY)
		return rd_done(r);
	if (!record_read(r, &m->self, &m->self_body, &m->self_body_len))
		return false;
	for (unsigned i = 0; i < m->count; i++)
		if (!contact_info_read(r, &m->c[i]))
			return false;
	m->body = start;
	m->body_len = (size_t)(r->p - start);
	if (m->flags & KAD_FLAG_MAC)
		rd_copy(r, m->mac, KAD_MAC_BYTES);
	return rd_done(r);
}

/* ---- the filter: 4 bits of a 64-bit mix (the finalizer of SplitMix64) of id, number and salt ---- */
#define HAVE_BITS_PER_RECORD 8
#define HAVE_PROBES          4

void kad_have_begin(struct kad_msg *m, unsigned records)
{
	unsigned units =
	        (records * HAVE_BITS_PER_RECORD + 8 * KAD_HAVE_UNIT - 1) / (8 * KAD_HAVE_UNIT);

	if (units > KAD_HAVE_MAX / KAD_HAVE_UNIT)
		units = KAD_HAVE_MAX / KAD_HAVE_UNIT;
	m->have_len = (uint8_t)(units * KAD_HAVE_UNIT);
	memset(m->have, 0, sizeof(m->have));
}

static uint64_t mix(const struct kad_msg *m, const struct node_id *id, uint64_t seq)
{
	uint64_t x = be64_load(id->b) + seq * UINT64_C(0x9e3779b97f4a7c15) +
	             kad_ref(m->nonce) * UINT64_C(0x100000001);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

void kad_have_add(struct kad_msg *m, const struct node_id *id, uint64_t seq)
{
	uint64_t x = mix(m, id, seq);

	for (unsigned i = 0; m->have_len && i < HAVE_PROBES; i++, x >>= 16) {
		unsigned bit = (unsigned)(x & 0xffff) % (8u * m->have_len);

		m->have[bit / 8] |= (uint8_t)(1 << bit % 8);
	}
}

bool kad_have(const struct kad_msg *m, const struct node_id *id, uint64_t seq)
{
	uint64_t x = mix(m, id, seq);

	for (unsigned i = 0; m->have_len && i < HAVE_PROBES; i++, x >>= 16) {
		unsigned bit = (unsigned)(x & 0xffff) % (8u * m->have_len);

		if (!(m->have[bit / 8] & 1 << bit % 8))
			return false;
	}
	return m->have_len > 0;
}

void error_write(struct wr *w, const struct error_msg *m)
{
	wr_u8(w, m->code);
	wr_u8(w, m->next);
	wr_be16(w, 0);
	wr_be32(w, m->ref);
	wr_copy(w, m->about.b, ID_BYTES);
}

bool error_read(struct rd *r, struct error_msg *m)
{
	m->code = rd_u8(r);
	m->next = rd_u8(r);
	(void)rd_be16(r);
	m->ref = rd_be32(r);
	rd_copy(r, m->about.b, ID_BYTES);
	return rd_done(r);
}
