/* SPDX-License-Identifier: BSD-3-Clause */
/* Why a link does not come up: what the two sides have told each other, for the operator. */
#include "peer/peer.h"

#include <stdio.h>
#include <string.h>

static const char *by_us(uint8_t reason)
{
	switch (reason) {
	case REFUSED_NOT_ACCEPTED:
		return "the neighbour is refused: its id is not accepted here";
	case REFUSED_FULL:
		return "the neighbour is refused: no place is left";
	case REFUSED_BUSY:
		return "another caller is refused while this neighbour is up";
	case REFUSED_YOURSELF:
		return "this link leads to this node itself, or to another machine with the same "
		       "key";
	default:
		return "the neighbour is refused";
	}
}

static const char *by_neighbour(uint8_t reason)
{
	switch (reason) {
	case REFUSED_NOT_ACCEPTED:
		return "the neighbour does not accept this node's id";
	case REFUSED_FULL:
		return "the neighbour has no place left";
	case REFUSED_BUSY:
		return "the neighbour's link is taken by another node, which is up";
	case REFUSED_USE_XX:
		return "the neighbour asks for a handshake from the beginning";
	case REFUSED_YOURSELF:
		return "this link leads to this node itself, or to another machine with the same "
		       "key";
	default:
		return "the neighbour refuses this node";
	}
}

void peer_refusal_text(const struct node *n, const struct peer_refusal *r, char *out, size_t cap)
{
	if (r->reason == 0)
		snprintf(out, cap, "%s", "");
	else if (r->reason == REFUSED_NETWORK)
		snprintf(out, cap, "the neighbour is in network %u, this node in %u",
		         (unsigned)r->value, (unsigned)n->cfg.network_id);
	else if (r->reason == REFUSED_VERSION)
		snprintf(out, cap, "the neighbour speaks version %u of the protocol, this node %u",
		         (unsigned)r->value, LINK_VERSION);
	else
		snprintf(out, cap, "%s", r->by_us ? by_us(r->reason) : by_neighbour(r->reason));
}

void peer_refused(struct node *n, struct peer *p, struct peer_refusal why)
{
	const struct peer_refusal was = p->refusal;
	char before[96], text[96];
	bool same;

	peer_refusal_text(n, &was, before, sizeof(before));
	peer_refusal_text(n, &why, text, sizeof(text));
	/* Two that call each other refuse each other by turns, and may both say the same. */
	same = strcmp(before, text) == 0;
	if (why.by_us)
		why.times = same ? was.times : 0;
	else
		why.times = (was.by_us && !same) || was.times == UINT8_MAX
		                    ? 1
		                    : (uint8_t)(was.times + 1);
	p->refusal = why;
	if (!same)
		out_log(n, 4, "link %s: %s", p->cfg.name, text);
}

#define TWIN_TOLD_EVERY (600 * NS_PER_S)

void peers_twin_seen(struct node *n)
{
	struct peers *all = n->peers;
	bool told =
	        all->twin_told_at.ns && instant_sub(n->now, all->twin_told_at) < TWIN_TOLD_EVERY;

	all->twin_at = n->now;
	if (told)
		return;
	all->twin_told_at = n->now;
	out_log(n, 4,
	        "another machine seems to use this node's key: each undoes what the other says of "
	        "itself; stop one of them, or give it a key of its own");
}

/* Whether the other side of a handshake is one of this node's own: begun by a link of ours, or answered here. */
static bool leads_back(struct node *n, const struct handshake *hs)
{
	const struct halfopen *h;
	const struct peer *p;

	TAILQ_FOREACH (p, &n->peers->list, next)
		if (&p->own != hs && p->own.active && p->own.mine == hs->theirs)
			return true;
	TAILQ_FOREACH (h, &n->peers->half_open.by_age, next)
		if (&h->hs != hs && h->hs.theirs == hs->mine)
			return true;
	return false;
}

void peers_own_id(struct node *n, const struct handshake *hs)
{
	if (!leads_back(n, hs))
		peers_twin_seen(n);
}
