/* SPDX-License-Identifier: BSD-3-Clause */
/* Links of one worker as control commands them: made, changed, keyed, opened, removed. A command that cannot be done changes nothing. */
#include "core/mbuf.h"
#include "fwd/priv.h"
#include "seal/seal.h"
#include "wire/link.h"

#include <errno.h>
#include <string.h>

#define MTU_MIN 64

/* Rates of what a neighbour may cost control, in packets/s; punt_rate is configured. */
#define LIVENESS_RATE 200
#define SAMPLE_RATE   20
#define TTL_RATE      100
#define TOO_BIG_RATE  10

static bool wire_changed(const struct cp_link *a, const struct cp_link *b)
{
	if (a->type != b->type || a->owner != b->owner)
		return true;
	if (a->type == LINK_UDP_SOCKET)
		return a->fd != b->fd;
	return a->port != b->port || a->vlan != b->vlan;
}

static void set_mac(struct link *l)
{
	static const uint8_t none[6];

	l->mac_known = memcmp(l->cfg.peer_mac, none, 6) != 0;
	if (l->mac_known)
		memcpy(l->mac, l->cfg.peer_mac, 6);
	else
		memset(l->mac, 0xff, 6);
}

static bool link_valid(const struct worker *w, const struct cp_link *c)
{
	return c->link < CPDP_LINKS_MAX && c->owner < w->workers && c->mtu >= MTU_MIN &&
	       c->mtu <= WORKER_ROOM && (c->family == 0 || c->family == 4 || c->family == 6) &&
	       (c->type == LINK_ETHERNET || c->type == LINK_UDP_SOCKET);
}

static int link_create(struct fwd *f, const struct cp_link *c)
{
	struct worker *w = f->w;
	struct link *l = w->mem.alloc(w->mem.arg, sizeof(*l));
	uint32_t rate = w->cfg->punt_rate;
	int rc;

	if (!l)
		return -ENOMEM;
	l->cfg = *c;
	l->number = c->link;
	l->count = &w->link_count[c->link];
	memset(l->count, 0, sizeof(*l->count));
	bucket_init(&l->punt, rate, rate / 4 + 64);
	bucket_init(&l->liveness, LIVENESS_RATE, LIVENESS_RATE);
	door_link_init(&l->door);
	bucket_init(&l->unproven, rate, rate / 4 + 64);
	bucket_init(&l->unknown, SAMPLE_RATE, SAMPLE_RATE);
	bucket_init(&l->ttl, TTL_RATE, TTL_RATE);
	bucket_init(&l->too_big, TOO_BIG_RATE, TOO_BIG_RATE);
	set_mac(l);
	w->link[c->link] = l;
	rc = io_link_set(f->io, l);
	if (rc) {
		w->link[c->link] = NULL;
		w->mem.free(w->mem.arg, l, sizeof(*l));
	}
	return rc;
}

static int link_change(struct fwd *f, struct link *l, const struct cp_link *c)
{
	struct cp_link old = l->cfg;

	fwd_flush(f);
	if (wire_changed(&old, c)) {
		int rc;

		io_link_del(f->io, l);
		l->cfg = *c;
		rc = io_link_set(f->io, l);
		if (rc) {
			l->cfg = old;
			(void)!io_link_set(f->io, l);
			return rc;
		}
	}
	l->cfg = *c;
	if (!c->family) { /* the command names no address: the learnt one is kept */
		l->cfg.family = old.family;
		l->cfg.remote_port = old.remote_port;
		memcpy(l->cfg.remote_addr, old.remote_addr, sizeof(old.remote_addr));
	}
	if (memcmp(c->peer_mac, old.peer_mac, 6) != 0)
		set_mac(l);
	return 0;
}

static void rx_free(struct fwd *f, struct rx_lane *r)
{
	struct worker *w = f->w;

	u32map_del(&f->rx_index, r->index);
	seal_key_wipe(&r->key);
	w->mem.free(w->mem.arg, r, sizeof(*r));
}

static int link_del(struct fwd *f, struct link *l)
{
	struct worker *w = f->w;

	if (!l)
		return -ENOENT;
	fwd_flush(f);
	io_link_del(f->io, l);
	while (l->rx) {
		struct rx_lane *r = l->rx;

		l->rx = r->next;
		rx_free(f, r);
	}
	if (l->tx) {
		seal_key_wipe(&l->tx->key);
		w->mem.free(w->mem.arg, l->tx, sizeof(*l->tx));
	}
	COYO_ASSERT(l->nout == 0 && !l->queued && w->link[l->number] == l);
	ilm_clear(&l->ilm, &w->mem);
	w->link[l->number] = NULL;
	w->mem.free(w->mem.arg, l, sizeof(*l));
	return 0;
}

