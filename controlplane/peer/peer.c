/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbours: a peer's life from NODE_LINK_ADD to OUT_LINK_GONE. */
#include "peer/peer.h"

#include "peer/listen.h"
#include "peer/numbers.h"

#include "base/assert.h"
#include "core/emit.h"
#include "wire/link.h"
#include "wire/lse.h"

#include <errno.h>
#include <string.h>

/* How long the other side may take to answer the third message, where the round trip does not make it longer. */
#define CONFIRM_WAIT (500 * NS_PER_MS)

int peers_new(struct node *n)
{
	n->peers = ctx_alloc(n, sizeof(*n->peers));
	if (!n->peers)
		return -ENOMEM;
	TAILQ_INIT(&n->peers->list);
	RB_INIT(&n->peers->by_id);
	RB_INIT(&n->peers->by_key);
	RB_INIT(&n->peers->by_name);
	TAILQ_INIT(&n->peers->listeners);
	halfopens_init(&n->peers->half_open);
	bucket_init(&n->peers->hs_rate, PEER_HS_RATE, PEER_HS_RATE);
	cookie_jar_init(&n->peers->jar, n->cfg.cookie_key);
	hsindex_init(&n->peers->index, n->cfg.cookie_key);
	bucket_init(&n->peers->refusals, PEER_REFUSALS, PEER_REFUSALS);
	return 0;
}

static void peer_release(struct node *n, struct peer *p)
{
	disarm(n, &p->hs_timer);
	peer_live_stop(n, p);
	peer_probe_stop(n, p);
	sampling_stop(n, p);
	disarm(n, &p->address_timer);
	disarm(n, &p->rekey_timer);
	disarm(n, &p->old_key_timer);
	disarm(n, &p->linger_timer);
	disarm(n, &p->leave_timer);
	ticket_cancel(n, &p->gone_ticket);
	ticket_cancel(n, &p->own.ticket);
	listener_link_leaves(n, p);
	peer_generations_wipe(n, p);
	labels_reset(n, &p->labels);
	ctx_free(n, p->ann);
	ctx_free(n, p->announced.former);
	ctx_free(n, p->sample);
	TAILQ_REMOVE(&n->peers->list, p, next);
	numbers_release(n, p);
	explicit_bzero(p, sizeof(*p));
	ctx_free(n, p);
}

void peers_free(struct node *n)
{
	struct peer *p;

	if (!n->peers)
		return;
	halfopens_clear(n);
	while ((p = TAILQ_FIRST(&n->peers->list)))
		peer_release(n, p);
	listeners_free(n);
	explicit_bzero(&n->peers->jar, sizeof(n->peers->jar));
	explicit_bzero(&n->peers->index, sizeof(n->peers->index));
	numbers_free(n, n->peers);
	ctx_free(n, n->peers);
	n->peers = NULL;
}

static int order(struct peer *a, struct peer *b)
{
	int d = id_cmp(&a->id, &b->id);

	return d ? d : a->number < b->number ? -1 : a->number > b->number;
}

RB_GENERATE_INTERNAL(peer_ids, peer, of_id, order, static __attribute__((unused)))

void peers_index(struct peers *ps, struct peer *p, bool up)
{
	struct peer *same =
	        up ? RB_INSERT(peer_ids, &ps->by_id, p) : RB_REMOVE(peer_ids, &ps->by_id, p);

	COYO_ASSERT(up ? !same : same == p);
}

/* Searches by hand, since RB_FIND would need a whole struct peer as its key. */
struct peer *peers_find(const struct peers *ps, const struct node_id *id)
{
	struct peer *p = RB_ROOT(&ps->by_id), *found = NULL;

	while (p) {
		int d = id_cmp(id, &p->id);

		if (d == 0)
			found = p;
		p = d <= 0 ? RB_LEFT(p, of_id) : RB_RIGHT(p, of_id);
	}
	return found;
}

struct peer *peer_by_id(struct node *n, const struct node_id *id)
{
	return peers_find(n->peers, id);
}

struct peer *peer_same(struct peer *p)
{
	struct peer *next = peer_ids_RB_NEXT(p);

	return next && id_eq(&next->id, &p->id) ? next : NULL;
}

