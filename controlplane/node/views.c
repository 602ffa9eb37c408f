/* SPDX-License-Identifier: BSD-3-Clause */
/* Views of a node's state for people and for the simulator's judge: copies, row by row, resumed by key. */
#include "node/node.h"

#include "anchor/anchor.h"
#include "base/assert.h"
#include "core/ctx.h"
#include "endpoint/session.h"
#include "kad/kad.h"
#include "lsp/lsp.h"
#include "peer/listen.h"
#include "peer/peer.h"

#include <stdio.h>
#include <string.h>

static const char *peer_state_name(const struct peer *p)
{
	static const char *const names[] = {"down", "handshake", "up", "deleted"};

	if (p->leaving && peer_up(p))
		return "leaving";
	return p->carrier ? names[p->state] : "no carrier";
}

/* The own address of a socket: IPv6 where its bytes are more than an IPv4 address has. */
static struct node_addr local_of(const struct cp_link *io)
{
	struct node_addr a = {.port = io->local_port};
	static const uint8_t none[12];

	if (io->type == LINK_ETHERNET)
		return a;
	a.family = io->family ? io->family : memcmp(io->local_addr + 4, none, 12) ? 6 : 4;
	memcpy(a.addr, io->local_addr, sizeof(a.addr));
	/* On a socket of both families the own address of an IPv4 packet is mapped into an IPv6 one. */
	if (a.family == 4 && memcmp(io->local_addr, none, 10) == 0 && io->local_addr[10] == 0xff)
		memcpy(a.addr, io->local_addr + 12, 4);
	return a;
}

static void addresses(const struct peer *p, struct node_link_view *v)
{
	const struct cp_link *io = &p->cfg.io;

	v->local = local_of(io);
	if (io->type == LINK_ETHERNET)
		return;
	v->remote = (struct node_addr){.family = io->family, .port = io->remote_port};
	memcpy(v->remote.addr, io->remote_addr, sizeof(v->remote.addr));
	v->learnt = p->at.learnt;
	v->configured = p->cfg.ends;
}

/* The neighbour on the lowest link number from `link` on, or NULL. */
static const struct peer *peer_from(const struct node *n, uint32_t link)
{
	while (link < n->peers->links && !n->peers->by_link[link])
		link++;
	return link < n->peers->links ? n->peers->by_link[link] : NULL;
}

bool node_view_link(const struct node *n, struct node_cursor *at, struct instant now,
                    struct node_link_view *v)
{
	static const char *const runs[] = {"on", "trial", "off", "retry"};
	const struct peer *p = peer_from(n, at->begun ? at->link + 1u : 0);

	if (!p)
		return false;
	at->begun = true;
	at->link = p->link;
	memset(v, 0, sizeof(*v));
	v->link = p->link;
	snprintf(v->name, sizeof(v->name), "%s", p->cfg.name);
	v->type = p->cfg.io.type;
	v->sealed = p->cfg.io.sealed;
	v->up = peer_up(p);
	v->state = p->narrow && !peer_up(p) ? "too narrow" : peer_state_name(p);
	v->id = p->known ? p->id : p->cfg.id;
	v->rtt_ns = peer_up(p) ? p->rtt_ns : -1;
	v->up_ns = v->up ? instant_sub(now, p->up_at) : -1;
	v->labels_granted = p->labels.granted;
	v->tunnels = shares_of_link(&n->lsps->shares, p->link);
	v->mtu = p->mtu;
	v->flaps = p->flaps;
	v->rekeys = p->rekeys;
	v->listener = p->listener ? p->listener->io.link : LINK_NONE;
	v->allowed = p->allowed;
	if (p->cfg.io.sealed && p->cfg.io.type == LINK_UDP_SOCKET)
		v->runs = runs[p->sampling.runs.state];
	if (!v->up && p->narrow)
		snprintf(v->reason, sizeof(v->reason), "the way carries less than %u bytes",
		         MTU_BASE);
	else if (!v->up)
		peer_refusal_text(n, &p->refusal, v->reason, sizeof(v->reason));
	addresses(p, v);
	return true;
}

