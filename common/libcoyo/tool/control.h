/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tool asks of the daemon's control socket: that its node vouches for names. */
#pragma once
#include "ipc/ctl.h"
#include "libcoyo/coyo.h"

/* Sends the request of `vouch` with its body to the socket given, else $COYO_CONTROL's, else the built-in path, and takes the list, which the
 * caller frees. -ENOTCONN: no daemon; -EACCES, -ETIMEDOUT and others from reaching it, or as the daemon refuses (-EINVAL). One sentence in why. */
int control_vouch(const char *socket, const struct ctl_request *req, const char *body, char **list,
                  char why[COYO_WHY_MAX]) COYO_NODISCARD;
