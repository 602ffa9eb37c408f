/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls that close descriptors or give them other numbers: what is known goes with them. */
#include "libcoyo/preload/forward.h"
#include "libcoyo/preload/shim.h"

#include <linux/close_range.h>
#include <stdarg.h>

/* The memory of the run stays open, so that a program which closes everything and starts another does not lose it: it is told that all went
 * well. */
SHIM(close) int shim_close(int fd)
{
	enum fd_kind kind = fds_kind(fd);

	if (kind == FD_TABLE)
		return 0;
	if (kind != FD_OTHER)
		fds_forget(fd);
	return NEXT(close)(fd);
}

SHIM(dup) int shim_dup(int fd)
{
	int to = NEXT(dup)(fd);

	if (to >= 0 && (fds_kind(fd) || fds_kind(to)))
		fds_copy(fd, to);
	return to;
}

/* After dup2() or dup3(): what `to` was before is gone. */
static void moved(int from, int to, int r)
{
	if (r < 0 || from == to)
		return;
	if (fds_kind(to))
		fds_forget(to);
	if (fds_kind(from))
		fds_copy(from, to);
}

SHIM(dup2) int shim_dup2(int from, int to)
{
	int r = NEXT(dup2)(from, to);

	moved(from, to, r);
	return r;
}

SHIM(dup3) int shim_dup3(int from, int to, int flags)
{
	int r = NEXT(dup3)(from, to, flags);

	moved(from, to, r);
	return r;
}

/* A program that starts itself anew marks every descriptor to be closed by exec: the memory of the run is none of its own, and goes along. */
static bool spared(int fd, int command)
{
	return command == F_SETFD && fds_kind(fd) == FD_TABLE;
}

static int after_fcntl(int fd, int command, int r)
{
	if (r >= 0 && (command == F_DUPFD || command == F_DUPFD_CLOEXEC) &&
	    (fds_kind(fd) || fds_kind(r)))
		fds_copy(fd, r);
	return r;
}

SHIM(fcntl) int shim_fcntl(int fd, int command, ...)
{
	va_list ap;
	void *argument;

	va_start(ap, command);
	argument = va_arg(ap, void *);
	va_end(ap);
	return spared(fd, command) ? 0
	                           : after_fcntl(fd, command, NEXT(fcntl)(fd, command, argument));
}

SHIM(fcntl64) int shim_fcntl64(int fd, int command, ...)
{
	va_list ap;
	void *argument;

	va_start(ap, command);
	argument = va_arg(ap, void *);
	va_end(ap);
	return spared(fd, command) ? 0
	                           : after_fcntl(fd, command, NEXT(fcntl64)(fd, command, argument));
}

/* The memory's descriptor if it lies in the range, else -1. */
static int table_within(unsigned first, unsigned last)
{
	int fd = shim_table_fd();

	return fd >= 0 && (unsigned)fd >= first && (unsigned)fd <= last && fds_kind(fd) == FD_TABLE
	               ? fd
	               : -1;
}

SHIM(close_range) int shim_close_range(unsigned first, unsigned last, int flags)
{
	int table = table_within(first, last), r = 0;

	if (table < 0)
		return NEXT(close_range)(first, last, flags);
	if ((unsigned)table > first)
		r = NEXT(close_range)(first, (unsigned)table - 1, flags);
	if (r == 0 && (unsigned)table < last)
		r = NEXT(close_range)((unsigned)table + 1, last, flags);
	return r;
}

SHIM(closefrom) void shim_closefrom(int first)
{
	int spared = table_within(first < 0 ? 0 : (unsigned)first, FDS_MAX);

	if (spared < 0) {
		NEXT(closefrom)(first);
		return;
	}
	if (spared > first && first >= 0)
		(void)NEXT(close_range)((unsigned)first, (unsigned)spared - 1, 0);
	NEXT(closefrom)(spared + 1);
}
