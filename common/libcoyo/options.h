/* SPDX-License-Identifier: BSD-3-Clause */
/* Settings of TCP that the worker has: kept while there is no connection, sent when there is one. */
#pragma once
#include "libcoyo/sock.h"

/* Sends all that were set of a socket that has just got its slot. What the worker says to them is not waited for. */
void options_send(const struct ref *r);
