/* SPDX-License-Identifier: BSD-3-Clause */
/* A daemon put together without its start-up: the loop's own state, a node and a data plane that only remember. */
#include "fake.h"

#include "daemon/daemon.h"
#include "daemon/links.h"
#include "daemon/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

void fake_daemon_open(struct daemon *d)
{
	struct node_cfg cfg = {.workers = 2, .hello_idle_ns = NS_PER_S};
	struct dp_cfg dp = {.workers = 2, .no_huge = true};
	char err[64];

	fake_reset();
	memset(d, 0, sizeof(*d));
	d->ctl.fd = -1;
	d->ctl.resume_at = INSTANT_NEVER;
	d->workers = 2;
	d->now.ns = NS_PER_S;
	d->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	log_init(&d->log, -1);
	pump_init(&d->pump);
	d->node = node_new(&cfg, d->now);
	if (d->epoll_fd < 0 || !d->node || dp_start(&dp, &d->dp, err, sizeof(err)) != 0)
		abort();
}

void fake_daemon_close(struct daemon *d)
{
	ctl_server_close(d);
	close(d->epoll_fd);
	node_free(d->node);
	dp_stop(d->dp);
	pump_free(&d->pump);
	links_close(d);
	conf_free(&d->conf);
	fake_reset();
}
