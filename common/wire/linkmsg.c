/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages that never leave one link: liveness, the anchor's announcements, tear-down and grants. */
#include "wire/linkmsg.h"

#include "base/assert.h"
#include "wire/lse.h"

/* Writes the head with the length of the body that follows it from `body` on. */
static void head_close(struct wr *w, uint8_t *head)
{
	if (!wr_ok(w))
		return;
	COYO_ASSERT(w->p - head >= 4 && w->p - head - 4 <= UINT16_MAX);
	be16_store(head + 2, (uint16_t)(w->p - head - 4));
}

static uint8_t *head_open(struct wr *w, uint8_t type, uint8_t flags)
{
	uint8_t *head = w->p;

	wr_u8(w, type);
	wr_u8(w, flags);
	wr_be16(w, 0);
	return head;
}

bool linkmsg_next(struct rd *r, struct linkmsg_head *h, struct rd *body)
{
	const uint8_t *p;

	h->type = rd_u8(r);
	h->flags = rd_u8(r);
	h->length = rd_be16(r);
	p = rd_take(r, h->length);
	if (!p)
		return false;
	*body = rd_init(p, h->length);
	return true;
}

void linkmsg_hello_write(struct wr *w, const struct linkmsg_hello *m)
{
	uint8_t *head = head_open(w, LINKMSG_HELLO, 0);

	wr_be64(w, m->sent_us);
	wr_be64(w, m->echo_us);
	wr_be32(w, m->held_us);
	wr_u8(w, m->flags);
	wr_u8(w, 0);
	wr_be16(w, m->mtu);
	wr_be32(w, m->epoch);
	wr_copy(w, m->id.b, ID_BYTES);
	head_close(w, head);
}

bool linkmsg_hello_read(struct rd *r, struct linkmsg_hello *m)
{
	m->sent_us = rd_be64(r);
	m->echo_us = rd_be64(r);
	m->held_us = rd_be32(r);
	m->flags = rd_u8(r);
	(void)rd_u8(r);
	m->mtu = rd_be16(r);
	m->epoch = rd_be32(r);
	rd_copy(r, m->id.b, ID_BYTES);
	return rd_done(r);
}

void linkmsg_ann_write(struct wr *w, const struct linkmsg_ann *m)
{
	uint8_t *head = head_open(w, LINKMSG_ANN, 0);
	uint8_t parents = 0;

	COYO_ASSERT(m->ntrees <= RECORD_TREES_MAX);
	for (unsigned t = 0; t < m->ntrees; t++)
		parents |= (uint8_t)(m->tree[t].is_parent << t);
	wr_be64(w, m->seq);
	wr_u8(w, m->ntrees);
	wr_u8(w, parents);
	wr_be16(w, m->height);
	for (unsigned t = 0; t < m->ntrees; t++) {
		const struct ann_tree *a = &m->tree[t];

		wr_copy(w, a->root.b, ID_BYTES);
		wr_be16(w, a->port);
		coords_write(w, &a->coords);
	}
	head_close(w, head);
}

bool linkmsg_ann_read(struct rd *r, struct linkmsg_ann *m)
{
	uint8_t parents;

	m->seq = rd_be64(r);
	m->ntrees = rd_u8(r);
	parents = rd_u8(r);
	m->height = rd_be16(r);
	if (m->ntrees > RECORD_TREES_MAX)
		return false;
	for (unsigned t = 0; t < m->ntrees; t++) {
		struct ann_tree *a = &m->tree[t];

		rd_copy(r, a->root.b, ID_BYTES);
		a->port = rd_be16(r);
		a->is_parent = parents >> t & 1;
		if (!coords_read(r, &a->coords))
			return false;
	}
	return rd_done(r);
}

void linkmsg_seq_signed(const struct linkmsg_seq *m, uint8_t out[9])
{
	out[0] = m->tree;
	be64_store(out + 1, m->seq);
}

