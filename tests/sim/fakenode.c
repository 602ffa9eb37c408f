/* SPDX-License-Identifier: BSD-3-Clause */
/* A node of toys for trying the simulator itself: distance vectors over plain links, tunnels by next hop, keys by arithmetic. */
#include "core/node.h"
#include "crypto/identity.h"
#include "wire/lse.h"

#include <string.h>

#define LINKS    64
#define ROUTES   1024
#define TUNNELS  4096
#define OUTS     4096
#define BEAT_NS  (200 * NS_PER_MS)
#define LIFE_NS  (60 * NS_PER_S)
#define MSG_SIZE 160

enum { MSG_BEAT = 1, MSG_SETUP = 2, MSG_REPLY = 3 };

struct route {
	struct node_id id;
	uint16_t link, dist;
	int64_t at;
};

struct tunnel {
	uint64_t nonce;
	struct node_id src, dst;
	uint16_t in, out; /* links towards src and dst, UINT16_MAX: ends here */
	uint32_t rev_in, rev_out, fwd_in, fwd_out;
	uint32_t session, cookie;
	uint8_t hops;
	int64_t at;
};

/* An output that waits until a command has been executed. */
struct held {
	struct node_output o;
	uint64_t after;
};

struct node {
	struct node_cfg cfg;
	struct node_id id;
	uint32_t nlinks, nroutes, ntunnels, turn;
	struct route route[ROUTES];
	struct tunnel tunnel[TUNNELS];
	struct held out[OUTS];
	uint32_t head, nout;
	uint64_t seq, acked;
	struct instant now;
	int64_t beat_at;
};

void node_cfg_default(struct node_cfg *cfg)
{
	*cfg = (struct node_cfg){.workers = 1,
	                         .tunnel_idle_end_ns = 45 * NS_PER_S,
	                         .tunnel_idle_transit_ns = 60 * NS_PER_S};
}

struct node *node_new(const struct node_cfg *cfg, struct instant now)
{
	struct node *n = cfg->alloc.alloc(cfg->alloc.arg, sizeof(*n));

	n->cfg = *cfg;
	n->id = cfg->identity->id;
	n->now = now;
	n->beat_at = now.ns;
	return n;
}

void node_free(struct node *n)
{
	n->cfg.alloc.free(n->cfg.alloc.arg, n);
}

static struct node_output *put(struct node *n, uint64_t after)
{
	struct held *h = &n->out[(n->head + n->nout++) % OUTS];

	memset(h, 0, sizeof(*h));
	h->after = after;
	return &h->o;
}

/* Commands stay in order; a send that waits for an acknowledgement is numbered when it leaves. */
static struct cp_cmd *command(struct node *n, uint32_t type, bool wait)
{
	struct node_output *o = put(n, wait ? UINT64_MAX : 0);

	o->type = OUT_COMMAND;
	o->u.command.cmd.type = type;
	return &o->u.command.cmd;
}

static uint8_t *message(struct node *n, uint16_t link, uint16_t channel, uint16_t len, bool wait)
{
	struct cp_send *s = &command(n, CMD_SEND, wait)->u.send;

	s->link = link;
	s->len = (uint16_t)(8 + len);
	be32_store(s->data, lse_make(LABEL_GAL, TC_CONTROL, true, 1));
	be32_store(s->data + 4, 0x10000000u | channel);
	return s->data + 8;
}

static struct route *route_of(struct node *n, const struct node_id *id)
{
	for (uint32_t i = 0; i < n->nroutes; i++)
		if (id_eq(&n->route[i].id, id))
			return &n->route[i];
	return NULL;
}

static void route_learn(struct node *n, const struct node_id *id, uint16_t link, uint16_t dist)
{
	struct route *r = route_of(n, id);

	if (id_eq(id, &n->id))
		return;
	if (!r && n->nroutes < ROUTES) {
		r = &n->route[n->nroutes++];
		r->id = *id;
		r->dist = UINT16_MAX;
	}
	if (r && (dist < r->dist || r->link == link || n->now.ns - r->at > 3 * NS_PER_S)) {
		r->link = link;
		r->dist = dist;
		r->at = n->now.ns;
	}
}

