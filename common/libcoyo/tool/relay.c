/* SPDX-License-Identifier: BSD-3-Clause */
/* Two copies, one thread each: a slow reader of our output never stops what goes the other way, and the terminal's or parent's
 * descriptors keep their flags (the stream, which is ours alone, does not block). Between pipes and the stream pages are spliced, elsewhere copied in large pieces. */
#include "libcoyo/tool/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RELAY_BYTES (256 * 1024)

/* One direction. side names who failed when read (from) or write (to) does. */
struct flow {
	int from, to;
	int stream;
	int stop;     /* readable: end with ECANCELED; -1: never */
	bool outward; /* standard input -> stream */
	bool last;    /* inward: the output is not needed for another stream */
	int err;      /* 0, or errno */
	bool write_failed;
	char *buf; /* RELAY_BYTES */
};

static bool is_pipe(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

/* Waits here until fd is ready: a splice that blocked on the stream would hold the pipe's lock all the while, and whoever has the
 * pipe's other end could not read even what is in it. Either end may be non-blocking: ours is made so, the other was perhaps given so. */
static int wait_for(const struct flow *f, int fd, short events)
{
	struct pollfd p[2] = {{.fd = fd, .events = events}, {.fd = f->stop, .events = POLLIN}};

	if (poll(p, 2, -1) < 0)
		return errno == EINTR ? 0 : -1;
	if (p[1].revents) {
		errno = ECANCELED;
		return -1;
	}
	return 0;
}

static int wait_both(const struct flow *f)
{
	return wait_for(f, f->from, POLLIN) < 0 ? -1 : wait_for(f, f->to, POLLOUT);
}

/* Moves the bytes that are there. The stream's side may give EAGAIN. *spliceable becomes false where the kernel cannot splice these. */
static ssize_t splice_some(struct flow *f, bool *spliceable)
{
	ssize_t n = splice(f->from, NULL, f->to, NULL, RELAY_BYTES, SPLICE_F_MOVE | SPLICE_F_MORE);

	*spliceable = n >= 0 || errno != EINVAL;
	f->write_failed = n < 0 && errno == EPIPE;
	return n;
}

static int write_all(struct flow *f, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t k = write(f->to, f->buf + done, n - done);

		if (k >= 0)
			done += (size_t)k;
		else if (errno == EAGAIN ? wait_for(f, f->to, POLLOUT) : errno != EINTR)
			return -1;
	}
	return 0;
}

/* 1 or more: moved something; 0: end; -1: errno. */
static ssize_t move(struct flow *f, bool *spliceable)
{
	ssize_t n;

	for (;;) {
		bool splicing = *spliceable;

		/* Waits here and not in read(), which f->stop could not end. */
		if (f->outward && wait_for(f, f->from, POLLIN) < 0)
			return -1;
		n = splicing ? splice_some(f, spliceable) : read(f->from, f->buf, RELAY_BYTES);
		if (splicing && !*spliceable)
			continue;
		if (n >= 0 && splicing)
			return n;
		if (n >= 0)
			break;
		if (errno == EAGAIN ? wait_both(f) : errno != EINTR)
			return -1;
	}
	f->write_failed = n > 0 && write_all(f, (size_t)n) < 0;
	return f->write_failed ? -1 : n;
}

/* Whoever reads our standard output sees its end. The descriptor's number stays in use, so that no other file gets it. */
static void close_output(int fd)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (null < 0)
		return;
	dup2(null, fd);
	close(null);
}

static void *flow_run(void *arg)
{
	struct flow *f = arg;
	bool spliceable = is_pipe(f->outward ? f->from : f->to);
	ssize_t n;

	do {
		n = move(f, &spliceable);
	} while (n > 0);
	f->err = n < 0 ? errno : 0;
	/* The end of this direction is passed on at once, while the other direction goes on. */
	if (f->outward)
		shutdown(f->stream, SHUT_WR);
	else if (f->last)
		close_output(f->to);
	return NULL;
}

/* The sentence for what ended a direction early. */
static int explain(const struct flow *f, char why[COYO_WHY_MAX])
{
	const char *text = strerror(f->err);

	if (f->err == ECONNRESET)
		snprintf(why, COYO_WHY_MAX, "connection reset by the other side");
	else if (f->outward && f->write_failed)
		snprintf(why, COYO_WHY_MAX,
		         "the other side closed the connection before it had everything: %s", text);
	else if (f->outward)
		snprintf(why, COYO_WHY_MAX, "reading standard input failed: %s", text);
	else if (f->write_failed)
		snprintf(why, COYO_WHY_MAX, "cannot write to standard output: %s", text);
	else
		snprintf(why, COYO_WHY_MAX, "reading from the stream failed: %s", text);
	return -f->err;
}

/* Waits for the outward copy, quit_s seconds at most (-1: as long as it takes), and ends it then. */
static void join_outward(pthread_t thread, struct flow *outward, int quit_s)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += quit_s;
	if (quit_s >= 0 && pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &until) == 0)
		return;
	if (quit_s >= 0)
		eventfd_write(outward->stop, 1);
	pthread_join(thread, NULL);
	if (quit_s >= 0 && outward->err == ECANCELED)
		outward->err = 0;
}

static int run_both(struct flow *outward, struct flow *inward, int quit_s, char why[COYO_WHY_MAX])
{
	pthread_t thread;
	int r = pthread_create(&thread, NULL, flow_run, outward);

	if (r != 0) {
		snprintf(why, COYO_WHY_MAX, "cannot start a thread: %s", strerror(r));
		return -r;
	}
	flow_run(inward);
	/* The stream is broken, so nothing that standard input may still bring can be sent: the outward copy stops waiting for it. */
	join_outward(thread, outward, inward->err ? 0 : quit_s);
	if (inward->err)
		return explain(inward, why);
	return outward->err ? explain(outward, why) : 0;
}

int relay_run(int in, int out, int stream, bool last, int quit_s, char why[COYO_WHY_MAX])
{
	struct flow outward = {.from = in, .to = stream, .stream = stream, .outward = true};
	struct flow inward = {
	        .from = stream, .to = out, .stream = stream, .stop = -1, .last = last};
	int r = -ENOMEM;

	(void)fcntl(stream, F_SETFL, fcntl(stream, F_GETFL) | O_NONBLOCK);
	outward.stop = eventfd(0, EFD_CLOEXEC);
	outward.buf = malloc(RELAY_BYTES);
	inward.buf = malloc(RELAY_BYTES);
	if (outward.stop < 0) {
		r = -errno;
		snprintf(why, COYO_WHY_MAX, "cannot make an eventfd: %s", strerror(-r));
	} else if (outward.buf && inward.buf) {
		r = run_both(&outward, &inward, quit_s, why);
	} else {
		snprintf(why, COYO_WHY_MAX, "out of memory");
	}
	if (outward.stop >= 0)
		close(outward.stop);
	free(outward.buf);
	free(inward.buf);
	return r;
}
