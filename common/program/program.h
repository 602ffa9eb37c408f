/* SPDX-License-Identifier: BSD-3-Clause */
/* What coyo, coyoctl and coyod do alike when they begin and end: the three standard descriptors, and the table of exit statuses. */
#pragma once

/* Exit statuses, one row each: X(NAME, number, what it says). The programs' help, their manuals and tests/consistency.py go by it. */
#define PROGRAM_STATUSES(X)                                                               \
	X(DONE, 0, "done as asked")                                                       \
	X(FAILED, 1, "it went wrong: the reason is on standard error")                    \
	X(USAGE, 2, "wrong usage, a mistyped id, or (coyod) a configuration with errors") \
	X(UNREACHED, 3, "no daemon was reached")

enum program_status {
#define PROGRAM_STATUS_ENUM(NAME, number, what) PROGRAM_##NAME = number,
	PROGRAM_STATUSES(PROGRAM_STATUS_ENUM)
#undef PROGRAM_STATUS_ENUM
};

/* Call it first. A standard descriptor that was closed would become that of the first file or socket opened, and be read, written and
 * closed as if it were the user's. Each such one is opened: standard input is at its end, writing standard output fails as it would have
 * (EBADF), what goes to standard error is lost. 0, or -errno: /dev/null cannot be opened. */
int program_start(void);

/* Call it last, with the name of the program and its exit status: what standard output still holds is written. Returns the status to leave
 * with: where that fails, PROGRAM_FAILED in place of PROGRAM_DONE, and one sentence is on standard error. */
int program_end(const char *name, int status);
