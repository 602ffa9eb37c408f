/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses and ids of the TUN. */
#include "app/tun_ids.h"

/* Ids are hashes: their bits spread by themselves. Somebody who makes many ids for one set only has them asked for again. */
static unsigned set_of(const uint8_t bits[IP6_ID_BYTES])
{
	return ((unsigned)bits[IP6_ID_BYTES - 1] << 8 | bits[IP6_ID_BYTES - 2]) &
	       (TUN_IDS_SETS - 1);
}

const struct node_id *tun_ids_find(struct tun_ids *t, const uint8_t addr[IP6_ADDR_BYTES])
{
	unsigned set = set_of(addr + 1);

	for (unsigned i = 0; i < TUN_IDS_WAYS; i++)
		if (t->known[set][i].used && ip6_is_id(addr, &t->known[set][i].id))
			return &t->known[set][i].id;
	return NULL;
}

void tun_ids_learn(struct tun_ids *t, const struct node_id *id)
{
	unsigned set = set_of(id->b), way = t->next_way++ % TUN_IDS_WAYS;

	for (unsigned i = 0; i < TUN_IDS_WAYS; i++) {
		if (t->known[set][i].used && id_eq(&t->known[set][i].id, id))
			return;
		if (!t->known[set][i].used)
			way = i;
	}
	t->known[set][way].used = true;
	t->known[set][way].id = *id;
}

struct tun_ask *tun_ask_find(struct tun_ids *t, const struct node_id *target)
{
	for (unsigned i = 0; i < TUN_ASK_MAX; i++)
		if (t->ask[i].state != TUN_ASK_FREE && id_eq(&t->ask[i].target, target))
			return &t->ask[i];
	return NULL;
}

uint32_t tun_asker(const struct tun_packet *p)
{
	return (uint32_t)p->protocol << 16 | (p->protocol == IP6_NEXT_TCP ? p->to : p->from);
}

/* One that tries many addresses gets half of the room, a second half of the rest, and so on: there is some for one that asks for its first. */
static bool has_share(const struct tun_ids *t, uint32_t asker)
{
	unsigned own = 0, left = 0;

	for (unsigned i = 0; i < TUN_ASK_MAX; i++) {
		left += t->ask[i].state == TUN_ASK_FREE;
		own += t->ask[i].state != TUN_ASK_FREE && t->ask[i].asker == asker;
	}
	return own >= left;
}

struct tun_ask *tun_ask_begin(struct tun_ids *t, const struct node_id *target, uint32_t asker,
                              struct instant now)
{
	if (has_share(t, asker))
		return NULL;
	for (unsigned i = 0; i < TUN_ASK_MAX; i++) {
		struct tun_ask *a = &t->ask[i];

		if (a->state != TUN_ASK_FREE)
			continue;
		a->state = TUN_ASKING;
		a->held = 0;
		a->target = *target;
		a->asker = asker;
		a->begun = a->asked = now;
		return a;
	}
	return NULL;
}

bool tun_ask_hold(struct tun_ask *a, const uint8_t *packet, size_t len)
{
	if (a->held == TUN_ASK_HELD || len > TUN_MTU_MOST)
		return false;
	memcpy(a->packet[a->held], packet, len);
	a->len[a->held++] = (uint16_t)len;
	return true;
}

static struct instant due(const struct tun_ask *a)
{
	if (a->state == TUN_ASK_FREE)
		return INSTANT_NEVER;
	if (a->state == TUN_ASK_FAILED)
		return instant_add(a->begun, TUN_FAILED_NS);
	return instant_min(instant_add(a->asked, TUN_ASK_NS), instant_add(a->begun, TUN_ASK_LIFE));
}

struct instant tun_ask_deadline(const struct tun_ids *t)
{
	struct instant first = INSTANT_NEVER;

	for (unsigned i = 0; i < TUN_ASK_MAX; i++)
		first = instant_min(first, due(&t->ask[i]));
	return first;
}

struct tun_ask *tun_ask_due(struct tun_ids *t, struct instant now, bool *again)
{
	for (unsigned i = 0; i < TUN_ASK_MAX; i++) {
		struct tun_ask *a = &t->ask[i];

		if (!instant_reached(due(a), now))
			continue;
		*again = a->state == TUN_ASKING &&
		         !instant_reached(instant_add(a->begun, TUN_ASK_LIFE), now);
		if (*again) {
			a->asked = now;
		} else if (a->state == TUN_ASKING) {
			a->state = TUN_ASK_FAILED;
			a->begun = now;
		} else {
			a->state = TUN_ASK_FREE;
		}
		return a;
	}
	return NULL;
}
