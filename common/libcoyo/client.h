/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tool asks of the daemon beyond coyo.h. */
#pragma once
#include "libcoyo/coyo.h"

/* coyo_client_listen(), and in local (may be NULL) this node's id and the port; its scoyo_family is 0 where the daemon does not tell. */
int client_listen(const char *socket, uint16_t port, unsigned backlog, struct sockaddr_coyo *local,
                  char why[COYO_WHY_MAX]);
