/* SPDX-License-Identifier: BSD-3-Clause */
/* The stack as a whole: made from a configuration, run by one thread, taken apart. It changes nothing of the process around it but what it opens
 * and the threads that it starts; errors are returned as one sentence with cause and remedy. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct conf_errors;
struct daemon;

/* An empty stack: nothing is open. Its log's lines go to log_fd, which stays the caller's. */
void stack_init(struct daemon *d, int log_fd);
/* After the text is read into d->conf: the key, and what else the configuration names. Files are looked at even where another is wrong. -EINVAL: errors
 * are in e. */
int stack_configure(struct daemon *d, struct conf_errors *e);
/* Whether stack_start() would find the memory. -errno with one sentence. */
int stack_check(struct daemon *d, char *err, size_t errcap);
/* Opens links and sockets, then starts the workers and makes the node. The calling thread is the control thread from here on; signals that nobody
 * is to take in workers are blocked in it. -errno with one sentence; -ECANCELED: d->cancelled was set. stack_end() either way. */
int stack_start(struct daemon *d, char *err, size_t errcap);
/* Runs until told to stop. The exit status of a daemon: 0, or 1 where a worker takes no commands any more. */
int stack_run(struct daemon *d);
/* Takes apart what there is; d is empty afterwards. Also after a stack_init() alone. False: whoever reads the log has not come back, and the log must
 * stay where it is. */
bool stack_end(struct daemon *d);