int peer_make(struct node *n, const struct node_link_cfg *cfg, struct peer **made)
{
	struct peer *p;

	if (cfg->io.link >= CPDP_LINKS_MAX)
		return -EINVAL;
	if (peer_by_link(n, cfg->io.link) || listener_by_link(n, cfg->io.link))
		return -EEXIST;
	p = numbers_room(n, cfg->io.link) == 0 ? ctx_alloc(n, sizeof(*p)) : NULL;
	if (!p)
		return -ENOMEM;
	p->cfg = *cfg;
	p->link = cfg->io.link;
	p->carrier = true;
	p->rtt_ns = -1;
	p->mtu = p->remote_mtu = cfg->io.mtu;
	p->local_epoch = (uint32_t)rng_u64(&n->cfg.rng);
	p->setup_rate = (struct bucket){.rate = n->cfg.transit_rate, .burst = n->cfg.transit_rate};
	peer_addresses_init(p);
	p->own.peer = p;
	p->number = n->peers->added++;
	TAILQ_INSERT_TAIL(&n->peers->list, p, next);
	numbers_take(n, p);
	p->added_at = n->now;
	*made = p;
	return 0;
}

void peer_announce(struct node *n, struct peer *p)
{
	struct cp_cmd c = {.type = CMD_LINK_SET};

	c.u.link = p->cfg.io;
	out_command(n, CPDP_ALL_WORKERS, &c);
}

int peer_add(struct node *n, const struct node_link_cfg *cfg)
{
	struct peer *p;
	int r = peer_make(n, cfg, &p);

	if (r != 0)
		return r;
	peer_announce(n, p);
	peer_handshake_start(n, p);
	return 0;
}

static void gone(struct node *n, void *owner)
{
	struct peer *p = owner;
	uint16_t link = p->link;

	peer_release(n, p);
	out_link_gone(n, link);
}

/* The link by which handshakes for p arrive: its own, or its listener's. */
static uint16_t in_link(const struct peer *p)
{
	return p->listener ? p->listener->io.link : p->link;
}

void peer_del(struct node *n, uint16_t link)
{
	struct peer *p = peer_by_link(n, link);
	struct cp_cmd c = {.type = CMD_LINK_DEL};
	struct listener *l = p ? p->listener : NULL;

	if (!p || p->state == PEER_GONE)
		return;
	peer_say_goodbye(n, p);
	p->leave_told = LEAVE_TIMES; /* no handshake of ours begins any more */
	peer_down(n, p, "link deleted");
	/* A handshake whose keys the workers are still learning must not bring the link up again. */
	ticket_cancel(n, &p->own.ticket);
	halfopens_drop(n, in_link(p), p);
	listener_link_leaves(n, p);
	p->state = PEER_GONE;
	sampling_stop(n, p);
	disarm(n, &p->hs_timer);
	disarm(n, &p->linger_timer);
	disarm(n, &p->leave_timer);
	c.u.link.link = link;
	out_command(n, CPDP_ALL_WORKERS, &c);
	ticket_wait(n, &p->gone_ticket, gone, p);
	if (l)
		listener_link_deleted(n, l);
}

void peer_carrier(struct node *n, uint16_t link, bool up)
{
	struct peer *p = peer_by_link(n, link);

	if (!p || p->carrier == up || p->state == PEER_GONE)
		return;
	p->carrier = up;
	if (!up)
		peer_down(n, p, "no carrier");
	else
		peer_handshake_start(n, p);
}

static void rx_del_old(struct node *n, struct peer *p)
{
	peer_rx_del(n, p, &p->rx_old[0]);
	peer_rx_del(n, p, &p->rx_old[1]);
}

static void grant_wipe(struct node *n, struct peer *p, struct peer_grant *g)
{
	peer_rx_del(n, p, &g->rx);
	explicit_bzero(g, sizeof(*g));
}

static void open_link(struct node *n, struct peer *p, bool on)
{
	struct cp_cmd c = {.type = CMD_LINK_OPEN};

	c.u.open.link = p->link;
	c.u.open.on = on;
	out_command(n, CPDP_ALL_WORKERS, &c);
}

/* Drops all state that is valid only while the neighbour is up: keys, labels, and what the parts above hold (news.peer_down()). next: the handshake
 * whose epochs make the rest void, or NULL. Outcomes that wait and told the same epochs as it are kept: the handshakes crossed, and the
 * neighbour may use the keys of either. */
