/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets whose fields are drawn from what means something at the victim: names of its tunnels, labels that it granted, ids of the network. */
#include "node_say.h"

#include "hashsig.h"
#include "peer/peer.h"
#include "table/tunnel.h"
#include "wire/kadmsg.h"
#include "wire/linkmsg.h"
#include "wire/routed.h"
#include "wire/tunnel.h"

#include <string.h>

#define SETUP_NOTVIA_AT 13  /* where a set-up says how many pairs are excluded */
#define COUNT_RAW       224 /* from here on that byte is what the input says */

/* ---- fields ---- */
static uint64_t number(struct world *w, struct input *in)
{
	uint8_t how = in_u8(in);

	switch (how >> 5) {
	case 0:
		return how & 31;
	case 1:
		return UINT64_MAX - (how & 31);
	case 2:
		return UINT64_C(1) << (how & 31) << 16;
	case 3:
		return (uint64_t)(w->net.now.ns / NS_PER_US) - ((uint64_t)(how & 31) << 12);
	default:
		return in_bytes(in, how & 7) + in->turn;
	}
}

static const struct node_id *any_id(struct world *w, struct input *in, struct node_id *room)
{
	uint8_t how = in_u8(in);

	if ((how & 15) < WORLD_NODES)
		*room = *world_id(w, how & 15);
	else if ((how & 15) < WORLD_NODES + WORLD_SYBILS)
		*room = world_sybil((how & 15) - WORLD_NODES)->id;
	else
		memset(room->b, how, ID_BYTES);
	if (how & 0x80) { /* beside it, as near as the next byte says */
		room->b[in_u8(in) % ID_BYTES] ^= (uint8_t)(1 + in->turn);
		room->b[ID_BYTES - 1] ^= (uint8_t)(in->turn >> 8);
	}
	return room;
}

/* One of the victim's tunnels that touch the hostile link, or NULL. */
static struct lsp *any_tunnel(struct world *w, struct input *in)
{
	struct lsp *found = NULL;
	unsigned k = in_u8(in) % 16u;

	for (struct lsp *l = lsp_after(world_victim(w), NULL); l;
	     l = lsp_after(world_victim(w), l)) {
		bool here = (l->up && l->up->link == w->link[MALLORY]) ||
		            (l->down && l->down->link == w->link[MALLORY]);

		if (here) {
			found = l;
			if (k-- == 0)
				break;
		}
	}
	return found;
}

static uint32_t any_label(struct world *w, struct input *in, const struct lsp *l)
{
	uint8_t how = in_u8(in);

	if (l && how < 128) {
		bool up = l->up && l->up->link == w->link[MALLORY];

		return how & 1 ? (up ? l->fwd_in : l->rev_in) : (up ? l->rev_out : l->fwd_out);
	}
	if (how < 192)
		return 16 + ((uint32_t)how + in->turn) % 4096;
	return how < 224 ? LABEL_NONE : 16 + (uint32_t)in_bytes(in, 3) % (LABEL_SPACE - 16);
}

static struct coords any_coords(struct input *in)
{
	struct coords c = {0};

	for (unsigned n = in_u8(in) % 64u; n > 0; n--)
		(void)!coords_push(&c, (uint16_t)(1 + in_u8(in) % 40));
	return c;
}

static uint8_t any_places(struct world *w, struct input *in, struct place *p)
{
	uint8_t n = in_u8(in) % (RECORD_TREES_MAX + 1);
	struct node_id root;

	for (unsigned i = 0; i < n; i++) {
		p[i].root = be64_load(any_id(w, in, &root)->b);
		p[i].coords = any_coords(in);
	}
	return n;
}

static struct contact_info any_contact(struct world *w, struct input *in)
{
	struct contact_info c = {0};

	any_id(w, in, &c.id);
	c.seq = number(w, in);
	c.ntrees = any_places(w, in, c.place);
	return c;
}

/* ---- link-local ---- */
static void hello(struct world *w, struct input *in, struct wr *to)
{
	struct linkmsg_hello m = {.sent_us = number(w, in),
	                          .echo_us = number(w, in),
	                          .held_us = (uint32_t)number(w, in),
	                          .flags = in_u8(in),
	                          .mtu = (uint16_t)number(w, in),
	                          .epoch = (uint32_t)number(w, in)};

	any_id(w, in, &m.id);
	linkmsg_hello_write(to, &m);
}

