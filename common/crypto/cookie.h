/* SPDX-License-Identifier: BSD-3-Clause */
/* mac1, mac2 and the stateless cookie that answer a flood of first messages without doing public-key work. */
#pragma once
#include "base/cc.h"
#include "base/rng.h"
#include "base/time.h"
#include "wire/id.h"

#include <stdbool.h>
#include <stddef.h>

#define COOKIE_MAC_BYTES    16
#define COOKIE_BYTES        16
#define COOKIE_NONCE_BYTES  24
#define COOKIE_REPLY_BYTES  (COOKIE_NONCE_BYTES + COOKIE_BYTES + 16) /* nonce, sealed cookie, tag */
#define COOKIE_SECRET_NS    (120 * NS_PER_S)
#define COOKIE_SOURCE_BYTES 26

/* The answering side's secrets. They follow from one key and the time, so that all that have the key and read one clock make the same
 * cookies: each secret is used for COOKIE_SECRET_NS, and the one before is still accepted. */
struct cookie_jar {
	uint8_t key[32];
	uint8_t secret[2][32]; /* of this period, of the one before */
	int64_t period;        /* that they are of, -1: none so far */
};

/* The keys that follow from an id, for who needs them often. */
struct cookie_keys {
	uint8_t mac1[32], seal[32];
};

/* The sender of a frame as bytes: the link it came by, and its address (16 bytes, zeros behind those of IPv4) and port, or its MAC. */
void cookie_source(uint16_t link, const uint8_t addr[16], uint16_t port, const uint8_t mac[6],
                   uint8_t out[COOKIE_SOURCE_BYTES]);

/* The keys of an id. */
void cookie_keys_of(const struct node_id *id, struct cookie_keys *k);
/* mac1 over the message so far, keyed by the addressee's id (all-zero where it is not known yet). */
void cookie_mac1(const struct node_id *addressee, const void *msg, size_t len,
                 uint8_t mac[COOKIE_MAC_BYTES]);
/* The same by keys that stand ready. */
void cookie_mac1_by(const struct cookie_keys *addressee, const void *msg, size_t len,
                    uint8_t mac[COOKIE_MAC_BYTES]);
/* mac2 over the message with mac1, keyed by a cookie. */
void cookie_mac2(const uint8_t cookie[COOKIE_BYTES], const void *msg, size_t len,
                 uint8_t mac[COOKIE_MAC_BYTES]);
bool cookie_mac_equal(const uint8_t a[COOKIE_MAC_BYTES], const uint8_t b[COOKIE_MAC_BYTES]);

/* A jar of this key. */
void cookie_jar_init(struct cookie_jar *jar, const uint8_t key[32]);
/* Makes the cookie of the sender that `source` names, as of now. */
void cookie_make(struct cookie_jar *jar, struct instant now, const void *source, size_t len,
                 uint8_t cookie[COOKIE_BYTES]);
/* The same under a given secret. */
void cookie_of(const uint8_t secret[32], const void *source, size_t len,
               uint8_t cookie[COOKIE_BYTES]);
/* True when mac2 was made with the cookie that this jar gives to `source` now, or with the one it gave under its previous secret. */
bool cookie_check(struct cookie_jar *jar, struct instant now, const void *source, size_t source_len,
                  const void *msg, size_t len, const uint8_t mac2[COOKIE_MAC_BYTES]);

/* True when `cookie` is the one that this jar gives to `source` now, or gave under its previous secret. */
bool cookie_known(struct cookie_jar *jar, struct instant now, const void *source, size_t len,
                  const uint8_t cookie[COOKIE_BYTES]);

/* Seals a cookie for the sender of the message whose mac1 is given; `me` is the id mac1 was keyed with. */
void cookie_seal(const struct node_id *me, const struct rng *rng,
                 const uint8_t mac1[COOKIE_MAC_BYTES], const uint8_t cookie[COOKIE_BYTES],
                 uint8_t out[COOKIE_REPLY_BYTES]);
/* The same by keys that stand ready, and a nonce that has not been used before. */
void cookie_seal_by(const struct cookie_keys *me, const uint8_t nonce[COOKIE_NONCE_BYTES],
                    const uint8_t mac1[COOKIE_MAC_BYTES], const uint8_t cookie[COOKIE_BYTES],
                    uint8_t out[COOKIE_REPLY_BYTES]);
int cookie_open(const struct node_id *addressee, const uint8_t mac1[COOKIE_MAC_BYTES],
                const uint8_t in[COOKIE_REPLY_BYTES], uint8_t cookie[COOKIE_BYTES]) COYO_NODISCARD;

/* The mac of a refusal over its header and what stands before the mac, keyed by mac1 of the first message that is refused: only who has seen
 * that message can make it. */
void cookie_refusal_mac(const uint8_t mac1[COOKIE_MAC_BYTES], const void *msg, size_t len,
                        uint8_t mac[COOKIE_MAC_BYTES]);
