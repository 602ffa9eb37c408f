/* SPDX-License-Identifier: BSD-3-Clause */
/* What control tells a worker: every command is checked; one that cannot be done is counted and changes nothing. */
#include "fwd/fwd.h"
#include "io/io.h"
#include "seal/seal.h"
#include "wire/link.h"
#include "core/ring.h"
#include "core/state.h"

#include <errno.h>
#include <string.h>

#define COMMANDS_PER_LOOP 64
#define MTU_MIN           64

/* Rates of what a neighbour may cost control, in packets/s; punt_rate is configured. */
#define LIVENESS_RATE  200
#define HANDSHAKE_RATE 500
#define SAMPLE_RATE    20
#define TTL_RATE       100

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

static int link_create(struct worker *w, const struct cp_link *c)
{
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
	bucket_init(&l->handshake, HANDSHAKE_RATE, HANDSHAKE_RATE);
	bucket_init(&l->unknown, SAMPLE_RATE, SAMPLE_RATE);
	bucket_init(&l->ttl, TTL_RATE, TTL_RATE);
	set_mac(l);
	w->link[c->link] = l;
	rc = io_link_set(w, l);
	if (rc) {
		w->link[c->link] = NULL;
		w->mem.free(w->mem.arg, l, sizeof(*l));
	}
	return rc;
}

static int link_change(struct worker *w, struct link *l, const struct cp_link *c)
{
	struct cp_link old = l->cfg;

	fwd_flush(w);
	if (wire_changed(&old, c)) {
		int rc;

		io_link_del(w, l);
		l->cfg = *c;
		rc = io_link_set(w, l);
		if (rc) {
			l->cfg = old;
			(void)!io_link_set(w, l);
			return rc;
		}
	}
	l->cfg = *c;
	if (!c->family) { /* what was learnt stays known */
		l->cfg.family = old.family;
		l->cfg.remote_port = old.remote_port;
		memcpy(l->cfg.remote_addr, old.remote_addr, sizeof(old.remote_addr));
	}
	if (memcmp(c->peer_mac, old.peer_mac, 6) != 0)
		set_mac(l);
	return 0;
}

static void rx_free(struct worker *w, struct rx_lane *r)
{
	u32map_del(&w->rx_index, r->index);
	seal_key_wipe(&r->key);
	w->mem.free(w->mem.arg, r, sizeof(*r));
}

static int link_del(struct worker *w, struct link *l)
{
	if (!l)
		return -ENOENT;
	fwd_flush(w);
	io_link_del(w, l);
	while (l->rx) {
		struct rx_lane *r = l->rx;

		l->rx = r->next;
		rx_free(w, r);
	}
	if (l->tx) {
		seal_key_wipe(&l->tx->key);
		w->mem.free(w->mem.arg, l->tx, sizeof(*l->tx));
	}
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
	l->learnt.family = 0;
	return 0;
}

/* A key that is in use keeps its counter: a repeated command must never repeat a nonce. */
static bool same_key(const struct aead_key *k, const struct cp_lane_key *c)
{
	return k->alg == c->alg && memcmp(k->key, c->key, sizeof(c->key)) == 0;
}

