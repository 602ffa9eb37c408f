/* SPDX-License-Identifier: BSD-3-Clause */
/* The daemon's composition in a process that is somebody else's: a control thread, and a door by which the library's connections reach its gateway. */
#include "base/cc.h"
#include "daemon/daemon.h"
#include "daemon/stack.h"
#include "libcoyo/coyo_stack.h"
#include "libcoyo/door.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

struct coyo_stack {
	struct daemon d;
	pid_t pid; /* whose threads run it */
	pthread_t control;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool started; /* under the lock: rc says how */
	int rc;
	int stop_fd;         /* an eventfd */
	int inside, outside; /* the two ends of the door: the gateway's, the library's */
	bool left;           /* the log's reader has not come back: it may still look at this */
	coyo_stack_log_fn *take;
	void *arg;
	char why[512];
	char id[ID_TEXT_LEN + 1];
};

static void say(char **err, const char *format, ...) COYO_PRINTF(2, 3);

static void say(char **err, const char *format, ...)
{
	va_list ap;

	if (!err)
		return;
	va_start(ap, format);
	if (vasprintf(err, format, ap) < 0)
		*err = NULL;
	va_end(ap);
}

static void take_line(void *arg, enum log_level level, const char *line)
{
	static const int of[] = {3, 4, 6, 7};
	struct coyo_stack *s = arg;

	if (s->take)
		s->take(s->arg, of[level], line);
}

/* ---- descriptors ---- */

/* None of them may be taken for a standard descriptor that the program has closed. */
static int out_of_the_way(int fd)
{
	int moved;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	close(fd);
	return moved;
}

static void close_fds(struct coyo_stack *s)
{
	int *fds[] = {&s->stop_fd, &s->inside, &s->outside};

	for (unsigned i = 0; i < ARRAY_LEN(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

static int open_fds(struct coyo_stack *s)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	s->inside = out_of_the_way(pair[0]);
	s->outside = out_of_the_way(pair[1]);
	s->stop_fd = out_of_the_way(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	return s->inside < 0 || s->outside < 0 || s->stop_fd < 0 ? -errno : 0;
}

/* ---- the control thread ---- */

static void tell_started(struct coyo_stack *s, int rc)
{
	pthread_mutex_lock(&s->lock);
	s->rc = rc;
	s->started = true;
	pthread_cond_signal(&s->cond);
	pthread_mutex_unlock(&s->lock);
}

static void *control(void *arg)
{
	struct coyo_stack *s = arg;
	int rc;

	(void)log_start(&s->d.log); /* without it the log is written at the end */
	rc = stack_start(&s->d, s->why, sizeof(s->why));
	if (rc == 0) {
		tell_started(s, 0);
		(void)stack_run(&s->d);
	}
	s->left = !stack_end(&s->d);
	if (rc)
		tell_started(s, rc);
	return NULL;
}

/* The new thread, and those that it starts, inherit that no signal is theirs. */
static int start_control(struct coyo_stack *s)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&s->control, NULL, control, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc)
		return -rc;
	(void)pthread_setname_np(s->control, "coyo-control");
	pthread_mutex_lock(&s->lock);
	while (!s->started)
		pthread_cond_wait(&s->cond, &s->lock);
	rc = s->rc;
	pthread_mutex_unlock(&s->lock);
	if (rc)
		pthread_join(s->control, NULL);
	return rc;
}

/* ---- beginning and end ---- */

static void stack_free(struct coyo_stack *s)
{
	close_fds(s);
	sodium_munlock(&s->d.me, sizeof(s->d.me));
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->cond);
	if (!s->left)
		free(s);
}

/* The texts of the configuration's errors go to *err. */
static int configure(struct coyo_stack *s, const char *config, char **err)
{
	struct conf_errors e = {.file = "configuration"};
	int rc = conf_load_text(&s->d.conf, e.file, config, strlen(config), &e);

	(void)sodium_mlock(&s->d.me, sizeof(s->d.me));
	if (stack_configure(&s->d, &e))
		rc = -EINVAL;
	id_to_text(&s->d.me.id, s->id);
	if (rc && e.len)
		say(err, "%.*s", (int)(e.len - (e.text[e.len - 1] == '\n')), e.text);
	else if (rc)
		say(err, "out of memory for the configuration");
	conf_errors_free(&e);
	return rc;
}

static struct coyo_stack *stack_new(coyo_stack_log_fn *take, void *arg)
{
	struct coyo_stack *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->stop_fd = s->inside = s->outside = -1;
	s->pid = getpid();
	s->take = take;
	s->arg = arg;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->cond, NULL);
	stack_init(&s->d, -1);
	log_to(&s->d.log, take_line, s);
	return s;
}

static int start(struct coyo_stack *s, char **err)
{
	int rc = open_fds(s);

	if (rc == 0) {
		s->d.embedded = true;
		s->d.app_door = s->inside;
		s->d.stop_fd = s->stop_fd;
		rc = start_control(s);
	} else {
		(void)stack_end(&s->d);
	}
	if (rc == 0)
		rc = coyo_private_door(s->outside);
	if (rc)
		say(err, "%s", *s->why ? s->why : strerror(-rc));
	return rc;
}

COYO_EXPORT struct coyo_stack *coyo_stack_start_log(const char *config, coyo_stack_log_fn *take,
                                                    void *arg, char **err)
{
	struct coyo_stack *s;

	if (err)
		*err = NULL;
	if (sodium_init() < 0) {
		say(err, "libsodium finds no source of random numbers; the kernel must have "
		         "getrandom(2) or /dev/urandom");
		return NULL;
	}
	s = stack_new(take, arg);
	if (!s) {
		say(err, "out of memory for a stack");
		return NULL;
	}
	if (configure(s, config, err)) {
		(void)stack_end(&s->d);
		stack_free(s);
		return NULL;
	}
	if (start(s, err)) {
		stack_free(s);
		return NULL;
	}
	return s;
}

COYO_EXPORT struct coyo_stack *coyo_stack_start(const char *config, char **err)
{
	return coyo_stack_start_log(config, NULL, NULL, err);
}

COYO_EXPORT const char *coyo_stack_id(const struct coyo_stack *s)
{
	return s->id;
}

COYO_EXPORT void coyo_stack_stop(struct coyo_stack *s)
{
	uint64_t one = 1;

	if (!s)
		return;
	(void)coyo_private_door(-1);
	if (s->pid != getpid())
		return;
	(void)!write(s->stop_fd, &one, sizeof(one));
	pthread_join(s->control, NULL);
	coyo_private_retire();
	stack_free(s);
}
