/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker in miniature: commands in, frames switched, the rest punted. */
#include "miniworker.h"
#include "base/be.h"
#include "wire/link.h"
#include "wire/lse.h"
#include "wire/tunnel.h"

#define PROBE_BYTES       (4 + TUNNEL_HEADER_BYTES + 100)
#define UNKNOWN_PUNT_NS   (100 * NS_PER_MS)
#define WIRE_ADDR_FAMILY4 4

static const char *const drop_names[MW_DROPS] = {
        "no link",       "no remote", "no sending key", "bad receiver index",
        "bad key",       "plain",     "malformed",      "link not open",
        "unknown label", "ttl",       "no session",     "session key",
        "too many held", "sink",      "too long"};

const char *mw_drop_name(enum mw_drop d)
{
	return d < MW_DROPS ? drop_names[d] : "?";
}

struct miniworker *mw_new(const struct mw_ops *ops, uint32_t addr)
{
	struct miniworker *w = mem_new(sizeof(*w));

	w->ops = *ops;
	w->addr = addr;
	w->unknown_at = -UNKNOWN_PUNT_NS;
	return w;
}

void mw_free(struct miniworker *w)
{
	for (unsigned i = 0; i < w->nunproven; i++)
		free(w->unproven[i].f);
	if (!w)
		return;
	for (uint32_t i = 0; i < w->nlinks; i++)
		mw_link_clear(&w->link[i]);
	for (uint32_t i = 0; i < w->nsessions; i++)
		mw_session_del(w, i);
	free(w->link);
	free(w->session);
	free(w->counted);
	free(w);
}

static void drop(struct miniworker *w, struct frame *f, bool at_end, enum mw_drop why)
{
	w->drops[why]++;
	if (f->probe != FRAME_NO_PROBE)
		w->ops.probe(w->ops.arg, f, NULL, at_end, why);
	free(f);
}

/* ---- counts of data per link, reported to control from time to time ---- */
static void count(struct miniworker *w, uint16_t link, uint32_t rx, uint32_t tx)
{
	struct mw_link *l = &w->link[link];

	l->rx_data += rx;
	l->tx_data += tx;
	if (l->told)
		return;
	l->told = true;
	if (w->ncounted == w->countedcap) {
		w->countedcap = w->countedcap ? w->countedcap * 2 : 8;
		w->counted = mem_resize(w->counted, w->countedcap * sizeof(*w->counted));
	}
	w->counted[w->ncounted++] = link;
	if (w->ncounted == 1)
		w->ops.counted(w->ops.arg);
}

bool mw_take_counts(struct miniworker *w, uint16_t *link, uint32_t *rx, uint32_t *tx)
{
	struct mw_link *l;

	if (w->ncounted == 0)
		return false;
	*link = w->counted[--w->ncounted];
	l = &w->link[*link];
	*rx = l->rx_data;
	*tx = l->tx_data;
	l->rx_data = l->tx_data = 0;
	l->told = false;
	return true;
}

/* ---- sending ---- */

/* 192.0.2.0/24 is a place where nobody is. */
static bool nowhere(const struct mw_link *l)
{
	return l->cfg.family == 4 && be32_load(l->cfg.remote_addr) >> 8 == 0xc00002;
}

/* Frames f for the link and hands it to the wire; a named address is not looked at. */
static void transmit_anywhere(struct miniworker *w, uint16_t link, struct frame *f)
{
	struct mw_link *l = mw_link_at(w, link);

	if (!l) {
		drop(w, f, false, MW_DROP_NO_LINK);
		return;
	}
	if (!f->raw && f->len > l->cfg.mtu && lse_label(be32_load(f->data)) != LABEL_GAL) {
		drop(w, f, false, MW_DROP_MTU);
		return;
	}
	if (!f->raw && l->cfg.sealed) {
		if (!l->has_tx) {
			drop(w, f, false, MW_DROP_NO_TX_KEY);
			return;
		}
		f->sealed = 1;
		f->receiver = l->tx.index;
		f->counter = l->counter++;
		memcpy(f->key, l->tx.key, sizeof(f->key));
	} else {
		f->sealed = 0;
	}
	f->family = l->cfg.type == LINK_ETHERNET ? 0 : WIRE_ADDR_FAMILY4;
	f->port = l->cfg.local_port;
	be32_store(f->addr, w->addr);
	f->mac[0] = 2;
	f->mac[1] = (uint8_t)link;
	be32_store(f->mac + 2, w->addr);
	w->ops.transmit(w->ops.arg, link, f);
}

