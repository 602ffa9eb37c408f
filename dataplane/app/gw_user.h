/* SPDX-License-Identifier: BSD-3-Clause */
/* Users who have something of the daemon's: connections to its application socket, descriptors, applications that share a segment, streams; and what each of
 * them may have.
 *
 * Descriptors, and places for connections to the socket, have shares: a user may take one more only while at least as many stay free as the user would then
 * have. So one user gets half of them at most, the next half of the rest, and there is always one for somebody else. */
#pragma once
#include "session/account.h"

#include <stdint.h>
#include <sys/queue.h>

struct gateway;

struct gw_user {
	struct app_account account;
	uint32_t uid;
	bool trusted; /* root or the daemon's own user, who could end the daemon anyhow: no share */
	uint32_t holders; /* clients, applications, listeners and streams that keep it here */
	uint32_t clients; /* connections to the application socket */
	uint32_t fds;     /* descriptors that the daemon holds for all of these */
	/* Bytes of its applications' segments that are memory, while they are summed up. */
	uint64_t measured;
	uint32_t turned_away; /* clients, because of the share */
	/* Refusals that the log has told of. */
	uint32_t told[ACCOUNT_LIMITS], told_away;
	int64_t idle_since; /* ns; without holders */
	TAILQ_ENTRY(gw_user) all;
};
TAILQ_HEAD(gw_users, gw_user);

/* Users without holders are kept while they owe something: until the buckets of their connects are full again, and no connection is charged to them. So a
 * user's limits do not begin anew with the next application. Of those that have no connection at most so many are kept: whoever has been without holders
 * for longest gives way, as that one's buckets are the fullest. The others are no more than there are connections. */
#define GW_USERS_IDLE 256u

/* The gateway's part of quotas. */
struct gw_limits {
	struct dp_app_limits each, user; /* of an application; of all that a user has */
	struct gw_users users, idle;     /* idle: without holders, the longest so first */
	uint32_t nidle;
	int64_t measured_at; /* ns */
	/* As struct dp_cfg has it; NULL: nobody hears. */
	void (*log)(void *arg, enum dp_log_level level, const char *line);
	void *log_arg;
};

/* The time that all of this goes by: ns of CLOCK_MONOTONIC. */
int64_t gw_clock_ns(void);
/* The user's entry, made where there is none, with one holder more who has so many descriptors. NULL: no memory. */
struct gw_user *gw_user_get(struct gw_limits *l, uint32_t uid, uint32_t fds);
/* One holder more of a user that has one; u NULL: nothing, and NULL. */
struct gw_user *gw_user_hold(struct gw_user *u, uint32_t fds);
/* One holder less, at this time (ns). u NULL: nothing. The last one's does not free it. */
void gw_user_put(struct gw_limits *l, struct gw_user *u, uint32_t fds, int64_t now);
/* Frees those that owe nothing any more. */
void gw_users_age(struct gw_limits *l, int64_t now);
/* Frees all of them, whatever they hold or owe; at the gateway's end. */
void gw_users_free(struct gw_limits *l);
/* Whether so many more of what it has `has` of, of which `left` are free, are within the user's share. u NULL: of nobody who is known, and they are. */
bool gw_user_share(const struct gw_user *u, uint32_t has, uint32_t more, uint32_t left);
