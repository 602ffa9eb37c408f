/* SPDX-License-Identifier: BSD-3-Clause */
/* The way to a stack inside this process, in place of the daemon's socket. */
#pragma once
#include "base/cc.h"
#include "libcoyo/coyo.h"

/* For libcoyo-stack alone, of the same version: connections of this process are from now on made as socketpairs whose other ends are passed through
 * fd, which stays the caller's; -1: to the daemon again. 0, or -EBUSY: there is a door already. */
COYO_EXPORT int coyo_private_door(int fd);

/* For libcoyo-stack, too: lets go of what is held for daemons and stacks that have ended, unless sockets of theirs are open. */
COYO_EXPORT void coyo_private_retire(void);

/* A connection through the door. type as for dial_daemon(). -ENOTCONN: its stack has ended; -EAGAIN: it has not taken earlier callers
 * yet; others; a sentence is in why (may be NULL). */
int door_dial(int type, char why[COYO_WHY_MAX]);
/* fork() holds its lock. */
void door_lock(void);
/* Gives it back. */
void door_unlock(void);
/* Which door there is: another number each time that one is set, 0: none. */
unsigned door_now(void);
