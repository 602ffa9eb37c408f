/* SPDX-License-Identifier: BSD-3-Clause */
/* The standard descriptors of a program. */
#include "program/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int program_start(void)
{
	/* For reading only, so that a write fails. */
	static const int flags[] = {O_RDONLY, O_RDONLY, O_WRONLY};

	/* From 0 on: open() gives the lowest that is free. */
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		int got;

		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		got = open("/dev/null", flags[fd]);
		if (got != fd)
			return got < 0 ? -errno : -EBADF;
	}
	return 0;
}

int program_end(const char *name, int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	if (status != PROGRAM_DONE)
		return status;
	fprintf(stderr, "%s: cannot write to standard output: %s\n", name, strerror(errno));
	return PROGRAM_FAILED;
}
