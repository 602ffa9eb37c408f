/* SPDX-License-Identifier: BSD-3-Clause */
/* Charging streams to an application and its user. */
#include "session/account.h"

#include <errno.h>

/* As much as half a second brings may come at once. */
static uint32_t burst_of(const struct dp_app_limits *most)
{
	return most->connects / 2 + 1;
}

void account_init(struct app_account *a, const struct dp_app_limits *most, struct app_account *user)
{
	*a = (struct app_account){.most = *most, .user = user, .streams.most = most->streams};
	for (unsigned w = 0; w < APPLANE_WORKERS_MAX; w++)
		bucket_init(&a->connects[w], most->connects, burst_of(most));
}

static bool has_memory(const struct app_account *a)
{
	return a->most.bytes == 0 ||
	       atomic_load_explicit(&a->bytes, memory_order_relaxed) < a->most.bytes;
}

/* The stream is charged to one account. 0 or a positive errno, which is counted. */
static int take(struct app_account *a, unsigned worker, struct instant now,
                enum account_limit *limit)
{
	int err = 0;

	if (!has_memory(a)) {
		*limit = ACCOUNT_BYTES;
		err = ENOBUFS;
	} else if (!bucket_take(&a->connects[worker], now)) {
		*limit = ACCOUNT_CONNECTS;
		err = EAGAIN;
	} else if (!tcp_charge_take(&a->streams)) {
		*limit = ACCOUNT_STREAMS;
		err = ENFILE;
	}
	if (err)
		atomic_fetch_add_explicit(&a->refused[*limit], 1, memory_order_relaxed);
	return err;
}

int account_connect(struct app_account *a, unsigned worker, struct instant now,
                    enum account_limit *limit)
{
	int err = take(a, worker, now, limit);

	if (err == 0 && a->user) {
		err = take(a->user, worker, now, limit);
		if (err)
			tcp_charge_release(&a->streams);
	}
	return err;
}

bool account_accept(struct app_account *a)
{
	return has_memory(a) && (!a->user || has_memory(a->user)) && tcp_charge_take(&a->streams);
}

void account_accepted(struct app_account *a, bool paid)
{
	if (a->user && !paid)
		tcp_charge_add(&a->user->streams);
}

void account_accept_not(struct app_account *a)
{
	tcp_charge_release(&a->streams);
}

void account_release(struct app_account *a)
{
	tcp_charge_release(&a->streams);
	if (a->user)
		tcp_charge_release(&a->user->streams);
}

struct tcp_charge *account_payer(struct app_account *a)
{
	return a && a->user ? &a->user->streams : NULL;
}

int64_t account_fill_ns(const struct app_account *a)
{
	return a->most.connects ? NS_PER_S / a->most.connects * burst_of(&a->most) : 0;
}

bool account_grow(struct app_account *a, uint32_t ring_bytes)
{
	uint64_t after = atomic_fetch_add_explicit(&a->grown, 1, memory_order_relaxed) + 1;

	if (a->most.bytes == 0 || after * 2 * ring_bytes <= a->most.bytes / 2) {
		if (!a->user || account_grow(a->user, ring_bytes))
			return true;
	}
	atomic_fetch_sub_explicit(&a->grown, 1, memory_order_relaxed);
	return false;
}

void account_shrink(struct app_account *a)
{
	atomic_fetch_sub_explicit(&a->grown, 1, memory_order_relaxed);
	if (a->user)
		account_shrink(a->user);
}
