/* SPDX-License-Identifier: BSD-3-Clause */
/* The service's loop: listeners, signals, ends of commands, and the time that each of them waits. */
#include "libcoyo/tool/serve.h"
#include "base/cc.h"
#include "libcoyo/tool/verbs.h"
#include "program/program.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define LAST_MS 1000 /* for commands that were told to end */

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- the end ---- */

static void close_ports(struct serve *s)
{
	for (unsigned i = 0; i < s->args->nports; i++) {
		if (s->ports[i].fd >= 0)
			close(s->ports[i].fd);
		s->ports[i].fd = -1;
	}
}

void serve_stop(struct serve *s, uint64_t kill_ms)
{
	close_ports(s);
	s->stopping = true;
	s->kill_ms = kill_ms;
	if (s->waiting >= 0 && kill_ms != SERVE_NEVER) {
		close(s->waiting);
		s->waiting = -1;
	}
}

static void end_commands(struct serve *s, uint64_t t)
{
	s->killed = true;
	s->leave_ms = t + LAST_MS;
	for (unsigned i = 0; i < s->children.n; i++)
		kill(-s->children.at[i].pid, SIGTERM);
}

static void told_to_end(struct serve *s, uint64_t t)
{
	if (!s->stopping || s->kill_ms == SERVE_NEVER)
		serve_stop(s, t + (uint64_t)s->args->drain_s * 1000);
	else
		s->kill_ms = t;
}

static void take_signals(struct serve *s, uint64_t t)
{
	struct signalfd_siginfo one;

	while (read(s->signals, &one, sizeof(one)) == (ssize_t)sizeof(one)) {
		if (one.ssi_signo == SIGCHLD)
			serve_reap(s, t);
		else
			told_to_end(s, t);
	}
}

/* ---- the loop ---- */

static void sooner(uint64_t *next, uint64_t when)
{
	if (when < *next)
		*next = when;
}

/* How long poll() may sleep, in ms; -1: until something happens. */
static int poll_timeout(const struct serve *s, uint64_t t)
{
	uint64_t next = SERVE_NEVER;

	if (s->stopping)
		sooner(&next, s->killed ? s->leave_ms : s->kill_ms);
	if (s->waiting >= 0)
		sooner(&next, s->start_ms);
	if (s->accept_ms > t)
		sooner(&next, s->accept_ms);
	for (unsigned i = 0; i < s->nrefused; i++)
		sooner(&next, s->refused[i].until_ms);
	for (unsigned i = 0; i < s->args->nports && !s->stopping; i++)
		if (s->ports[i].fd < 0)
			sooner(&next, s->ports[i].again_ms);
	if (next == SERVE_NEVER)
		return -1;
	return next <= t ? 0 : (int)min_u64(next - t, 60000);
}

#define POLLED_MAX (1 + LISTEN_PORTS_MAX + SERVE_TURNED_AWAY_MAX)

static void turn(struct serve *s)
{
	struct pollfd fds[POLLED_MAX] = {{.fd = s->signals, .events = POLLIN}};
	struct pollfd *of_port = fds + 1, *of_refused = of_port + s->args->nports;
	uint64_t t = now();
	bool take;

	serve_listen_again(s, t);
	if (s->waiting >= 0 && t >= s->start_ms)
		serve_waiting(s, t);
	take = serve_may_take(s, t);
	/* Of a listener whose streams are left in the backlog only its end is asked for, which poll() always tells. */
	for (unsigned i = 0; i < s->args->nports; i++)
		of_port[i] = (struct pollfd){.fd = s->ports[i].fd,
		                             .events = take || s->ports[i].asked ? POLLIN : 0};
	for (unsigned i = 0; i < s->nrefused; i++)
		of_refused[i] = (struct pollfd){.fd = s->refused[i].fd, .events = POLLIN};
	if (poll(fds, 1 + s->args->nports + s->nrefused, poll_timeout(s, t)) < 0)
		return;
	t = now();
	serve_refused(s, of_refused, t);
	/* Before signals: they may close the listeners. Each port has its turn. */
	for (unsigned i = 0; i < s->args->nports; i++)
		serve_port_event(s, &s->ports[i], of_port[i].revents, t);
	take_signals(s, t);
	if (s->stopping && !s->killed && t >= s->kill_ms)
		end_commands(s, t);
}

