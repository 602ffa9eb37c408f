/* SPDX-License-Identifier: BSD-3-Clause */
/* Verdicts on handshake frames: mac1, mac2 under load, shares of source prefixes. */
#include "seal/door.h"

#include "ipc/cpdp.h"
#include "wire/hsmsg.h"

#include <sodium.h>
#include <string.h>

#define LOAD_NS (1 * NS_PER_S)
/* A prefix may be ahead of its distance by so much: ten messages at once while the distance is the least. */
#define AHEAD_NS     (200 * NS_PER_MS)
#define SPACING_MIN  (20 * NS_PER_MS)
#define SPACING_MAX  (8 * NS_PER_S)
#define WIDEN_AFTER  (100 * NS_PER_MS)
#define NARROW_AFTER (1 * NS_PER_S)

static void derive(const uint8_t key[32], const char *what, uint8_t number, void *out, size_t len)
{
	crypto_generichash_state st;

	crypto_generichash_init(&st, key, 32, len);
	crypto_generichash_update(&st, (const uint8_t *)what, strlen(what));
	crypto_generichash_update(&st, &number, 1);
	crypto_generichash_final(&st, out, len);
}

void door_init(struct door *d, const uint8_t key[32], const struct node_id *me, unsigned worker)
{
	static const struct node_id nobody;

	memset(d, 0, sizeof(*d));
	cookie_jar_init(&d->jar, key);
	hsindex_init(&d->index, key);
	cookie_keys_of(me, &d->keys[0]);
	cookie_keys_of(&nobody, &d->keys[1]);
	derive(key, "coyo door places", (uint8_t)worker, d->hash_key, sizeof(d->hash_key));
	derive(key, "coyo door nonces", (uint8_t)worker, d->nonce, sizeof(d->nonce) - 8);
	bucket_init(&d->cookies, DOOR_COOKIES, DOOR_COOKIES / 10);
}

void door_link_init(struct door_link *l)
{
	*l = (struct door_link){.spacing = SPACING_MIN};
	bucket_init(&l->unproven, DOOR_UNPROVEN, DOOR_UNPROVEN_BURST);
	bucket_init(&l->proven, DOOR_PROVEN, DOOR_PROVEN_BURST);
	bucket_init(&l->answers, DOOR_ANSWERS, DOOR_ANSWERS);
}

/* ---- shares ---- */

/* What places are found by: kind, link, and whose they are. */
#define PLACE_BYTES (4 + SOURCE_PREFIX_BYTES)

static void places_at(struct door *d, const uint8_t in[PLACE_BYTES],
                      struct instant *place[DOOR_ROWS])
{
	uint64_t h;

	crypto_shorthash((uint8_t *)&h, in, PLACE_BYTES, d->hash_key);
	for (unsigned i = 0; i < DOOR_ROWS; i++)
		place[i] = &d->quiet[i][h >> 16 * i & (DOOR_PLACES - 1)];
}

/* The places of a source's prefix: /24, /56, or the MAC, at this link. kind: what is shared. */
static void places_of(struct door *d, const struct door_source *from, uint8_t kind,
                      struct instant *place[DOOR_ROWS])
{
	uint8_t in[PLACE_BYTES] = {kind};

	be16_store(in + 2, from->link);
	source_prefix(from->family, from->addr, from->mac, in + 4);
	places_at(d, in, place);
}

/* The places of this node's own handshakes over one link: low bits of their indices name it where links share a socket. */
static void places_own(struct door *d, const struct door_source *from, uint32_t index,
                       struct instant *place[DOOR_ROWS])
{
	uint8_t in[PLACE_BYTES] = {3};

	be16_store(in + 2, from->link);
	be32_store(in + 4, index % CPDP_LINKS_MAX);
	places_at(d, in, place);
}

/* Whether a message of a prefix keeps its distance from those before, by any of its places. */
static bool share_left(struct instant *const place[DOOR_ROWS], struct instant now)
{
	struct instant ahead = instant_add(now, AHEAD_NS);
	bool left = false;

	for (unsigned i = 0; i < DOOR_ROWS; i++)
		left |= !instant_before(ahead, *place[i]);
	return left;
}

/* One that passes. */
static void share_take(struct instant *const place[DOOR_ROWS], struct instant now, int64_t spacing)
{
	for (unsigned i = 0; i < DOOR_ROWS; i++)
		*place[i] = instant_add(instant_before(*place[i], now) ? now : *place[i], spacing);
}

static void respace(struct door_link *l, struct instant now, bool wider)
{
	int64_t since = instant_sub(now, l->spaced_at);

	if (since < (wider ? WIDEN_AFTER : NARROW_AFTER))
		return;
	l->spacing = wider ? l->spacing * 2 : l->spacing / 2;
	if (l->spacing < SPACING_MIN)
		l->spacing = SPACING_MIN;
	if (l->spacing > SPACING_MAX)
		l->spacing = SPACING_MAX;
	l->spaced_at = now;
}

