/* SPDX-License-Identifier: BSD-3-Clause */
/* libcoyo-stack: the whole stack inside the calling process, with threads of its own, for the calls of coyo.h. No daemon and no privileges.
 *
 * From coyo_stack_start() on, new sockets and questions for names of this process go to its own stack instead of a daemon: coyo_socket() and whatever
 * else is told no path of a socket. Threads of the stack take no signals, and nothing is written to standard output or error.
 *
 * DPDK, which the workers stand on, serves one stack at a time in a process, and stays initialised for the next one: what a stop leaves behind, once, is
 * its own thread and one for each worker, asleep, four descriptors, and address space whose memory is given back. See coyo_stack_start(3).
 */
#pragma once
#include "coyo.h"

#ifdef __cplusplus
extern "C" {
#endif

struct coyo_stack;

/* Takes one line of the stack's log, without its newline, in a thread of the stack's. level as in syslog(3): 3 error, 4 warning, 6 info, 7 debug. Must
 * not call coyo_stack_stop(). */
typedef void coyo_stack_log_fn(void *arg, int level, const char *line);

/* Starts a stack from a configuration, the text that coyod.conf(5) describes; `key = ephemeral` gives it an identity of its own for as long as it
 * runs. Returns when links are open and sockets may be made. NULL: *err (may be NULL) has what is wrong and what helps, a sentence or one line for
 * each error in the text; the caller frees it with free(). */
struct coyo_stack *coyo_stack_start(const char *config, char **err);
/* The same, with a log. */
struct coyo_stack *coyo_stack_start_log(const char *config, coyo_stack_log_fn *take, void *arg,
                                        char **err);
/* The text form of this node's id, which others dial; valid until coyo_stack_stop(). */
const char *coyo_stack_id(const struct coyo_stack *s);
/* Stops it: what is under way may end within 2 s, then connections are reset, and everything that the stack held is freed. Its sockets stay the
 * caller's to close. NULL does nothing. In a child of fork() the parent's stack runs on, and only this process forgets it. */
void coyo_stack_stop(struct coyo_stack *s);

#ifdef __cplusplus
}
#endif
