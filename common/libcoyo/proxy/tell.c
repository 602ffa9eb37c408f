/* SPDX-License-Identifier: BSD-3-Clause */
/* One lock, as several threads print. */
#include "libcoyo/proxy/tell.h"

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define TELL_MAX 10 /* failures printed in a second */

/* The process has one standard error. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static time_t since; /* s: failures are counted since */
static unsigned told, untold;

/* Whether a line may be printed now: not too many in a second, and none where nobody reads them, which would hold up all clients. */
static bool may_tell(void)
{
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
	struct timespec now;

	if (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT))
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec != since) {
		if (untold)
			fprintf(stderr, "coyo: %u failures more\n", untold);
		since = now.tv_sec;
		told = untold = 0;
	}
	return told < TELL_MAX;
}

void proxy_tell(const char *host, uint16_t port, const char *why)
{
	pthread_mutex_lock(&lock);
	if (may_tell()) {
		told++;
		fprintf(stderr, "coyo: %s:%u: %s\n", host, port, why);
	} else {
		untold++;
	}
	pthread_mutex_unlock(&lock);
}
