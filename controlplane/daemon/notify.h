/* SPDX-License-Identifier: BSD-3-Clause */
/* Service-manager notification (sd_notify(3)'s protocol): one datagram to $NOTIFY_SOCKET. */
#pragma once

/* Sends state, e.g. "READY=1". Nothing happens without $NOTIFY_SOCKET. 0, or -errno. */
int notify_send(const char *state);