static void drop_state(struct node *n, struct peer *p, const char *why,
                       const struct handshake *next)
{
	peer_live_stop(n, p);
	peer_probe_stop(n, p);
	disarm(n, &p->rekey_timer);
	disarm(n, &p->old_key_timer);
	if (peer_up(p)) {
		p->state = PEER_IDLE;
		peers_index(n->peers, p, false);
		p->flaps++;
		count(n, CTR_LINK_DOWN);
		open_link(n, p, false);
		n->news->peer_down(n, p, why);
		out_link_state(n, p->link, false, &p->id, why);
		if (p->listener)
			listener_link_down(n, p);
	}
	peer_rx_del(n, p, &p->rx);
	rx_del_old(n, p);
	for (unsigned i = 0; i < PEER_GRANTS; i++)
		if (!next || p->grant[i].epoch != next->epoch ||
		    p->grant[i].remote.epoch != next->remote.epoch)
			grant_wipe(n, p, &p->grant[i]);
	p->rx_used = p->confirming = false;
	p->ann_valid = false;
	p->hs_rtt_ns = 0;
	p->rtt_by_hello = false;
	p->hello_heard_us = 0;
	p->tunnels = 0;
	p->leaving = p->leave_told > 0;
	labels_reset(n, &p->labels);
}

void peer_down(struct node *n, struct peer *p, const char *why)
{
	bool was_up = peer_up(p);

	drop_state(n, p, why, NULL);
	/* The neighbour may not have noticed: the new epoch makes it forget our labels. */
	p->local_epoch = (uint32_t)rng_u64(&n->cfg.rng);
	if (was_up && p->carrier)
		peer_handshake_start(n, p);
}

void peer_restarted(struct node *n, struct peer *p)
{
	drop_state(n, p, "neighbour started anew", NULL);
}

/* Sending keys: one per worker of ours, addressed to the receiver indices the neighbour granted. */
static void tx_keys(struct node *n, struct peer *p, const uint8_t secret[32],
                    const struct hs_payload *remote)
{
	for (unsigned w = 0; w < n->cfg.workers; w++) {
		struct cp_cmd c = {.type = CMD_LINK_TX_KEY};

		c.u.key.link = p->link;
		c.u.key.lane = (uint8_t)w;
		c.u.key.index = remote->rx[w % remote->nrx];
		c.u.key.alg = n->cfg.aes_gcm && (remote->caps & HS_CAP_AES_GCM) ? 2 : 1;
		noise_lane_key(secret, (uint16_t)w, c.u.key.key);
		out_command(n, (uint8_t)w, &c);
		explicit_bzero(&c, sizeof(c));
	}
}

static void came_up(struct node *n, struct peer *p)
{
	COYO_ASSERT(p->known && p->state != PEER_UP && p->state != PEER_GONE);
	if (p->narrow) {
		peer_probe_first(n, p);
		return;
	}
	p->state = PEER_UP;
	peers_index(n->peers, p, true);
	p->up_at = n->now;
	p->hs_tries = 0;
	p->gave_way = false;
	p->refusal = (struct peer_refusal){0};
	disarm(n, &p->linger_timer);
	p->hs_rtt_ns = 0;
	open_link(n, p, true);
	peer_live_start(n, p);
	out_link_state(n, p->link, true, &p->id, "handshake complete");
	n->news->peer_up(n, p);
	peer_probe_start(n, p);
}

void peer_wide(struct node *n, struct peer *p)
{
	came_up(n, p);
	peer_hello_tx(n, p, true);
}

/* Makes rx, from a completed handshake, the link's receiving keys. The older ones stay until the overlap has passed after the neighbour's
 * first packet under the new ones, or until they are too old to be accepted at all. */
static void rx_adopt(struct node *n, struct peer *p, struct rx_keys *rx)
{
	int64_t left = n->cfg.key_reject_ns - instant_sub(n->now, p->keyed_at);

	peer_rx_del(n, p, &p->rx_old[1]);
	p->rx_old[1] = p->rx_old[0];
	p->rx_old[0] = p->rx;
	p->rx = *rx;
	rx->count = 0;
	p->rx_used = false;
	arm(n, &p->old_key_timer, TIMER_PEER_OLD_KEY, p,
	    left > n->cfg.key_overlap_ns ? left : n->cfg.key_overlap_ns);
}

/* The neighbour has sent under p->rx. */
static void rx_proven(struct node *n, struct peer *p)
{
	p->rx_used = true;
	arm(n, &p->old_key_timer, TIMER_PEER_OLD_KEY, p, n->cfg.key_overlap_ns);
}

/* Takes over what a completed handshake says about the neighbour, and sets the time of the next rekey. */
static void take_remote(struct node *n, struct peer *p, const struct node_id *id,
                        const uint8_t x_key[32], const struct hs_payload *remote)
{
	if (peer_up(p))
		peers_index(n->peers, p, false);
	p->id = *id;
	if (peer_up(p))
		peers_index(n->peers, p, true);
	p->known = true;
	memcpy(p->key, remote->key, sizeof(p->key));
	memcpy(p->x_key, x_key, sizeof(p->x_key));
	p->remote_epoch = remote->epoch;
	p->remote_lanes = remote->tx_lanes;
	p->remote_caps = remote->caps;
	peer_probe_bound(n, p, remote->mtu);
	p->keyed_at = n->now;
	p->hs_tries = 0;
	p->use_xx = p->confirming = false;
	disarm(n, &p->hs_timer);
	/* The lower id rekeys first; the other side only if that did not happen. */
	arm(n, &p->rekey_timer, TIMER_PEER_REKEY, p,
	    n->cfg.rekey_ns + (id_cmp(&n->cfg.identity->id, &p->id) < 0 ? 0 : n->cfg.rekey_ns / 8));
}