static int link_remote(struct link *l, const struct cp_link *c)
{
	if (!l || l->cfg.type == LINK_ETHERNET || (c->family != 4 && c->family != 6))
		return -EINVAL;
	l->cfg.family = c->family;
	l->cfg.remote_port = c->remote_port;
	memcpy(l->cfg.remote_addr, c->remote_addr, sizeof(l->cfg.remote_addr));
	memcpy(l->cfg.local_addr, c->local_addr, sizeof(l->cfg.local_addr));
	l->cfg.local_if = c->local_if;
	l->learnt.family = 0;
	return 0;
}

/* A key that is in use keeps its counter: a repeated command must never repeat a nonce. */
static int tx_key(struct fwd *f, struct link *l, const struct cp_lane_key *c)
{
	struct worker *w = f->w;
	struct tx_lane *t;

	if (!l || !l->cfg.sealed)
		return -EINVAL;
	fwd_flush(f);
	if (l->tx && seal_key_is(&l->tx->key, c->alg, c->key)) {
		l->tx->index = c->index;
		return 0;
	}
	t = w->mem.alloc(w->mem.arg, sizeof(*t));
	if (!t)
		return -ENOMEM;
	if (seal_key_init(&t->key, c->alg, c->key, true, LINK_HEADER_BYTES)) {
		w->mem.free(w->mem.arg, t, sizeof(*t));
		return -ENOTSUP;
	}
	t->index = c->index;
	t->lane = c->lane;
	if (l->tx) {
		seal_key_wipe(&l->tx->key);
		w->mem.free(w->mem.arg, l->tx, sizeof(*l->tx));
	}
	l->tx = t;
	return 0;
}

static int rx_key(struct fwd *f, struct link *l, const struct cp_lane_key *c)
{
	struct worker *w = f->w;
	struct rx_lane *r = u32map_get(&f->rx_index, c->index);
	int rc;

	if (!l || !l->cfg.sealed || cp_index_worker(c->index, w->workers) != w->number)
		return -EINVAL;
	if (r)
		return seal_key_is(&r->key, c->alg, c->key) && r->link == c->link ? 0 : -EEXIST;
	r = w->mem.alloc(w->mem.arg, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->index = c->index;
	r->link = c->link;
	r->lane = c->lane;
	rc = seal_key_init(&r->key, c->alg, c->key, false, LINK_HEADER_BYTES);
	if (rc == 0) {
		rc = u32map_add(&f->rx_index, &w->mem, c->index, r);
		if (rc)
			seal_key_wipe(&r->key);
	}
	if (rc) {
		w->mem.free(w->mem.arg, r, sizeof(*r));
		return rc;
	}
	r->next = l->rx;
	l->rx = r;
	return 0;
}

static int rx_del(struct fwd *f, const struct cp_lane_key *c)
{
	struct worker *w = f->w;
	struct rx_lane *r = u32map_get(&f->rx_index, c->index), **p;
	struct link *l = r ? link_at(w, r->link) : NULL;

	if (!l || r->link != c->link)
		return -ENOENT;
	for (p = &l->rx; *p != r; p = &(*p)->next)
		;
	*p = r->next;
	rx_free(f, r);
	return 0;
}

int link_command(struct fwd *f, const struct cp_cmd *c)
{
	struct worker *w = f->w;
	/* Every link command starts with the link's number. */
	struct link *l = link_at(w, c->u.link.link);

	switch (c->type) {
	case CMD_LINK_SET:
		if (!link_valid(w, &c->u.link))
			return -EINVAL;
		return l ? link_change(f, l, &c->u.link) : link_create(f, &c->u.link);
	case CMD_LINK_DEL:
		return link_del(f, l);
	case CMD_LINK_REMOTE:
		return link_remote(l, &c->u.link);
	case CMD_LINK_TX_KEY:
		return tx_key(f, l, &c->u.key);
	case CMD_LINK_RX_KEY:
		return rx_key(f, l, &c->u.key);
	case CMD_LINK_RX_DEL:
		return rx_del(f, &c->u.key);
	default: /* CMD_LINK_OPEN */
		if (!l)
			return -EINVAL;
		l->open = c->u.open.on != 0;
		return 0;
	}
}

_Static_assert(offsetof(struct cp_link, link) == 0 && offsetof(struct cp_lane_key, link) == 0,
               "link number first");

void links_forget(struct fwd *f)
{
	struct worker *w = f->w;

	for (unsigned i = 0; i < CPDP_LINKS_MAX; i++)
		if (w->link[i])
			(void)link_del(f, w->link[i]);
	u32map_clear(&f->rx_index, &w->mem);
}
