/* SPDX-License-Identifier: BSD-3-Clause */
/* The one loop of the control plane: acknowledgements, events, ticks, requests, one slice of a view, in this order; asleep when
 * there is nothing. */
#include "daemon/loop.h"
#include "daemon/cross.h"
#include "daemon/ctl_server.h"
#include "daemon/daemon.h"
#include "daemon/links.h"
#include "daemon/listeners.h"
#include "daemon/notify.h"
#include "daemon/reload.h"
#include "daemon/state.h"
#include "daemon/tun.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_MAX 64
#define DRAIN_NS   (2 * NS_PER_S)
#define GOODBYE_MS 20
#define STOP_LOOK_NS \
	(50 * NS_PER_MS)          /* whether all is withdrawn; and for the last packets to leave */
#define RETRY_NS  (1 * NS_PER_MS) /* a worker's ring was full */
#define NOTIFY_NS (100 * NS_PER_MS) /* the service manager's socket was full */
#define SPIN_NS   (100 * NS_PER_US) /* a deadline that is still due after its tick */

void loop_clock(struct daemon *d)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	d->now.ns = (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* syscalls: epoll_ctl */
static int watch(struct daemon *d, int fd, enum loop_kind kind)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = LOOP_TAG(kind, 0, 0)};

	return epoll_ctl(d->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

/* syscalls at the start: signalfd */
static int open_signals(struct daemon *d)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	d->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return d->signal_fd < 0 ? -errno : watch(d, d->signal_fd, LOOP_SIGNAL);
}

/* syscalls at the start: epoll_create1 timerfd_create */
int loop_open(struct daemon *d)
{
	int rc;

	d->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	d->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (d->epoll_fd < 0 || d->timer_fd < 0)
		return -errno;
	d->timer_armed = INSTANT_NEVER;
	rc = watch(d, d->timer_fd, LOOP_TIMER);
	if (rc == 0 && d->takes_signals)
		rc = open_signals(d);
	if (rc == 0)
		rc = watch(d, dp_wake_fd(d->dp), LOOP_WAKE);
	if (rc == 0 && d->stop_fd >= 0)
		rc = watch(d, d->stop_fd, LOOP_STOP);
	if (rc == 0 && d->ctl.fd >= 0)
		rc = watch(d, d->ctl.fd, LOOP_LISTEN);
	return rc;
}

