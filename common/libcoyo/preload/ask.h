/* SPDX-License-Identifier: BSD-3-Clause */
/* The shim's way to the daemon: the lines of ipc/appabi.h by system calls that behave as the program's own call has to, which blocks or does
 * not, ends with EINTR and EAGAIN as the kernel's would, and may be made in a signal handler or in several processes at once. */
#pragma once
#include "ipc/appabi.h"

/* Sends a request over a new connection. Its descriptor (close-on-exec), or a negative errno as connect(2) may give it: ENETDOWN where there
 * is no daemon. */
int ask(const struct app_request *req);
/* Reads one answer. flags: 0 or MSG_DONTWAIT. piece: how many bytes one call may take: 1 where another line may follow a line without a
 * descriptor, else APP_LINE_MAX: recvmsg() never goes on behind the message that a descriptor came with (unix(7)), so that processes that
 * share a connection get one line each. *passed: the descriptor, else -1; cloexec: it is to be close-on-exec. 0, or a negative errno:
 * -EAGAIN, -EINTR, -ENETDOWN (the daemon has ended), or what the daemon's `error` says. */
int ask_answer(int fd, struct app_answer *ans, int *passed, int flags, size_t piece, bool cloexec);
