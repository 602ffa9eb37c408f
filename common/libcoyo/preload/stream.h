/* SPDX-License-Identifier: BSD-3-Clause */
/* A descriptor's change from a socket of the kernel to a stream or a listener of the network. */
#pragma once
#include "libcoyo/preload/fds.h"

/* Puts `with` in the place of descriptor fd: same number, close-on-exec as it was, flags (F_GETFL of fd), the socket options set before, and
 * its registration with epoll. with is closed in any case. The slot is new (FD_OTHER until it is said what it is). 0, or a positive errno. */
int stream_replace(int fd, int with, int flags);
/* Looks whether the daemon has said how a connect went, and changes the kind accordingly. False: not yet. *kind: what it is now. errno
 * stays. */
bool stream_connected(int fd, struct fd_slot *s, enum fd_kind *kind);
