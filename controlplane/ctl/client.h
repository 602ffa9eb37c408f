/* SPDX-License-Identifier: BSD-3-Clause */
/* coyoctl's end of the control socket: one request, answers line by line. */
#pragma once
#include "base/cc.h"
#include "ipc/ctl.h"

#include <stdbool.h>
#include <stddef.h>

struct client {
	int fd;
	char *buf; /* bytes not yet handed out as lines */
	size_t len, cap, used;
	bool in_line; /* the beginning of this line has been handed out */
};

/* Connects. -errno with cause and remedy in err; there is then nothing to close. */
int client_open(struct client *c, const char *path, char *err, size_t errcap) COYO_NODISCARD;
/* Sends the request, all of it. 0, or -errno. */
int client_send(struct client *c, const struct ctl_request *r) COYO_NODISCARD;
enum { CLIENT_END = 0, CLIENT_LINE, CLIENT_PART };
/* The next line, NUL-terminated without its newline, valid until the next call: CLIENT_LINE. A line longer than max comes in
 * parts as they arrive, each CLIENT_PART, the last of them ending with the newline. CLIENT_END: the daemon has closed. -errno. */
int client_line(struct client *c, size_t max, char **line, size_t *len) COYO_NODISCARD;
/* Closes and frees. */
void client_close(struct client *c);
