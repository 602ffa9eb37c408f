/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP_NOTSENT_LOWAT: of a stream that has asked, TCP gets no more bytes while it has so many that it could not send yet. The others stay in the
 * ring, where the application counts them. */
#pragma once
#include "session/priv.h"

/* The application's limit, 0: none. */
static inline void lowat_set(struct app_stream *st, uint32_t limit)
{
	st->notsent = limit;
}
/* So many more bytes TCP may have of the stream, whose limit is not 0. */
uint32_t lowat_allows(const struct worker_sessions *s, const struct app_stream *st);
/* Its ring has bytes that TCP does not get yet: it is looked at when something was sent. Nothing where that is so already. */
void lowat_wait(struct worker_sessions *s, struct app_stream *st);
/* It need no longer. */
void lowat_forget(struct worker_sessions *s, struct app_stream *st);
/* The application waits for room: whether it has little enough not sent now. */
bool lowat_below(struct app_stream *st);
