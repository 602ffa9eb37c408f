/* SPDX-License-Identifier: BSD-3-Clause */
/* How many descriptors a daemon needs: DPDK panics where it gets none, so this is judged before. */
#include "daemon/limits.h"
#include "conf.h"
#include "daemon/ctl_server.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>

/* Counted in /proc/PID/fd, and some for files that are open for a moment. */
#define FDS_OWN     32 /* log, loop, DPDK */
#define FDS_WORKER  7  /* DPDK's pipes, epoll, eventfds */
#define FDS_GATEWAY 4
#define FDS_TUN     3 /* for each queue */
#define FDS_PORT    4 /* of a virtual device; and for each of its queue pairs: */
#define FDS_QUEUE   2

/* syscalls at the start: getrlimit setrlimit */
void limits_raise(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r);
	}
}

static rlim_t tun_fds(const struct conf *c)
{
	if (!c->tun.head.line)
		return 0;
	return FDS_TUN * (c->tun.queues ? c->tun.queues : c->worker.count);
}

/* syscalls at the start: getrlimit */
int limits_check(const struct conf *c, char *err, size_t errcap)
{
	struct rlimit r;
	rlim_t need = FDS_OWN + CTL_CLIENTS_MAX + c->nlinks + c->nlistens + c->nforwards +
	              c->worker.count * FDS_WORKER +
	              c->nports * (FDS_PORT + c->worker.count * FDS_QUEUE) +
	              (*c->api.socket ? FDS_GATEWAY : 0) + tun_fds(c);

	if (getrlimit(RLIMIT_NOFILE, &r) < 0 || r.rlim_cur >= need)
		return 0;
	snprintf(err, errcap,
	         "%llu open files are allowed and %llu are needed at least (for %u links, %u ports "
	         "and %u workers); raise ulimit -n, or LimitNOFILE= of the service",
	         (unsigned long long)r.rlim_cur, (unsigned long long)need, c->nlinks, c->nports,
	         (unsigned)c->worker.count);
	return -EMFILE;
}
