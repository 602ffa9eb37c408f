/* SPDX-License-Identifier: BSD-3-Clause */
/* Listeners: who may become a link, how many, and who gives way. */
#include "peer/listen.h"
#include "peer/numbers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- who gives way ---- */

/* Since when a link has been of no use. */
static struct instant idle_since(const struct peer *p)
{
	return p->used.ns ? p->used : p->up_at.ns ? p->up_at : p->added_at;
}

static bool unproven(const struct node *n, const struct peer *p)
{
	return !p->used.ns && instant_sub(n->now, p->added_at) >= LISTEN_PROVE;
}

/* Whether a rather than b is the one to go: what has not proven its use, then what comes from the prefix with most links, then the longest
 * idle. */
static bool goes_before(const struct node *n, const struct peer *a, const struct peer *b)
{
	if (unproven(n, a) != unproven(n, b))
		return unproven(n, a);
	if (a->share->links != b->share->links)
		return a->share->links > b->share->links;
	return instant_before(idle_since(a), idle_since(b));
}

/* The stranger's link without tunnels that gives way to somebody whose prefix has `links` links in this share (NULL: to an allowed id, before
 * which every stranger gives way), or NULL: none does. */
static struct peer *who_gives_way(const struct node *n, struct listener *l,
                                  const struct listen_share *share, uint32_t links, bool to_allowed)
{
	struct peer *p, *best = NULL;

	RB_FOREACH (p, listen_links, &l->links) {
		if (!p->share || p->tunnels > 0)
			continue;
		if (!to_allowed && unproven(n, p) && p->share != share && p->share->links <= links)
			continue;
		if (!to_allowed && !unproven(n, p) && p->share->links <= links + 1)
			continue;
		if (!best || goes_before(n, p, best))
			best = p;
	}
	return best;
}

/* Places that strangers may have: all but those that allowed ids hold or are kept for them, a tenth at most. */
static uint32_t strangers_max(const struct listener *l)
{
	uint32_t tenth = l->max / 10u ? l->max / 10u : 1;
	uint32_t kept = l->allowed.count < tenth ? l->allowed.count : tenth;

	kept = kept > l->nallowed ? kept : l->nallowed;
	return l->max > kept ? l->max - kept : 0;
}

/* Makes room for one more. False: there is none. */
static bool make_room(struct node *n, struct listener *l, bool allowed,
                      const uint8_t prefix[SOURCE_PREFIX_BYTES])
{
	const struct listen_share *share = listen_share_of(l, prefix);
	struct peer *p;

	if (allowed ? l->nlinks < l->max : l->nlinks - l->nallowed < strangers_max(l))
		return true;
	p = who_gives_way(n, l, share, share ? share->links : 0, allowed);
	if (!p)
		return false;
	count(n, CTR_LISTEN_GAVE_WAY);
	peer_del(n, p->link);
	return true;
}

/* ---- links come and go ---- */

static bool name_taken(struct node *n, const char *name)
{
	const struct listener *l;

	if (numbers_name_taken(n, name))
		return true;
	TAILQ_FOREACH (l, &n->peers->listeners, next)
		if (strcmp(l->name, name) == 0)
			return true;
	return false;
}

/* The id's short form, longer where that is taken. */
static void choose_name(struct node *n, const struct node_id *id, char name[32])
{
	char text[ID_TEXT_LEN + 1];

	id_to_text(id, text);
	for (unsigned len = ID_SHORT_LEN; len < 32; len++) {
		snprintf(name, 32, "%.*s", (int)len, text);
		if (!name_taken(n, name))
			return;
	}
}

static void report(struct node *n, const struct listener *l, const struct peer *p)
{
	struct node_link_new new = {.listener = l->io.link, .io = p->cfg.io, .id = p->id};

	memcpy(new.name, p->cfg.name, sizeof(new.name));
	out_link_new(n, &new);
}

/* A link for id, known to nobody yet but the caller. NULL: no number or no memory. */
static struct peer *link_make(struct node *n, struct listener *l, const struct node_id *id,
                              const struct hs_source *from, bool allowed)
{
	struct node_link_cfg cfg = {.io = l->io, .expect_id = true, .id = *id};
	struct listen_share *share;
	uint8_t prefix[SOURCE_PREFIX_BYTES];
	struct peer *p;

	cfg.io.link = numbers_highest_free(n, LISTEN_LINKS_FROM);
	if (cfg.io.link == LINK_NONE)
		return NULL;
	choose_name(n, id, cfg.name);
	source_prefix(from->family, from->addr, NULL, prefix);
	share = allowed ? NULL : listen_share_get(n, l, prefix);
	if ((!allowed && !share) || peer_make(n, &cfg, &p) != 0) {
		if (share)
			listen_share_put(n, l, share);
		return NULL;
	}
	peer_address_first(p, from);
	p->id = *id;
	p->listener = l;
	p->share = share;
	p->allowed = allowed;
	l->nallowed += allowed;
	l->nlinks++;
	RB_INSERT(listen_links, &l->links, p);
	return p;
}

