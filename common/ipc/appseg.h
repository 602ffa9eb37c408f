/* SPDX-License-Identifier: BSD-3-Clause */
/* What a worker and whoever uses one of its streams both reach: words and two rings of bytes, in memory that the other side may write at any
 * time. Nothing here is believed: what one side relies on stands in its struct appseg_side, which the other does not reach, and no word
 * here is an address, an offset or a length of anything but bytes of the two rings. */
#pragma once
#include "ipc/bytering.h"

#include <stdatomic.h>
#include <stdint.h>

/* What the application's side asks for once the bytes before are through. */
#define STREAM_SHUT   1u /* no more bytes will be written: FIN after them */
#define STREAM_GONE   2u /* the application is gone: what is written is not waited for without end */
#define STREAM_UNREAD 4u /* and has left bytes unread: a reset follows what is written */
/* What the worker's side tells. */
#define STREAM_EOF   1u /* the peer's FIN: no more bytes will come */
#define STREAM_ERROR 2u /* the connection has ended with err */

/* Words of one stream. Each is written as its comment says. */
struct appseg_stream {
	struct bytering_shared out; /* application -> network */
	struct bytering_shared in;  /* network -> application */
	_Atomic uint32_t asked;     /* STREAM_SHUT ...: the application's side sets bits */
	_Atomic uint32_t told;      /* STREAM_EOF ...: the worker sets bits */
	_Atomic uint32_t out_full;  /* the application's side waits for room in the out ring */
	_Atomic uint32_t in_full;   /* the worker waits for room in the in ring */
	/* A kick is on its way there: set by the sender, taken back by the receiver. */
	_Atomic uint32_t worker_kicked, app_kicked;
	_Atomic int32_t err; /* positive errno: the worker writes it before it sets STREAM_ERROR */
};

/* One side's view of a stream. Private to it. */
struct appseg_side {
	struct appseg_stream *shared;
	struct bytering out, in;
};

/* Empty rings and no flag. Before either side has a view. */
static inline void appseg_stream_init(struct appseg_stream *s)
{
	bytering_shared_init(&s->out);
	bytering_shared_init(&s->in);
	atomic_init(&s->asked, 0);
	atomic_init(&s->told, 0);
	atomic_init(&s->out_full, 0);
	atomic_init(&s->in_full, 0);
	atomic_init(&s->worker_kicked, 0);
	atomic_init(&s->app_kicked, 0);
	atomic_init(&s->err, 0);
}

/* A side's view of a stream as appseg_stream_init() left it, with rings of cap bytes each (a power of two) at out and in. All three stay the
 * caller's, in place as long as the view is used. */
static inline void appseg_side_init(struct appseg_side *v, struct appseg_stream *s, void *out,
                                    void *in, uint32_t cap)
{
	v->shared = s;
	bytering_view(&v->out, &s->out, out, cap);
	bytering_view(&v->in, &s->in, in, cap);
}

/* What a ring may become where its stream's buffer is limited: the least power of two that `limit` bytes fit in, at most `most`. */
static inline uint32_t bytering_within(int64_t limit, uint32_t most)
{
	uint32_t n = BYTERING_FIRST;

	while (n < most && n < limit)
		n *= 2;
	return n;
}