static void ann(struct world *w, struct input *in, struct wr *to)
{
	struct linkmsg_ann m = {.seq = number(w, in),
	                        .ntrees = (uint8_t)(1 + in_u8(in) % RECORD_TREES_MAX),
	                        .height = (uint16_t)number(w, in)};

	for (unsigned t = 0; t < m.ntrees; t++) {
		any_id(w, in, &m.tree[t].root);
		m.tree[t].port = (uint16_t)(in_u8(in) % 40);
		m.tree[t].is_parent = in_u8(in) & 1;
		m.tree[t].coords = any_coords(in);
	}
	linkmsg_ann_write(to, &m);
}

/* Its own signatures are good; those of others it has to forge. */
static void seq(struct world *w, struct input *in, struct wr *to)
{
	struct linkmsg_seq m = {.tree = in_u8(in) % 3, .seq = number(w, in)};
	uint8_t who = in_u8(in), body[9];
	const struct identity *me =
	        who & 1 ? world_sybil(who >> 1) : &w->net.node[(who >> 1) % WORLD_NODES].identity;

	memcpy(m.key, me->ed_public, sizeof(m.key));
	linkmsg_seq_signed(&m, body);
	hashsig_sign(me, SEQ_CONTEXT, body, sizeof(body), m.sig);
	m.sig[0] ^= !(who & 1) && me != &w->net.node[MALLORY].identity;
	linkmsg_seq_write(to, &m);
}

static void sample(struct world *w, struct input *in, struct wr *to)
{
	struct linkmsg_sample m = {.size = (uint32_t)number(w, in),
	                           .count = in_u8(in) % (SAMPLE_MAX + 1)};

	for (unsigned i = 0; i < m.count; i++)
		m.c[i] = any_contact(w, in);
	linkmsg_sample_write(to, &m);
}

static void about_tunnel(struct world *w, struct input *in, struct wr *to, uint8_t type)
{
	const struct lsp *l = any_tunnel(w, in);
	bool known = l && in_u8(in) < 224;
	uint64_t nonce = known ? l->nonce : number(w, in);
	struct node_id source;
	uint32_t label;

	any_id(w, in, &source);
	if (known)
		source = l->src;
	label = any_label(w, in, l);
	if (type == LINKMSG_GRANT) {
		linkmsg_grant_write(to,
		                    &(struct linkmsg_grant){in_u8(in) % 4, nonce, source, label});
	} else if (type == LINKMSG_ERROR) {
		linkmsg_error_write(to, &(struct linkmsg_error){in_u8(in) % 8, nonce, source,
		                                                (uint32_t)number(w, in),
		                                                id_tag(&source)});
	} else if (type == LINKMSG_MTU) {
		linkmsg_mtu_write(to, &(struct linkmsg_mtu){nonce, label, any_label(w, in, l),
		                                            (uint16_t)number(w, in)});
	} else {
		linkmsg_tear_write(
		        to, type,
		        &(struct linkmsg_tear){nonce, label, any_label(w, in, l), in_u8(in)});
	}
}

static void linklocal(struct world *w, struct input *in, struct wr *to)
{
	struct linkmsg_probe p;
	uint8_t type = 1 + in_u8(in) % LINKMSG_CHALLENGE;

	switch (type) {
	case LINKMSG_HELLO:
		hello(w, in, to);
		break;
	case LINKMSG_ANN:
		ann(w, in, to);
		break;
	case LINKMSG_SEQ:
		seq(w, in, to);
		break;
	case LINKMSG_SAMPLE:
		sample(w, in, to);
		break;
	case LINKMSG_PROBE:
		p = (struct linkmsg_probe){
		        .size = (uint16_t)(LINKMSG_PROBE_LEAST + in_bytes(in, 2) % 1200)};
		linkmsg_probe_write(to, &p);
		break;
	case LINKMSG_CHALLENGE:
		linkmsg_challenge_write(to,
		                        &(struct linkmsg_challenge){number(w, in), in_u8(in) & 1});
		break;
	default:
		about_tunnel(w, in, to, type);
		break;
	}
}

