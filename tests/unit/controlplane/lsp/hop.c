/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of one file of lsp stand on. */
#include "hop.h"

#include "anchor/anchor.h"
#include "table/table.h"

#include <string.h>

struct hop_heard hop_heard;

static void peer_ignored(struct node *n, struct peer *p)
{
}

static void down_heard(struct node *n, struct peer *p, const char *why)
{
	lsp_peer_down(n, p);
}

static void nothing_of_node(struct node *n)
{
}

static void offer_heard(struct node *n, struct lsp *l, const struct setup_msg *m)
{
	hop_heard.offers++;
	hop_heard.offered = l;
}

static void up_heard(struct node *n, struct lsp *l, const struct reply_msg *m)
{
	hop_heard.up++;
	hop_heard.envelope_len = m->envelope_len;
	memcpy(hop_heard.envelope, m->envelope, m->envelope_len);
}

static void failed_heard(struct node *n, struct lsp *l, uint8_t code, uint32_t tag_from,
                         uint32_t tag_to)
{
	hop_heard.failed++;
	hop_heard.code = code;
	hop_heard.tag_from = tag_from;
	hop_heard.tag_to = tag_to;
}

static void gone_heard(struct node *n, struct lsp *l, uint8_t reason)
{
	hop_heard.gone++;
	hop_heard.reason = reason;
}

static void over_heard(struct node *n, struct lsp *l)
{
	hop_heard.over++;
}

static void unreached_heard(struct node *n, const struct node_id *id)
{
	hop_heard.unreached++;
	hop_heard.dead_end = *id;
}

static const struct news recorder = {
        .peer_up = peer_ignored,
        .peer_down = down_heard,
        .coords_changed = nothing_of_node,
        .grown = nothing_of_node,
        .lsp_offer = offer_heard,
        .lsp_up = up_heard,
        .lsp_failed = failed_heard,
        .lsp_gone = gone_heard,
        .lsp_over = over_heard,
        .unreached = unreached_heard,
};

static void forget_sent(struct hop *b)
{
	struct hop_sent s;

	while (hop_sent(b, &s))
		;
}

void hop_open(struct hop *b, uint64_t seed)
{
	*b = (struct hop){.set = 0};
	hop_heard = (struct hop_heard){.offers = 0};
	ground_open(&b->g, seed);
	b->n = ground_node(&b->g, &recorder);
	assert_int_equal(b->n->cfg.workers, HOP_WORKERS);
	assert_int_equal(peers_new(b->n), 0);
	assert_int_equal(anchor_new(b->n), 0);
	assert_int_equal(tables_new(b->n), 0);
	for (unsigned i = 0; i < HOP_PEERS; i++) {
		struct node_link_cfg cfg = {.io = {.link = (uint16_t)i, .mtu = HOP_MTU(i)},
		                            .name = "one"};
		struct linkmsg_hello m = {.epoch = 1, .mtu = 1500};

		rng_fill(&b->g.rng, m.id.b, ID_BYTES);
		assert_int_equal(peer_add(b->n, &cfg), 0);
		b->p[i] = peer_by_link(b->n, (uint16_t)i);
		peer_hello_rx(b->n, b->p[i], &m);
		assert_true(peer_up(b->p[i]));
		/* The probe is answered. */
		b->p[i]->mtu = HOP_MTU(i);
		peer_probe_stop(b->n, b->p[i]);
	}
	hop_workers_done(b);
	forget_sent(b);
}

void hop_close(struct hop *b)
{
	for (unsigned i = 0; i < HOP_PEERS; i++)
		assert_int_equal(b->p[i]->labels.granted, 0);
	tables_free(b->n);
	anchor_free(b->n);
	peers_free(b->n);
	ctx_destroy(b->n);
	ground_close(&b->g);
}

static bool read_local(struct hop_sent *s, struct rd *r)
{
	struct linkmsg_head head;
	struct rd body;

	assert_true(linkmsg_next(r, &head, &body));
	s->local = head.type;
	switch (head.type) {
	case LINKMSG_TEAR:
	case LINKMSG_TEAR_ACK:
		assert_true(linkmsg_tear_read(&body, &s->tear));
		return true;
	case LINKMSG_GRANT:
		assert_true(linkmsg_grant_read(&body, &s->grant));
		return true;
	case LINKMSG_MTU:
		assert_true(linkmsg_mtu_read(&body, &s->mtu));
		return true;
	case LINKMSG_ERROR:
		assert_true(linkmsg_error_read(&body, &s->error));
		return true;
	default:
		return false;
	}
}

