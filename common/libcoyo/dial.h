/* SPDX-License-Identifier: BSD-3-Clause */
/* Reaching the daemon: its socket, lines to it, and its answers with what is passed along. */
#pragma once
#include "base/cc.h"
#include "ipc/appabi.h"
#include "libcoyo/coyo.h"

#include <stddef.h>

/* Connects to the daemon's socket (coyo_socket_path()), or, without one named, to the stack of this process (door.h). type: SOCK_STREAM, and SOCK_NONBLOCK where nothing may block: -EAGAIN then, if the
 * daemon has not taken earlier callers yet. A descriptor, or a negative errno with a sentence. */
int dial_daemon(const char *socket, int type, char why[COYO_WHY_MAX]);

/* Writes all n bytes. 0 or a negative errno; never SIGPIPE. */
int dial_send(int fd, const char *p, size_t n);

/* Reads one answer and up to most descriptors that come with it; how many came is in *npassed, and the caller's are they even where this
 * fails. flags: 0, or MSG_DONTWAIT: -EAGAIN then where the answer is not whole yet, and nothing was taken. 0, or a negative errno (an answer that is an error too) with a sentence. */
int dial_answer(int fd, struct app_answer *ans, int *passed, unsigned most, unsigned *npassed,
                int flags, char why[COYO_WHY_MAX]);
