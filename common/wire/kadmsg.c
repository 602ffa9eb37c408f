/* SPDX-License-Identifier: BSD-3-Clause */
/* Kademlia's questions and answers, and routed error. */
#include "wire/kadmsg.h"

static bool has_target(uint8_t op)
{
	return op == KAD_FIND || op == KAD_FOUND;
}

void kad_write(struct wr *w, const struct kad_msg *m)
{
	uint8_t *count = w->p + 3;
	unsigned n = 0;

	wr_u8(w, KAD_VERSION);
	wr_u8(w, m->op);
	wr_u8(w, m->flags);
	wr_u8(w, 0);
	wr_be32(w, m->rpc);
	if (has_target(m->op))
		wr_copy(w, m->target.b, ID_BYTES);
	record_write(w, &m->self);
	if (!wr_ok(w))
		return;
	for (; n < m->count; n++) {
		struct wr before = *w;

		contact_info_write(w, &m->c[n]);
		if (!wr_ok(w)) {
			*w = before;
			break;
		}
	}
	*count = (uint8_t)n;
}

bool kad_read(struct rd *r, struct kad_msg *m)
{
	uint8_t version = rd_u8(r);

	m->op = rd_u8(r);
	m->flags = rd_u8(r);
	m->count = rd_u8(r);
	m->rpc = rd_be32(r);
	if (version != KAD_VERSION || m->op < KAD_EXQ || m->op > KAD_FOUND ||
	    m->count > KAD_CONTACTS_MAX)
		return false;
	if (has_target(m->op))
		rd_copy(r, m->target.b, ID_BYTES);
	if (!record_read(r, &m->self, &m->self_body, &m->self_body_len))
		return false;
	for (unsigned i = 0; i < m->count; i++)
		if (!contact_info_read(r, &m->c[i]))
			return false;
	return rd_done(r);
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
