/* SPDX-License-Identifier: BSD-3-Clause */
/* The twin's half of each command. */
#include "ring_twin.h"

#include "crypto/aead.h"
#include "wire/lse.h"

#include <string.h>

const uint16_t twin_links[TWIN_LINKS + 2] = {0, 1, 7, 4096, 8190, 8191, 8192, UINT16_MAX};
const uint32_t twin_labels[TWIN_LABELS] = {16,    17,        15, 271, 272,           273,
                                           70000, LABEL_MAX, 13, 0,   LABEL_MAX + 1, UINT32_MAX};
const uint32_t twin_index[TWIN_INDEX] = {0, 1, 2, 3, 64, 65, 0x7ffffffe, UINT32_MAX};

struct twin_link *twin_link(struct twin *t, uint32_t number)
{
	for (unsigned i = 0; i < TWIN_LINKS; i++)
		if (twin_links[i] == number && t->link[i].there)
			return &t->link[i];
	return NULL;
}

static struct twin_link *place_of(struct twin *t, uint32_t number)
{
	for (unsigned i = 0; i < TWIN_LINKS; i++)
		if (twin_links[i] == number)
			return &t->link[i];
	return NULL;
}

static bool known_alg(uint8_t alg)
{
	return alg == AEAD_CHACHA20_POLY1305 ||
	       (alg == AEAD_AES256_GCM && aead_available(AEAD_AES256_GCM));
}

static bool same_key(bool there, uint8_t alg, const uint8_t key[32], const struct cp_lane_key *c)
{
	return there && alg == c->alg && memcmp(key, c->key, 32) == 0;
}

static struct twin_key key_of(const struct cp_lane_key *c)
{
	struct twin_key k = {.there = true, .alg = c->alg, .index = c->index};

	memcpy(k.key, c->key, sizeof(k.key));
	return k;
}

/* ---- links ---- */

static bool can_attach(struct twin *t, const struct cp_link *c)
{
	if (c->type == LINK_UDP_SOCKET) {
		bool usable = c->owner != t->worker;

		for (unsigned i = 0; i < RING_SOCKETS; i++)
			usable |= c->fd == t->world->socket[i];
		return usable;
	}
	if (c->port != t->world->port || c->vlan >= 4095)
		return false;
	for (unsigned i = 0; i < TWIN_LINKS; i++) {
		const struct twin_link *l = &t->link[i];

		if (l->there && l->cfg.type == LINK_ETHERNET && twin_links[i] != c->link &&
		    l->cfg.port == c->port && l->cfg.vlan == c->vlan)
			return false;
	}
	return true;
}

static bool same_wire(const struct cp_link *a, const struct cp_link *b)
{
	if (a->type != b->type || a->owner != b->owner)
		return false;
	return a->type == LINK_UDP_SOCKET ? a->fd == b->fd
	                                  : a->port == b->port && a->vlan == b->vlan;
}

static bool link_set(struct twin *t, const struct cp_link *c)
{
	struct twin_link *l = place_of(t, c->link);
	struct cp_link old;

	if (!l || c->owner >= RING_WORKERS || c->mtu < 64 || c->mtu > 1984 ||
	    (c->family != 0 && c->family != 4 && c->family != 6) ||
	    (c->type != LINK_ETHERNET && c->type != LINK_UDP_SOCKET))
		return false;
	if ((!l->there || !same_wire(&l->cfg, c)) && !can_attach(t, c))
		return false;
	old = l->cfg;
	if (!l->there)
		*l = (struct twin_link){.there = true};
	else if (!c->family)
		old.family |= 0x80;
	l->cfg = *c;
	if (old.family & 0x80) {
		l->cfg.family = old.family & 0x7f;
		l->cfg.remote_port = old.remote_port;
		memcpy(l->cfg.remote_addr, old.remote_addr, sizeof(old.remote_addr));
	}
	return true;
}

static bool link_del(struct twin *t, uint16_t number)
{
	struct twin_link *l = twin_link(t, number);

	if (!l)
		return false;
	for (unsigned i = 0; i < TWIN_INDEX; i++)
		t->rx[i].there &= t->rx[i].link != number;
	*l = (struct twin_link){0};
	return true;
}