void linkmsg_seq_write(struct wr *w, const struct linkmsg_seq *m)
{
	uint8_t *head = head_open(w, LINKMSG_SEQ, 0);

	wr_u8(w, m->tree);
	wr_zero(w, 3);
	wr_be64(w, m->seq);
	wr_copy(w, m->key, sizeof(m->key));
	wr_copy(w, m->sig, sizeof(m->sig));
	head_close(w, head);
}

bool linkmsg_seq_read(struct rd *r, struct linkmsg_seq *m)
{
	m->tree = rd_u8(r);
	(void)rd_take(r, 3);
	m->seq = rd_be64(r);
	rd_copy(r, m->key, sizeof(m->key));
	rd_copy(r, m->sig, sizeof(m->sig));
	return rd_done(r) && m->tree < RECORD_TREES_MAX;
}

void linkmsg_sample_write(struct wr *w, const struct linkmsg_sample *m)
{
	uint8_t *head = head_open(w, LINKMSG_SAMPLE, 0);

	COYO_ASSERT(m->count <= SAMPLE_MAX);
	wr_be32(w, m->size);
	wr_u8(w, m->count);
	wr_zero(w, 3);
	for (unsigned i = 0; i < m->count; i++)
		contact_info_write(w, &m->c[i]);
	head_close(w, head);
}

bool linkmsg_sample_read(struct rd *r, struct linkmsg_sample *m)
{
	m->size = rd_be32(r);
	m->count = rd_u8(r);
	(void)rd_take(r, 3);
	if (m->count > SAMPLE_MAX)
		return false;
	for (unsigned i = 0; i < m->count; i++)
		if (!contact_info_read(r, &m->c[i]))
			return false;
	return rd_done(r);
}

void linkmsg_tear_write(struct wr *w, uint8_t type, const struct linkmsg_tear *m)
{
	uint8_t *head = head_open(w, type, 0);

	COYO_ASSERT(type == LINKMSG_TEAR || type == LINKMSG_TEAR_ACK);
	wr_be64(w, m->nonce);
	wr_be32(w, m->yours);
	wr_be32(w, m->mine);
	wr_be32(w, m->reason);
	head_close(w, head);
}

bool linkmsg_tear_read(struct rd *r, struct linkmsg_tear *m)
{
	m->nonce = rd_be64(r);
	m->yours = rd_be32(r);
	m->mine = rd_be32(r);
	m->reason = rd_be32(r);
	return rd_done(r);
}

void linkmsg_grant_write(struct wr *w, const struct linkmsg_grant *m)
{
	uint8_t *head = head_open(w, LINKMSG_GRANT, 0);

	wr_u8(w, m->step);
	wr_zero(w, 3);
	wr_be64(w, m->nonce);
	wr_copy(w, m->source.b, ID_BYTES);
	wr_be32(w, m->label);
	head_close(w, head);
}

bool linkmsg_grant_read(struct rd *r, struct linkmsg_grant *m)
{
	m->step = rd_u8(r);
	(void)rd_take(r, 3);
	m->nonce = rd_be64(r);
	rd_copy(r, m->source.b, ID_BYTES);
	m->label = rd_be32(r);
	return rd_done(r) && m->step <= 2 && (m->step != 1 || label_grant_ok(m->label));
}

void linkmsg_error_write(struct wr *w, const struct linkmsg_error *m)
{
	uint8_t *head = head_open(w, LINKMSG_ERROR, 0);

	wr_u8(w, m->code);
	wr_zero(w, 3);
	wr_be64(w, m->nonce);
	wr_copy(w, m->source.b, ID_BYTES);
	wr_be32(w, m->tag_from);
	wr_be32(w, m->tag_to);
	head_close(w, head);
}

bool linkmsg_error_read(struct rd *r, struct linkmsg_error *m)
{
	m->code = rd_u8(r);
	(void)rd_take(r, 3);
	m->nonce = rd_be64(r);
	rd_copy(r, m->source.b, ID_BYTES);
	m->tag_from = rd_be32(r);
	m->tag_to = rd_be32(r);
	return rd_done(r);
}

