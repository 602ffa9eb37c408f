/* SPDX-License-Identifier: BSD-3-Clause */
/* How the attacker lies about ways: where it stands, what it carries, what others answer. */
#include "attacker.h"

#include "anchor/anchor.h"
#include "wire/kadmsg.h"
#include "wire/lse.h"
#include "wire/routed.h"

#include <string.h>

/* ---- sinkhole ---- */

/* The coords of a live node drawn at random: whoever routes by coords finds the attacker next to it. */
static bool draw_coords(struct attacker *a, unsigned t, struct coords *c)
{
	uint32_t i = (uint32_t)rng_below(&a->rng, a->net->n);

	if (!a->net->node[i].node || a->captured[i])
		return false;
	*c = a->net->node[i].node->anchor->tree[t].coords;
	return true;
}

void paths_sinkhole(struct attacker *a)
{
	for (uint32_t i = 0; i < a->ncaptives; i++) {
		struct captive *c = &a->captive[i];

		for (uint16_t l = 0; l < a->net->node[c->node].nlinks; l++) {
			struct linkmsg_ann m = c->ann[l];

			if (!m.ntrees)
				continue;
			for (unsigned t = 0; t < m.ntrees; t++)
				if (draw_coords(a, t, &m.tree[t].coords))
					m.tree[t].is_parent = false;
			attacker_say_ann(a, c, l, &m);
		}
	}
}

/* Reads f as a routed datagram up to its route extension. False: it is something else, or goes to c itself. */
static bool in_transit(const struct attacker *a, const struct captive *c, const struct frame *f,
                       struct rd *r, struct routed_header *h, struct route_ext *e)
{
	uint32_t label;
	uint8_t ttl;

	*r = rd_init(f->data, f->len);
	return !f->raw && control_stack_read(r, &label, &ttl) && ach_read(r) == ACH_ROUTED &&
	       routed_header_read(r, h) && h->next == NEXT_ROUTE && route_ext_read(r, e) &&
	       !id_eq(&h->dst, &a->net->node[c->node].identity.id);
}

static struct frame *vanish(struct attacker *a, struct frame *f)
{
	a->lies++;
	free(f);
	return NULL;
}

struct frame *paths_sink(struct attacker *a, struct captive *c, uint16_t link, struct frame *f,
                         bool out)
{
	struct routed_header h;
	struct route_ext e;
	struct rd r;

	return !out && in_transit(a, c, f, &r, &h, &e) ? vanish(a, f) : f;
}

/* ---- swallow ---- */
struct frame *paths_swallow(struct attacker *a, struct captive *c, uint16_t link, struct frame *f,
                            bool out)
{
	const struct mw_ilm *e;
	uint32_t label;

	if (out || f->raw || f->len < LSE_BYTES)
		return f;
	label = lse_label(be32_load(f->data));
	if (label <= LABEL_RESERVED_MAX)
		return f;
	e = mw_ilm_find(a->net->node[c->node].mw, link, label);
	return e && e->op == ILM_SWAP ? vanish(a, f) : f;
}

/* ---- record-replay ---- */

/* A FOUND in who's name, with its recorded record and the target's, and the nonce of the question that it never saw. */
static void answer_for(struct attacker *a, struct captive *c, uint16_t link, uint32_t who,
                       const struct routed_header *q, const struct kad_msg *find)
{
	uint32_t target = net_find(a->net, &find->target);
	struct kad_msg m = {.op = KAD_FOUND, .flags = KAD_FLAG_MAC | KAD_FLAG_PROVE};
	struct routed_header h = {.next = NEXT_ROUTE,
	                          .hop_limit = ROUTED_HOP_LIMIT,
	                          .src = a->net->node[who].identity.id,
	                          .dst = q->src};
	struct route_ext e = {.next = NEXT_KAD, .mode = ROUTE_GREEDY};
	uint8_t buf[CONTROL_PACKET_MAX];
	struct wr w = wr_init(buf, sizeof(buf)), at;

	m.flags |= KAD_FLAG_TOKEN;
	memcpy(m.nonce, find->nonce, sizeof(m.nonce));
	rng_fill(&a->rng, m.token, sizeof(m.token));
	rng_fill(&a->rng, m.mac, sizeof(m.mac));
	m.self = a->record[who];
	if (target != UINT32_MAX && a->record[target].ntrees) {
		m.count = 1;
		m.c[0] = (struct contact_info){.id = find->target,
		                               .seq = a->record[target].seq,
		                               .ntrees = a->record[target].ntrees};
		memcpy(m.c[0].place, a->record[target].place, sizeof(m.c[0].place));
	}
	if (find->self.ntrees) {
		e.mode = ROUTE_COORDS;
		e.flags = ROUTE_FLAG_WAYPOINT;
		e.root = find->self.place[0].root;
		e.coords = find->self.place[0].coords;
		e.distance = UINT16_MAX;
	}
	control_stack_write(&w, LABEL_NONE, TTL_START);
	ach_write(&w, ACH_ROUTED);
	at = w;
	routed_header_write(&w, &h);
	route_ext_write(&w, &e);
	kad_write(&w, &m);
	if (!wr_ok(&w))
		return;
	h.length = (uint16_t)(wr_len(&w) - wr_len(&at) - ROUTED_HEADER_BYTES);
	routed_header_write(&at, &h);
	attacker_say(a, c, link, buf, wr_len(&w));
}

struct frame *paths_replay(struct attacker *a, struct captive *c, uint16_t link, struct frame *f,
                           bool out)
{
	uint32_t asked, target;
	struct routed_header h;
	struct route_ext e;
	struct kad_msg m;
	struct rd r;

	if (out || !in_transit(a, c, f, &r, &h, &e) || e.next != NEXT_KAD || !kad_read(&r, &m) ||
	    m.op != KAD_FIND)
		return f;
	asked = net_find(a->net, &h.dst);
	target = net_find(a->net, &m.target);
	if (asked != UINT32_MAX && a->record[asked].ntrees)
		answer_for(a, c, link, asked, &h, &m);
	if (target != UINT32_MAX && target != asked && a->record[target].ntrees)
		answer_for(a, c, link, target, &h, &m);
	return vanish(a, f);
}
