/* SPDX-License-Identifier: BSD-3-Clause */
/* When an application that sleeps is woken for bytes that have come. A wake-up costs two system calls, more than it costs to bring a segment. So while
 * TCP knows that more is on its way (tcp_recv_more(): the peer has not pushed), who waits is woken for half of what the ring may hold, and never later
 * than 1 ms after the last bytes, or 10 ms after the first and 1 ms. What is pushed, an end, and what was missing and came late are told at once. An
 * application that is awake sees all that has come, told or not, and is never told. */
#pragma once
#include "session/priv.h"

/* Bytes were put into the in ring: whoever waits for them is woken now or later. A ring that was half full in time may be larger from now on. */
void hold_in(struct worker_sessions *s, struct app_stream *st, struct instant now);
/* Whoever waits is woken now: there is an end to tell, or the ring is full. */
void hold_give(struct worker_sessions *s, struct app_stream *st);
/* No wake-up of the stream is held back any more, nor given. */
void hold_forget(struct worker_sessions *s, struct app_stream *st);
/* Gives the wake-ups that are due. */
void hold_run(struct worker_sessions *s, struct instant now);
/* When the next is. */
struct instant hold_deadline(const struct worker_sessions *s);
/* SO_RCVBUF: the in ring becomes no larger than `bytes` need. */
void hold_limit(struct app_stream *st, int64_t bytes);