unsigned listener_admit(struct node *n, struct listener *l, const struct node_id *id,
                        const struct hs_source *from, uint32_t epoch, struct peer **p)
{
	bool allowed = idset_has(&l->allowed, id);
	uint8_t prefix[SOURCE_PREFIX_BYTES];

	COYO_ASSERT(!listener_link(l, id));
	*p = NULL;
	if (l->gone || l->leaving || idset_has(&l->denied, id) || (!l->open && !allowed))
		return REFUSED_NOT_ACCEPTED;
	source_prefix(from->family, from->addr, NULL, prefix);
	if (!make_room(n, l, allowed, prefix))
		return REFUSED_FULL;
	*p = link_make(n, l, id, from, allowed);
	if (!*p)
		return REFUSED_FULL;
	(*p)->local_epoch = epoch;
	report(n, l, *p);
	peer_announce(n, *p);
	arm(n, &(*p)->linger_timer, TIMER_PEER_LINGER, *p, LISTEN_QUIET);
	return 0;
}

/* ---- what an operator says ---- */

/* The ids that are allowed have changed: who is, and whose link goes. */
static void judge(struct node *n, struct listener *l)
{
	struct peer *p, *next;

	for (p = RB_MIN(listen_links, &l->links); p; p = next) {
		bool allowed = idset_has(&l->allowed, &p->id);
		uint8_t prefix[SOURCE_PREFIX_BYTES];

		next = RB_NEXT(listen_links, &l->links, p);
		if (allowed != p->allowed) {
			source_prefix(p->cfg.io.family, p->cfg.io.remote_addr, NULL, prefix);
			if (p->share)
				listen_share_put(n, l, p->share);
			p->share = allowed ? NULL : listen_share_get(n, l, prefix);
			p->allowed = allowed;
			l->nallowed = allowed ? l->nallowed + 1 : l->nallowed - 1;
		}
		/* A stranger for whose share there is no memory would never give way. */
		if (idset_has(&l->denied, &p->id) || (!allowed && (!l->open || !p->share)))
			peer_del(n, p->link);
	}
	while (l->nlinks > l->max) {
		p = who_gives_way(n, l, NULL, 0, true);
		peer_del(n, p ? p->link : RB_MIN(listen_links, &l->links)->link);
	}
}

int listener_allow(struct node *n, struct listener *l, const struct node_id *id)
{
	if (l->allowed.count >= LISTEN_IDS_MAX)
		return -ENOSPC;
	if (idset_add(n, &l->allowed, id) != 0)
		return -ENOMEM;
	idset_remove(&l->denied, id);
	judge(n, l);
	return 0;
}

int listener_deny(struct node *n, struct listener *l, const struct node_id *id)
{
	idset_remove(&l->allowed, id);
	if (l->denied.count >= LISTEN_IDS_MAX)
		return -ENOSPC;
	if (idset_add(n, &l->denied, id) != 0)
		return -ENOMEM;
	judge(n, l);
	return 0;
}

/* ---- listeners come and go ---- */

static struct listener *listener_new(struct node *n, const struct node_listen_cfg *cfg)
{
	struct cp_cmd c = {.type = CMD_LINK_SET};
	struct listener *l = numbers_room(n, cfg->io.link) == 0 ? ctx_alloc(n, sizeof(*l)) : NULL;

	if (!l)
		return NULL;
	numbers_listener(n, cfg->io.link, l);
	l->io = cfg->io;
	memcpy(l->name, cfg->name, sizeof(l->name));
	RB_INIT(&l->links);
	RB_INIT(&l->shares);
	TAILQ_INSERT_TAIL(&n->peers->listeners, l, next);
	c.u.link = l->io;
	out_command(n, CPDP_ALL_WORKERS, &c);
	return l;
}

int listener_set(struct node *n, const struct node_listen_cfg *cfg)
{
	struct listener *l = listener_by_link(n, cfg->io.link);
	struct idset allowed = {0};

	if (cfg->io.link >= LISTEN_LINKS_FROM || !cfg->io.sealed || cfg->max < 1)
		return -EINVAL;
	if (peer_by_link(n, cfg->io.link) || (l && (l->gone || l->leaving)))
		return -EEXIST;
	for (uint32_t i = 0; i < cfg->naccept; i++)
		if (idset_add(n, &allowed, &cfg->accept[i]) != 0) {
			idset_free(n, &allowed);
			return -ENOMEM;
		}
	if (!l)
		l = listener_new(n, cfg);
	if (!l) {
		idset_free(n, &allowed);
		return -ENOMEM;
	}
	idset_free(n, &l->allowed);
	idset_free(n, &l->denied);
	l->allowed = allowed;
	l->max = cfg->max;
	l->open = cfg->open;
	judge(n, l);
	return 0;
}

void listener_leave(struct node *n, uint16_t link)
{
	struct listener *l = listener_by_link(n, link);
	struct peer *p, *next;

	if (!l || l->gone || l->leaving)
		return;
	halfopens_drop(n, link, NULL);
	for (p = RB_MIN(listen_links, &l->links); p; p = next) {
		next = RB_NEXT(listen_links, &l->links, p);
		peer_leave(n, p->link);
	}
	l->leaving = true;
	listener_link_deleted(n, l);
}

void listener_del(struct node *n, uint16_t link)
{
	struct listener *l = listener_by_link(n, link);
	struct peer *p;

	if (!l || l->gone)
		return;
	l->gone = true;
	while ((p = RB_MIN(listen_links, &l->links)))
		peer_del(n, p->link);
	listener_end(n, l);
}
