/* SPDX-License-Identifier: BSD-3-Clause */
/* Handshake indices that tell themselves from guesses: their upper bits are a mac under a secret of this node. So a worker drops answers to
 * what this node never sent without knowing what it has sent, and third messages from where no second message went to. */
#pragma once
#include "base/cc.h"

#include <stdbool.h>
#include <stdint.h>

/* Low bits of an index that are free, and mac bits above them: one guess in 8 192 is right. */
#define HSINDEX_FREE_BITS 19

/* Bytes of a source prefix: the family, and what one owner has of an address. */
#define SOURCE_PREFIX_BYTES 8

/* The prefix of a source that shares are counted by: {family, /24 of IPv4 or /56 of IPv6, zeros}; family 0: {0, mac}, or with mac NULL zeros,
 * so that all are one. */
void source_prefix(uint8_t family, const uint8_t addr[16], const uint8_t mac[6],
                   uint8_t prefix[SOURCE_PREFIX_BYTES]);

struct hsindex {
	uint8_t key[16];
};

/* The secret that follows from the node's cookie key. */
void hsindex_init(struct hsindex *x, const uint8_t cookie_key[32]);

/* The index of a handshake that this node begins, with the low bits of `low`. */
uint32_t hsindex_own(const struct hsindex *x, uint32_t low);
/* Whether it may be one. */
bool hsindex_own_is(const struct hsindex *x, uint32_t index);

/* The index of a handshake that this node answers. It is good for third messages from the prefix that the first came from: /24 of IPv4, /56 of
 * IPv6, the MAC where family is 0. */
uint32_t hsindex_answer(const struct hsindex *x, uint32_t low, uint8_t family,
                        const uint8_t addr[16], const uint8_t mac[6]);
/* Whether it may be one, in a message from there. */
bool hsindex_answer_is(const struct hsindex *x, uint32_t index, uint8_t family,
                       const uint8_t addr[16], const uint8_t mac[6]);
