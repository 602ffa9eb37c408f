/* SPDX-License-Identifier: BSD-3-Clause */
/* Service-manager notification (sd_notify(3)'s protocol): datagrams to $NOTIFY_SOCKET. Never waits: what finds no room in the manager's
 * socket is kept and sent later. */
#pragma once
#include <stdbool.h>

struct notify {
	int fd; /* connected to the manager, before the daemon becomes a user who may not reach it; negative: no manager */
	char waiting[256]; /* assignments, one a line, oldest first; "": none */
};

/* Reaches the manager that $NOTIFY_SOCKET names, if any. */
void notify_open(struct notify *n);
/* What waits is given up. */
void notify_close(struct notify *n);
/* Sends state, e.g. "READY=1", after what still waits. Nothing happens without $NOTIFY_SOCKET. 0 when it was sent or waits for
 * notify_retry(); -errno when it cannot be sent at all. Of several STATUS= that wait, only the last one is kept. */
int notify_send(struct notify *n, const char *state);
/* Whether something waits for notify_retry(), which is due every 100 ms as long as it does. */
bool notify_waiting(const struct notify *n);
/* Tries again to send what waits. */
void notify_retry(struct notify *n);
