/* SPDX-License-Identifier: BSD-3-Clause */
/* 512-bit node ids: compare, XOR metric, text forms. */
#pragma once
#include "base/cc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ID_BYTES     64
#define ID_BITS      512
#define ID_TEXT_LEN  108 /* base32 of id + checksum + version byte, without the final NUL */
#define ID_SHORT_LEN 8   /* first characters of the text form, for logs */
#define ID_HOST_LEN  114 /* <54>.<54>.coyo, without the final NUL */
#define ID_VERSION   1

/* BLAKE2b-512 of an Ed25519 public key. Compared as a big-endian number. */
struct node_id {
	uint8_t b[ID_BYTES];
};

/* True when both are the same id. Ids are public, so that the time this takes may depend on them. */
static inline bool id_eq(const struct node_id *a, const struct node_id *b)
{
	return memcmp(a->b, b->b, ID_BYTES) == 0;
}

/* Orders ids as big-endian numbers: < 0, 0 or > 0 like memcmp(). Where two ends must agree who goes first, the lower id does. */
static inline int id_cmp(const struct node_id *a, const struct node_id *b)
{
	return memcmp(a->b, b->b, ID_BYTES);
}

/* True for the all-zero id, which stands for "not known": no public key is known whose hash it is. */
static inline bool id_is_zero(const struct node_id *a)
{
	uint8_t any = 0;

	for (size_t i = 0; i < ID_BYTES; i++)
		any |= a->b[i];
	return any == 0;
}

/* Orders a and b by XOR distance to target: <0 when a is closer, 0 only when a == b (Kademlia, section 2.1). */
int id_cmp_dist(const struct node_id *target, const struct node_id *a, const struct node_id *b);

/* Length of the common prefix in bits, 0..512 (512 only when equal). The bucket index of b at a is this number. */
unsigned id_common_prefix(const struct node_id *a, const struct node_id *b);

/* Writes the 108-character form and a NUL. out holds ID_TEXT_LEN + 1 bytes. */
void id_to_text(const struct node_id *id, char *out);

/* Writes the first 8 characters and a NUL. out holds ID_SHORT_LEN + 1 bytes. */
void id_to_short(const struct node_id *id, char *out);

/* Writes <54>.<54>.coyo and a NUL. out holds ID_HOST_LEN + 1 bytes. */
void id_to_host(const struct node_id *id, char *out);

enum id_parse_result {
	ID_PARSE_OK = 0,
	ID_PARSE_LENGTH,   /* not 108 characters once dots and the .coyo suffix are gone */
	ID_PARSE_CHAR,     /* a character outside a-z2-7 (upper case is accepted) */
	ID_PARSE_CHECKSUM, /* mistyped: the checksum does not match */
	ID_PARSE_VERSION,  /* a version this build does not know */
};

/* Parses the text or host-name form of len bytes. On anything but ID_PARSE_OK *out is untouched. */
enum id_parse_result id_parse(const char *text, size_t len, struct node_id *out) COYO_NODISCARD;

/* One sentence for a person: the cause, and what to check. Static storage. */
const char *id_parse_error(enum id_parse_result r);
