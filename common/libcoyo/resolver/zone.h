/* SPDX-License-Identifier: BSD-3-Clause */
/* What the resolver answers: names of this network as IPv6 addresses and back, as libnss_coyo does; nothing of any other network. */
#pragma once
#include "libcoyo/resolver/dns.h"
#include "wire/id.h"

#define ZONE_WHY_MAX  320
#define ZONE_NAME_MAX 120 /* characters of a name without its .coyo */

/* Whom it asks. */
struct zone {
	uint8_t prefix; /* the first byte of addresses */
	/* Whom a name or an id means, which ends in .coyo here. 0; -EINVAL: neither; -ENOENT: nobody is called so; others: it is not known now. One
	 * sentence in why. */
	int (*resolve)(void *arg, const char *text, struct node_id *id, char why[ZONE_WHY_MAX]);
	/* The name, without .coyo, of an id of which the first 120 bits are given. 0, or -errno: it is not known. */
	int (*reverse)(void *arg, const uint8_t start[15], char name[ZONE_NAME_MAX + 1]);
	void *arg;
};

/* What an answer may point to. */
struct zone_room {
	char why[ZONE_WHY_MAX];
	char target[ZONE_NAME_MAX + 6];
};

/* Answers a question. NAME.coyo has an AAAA record and no other; names that nobody has are NXDOMAIN, also those below a name that somebody has; an
 * address with the prefix has a PTR where its node has a name; where it is not known now whom a name means, SERVFAIL. Whatever else is asked for is
 * REFUSED, so that whoever asks goes on to somebody who knows. */
void zone_answer(const struct zone *z, const struct dns_query *q, struct dns_answer *a,
                 struct zone_room *room);
