/* SPDX-License-Identifier: BSD-3-Clause */
/* Applications' streams and listeners on the worker's side, whoever uses them: the gateway's thread or an application with a segment. */
#pragma once
#include "session/priv.h"

/* stream.c: messages of the gateway, then what TCP tells. Returns messages. */
unsigned app_run(struct worker_sessions *s, struct instant now);
/* What TCP tells, to the streams that it concerns. */
void app_events(struct worker_sessions *s, struct instant now);
/* Messages to the gateway and to applications as far as their rings have room, and their wake-ups. Returns messages. */
unsigned app_flush(struct worker_sessions *s, struct instant now);
/* True: a full ring keeps messages back, which the gateway's room will not announce. */
bool app_owes(const struct worker_sessions *s);

/* listen.c: the gateway's LISTEN, TAKEN and UNLISTEN. */
void listen_message(struct worker_sessions *s, const struct bridge_msg *m);
/* TCP tells that a connection waits at the listener. */
void listen_ready(struct worker_sessions *s, struct app_listener *l);
/* Tells the gateway what it is owed, and offers connections, as far as its ring has room. Returns messages. */
unsigned listen_flush(struct worker_sessions *s, struct instant now);
/* Closes every listener; no new connection is made. */
void listen_drain(struct worker_sessions *s);

/* Opens a connection to a port of an id for a stream that has none. */
void stream_connect(struct worker_sessions *s, struct app_stream *st, const struct node_id *id,
                    uint16_t port, struct instant now);
/* The same for one that counts among its remote's streams already. False: it has failed, which its user is told. */
bool stream_open(struct worker_sessions *s, struct app_stream *st, uint16_t port,
                 struct instant now);
/* A connection that was accepted becomes the stream's. */
void stream_attach(struct worker_sessions *s, struct app_stream *st, uint32_t conn,
                   struct instant now);
/* Moves bytes both ways as far as rings and buffers go. */
void stream_pump(struct worker_sessions *s, struct app_stream *st, struct instant now);
/* Its user says the last about it. abort: a reset follows what was written, instead of FIN. */
void stream_let_go(struct worker_sessions *s, struct app_stream *st, bool abort,
                   struct instant now);
/* The connection is reset at once, and its user told err (positive errno). */
void stream_reset(struct worker_sessions *s, struct app_stream *st, int err, struct instant now);
/* Bytes that the user has written and TCP has not taken. */
uint32_t stream_unsent(struct app_stream *st);
/* Nobody reads or writes the stream any more, and it has come to its end: it is detached, and GONE is announced. */
void stream_finish(struct worker_sessions *s, struct app_stream *st, struct instant now);

/* ending.c: the stream's bytes must make progress from now on, or its connection is reset. Nothing where that is so already. */
void ending_watch(struct worker_sessions *s, struct app_stream *st, struct instant now);
/* It need no longer. */
void ending_forget(struct worker_sessions *s, struct app_stream *st);
/* Looks at some of those streams. */
void ending_run(struct worker_sessions *s, struct instant now);
/* True when the peer has acknowledged all that was written, and the FIN where one was sent. */
bool ending_flushed(const struct worker_sessions *s, struct app_stream *st);
