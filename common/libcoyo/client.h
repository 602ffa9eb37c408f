/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tool asks of the daemon beyond coyo.h: coyo_client_listen() in two steps, for a loop that must not wait for the answer. */
#pragma once
#include "libcoyo/coyo.h"

/* Asks to listen on port; backlog 0: the default. A descriptor, which becomes readable when the answer is there, or -errno and one sentence in
 * why. */
int client_listen_ask(const char *socket, uint16_t port, unsigned backlog, char why[COYO_WHY_MAX]);

/* Reads the answer; blocks until it is there. 0: fd is a listener, and local (may be NULL) has this node's id and the port; its scoyo_family is 0
 * where the daemon does not tell. -EADDRINUSE, ...: one sentence is in why. fd stays the caller's. */
int client_listen_answer(int fd, struct sockaddr_coyo *local, char why[COYO_WHY_MAX]);