void say_linklocal(struct world *w, struct input *in)
{
	uint8_t buf[CONTROL_PACKET_MAX];
	struct wr to = wr_init(buf, sizeof(buf));
	unsigned n = 1 + in_u8(in) % 4;

	control_stack_write(&to, LABEL_NONE, 1);
	ach_write(&to, ACH_LINKLOCAL);
	while (n--)
		linklocal(w, in, &to);
	if (wr_ok(&to))
		world_say(w, buf, wr_len(&to), false);
}

/* ---- routed ---- */
static void setup(struct world *w, struct input *in, struct wr *to)
{
	uint8_t envelope[256], *at = to->p, count;
	struct setup_msg m = {
	        .flags = in_u8(in), .mtu = (uint16_t)(1200 + in_u8(in)), .envelope = envelope};

	m.nonce = number(w, in);
	m.hops = in_u8(in);
	m.reverse_label = any_label(w, in, any_tunnel(w, in));
	count = in_u8(in);
	m.nnotvia = count % (SETUP_NOTVIA_MAX + 1);
	for (unsigned i = 0; i < m.nnotvia; i++) {
		m.notvia[i][0] = id_tag(world_id(w, in_u8(in) % WORLD_NODES));
		m.notvia[i][1] = id_tag(world_id(w, in_u8(in) % WORLD_NODES));
	}
	m.nrecord = in_u8(in) % 6;
	for (unsigned i = 0; i < m.nrecord; i++)
		m.record[i] = id_tag(world_id(w, in_u8(in) % WORLD_NODES));
	m.envelope_len = m.flags & (SETUP_FLAG_FINGER | SETUP_FLAG_REPAIR) ? 0 : in_u8(in);
	for (unsigned i = 0; i < m.envelope_len; i++)
		envelope[i] = in_u8(in);
	setup_write(to, &m);
	if (count >= COUNT_RAW && wr_ok(to)) /* more pairs than there are, or may be */
		at[SETUP_NOTVIA_AT] = count;
}

static void reply(struct world *w, struct input *in, struct wr *to)
{
	const struct lsp *l = any_tunnel(w, in);
	uint8_t envelope[256];
	struct reply_msg m = {
	        .flags = in_u8(in), .mtu = (uint16_t)(1200 + in_u8(in)), .envelope = envelope};

	m.nonce = l && in_u8(in) < 224 ? l->nonce : number(w, in);
	m.hops = in_u8(in) % 8;
	m.hops_first = in_u8(in) % 8;
	m.forward_label = any_label(w, in, l);
	m.envelope_len = in_u8(in) & 1 ? in_u8(in) : 0;
	for (unsigned i = 0; i < m.envelope_len; i++)
		envelope[i] = in_u8(in);
	reply_write(to, &m);
}

static void kad(struct world *w, struct input *in, struct wr *to)
{
	static struct kad_msg m;
	uint8_t buf[RECORD_MAX], who = in_u8(in);
	const struct identity *me =
	        who & 1 ? world_sybil(who >> 1) : &w->net.node[MALLORY].identity;
	struct wr body = wr_init(buf, sizeof(buf));

	memset(&m, 0, sizeof(m));
	m.op = 1 + in_u8(in) % KAD_FOUND;
	m.flags = in_u8(in);
	be64_store(m.nonce, number(w, in));
	be64_store(m.token, number(w, in));
	any_id(w, in, &m.target);
	m.full = number(w, in);
	memcpy(m.self.key, me->ed_public, sizeof(m.self.key));
	m.self.seq = number(w, in);
	m.self.ntrees = any_places(w, in, m.self.place);
	record_write(&body, &m.self);
	if (wr_ok(&body) && wr_len(&body) > RECORD_SIG_BYTES)
		hashsig_sign(me, RECORD_CONTEXT, buf, wr_len(&body) - RECORD_SIG_BYTES, m.self.sig);
	m.count = in_u8(in) % 5;
	for (unsigned i = 0; i < m.count; i++)
		m.c[i] = any_contact(w, in);
	kad_write(to, &m);
}

