/* SPDX-License-Identifier: BSD-3-Clause */
/* The IPv6 view of an id (ip6_of_id()), under which programs that know nothing but IPv6 see a node, as names have it. */
#pragma once
#include "wire/ip6.h"

#define NAMES_IPV6_PREFIX \
	0xfd /* the prefix byte unless configured otherwise: a unique local address (RFC 4193) */
#define NAMES_START_BYTES IP6_ID_BYTES /* of an id, that an address holds */
#define NAMES_START_LEN   24           /* the same as text: so many first characters of the id's */

/* Writes the first 120 bits of an id as the characters that the text of every such id begins with, and a NUL. */
void names_start_to_text(const uint8_t start[NAMES_START_BYTES], char out[NAMES_START_LEN + 1]);

/* Reads what names_start_to_text() writes, in either case. False: it is no such text, and start is untouched. */
bool names_start_from_text(const char *text, size_t len, uint8_t start[NAMES_START_BYTES]);
