/* SPDX-License-Identifier: BSD-3-Clause */
/* What TCP tells of a connection. */
#pragma once
#include "libcoyo/sock.h"

#include <sys/socket.h>

/* Asks the worker. 0, or a negative errno: -ENOTCONN, where the socket has no connection. Under the sending lock. */
int info_ask(const struct ref *r, struct appinfo *out);
/* TCP_INFO: as much of the kernel's struct tcp_info as *len has room for. 0. Under the sending lock. */
int info_give(const struct ref *r, void *value, socklen_t *len);
