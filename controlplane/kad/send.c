/* SPDX-License-Identifier: BSD-3-Clause */
/* Kademlia's datagrams: how this node sends one, and how the asker is told when its question came to a dead end here. */
#include "kad/kad.h"

#include "core/emit.h"
#include "peer/peer.h"
#include "route/route.h"

#include <errno.h>

int kad_route(struct node *n, const struct node_id *dst, const struct place *places,
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

void kad_undelivered(struct node *n, const struct routed_header *h, uint8_t code, struct rd *body)
{
	struct error_msg m = {.code = code, .next = NEXT_KAD, .about = h->dst};
	struct kad_msg k;
	uint8_t buf[96];
	struct wr w = wr_init(buf, sizeof(buf));

	if (!kad_read(body, &k) || (k.op != KAD_EXQ && k.op != KAD_FIND))
		return;
	m.ref = k.rpc;
	error_write(&w, &m);
	kad_route(n, &h->src, k.self.place, k.self.ntrees, NEXT_ERROR, buf, wr_len(&w));
}
