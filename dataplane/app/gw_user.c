/* SPDX-License-Identifier: BSD-3-Clause */
/* The list of users. */
#include "app/gw_user.h"

#include <stdlib.h>
#include <string.h>

struct gw_user *gw_user_get(struct gw_limits *l, uint32_t uid)
{
	struct gw_user *u;

	TAILQ_FOREACH (u, &l->users, all)
		if (u->uid == uid)
			break;
	if (!u) {
		u = aligned_alloc(COYO_CACHELINE, sizeof(*u));
		if (!u)
			return NULL;
		memset(u, 0, sizeof(*u));
		u->uid = uid;
		account_init(&u->account, &l->user, NULL);
		TAILQ_INSERT_TAIL(&l->users, u, all);
	}
	u->apps++;
	return u;
}

void gw_user_put(struct gw_limits *l, struct gw_user *u)
{
	if (--u->apps > 0)
		return;
	TAILQ_REMOVE(&l->users, u, all);
	free(u);
}
