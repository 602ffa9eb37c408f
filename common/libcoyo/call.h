/* SPDX-License-Identifier: BSD-3-Clause */
/* How the calls of coyo.h end: -1 and errno where what stands below them returns a negative errno. */
#pragma once
#include "libcoyo/coyo.h"

#include <errno.h>
#include <string.h>
#include <sys/types.h>

/* The value that the caller gets. */
static inline ssize_t call_end(ssize_t r)
{
	if (r >= 0)
		return r;
	errno = (int)-r;
	return -1;
}

/* The address of another node's port, as a caller gives it. 0 or a negative errno. */
static inline int call_address(const struct sockaddr *addr, socklen_t len, struct sockaddr_coyo *to)
{
	if (len < sizeof(*to))
		return -EINVAL;
	memcpy(to, addr, sizeof(*to));
	if (to->scoyo_family != AF_COYO)
		return -EAFNOSUPPORT;
	return to->scoyo_port ? 0 : -EINVAL;
}
