/* SPDX-License-Identifier: BSD-3-Clause */
/* Names looked up on threads of their own, as the calls for it block. */
#pragma once
#include "libcoyo/coyo.h"
#include "libcoyo/proxy/request.h"

#include <stdbool.h>
#include <sys/queue.h>

#define PROXY_DIRECT_MAX 8 /* addresses of one name that are tried */

/* One name. The finder's until it was taken back by finder_take(). */
struct proxy_lookup {
	void *_Atomic client; /* whose it is; set to NULL by whoever does not wait any more: it is not begun then */
	char host[PROXY_HOST_MAX + 1];
	bool direct; /* the ordinary network's names, too */
	/* What was found. */
	int err; /* 0, or -errno of coyo_resolve() or -ENXIO: the ordinary network does not know the name, either */
	char why[COYO_WHY_MAX];
	bool ours;
	uint8_t id[COYO_ID_BYTES]; /* ours */
	struct sockaddr_storage at[PROXY_DIRECT_MAX];
	unsigned n;
	STAILQ_ENTRY(proxy_lookup) link;
};

struct proxy_finder;

/* socket: the daemon's, of coyo_resolve(). wake: an eventfd that is written to when something was found. NULL: out of memory. */
struct proxy_finder *finder_new(const char *socket, int wake);
/* Starts a lookup. False: out of memory or threads; it is still the caller's. */
bool finder_start(struct proxy_finder *f, struct proxy_lookup *l);
/* One that has ended, which is the caller's again; NULL: none. */
struct proxy_lookup *finder_take(struct proxy_finder *f);
/* Gives it up, with what it looks up: threads that are at work end when they may, and the last one frees it. wake is not written to after that. */
void finder_leave(struct proxy_finder *f);
