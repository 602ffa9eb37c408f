/* SPDX-License-Identifier: BSD-3-Clause */
/* One worker: its rooms put together, and the order in which a turn goes through them. */
#pragma once
#include "core/burst.h"
#include "core/state.h"
#include "fwd/fwd.h"
#include "io/io.h"
#include "session/session.h"

struct loop {
	struct worker w;
	struct io *io;
	struct fwd *fwd;
	struct worker_sessions *sess;
	unsigned lcore;
	struct burst burst;         /* what the turn works on; empty between turns */
	bool flowing;               /* the last turn received packets */
	struct instant commands_at; /* when commands were last looked for */
};

/* Makes worker `number` of all->cfg->workers and its rooms; EAL, the pool and the ports exist. NULL: one sentence is in err. */
struct loop *loop_new(struct workers *all, unsigned number, char *err, size_t errcap);

/* Frees it; the threads of all workers have ended. NULL is allowed. */
void loop_free(struct loop *l);

/* worker/command.c: executes at most so many of the commands that control has queued, and acknowledges them. Returns commands. */
unsigned command_run(struct loop *l, unsigned most);

/* The receiving part of a turn: takes all that has arrived from ports, sockets and other workers through the label switch, and gives
 * sessions what is theirs. Returns packets. */
unsigned turn_receive(struct loop *l);

/* Body of the worker's thread; arg is a struct loop. Returns 0 when all->stop is set. */
int loop_main(void *arg);
