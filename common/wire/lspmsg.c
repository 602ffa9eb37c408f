/* SPDX-License-Identifier: BSD-3-Clause */
/* Set-up and reply: the two messages that make a tunnel. */
#include "wire/lspmsg.h"

#include "base/assert.h"
#include "wire/lse.h"

void setup_write(struct wr *w, const struct setup_msg *m)
{
	COYO_ASSERT(m->nnotvia <= SETUP_NOTVIA_MAX);
	COYO_ASSERT(m->envelope || m->envelope_len == 0);
	wr_u8(w, SETUP_VERSION);
	wr_u8(w, m->flags);
	wr_be16(w, m->mtu);
	wr_be64(w, m->nonce);
	wr_u8(w, m->hops);
	wr_u8(w, m->nnotvia);
	wr_u8(w, m->nrecord);
	wr_u8(w, 0);
	wr_be32(w, m->reverse_label);
	wr_be16(w, m->envelope_len);
	wr_be16(w, 0);
	for (unsigned i = 0; i < m->nnotvia; i++) {
		wr_be32(w, m->notvia[i][0]);
		wr_be32(w, m->notvia[i][1]);
	}
	for (unsigned i = 0; i < m->nrecord; i++)
		wr_be32(w, m->record[i]);
	wr_copy(w, m->envelope, m->envelope_len);
}

bool setup_read(struct rd *r, struct setup_msg *m)
{
	uint8_t version = rd_u8(r);

	m->flags = rd_u8(r);
	m->mtu = rd_be16(r);
	m->nonce = rd_be64(r);
	m->hops = rd_u8(r);
	m->nnotvia = rd_u8(r);
	m->nrecord = rd_u8(r);
	(void)rd_u8(r);
	m->reverse_label = rd_be32(r);
	m->envelope_len = rd_be16(r);
	(void)rd_be16(r);
	if (version != SETUP_VERSION || m->nnotvia > SETUP_NOTVIA_MAX ||
	    !label_grant_ok(m->reverse_label))
		return false;
	for (unsigned i = 0; i < m->nnotvia; i++) {
		m->notvia[i][0] = rd_be32(r);
		m->notvia[i][1] = rd_be32(r);
	}
	for (unsigned i = 0; i < m->nrecord; i++)
		m->record[i] = rd_be32(r);
	m->envelope = rd_take(r, m->envelope_len);
	return rd_done(r);
}

void reply_write(struct wr *w, const struct reply_msg *m)
{
	COYO_ASSERT(m->envelope || m->envelope_len == 0);
	wr_u8(w, SETUP_VERSION);
	wr_u8(w, m->flags);
	wr_be16(w, m->mtu);
	wr_be64(w, m->nonce);
	wr_u8(w, m->hops_first);
	wr_u8(w, m->hops);
	wr_be16(w, m->envelope_len);
	wr_be32(w, m->forward_label);
	wr_copy(w, m->envelope, m->envelope_len);
}

bool reply_read(struct rd *r, struct reply_msg *m)
{
	uint8_t version = rd_u8(r);

	m->flags = rd_u8(r);
	m->mtu = rd_be16(r);
	m->nonce = rd_be64(r);
	m->hops_first = rd_u8(r);
	m->hops = rd_u8(r);
	m->envelope_len = rd_be16(r);
	m->forward_label = rd_be32(r);
	m->envelope = rd_take(r, m->envelope_len);
	return rd_done(r) && version == SETUP_VERSION && label_grant_ok(m->forward_label);
}
