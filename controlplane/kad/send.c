/* SPDX-License-Identifier: BSD-3-Clause */
/* Kademlia's datagrams: how this node sends one, and how the asker is told when its question came to a dead end here. */
#include "kad/kad.h"

#include "anchor/anchor.h"
#include "core/emit.h"
#include "peer/peer.h"
#include "route/route.h"

#include <errno.h>
#include <string.h>

/* Sends a routed datagram of this node. places: the destination's, as far as known. -EHOSTUNREACH: no way known from here; -EMSGSIZE: too long
 * for one datagram. */
static int send_routed(struct node *n, const struct node_id *dst, const struct place *places,
                       unsigned nplaces, uint8_t next, const void *body, size_t len)
{
	struct routed_header h = {.next = next,
	                          .hop_limit = ROUTED_HOP_LIMIT,
	                          .src = n->cfg.identity->id,
	                          .dst = *dst};
	const struct route_tables tables = route_tables(n);
	struct route_ext e;
	struct route_step step;

	if (route_first(&tables, dst, places, nplaces, next, &e, &step) != ROUTE_STEP)
		return -EHOSTUNREACH;
	count(n, CTR_ROUTED_SENT);
	return emit_routed(n, step.peer->link, step.tunnel_label, &h, &e, body, len);
}

void kad_begin(struct node *n, struct kad_msg *m, uint8_t op, const uint8_t *nonce)
{
	m->op = op;
	m->flags = 0;
	m->count = 0;
	m->have_len = 0;
	m->full = 0;
	if (nonce)
		memcpy(m->nonce, nonce, sizeof(m->nonce));
	else
		memset(m->nonce, 0, sizeof(m->nonce));
	m->self = n->anchor->record;
}

static size_t ext_bytes(const struct route_ext *e)
{
	uint8_t buf[CONTROL_PACKET_MAX];
	struct wr w = wr_init(buf, sizeof(buf));

	route_ext_write(&w, e);
	return wr_len(&w);
}

/* Bytes for the body: what is left after label stack, channel header, routed header and the longest route extension with the receiver's
 * coords, and no more than payload_max with the extension that it leaves with. */
static size_t room_for(const struct place *places, unsigned nplaces, const struct route_ext *e,
                       size_t payload_max)
{
	size_t most = CONTROL_PACKET_MAX - 12 - ACH_BYTES - ROUTED_HEADER_BYTES - 88 -
	              (nplaces ? places[0].coords.len : 0) - 4;
	size_t ext = ext_bytes(e), left = payload_max > ext ? payload_max - ext : 0;

	return most < left ? most : left;
}

bool kad_say(struct node *n, struct kad_msg *m, const struct node_id *to,
             const struct place *places, unsigned nplaces, const uint8_t *key, size_t payload_max)
{
	struct routed_header h = {.next = NEXT_KAD,
	                          .hop_limit = ROUTED_HOP_LIMIT,
	                          .src = n->cfg.identity->id,
	                          .dst = *to};
	const struct route_tables tables = route_tables(n);
	struct route_ext e;
	struct route_step step;
	uint8_t buf[CONTROL_PACKET_MAX];
	struct wr w;

	if (route_first(&tables, to, places, nplaces, NEXT_KAD, &e, &step) != ROUTE_STEP)
		return false;
	w = wr_init(buf, room_for(places, nplaces, &e, payload_max));
	if (key)
		m->flags |= KAD_FLAG_MAC;
	if (kad_write(&w, m) < m->count && payload_max < CONTROL_PACKET_MAX) {
		buf[KAD_FLAGS_AT] |= KAD_FLAG_MORE;
		count(n, CTR_KAD_SHORT);
	}
	if (!wr_ok(&w))
		return false;
	if (key)
		n->ops->pair_mac(key, &h.src, to, buf, wr_len(&w) - KAD_MAC_BYTES,
		                 w.p - KAD_MAC_BYTES);
	count(n, CTR_ROUTED_SENT);
	return emit_routed(n, step.peer->link, step.tunnel_label, &h, &e, buf, wr_len(&w)) == 0;
}

void kad_undelivered(struct node *n, const struct routed_header *h, uint8_t code, struct rd *body)
{
	struct error_msg m = {.code = code, .next = NEXT_KAD, .about = h->dst};
	struct kad_msg k;
	uint8_t buf[96];
	struct wr w = wr_init(buf, sizeof(buf));

	if (!kad_read(body, &k) || (k.op != KAD_EXQ && k.op != KAD_FIND))
		return;
	m.ref = kad_ref(k.nonce);
	error_write(&w, &m);
	send_routed(n, &h->src, k.self.place, k.self.ntrees, NEXT_ERROR, buf, wr_len(&w));
}
