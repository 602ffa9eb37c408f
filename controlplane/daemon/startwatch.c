/* SPDX-License-Identifier: BSD-3-Clause */
/* The thread that waits for a signal to end the start, or for the start to be over. */
#include "daemon/startwatch.h"
#include "daemon/log.h"

#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define ORDERLY_MS 700 /* for the start to end in order */
#define LOG_MS     100

/* Waits for a signal or the end of the watch. True: a signal.
 * syscalls at the start: poll read */
static bool wait_signal(const struct startwatch *w, int ms)
{
	struct pollfd fds[] = {{.fd = w->over, .events = POLLIN},
	                       {.fd = w->signal_fd, .events = POLLIN}};
	struct signalfd_siginfo s;

	if (poll(fds, 2, ms) <= 0 || fds[0].revents)
		return false;
	return read(w->signal_fd, &s, sizeof(s)) == (ssize_t)sizeof(s);
}

/* syscalls at the start: poll */
static bool is_over(const struct startwatch *w)
{
	struct pollfd fd = {.fd = w->over, .events = POLLIN};

	return poll(&fd, 1, 0) > 0;
}

/* syscalls at the start: unlink */
static void *watch(void *arg)
{
	struct startwatch *w = arg;

	if (!wait_signal(w, -1))
		return NULL;
	atomic_store(&w->asked, true);
	log_text(w->log, LOG_LEVEL_INFO, "stopping: told so while starting");
	(void)wait_signal(w, ORDERLY_MS); /* a second one does not wait any longer */
	if (is_over(w))
		return NULL;
	/* EAL's files stay behind, as after SIGKILL: the next daemon removes them. */
	if (atomic_load(w->bound))
		(void)unlink(w->socket);
	log_text(w->log, LOG_LEVEL_INFO, "stopped in the middle of the start");
	(void)log_flush(w->log, LOG_MS);
	_exit(0);
}

/* syscalls at the start: signalfd eventfd pthread_create */
void startwatch_begin(struct startwatch *w, struct log *log, const char *socket, atomic_bool *bound)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	w->log = log;
	w->socket = socket;
	w->bound = bound;
	w->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	w->over = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->started = w->signal_fd >= 0 && w->over >= 0 &&
	             pthread_create(&w->thread, NULL, watch, w) == 0;
	if (w->started)
		(void)pthread_setname_np(w->thread, "start");
}

bool startwatch_asked(const struct startwatch *w)
{
	return atomic_load(&w->asked);
}

/* syscalls at the start: write close */
void startwatch_end(struct startwatch *w)
{
	uint64_t one = 1;

	if (w->started && write(w->over, &one, sizeof(one)) > 0)
		pthread_join(w->thread, NULL);
	if (w->over >= 0)
		close(w->over);
	if (w->signal_fd >= 0)
		close(w->signal_fd);
	w->started = false;
	w->over = w->signal_fd = -1;
}