/* Whether a completed handshake voids the labels of a link that is up: one side told another epoch than that of the labels that stand. */
static bool begins_anew(const struct peer *p, uint32_t epoch, const struct hs_payload *remote)
{
	return peer_up(p) && (p->remote_epoch != remote->epoch || p->local_epoch != epoch);
}

/* The neighbour has used the keys of g: they become the link's. */
static void grant_used(struct node *n, struct peer *p, struct peer_grant *g)
{
	struct peer_grant now = *g;

	COYO_ASSERT(now.rx.count > 0 && !now.overtaken);
	if (peer_taken(p, &now.id)) {
		grant_wipe(n, p, g);
		explicit_bzero(&now, sizeof(now));
		return;
	}
	if (p->rtt_ns < 0)
		peer_rtt_sample(p, instant_sub(n->now, now.born));
	explicit_bzero(g, sizeof(*g));
	if (begins_anew(p, now.epoch, &now.remote))
		drop_state(n, p, "neighbour started anew", NULL);
	else if (peer_up(p))
		p->rekeys++;
	/* One that was up all the time moves only when it has answered a challenge there. */
	if (!peer_up(p))
		peer_address_answered(n, p, &now.to);
	p->local_epoch = now.epoch;
	rx_adopt(n, p, &now.rx);
	rx_proven(n, p);
	take_remote(n, p, &now.id, now.x_key, &now.remote);
	if (now.xx)
		peer_generation_add(n, p, now.x_key, now.generation);
	tx_keys(n, p, now.tx_secret, &now.remote);
	explicit_bzero(&now, sizeof(now));
	if (!peer_up(p))
		came_up(n, p);
	peer_hello_tx(n, p, false);
}

static bool holds(const struct rx_keys *k, uint32_t index)
{
	for (unsigned i = 0; i < k->count; i++)
		if (k->index[i] == index)
			return true;
	return false;
}

void peer_key_used(struct node *n, struct peer *p, uint32_t index)
{
	if (p->state == PEER_GONE)
		return;
	for (unsigned i = 0; i < PEER_GRANTS; i++)
		if (holds(&p->grant[i].rx, index)) {
			if (!p->grant[i].overtaken)
				grant_used(n, p, &p->grant[i]);
			return;
		}
	if (!p->rx_used && holds(&p->rx, index))
		rx_proven(n, p);
}

void peer_plain_up(struct node *n, struct peer *p)
{
	disarm(n, &p->hs_timer);
	came_up(n, p);
	if (peer_up(p))
		peer_hello_tx(n, p, true);
}

void peer_confirmed(struct node *n, struct peer *p)
{
	if (!p->confirming || p->state == PEER_GONE)
		return;
	p->confirming = false;
	peer_generation_add(n, p, p->x_key, p->unproven);
	explicit_bzero(p->unproven, sizeof(p->unproven));
	disarm(n, &p->hs_timer);
	came_up(n, p);
	peer_hello_tx(n, p, true);
}

/* Keeps the outcome of hs until the neighbour uses its keys. Where no slot is free the oldest outcome is dropped. */
static void grant_keep(struct node *n, struct peer *p, struct handshake *hs)
{
	struct peer_grant *g = &p->grant[0];

	for (unsigned i = 1; i < PEER_GRANTS && g->rx.count; i++)
		if (!p->grant[i].rx.count || instant_before(p->grant[i].born, g->born))
			g = &p->grant[i];
	grant_wipe(n, p, g);
	g->rx = hs->rx;
	hs->rx.count = 0;
	memcpy(g->tx_secret, hs->tx_secret, sizeof(g->tx_secret));
	memcpy(g->x_key, hs->noise.rs, sizeof(g->x_key));
	g->id = hs->id;
	g->to = hs->to;
	g->remote = hs->remote;
	g->epoch = hs->epoch;
	g->born = n->now;
	g->xx = !hs->ik;
	if (g->xx)
		noise_generation(&hs->noise, g->generation);
	g->overtaken = false;
}

