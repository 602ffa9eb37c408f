/* SPDX-License-Identifier: BSD-3-Clause */
/* The list of users. */
#include "app/gw_user.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t gw_clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static struct gw_user *find(struct gw_users *list, uint32_t uid)
{
	struct gw_user *u;

	TAILQ_FOREACH (u, list, all)
		if (u->uid == uid)
			break;
	return u;
}

static struct gw_user *user_new(const struct gw_limits *l, uint32_t uid)
{
	struct gw_user *u = aligned_alloc(COYO_CACHELINE, sizeof(*u));

	if (!u)
		return NULL;
	memset(u, 0, sizeof(*u));
	u->uid = uid;
	account_init(&u->account, &l->user, NULL);
	return u;
}

static void user_free(struct gw_limits *l, struct gw_user *u)
{
	TAILQ_REMOVE(&l->idle, u, all);
	l->nidle--;
	free(u);
}

struct gw_user *gw_user_get(struct gw_limits *l, uint32_t uid, uint32_t fds)
{
	struct gw_user *u = find(&l->users, uid);

	if (u)
		return gw_user_hold(u, fds);
	u = find(&l->idle, uid);
	if (u) {
		TAILQ_REMOVE(&l->idle, u, all);
		l->nidle--;
	} else {
		u = user_new(l, uid);
	}
	if (u)
		TAILQ_INSERT_TAIL(&l->users, u, all);
	return gw_user_hold(u, fds);
}

struct gw_user *gw_user_hold(struct gw_user *u, uint32_t fds)
{
	if (u) {
		u->holders++;
		u->fds += fds;
	}
	return u;
}

/* Workers count down what is charged as connections end, and touch nothing of it after that. */
static bool charged(const struct gw_user *u)
{
	return tcp_charge_held(&u->account.streams) > 0;
}

/* Of those without a connection there are as many as may be, and perhaps one more. */
static void give_way(struct gw_limits *l)
{
	struct gw_user *u, *oldest = NULL;
	uint32_t n = 0;

	TAILQ_FOREACH (u, &l->idle, all) {
		if (charged(u))
			continue;
		oldest = oldest ? oldest : u;
		n++;
	}
	if (n > GW_USERS_IDLE)
		user_free(l, oldest);
}

void gw_user_put(struct gw_limits *l, struct gw_user *u, uint32_t fds, int64_t now)
{
	if (!u)
		return;
	COYO_ASSERT(u->holders > 0 && u->fds >= fds);
	u->fds -= fds;
	if (--u->holders > 0)
		return;
	TAILQ_REMOVE(&l->users, u, all);
	u->idle_since = now;
	/* Its last segment is gone. */
	atomic_store_explicit(&u->account.bytes, 0, memory_order_relaxed);
	TAILQ_INSERT_TAIL(&l->idle, u, all);
	if (++l->nidle > GW_USERS_IDLE)
		give_way(l);
}

void gw_users_age(struct gw_limits *l, int64_t now)
{
	struct gw_user *u, *next;

	for (u = TAILQ_FIRST(&l->idle); u; u = next) {
		next = TAILQ_NEXT(u, all);
		if (!charged(u) && now - u->idle_since >= account_fill_ns(&u->account))
			user_free(l, u);
	}
}

void gw_users_free(struct gw_limits *l)
{
	struct gw_user *u;

	while ((u = TAILQ_FIRST(&l->users))) {
		TAILQ_REMOVE(&l->users, u, all);
		free(u);
	}
	while ((u = TAILQ_FIRST(&l->idle)))
		user_free(l, u);
}

bool gw_user_share(const struct gw_user *u, uint32_t has, uint32_t more, uint32_t left)
{
	return !u || u->trusted || (uint64_t)has + 2 * (uint64_t)more <= left;
}