static int tx_key(struct worker *w, struct link *l, const struct cp_lane_key *c)
{
	struct tx_lane *t;

	if (!l || !l->cfg.sealed)
		return -EINVAL;
	fwd_flush(w);
	if (l->tx && same_key(&l->tx->key, c)) {
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

static int rx_key(struct worker *w, struct link *l, const struct cp_lane_key *c)
{
	struct rx_lane *r = u32map_get(&w->rx_index, c->index);
	int rc;

	if (!l || !l->cfg.sealed || cp_index_worker(c->index, w->workers) != w->number)
		return -EINVAL;
	if (r)
		return same_key(&r->key, c) && r->link == c->link ? 0 : -EEXIST;
	r = w->mem.alloc(w->mem.arg, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->index = c->index;
	r->link = c->link;
	r->lane = c->lane;
	rc = seal_key_init(&r->key, c->alg, c->key, false, LINK_HEADER_BYTES);
	if (rc == 0) {
		rc = u32map_add(&w->rx_index, &w->mem, c->index, r);
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

static int rx_del(struct worker *w, const struct cp_lane_key *c)
{
	struct rx_lane *r = u32map_get(&w->rx_index, c->index), **p;
	struct link *l = r ? link_at(w, r->link) : NULL;

	if (!l || r->link != c->link)
		return -ENOENT;
	for (p = &l->rx; *p != r; p = &(*p)->next)
		;
	*p = r->next;
	rx_free(w, r);
	return 0;
}

static int send(struct worker *w, const struct cp_send *c)
{
	struct link *l = link_at(w, c->link);
	struct rte_mbuf *m;
	struct packet *p;

	if (!l || c->len == 0 || c->len > CPDP_PACKET_MAX)
		return -EINVAL;
	m = worker_mbuf(w);
	if (!m)
		return 0; /* counted */
	memcpy(rte_pktmbuf_append(m, c->len), c->data, c->len);
	p = packet_of(m);
	*p = (struct packet){.link = c->link, .label = LABEL_NONE};
	if (!c->raw) {
		fwd_out(w, l, m);
		return 0;
	}
	memcpy(p->mac, c->mac, sizeof(p->mac));
	if (c->has_addr && (c->family == 4 || c->family == 6)) {
		p->family = c->family;
		p->port = c->addr_port;
		memcpy(p->addr, c->addr, sizeof(p->addr));
	}
	io_tx(w, l, &m, 1, PACKET_TX_RAW);
	return 0;
}

static int query(struct worker *w, const struct cp_cmd *c)
{
	const struct link *l = link_at(w, c->u.ilm.in_link);
	uint32_t label = c->u.ilm.in_label;
	struct dp_event *ev = event_begin(w);
	struct dp_label_use *use;

	if (!ev)
		return 0; /* counted */
	ev->type = EVT_LABEL_USE;
	ev->cookie = c->cookie;
	use = &ev->u.use;
	*use = (struct dp_label_use){.link = c->u.ilm.in_link, .label = label, .idle_ns = -1};
	if (l && ilm_get(&l->ilm, label)) {
		const struct ilm_entry *e = ilm_get(&l->ilm, label);

		use->packets = e->packets;
		use->bytes = e->bytes;
		use->idle_ns = ilm_idle_ns(e, w->now);
	}
	event_end(w);
	return 0;
}

static int ilm_command(struct worker *w, const struct cp_cmd *c)
{
	struct link *l = link_at(w, c->u.ilm.in_link);

	if (!l)
		return -EINVAL;
	if (c->type == CMD_ILM_SET)
		return ilm_set(&l->ilm, &w->mem, &c->u.ilm);
	return ilm_del(&l->ilm, &w->mem, c->u.ilm.in_label);
}

static int link_command(struct worker *w, const struct cp_cmd *c)
{
	/* every link command starts with the link's number */
	struct link *l = link_at(w, c->u.link.link);

	switch (c->type) {
	case CMD_LINK_SET:
		if (!link_valid(w, &c->u.link))
			return -EINVAL;
		return l ? link_change(w, l, &c->u.link) : link_create(w, &c->u.link);
	case CMD_LINK_DEL:
		return link_del(w, l);
	case CMD_LINK_REMOTE:
		return link_remote(l, &c->u.link);
	case CMD_LINK_TX_KEY:
		return tx_key(w, l, &c->u.key);
	case CMD_LINK_RX_KEY:
		return rx_key(w, l, &c->u.key);
	case CMD_LINK_RX_DEL:
		return rx_del(w, &c->u.key);
	default: /* CMD_LINK_OPEN */
		if (!l)
			return -EINVAL;
		l->open = c->u.open.on != 0;
		return 0;
	}
}

_Static_assert(offsetof(struct cp_link, link) == 0 && offsetof(struct cp_lane_key, link) == 0,
               "link number first");

static int execute(struct worker *w, const struct cp_cmd *c)
{
	switch (c->type) {
	case CMD_NOP:
		return 0;
	case CMD_LINK_SET:
	case CMD_LINK_DEL:
	case CMD_LINK_REMOTE:
	case CMD_LINK_TX_KEY:
	case CMD_LINK_RX_KEY:
	case CMD_LINK_RX_DEL:
	case CMD_LINK_OPEN:
		return link_command(w, c);
	case CMD_ILM_SET:
	case CMD_ILM_DEL:
		return ilm_command(w, c);
	case CMD_SEND:
		return send(w, &c->u.send);
	case CMD_QUERY_LABEL:
		return query(w, c);
	case CMD_SEND_SESSION:
		if (c->u.send_session.len > CPDP_PACKET_MAX)
			return -EINVAL;
		/* fall through */
	case CMD_SESSION_SET:
	case CMD_SESSION_TX_KEY:
	case CMD_SESSION_RX_KEY:
	case CMD_SESSION_RX_DEL:
	case CMD_SESSION_DEL:
	case CMD_UNREACHABLE:
	case CMD_DUMP_CONNECTIONS:
	case CMD_DRAIN:
		sess_command(w->sess, c, w->now);
		return 0;
	default:
		return -EINVAL;
	}
}

unsigned command_run(struct worker *w)
{
	unsigned n = 0;

	while (n < COMMANDS_PER_LOOP) {
		const struct cp_cmd *c = ring_take_begin(w->commands, sizeof(struct cp_cmd));

		if (!c)
			break;
		if (execute(w, c))
			drop_count(w, DROP_BAD_COMMAND, 1);
		w->executed = c->seq;
		ring_take_end(w->commands);
		n++;
	}
	if (n) {
		count_add(&w->count.commands, n);
		atomic_store_explicit(&w->acked, w->executed, memory_order_release);
		w->told = true;
	}
	return n;
}

void command_forget_all(struct worker *w)
{
	for (unsigned i = 0; i < CPDP_LINKS_MAX; i++)
		if (w->link[i])
			(void)link_del(w, w->link[i]);
	u32map_clear(&w->rx_index, &w->mem);
}
