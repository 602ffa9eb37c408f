/* SPDX-License-Identifier: BSD-3-Clause */
/* The end of a socket: what the last holder's close does. */
#pragma once
#include "libcoyo/sock.h"

/* The socket is closed, and its entry used anew; the caller's process was the last that held it. Returns its stream's slot, which the worker
 * has been told to close, or NONE. */
uint32_t release_socket(const struct ref *r);

/* Sockets whose holders have all ended are released. */
void release_orphans(unsigned attachment);
