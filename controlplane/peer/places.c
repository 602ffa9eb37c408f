/* SPDX-License-Identifier: BSD-3-Clause */
/* The places of listeners: which link has one, in whose share. Nothing here makes or deletes a link. */
#include "peer/listen.h"
#include "peer/numbers.h"

#include <string.h>

static int by_id(struct peer *a, struct peer *b)
{
	return id_cmp(&a->id, &b->id);
}

static int by_prefix(struct listen_share *a, struct listen_share *b)
{
	return memcmp(a->prefix, b->prefix, sizeof(a->prefix));
}

RB_GENERATE(listen_links, peer, of_listener, by_id)
RB_GENERATE_INTERNAL(listen_shares, listen_share, of, by_prefix, static __attribute__((unused)))

struct peer *listener_link(const struct listener *l, const struct node_id *id)
{
	struct peer *p = RB_ROOT(&l->links);

	while (p) {
		int d = id_cmp(id, &p->id);

		if (d == 0)
			break;
		p = d < 0 ? RB_LEFT(p, of_listener) : RB_RIGHT(p, of_listener);
	}
	return p;
}

/* ---- shares of source prefixes ---- */

struct listen_share *listen_share_of(struct listener *l, const uint8_t prefix[SOURCE_PREFIX_BYTES])
{
	struct listen_share key;

	memcpy(key.prefix, prefix, sizeof(key.prefix));
	return RB_FIND(listen_shares, &l->shares, &key);
}

/* The share of a prefix, in which one more link counts. NULL: no memory. */
struct listen_share *listen_share_get(struct node *n, struct listener *l,
                                      const uint8_t prefix[SOURCE_PREFIX_BYTES])
{
	struct listen_share *s = listen_share_of(l, prefix);

	if (!s) {
		s = ctx_alloc(n, sizeof(*s));
		if (!s)
			return NULL;
		memcpy(s->prefix, prefix, sizeof(s->prefix));
		RB_INSERT(listen_shares, &l->shares, s);
	}
	s->links++;
	return s;
}

/* One link fewer counts in it. */
void listen_share_put(struct node *n, struct listener *l, struct listen_share *s)
{
	COYO_ASSERT(s->links > 0);
	if (--s->links > 0)
		return;
	RB_REMOVE(listen_shares, &l->shares, s);
	ctx_free(n, s);
}

void listener_link_down(struct node *n, struct peer *p)
{
	arm(n, &p->linger_timer, TIMER_PEER_LINGER, p,
	    p->allowed ? LISTEN_QUIET_ALLOWED : LISTEN_QUIET);
}

void listener_link_leaves(struct node *n, struct peer *p)
{
	struct listener *l = p->listener;

	if (!l)
		return;
	RB_REMOVE(listen_links, &l->links, p);
	if (p->share)
		listen_share_put(n, l, p->share);
	p->share = NULL;
	COYO_ASSERT(l->nlinks > 0 && l->nallowed >= p->allowed);
	l->nlinks--;
	l->nallowed -= p->allowed;
	p->allowed = false;
	p->listener = NULL;
}

static void listener_free(struct node *n, struct listener *l)
{
	TAILQ_REMOVE(&n->peers->listeners, l, next);
	numbers_listener(n, l->io.link, NULL);
	ticket_cancel(n, &l->gone_ticket);
	idset_free(n, &l->allowed);
	idset_free(n, &l->denied);
	ctx_free(n, l);
}

static void gone(struct node *n, void *owner)
{
	struct listener *l = owner;
	uint16_t link = l->io.link;

	listener_free(n, l);
	out_link_gone(n, link);
}

void listener_end(struct node *n, struct listener *l)
{
	struct cp_cmd c = {.type = CMD_LINK_DEL};

	COYO_ASSERT(l->nlinks == 0);
	l->gone = true;
	halfopens_drop(n, l->io.link, NULL);
	c.u.link.link = l->io.link;
	out_command(n, CPDP_ALL_WORKERS, &c);
	ticket_wait(n, &l->gone_ticket, gone, l);
}

void listener_link_deleted(struct node *n, struct listener *l)
{
	if (l->leaving && !l->gone && l->nlinks == 0)
		listener_end(n, l);
}

void listeners_free(struct node *n)
{
	struct listener *l;

	while ((l = TAILQ_FIRST(&n->peers->listeners)))
		listener_free(n, l);
}