static bool over(const struct serve *s)
{
	if (!s->stopping || s->waiting >= 0)
		return false;
	return (s->children.n == 0 && s->nrefused == 0) || (s->killed && now() >= s->leave_ms);
}

/* ---- the beginning ---- */

/* With --retry a name, too, waits for the daemon that knows it. */
static int resolve(const struct serve *s, const char *name, uint8_t id[COYO_ID_BYTES],
                   char why[COYO_WHY_MAX])
{
	uint32_t pause_ms = SERVE_PAUSE_MIN_MS;
	int r = coyo_resolve(s->socket, name, id, why);

	if (r < 0 && s->args->retry && verb_status_of_name(r) == PROGRAM_UNREACHED)
		fprintf(stderr, "coyo: %s; trying again\n", why);
	while (r < 0 && s->args->retry && verb_status_of_name(r) == PROGRAM_UNREACHED) {
		poll(NULL, 0, (int)pause_ms);
		pause_ms = (uint32_t)min_u64(pause_ms * 2, SERVE_PAUSE_MAX_MS);
		r = coyo_resolve(s->socket, name, id, why);
	}
	return r;
}

static int resolve_allowed(struct serve *s, char why[COYO_WHY_MAX])
{
	unsigned n = s->args->nallowed;

	s->allowed = calloc(n ? n : 1, sizeof(*s->allowed));
	if (!s->allowed)
		return verb_complain(PROGRAM_FAILED, "out of memory");
	for (unsigned i = 0; i < n; i++) {
		int r = resolve(s, s->args->allowed[i], s->allowed[i], why);

		if (r < 0)
			return verb_complain_of_name(r, why);
	}
	return PROGRAM_DONE;
}

/* Signals are read in the loop and nowhere else. Those that our parent ignores (nohup, a shell's &) stay ignored, but for SIGCHLD: where
 * that is ignored nobody is told how a child ended. */
static int take_over_signals(struct serve *s)
{
	sigset_t set;

	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	s->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return s->signals < 0 ? -errno : 0;
}

static int prepare(struct serve *s)
{
	char why[COYO_WHY_MAX];
	int r;

	s->waiting = s->signals = -1;
	for (unsigned i = 0; i < s->args->nports; i++)
		s->ports[i] = (struct serve_port){.port = s->args->port[i], .fd = -1};
	if (command_find(s->args->command[0], getenv("PATH"), s->program, why) < 0)
		return verb_complain(PROGRAM_FAILED, why);
	r = resolve_allowed(s, why);
	if (r != PROGRAM_DONE)
		return r;
	if (children_init(&s->children, s->args->commands) < 0)
		return verb_complain(PROGRAM_FAILED, "out of memory");
	/* Before signals are taken over: whoever waits for a daemon that does not answer can be ended. */
	r = serve_listen(s, now());
	if (r != PROGRAM_DONE)
		return r;
	r = take_over_signals(s);
	if (r == 0)
		return PROGRAM_DONE;
	snprintf(why, sizeof(why), "cannot wait for signals: %s", strerror(-r));
	return verb_complain(PROGRAM_FAILED, why);
}

int serve_run(const struct listen_args *args, const char *socket)
{
	struct serve *s = calloc(1, sizeof(*s));
	int status;

	if (!s)
		return verb_complain(PROGRAM_FAILED, "out of memory");
	s->args = args;
	s->socket = socket;
	status = prepare(s);
	if (status == PROGRAM_DONE) {
		while (!over(s))
			turn(s);
		status = s->failed ? PROGRAM_FAILED : PROGRAM_DONE;
		if (s->children.n) {
			fprintf(stderr,
			        "coyo: commands that go on although they were told to end: %u\n",
			        s->children.n);
			status = PROGRAM_FAILED;
		}
	}
	close_ports(s);
	for (unsigned i = 0; i < s->nrefused; i++)
		close(s->refused[i].fd);
	if (s->signals >= 0)
		close(s->signals);
	children_free(&s->children);
	free(s->allowed);
	free(s);
	return status;
}
