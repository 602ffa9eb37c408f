/* SPDX-License-Identifier: BSD-3-Clause */
/* The service's loop: listeners, signals, ends of commands, and the time that each of them waits. */
#include "libcoyo/serve.h"
#include "base/cc.h"
#include "libcoyo/client.h"
#include "libcoyo/verbs.h"
#include "program/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define LISTEN_PAUSE_MIN_MS 200
#define LISTEN_PAUSE_MAX_MS 5000
#define ACCEPT_PAUSE_MS     200
#define LAST_MS             1000  /* for commands that were told to end */
#define TOLD_FULL_MS        60000 /* "the limit is reached" is not said again within */
#define NEVER               UINT64_MAX

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

/* No more streams. Commands may go on until kill_ms. */
static void stop(struct serve *s, uint64_t kill_ms)
{
	close_ports(s);
	s->stopping = true;
	s->kill_ms = kill_ms;
	if (s->waiting >= 0 && kill_ms != NEVER) {
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
	if (!s->stopping || s->kill_ms == NEVER)
		stop(s, t + (uint64_t)s->args->drain_s * 1000);
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

/* ---- listeners ---- */

/* One cannot be had, or is lost. */
static void lose(struct serve *s, struct serve_port *p, const char *why, uint64_t t)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	if (strcmp(s->told, why) != 0) {
		snprintf(s->told, sizeof(s->told), "%s", why);
		fprintf(stderr, "coyo: %s%s\n", why, s->args->retry ? "; trying again" : "");
	}
	p->pause_ms = p->pause_ms == 0 ? LISTEN_PAUSE_MIN_MS
	                               : (uint32_t)min_u64(p->pause_ms * 2, LISTEN_PAUSE_MAX_MS);
	p->again_ms = t + p->pause_ms;
	if (s->args->retry)
		return;
	s->failed = true;
	if (!s->stopping)
		stop(s, t + (uint64_t)s->args->drain_s * 1000);
}

static int open_port(struct serve *s, struct serve_port *p, char why[COYO_WHY_MAX])
{
	p->fd = client_listen(s->socket, p->port, 0, &p->local, why);
	if (p->fd < 0)
		return p->fd;
	p->pause_ms = 0;
	return 0;
}

static void open_due(struct serve *s, uint64_t t)
{
	char why[COYO_WHY_MAX];
	unsigned there = 0;

	for (unsigned i = 0; i < s->args->nports && !s->stopping; i++) {
		struct serve_port *p = &s->ports[i];

		if (p->fd < 0 && t >= p->again_ms && open_port(s, p, why) < 0)
			lose(s, p, why, t);
		there += p->fd >= 0;
	}
	if (there < s->args->nports || !s->told[0])
		return;
	s->told[0] = '\0';
	fprintf(stderr, "coyo: listening\n");
}

/* Whether a descriptor for the next stream is free: without one the stream would be lost in the passing. */
static bool have_descriptor(struct serve *s, uint64_t t)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		close(fd);
		s->told_descriptors = false;
		return true;
	}
	if (!s->told_descriptors)
		fprintf(stderr, "coyo: no descriptor for another stream: %s; streams wait\n",
		        strerror(errno));
	s->told_descriptors = true;
	s->accept_ms = t + ACCEPT_PAUSE_MS;
	return false;
}

static void take_stream(struct serve *s, struct serve_port *p, uint64_t t)
{
	struct sockaddr_coyo peer;
	char why[COYO_WHY_MAX];
	int fd;

	if (!have_descriptor(s, t))
		return;
	fd = coyo_client_accept(p->fd, &peer, why);
	if (fd < 0) {
		lose(s, p, why, t);
		return;
	}
	if (serve_stream(s, p, fd, &peer, t) && s->args->once)
		stop(s, NEVER);
}

/* Whether a stream may be taken now. */
static bool may_take(struct serve *s, uint64_t t)
{
	if (s->stopping || s->waiting >= 0 || t < s->accept_ms)
		return false;
	if (s->children.n < s->args->commands)
		return true;
	if (s->told_full_ms == 0 || t - s->told_full_ms > TOLD_FULL_MS) {
		s->told_full_ms = t;
		fprintf(stderr,
		        "coyo: %u commands run, as many as may at once: further streams wait\n",
		        s->args->commands);
	}
	return false;
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
	uint64_t next = NEVER;

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
	if (next == NEVER)
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

	open_due(s, t);
	if (s->waiting >= 0 && t >= s->start_ms)
		serve_waiting(s, t);
	take = may_take(s, t);
	/* Of a listener whose streams are left in the backlog only its end is asked for, which poll() always tells. */
	for (unsigned i = 0; i < s->args->nports; i++)
		of_port[i] = (struct pollfd){.fd = s->ports[i].fd, .events = take ? POLLIN : 0};
	for (unsigned i = 0; i < s->nrefused; i++)
		of_refused[i] = (struct pollfd){.fd = s->refused[i].fd, .events = POLLIN};
	if (poll(fds, 1 + s->args->nports + s->nrefused, poll_timeout(s, t)) < 0)
		return;
	t = now();
	serve_refused(s, of_refused, t);
	/* Before signals: they may close the listeners. Each port has its turn. */
	for (unsigned i = 0; i < s->args->nports; i++) {
		struct serve_port *p = &s->ports[i];

		if (p->fd < 0 || !of_port[i].revents)
			continue;
		if (of_port[i].revents & POLLIN) {
			if (may_take(s, t))
				take_stream(s, p, t);
		} else {
			lose(s, p, "coyod has ended, or closed the listener", t);
		}
	}
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

static int resolve_allowed(struct serve *s, char why[COYO_WHY_MAX])
{
	unsigned n = s->args->nallowed;

	s->allowed = calloc(n ? n : 1, sizeof(*s->allowed));
	if (!s->allowed)
		return verb_complain(PROGRAM_FAILED, "out of memory");
	for (unsigned i = 0; i < n; i++) {
		int r = coyo_resolve(s->socket, s->args->allowed[i], s->allowed[i], why);

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

/* Every port, or, without --retry, none. Before signals are taken over: whoever waits for a daemon that does not answer can be ended. */
static int open_ports(struct serve *s)
{
	char why[COYO_WHY_MAX];
	uint64_t t = now();

	for (unsigned i = 0; i < s->args->nports; i++) {
		struct serve_port *p = &s->ports[i];
		int r = open_port(s, p, why);

		if (r < 0 && !s->args->retry)
			return verb_complain_of(r, why);
		if (r < 0)
			lose(s, p, why, t);
	}
	return PROGRAM_DONE;
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
	r = open_ports(s);
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
