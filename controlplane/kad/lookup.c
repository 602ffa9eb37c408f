/* SPDX-License-Identifier: BSD-3-Clause */
/* The iterative lookup: alpha questions in flight to the closest not yet asked, early exit on the exact id. */
#include "kad/kad.h"

#include "anchor/anchor.h"
#include "base/assert.h"
#include "wire/ip6.h"
#include <errno.h>
#include <string.h>

#define LOOKUP_LIFE (20 * NS_PER_S)

/* How many of the closest candidates must have been asked before the lookup ends. Housekeeping needs fewer, as it repeats. */
static unsigned closest_to_ask(const struct lookup *l)
{
	return l->purpose == LOOKUP_REFRESH ? 3 : 8;
}

/* How a question names its lookup: the index + 1, since 0 means none. */
static unsigned lookup_number(const struct node *n, const struct lookup *l)
{
	return (unsigned)(l - n->kad->lookup) + 1;
}

/* Whether a record of the target may end the lookup: one up to `beyond` holds the place that proved wrong. */
static bool record_usable(const struct lookup *l, uint64_t seq)
{
	return !l->beyond || seq > l->beyond;
}

/* Whether a node is what the lookup looks for: of an address only the leading bits are known. */
static bool is_target(const struct lookup *l, const struct node_id *id)
{
	return l->purpose == LOOKUP_ADDRESS ? memcmp(id->b, l->target.b, IP6_ID_BYTES) == 0
	                                    : id_eq(id, &l->target);
}

/* Takes over a newer record of a candidate. One that could not be reached at its old place is asked again at the new one. */
static void candidate_renew(struct candidate *c, const struct contact_info *i)
{
	if (i->seq <= c->info.seq)
		return;
	c->info = *i;
	if (c->state == CAND_FAILED)
		c->state = CAND_NEW;
}

/* Puts a node among the candidates, which are in order of distance, unless it is too far or this node itself. */
static void add(struct node *n, struct lookup *l, const struct contact_info *c)
{
	unsigned i;

	if (id_eq(&c->id, &n->cfg.identity->id) || c->ntrees == 0)
		return;
	/* Anybody can name an id that begins so, and only its owner's answer shows that there is such a node. */
	if (l->purpose != LOOKUP_ADDRESS && is_target(l, &c->id) && record_usable(l, c->seq)) {
		l->exact = true;
		l->found = *c;
	}
	if (anchor_hears_of(n, c->place, c->ntrees))
		return;
	for (i = 0; i < l->n; i++)
		if (id_eq(&l->cand[i].info.id, &c->id)) {
			candidate_renew(&l->cand[i], c);
			return;
		}
	for (i = l->n; i > 0 && id_cmp_dist(&l->target, &c->id, &l->cand[i - 1].info.id) < 0; i--)
		;
	if (i == LOOKUP_WIDTH)
		return;
	if (l->n == LOOKUP_WIDTH)
		l->n--;
	memmove(&l->cand[i + 1], &l->cand[i], (l->n - i) * sizeof(l->cand[0]));
	l->cand[i].info = *c;
	l->cand[i].state = CAND_NEW;
	l->n++;
	COYO_ASSERT(l->n <= LOOKUP_WIDTH);
}

/* Puts whom an answer names among the candidates. No two nodes have one address: of ids that begin as the address does the first counts, so that
 * nobody drives out the one that there is with many that there are not. */
static void add_named(struct node *n, struct lookup *l, const struct kad_msg *m)
{
	bool named = false;

	for (unsigned i = 0; i < m->count; i++) {
		if (l->purpose == LOOKUP_ADDRESS && is_target(l, &m->c[i].id)) {
			if (named)
				continue;
			named = true;
		}
		add(n, l, &m->c[i]);
	}
}

static void finish(struct node *n, struct lookup *l)
{
	const struct contact_info *best = l->exact ? &l->found : NULL;
	struct contact_info closest;

	for (unsigned i = 0; !best && i < l->n; i++)
		if (l->cand[i].state == CAND_ANSWERED)
			best = &l->cand[i].info;
	if (best)
		closest = *best;
	for (unsigned i = 0; i < RPC_MAX; i++)
		if (n->kad->rpc[i].active && n->kad->rpc[i].lookup == lookup_number(n, l))
			n->kad->rpc[i].lookup = 0;
	ctx_free(n, l->cand);
	l->cand = NULL;
	l->active = 0;
	n->news->lookup_done(n, l->purpose, l->ref, &l->target, l->exact, best ? &closest : NULL);
}

static bool may_ask(const struct node *n, const struct lookup *l)
{
	return instant_before(n->now, l->deadline) && l->asks < LOOKUP_ASKS &&
	       l->in_flight < n->cfg.kad_alpha;
}

/* Sends as many further questions as may be open at once; ends the lookup when no answer is outstanding. */
static void proceed(struct node *n, struct lookup *l)
{
	unsigned looked = 0;

	if (l->exact && l->purpose != LOOKUP_REFRESH) {
		finish(n, l);
		return;
	}
	for (unsigned i = 0; may_ask(n, l) && i < l->n && looked < closest_to_ask(l); i++) {
		struct candidate *c = &l->cand[i];

		if (c->state != CAND_FAILED)
			looked++;
		if (c->state != CAND_NEW)
			continue;
		if (kad_ask(n, KAD_FIND, &c->info, &l->target, lookup_number(n, l)) != 0)
			break;
		c->state = CAND_ASKED;
		l->in_flight++;
		COYO_ASSERT(l->in_flight <= n->cfg.kad_alpha);
		l->asks++;
	}
	if (l->in_flight == 0 && l->slow == 0)
		finish(n, l);
}

