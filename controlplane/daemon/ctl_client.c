/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes of one client: lines into a bounded buffer, as many as the socket takes out of it. */
#include "daemon/ctl_client.h"
#include "daemon/daemon.h"
#include "daemon/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_NS  (5 * NS_PER_S)
#define WRITE_NS (15 * NS_PER_S) /* without any progress */

static uint64_t tag_of(const struct daemon *d, const struct ctl_client *c)
{
	return LOOP_TAG(LOOP_CLIENT, (uint32_t)(c - d->ctl.clients), c->generation);
}

/* syscalls: epoll_ctl */
int ctl_client_open(struct daemon *d, struct ctl_client *c, int fd, uint32_t uid)
{
	struct epoll_event ev = {.events = EPOLLIN};
	int rc;

	*c = (struct ctl_client){.state = CLIENT_READING,
	                         .fd = fd,
	                         .uid = uid,
	                         .generation = c->generation,
	                         .deadline = instant_add(d->now, READ_NS)};
	ev.data.u64 = tag_of(d, c);
	if (epoll_ctl(d->epoll_fd, EPOLL_CTL_ADD, fd, &ev) == 0)
		return 0;
	rc = -errno;
	ctl_client_close(c);
	return rc;
}

/* syscalls: close */
void ctl_client_close(struct ctl_client *c)
{
	uint32_t generation = c->generation + 1;

	if (c->state == CLIENT_FREE)
		return;
	close(c->fd);
	json_free(&c->out);
	show_end(&c->walk);
	free(c->body);
	*c = (struct ctl_client){.fd = -1, .generation = generation};
}

size_t ctl_client_waiting(const struct ctl_client *c)
{
	return c->out.len - c->sent;
}

/* syscalls: epoll_ctl */
void ctl_client_watch(struct daemon *d, struct ctl_client *c)
{
	bool want = ctl_client_waiting(c) > 0;
	struct epoll_event ev = {.data.u64 = tag_of(d, c)};

	/* Beyond the request nothing is read; a client that leaves is noticed by the hang-up, always reported. */
	ev.events = (c->state == CLIENT_READING || c->state == CLIENT_BODY ? EPOLLIN : 0) |
	            (want ? EPOLLOUT : 0);
	c->want_write = want;
	(void)epoll_ctl(d->epoll_fd, EPOLL_CTL_MOD, c->fd, &ev);
}

/* Sends what the socket takes. False: the client is gone and closed.
 * syscalls: send */
static bool send_some(struct daemon *d, struct ctl_client *c)
{
	while (ctl_client_waiting(c)) {
		ssize_t n = send(c->fd, c->out.text + c->sent, ctl_client_waiting(c),
		                 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0) {
			ctl_client_close(c);
			return false;
		}
		c->sent += (size_t)n;
		if (c->state >= CLIENT_SHOWING && !c->cookie)
			c->deadline = instant_add(d->now, WRITE_NS);
	}
	if (c->state == CLIENT_WRITING && !ctl_client_waiting(c)) {
		ctl_client_close(c);
		return false;
	}
	/* Nothing is kept that has been sent. */
	if (c->sent) {
		memmove(c->out.text, c->out.text + c->sent, ctl_client_waiting(c));
		c->out.len -= c->sent;
		c->sent = 0;
	}
	return true;
}

void ctl_client_flush(struct daemon *d, struct ctl_client *c)
{
	if (c->state == CLIENT_FREE || !send_some(d, c))
		return;
	if (c->want_write != (ctl_client_waiting(c) > 0) || c->state == CLIENT_WRITING)
		ctl_client_watch(d, c);
}

struct json *ctl_client_line(struct ctl_client *c)
{
	if (ctl_client_waiting(c) > CLIENT_OUT_MAX)
		c->out.failed = true;
	json_object(&c->out, NULL);
	return &c->out;
}

void ctl_client_line_end(struct ctl_client *c)
{
	json_object_end(&c->out);
	json_line_end(&c->out);
}

void ctl_client_finish(struct daemon *d, struct ctl_client *c)
{
	c->state = CLIENT_WRITING;
	c->cookie = 0;
	c->deadline = instant_add(d->now, WRITE_NS);
	show_end(&c->walk);
	if (c->out.failed)
		ctl_client_close(c); /* the stream ends early: coyoctl says so */
	else
		ctl_client_flush(d, c);
}

void ctl_client_error(struct daemon *d, struct ctl_client *c, int err, const char *text)
{
	struct json *j = ctl_client_line(c);

	json_bool(j, "done", true);
	json_str(j, "error", text);
	json_str(j, "code", ctl_errno_name(err));
	ctl_client_line_end(c);
	ctl_client_finish(d, c);
}
