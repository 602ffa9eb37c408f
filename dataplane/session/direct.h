/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams that go to a neighbour over its own link, or nowhere. One that opens has no connection of TCP before its session's path is that link; one
 * whose path comes to lead over others ends with EHOSTUNREACH before anything of it is sent there; without any path it is held as all are. */
#pragma once
#include "session/priv.h"

enum direct_path { DIRECT_NONE /* no path now */, DIRECT_LINK, DIRECT_LONGER };

/* direct.c: which path there is to the remote. */
enum direct_path direct_path(const struct worker_sessions *s, uint32_t remote);
/* The stream, which counts among its remote's, has asked for such a path to the port. True: it is there; false: it waits, and control is asked. */
bool direct_begin(struct worker_sessions *s, struct app_stream *st, uint16_t port,
                  struct instant now);
/* Control is asked for such a path to the remote. */
void direct_want(struct worker_sessions *s, uint32_t remote);
/* The stream lets go of its remote. Nothing where it has not asked. */
void direct_forget(struct worker_sessions *s, struct app_stream *st);
/* A setting of TCP for one that waits. 0, or -EINVAL: there is none of this number. */
int direct_option(struct app_stream *st, uint32_t option, uint32_t value);

/* direct_run.c: control says that the remote is no neighbour: those that wait for it end with err (positive errno). */
void direct_unreachable(struct worker_sessions *s, uint32_t remote, int err, struct instant now);
/* After commands, and before anything is sent: looks at paths that may have changed. */
void direct_run(struct worker_sessions *s, struct instant now);
/* Once a second: control is asked again for those that wait, and those that have waited for too long end. True: some wait. */
bool direct_tick(struct worker_sessions *s, struct instant now);
