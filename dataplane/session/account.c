/* SPDX-License-Identifier: BSD-3-Clause */
/* Charging streams to an application and its user. */
#include "session/account.h"

#include <errno.h>

void account_init(struct app_account *a, const struct dp_app_limits *most, struct app_account *user)
{
	*a = (struct app_account){.most = *most, .user = user};
	/* As much as half a second brings may come at once. */
	for (unsigned w = 0; w < APPLANE_WORKERS_MAX; w++)
		bucket_init(&a->connects[w], most->connects, most->connects / 2 + 1);
}

static bool has_memory(const struct app_account *a)
{
	return a->most.bytes == 0 ||
	       atomic_load_explicit(&a->bytes, memory_order_relaxed) < a->most.bytes;
}

/* Workers add at the same time: whoever adds one too many takes it back. */
static bool charge(struct app_account *a)
{
	uint32_t before = atomic_fetch_add_explicit(&a->streams, 1, memory_order_relaxed);

	if (a->most.streams == 0 || before < a->most.streams)
		return true;
	atomic_fetch_sub_explicit(&a->streams, 1, memory_order_relaxed);
	return false;
}

static void release(struct app_account *a)
{
	atomic_fetch_sub_explicit(&a->streams, 1, memory_order_relaxed);
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
	} else if (!charge(a)) {
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
			release(a);
	}
	return err;
}

bool account_accept(struct app_account *a)
{
	if (!has_memory(a) || !charge(a))
		return false;
	if (!a->user || account_accept(a->user))
		return true;
	release(a);
	return false;
}

void account_release(struct app_account *a)
{
	release(a);
	if (a->user)
		release(a->user);
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