/* To the link's remote. */
static void transmit(struct miniworker *w, uint16_t link, struct frame *f)
{
	struct mw_link *l = mw_link_at(w, link);

	if (l && nowhere(l))
		drop(w, f, false, MW_DROP_NO_LINK);
	else
		transmit_anywhere(w, link, f);
}

/* Pushes the bottom label of a session's tunnel and transmits. */
static void session_transmit(struct miniworker *w, const struct mw_session *s, struct frame *f,
                             uint8_t ttl)
{
	struct mw_link *l = mw_link_at(w, s->cfg.out_link);

	be32_store(f->data, lse_make(s->cfg.out_label, TC_BE_NOT_ECT, true, ttl ? ttl : TTL_START));
	if (l && !l->open) {
		drop(w, f, false, MW_DROP_CLOSED);
		return;
	}
	if (l)
		count(w, s->cfg.out_link, 0, 1);
	transmit(w, s->cfg.out_link, f);
}

static void session_seal(struct mw_session *s, struct frame *f, uint8_t type)
{
	struct tunnel_header h = {.type = type, .phase = s->tx.index & 3, .counter = s->counter++};

	tunnel_header_put(f->data + 4, &h, f->len - 4 + TUNNEL_TAG_BYTES);
	f->skeyed = 1;
	memcpy(f->skey, s->tx.key, sizeof(f->skey));
}

static void session_flush(struct miniworker *w, struct mw_session *s)
{
	if (!s->has_tx || s->cfg.out_label == LABEL_NONE)
		return;
	for (unsigned i = 0; i < s->nout; i++) {
		session_seal(s, s->out[i], TUNNEL_DATA);
		session_transmit(w, s, s->out[i], 0);
	}
	s->nout = 0;
}

/* Tells control when local use of a session begins and ends. */
static void session_use(struct miniworker *w, struct mw_session *s, bool on)
{
	if (s->in_use == on)
		return;
	s->in_use = on;
	memset(&w->ev, 0, offsetof(struct dp_event, u) + sizeof(w->ev.u.idle));
	w->ev.type = EVT_SESSION_IDLE;
	w->ev.u.idle.session = s->cfg.session;
	w->ev.u.idle.idle = !on;
	w->ops.event(w->ops.arg, &w->ev);
}

/* Data is held: control is asked for a tunnel, once a second. */
static void session_want(struct miniworker *w, struct mw_session *s)
{
	if (s->wanted_at && w->now - s->wanted_at < NS_PER_S)
		return;
	s->wanted_at = w->now;
	memset(&w->ev, 0, offsetof(struct dp_event, u) + sizeof(w->ev.u.want));
	w->ev.type = EVT_WANT;
	w->ev.u.want.remote = s->cfg.remote;
	w->ops.event(w->ops.arg, &w->ev);
}

static struct mw_session *session_of(struct miniworker *w, const struct node_id *remote)
{
	for (uint32_t i = 0; i < w->nsessions; i++)
		if (w->session[i] && id_eq(&w->session[i]->cfg.remote, remote))
			return w->session[i];
	return NULL;
}

const struct mw_session *mw_session_of(struct miniworker *w, const struct node_id *remote)
{
	return session_of(w, remote);
}

void mw_release(struct miniworker *w, const struct node_id *remote, struct instant now)
{
	struct mw_session *s = session_of(w, remote);

	w->now = now.ns;
	if (s)
		session_use(w, s, false);
}

bool mw_inject(struct miniworker *w, const struct node_id *remote, uint32_t probe,
               struct instant now)
{
	struct mw_session *s = session_of(w, remote);
	struct frame *f;

	w->now = now.ns;
	if (!s)
		return false;
	session_use(w, s, true);
	f = frame_new(PROBE_BYTES);
	memset(f->data, 0, f->len);
	f->probe = probe;
	be32_store(f->data + 4 + TUNNEL_HEADER_BYTES, probe);
	if (s->nout == MW_HELD_MAX) {
		drop(w, f, false, MW_DROP_HELD);
		return true;
	}
	s->out[s->nout++] = f;
	session_flush(w, s);
	if (s->nout)
		session_want(w, s);
	return true;
}