static void beat(struct node *n)
{
	for (uint16_t l = 0; l < n->nlinks; l++) {
		uint8_t *p = message(n, l, 0x7FF9, 4 + 66 * 17, false);

		p[0] = MSG_BEAT;
		p[3] = 17;
		for (uint32_t k = 0; k < 17; k++) {
			uint8_t *row = p + 4 + 66 * k;
			struct route *r =
			        k && n->nroutes ? &n->route[n->turn++ % n->nroutes] : NULL;

			memcpy(row, r ? r->id.b : n->id.b, ID_BYTES);
			be16_store(row + ID_BYTES, r ? r->dist : 0);
		}
	}
}

static uint32_t label(struct node *n)
{
	return 16 + (uint32_t)rng_below(&n->cfg.rng, LABEL_MAX - 16);
}

static void program(struct node *n, uint16_t in, uint32_t in_label, uint16_t out,
                    uint32_t out_label, uint32_t session)
{
	struct cp_ilm *e = &command(n, CMD_ILM_SET, false)->u.ilm;

	*e = (struct cp_ilm){.in_link = in,
	                     .in_label = in_label,
	                     .op = out == UINT16_MAX ? ILM_SESSION : ILM_SWAP,
	                     .out_link = out,
	                     .out_label = out_label,
	                     .session = session,
	                     .twin_label = LABEL_NONE};
}

static void session(struct node *n, const struct tunnel *t, const struct node_id *remote,
                    uint16_t link, uint32_t out)
{
	struct cp_session *s = &command(n, CMD_SESSION_SET, false)->u.session;

	*s = (struct cp_session){
	        .session = t->session, .out_link = link, .out_label = out, .remote = *remote};
	for (unsigned rx = 0; rx < 2; rx++) {
		struct cp_lane_key *k =
		        &command(n, rx ? CMD_SESSION_RX_KEY : CMD_SESSION_TX_KEY, false)->u.key;

		k->session = t->session;
		for (unsigned i = 0; i < 32; i++)
			k->key[i] = rx ? remote->b[i] ^ n->id.b[32 + i]
			               : n->id.b[i] ^ remote->b[32 + i];
	}
}

static struct tunnel *tunnel_new(struct node *n, uint64_t nonce, const struct node_id *src,
                                 const struct node_id *dst)
{
	struct tunnel *t = &n->tunnel[n->ntunnels];

	if (n->ntunnels == TUNNELS)
		return NULL;
	*t = (struct tunnel){.nonce = nonce,
	                     .src = *src,
	                     .dst = *dst,
	                     .in = UINT16_MAX,
	                     .out = UINT16_MAX,
	                     .session = n->ntunnels++,
	                     .at = n->now.ns};
	return t;
}

static void send_setup(struct node *n, const struct tunnel *t, uint32_t rev)
{
	uint8_t *p = message(n, t->out, 0x7FF8, MSG_SIZE, true);

	p[0] = MSG_SETUP;
	p[1] = (uint8_t)(t->hops + 1);
	be64_store(p + 4, t->nonce);
	be32_store(p + 12, rev);
	memcpy(p + 16, t->src.b, ID_BYTES);
	memcpy(p + 16 + ID_BYTES, t->dst.b, ID_BYTES);
}

static void send_reply(struct node *n, const struct tunnel *t, uint8_t hops)
{
	uint8_t *p = message(n, t->in, 0x7FF8, MSG_SIZE, true);

	p[0] = MSG_REPLY;
	p[1] = hops;
	be64_store(p + 4, t->nonce);
	be32_store(p + 12, t->fwd_in);
}

