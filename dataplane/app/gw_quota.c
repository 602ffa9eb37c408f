/* SPDX-License-Identifier: BSD-3-Clause */
/* The memory of applications' segments, and the log of what was refused. */
#include "app/gw_quota.h"

#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#define PERIOD_NS   NS_PER_S
#define BLOCK_BYTES 512u /* of st_blocks */

static int64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

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

static void tell_all(const struct gateway *g)
{
	struct gw_user *u;
	struct gw_app *a;
	char who[80];

	TAILQ_FOREACH (a, &g->apps, all) {
		snprintf(who, sizeof(who), "process %u of uid %u", a->seg.pid, a->seg.uid);
		tell_refused(g, &a->account, a->told, who, false);
	}
	TAILQ_FOREACH (u, &g->limits.users, all) {
		snprintf(who, sizeof(who), "uid %u", u->uid);
		tell_refused(g, &u->account, u->told, who, true);
	}
}

/* ---- memory ---- */

/* syscalls: fstat */
static void measure(struct gateway *g)
{
	struct gw_user *u;
	struct gw_app *a;

	TAILQ_FOREACH (u, &g->limits.users, all) {
		uint64_t all = 0;

		TAILQ_FOREACH (a, &g->apps, all) {
			struct stat st;

			if (a->user != u || fstat(a->memfd, &st) < 0)
				continue;
			atomic_store_explicit(&a->account.bytes,
			                      (uint64_t)st.st_blocks * BLOCK_BYTES,
			                      memory_order_relaxed);
			all += (uint64_t)st.st_blocks * BLOCK_BYTES;
		}
		atomic_store_explicit(&u->account.bytes, all, memory_order_relaxed);
	}
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
	int64_t left;

	if (TAILQ_EMPTY(&g->apps))
		return -1;
	left = g->limits.measured_at + PERIOD_NS - clock_ns();
	return left > 0 ? (int)(left / NS_PER_MS) + 1 : 0;
}

void gw_quota_round(struct gateway *g)
{
	struct gw_user *u;
	struct gw_app *a;

	if (gw_quota_due(g) != 0)
		return;
	g->limits.measured_at = clock_ns();
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
}