/* syscalls: close */
void loop_close(struct daemon *d)
{
	int *fds[] = {&d->epoll_fd, &d->timer_fd, &d->signal_fd};

	for (unsigned i = 0; i < ARRAY_LEN(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

/* ---- the node ---- */

static enum log_level level_of(uint8_t syslog_level)
{
	return syslog_level <= 3   ? LOG_LEVEL_ERROR
	       : syslog_level == 4 ? LOG_LEVEL_WARN
	       : syslog_level <= 6 ? LOG_LEVEL_INFO
	                           : LOG_LEVEL_DEBUG;
}

static void take_answer(struct daemon *d, const struct node_answer *a)
{
	if (a->cookie != STOP_COOKIE) {
		ctl_server_answer(d, a);
		return;
	}
	d->withdrawing = d->stop == STOP_DRAINING;
}

void loop_outputs(struct daemon *d)
{
	struct node_output out;

	while (node_output(d->node, &out)) {
		switch (out.type) {
		case OUT_COMMAND:
			pump_node_command(d, out.u.command.worker, &out.u.command.cmd);
			cp_cmd_wipe(&out.u.command.cmd);
			break;
		case OUT_ANSWER:
			take_answer(d, &out.u.answer);
			break;
		case OUT_LINK_STATE:
			links_state(d, &out);
			break;
		case OUT_LOG:
			daemon_log(d, level_of(out.u.log.level), "%.239s", out.u.log.line);
			break;
		case OUT_LINK_NEW:
			listeners_made(d, &out);
			break;
		case OUT_LINK_GONE:
			links_gone(d, out.u.link.link);
			break;
		case OUT_SNAPSHOT:
			state_changed(d);
			break;
		default:
			break;
		}
	}
}

static void take_event(void *arg, const struct dp_event *e)
{
	struct daemon *d = arg;
	struct node_event ev = {.type = NODE_WORKER_EVENT, .u.worker = e};

	if (e->type == EVT_CONNECTION || e->type == EVT_DUMP_END) {
		ctl_server_event(d, e);
		return;
	}
	if (e->type == EVT_RESOLVE && tun_resolve_by_name(d, e))
		return;
	node_input(d->node, &ev, d->now);
	loop_outputs(d);
}

/* ---- the end ---- */

/* Asks for an orderly end: drain, then stop. A second call stops at once. */
static void begin_stop(struct daemon *d)
{
	struct node_request r = {.type = REQ_DRAIN, .cookie = STOP_COOKIE};
	struct node_event ev = {.type = NODE_REQUEST, .u.request = &r};
	struct cp_cmd cmd = {.type = CMD_DRAIN};

	if (d->stop != RUNNING) {
		d->stop = STOP_NOW;
		return;
	}
	d->stop = STOP_DRAINING;
	d->stop_at = instant_add(d->now, DRAIN_NS);
	daemon_log(d, LOG_LEVEL_INFO, "stopping: draining for at most 2 s");
	(void)notify_send(&d->notify, "STOPPING=1");
	pump_own_command(d, CPDP_ALL_WORKERS, &cmd);
	node_input(d->node, &ev, d->now);
}

/* syscalls: read */
static void take_signals(struct daemon *d)
{
	struct signalfd_siginfo s;

	while (read(d->signal_fd, &s, sizeof(s)) == (ssize_t)sizeof(s)) {
		if (s.ssi_signo == SIGHUP) {
			(void)notify_send(&d->notify, "RELOADING=1");
			(void)reload(d, NULL);
			(void)notify_send(&d->notify, "READY=1");
		} else {
			begin_stop(d);
		}
	}
}

/* syscalls: read */
static void take_stop(struct daemon *d)
{
	uint64_t n;

	if (read(d->stop_fd, &n, sizeof(n)) == (ssize_t)sizeof(n))
		begin_stop(d);
}

/* ---- one turn ---- */

static struct instant next_deadline(const struct daemon *d)
{
	struct instant t = instant_min(node_deadline(d->node), d->poll_at);

	t = instant_min(t, ctl_server_deadline(d));
	if (d->snapshot_due)
		t = instant_min(t, d->snapshot_at);
	t = instant_min(t, d->again_at);
	if (d->stop == STOP_DRAINING)
		t = instant_min(t, d->stop_at);
	if (d->withdrawing)
		t = instant_min(t, instant_add(d->now, STOP_LOOK_NS));
	if (pump_pending(d) || cross_pending(d))
		t = instant_min(t, instant_add(d->now, RETRY_NS));
	if (notify_waiting(&d->notify))
		t = instant_min(t, instant_add(d->now, NOTIFY_NS));
	if (!instant_before(d->now, t))
		t = instant_add(d->now, SPIN_NS);
	return t;
}

/* syscalls: timerfd_settime */
static void arm(struct daemon *d)
{
	struct instant t = next_deadline(d);
	struct itimerspec at = {0};

	if (t.ns == d->timer_armed.ns)
		return;
	d->timer_armed = t;
	if (!instant_is_never(t)) {
		at.it_value.tv_sec = t.ns / NS_PER_S;
		at.it_value.tv_nsec = t.ns % NS_PER_S;
	}
	(void)timerfd_settime(d->timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

static void ticks(struct daemon *d)
{
	if (instant_reached(node_deadline(d->node), d->now))
		node_tick(d->node, d->now);
	if (instant_reached(d->poll_at, d->now))
		links_poll(d);
	reload_again(d);
	loop_outputs(d);
	if (d->snapshot_due && instant_reached(d->snapshot_at, d->now))
		state_save(d);
	pump_flush(d);
	cross_flush(d);
	if (notify_waiting(&d->notify))
		notify_retry(&d->notify);
	if (d->withdrawing && node_transit_tunnels(d->node) == 0) {
		d->withdrawing = false;
		d->stop_at = instant_min(d->stop_at, instant_add(d->now, STOP_LOOK_NS));
	}
}

static void requests(struct daemon *d, const struct epoll_event *ev, int n)
{
	for (int i = 0; i < n; i++) {
		uint64_t tag = ev[i].data.u64;

		if (LOOP_TAG_KIND(tag) == LOOP_SIGNAL)
			take_signals(d);
		else if (LOOP_TAG_KIND(tag) == LOOP_STOP)
			take_stop(d);
		else if (LOOP_TAG_KIND(tag) == LOOP_CLIENT)
			ctl_server_io(d, LOOP_TAG_INDEX(tag), LOOP_TAG_GENERATION(tag),
			              ev[i].events);
		else if (LOOP_TAG_KIND(tag) == LOOP_LISTEN)
			ctl_server_accept(d);
	}
	ctl_server_tick(d);
	loop_outputs(d);
}

/* True: something is left that needs no waiting for.
 * syscalls: epoll_wait read */
static bool turn(struct daemon *d, bool more)
{
	struct epoll_event ev[EVENTS_MAX];
	uint64_t expired;
	int n = epoll_wait(d->epoll_fd, ev, EVENTS_MAX, more ? 0 : -1);

	loop_clock(d);
	for (int i = 0; i < n; i++) {
		enum loop_kind kind = LOOP_TAG_KIND(ev[i].data.u64);

		if (kind == LOOP_WAKE)
			dp_wake_clear(d->dp);
		else if (kind == LOOP_TIMER && read(d->timer_fd, &expired, sizeof(expired)) > 0)
			d->timer_armed = (struct instant){-1}; /* spent: arm anew whatever comes */
	}
	pump_acks(d);
	loop_outputs(d);
	more = pump_events(d, take_event);
	ticks(d);
	requests(d, ev, n > 0 ? n : 0);
	return ctl_server_slice(d) || more;
}

/* The workers run on, and a millisecond is what they need to send it; one that is stuck is not waited for.
 * syscalls: clock_nanosleep */
static void say_goodbye(struct daemon *d)
{
	struct node_event ev = {.type = NODE_STOPS};
	const struct timespec pause = {.tv_nsec = NS_PER_MS};

	node_input(d->node, &ev, d->now);
	loop_outputs(d);
	for (unsigned i = 0; i < GOODBYE_MS && !pump_done(d); i++) {
		pump_flush(d);
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
}

int loop_run(struct daemon *d)
{
	bool more = false;

	loop_clock(d);
	d->poll_at = links_poll_next(d);
	d->again_at = INSTANT_NEVER;
	arm(d);
	for (;;) {
		more = turn(d, more);
		if (d->pump.broken) {
			d->exit_status = 1;
			break;
		}
		if (d->stop == STOP_NOW ||
		    (d->stop == STOP_DRAINING && instant_reached(d->stop_at, d->now)))
			break;
		arm(d);
	}
	if (!d->pump.broken)
		say_goodbye(d);
	if (d->snapshot_due || *d->conf.node.state)
		state_save(d);
	return d->exit_status;
}
