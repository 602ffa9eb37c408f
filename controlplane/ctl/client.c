/* SPDX-License-Identifier: BSD-3-Clause */
/* Unix stream socket to coyod. */
#include "ctl/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MAX (1u << 30)

static const char *remedy(int err)
{
	switch (err) {
	case ENOENT:
	case ECONNREFUSED:
		return "no coyod runs with this control socket; start it, or name another with -s "
		       "or $COYO_CONTROL";
	case EACCES:
	case EPERM:
		return "this user may not use it; try as root, or set control-mode in [node]";
	default:
		return "see connect(2)";
	}
}

int client_open(struct client *c, const char *path, char *err, size_t errcap)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int rc;

	*c = (struct client){.fd = -1};
	if (strlen(path) >= sizeof(at.sun_path)) {
		snprintf(err, errcap, "%s: longer than the %zu characters of a socket path", path,
		         sizeof(at.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	memcpy(at.sun_path, path, strlen(path));
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd >= 0 && connect(c->fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return 0;
	rc = -errno;
	snprintf(err, errcap, "%s: %s; %s", path, strerror(-rc), remedy(-rc));
	client_close(c);
	return rc;
}

int client_send(struct client *c, const struct ctl_request *r)
{
	char line[CTL_LINE_MAX + 2];
	int n = ctl_request_format(r, line, sizeof(line));

	for (int done = 0; done < n;) {
		ssize_t w = send(c->fd, line + done, (size_t)(n - done), MSG_NOSIGNAL);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		done += (int)w;
	}
	return n < 0 ? n : 0;
}

static int more(struct client *c)
{
	ssize_t n;

	if (c->used) {
		memmove(c->buf, c->buf + c->used, c->len - c->used);
		c->len -= c->used;
		c->used = 0;
	}
	if (c->cap - c->len < 4096) {
		size_t cap = c->cap ? c->cap * 2 : 65536;
		char *b = cap <= ANSWER_MAX ? realloc(c->buf, cap) : NULL;

		if (!b)
			return -ENOMEM;
		c->buf = b;
		c->cap = cap;
	}
	do
		n = recv(c->fd, c->buf + c->len, c->cap - c->len - 1, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	c->len += (size_t)n;
	return n > 0;
}

int client_line(struct client *c, size_t max, char **line, size_t *len)
{
	size_t seen = 0;

	for (;;) {
		char *from = c->buf + c->used, *nl = NULL;
		size_t there = c->len - c->used;
		int rc;

		if (there > seen)
			nl = memchr(from + seen, '\n', there - seen);
		*line = from;
		*len = nl ? (size_t)(nl - from) : there;
		if (nl && !c->in_line && *len <= max) {
			*nl = '\0';
			c->used += *len + 1;
			return CLIENT_LINE;
		}
		if (there && (c->in_line || *len > max)) {
			c->in_line = !nl;
			*len += nl != NULL;
			c->used += *len;
			return CLIENT_PART;
		}
		seen = there;
		rc = more(c);
		if (rc <= 0)
			return rc;
	}
}

void client_close(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->buf);
	*c = (struct client){.fd = -1};
}
