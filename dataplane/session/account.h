/* SPDX-License-Identifier: BSD-3-Clause */
/* What applications that share a segment hold, against what they may: an account for each application, and one for each user to which all of that user's
 * applications are charged as well. The gateway makes them and measures memory; workers charge streams and connects. */
#pragma once
#include "base/bucket.h"
#include "base/cc.h"
#include "dataplane.h"
#include "ipc/applane.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum account_limit { ACCOUNT_STREAMS, ACCOUNT_CONNECTS, ACCOUNT_BYTES, ACCOUNT_LIMITS };

struct app_account {
	struct dp_app_limits most;
	struct app_account *user; /* an application's: its user's; NULL: this is a user's */
	_Atomic uint32_t streams; /* connected or connecting, on all workers */
	_Atomic uint32_t grown;   /* of them: how many have a large ring; workers change it */
	_Atomic uint64_t bytes; /* of segments that are memory, as the gateway has measured last */
	_Atomic uint32_t refused[ACCOUNT_LIMITS]; /* connects, by the limit that refused them */
	/* Each its worker's alone. */
	struct bucket connects[APPLANE_WORKERS_MAX] COYO_ALIGNED(COYO_CACHELINE);
};

/* An account that holds nothing. user: the account of the application's user, which outlives this one; NULL: it is a user's. */
void account_init(struct app_account *a, const struct dp_app_limits *most,
                  struct app_account *user);
/* A connect of an application that this worker is asked for. 0, and the stream is charged; or a positive errno: ENFILE (as many streams as may
 * be), ENOBUFS (as much memory), EAGAIN (as many connects in this second); *limit then says which. */
int account_connect(struct app_account *a, unsigned worker, struct instant now,
                    enum account_limit *limit);
/* A stream that comes in to an application. False: it has, or its user, all that it may; nothing is charged. */
bool account_accept(struct app_account *a);
/* A stream that was charged has ended. */
void account_release(struct app_account *a);
/* A stream is to have rings of ring_bytes each way. True: it may, and is counted, as long as such streams could take no more than half of what the
 * application and its user may have in memory. */
bool account_grow(struct app_account *a, uint32_t ring_bytes);
/* It has ended. */
void account_shrink(struct app_account *a);
