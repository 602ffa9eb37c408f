/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of one file of kad stand on. */
#include "asker.h"

#include "anchor/anchor.h"
#include "crypto/pair.h"
#include "table/table.h"

#include <string.h>

struct asker_heard asker_heard;

static void peer_ignored(struct node *n, struct peer *p)
{
}

static void nothing_of_node(struct node *n)
{
}

static void changed_heard(struct node *n)
{
	asker_heard.changed++;
}

static void done_heard(struct node *n, enum lookup_purpose purpose, uint32_t ref,
                       const struct node_id *target, bool exact, const struct contact_info *closest)
{
	asker_heard.done++;
	asker_heard.exact += exact;
	asker_heard.ref = ref;
}

static bool build_heard(struct node *n, const struct contact *c)
{
	asker_heard.built++;
	return false;
}

static void drop_heard(struct node *n, struct lsp *l)
{
	asker_heard.dropped++;
	kad_finger_gone(n, l, &l->dst);
}

static const struct news recorder = {
        .peer_up = peer_ignored,
        .coords_changed = changed_heard,
        .grown = nothing_of_node,
        .lookup_done = done_heard,
        .finger_build = build_heard,
        .finger_drop = drop_heard,
};

void asker_open(struct asker *b, uint64_t seed)
{
	struct node_link_cfg cfg = {.io = {.link = 1, .mtu = 1400}, .name = "one"};
	struct linkmsg_hello hello = {.epoch = 1, .mtu = 1400};
	struct contact_info i;

	*b = (struct asker){.hops = 1, .room = 16};
	asker_heard = (struct asker_heard){.done = 0};
	ground_open(&b->g, seed);
	b->n = ground_node(&b->g, &recorder);
	assert_int_equal(identity_generate(&b->next_door, &b->g.rng), 0);
	assert_int_equal(peers_new(b->n), 0);
	assert_int_equal(anchor_new(b->n), 0);
	assert_int_equal(tables_new(b->n), 0);
	assert_int_equal(kad_new(b->n), 0);
	assert_int_equal(peer_add(b->n, &cfg), 0);
	b->p = peer_by_link(b->n, 1);
	hello.id = b->next_door.id;
	peer_hello_rx(b->n, b->p, &hello);
	assert_true(peer_up(b->p));
	b->p->ann_valid = true;
	b->p->ann = ctx_alloc(b->n, sizeof(*b->p->ann));
	assert_non_null(b->p->ann);
	b->p->ann->ntrees = 1;
	b->p->ann->tree[0].root = b->n->anchor->tree[0].root;
	assert_true(coords_push(&b->p->ann->tree[0].coords, 1));
	i = asker_info(b, &b->next_door.id, 1, 0);
	contact_learn(b->n->contacts, b->n->now, &i, true)->neighbour = true;
	disarm(b->n, &b->n->kad->tick_timer);
	b->n->now.ns += 10 * NS_PER_S; /* so that times can be before this one */
	(void)ground_drain(b->n, 0);
}

void asker_close(struct asker *b)
{
	kad_free(b->n);
	tables_free(b->n);
	anchor_free(b->n);
	peers_free(b->n);
	ctx_destroy(b->n);
	ground_close(&b->g);
}

static void read_packet(struct asker_sent *s, const struct cp_send *c)
{
	struct rd r = rd_init(c->data, c->len);
	struct routed_header h;
	struct route_ext e;
	uint8_t ttl;

	s->next = 0;
	assert_true(control_stack_read(&r, &s->tunnel_label, &ttl));
	if (ach_read(&r) != ACH_ROUTED)
		return;
	assert_true(routed_header_read(&r, &h));
	assert_int_equal(h.next, NEXT_ROUTE);
	assert_true(route_ext_read(&r, &e));
	s->to = h.dst;
	s->next = e.next;
	s->len = rd_left(&r);
	if (s->next == NEXT_KAD)
		assert_true(kad_read(&r, &s->m));
	else if (s->next == NEXT_ERROR)
		assert_true(error_read(&r, &s->error));
}

