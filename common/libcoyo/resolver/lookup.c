/* SPDX-License-Identifier: BSD-3-Clause */
/* Asks for names one after another, and does not let a daemon that hangs hold up all other questions. */
#include "libcoyo/resolver/lookup.h"
#include "libcoyo/resolver/zone.h"
#include "resolve/resolve.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#define DAEMON_MS 1000
#define QUIET_MS  3000

_Static_assert(ZONE_WHY_MAX >= RESOLVE_WHY_MAX, "sentences");

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void notice(struct resolver_lookup *l, int r)
{
	if (r == -ETIMEDOUT)
		l->quiet_ms = now_ms() + QUIET_MS;
}

static int resolve(void *arg, const char *text, struct node_id *id, char why[ZONE_WHY_MAX])
{
	struct resolver_lookup *l = arg;
	struct app_request req;
	int r;

	if (now_ms() < l->quiet_ms) {
		r = resolve_own(text, &req, id, why);
		if (r == RESOLVE_ASK)
			snprintf(why, ZONE_WHY_MAX, "coyod does not answer");
		return r == RESOLVE_ASK ? -ETIMEDOUT : r;
	}
	r = resolve_name(l->socket, text, DAEMON_MS, id, why);
	notice(l, r);
	return r;
}

static int reverse(void *arg, const uint8_t start[15], char name[ZONE_NAME_MAX + 1])
{
	struct resolver_lookup *l = arg;
	char why[RESOLVE_WHY_MAX];
	struct node_id id;
	int r;

	if (now_ms() < l->quiet_ms)
		return -ETIMEDOUT;
	r = resolve_start(l->socket, start, DAEMON_MS, &id, name, why);
	notice(l, r);
	return r;
}

size_t resolver_answer(struct resolver_lookup *l, const uint8_t *query, size_t n,
                       uint8_t answer[DNS_ANSWER_MAX])
{
	const struct zone z = {
	        .prefix = l->prefix, .resolve = resolve, .reverse = reverse, .arg = l};
	struct dns_query q;
	struct dns_answer a = {0};
	struct zone_room room;
	int r = dns_read(query, n, &q);

	if (r == DNS_IGNORE)
		return 0;
	if (r == DNS_NOERROR)
		zone_answer(&z, &q, &a, &room);
	else
		a.rcode = (enum dns_rcode)r;
	return dns_write(&q, &a, answer);
}
