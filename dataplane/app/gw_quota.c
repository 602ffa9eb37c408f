/* SPDX-License-Identifier: BSD-3-Clause */
/* The memory of applications' segments, and the log of what was refused. */
#include "app/gw_quota.h"

#include <stdio.h>
#include <sys/stat.h>

#define PERIOD_NS   NS_PER_S
#define BLOCK_BYTES 512u /* of st_blocks */

/* ---- what the log tells ---- */

static void tell(const struct gateway *g, enum dp_log_level level, const char *line)
{
	if (g->limits.log)
		g->limits.log(g->limits.log_arg, level, line);
}

/* One line for each limit that has refused connects since the last time. */
static void tell_refused(const struct gateway *g, const struct app_account *a,
                         uint32_t told[ACCOUNT_LIMITS], const char *who, bool user)
{
	static const char *const why[ACCOUNT_LIMITS][2] = {
	        [ACCOUNT_STREAMS] = {"slots", "user-streams"},
	        [ACCOUNT_CONNECTS] = {"connects", "user-connects"},
	        [ACCOUNT_BYTES] = {"memory", "user-memory"},
	};

	for (unsigned i = 0; i < ACCOUNT_LIMITS; i++) {
		uint32_t n = atomic_load_explicit(&a->refused[i], memory_order_relaxed);
		char line[200];

		if (n == told[i])
			continue;
		snprintf(line, sizeof(line),
		         "%u connects of %s refused: it has all that it may have (%s in the "
		         "section [api])",
		         n - told[i], who, why[i][user]);
		told[i] = n;
		tell(g, DP_LOG_WARN, line);
	}
}

/* Connections to the application socket that were refused. */
static void tell_turned_away(const struct gateway *g, struct gw_user *u)
{
	char line[200];

	if (u->turned_away == u->told_away)
		return;
	snprintf(line, sizeof(line),
	         "%u connections of uid %u to the application socket refused: it has its share of "
	         "them",
	         u->turned_away - u->told_away, u->uid);
	u->told_away = u->turned_away;
	tell(g, DP_LOG_WARN, line);
}

static void tell_user(const struct gateway *g, struct gw_user *u)
{
	char who[80];

	snprintf(who, sizeof(who), "uid %u", u->uid);
	tell_refused(g, &u->account, u->told, who, true);
	tell_turned_away(g, u);
}

static void tell_all(const struct gateway *g)
{
	struct gw_user *u;
	struct gw_app *a;
	char who[80];

	TAILQ_FOREACH (a, &g->apps, all) {
		snprintf(who, sizeof(who), "process %u of uid %u", a->seg.pid, a->seg.uid);
		tell_refused(g, &a->account, a->told, who, false);
	}
	TAILQ_FOREACH (u, &g->limits.users, all)
		tell_user(g, u);
	TAILQ_FOREACH (u, &g->limits.idle, all)
		tell_user(g, u);
}

/* ---- memory ---- */

/* syscalls: fstat */
static void measure(struct gateway *g)
{
	struct gw_user *u;
	struct gw_app *a;

	TAILQ_FOREACH (u, &g->limits.users, all)
		u->measured = 0;
	TAILQ_FOREACH (a, &g->apps, all) {
		struct stat st;

		if (fstat(a->memfd, &st) < 0)
			continue;
		atomic_store_explicit(&a->account.bytes, (uint64_t)st.st_blocks * BLOCK_BYTES,
		                      memory_order_relaxed);
		a->user->measured += (uint64_t)st.st_blocks * BLOCK_BYTES;
	}
	TAILQ_FOREACH (u, &g->limits.users, all)
		atomic_store_explicit(&u->account.bytes, u->measured, memory_order_relaxed);
}

static bool twice(const struct app_account *a)
{
	uint64_t bytes = atomic_load_explicit(&a->bytes, memory_order_relaxed);

	return a->most.bytes && bytes / 2 >= a->most.bytes;
}

/* Of a user who has taken twice of all, the application that has taken most; NULL: one is on its way out already, and what it has counts until it
 * is gone. */
static struct gw_app *excess_of(const struct gateway *g, const struct gw_user *u)
{
	struct gw_app *a, *most = NULL;

	TAILQ_FOREACH (a, &g->apps, all) {
		if (a->user != u)
			continue;
		if (!a->client)
			return NULL;
		if (!most || atomic_load(&a->account.bytes) > atomic_load(&most->account.bytes))
			most = a;
	}
	return most;
}

static void detach(struct gateway *g, struct gw_app *a)
{
	char line[200];

	snprintf(line, sizeof(line),
	         "process %u of uid %u is detached: it has written to %llu MiB of its streams' "
	         "rings, twice of what it may by memory or user-memory in [api]",
	         a->seg.pid, a->seg.uid,
	         (unsigned long long)(atomic_load(&a->account.bytes) >> 20));
	tell(g, DP_LOG_WARN, line);
	gw_client_free(g, a->client);
}

int gw_quota_due(const struct gateway *g)
{
	int64_t due = gw_mute_due(g), left;

	if ((!TAILQ_EMPTY(&g->apps) || !TAILQ_EMPTY(&g->limits.idle)) &&
	    g->limits.measured_at + PERIOD_NS < due)
		due = g->limits.measured_at + PERIOD_NS;
	if (due == INT64_MAX)
		return -1;
	left = due - gw_clock_ns();
	return left > 0 ? (int)(left / NS_PER_MS) + 1 : 0;
}

void gw_quota_round(struct gateway *g)
{
	struct gw_user *u;
	struct gw_app *a;

	int64_t now = gw_clock_ns();

	gw_mute_close(g, now);
	if (now - g->limits.measured_at < PERIOD_NS)
		return;
	g->limits.measured_at = now;
	measure(g);
	tell_all(g);
	TAILQ_FOREACH (a, &g->apps, all)
		if (a->client && twice(&a->account))
			detach(g, a);
	TAILQ_FOREACH (u, &g->limits.users, all) {
		a = twice(&u->account) ? excess_of(g, u) : NULL;
		if (a)
			detach(g, a);
	}
	gw_users_age(&g->limits, now);
}
