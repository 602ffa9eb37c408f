/* SPDX-License-Identifier: BSD-3-Clause */
/* The daemon's log: `level text` lines on stderr, limited in rate; what was left out is counted and said.
 *
 * Whoever logs never waits: lines go into a ring in memory, and a thread of the log's own writes them. Where the reader of stderr stands
 * still (a full pipe, a stalled journal, a terminal stopped with Ctrl-S, a disk that does not answer), that thread waits, the ring
 * fills, and lines are lost and counted.
 */
#pragma once
#include "base/bucket.h"
#include "base/cc.h"
#include "base/time.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR = 0, LOG_LEVEL_WARN = 1, LOG_LEVEL_INFO = 2, LOG_LEVEL_DEBUG = 3 };

#define LOG_LINE_MAX 640 /* bytes of one line with its level and newline */
#define LOG_SLOTS    256 /* lines that wait for the reader */

struct log_slot {
	uint16_t len;
	uint8_t level; /* enum log_level */
	uint64_t lost; /* lines lost just before this one */
	char text[LOG_LINE_MAX];
};

/* Takes a line without its level and newline, in the log's own thread. */
typedef void log_take_fn(void *arg, enum log_level level, const char *line);

struct log {
	int fd;
	log_take_fn *take; /* NULL: lines are written to fd */
	void *arg;
	struct bucket bucket;
	unsigned long suppressed;
	/* Under `mutex`. */
	pthread_mutex_t mutex;
	pthread_cond_t work, idle; /* there is something to write; all is written */
	pthread_t writer;
	bool started, stop, writing;
	uint64_t put, taken; /* lines put into and taken out of the ring since the start */
	uint64_t lost_now;   /* lost and not yet told */
	uint64_t lost;       /* in all */
	struct log_slot slot[LOG_SLOTS];
};

/* Lines go to fd, which stays the caller's. */
void log_init(struct log *l, int fd);
/* Lines go to take(arg, ...) instead. Before log_start(). */
void log_to(struct log *l, log_take_fn *take, void *arg);
/* Starts the thread that writes; until then, and where it returns -errno, lines stay in the ring until log_close() writes them. */
int log_start(struct log *l);
/* One line, without its newline; control characters become `?`. Beyond 20 lines a second (after a burst of 200) lines are left
 * out, but never errors. Never waits. One thread; others use log_text(). */
void log_line(struct log *l, struct instant now, enum log_level level, const char *fmt, ...)
        COYO_PRINTF(4, 5);
/* One line from any thread, without that limit; never waits. */
void log_text(struct log *l, enum log_level level, const char *text);
/* Lines that the reader of the log did not take in time, or that could not be written, since the start. */
uint64_t log_lost(struct log *l);
/* Waits until all is written, at most so many ms. True: it is. */
bool log_flush(struct log *l, unsigned ms);
/* Waits at most so many ms for what is not yet written, then ends. A writer that is stuck in a write stays behind, so that the
 * process must end soon; l must stay valid until then: false. */
bool log_close(struct log *l, unsigned ms);