static void exec_send(struct miniworker *w, const struct cp_send *c)
{
	struct mw_link *l = mw_link_at(w, c->link);
	struct frame *f = frame_new(c->len);

	f->raw = c->raw != 0;
	memcpy(f->data, c->data, c->len);
	if (l && l->cfg.type != LINK_ETHERNET && l->cfg.family == 0 && !c->has_addr) {
		drop(w, f, false, MW_DROP_NO_REMOTE);
		return;
	}
	if (c->has_addr)
		transmit_anywhere(w, c->link, f);
	else
		transmit(w, c->link, f);
}

static void exec_send_session(struct miniworker *w, const struct cp_send_session *c)
{
	struct mw_session *s = mw_session_at(w, c->session);
	struct frame *f = frame_new(4 + TUNNEL_HEADER_BYTES + c->len);

	memcpy(f->data + 4 + TUNNEL_HEADER_BYTES, c->data, c->len);
	if (!s || s->cfg.out_label == LABEL_NONE) {
		drop(w, f, false, MW_DROP_NO_SESSION);
		return;
	}
	if (c->clear) {
		struct tunnel_header h = {.type = c->tunnel_type, .counter = c->number};

		tunnel_header_put(f->data + 4, &h, f->len - 4);
	} else if (s->has_tx) {
		session_seal(s, f, c->tunnel_type);
	} else {
		drop(w, f, false, MW_DROP_SESSION_KEY);
		return;
	}
	session_transmit(w, s, f, c->ttl);
}

/* ---- events to control ---- */

/* f's bytes from `from` on. */
static void punt(struct miniworker *w, uint16_t link, const struct frame *f, uint32_t from,
                 enum punt_reason why, const struct dp_packet *more)
{
	struct dp_event *e = &w->ev;
	struct dp_packet *p = &e->u.packet;
	uint32_t n = f->len - from;

	memset(e, 0, offsetof(struct dp_event, u) + offsetof(struct dp_packet, data));
	e->type = EVT_PACKET;
	p->link = link;
	p->reason = (uint8_t)why;
	p->in_label = more ? more->in_label : LABEL_NONE;
	p->session = more ? more->session : 0;
	p->number = more ? more->number : 0;
	p->authenticated = more ? more->authenticated : 0;
	p->len = (uint16_t)(n < CPDP_PACKET_MAX ? n : CPDP_PACKET_MAX);
	p->family = f->family;
	p->addr_port = f->port;
	memcpy(p->addr, f->addr, sizeof(f->addr));
	memcpy(p->mac, f->mac, sizeof(f->mac));
	memcpy(p->data, f->data + from, p->len);
	w->punted++;
	w->ops.event(w->ops.arg, e);
}

static void learn(struct miniworker *w, struct mw_link *l, uint16_t link, const struct frame *f)
{
	struct dp_event *e = &w->ev;

	if (f->family == 0 || (l->cfg.family == f->family && l->cfg.remote_port == f->port &&
	                       memcmp(l->cfg.remote_addr, f->addr, sizeof(f->addr)) == 0))
		return;
	memset(e, 0, offsetof(struct dp_event, u) + sizeof(e->u.learnt));
	e->type = EVT_LINK_LEARNT;
	e->u.learnt.link = link;
	e->u.learnt.port = f->port;
	e->u.learnt.family = f->family;
	memcpy(e->u.learnt.addr, f->addr, sizeof(f->addr));
	w->ops.event(w->ops.arg, e);
}

/* The first packet under a receiver index: the neighbour holds the keys that go with it. */
static void key_used(struct miniworker *w, uint16_t link, struct mw_rx *x)
{
	struct dp_event *e = &w->ev;

	x->used = true;
	memset(e, 0, offsetof(struct dp_event, u) + sizeof(e->u.key));
	e->type = EVT_SESSION_USED;
	e->u.key.session = UINT32_MAX;
	e->u.key.link = link;
	e->u.key.index = x->index;
	w->ops.event(w->ops.arg, e);
}

/* ---- receiving ---- */
/* Data under a label without a session: the oldest frame gives way. */
static void hold_unproven(struct miniworker *w, uint16_t link, uint32_t label, struct frame *f)
{
	if (w->nunproven == MW_HELD_MAX) {
		drop(w, w->unproven[0].f, true, MW_DROP_HELD);
		memmove(w->unproven, w->unproven + 1, --w->nunproven * sizeof(w->unproven[0]));
	}
	w->unproven[w->nunproven++] = (struct mw_unproven){f, label, link};
}

