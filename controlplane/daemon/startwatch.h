/* SPDX-License-Identifier: BSD-3-Clause */
/* Obeys SIGTERM and SIGINT while the daemon starts, when its loop does not yet run: a thread takes them, asks the start to end, and ends
 * the process where the start does not come to that within 0.7 s (huge memory that is being cleared, a driver that waits). */
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct log;

struct startwatch {
	struct log *log;
	const char *socket;  /* path of the control socket ... */
	atomic_bool *bound;  /* ... and whether it is ours to remove */
	atomic_bool asked;   /* a signal has come */
	int signal_fd, over; /* over: an eventfd */
	pthread_t thread;
	bool started;
};

/* The signals are blocked in every thread. Without descriptors or memory for it, a signal waits for the loop. */
void startwatch_begin(struct startwatch *w, struct log *log, const char *socket,
                      atomic_bool *bound);
/* True: the start is to end, in order, and the daemon with it. */
bool startwatch_asked(const struct startwatch *w);
/* The start, or the end that it came to, is over: from here on signals are the loop's. Once more does nothing. */
void startwatch_end(struct startwatch *w);
