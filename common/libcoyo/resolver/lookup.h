/* SPDX-License-Identifier: BSD-3-Clause */
/* From a message to its answer, with the names of this machine: the user's own first, then the daemon's. */
#pragma once
#include "libcoyo/resolver/dns.h"

struct resolver_lookup {
	const char *socket; /* of the daemon; NULL: the usual one */
	uint8_t prefix;     /* the first byte of addresses */
	int64_t quiet_ms; /* until then (CLOCK_MONOTONIC) the daemon is not asked, as it has not answered */
};

/* Answers a message of n bytes, at most DNS_QUERY_MAX; returns the answer's length, 0: there is none to this. It waits for the daemon for
 * a second at most, and for one that has just kept it waiting not at all. */
size_t resolver_answer(struct resolver_lookup *l, const uint8_t *query, size_t n,
                       uint8_t answer[DNS_ANSWER_MAX]);