/* The session of a label is known now: what waited under it waits for the session's key. */
static void take_proven(struct miniworker *w, struct mw_session *s, uint16_t link, uint32_t label)
{
	unsigned left = 0;

	for (unsigned i = 0; i < w->nunproven; i++) {
		struct mw_unproven u = w->unproven[i];

		if (u.link != link || u.label != label) {
			w->unproven[left++] = u;
		} else if (s->nin == MW_HELD_MAX) {
			drop(w, u.f, true, MW_DROP_HELD);
		} else {
			s->in_link[s->nin] = link;
			s->in_label[s->nin] = label;
			s->in[s->nin++] = u.f;
		}
	}
	w->nunproven = left;
}

static void session_receive(struct miniworker *w, uint16_t link, uint32_t label, uint32_t index,
                            struct frame *f)
{
	struct mw_session *s = mw_session_at(w, index);
	struct dp_packet more = {.in_label = label, .session = index};
	struct tunnel_header h;
	size_t total;
	uint32_t tag = f->skeyed ? TUNNEL_TAG_BYTES : 0;

	/* The tag is not carried, its bytes count in the header's length. */
	if (f->len < 4 + TUNNEL_HEADER_BYTES ||
	    !tunnel_header_get(f->data + 4, f->len - 4 + tag, &h, &total)) {
		drop(w, f, true, MW_DROP_MALFORMED);
		return;
	}
	if (h.type == TUNNEL_HANDSHAKE || h.type == TUNNEL_OAM_CLEAR) {
		bool hs = h.type == TUNNEL_HANDSHAKE;

		f->len = 4 + (uint32_t)total;
		more.number = (uint8_t)h.counter;
		punt(w, link, f, hs ? 4 : 4 + TUNNEL_HEADER_BYTES, hs ? PUNT_SESSION_HS : PUNT_OAM,
		     &more);
		free(f);
		return;
	}
	if (index == CP_SESSION_NONE) {
		hold_unproven(w, link, label, f);
		return;
	}
	if (!s || !s->has_rx[h.phase]) {
		if (!s || s->nin == MW_HELD_MAX) {
			drop(w, f, true, s ? MW_DROP_HELD : MW_DROP_NO_SESSION);
			return;
		}
		s->in_link[s->nin] = link;
		s->in_label[s->nin] = label;
		s->in[s->nin++] = f;
		return;
	}
	if (!f->skeyed || memcmp(f->skey, s->rx[h.phase].key, sizeof(f->skey)) != 0) {
		drop(w, f, true, MW_DROP_SESSION_KEY);
		return;
	}
	if (!s->used_rx[h.phase]) {
		memset(&w->ev, 0, offsetof(struct dp_event, u) + sizeof(w->ev.u.key));
		s->used_rx[h.phase] = true;
		w->ev.type = EVT_SESSION_USED;
		w->ev.u.key.session = index;
		w->ev.u.key.index = h.phase;
		w->ops.event(w->ops.arg, &w->ev);
	}
	if (h.type == TUNNEL_OAM) {
		more.authenticated = 1;
		f->len = 4 + (uint32_t)total - tag;
		punt(w, link, f, 4 + TUNNEL_HEADER_BYTES, PUNT_OAM, &more);
	} else if (f->probe != FRAME_NO_PROBE) {
		session_use(w, s, true);
		w->ops.probe(w->ops.arg, f, &s->cfg.remote, true, 0);
	}
	free(f);
}

static void sink_receive(struct miniworker *w, uint16_t link, uint32_t label, struct frame *f)
{
	struct dp_packet more = {.in_label = label, .session = UINT32_MAX};
	struct tunnel_header h;
	size_t total;

	if (f->len < 4 + TUNNEL_HEADER_BYTES || f->skeyed ||
	    !tunnel_header_get(f->data + 4, f->len - 4, &h, &total) || h.type != TUNNEL_OAM_CLEAR) {
		drop(w, f, true, MW_DROP_SINK);
		return;
	}
	f->len = 4 + (uint32_t)total;
	punt(w, link, f, 4 + TUNNEL_HEADER_BYTES, PUNT_OAM, &more);
	free(f);
}