static bool link_remote(struct twin_link *l, const struct cp_link *c)
{
	if (!l || l->cfg.type == LINK_ETHERNET || (c->family != 4 && c->family != 6))
		return false;
	l->cfg.family = c->family;
	l->cfg.remote_port = c->remote_port;
	memcpy(l->cfg.remote_addr, c->remote_addr, sizeof(c->remote_addr));
	return true;
}

static bool link_tx(struct twin_link *l, const struct cp_lane_key *c)
{
	if (!l || !l->cfg.sealed)
		return false;
	if (same_key(l->tx.there, l->tx.alg, l->tx.key, c)) {
		l->tx.index = c->index;
		return true;
	}
	if (!known_alg(c->alg))
		return false;
	l->tx = key_of(c);
	return true;
}

static struct twin_rx *rx_of(struct twin *t, uint32_t index)
{
	for (unsigned i = 0; i < TWIN_INDEX; i++)
		if (twin_index[i] == index)
			return &t->rx[i];
	return NULL;
}

static bool link_rx(struct twin *t, const struct cp_lane_key *c)
{
	struct twin_link *l = twin_link(t, c->link);
	struct twin_rx *r = rx_of(t, c->index);

	if (!l || !l->cfg.sealed || c->index % RING_WORKERS != t->worker)
		return false;
	if (r->there)
		return r->link == c->link && same_key(true, r->alg, r->key, c);
	if (!known_alg(c->alg))
		return false;
	*r = (struct twin_rx){.there = true, .link = c->link, .alg = c->alg};
	memcpy(r->key, c->key, sizeof(r->key));
	return true;
}

static bool link_rx_del(struct twin *t, const struct cp_lane_key *c)
{
	struct twin_rx *r = rx_of(t, c->index);

	if (!r || !r->there || r->link != c->link)
		return false;
	r->there = false;
	return true;
}

/* ---- labels ---- */

static struct twin_label *label_of(struct twin_link *l, uint32_t label)
{
	for (unsigned i = 0; l && i < TWIN_LABELS; i++)
		if (twin_labels[i] == label)
			return &l->label[i];
	return NULL;
}

static bool label_set(struct twin *t, const struct cp_ilm *c)
{
	struct twin_label *e = label_of(twin_link(t, c->in_link), c->in_label);

	if (!e || c->in_label < 16 || c->in_label > LABEL_MAX)
		return false;
	if (c->op == ILM_SWAP ? c->out_label > LABEL_MAX || c->out_link >= CPDP_LINKS_MAX
	                      : c->op != ILM_SESSION && c->op != ILM_SINK)
		return false;
	if (!e->op)
		e->packets = 0;
	e->op = c->op;
	e->out = c->op == ILM_SWAP ? c->out_label : c->session;
	e->out_link = c->out_link;
	return true;
}

static bool label_del(struct twin *t, const struct cp_ilm *c)
{
	struct twin_label *e = label_of(twin_link(t, c->in_link), c->in_label);

	if (!e || !e->op)
		return false;
	*e = (struct twin_label){0};
	return true;
}

struct twin_label *twin_packet(struct twin *t, uint16_t link, uint32_t label)
{
	struct twin_link *l = twin_link(t, link);
	struct twin_label *e = l && l->open ? label_of(l, label) : NULL;

	if (!e || !e->op)
		return NULL;
	e->packets++;
	return e;
}

/* ---- sessions ---- */

static struct twin_session *session_of(struct twin *t, uint32_t index)
{
	return index < RING_SESSIONS && t->session[index].there ? &t->session[index] : NULL;
}

static bool session_set(struct twin *t, const struct cp_session *c)
{
	struct twin_session *s;

	if (c->session >= RING_SESSIONS || (c->out_label != LABEL_NONE && c->out_label > LABEL_MAX))
		return false;
	s = &t->session[c->session];
	if (!s->there || !id_eq(&s->cfg.remote, &c->remote))
		*s = (struct twin_session){.there = true};
	s->cfg = *c;
	return true;
}