/* Whether the neighbour may not have the keys yet, because the message it derives them from has only just been sent by this node. */
static bool last_message_was_ours(const struct peer *p, const struct handshake *hs)
{
	return hs->ik ? !hs->noise.initiator : hs->noise.initiator && peer_up(p);
}

void peer_established(struct node *n, struct peer *p, struct handshake *hs)
{
	bool initiator_xx = hs->noise.initiator && !hs->ik, awaited = last_message_was_ours(p, hs);
	bool taken = peer_taken(p, &hs->id);
	int64_t wait = peer_handshake_wait(p);

	COYO_ASSERT(hs->peer == p && p->state != PEER_GONE);
	if (taken) {
		peer_rx_del(n, p, &hs->rx);
	} else if (awaited) {
		grant_keep(n, p, hs);
	} else {
		if (begins_anew(p, hs->epoch, &hs->remote)) {
			struct rx_keys keep = hs->rx;

			hs->rx.count = 0; /* the new keys stay */
			drop_state(n, p, "neighbour started anew", hs);
			hs->rx = keep;
		} else if (peer_up(p)) {
			p->rekeys++;
		}
		p->local_epoch = hs->epoch;
		for (unsigned i = 0; i < PEER_GRANTS; i++)
			p->grant[i].overtaken = true;
		rx_adopt(n, p, &hs->rx);
		take_remote(n, p, &hs->id, hs->noise.rs, &hs->remote);
		tx_keys(n, p, hs->tx_secret, &hs->remote);
		if (!hs->ik)
			noise_generation(&hs->noise, p->unproven);
		/* The third message has proven it to whom it was sent. */
		if (!hs->ik && !initiator_xx)
			peer_generation_add(n, p, hs->noise.rs, p->unproven);
	}
	if (initiator_xx)
		p->own_done_at = n->now;
	hs->active = false;
	explicit_bzero(hs->tx_secret, 32);
	noise_wipe(&hs->noise);
	if (awaited || taken)
		return;
	if (initiator_xx && !peer_up(p)) {
		/* The third message is under way: packets sent now could arrive before the other side's workers have the keys.
		 * Its first packet under them shows that they have; the handshake begins anew if none comes. */
		p->confirming = true;
		arm(n, &p->hs_timer, TIMER_PEER_HANDSHAKE, p,
		    wait > CONFIRM_WAIT ? wait : CONFIRM_WAIT);
		return;
	}
	if (!peer_up(p))
		came_up(n, p);
	peer_hello_tx(n, p, true);
	if (peer_up(p))
		peer_live_ask(n, p);
}

/* New keys are due. The next try waits until this one may have been answered, since beginning it discards this one. */
static void rekey(struct node *n, struct peer *p)
{
	int64_t again = peer_handshake_retry(n, p);

	if (instant_sub(n->now, p->keyed_at) >= n->cfg.key_reject_ns) {
		peer_down(n, p, "keys too old");
		return;
	}
	for (unsigned i = 0; i < PEER_GRANTS; i++)
		if (instant_sub(n->now, p->grant[i].born) >= n->cfg.key_reject_ns)
			grant_wipe(n, p, &p->grant[i]);
	if (!p->own.ticket.waiting)
		peer_handshake_start(n, p);
	arm(n, &p->rekey_timer, TIMER_PEER_REKEY, p,
	    again > n->cfg.rekey_ns / 24 ? again : n->cfg.rekey_ns / 24);
}

void peer_timer(struct node *n, struct timer *t)
{
	struct peer *p = t->owner;

	switch (t->kind) {
	case TIMER_PEER_HALF_OPEN:
		halfopens_expire(n);
		break;
	case TIMER_PEER_HANDSHAKE:
		peer_address_next(n, p);
		peer_handshake_start(n, p);
		break;
	case TIMER_PEER_REKEY:
		rekey(n, p);
		break;
	case TIMER_PEER_LIVENESS:
		peer_live_tick(n, p);
		break;
	case TIMER_PEER_LINGER:
		peer_del(n, p->link);
		break;
	case TIMER_PEER_PROBE:
		peer_probe_tick(n, p);
		break;
	case TIMER_PEER_ADDRESS:
		peer_address_tick(n, p);
		break;
	case TIMER_PEER_SAMPLE:
		sampling_tick(n, p, peer_answer_wait(p));
		break;
	case TIMER_PEER_LEAVE:
		peer_leave_tick(n, p);
		break;
	case TIMER_PEER_OLD_KEY:
		rx_del_old(n, p);
		break;
	default:
		break;
	}
}

void peer_send_local(struct node *n, struct peer *p, const void *body, size_t len)
{
	emit_local(n, p->link, body, len);
}