/* A first message whose sender is where it says. */
static enum door_verdict proven(struct door *d, struct door_link *l, struct instant now,
                                const struct door_source *from)
{
	struct instant *place[DOOR_ROWS];

	places_of(d, from, 1, place);
	if (!share_left(place, now))
		return DOOR_SHARE;
	if (!bucket_take(&l->proven, now)) {
		respace(l, now, true);
		return DOOR_FULL;
	}
	share_take(place, now, l->spacing);
	respace(l, now, false);
	return DOOR_PASS;
}

/* ---- first messages ---- */

/* Bytes of a first message that its mac1 covers. */
static size_t covered(const struct link_header *h)
{
	return LINK_HEADER_BYTES + h->length - HS_MACS_BYTES;
}

/* The keys that its mac1 was made by, or NULL. */
static const struct cookie_keys *addressee(const struct door *d, const uint8_t *f,
                                           const struct link_header *h)
{
	uint8_t mac[COOKIE_MAC_BYTES];

	for (unsigned i = 0; i < 2; i++) {
		cookie_mac1_by(&d->keys[i], f, covered(h), mac);
		if (cookie_mac_equal(mac, f + covered(h)))
			return &d->keys[i];
	}
	return NULL;
}

static bool mac2_right(struct door *d, struct instant now, const struct door_source *from,
                       const uint8_t *f, const struct link_header *h)
{
	size_t len = covered(h) + COOKIE_MAC_BYTES;
	uint8_t source[COOKIE_SOURCE_BYTES];

	cookie_source(from->link, from->addr, from->port, from->mac, source);
	return cookie_check(&d->jar, now, source, sizeof(source), f, len, f + len);
}

static enum door_verdict first(struct door *d, struct door_link *l, struct instant now,
                               const struct door_source *from, const uint8_t *f,
                               const struct link_header *h)
{
	static const uint8_t none[COOKIE_MAC_BYTES];
	bool shown;

	if (h->length < HS1_ENVELOPE)
		return DOOR_SHORT;
	if (!addressee(d, f, h))
		return DOOR_MAC1;
	shown = !cookie_mac_equal(f + covered(h) + COOKIE_MAC_BYTES, none);
	if (shown && mac2_right(d, now, from, f, h))
		return proven(d, l, now, from);
	if (!bucket_take(&l->unproven, now))
		l->load_until = instant_add(now, LOAD_NS);
	if (instant_reached(l->load_until, now))
		return DOOR_PASS;
	if (!bucket_take(&d->cookies, now))
		return DOOR_NO_COOKIE;
	return shown ? DOOR_MAC2 : DOOR_COOKIE;
}

/* What claims to answer a message of this node, or goes on with a handshake. */
static enum door_verdict other(struct door *d, struct door_link *l, struct instant now,
                               const struct door_source *from, const struct link_header *h)
{
	struct instant *place[DOOR_ROWS];
	bool third = h->type == LINK_HS3;

	if (third ? !hsindex_answer_is(&d->index, h->receiver, from->family, from->addr, from->mac)
	          : !hsindex_own_is(&d->index, h->receiver))
		return DOOR_INDEX;
	if (third)
		places_of(d, from, 2, place);
	else
		places_own(d, from, h->receiver, place);
	if (!share_left(place, now))
		return DOOR_SHARE;
	if (!bucket_take(&l->answers, now))
		return DOOR_FULL;
	share_take(place, now, SPACING_MIN / 2);
	return DOOR_PASS;
}

enum door_verdict door_judge(struct door *d, struct door_link *l, struct instant now,
                             const struct door_source *from, const uint8_t *f,
                             const struct link_header *h)
{
	COYO_ASSERT(h->type != LINK_DATA);
	return h->type == LINK_HS1 ? first(d, l, now, from, f, h) : other(d, l, now, from, h);
}

void door_answer(struct door *d, struct instant now, const struct door_source *from,
                 const uint8_t *f, const struct link_header *h, uint8_t out[DOOR_ANSWER_BYTES])
{
	uint8_t source[COOKIE_SOURCE_BYTES], cookie[COOKIE_BYTES], mac1[COOKIE_MAC_BYTES];
	const struct cookie_keys *keys = addressee(d, f, h);
	uint8_t *number = d->nonce + COOKIE_NONCE_BYTES - 8;

	_Static_assert(DOOR_ANSWER_BYTES < LINK_HEADER_BYTES + HS1_ENVELOPE, "no amplification");
	COYO_ASSERT(keys);
	memcpy(mac1, f + covered(h), sizeof(mac1));
	be64_store(number, be64_load(number) + 1);
	cookie_source(from->link, from->addr, from->port, from->mac, source);
	cookie_make(&d->jar, now, source, sizeof(source), cookie);
	link_header_put(out, &(struct link_header){.type = LINK_COOKIE,
	                                           .length = COOKIE_REPLY_BYTES,
	                                           .receiver = (uint32_t)h->counter});
	cookie_seal_by(keys, d->nonce, mac1, cookie, out + LINK_HEADER_BYTES);
}
