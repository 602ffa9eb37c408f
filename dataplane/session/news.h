/* SPDX-License-Identifier: BSD-3-Clause */
/* What happens to a stream is told to whoever uses it: the gateway by messages, an application by the words of its slot. Nothing is lost where a
 * ring is full, and nobody who is awake is woken. */
#pragma once
#include "session/lane.h"
#include "session/priv.h"

/* It is connected. */
void news_connected(struct worker_sessions *s, struct app_stream *st);
/* It cannot be connected; err is positive. */
void news_failed(struct worker_sessions *s, struct app_stream *st, int err);
/* Bytes were put into the in ring, or told says that no more will be. */
void news_in(struct worker_sessions *s, struct app_stream *st);
/* Bytes were taken from the out ring. */
void news_room(struct worker_sessions *s, struct app_stream *st);
/* The connection has ended with err, which is positive. */
void news_ended(struct worker_sessions *s, struct app_stream *st, int err);
/* The worker lets go of the stream and will not touch it again. Its user may free it, or use it anew, as soon as this is told. */
void news_gone(struct worker_sessions *s, struct app_stream *st);
/* Tells the gateway what is due about its streams as far as its ring has room. Returns messages. */
unsigned news_flush(struct worker_sessions *s);

/* The words of the slot that a stream of an application is. */
static inline struct appseg_slot *news_slot(const struct app_stream *st)
{
	return (struct appseg_slot *)st->side.shared;
}
/* Tells an application what is due about its streams as far as its ring has room. Returns messages. */
unsigned news_flush_port(struct worker_sessions *s, struct app_port *p);
/* A free message of an application's ring, with zeroes (fill it, then news_send()), or NULL: the ring is full, and tried again later. */
struct applane_msg *news_message(struct worker_sessions *s, struct app_port *p);
/* The message that news_message() returned is there for the application. */
void news_send(struct app_port *p);
/* Wakes who waits on a word of a slot. st: the stream that it is of; NULL: none that a message could name. */
void news_wake(struct worker_sessions *s, struct app_stream *st, _Atomic uint32_t *waits);
/* Writes the application's descriptor where it sleeps and something has been sent since. */
void news_wake_app(struct worker_sessions *s, struct app_port *p);
