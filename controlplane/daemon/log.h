/* SPDX-License-Identifier: BSD-3-Clause */
/* The daemon's log: `level text` lines on stderr, limited in rate; what was left out is counted and said. */
#pragma once
#include "base/bucket.h"
#include "base/cc.h"
#include "base/time.h"

enum log_level { LOG_LEVEL_ERROR = 0, LOG_LEVEL_WARN = 1, LOG_LEVEL_INFO = 2, LOG_LEVEL_DEBUG = 3 };

struct log {
	int fd;
	struct bucket bucket;
	unsigned long suppressed;
};

/* Lines go to fd, which stays the caller's. */
void log_init(struct log *l, int fd);
/* One line, without its newline; control characters become `?`. Beyond 20 lines a second (after a burst of 200) lines are left
 * out, but never errors. */
void log_line(struct log *l, struct instant now, enum log_level level, const char *fmt, ...)
        COYO_PRINTF(4, 5);
