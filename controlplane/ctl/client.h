/* SPDX-License-Identifier: BSD-3-Clause */
/* coyoctl's end of the control socket: one request, answers line by line. */
#pragma once
#include "base/cc.h"
#include "ipc/ctl.h"

#include <stddef.h>

struct client {
	int fd;
	char *buf; /* bytes not yet handed out as lines */
	size_t len, cap, used;
};

/* -errno with cause and remedy in err. */
int client_open(struct client *c, const char *path, char *err, size_t errcap) COYO_NODISCARD;
int client_send(struct client *c, const struct ctl_request *r) COYO_NODISCARD;
/* The next line, NUL-terminated without its newline, valid until the next call. 0: the end. -errno. */
int client_line(struct client *c, char **line, size_t *len) COYO_NODISCARD;
void client_close(struct client *c);
