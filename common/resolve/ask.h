/* SPDX-License-Identifier: BSD-3-Clause */
/* One question to the daemon on its application socket, with an end to the patience. */
#pragma once
#include "ipc/appabi.h"

/* Where the daemon listens: socket if not NULL, else $COYO_SOCKET, else the built-in path. A program that runs with more rights than its user has
 * does not look at the environment. Never NULL. */
const char *ask_socket_path(const char *socket);

/* Sends the request and reads its answer; other answers of the same daemon are not waited for. No longer than timeout_ms, whatever the daemon
 * does; no signal is raised, and no descriptor stays. -ENOTCONN: no daemon is there; -ETIMEDOUT; -EACCES and others from reaching it;
 * what the daemon answered with `error` is -ans->err. One sentence in why. */
int ask_daemon(const char *socket, const struct app_request *req, int timeout_ms,
               struct app_answer *ans, char why[APP_WHY_MAX]) COYO_NODISCARD;
/* The same over a connection that stands, which is closed. */
int ask_over(int fd, const struct app_request *req, int timeout_ms, struct app_answer *ans,
             char why[APP_WHY_MAX]) COYO_NODISCARD;