static void label_receive(struct miniworker *w, struct mw_link *l, uint16_t link, struct frame *f,
                          uint32_t lse, bool authenticated)
{
	struct dp_packet more = {.in_label = lse_label(lse), .authenticated = authenticated};
	struct mw_ilm *e = mw_ilm_find(w, link, lse_label(lse));
	struct mw_link *out;

	if (!l->open || !e) {
		if (l->open && w->now - w->unknown_at >= UNKNOWN_PUNT_NS) {
			w->unknown_at = w->now;
			punt(w, link, f, 0, PUNT_UNKNOWN_LABEL, &more);
		}
		drop(w, f, false, l->open ? MW_DROP_UNKNOWN_LABEL : MW_DROP_CLOSED);
		return;
	}
	e->used = w->now;
	e->packets++;
	e->bytes += f->len;
	if (e->op != ILM_SWAP) {
		if (e->op == ILM_SESSION)
			session_receive(w, link, lse_label(lse), e->session, f);
		else
			sink_receive(w, link, lse_label(lse), f);
		return;
	}
	if (lse_ttl(lse) <= 1) {
		punt(w, link, f, 0, PUNT_TTL, &more);
		drop(w, f, false, MW_DROP_TTL);
		return;
	}
	out = mw_link_at(w, e->out_link);
	if (!out || !out->open) {
		drop(w, f, false, out ? MW_DROP_CLOSED : MW_DROP_NO_LINK);
		return;
	}
	be32_store(f->data, lse_make(e->out_label, lse_tc(lse), lse_bottom(lse), lse_ttl(lse) - 1));
	w->switched++;
	count(w, e->out_link, 0, 1);
	transmit(w, e->out_link, f);
}

void mw_receive(struct miniworker *w, uint16_t link, struct frame *f, struct instant now)
{
	struct mw_link *l = mw_link_at(w, link);
	struct dp_packet more = {.in_label = LABEL_NONE, .authenticated = 1};
	struct link_header h;
	uint32_t lse;

	w->now = now.ns;
	if (!l) {
		drop(w, f, false, MW_DROP_NO_LINK);
		return;
	}
	if (f->raw) {
		if (l->cfg.sealed && link_header_get(f->data, f->len, &h) && h.type != LINK_DATA)
			punt(w, link, f, 0, PUNT_HANDSHAKE, NULL);
		else
			w->drops[MW_DROP_MALFORMED]++;
		free(f);
		return;
	}
	if (l->cfg.sealed) {
		struct mw_rx *x = f->sealed ? mw_rx_find(l, f->receiver) : NULL;

		if (!x || memcmp(x->key, f->key, sizeof(f->key)) != 0) {
			drop(w, f, false,
			     x           ? MW_DROP_BAD_KEY
			     : f->sealed ? MW_DROP_BAD_INDEX
			                 : MW_DROP_PLAIN_ON_SEALED);
			return;
		}
		if (!x->used)
			key_used(w, link, x);
		learn(w, l, link, f);
	} else if (f->sealed) {
		drop(w, f, false, MW_DROP_MALFORMED);
		return;
	}
	if (f->len < LSE_BYTES) {
		drop(w, f, false, MW_DROP_MALFORMED);
		return;
	}
	lse = be32_load(f->data);
	if (lse_label(lse) == LABEL_ROUTER_ALERT && !l->open) {
		drop(w, f, false, MW_DROP_CLOSED);
		return;
	}
	if (lse_label(lse) == LABEL_GAL ||
	    (lse_label(lse) == LABEL_ROUTER_ALERT && !lse_bottom(lse))) {
		punt(w, link, f, 0, PUNT_CONTROL, &more);
		free(f);
	} else if (lse_label(lse) <= LABEL_RESERVED_MAX) {
		drop(w, f, false, MW_DROP_MALFORMED);
	} else {
		count(w, link, 1, 0);
		label_receive(w, l, link, f, lse, true);
	}
}

/* ---- commands ---- */
static void exec_session(struct miniworker *w, const struct cp_cmd *c)
{
	struct mw_session *s;
	unsigned phase = c->u.key.index & 3, n;

	switch (c->type) {
	case CMD_SESSION_SET:
		s = mw_session_make(w, c->u.session.session);
		s->cfg = c->u.session;
		if (c->u.session.in_label)
			take_proven(w, s, c->u.session.in_link, c->u.session.in_label);
		session_flush(w, s);
		return;
	case CMD_SESSION_DEL:
		mw_session_del(w, c->u.session.session);
		return;
	default:
		break;
	}
	s = mw_session_make(w, c->u.key.session);
	if (c->type == CMD_SESSION_TX_KEY) {
		/* One that waits for its first use comes again when control has heard of that. */
		if (c->u.key.link == CP_KEY_WHEN_USED ||
		    (s->has_tx && memcmp(s->tx.key, c->u.key.key, sizeof(s->tx.key)) == 0))
			return;
		s->tx = c->u.key;
		s->has_tx = true;
		s->counter = 0;
		session_flush(w, s);
	} else if (c->type == CMD_SESSION_RX_DEL) {
		s->has_rx[phase] = false;
	} else {
		s->rx[phase] = c->u.key;
		s->has_rx[phase] = true;
		s->used_rx[phase] = false;
		n = s->nin;
		s->nin = 0;
		for (unsigned i = 0; i < n; i++)
			session_receive(w, s->in_link[i], s->in_label[i], c->u.key.session,
			                s->in[i]);
	}
}

