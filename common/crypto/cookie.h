/* SPDX-License-Identifier: BSD-3-Clause */
/* mac1, mac2 and the stateless cookie that answer a flood of first messages without doing public-key work. */
#pragma once
#include "base/cc.h"
#include "base/rng.h"
#include "base/time.h"
#include "wire/id.h"

#include <stdbool.h>
#include <stddef.h>

#define COOKIE_MAC_BYTES   16
#define COOKIE_BYTES       16
#define COOKIE_REPLY_BYTES (24 + COOKIE_BYTES + 16) /* nonce, sealed cookie, tag */
#define COOKIE_SECRET_NS   (120 * NS_PER_S)

/* The answering side's secret, renewed by age; the previous one is still accepted. */
struct cookie_jar {
	uint8_t secret[2][32];
	struct instant born;
	bool any;
};

/* mac1 over the message so far, keyed by the addressee's id (all-zero where it is not known yet). */
void cookie_mac1(const struct node_id *addressee, const void *msg, size_t len,
                 uint8_t mac[COOKIE_MAC_BYTES]);
/* mac2 over the message with mac1, keyed by a cookie. */
void cookie_mac2(const uint8_t cookie[COOKIE_BYTES], const void *msg, size_t len,
                 uint8_t mac[COOKIE_MAC_BYTES]);
bool cookie_mac_equal(const uint8_t a[COOKIE_MAC_BYTES], const uint8_t b[COOKIE_MAC_BYTES]);

/* Makes the cookie of the sender that `source` names (address and port, MAC, or neighbour and source id). */
void cookie_make(struct cookie_jar *jar, const struct rng *rng, struct instant now,
                 const void *source, size_t len, uint8_t cookie[COOKIE_BYTES]);
/* True when mac2 was made with the cookie that this jar gives to `source` now, or with the one it gave under its previous secret. */
bool cookie_check(struct cookie_jar *jar, const struct rng *rng, struct instant now,
                  const void *source, size_t source_len, const void *msg, size_t len,
                  const uint8_t mac2[COOKIE_MAC_BYTES]);

/* Seals a cookie for the sender of the message whose mac1 is given; `me` is the id mac1 was keyed with. */
void cookie_seal(const struct node_id *me, const struct rng *rng,
                 const uint8_t mac1[COOKIE_MAC_BYTES], const uint8_t cookie[COOKIE_BYTES],
                 uint8_t out[COOKIE_REPLY_BYTES]);
int cookie_open(const struct node_id *addressee, const uint8_t mac1[COOKIE_MAC_BYTES],
                const uint8_t in[COOKIE_REPLY_BYTES], uint8_t cookie[COOKIE_BYTES]) COYO_NODISCARD;

/* The mac of a refusal over its header and what stands before the mac, keyed by mac1 of the first message that is refused: only who has seen
 * that message can make it. */
void cookie_refusal_mac(const uint8_t mac1[COOKIE_MAC_BYTES], const void *msg, size_t len,
                        uint8_t mac[COOKIE_MAC_BYTES]);