/* What of a packet is about a tunnel goes into *s. False: nothing. */
static bool read_packet(struct hop_sent *s, const struct cp_send *c)
{
	struct rd r = rd_init(c->data, c->len);
	struct route_ext e;
	uint8_t ttl;
	int channel;

	*s = (struct hop_sent){.to = c->link};
	assert_true(control_stack_read(&r, &s->tunnel_label, &ttl));
	channel = ach_read(&r);
	if (channel == ACH_LINKLOCAL)
		return read_local(s, &r);
	assert_true(c->len <= CONTROL_PACKET_MAX);
	assert_int_equal(channel, ACH_ROUTED);
	assert_true(routed_header_read(&r, &s->h));
	s->next = s->h.next;
	if (s->next == NEXT_ROUTE) {
		assert_true(route_ext_read(&r, &e));
		s->next = e.next;
	}
	if (s->next == NEXT_SETUP)
		assert_true(setup_read(&r, &s->setup));
	if (s->next == NEXT_REPLY)
		assert_true(reply_read(&r, &s->reply));
	return true;
}

bool hop_sent(struct hop *b, struct hop_sent *s)
{
	static struct node_output out; /* envelopes are read in place */

	while (node_output(b->n, &out)) {
		const struct cp_cmd *c = &out.u.command.cmd;

		if (out.type != OUT_COMMAND)
			continue;
		b->set += c->type == CMD_ILM_SET;
		b->del += c->type == CMD_ILM_DEL;
		if (c->type == CMD_ILM_SET)
			b->entry[c->u.ilm.in_link] = c->u.ilm;
		if (c->type == CMD_SEND && read_packet(s, &c->u.send))
			return true;
	}
	return false;
}

void hop_expect(struct hop *b, unsigned to, uint8_t local, struct hop_sent *s)
{
	assert_true(hop_sent(b, s));
	assert_int_equal(s->local, local);
	assert_int_equal(s->to, to);
}

void hop_expect_routed(struct hop *b, unsigned to, uint8_t next, struct hop_sent *s)
{
	hop_expect(b, to, 0, s);
	assert_int_equal(s->next, next);
}

void hop_expect_nothing(struct hop *b)
{
	struct hop_sent s;

	assert_false(hop_sent(b, &s));
}

void hop_workers_done(struct hop *b)
{
	ground_acknowledge(b->n);
}

void hop_pass(struct hop *b, int64_t ns)
{
	ground_pass(b->n, ns, PART_LSP, lsp_timer);
}

void hop_setup(struct hop *b, unsigned from, const struct routed_header *h,
               const struct setup_msg *m)
{
	uint8_t buf[2048];
	struct wr w = wr_init(buf, sizeof(buf));
	struct route_ext e;
	struct route_query q = {.dst = &h->dst, .ext = &e, .from = b->p[from], .hops = 200};
	const struct route_tables tables = route_tables(b->n);
	struct rd r;

	setup_write(&w, m);
	assert_true(wr_ok(&w));
	r = rd_init(buf, wr_len(&w));
	route_ext_begin(&tables, &e, NEXT_SETUP, NULL, 0);
	lsp_setup_rx(b->n, &q, h, &r);
}

struct node_id hop_source(void)
{
	return (struct node_id){{0xaa, 0xbb}};
}

struct lsp *hop_pending(struct hop *b, uint64_t nonce)
{
	struct routed_header h = {.next = NEXT_SETUP, .src = hop_source(), .dst = b->p[1]->id};
	struct setup_msg m = {.mtu = 1400,
	                      .nonce = nonce,
	                      .hops = 2,
	                      .nrecord = 2,
	                      .reverse_label = 1000,
	                      .record = {id_tag(&h.src), id_tag(&b->p[0]->id)}};
	struct lsp *l;

	hop_setup(b, 0, &h, &m);
	l = lsp_find(b->n, nonce, &h.src);
	assert_non_null(l);
	assert_int_equal(l->state, LSP_PENDING);
	assert_ptr_equal(l->up, b->p[0]);
	assert_ptr_equal(l->down, b->p[1]);
	forget_sent(b);
	return l;
}

void hop_reply(struct hop *b, unsigned from, const struct lsp *l, uint32_t label)
{
	uint8_t buf[CONTROL_PACKET_MAX], envelope[3] = {1, 2, 3};
	struct wr w = wr_init(buf, sizeof(buf));
	struct routed_header h = {.next = NEXT_REPLY, .src = l->dst, .dst = l->src};
	struct reply_msg m = {.mtu = 1350,
	                      .nonce = l->nonce,
	                      .hops_first = 7,
	                      .hops = 1,
	                      .forward_label = label,
	                      .envelope = envelope,
	                      .envelope_len = sizeof(envelope)};
	struct rd r;

	reply_write(&w, &m);
	assert_true(wr_ok(&w));
	r = rd_init(buf, wr_len(&w));
	lsp_reply_rx(b->n, b->p[from], &h, &r);
}

struct lsp *hop_up(struct hop *b, uint64_t nonce)
{
	struct lsp *l = hop_pending(b, nonce);

	hop_reply(b, 1, l, 2000);
	hop_workers_done(b);
	assert_int_equal(l->state, LSP_UP);
	forget_sent(b);
	return l;
}

struct lsp *hop_begin(struct hop *b, uint8_t flags)
{
	struct lsp_request q = {
	        .dst = b->p[1]->id, .flags = flags, .session = UINT32_MAX, .worker = 2};
	struct lsp *l = NULL;

	assert_int_equal(lsp_build(b->n, &q, &l), 0);
	return l;
}
