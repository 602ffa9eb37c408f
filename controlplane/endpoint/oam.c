/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers OAM messages, and packets whose TTL ran out. */
#include "endpoint/oam.h"

#include "endpoint/path.h"
#include "endpoint/request.h"
#include "endpoint/tell.h"
#include "wire/lse.h"

void oam_rx(struct node *n, const struct dp_packet *pk)
{
	struct session *s = session_at(n, pk->session);
	struct rd rd = rd_init(pk->data, pk->len);
	struct oam m, reply;

	if (!oam_read(&rd, &m)) {
		count(n, CTR_OAM_BAD);
		return;
	}
	if (!s)
		return;
	reply = (struct oam){.sequence = m.sequence, .id = m.id, .time = m.time};
	if (m.type == OAM_TTL_EXCEEDED) {
		request_hop_answered(n, s, &m, false);
		return;
	}
	if (!pk->authenticated) {
		count(n, CTR_OAM_BAD);
		return;
	}
	switch (m.type) {
	case OAM_ECHO_REQUEST:
		reply.type = OAM_ECHO_REPLY;
		tell_send_oam(n, s, &reply, 0);
		break;
	case OAM_KEEPALIVE:
		reply.type = OAM_KEEPALIVE;
		if (m.flags & OAM_FLAG_ANSWER)
			tell_send_oam(n, s, &reply, 0);
		break;
	case OAM_ECHO_REPLY:
		request_ping_answered(n, s, &m);
		break;
	case OAM_TRACE_PROBE:
		reply.type = OAM_TRACE_REPLY;
		reply.node = n->cfg.identity->id;
		reply.in_label = pk->in_label;
		reply.out_label = LABEL_NONE;
		tell_send_oam(n, s, &reply, 0);
		break;
	case OAM_TRACE_REPLY:
		request_hop_answered(n, s, &m, true);
		break;
	case OAM_PATH_COMMIT:
		path_commit_rx(n, s, &m);
		break;
	default:
		break;
	}
}

void oam_ttl_rx(struct node *n, const struct dp_packet *pk)
{
	struct peer *from = peer_by_link(n, pk->link), *back;
	struct oam m = {
	        .type = OAM_TTL_EXCEEDED, .node = n->cfg.identity->id, .in_label = pk->in_label};
	struct tunnel_header h = {.type = TUNNEL_OAM_CLEAR};
	uint8_t buf[LSE_BYTES + TUNNEL_HEADER_BYTES + OAM_BYTES + ID_BYTES + 8];
	struct wr w = wr_init(buf, sizeof(buf));
	struct peer *on;
	struct lsp *l;
	uint32_t label;
	bool forward;

	count(n, CTR_TTL);
	if (!from || !(l = lsp_by_label(n, from, pk->in_label, &forward)) || l->role != LSP_TRANSIT)
		return;
	l->punted++;
	if (!bucket_take(&n->requests->ttl_rate, n->now)) {
		count(n, CTR_TTL_RATE);
		return;
	}
	if (!lsp_onward(l, !forward, &back, &label))
		return;
	if (!lsp_onward(l, forward, &on, &m.out_label))
		m.out_label = LABEL_NONE;
	wr_be32(&w, lse_make(label, TC_BE_NOT_ECT, true, TTL_START));
	tunnel_header_put(wr_take(&w, TUNNEL_HEADER_BYTES), &h, sizeof(buf) - LSE_BYTES);
	oam_write(&w, &m);
	out_packet(n, back->link, buf, wr_len(&w));
}
