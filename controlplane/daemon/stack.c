/* SPDX-License-Identifier: BSD-3-Clause */
/* The composition: from a configuration to a node and a data plane that are joined, run, and are taken apart in order. What belongs to a process
 * as a whole (arguments, signals, its user, the sandbox) is not here but in main.c. */
#include "daemon/stack.h"
#include "daemon/daemon.h"
#include "daemon/forwards.h"
#include "daemon/limits.h"
#include "daemon/links.h"
#include "daemon/listeners.h"
#include "daemon/loop.h"
#include "daemon/planes.h"
#include "daemon/state.h"
#include "daemon/tun.h"
#include "key.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LOG_END_MS 300 /* how long the end waits for a reader of the log that stands still */

void stack_init(struct daemon *d, int log_fd)
{
	memset(d, 0, sizeof(*d));
	d->ctl.fd = d->epoll_fd = d->timer_fd = d->signal_fd = d->stop_fd = -1;
	d->ctl.resume_at = INSTANT_NEVER;
	d->notify.fd = -ENOENT;
	log_init(&d->log, log_fd);
	keylock_init(&d->keylock);
	pump_init(&d->pump);
	loop_clock(d);
	d->started = d->now;
}

int stack_configure(struct daemon *d, struct conf_errors *e)
{
	int rc = 0;

	if (conf_key_load(&d->conf, &d->me, e) || conf_state_check(&d->conf, e) ||
	    conf_accept_check(&d->conf, e))
		rc = -EINVAL;
	d->workers = (unsigned)d->conf.worker.count;
	return rc;
}

int stack_check(struct daemon *d, char *err, size_t errcap)
{
	struct dp_port_cfg ports[DP_PORTS_MAX];
	struct dp_cfg dp;
	int rc;

	dp_cfg_of(d, ports, &dp);
	rc = dp_check(&dp, err, errcap);
	explicit_bzero(dp.seed, sizeof(dp.seed));
	explicit_bzero(dp.cookie_key, sizeof(dp.cookie_key));
	return rc;
}

static int start_planes(struct daemon *d, char *err, size_t errcap)
{
	struct dp_port_cfg ports[DP_PORTS_MAX];
	struct dp_cfg dp;
	struct node_cfg cfg;
	int rc;

	_Static_assert(CONF_PORTS_MAX <= DP_PORTS_MAX, "ports");
	dp_cfg_of(d, ports, &dp);
	node_cfg_of(d, &cfg);
	memcpy(cfg.cookie_key, dp.cookie_key, sizeof(cfg.cookie_key));
	dp.names = &d->conf.names;
	rc = dp_start(&dp, &d->dp, err, errcap);
	explicit_bzero(dp.seed, sizeof(dp.seed));
	explicit_bzero(dp.cookie_key, sizeof(dp.cookie_key));
	if (rc) {
		d->dp = NULL;
		return rc;
	}
	loop_clock(d);
	d->node = node_new(&cfg, d->now);
	explicit_bzero(cfg.cookie_key, sizeof(cfg.cookie_key));
	if (!d->node) {
		snprintf(err, errcap,
		         "out of memory for the control plane; lower sessions of [node], or free "
		         "some");
		return -ENOMEM;
	}
	return 0;
}

/* They follow the links in the order of slots. */
static int start_listeners(struct daemon *d, char *err, size_t errcap)
{
	for (uint32_t i = 0; i < d->conf.nlistens; i++) {
		int rc = listeners_set(d, d->conf.nlinks + i, &d->conf.listens[i], err, errcap);

		if (rc)
			return rc;
		loop_outputs(d);
	}
	return 0;
}

static bool is_cancelled(const struct daemon *d)
{
	return d->cancelled && atomic_load(d->cancelled);
}

/* Between its steps the start looks whether it has been told to end. */
int stack_start(struct daemon *d, char *err, size_t errcap)
{
	int rc = limits_check(&d->conf, err, errcap);

	if (rc == 0 && !conf_key_is_ephemeral(&d->conf))
		rc = keylock_take(&d->keylock, &d->me, d->conf.node.key, err, errcap);
	if (rc)
		return rc;
	/* Whatever another process may hold is taken first: nothing has started yet when it fails. */
	for (uint32_t i = 0; i < d->conf.nlinks; i++) {
		rc = links_open(d, &d->conf.links[i], err, errcap);
		if (rc < 0)
			return rc;
	}
	for (uint32_t i = 0; i < d->conf.nlistens; i++) {
		rc = listeners_open(d, &d->conf.listens[i], err, errcap);
		if (rc < 0)
			return rc;
	}
	/* Inside of a program there is nobody to ask it, unless the program wants that. */
	if (!d->embedded || conf_given(&d->conf.node.head, CONF_SEC_NODE, "control"))
		rc = ctl_server_open(d, err, errcap);
	if (rc < 0)
		return rc;
	rc = is_cancelled(d) ? -ECANCELED : start_planes(d, err, errcap);
	if (rc)
		return rc;
	if (is_cancelled(d))
		return -ECANCELED;
	rc = loop_open(d);
	if (rc) {
		snprintf(err, errcap,
		         "cannot make the descriptors to wait on: %s; raise the limit of open "
		         "files (ulimit -n)",
		         strerror(-rc));
		return rc;
	}
	state_restore(d);
	for (uint32_t i = 0; i < d->conf.nlinks && !is_cancelled(d); i++) {
		rc = links_start(d, i, &d->conf.links[i], err, errcap);
		if (rc)
			return rc;
		loop_outputs(d);
	}
	rc = start_listeners(d, err, errcap);
	if (rc == 0)
		rc = forwards_start(d, err, errcap);
	if (rc)
		return rc;
	pump_flush(d);
	cross_flush(d);
	return is_cancelled(d) ? -ECANCELED : 0;
}

int stack_run(struct daemon *d)
{
	char id[ID_TEXT_LEN + 1];

	id_to_text(&d->me.id, id);
	daemon_log(d, LOG_LEVEL_INFO, "coyod %s, node %s, id %s", COYOD_VERSION, d->conf.node.name,
	           id);
	daemon_log(d, LOG_LEVEL_INFO, "%u worker%s, memory: %s", d->workers,
	           d->workers == 1 ? "" : "s", dp_memory_text(d->dp));
	tun_announce(d);
	daemon_log(d, LOG_LEVEL_INFO, "ready, %u link%s configured", d->conf.nlinks,
	           d->conf.nlinks == 1 ? "" : "s");
	(void)notify_send(&d->notify, "READY=1");
	return loop_run(d);
}

bool stack_end(struct daemon *d)
{
	ctl_server_close(d);
	if (d->dp)
		dp_stop(d->dp);
	if (d->node)
		node_free(d->node);
	links_close(d);
	loop_close(d);
	pump_free(&d->pump);
	keylock_release(&d->keylock);
	notify_close(&d->notify);
	identity_wipe(&d->me);
	conf_free(&d->conf);
	return log_close(&d->log, LOG_END_MS);
}