bool node_view_listener(const struct node *n, struct node_cursor *at, struct node_listener_view *v)
{
	const struct listener *l, *next = NULL;
	const struct halfopen *h;

	TAILQ_FOREACH (l, &n->peers->listeners, next)
		if ((!at->begun || l->io.link > at->link) && (!next || l->io.link < next->io.link))
			next = l;
	if (!next)
		return false;
	at->begun = true;
	at->link = next->io.link;
	*v = (struct node_listener_view){.link = next->io.link,
	                                 .max = next->max,
	                                 .open = next->open,
	                                 .links = next->nlinks,
	                                 .links_allowed = next->nallowed,
	                                 .allowed = next->allowed.count,
	                                 .denied = next->denied.count};
	snprintf(v->name, sizeof(v->name), "%s", next->name);
	v->local = local_of(&next->io);
	TAILQ_FOREACH (h, &n->peers->half_open.by_age, next)
		v->half_open += h->link == next->io.link;
	memcpy(v->refused, next->refused, sizeof(v->refused));
	return true;
}

/* The first contact whose id is above this one (NULL: the first of all), or NULL. */
static const struct contact *contact_beyond(const struct contacts *t, const struct node_id *id)
{
	uint32_t lo = 0, hi = t->count;

	while (id && lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (id_cmp(&t->v[mid]->id, id) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < t->count ? t->v[lo] : NULL;
}

bool node_view_contact(const struct node *n, struct node_cursor *at, struct instant now,
                       struct node_contact_view *v)
{
	const struct contact *c = contact_beyond(n->contacts, at->begun ? &at->id : NULL);
	struct peer *p = NULL;

	if (!c)
		return false;
	at->begun = true;
	at->id = c->id;
	memset(v, 0, sizeof(*v));
	v->id = c->id;
	v->bucket = c->bucket;
	v->neighbour = c->neighbour;
	v->verified = c->verified;
	v->finger_link = LINK_NONE;
	v->finger_label = LABEL_NONE;
	if (c->finger &&
	    lsp_onward(c->finger, c->finger->role == LSP_INGRESS, &p, &v->finger_label))
		v->finger_link = p->link;
	v->tree_distance = (uint16_t)contact_claimed(n->contacts, c);
	v->rtt_ns = c->rtt_ns;
	v->seen_ns = c->seen.ns ? instant_sub(now, c->seen) : -1;
	v->fails = c->fails;
	return true;
}

static const char *lsp_role_name(const struct lsp *l)
{
	static const char *const names[] = {"", "ingress", "egress", "transit"};
	static const char *const fingers[] = {"", "finger ingress", "finger egress",
	                                      "finger transit"};

	return l->finger ? fingers[l->role] : names[l->role];
}

static const char *lsp_state_name(const struct lsp *l)
{
	static const char *const names[] = {"",   "pending", "short-cut", "programming",
	                                    "up", "closing", "removing"};

	COYO_ASSERT(l->state <= LSP_REMOVING);
	return names[l->state];
}

bool node_view_tunnel(const struct node *n, struct node_cursor *at, struct instant now,
                      struct node_tunnel_view *v)
{
	const struct lsp *l = at->begun ? lsp_beyond(n, at->number, &at->id) : lsp_after(n, NULL);

	if (!l)
		return false;
	at->begun = true;
	at->number = l->nonce;
	at->id = l->src;
	memset(v, 0, sizeof(*v));
	v->a = l->src;
	v->b = l->dst;
	v->nonce = l->nonce;
	v->role = lsp_role_name(l);
	v->state = lsp_state_name(l);
	v->fwd_in_link = v->rev_out_link = l->up ? l->up->link : LINK_NONE;
	v->rev_in_link = v->fwd_out_link = l->down ? l->down->link : LINK_NONE;
	v->fwd_in_label = l->fwd_in;
	v->fwd_out_label = l->fwd_out;
	v->rev_in_label = l->rev_in;
	v->rev_out_label = l->rev_out;
	v->first_hops = l->hops_first;
	v->hops = l->hops;
	v->setup_ns = l->state == LSP_UP ? instant_sub(l->up_at, l->born) : -1;
	v->idle_ns = instant_sub(now, l->used);
	v->age_ns = instant_sub(now, l->born);
	v->punted = l->punted;
	v->mtu = l->mtu;
	return true;
}

bool node_view_session(const struct node *n, struct node_cursor *at, struct instant now,
                       struct node_session_view *v)
{
	uint64_t index = at->begun ? at->number + 1 : 0;
	const struct session *s;

	while (index < n->cfg.sessions_max && !n->sessions->by_index[index])
		index++;
	if (index >= n->cfg.sessions_max)
		return false;
	s = n->sessions->by_index[index];
	at->begun = true;
	at->number = index;
	memset(v, 0, sizeof(*v));
	v->remote = s->remote;
	v->session = s->index;
	v->state = session_state_text(s);
	v->phase = s->phase;
	v->worker = s->worker;
	v->alg = s->alg;
	v->path_mtu = s->path && s->path->mtu > LSP_OVERHEAD
	                      ? (uint16_t)(s->path->mtu - LSP_OVERHEAD)
	                      : 0;
	v->nonce = s->path ? s->path->nonce : 0;
	v->key_age_ns = session_has_keys(s) ? instant_sub(now, s->key_at) : -1;
	v->rekeys = s->rekeys;
	v->rebuilds = s->rebuilds;
	return true;
}

static void label_of(const struct lsp *l, const struct peer *p, struct node_label_view *v)
{
	bool forward = l->up == p && l->fwd_in == v->label;
	struct peer *out;

	v->state = l->state < LSP_PROGRAM ? "granted"
	           : l->state <= LSP_UP   ? "programmed"
	                                  : "withdrawn";
	if (lsp_onward(l, forward, &out, &v->out_label)) {
		v->op = "swap";
		v->out_link = out->link;
	} else {
		v->op = l->finger ? "sink" : "session";
	}
}

bool node_view_label(const struct node *n, struct node_cursor *at, struct instant now,
                     struct node_label_view *v)
{
	const struct label_slot *slot;
	const struct peer *p = peer_from(n, at->begun ? at->link : 0);
	uint32_t label = at->begun ? (uint32_t)at->number + 1 : 0;

	/* The cursor's link is gone: begin with the first label of the next link. */
	if (p && at->begun && p->link != at->link)
		label = 0;
	for (; p; p = peer_from(n, p->link + 1u), label = 0)
		if (label <= LABEL_MAX && labels_next(&p->labels, &label, &slot))
			break;
	if (!p)
		return false;
	at->begun = true;
	at->link = p->link;
	at->number = label;
	memset(v, 0, sizeof(*v));
	v->link = p->link;
	v->label = label;
	v->out_link = LINK_NONE;
	v->out_label = LABEL_NONE;
	v->state = "quarantine";
	v->op = "";
	if (slot->state == LABEL_GRANTED)
		label_of(slot->owner, p, v);
	return true;
}

bool node_view_counter(const struct node *n, uint32_t index, const char **name, const char **text,
                       uint64_t *value)
{
	static const struct {
		const char *name, *text;
	} rows[CTR_COUNT] = {
#define COUNTER(id, name, text) [id] = {name, text},
#include "core/counters.def"
#undef COUNTER
	};

	if (index >= CTR_COUNT)
		return false;
	*name = rows[index].name;
	*text = rows[index].text;
	*value = n->counters[index];
	return true;
}

void node_pending(const struct node *n, uint32_t *setups, uint32_t *queries)
{
	*setups = n->lsps->pending;
	*queries = n->kad->rpcs;
}

uint32_t node_transit_tunnels(const struct node *n)
{
	return n->lsps->transit;
}

void node_stats(const struct node *n, struct node_stats *s)
{
	struct peer *p;

	memset(s, 0, sizeof(*s));
	s->state_bytes = sizeof(*n) + n->mem.bytes + n->timers.cap * sizeof(n->timers.heap[0]);
	TAILQ_FOREACH (p, &n->peers->list, next) {
		s->labels_live += p->labels.granted;
		s->labels_out += p->labels.granted + p->labels.quarantined;
	}
	node_pending(n, &s->pending_setups, &s->pending_queries);
	s->contacts = n->contacts->count;
	for (struct contact *c = contact_after(n->contacts, NULL); c;
	     c = contact_after(n->contacts, c)) {
		s->contacts_stale += c->fails > 0;
		s->fingers += c->finger != NULL;
	}
	s->twin_at = n->peers->twin_at;
	for (unsigned t = 0; t < n->cfg.trees; t++) {
		s->root[t] = n->anchor->tree[t].root;
		s->depth[t] = n->anchor->tree[t].coords.hops;
	}
}