bool asker_sent(struct asker *b, struct asker_sent *s)
{
	static struct node_output out;

	while (node_output(b->n, &out)) {
		if (out.type != OUT_COMMAND || out.u.command.cmd.type != CMD_SEND)
			continue;
		read_packet(s, &out.u.command.cmd.u.send);
		if (s->next)
			return true;
	}
	return false;
}

void asker_pass(struct asker *b, int64_t ns)
{
	ground_pass(b->n, ns, PART_KAD, kad_timer);
}

struct contact_info asker_info(struct asker *b, const struct node_id *id, uint64_t seq,
                               uint16_t port)
{
	struct contact_info i = {.id = *id, .seq = seq, .ntrees = 1};

	i.place[0].root = root_tag(&b->n->anchor->tree[0].root);
	assert_true(coords_push(&i.place[0].coords, 1));
	if (port)
		assert_true(coords_push(&i.place[0].coords, port));
	return i;
}

struct contact *asker_contact(struct asker *b, unsigned bits, bool verified)
{
	struct node_id id = ground_near(&b->g, &b->g.identity.id, bits);
	struct contact_info i = asker_info(b, &id, 1, (uint16_t)(1 + rng_below(&b->g.rng, 100)));
	struct contact *c = contact_learn(b->n->contacts, b->n->now, &i, verified);

	assert_non_null(c);
	return c;
}

struct kad_msg asker_message(struct asker *b, const struct identity *who, uint8_t op,
                             const uint8_t *nonce, uint64_t seq)
{
	struct kad_msg m = {.op = op};
	struct contact_info i = asker_info(b, &who->id, seq, 3);
	uint8_t buf[RECORD_MAX];
	struct wr w = wr_init(buf, sizeof(buf));

	if (nonce)
		memcpy(m.nonce, nonce, sizeof(m.nonce));
	memcpy(m.self.key, who->ed_public, sizeof(m.self.key));
	m.self.seq = seq;
	m.self.ntrees = 1;
	m.self.place[0] = i.place[0];
	record_write(&w, &m.self);
	assert_true(wr_ok(&w));
	sig_sign(who, RECORD_CONTEXT, buf, wr_len(&w) - RECORD_SIG_BYTES, m.self.sig);
	return m;
}

size_t asker_write(const struct kad_msg *m, uint8_t buf[CONTROL_PACKET_MAX])
{
	struct wr w = wr_init(buf, CONTROL_PACKET_MAX);

	kad_write(&w, m);
	assert_true(wr_ok(&w));
	return wr_len(&w);
}

void asker_mac(struct asker *b, const struct identity *who, struct kad_msg *m)
{
	uint8_t buf[CONTROL_PACKET_MAX], key[PAIR_KEY_BYTES];
	size_t len;

	m->flags |= KAD_FLAG_MAC;
	len = asker_write(m, buf);
	assert_int_equal(pair_key(who, b->g.identity.ed_public, key), 0);
	pair_mac(key, &who->id, &b->g.identity.id, buf, len - KAD_MAC_BYTES, m->mac);
}

void asker_hears(struct asker *b, const struct node_id *src, const struct kad_msg *m)
{
	uint8_t buf[CONTROL_PACKET_MAX];
	size_t len = asker_write(m, buf);
	struct rd r = rd_init(buf, len);
	const struct routed_header h = {.length = (uint16_t)(len + b->room),
	                                .hop_limit = (uint8_t)(ROUTED_HOP_LIMIT - b->hops),
	                                .src = *src,
	                                .dst = b->g.identity.id};

	kad_rx(b->n, b->p, &h, &r);
}

void asker_says(struct asker *b, const struct identity *who, struct kad_msg *m)
{
	asker_mac(b, who, m);
	asker_hears(b, &who->id, m);
}