static void exec_query(struct miniworker *w, const struct cp_cmd *c)
{
	const struct mw_ilm *e = mw_ilm_find(w, c->u.ilm.in_link, c->u.ilm.in_label);

	memset(&w->ev, 0, offsetof(struct dp_event, u) + sizeof(w->ev.u.use));
	w->ev.type = EVT_LABEL_USE;
	w->ev.cookie = c->cookie;
	w->ev.u.use.link = c->u.ilm.in_link;
	w->ev.u.use.label = c->u.ilm.in_label;
	w->ev.u.use.idle_ns = e && e->used >= 0 ? w->now - e->used : -1;
	w->ev.u.use.packets = e ? e->packets : 0;
	w->ev.u.use.bytes = e ? e->bytes : 0;
	w->ops.event(w->ops.arg, &w->ev);
}

static void exec_link(struct miniworker *w, const struct cp_cmd *c)
{
	struct mw_link *l;

	switch (c->type) {
	case CMD_LINK_SET:
		mw_link_make(w, c->u.link.link)->cfg = c->u.link;
		return;
	case CMD_LINK_DEL:
		if (mw_link_at(w, c->u.link.link))
			mw_link_clear(&w->link[c->u.link.link]);
		return;
	default:
		break;
	}
	l = mw_link_at(w, c->type == CMD_LINK_REMOTE ? c->u.link.link
	                  : c->type == CMD_LINK_OPEN ? c->u.open.link
	                                             : c->u.key.link);
	if (!l)
		return;
	if (c->type == CMD_LINK_TX_KEY) {
		l->tx = c->u.key;
		l->has_tx = true;
		l->counter = 0;
	} else if (c->type == CMD_LINK_RX_KEY) {
		mw_rx_set(l, &c->u.key);
	} else if (c->type == CMD_LINK_RX_DEL) {
		mw_rx_del(l, c->u.key.index);
	} else if (c->type == CMD_LINK_REMOTE) {
		l->cfg.family = c->u.link.family;
		l->cfg.remote_port = c->u.link.remote_port;
		memcpy(l->cfg.remote_addr, c->u.link.remote_addr, sizeof(l->cfg.remote_addr));
	} else {
		l->open = c->u.open.on != 0;
	}
}

void mw_exec(struct miniworker *w, const struct cp_cmd *c, struct instant now)
{
	struct mw_link *l;

	w->now = now.ns;
	switch (c->type) {
	case CMD_LINK_SET:
	case CMD_LINK_DEL:
	case CMD_LINK_REMOTE:
	case CMD_LINK_TX_KEY:
	case CMD_LINK_RX_KEY:
	case CMD_LINK_RX_DEL:
	case CMD_LINK_OPEN:
		exec_link(w, c);
		break;
	case CMD_ILM_SET:
		l = mw_link_at(w, c->u.ilm.in_link);
		if (l)
			mw_ilm_set(l, &c->u.ilm);
		break;
	case CMD_ILM_DEL:
		l = mw_link_at(w, c->u.ilm.in_link);
		w->bad_removals += !l || !mw_ilm_del(l, c->u.ilm.in_label);
		break;
	case CMD_SESSION_SET:
	case CMD_SESSION_TX_KEY:
	case CMD_SESSION_RX_KEY:
	case CMD_SESSION_RX_DEL:
	case CMD_SESSION_DEL:
		exec_session(w, c);
		break;
	case CMD_SEND:
		exec_send(w, &c->u.send);
		break;
	case CMD_SEND_SESSION:
		exec_send_session(w, &c->u.send_session);
		break;
	case CMD_QUERY_LABEL:
		exec_query(w, c);
		break;
	default: /* unreachable ids, dumps, drains: no local applications here */
		break;
	}
}
