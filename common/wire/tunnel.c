/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside a tunnel: OAM bodies. */
#include "wire/tunnel.h"

static bool names_node(uint8_t type)
{
	return type == OAM_TTL_EXCEEDED || type == OAM_TRACE_REPLY;
}

void oam_write(struct wr *w, const struct oam *m)
{
	COYO_ASSERT(m->type >= OAM_ECHO_REQUEST && m->type <= OAM_PORT_UNREACHABLE);
	wr_u8(w, m->type);
	wr_u8(w, m->flags);
	wr_be16(w, m->sequence);
	wr_be32(w, m->id);
	wr_be64(w, m->time);
	if (names_node(m->type)) {
		wr_copy(w, m->node.b, ID_BYTES);
		wr_be32(w, m->in_label);
		wr_be32(w, m->out_label);
	}
}

bool oam_read(struct rd *r, struct oam *m)
{
	m->type = rd_u8(r);
	m->flags = rd_u8(r);
	m->sequence = rd_be16(r);
	m->id = rd_be32(r);
	m->time = rd_be64(r);
	m->has_node = names_node(m->type);
	m->in_label = m->out_label = UINT32_MAX;
	if (m->has_node) {
		rd_copy(r, m->node.b, ID_BYTES);
		m->in_label = rd_be32(r);
		m->out_label = rd_be32(r);
	}
	return rd_done(r) && m->type >= OAM_ECHO_REQUEST && m->type <= OAM_PORT_UNREACHABLE;
}
