/* SPDX-License-Identifier: BSD-3-Clause */
/* Which sockets in epoll sets have changed. Any thread of any process that shares the sockets may be the one that reads what a worker says, so it
 * writes down whom it concerns where all of them see it, and each process reads on from where it was. */
#pragma once
#include "libcoyo/sock.h"

/* The socket is in an epoll set from now on. */
void changes_watch(const struct ref *r);
/* The socket with this index has changed: noted, if it is watched. */
void changes_of(struct attachment *a, uint32_t index);
/* Whatever socket has this slot has changed. */
void changes_of_slot(struct attachment *a, uint32_t slot);
/* A change was made here and not by a worker: noted, and threads that sleep on epoll sets look. */
void changes_made(const struct ref *r);
/* Something may have been read and not been noted: everyone looks at all. */
void changes_lost(struct attachment *a);

/* Calls on(arg, index) for each change since *seen, which moves on; index NONE: look at all. */
void changes_read(struct attachment *a, uint64_t *seen, void (*on)(void *arg, uint32_t index),
                  void *arg);
