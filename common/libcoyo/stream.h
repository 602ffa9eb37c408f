/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes of a connected stream: between the caller's memory and the rings, one copy each way. */
#pragma once
#include "libcoyo/sock.h"

#include <sys/types.h>
#include <sys/uio.h>

#define STREAM_FLAGS_SEND (MSG_DONTWAIT | MSG_MORE | MSG_NOSIGNAL)
#define STREAM_FLAGS_RECV (MSG_DONTWAIT | MSG_PEEK | MSG_WAITALL | MSG_CMSG_CLOEXEC | MSG_NOSIGNAL)

/* Sends the pieces' bytes: all of them where it may wait. How many went, or a negative errno: -EPIPE, -EAGAIN ... */
ssize_t stream_send(const struct ref *r, const struct iovec *iov, size_t pieces, int flags);
/* Receives into the pieces. How many bytes came, 0 at the peer's end of stream, or a negative errno. */
ssize_t stream_recv(const struct ref *r, const struct iovec *iov, size_t pieces, int flags);

/* What a send meets before it looks for room: 0 or a negative errno. Under the sending lock. */
int stream_may_send(const struct ref *r);
/* How many more bytes the ring may have by TCP_NOTSENT_LOWAT; at least 1 where it is empty. Under the sending lock. */
uint32_t stream_allows(const struct ref *r);
/* What a receive meets when no byte waits: 0: the end of the stream; -EAGAIN: it has to wait; another negative errno. Under the receiving
 * lock; told: state_told() before the ring was looked at. */
int stream_ended(const struct ref *r, uint32_t told);
/* n bytes were put into the out ring last: the worker is kicked, unless it has others before them that it comes for by itself. Under the sending
 * lock. */
void stream_written(const struct ref *r, size_t n);
/* Bytes were taken out of the in ring: a worker that waits for room there is kicked. Under the receiving lock, so that no kick comes after a close. */
void stream_taken(const struct ref *r);
