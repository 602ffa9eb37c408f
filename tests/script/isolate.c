/* SPDX-License-Identifier: BSD-3-Clause */
/* A process for as many scripts as go well, for making one costs more than most scripts do; a new one after each that does not. */
#include "isolate.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of the process that judges; after others, where a wrong guess costs only another process, less. */
#define SECONDS       10
#define SECONDS_AFTER 2

static void fail(const char *what)
{
	perror(what);
	exit(2);
}

/* Runs paths[0..n-1] up to the first that is not well and counts the others in *done. Never returns. */
static void child(char *const *paths, unsigned n, bool (*script)(const char *),
                  volatile unsigned *done)
{
	for (; *done < n; ++*done) {
		alarm(*done ? SECONDS_AFTER : SECONDS);
		if (!script(paths[*done])) {
			/* After others it is judged anew: what it printed here is dropped with the buffer. */
			if (!*done)
				fflush(stdout);
			_Exit(1);
		}
		fflush(stdout);
	}
	_Exit(0);
}

/* The child's status. */
static int attempt(char *const *paths, unsigned n, bool (*script)(const char *),
                   volatile unsigned *done)
{
	int status = 0;
	pid_t pid;

	*done = 0;
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		fail("tcpscript: fork");
	if (!pid)
		child(paths, n, script, done);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			fail("tcpscript: waitpid");
	return status;
}

void isolate_run(char *const *paths, unsigned n, bool (*script)(const char *path),
                 bool (*verdict)(const char *path, bool ok, int signal))
{
	volatile unsigned *done = mmap(NULL, sizeof(*done), PROT_READ | PROT_WRITE,
	                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bool on = true;

	if (done == MAP_FAILED)
		fail("tcpscript: mmap");
	setvbuf(stdout, NULL, _IOFBF, 1 << 20);
	for (unsigned i = 0; on && i < n;) {
		int status = attempt(paths + i, n - i, script, done);
		unsigned well = *done < n - i ? *done : n - i;

		for (unsigned k = 0; on && k < well; k++)
			on = verdict(paths[i + k], true, 0);
		i += well;
		if (!well)
			on = verdict(paths[i++], false, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	}
	munmap((void *)(uintptr_t)done, sizeof(*done));
}
