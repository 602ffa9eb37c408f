/* SPDX-License-Identifier: BSD-3-Clause */
/* A listening socket as others than accept() see it. */
#pragma once
#include "libcoyo/sock.h"

/* Whether accept() has something to return at once: a connection that waits, or an error. */
bool listener_ready(const struct ref *r);