bool lookup_runs(const struct node *n, enum lookup_purpose purpose, const struct node_id *target)
{
	for (unsigned i = 0; i < LOOKUPS_MAX; i++) {
		const struct lookup *l = &n->kad->lookup[i];

		if (l->active && l->purpose == purpose && id_eq(&l->target, target))
			return true;
	}
	return false;
}

/* Whether an asker (ref) of addresses has as many lookups under way as there is room left for others, so that whoever tries many leaves some: one
 * alone gets half of what there is, a second half of the rest. */
static bool has_share(const struct node *n, uint32_t ref)
{
	unsigned own = 0, left = 0;

	for (unsigned i = 0; i < LOOKUPS_MAX / 2; i++) {
		const struct lookup *l = &n->kad->lookup[i];

		left += !l->active;
		own += l->active && l->purpose == LOOKUP_ADDRESS && l->ref == ref;
	}
	return own >= left;
}

int lookup_start(struct node *n, enum lookup_purpose purpose, uint32_t ref,
                 const struct node_id *target, const struct contact_info *at, uint64_t beyond)
{
	struct contact *near[LOOKUP_WIDTH / 2];
	struct lookup *l = NULL;
	struct contact_info c;
	unsigned k;

	for (unsigned i = 0; i < LOOKUPS_MAX && !l; i++)
		if (!n->kad->lookup[i].active)
			l = &n->kad->lookup[i];
	/* Housekeeping, and addresses that any program may try, take only half of the slots, so that sessions and operators find one free. */
	if (!l || ((purpose == LOOKUP_REFRESH || purpose == LOOKUP_ADDRESS) &&
	           l >= &n->kad->lookup[LOOKUPS_MAX / 2]))
		return -EBUSY;
	if (purpose == LOOKUP_ADDRESS && has_share(n, ref))
		return -EBUSY;
	memset(l, 0, sizeof(*l));
	l->cand = ctx_alloc(n, (LOOKUP_WIDTH + 1) * sizeof(*l->cand));
	if (!l->cand)
		return -ENOMEM;
	l->active = 1;
	l->target = *target;
	l->purpose = (uint8_t)purpose;
	l->ref = ref;
	l->beyond = beyond;
	l->deadline = instant_add(n->now, LOOKUP_LIFE + 8 * peers_slow_ns(n, 1));
	if (at)
		add(n, l, at);
	k = contact_closest(n->contacts, target, false, near, LOOKUP_WIDTH / 2);
	for (unsigned i = 0; i < k; i++) {
		contact_to_info(near[i], &c);
		add(n, l, &c);
	}
	l->exact =
	        false; /* our own record of the target is no result: the caller had it and looks for a better one */
	proceed(n, l);
	return 0;
}

static void mark(struct lookup *l, const struct node_id *id, uint8_t state)
{
	for (unsigned i = 0; i < l->n; i++)
		if (id_eq(&l->cand[i].info.id, id))
			l->cand[i].state = state;
}

/* One question of the lookup is no longer counted as open, or, if slow, as late. */
static void stop_waiting(struct lookup *l, bool slow)
{
	uint8_t *count = slow ? &l->slow : &l->in_flight;

	if (*count)
		--*count;
}

void lookup_slow(struct node *n, struct lookup *l)
{
	if (!l->active)
		return;
	stop_waiting(l, false);
	l->slow++;
	proceed(n, l);
}

void lookup_answer(struct node *n, struct lookup *l, const struct node_id *from, bool slow,
                   const struct kad_msg *m)
{
	if (!l->active)
		return;
	stop_waiting(l, slow);
	mark(l, from, CAND_ANSWERED);
	if (is_target(l, from)) {
		l->exact = true;
		l->found.id = *from;
		l->found.seq = m->self.seq;
		l->found.ntrees = m->self.ntrees;
		memcpy(l->found.place, m->self.place, sizeof(l->found.place));
	}
	add_named(n, l, m);
	proceed(n, l);
}

bool lookup_candidate(const struct lookup *l, const struct node_id *id, struct contact_info *out)
{
	for (unsigned i = 0; l->active && i < l->n; i++)
		if (id_eq(&l->cand[i].info.id, id)) {
			*out = l->cand[i].info;
			return true;
		}
	return false;
}

bool lookup_part(struct node *n, struct lookup *l, const struct node_id *from,
                 const struct kad_msg *m)
{
	if (!l->active)
		return false;
	add_named(n, l, m);
	if (l->exact && l->purpose != LOOKUP_REFRESH)
		return false;
	/* Somebody nearer to ask: the rest of this answer is not needed. */
	for (unsigned i = 0; i < l->n && id_cmp_dist(&l->target, &l->cand[i].info.id, from) < 0;
	     i++)
		if (l->cand[i].state == CAND_NEW)
			return false;
	return true;
}

void lookup_failed(struct node *n, struct lookup *l, const struct node_id *who, bool slow)
{
	if (!l->active)
		return;
	stop_waiting(l, slow);
	mark(l, who, CAND_FAILED);
	if (l->exact && is_target(l, who))
		l->exact = false;
	proceed(n, l);
}
