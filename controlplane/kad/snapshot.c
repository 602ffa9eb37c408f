/* SPDX-License-Identifier: BSD-3-Clause */
/* The contact table as bytes for a file: the contacts to ask first after a restart. */
#include "kad/kad.h"

#include "anchor/anchor.h"
#include "base/assert.h"

#include <errno.h>

#define MAGIC            0x49504359u /* "IPCY" */
#define SNAPSHOT_VERSION 2

/* {be32 magic, be16 version, be16 count, be64 own record's number, count x contact info}. */
long kad_snapshot(const struct node *n, void *buf, size_t cap)
{
	const struct contacts *t = n->contacts;
	struct wr w = wr_init(buf, cap);
	uint8_t *count_at = w.p + 6;
	unsigned k = 0;

	wr_be32(&w, MAGIC);
	wr_be16(&w, SNAPSHOT_VERSION);
	wr_be16(&w, 0);
	wr_be64(&w, n->anchor->record_seq);
	for (struct contact *c = contact_after(t, NULL); c && k < UINT16_MAX;
	     c = contact_after(t, c)) {
		struct contact_info i;

		if (!c->verified)
			continue;
		contact_to_info(c, &i);
		contact_info_write(&w, &i);
		k++;
	}
	if (!wr_ok(&w))
		return -ENOSPC;
	COYO_ASSERT(k <= t->count);
	be16_store(count_at, (uint16_t)k);
	return (long)wr_len(&w);
}

void kad_restore(struct node *n, const void *buf, size_t len)
{
	struct rd r = rd_init(buf, len);
	uint32_t magic = rd_be32(&r);
	uint16_t version = rd_be16(&r), k = rd_be16(&r);
	uint64_t seq = rd_be64(&r);

	if (!rd_ok(&r) || magic != MAGIC || version != SNAPSHOT_VERSION)
		return;
	anchor_own_record_seen(n, seq);
	for (unsigned i = 0; i < k; i++) {
		struct contact_info c;

		if (!contact_info_read(&r, &c))
			return;
		contact_learn(n->contacts, n->now, &c, 0);
	}
}