static void on_setup(struct node *n, uint16_t link, const uint8_t *p)
{
	struct node_id src, dst;
	struct tunnel *t;
	struct route *r;

	memcpy(src.b, p + 16, ID_BYTES);
	memcpy(dst.b, p + 16 + ID_BYTES, ID_BYTES);
	r = route_of(n, &dst);
	t = tunnel_new(n, be64_load(p + 4), &src, &dst);
	if (!t)
		return;
	t->in = link;
	t->rev_out = be32_load(p + 12);
	t->hops = p[1];
	if (id_eq(&dst, &n->id)) {
		t->fwd_in = label(n);
		session(n, t, &src, link, t->rev_out);
		program(n, link, t->fwd_in, UINT16_MAX, 0, t->session);
		send_reply(n, t, t->hops);
	} else if (r) {
		t->out = r->link;
		t->rev_in = label(n);
		program(n, t->out, t->rev_in, t->in, t->rev_out, 0);
		send_setup(n, t, t->rev_in);
	}
}

static void on_reply(struct node *n, uint16_t link, const uint8_t *p)
{
	struct tunnel *t = NULL;
	struct node_answer *a;

	for (uint32_t i = 0; i < n->ntunnels && !t; i++)
		if (n->tunnel[i].nonce == be64_load(p + 4) && n->tunnel[i].out == link)
			t = &n->tunnel[i];
	if (!t)
		return;
	t->fwd_out = be32_load(p + 12);
	if (t->in != UINT16_MAX) {
		t->fwd_in = label(n);
		program(n, t->in, t->fwd_in, t->out, t->fwd_out, 0);
		send_reply(n, t, p[1]);
		return;
	}
	session(n, t, &t->dst, link, t->fwd_out);
	put(n, UINT64_MAX)->type = OUT_ANSWER;
	a = &n->out[(n->head + n->nout - 1) % OUTS].o.u.answer;
	a->type = ANS_CONNECTED;
	a->cookie = t->cookie;
	a->hops = p[1];
	a->setup_ns = n->now.ns - t->at;
}

static void on_packet(struct node *n, const struct dp_packet *p)
{
	const uint8_t *m = p->data + 8;

	if (p->reason != PUNT_CONTROL || p->len < 12)
		return;
	for (unsigned k = 0; m[0] == MSG_BEAT && k < m[3]; k++) {
		struct node_id id;

		memcpy(id.b, m + 4 + 66 * k, ID_BYTES);
		route_learn(n, &id, p->link, (uint16_t)(be16_load(m + 4 + 66 * k + ID_BYTES) + 1));
	}
	if (m[0] == MSG_SETUP)
		on_setup(n, p->link, m);
	else if (m[0] == MSG_REPLY)
		on_reply(n, p->link, m);
}

static void on_request(struct node *n, const struct node_request *q)
{
	struct route *r = route_of(n, &q->id);
	struct tunnel *t = r ? tunnel_new(n, rng_u64(&n->cfg.rng), &n->id, &q->id) : NULL;

	if (!t || q->type != REQ_CONNECT) {
		struct node_output *o = put(n, 0);

		o->type = OUT_ANSWER;
		o->u.answer.type = r && q->type == REQ_LOOKUP ? ANS_LOOKUP : ANS_FAILED;
		o->u.answer.exact = r != NULL;
		o->u.answer.err = 113;
		o->u.answer.cookie = q->cookie;
		return;
	}
	t->cookie = q->cookie;
	t->out = r->link;
	t->rev_in = label(n);
	program(n, t->out, t->rev_in, UINT16_MAX, 0, t->session);
	send_setup(n, t, t->rev_in);
}

void node_input(struct node *n, const struct node_event *ev, struct instant now)
{
	n->now = now;
	if (ev->type == NODE_LINK_ADD) {
		struct cp_cmd *c = command(n, CMD_LINK_SET, false);

		n->nlinks++;
		c->u.link = ev->u.link_add->io;
		c = command(n, CMD_LINK_OPEN, false);
		c->u.open.link = ev->u.link_add->io.link;
		c->u.open.on = 1;
	} else if (ev->type == NODE_WORKER_ACK) {
		n->acked = ev->u.ack.seq;
	} else if (ev->type == NODE_WORKER_EVENT && ev->u.worker->type == EVT_PACKET) {
		on_packet(n, &ev->u.worker->u.packet);
	} else if (ev->type == NODE_REQUEST) {
		on_request(n, ev->u.request);
	}
}

