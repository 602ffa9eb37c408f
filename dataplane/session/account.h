/* SPDX-License-Identifier: BSD-3-Clause */
/* What applications that share a segment hold, against what they may: an account for each application, and one for each user to which all of that user's
 * applications are charged as well. The gateway makes them and measures memory; workers charge streams and connects. */
#pragma once
#include "base/bucket.h"
#include "base/cc.h"
#include "dataplane.h"
#include "ipc/applane.h"
#include "tcp/charge.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum account_limit { ACCOUNT_STREAMS, ACCOUNT_CONNECTS, ACCOUNT_BYTES, ACCOUNT_LIMITS };

struct app_account {
	struct dp_app_limits most;
	struct app_account *user; /* an application's: its user's; NULL: this is a user's */
	/* Connected or connecting, on all workers. A user's: also connections that wait at the user's listeners, and those that its applications have
	 * closed, until they are gone or in TIME-WAIT. */
	struct tcp_charge streams;
	_Atomic uint32_t grown; /* how many of the streams have a large ring; workers change it */
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
/* A stream that comes in to an application; its user pays for it already, as it waited at a listener. False: the application has all that it may, or
 * memory is at its limit; nothing is charged. */
bool account_accept(struct app_account *a);
/* That stream is there. paid: its user's charge is the caller's now (tcp_take_charge()), else it is made here. */
void account_accepted(struct app_account *a, bool paid);
/* There was no such stream after all. */
void account_accept_not(struct app_account *a);
/* A stream that was charged has ended. */
void account_release(struct app_account *a);
/* A stream is to have rings of ring_bytes each way. True: it may, and is counted, as long as such streams could take no more than half of what the
 * application and its user may have in memory. */
bool account_grow(struct app_account *a, uint32_t ring_bytes);
/* It has ended. */
void account_shrink(struct app_account *a);
/* What the user of an application pays by for connections that no stream holds; NULL: nobody pays. */
struct tcp_charge *account_payer(struct app_account *a);
/* For how long, in ns, an account of which nothing is used has to be kept until one that is made anew may do no more: its buckets are full then. */
int64_t account_fill_ns(const struct app_account *a);
