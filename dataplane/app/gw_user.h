/* SPDX-License-Identifier: BSD-3-Clause */
/* Users who have applications that share a segment, and what all of these may have. */
#pragma once
#include "session/account.h"

#include <stdint.h>
#include <sys/queue.h>

struct gateway;

/* A user who has such applications. */
struct gw_user {
	struct app_account account;
	uint32_t uid;
	uint32_t apps;                 /* that keep it here */
	uint32_t told[ACCOUNT_LIMITS]; /* refusals that the log has told of */
	TAILQ_ENTRY(gw_user) all;
};
TAILQ_HEAD(gw_users, gw_user);

/* The gateway's part of quotas. */
struct gw_limits {
	struct dp_app_limits each, user; /* of an application; of all that a user has */
	struct gw_users users;
	int64_t measured_at; /* ns */
	/* As struct dp_cfg has it; NULL: nobody hears. */
	void (*log)(void *arg, enum dp_log_level level, const char *line);
	void *log_arg;
};

/* The user's entry, made where there is none, for one application more. NULL: no memory. */
struct gw_user *gw_user_get(struct gw_limits *l, uint32_t uid);
/* One application less; the last one's frees it. */
void gw_user_put(struct gw_limits *l, struct gw_user *u);