static void expire(struct node *n, struct tunnel *t)
{
	struct cp_ilm *e;

	t->nonce = 0;
	e = &command(n, CMD_ILM_DEL, false)->u.ilm;
	e->in_link = t->in;
	e->in_label = t->fwd_in;
	e = &command(n, CMD_ILM_DEL, false)->u.ilm;
	e->in_link = t->out;
	e->in_label = t->rev_in;
	if (t->in == UINT16_MAX || t->out == UINT16_MAX)
		command(n, CMD_SESSION_DEL, false)->u.session.session = t->session;
}

void node_tick(struct node *n, struct instant now)
{
	n->now = now;
	if (now.ns < n->beat_at)
		return;
	n->beat_at = now.ns + BEAT_NS;
	beat(n);
	for (uint32_t i = 0; i < n->ntunnels; i++)
		if (n->tunnel[i].nonce && now.ns - n->tunnel[i].at > LIFE_NS)
			expire(n, &n->tunnel[i]);
}

struct instant node_deadline(const struct node *n)
{
	return (struct instant){n->beat_at};
}

bool node_output(struct node *n, struct node_output *out)
{
	struct held *h = &n->out[n->head % OUTS];

	if (n->nout == 0)
		return false;
	if (h->after == UINT64_MAX && n->acked < n->seq)
		return false; /* what follows waits too: simple, and order is kept */
	*out = h->o;
	n->head++;
	n->nout--;
	if (out->type == OUT_COMMAND)
		out->u.command.cmd.seq = ++n->seq;
	return true;
}

uint64_t node_command_seq(const struct node *n, uint8_t worker)
{
	return n->seq;
}

long node_snapshot(const struct node *n, void *buf, size_t cap)
{
	return 0;
}

bool node_view_contact(const struct node *n, uint32_t *it, struct instant now,
                       struct node_contact_view *v)
{
	if (*it >= n->nroutes)
		return false;
	*v = (struct node_contact_view){.id = n->route[(*it)++].id};
	return true;
}

bool node_view_tunnel(const struct node *n, uint32_t *it, struct instant now,
                      struct node_tunnel_view *v)
{
	const struct tunnel *t;

	while (*it < n->ntunnels && !n->tunnel[*it].nonce)
		++*it;
	if (*it >= n->ntunnels)
		return false;
	t = &n->tunnel[(*it)++];
	*v = (struct node_tunnel_view){.fwd_in_link = t->in,
	                               .fwd_in_label = t->fwd_in,
	                               .fwd_out_link = t->out,
	                               .fwd_out_label = t->fwd_out,
	                               .rev_in_link = t->out,
	                               .rev_in_label = t->rev_in,
	                               .rev_out_link = t->in,
	                               .rev_out_label = t->rev_out};
	return true;
}

bool node_view_label(const struct node *n, uint32_t *it, struct instant now,
                     struct node_label_view *v)
{
	const struct tunnel *t;

	for (;; ++*it) {
		if (*it / 2 >= n->ntunnels)
			return false;
		t = &n->tunnel[*it / 2];
		if (t->nonce && (*it & 1 ? t->out : t->in) != UINT16_MAX)
			break;
	}
	*v = (struct node_label_view){.link = *it & 1 ? t->out : t->in,
	                              .label = *it & 1 ? t->rev_in : t->fwd_in,
	                              .state = "programmed"};
	++*it;
	return true;
}

void node_stats(const struct node *n, struct node_stats *s)
{
	*s = (struct node_stats){.state_bytes = sizeof(*n), .contacts = n->nroutes};
}
