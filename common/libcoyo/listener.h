/* SPDX-License-Identifier: BSD-3-Clause */
/* A listening socket as others than accept() see it. */
#pragma once
#include "libcoyo/sock.h"

/* Gives slots to the workers that have too few. False: none was left for one that has none at all, and only another try will tell when there is. */
bool listener_post(const struct ref *r);

/* The same under the socket's receiving lock, of one that listens. False: a worker has none. */
bool listener_fill(const struct ref *r);

/* Whether a connection waits in its queue. */
bool listener_waits(const struct ref *r);

/* Whether accept() has something to return at once: a connection that waits, or an error. */
bool listener_ready(const struct ref *r);
