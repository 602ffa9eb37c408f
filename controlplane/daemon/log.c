/* SPDX-License-Identifier: BSD-3-Clause */
/* A ring of whole lines between those who log and the one thread that may be kept waiting by the reader. One write() per line, so that
 * lines of several processes on one file do not mix. */
#include "daemon/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINES_PER_S 20
#define BURST       200

void log_init(struct log *l, int fd)
{
	pthread_condattr_t attr;

	memset(l, 0, sizeof(*l));
	l->fd = fd;
	bucket_init(&l->bucket, LINES_PER_S, BURST);
	pthread_mutex_init(&l->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&l->work, &attr);
	pthread_cond_init(&l->idle, &attr);
	pthread_condattr_destroy(&attr);
}

void log_to(struct log *l, log_take_fn *take, void *arg)
{
	l->take = take;
	l->arg = arg;
}

/* ---- those who log ---- */

static const char *const names[] = {"error", "warn", "info", "debug"};

void log_text(struct log *l, enum log_level level, const char *text)
{
	struct log_slot *s;

	level = (unsigned)level < ARRAY_LEN(names) ? level : LOG_LEVEL_DEBUG;

	pthread_mutex_lock(&l->mutex);
	if (l->put - l->taken == LOG_SLOTS) {
		l->lost_now++;
		l->lost++;
	} else {
		s = &l->slot[l->put++ % LOG_SLOTS];
		s->lost = l->lost_now;
		l->lost_now = 0;
		s->len = (uint16_t)snprintf(s->text, sizeof(s->text), "%s %.600s\n", names[level],
		                            text);
		s->level = (uint8_t)level;
		/* Hostile text must not forge lines or steer a terminal. */
		for (int i = 0; i < s->len - 1; i++)
			if ((unsigned char)s->text[i] < 0x20 || s->text[i] == 0x7f)
				s->text[i] = '?';
		pthread_cond_signal(&l->work);
	}
	pthread_mutex_unlock(&l->mutex);
}

void log_line(struct log *l, struct instant now, enum log_level level, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	if (!bucket_take(&l->bucket, now) && level != LOG_LEVEL_ERROR) {
		l->suppressed++;
		return;
	}
	if (l->suppressed) {
		snprintf(text, sizeof(text), "%lu lines left out", l->suppressed);
		l->suppressed = 0;
		log_text(l, LOG_LEVEL_WARN, text);
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_text(l, level, text);
}

uint64_t log_lost(struct log *l)
{
	uint64_t n;

	pthread_mutex_lock(&l->mutex);
	n = l->lost;
	pthread_mutex_unlock(&l->mutex);
	return n;
}

/* ---- the thread that writes ---- */

/* False: the line cannot be written. Somebody else may have made the descriptor non-blocking: then poll() does the waiting.
 * syscalls: write poll */
static bool write_line(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && (errno == EAGAIN || errno == EINTR)) {
			struct pollfd wait = {.fd = fd, .events = POLLOUT};

			(void)poll(&wait, 1, -1);
			continue;
		}
		if (w < 0)
			return false;
		p += w;
		n -= (size_t)w;
	}
	return true;
}

/* A line as it lies in the ring, which is changed. */
static bool give_line(struct log *l, enum log_level level, char *text, size_t len)
{
	if (!l->take)
		return write_line(l->fd, text, len);
	text[len - 1] = '\0';
	l->take(l->arg, level, text + strlen(names[level]) + 1);
	return true;
}

static bool give_lost(struct log *l, uint64_t n)
{
	char text[80];
	int len = snprintf(text, sizeof(text), "warn %llu lines were lost: the log was not read\n",
	                   (unsigned long long)n);

	return give_line(l, LOG_LEVEL_WARN, text, (size_t)len);
}

/* Writes the oldest line, or how many were lost where no line follows them. The mutex is given away meanwhile. False: nothing was written. */
static bool write_next(struct log *l)
{
	struct log_slot line = {0};
	bool told = true, written;

	if (l->put != l->taken) {
		line = l->slot[l->taken % LOG_SLOTS];
	} else {
		line.lost = l->lost_now;
		l->lost_now = 0;
	}
	if (!line.lost && !line.len)
		return false;
	l->writing = true;
	pthread_mutex_unlock(&l->mutex);
	if (line.lost)
		told = give_lost(l, line.lost);
	written = told && (!line.len || give_line(l, line.level, line.text, line.len));
	pthread_mutex_lock(&l->mutex);
	l->writing = false;
	if (!told)
		l->lost_now += line.lost;
	if (line.len) {
		l->taken++;
		l->lost_now += !written;
		l->lost += !written;
	}
	return written;
}

static void *writer(void *arg)
{
	struct log *l = arg;

	pthread_mutex_lock(&l->mutex);
	for (;;) {
		/* What cannot be told now waits for the next line. */
		while (write_next(l) || l->put != l->taken)
			;
		pthread_cond_broadcast(&l->idle);
		if (l->stop)
			break;
		pthread_cond_wait(&l->work, &l->mutex);
	}
	pthread_mutex_unlock(&l->mutex);
	return NULL;
}

/* syscalls at the start: pthread_create */
int log_start(struct log *l)
{
	int rc = pthread_create(&l->writer, NULL, writer, l);

	l->started = rc == 0;
	if (l->started)
		(void)pthread_setname_np(l->writer, "log");
	return -rc;
}

static struct timespec in_ms(unsigned ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	return t;
}

bool log_flush(struct log *l, unsigned ms)
{
	struct timespec until = in_ms(ms);
	bool written;
	int rc = 0;

	pthread_mutex_lock(&l->mutex);
	while (l->started && (l->put != l->taken || l->writing) && rc == 0)
		rc = pthread_cond_timedwait(&l->idle, &l->mutex, &until);
	written = l->put == l->taken && !l->writing;
	pthread_mutex_unlock(&l->mutex);
	return written;
}

bool log_close(struct log *l, unsigned ms)
{
	bool written;

	if (!l->started && (l->put == l->taken || log_start(l)))
		return true;
	written = log_flush(l, ms);
	pthread_mutex_lock(&l->mutex);
	l->stop = true;
	pthread_cond_signal(&l->work);
	pthread_mutex_unlock(&l->mutex);
	if (written)
		pthread_join(l->writer, NULL);
	else
		pthread_detach(l->writer);
	l->started = false;
	return written;
}