static bool session_tx(struct twin *t, const struct cp_lane_key *c)
{
	struct twin_session *s = session_of(t, c->session);
	bool later = c->link == CP_KEY_WHEN_USED;

	if (!s || c->index >= TWIN_PHASES || !known_alg(c->alg))
		return false;
	if (!later || !same_key(s->staged.there, s->staged.alg, s->staged.key, c))
		s->staged.there = false;
	if (same_key(s->tx.there, s->tx.alg, s->tx.key, c) || s->staged.there)
		return true;
	*(later ? &s->staged : &s->tx) = key_of(c);
	return true;
}

static bool session_rx(struct twin *t, const struct cp_lane_key *c)
{
	struct twin_session *s = session_of(t, c->session);

	if (!s || c->index >= TWIN_PHASES || !known_alg(c->alg))
		return false;
	if (!same_key(s->rx[c->index].there, s->rx[c->index].alg, s->rx[c->index].key, c))
		s->rx[c->index] = key_of(c);
	return true;
}

static bool session_command(struct twin *t, const struct cp_cmd *c)
{
	struct twin_session *s;

	switch (c->type) {
	case CMD_SESSION_SET:
		return session_set(t, &c->u.session);
	case CMD_SESSION_TX_KEY:
		return session_tx(t, &c->u.key);
	case CMD_SESSION_RX_KEY:
		return session_rx(t, &c->u.key);
	case CMD_SESSION_RX_DEL:
		s = session_of(t, c->u.key.session);
		if (s && c->u.key.index < TWIN_PHASES)
			s->rx[c->u.key.index].there = false;
		return true;
	case CMD_SESSION_DEL:
		s = session_of(t, c->u.session.session);
		if (s)
			*s = (struct twin_session){0};
		return true;
	case CMD_SEND_SESSION:
		return session_of(t, c->u.send_session.session) != NULL;
	case CMD_RESOLVED: /* no TUN has asked */
		return false;
	default:
		return c->type != CMD_DUMP_CONNECTIONS || c->u.dump.most > 0;
	}
}

/* How datagrams leave is told only to the worker that has the socket; a sample ends whether one had begun or not. */
static bool runs(const struct twin *t, const struct twin_link *l, const struct cp_cmd *c)
{
	return l && l->cfg.type == LINK_UDP_SOCKET && l->cfg.owner == t->worker &&
	       (c->type == CMD_LINK_SAMPLE || c->u.runs.mode <= LINK_RUNS_ONE);
}

bool twin_command(struct twin *t, const struct cp_cmd *c)
{
	struct twin_link *l = twin_link(t, c->u.link.link);

	switch (c->type) {
	case CMD_NOP:
	case CMD_QUERY_LABEL:
	case CMD_LANE_SEEN: /* of a key that is not there no answer comes */
		return true;
	case CMD_LINK_RUNS:
	case CMD_LINK_SAMPLE:
		return runs(t, twin_link(t, c->u.runs.link), c);
	case CMD_LINK_SET:
		return link_set(t, &c->u.link);
	case CMD_LINK_DEL:
		return link_del(t, c->u.link.link);
	case CMD_LINK_REMOTE:
		return link_remote(l, &c->u.link);
	case CMD_LINK_TX_KEY:
		return link_tx(l, &c->u.key);
	case CMD_LINK_RX_KEY:
		return link_rx(t, &c->u.key);
	case CMD_LINK_RX_DEL:
		return link_rx_del(t, &c->u.key);
	case CMD_LINK_OPEN:
		if (l)
			l->open = c->u.open.on != 0;
		return l != NULL;
	case CMD_ILM_SET:
		return label_set(t, &c->u.ilm);
	case CMD_ILM_DEL:
		return label_del(t, &c->u.ilm);
	case CMD_SEND:
		return l && c->u.send.len > 0;
	case CMD_PORT:
		return c->u.port.port == t->world->port;
	default:
		return c->type < CMD_TYPES && session_command(t, c);
	}
}