static void route(struct world *w, struct input *in, struct wr *to, uint8_t next)
{
	struct route_ext e = {.next = next,
	                      .mode = in_u8(in) & 1,
	                      .flags = in_u8(in) & 7,
	                      .tree = in_u8(in) % RECORD_TREES_MAX,
	                      .distance = (uint16_t)number(w, in)};
	struct node_id root;

	e.root = be64_load(any_id(w, in, &root)->b);
	any_id(w, in, &e.committed);
	if (e.flags & ROUTE_FLAG_WAYPOINT || e.mode == ROUTE_COORDS)
		e.coords = any_coords(in);
	route_ext_write(to, &e);
}

void say_routed(struct world *w, struct input *in)
{
	static const uint8_t kinds[] = {NEXT_SETUP, NEXT_SETUP, NEXT_KAD,     NEXT_KAD,
	                                NEXT_REPLY, NEXT_ERROR, NEXT_REFRESH, NEXT_ECHO};
	uint8_t inner[CONTROL_PACKET_MAX], buf[2 * CONTROL_PACKET_MAX],
	        kind = kinds[in_u8(in) % sizeof(kinds)];
	struct wr to = wr_init(inner, sizeof(inner)), out = wr_init(buf, sizeof(buf));
	struct routed_header h = {.next = kind, .hop_limit = (uint8_t)(255 - in_u8(in))};
	const struct lsp *l = in_u8(in) & 1 ? any_tunnel(w, in) : NULL;

	any_id(w, in, &h.src);
	any_id(w, in, &h.dst);
	if (kind != NEXT_REPLY && kind != NEXT_REFRESH) {
		route(w, in, &to, kind);
		h.next = NEXT_ROUTE;
	}
	if (kind == NEXT_SETUP)
		setup(w, in, &to);
	else if (kind == NEXT_KAD)
		kad(w, in, &to);
	else if (kind == NEXT_REPLY)
		reply(w, in, &to);
	else if (kind == NEXT_ERROR)
		error_write(&to, &(struct error_msg){in_u8(in) % 4, in_u8(in) % 8,
		                                     (uint32_t)number(w, in), h.dst});
	control_stack_write(&out, l ? any_label(w, in, l) : LABEL_NONE, 255);
	ach_write(&out, ACH_ROUTED);
	h.length = (uint16_t)wr_len(&to);
	routed_header_write(&out, &h);
	wr_copy(&out, inner, wr_ok(&to) ? wr_len(&to) : 0);
	if (wr_ok(&to) && wr_ok(&out) && wr_len(&out) <= WORLD_FRAME)
		world_say(w, buf, wr_len(&out), false);
}

/* ---- the rest ---- */
void say_labelled(struct world *w, struct input *in)
{
	uint8_t buf[300] = {0};
	uint32_t label = any_label(w, in, any_tunnel(w, in));
	struct tunnel_header h = {
	        .type = in_u8(in) % 4, .phase = in_u8(in) & 3, .counter = number(w, in)};
	size_t len = 4 + TUNNEL_HEADER_BYTES + in_u8(in) % 200u;

	be32_store(buf, lse_make(label & 0xfffff, 0, true, in_u8(in)));
	tunnel_header_put(buf + 4, &h, len - 4);
	for (size_t i = 4 + TUNNEL_HEADER_BYTES; i < len; i++)
		buf[i] = in_u8(in);
	world_say(w, buf, len, false);
}

void say_bent(struct world *w, struct input *in)
{
	uint32_t have = w->taped < WORLD_TAPE ? w->taped : WORLD_TAPE;
	struct world_frame f;
	uint8_t cut;

	if (!have)
		return;
	f = w->tape[(w->taped - 1 - in_u8(in) % have) % WORLD_TAPE];
	cut = in_u8(in);
	if (cut >= 128 && f.len)
		f.len = (uint16_t)(f.len - (cut - 127u) % f.len);
	for (unsigned n = in_u8(in) % 8u; n > 0 && f.len; n--) {
		uint16_t at = (uint16_t)in_bytes(in, 2);

		f.data[at % f.len] ^= in_u8(in);
	}
	world_say(w, f.data, f.len, f.raw);
}

void say_noise(struct world *w, struct input *in, bool raw)
{
	uint8_t buf[256];
	size_t n = in_u8(in);

	for (size_t i = 0; i < n; i++)
		buf[i] = in_u8(in);
	if (raw && n < sizeof(uint32_t))
		return;
	world_say(w, buf, n, raw);
}
