/* SPDX-License-Identifier: BSD-3-Clause */
/* One write() per line, so that lines of several processes on one file do not mix. */
#include "daemon/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define LINES_PER_S 20
#define BURST       200

void log_init(struct log *l, int fd)
{
	*l = (struct log){.fd = fd};
	bucket_init(&l->bucket, LINES_PER_S, BURST);
}

static void put(int fd, enum log_level level, const char *text)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	char line[640];
	int n = snprintf(line, sizeof(line), "%s %.600s\n",
	                 names[(unsigned)level < ARRAY_LEN(names) ? level : 3], text);

	/* Hostile text must not forge lines or steer a terminal. */
	for (int i = 0; i < n - 1; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	if (write(fd, line, (size_t)n) < 0)
		return; /* nobody left to tell */
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
		put(l->fd, LOG_LEVEL_WARN, text);
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put(l->fd, level, text);
}