void linkmsg_probe_write(struct wr *w, const struct linkmsg_probe *m)
{
	uint8_t *head = head_open(w, LINKMSG_PROBE, 0);

	COYO_ASSERT(m->size >= LINKMSG_PROBE_LEAST);
	wr_be32(w, m->id);
	wr_be16(w, m->size);
	wr_u8(w, m->answer);
	wr_u8(w, 0);
	wr_zero(w, m->size - LINKMSG_PROBE_LEAST);
	head_close(w, head);
}

bool linkmsg_probe_read(struct rd *r, struct linkmsg_probe *m)
{
	uint8_t answer;

	m->id = rd_be32(r);
	m->size = rd_be16(r);
	answer = rd_u8(r);
	(void)rd_u8(r);
	m->answer = answer;
	(void)rd_take(r, m->size < LINKMSG_PROBE_LEAST ? 0 : m->size - LINKMSG_PROBE_LEAST);
	return rd_done(r) && answer <= 1 && m->size >= LINKMSG_PROBE_LEAST;
}

void linkmsg_mtu_write(struct wr *w, const struct linkmsg_mtu *m)
{
	uint8_t *head = head_open(w, LINKMSG_MTU, 0);

	wr_be64(w, m->nonce);
	wr_be32(w, m->yours);
	wr_be32(w, m->mine);
	wr_be16(w, m->mtu);
	wr_be16(w, 0);
	head_close(w, head);
}

bool linkmsg_mtu_read(struct rd *r, struct linkmsg_mtu *m)
{
	m->nonce = rd_be64(r);
	m->yours = rd_be32(r);
	m->mine = rd_be32(r);
	m->mtu = rd_be16(r);
	(void)rd_be16(r);
	return rd_done(r);
}

void linkmsg_challenge_write(struct wr *w, const struct linkmsg_challenge *m)
{
	uint8_t *head = head_open(w, LINKMSG_CHALLENGE, 0);

	wr_u8(w, m->answer);
	wr_zero(w, 3);
	wr_be64(w, m->nonce);
	head_close(w, head);
}

bool linkmsg_challenge_read(struct rd *r, struct linkmsg_challenge *m)
{
	uint8_t answer = rd_u8(r);

	(void)rd_take(r, 3);
	m->answer = answer;
	m->nonce = rd_be64(r);
	return rd_done(r) && answer <= 1;
}

void linkmsg_move_write(struct wr *w, const struct linkmsg_move *m)
{
	uint8_t *head = head_open(w, LINKMSG_MOVE, 0);

	wr_be64(w, m->nonce);
	wr_be32(w, m->yours);
	wr_be32(w, m->mine);
	wr_be32(w, m->tag_from);
	wr_be32(w, m->tag_to);
	head_close(w, head);
}

bool linkmsg_move_read(struct rd *r, struct linkmsg_move *m)
{
	m->nonce = rd_be64(r);
	m->yours = rd_be32(r);
	m->mine = rd_be32(r);
	m->tag_from = rd_be32(r);
	m->tag_to = rd_be32(r);
	return rd_done(r);
}

void linkmsg_seen_write(struct wr *w, const struct linkmsg_seen *m)
{
	uint8_t *head = head_open(w, LINKMSG_SEEN, 0);

	COYO_ASSERT(m->unknown <= LINKMSG_SEEN_COUNTERS);
	wr_u8(w, m->answer);
	wr_u8(w, 0);
	wr_be16(w, m->unknown);
	wr_be32(w, m->index);
	wr_be64(w, m->first);
	if (m->answer)
		wr_copy(w, m->bits, sizeof(m->bits));
	head_close(w, head);
}

bool linkmsg_seen_read(struct rd *r, struct linkmsg_seen *m)
{
	uint8_t answer = rd_u8(r);

	(void)rd_u8(r);
	m->answer = answer;
	m->unknown = rd_be16(r);
	m->index = rd_be32(r);
	m->first = rd_be64(r);
	if (answer)
		rd_copy(r, m->bits, sizeof(m->bits));
	return rd_done(r) && answer <= 1 && m->unknown <= LINKMSG_SEEN_COUNTERS;
}
