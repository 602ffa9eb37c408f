/* SPDX-License-Identifier: BSD-3-Clause */
/* What a socket is ready for. */
#pragma once
#include "libcoyo/sock.h"

/* Which of the events (POLLIN ...; POLLERR and POLLHUP always) are there. arm: before it looks, the worker is asked to wake the application when
 * something changes. */
short ready_look(const struct ref *r, short events, bool arm);
