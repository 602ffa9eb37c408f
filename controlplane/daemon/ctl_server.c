/* SPDX-License-Identifier: BSD-3-Clause */
/* The control socket: accept, one line in, whose turn it is, who has waited too long. */
#include "daemon/ctl_server.h"
#include "daemon/connections.h"
#include "daemon/daemon.h"
#include "daemon/loop.h"
#include "daemon/request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PAUSE_NS      (100 * NS_PER_MS)
#define DRAIN_LOOK_NS (50 * NS_PER_MS)

/* A socket file that nobody answers on is left over from a daemon that died.
 * syscalls at the start: lstat socket connect close unlink */
static int remove_stale(const struct sockaddr_un *at)
{
	struct stat st;
	int fd, rc = 0;

	if (lstat(at->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0 || errno == EAGAIN)
		rc = -EADDRINUSE;
	else if (errno != ECONNREFUSED)
		rc = -errno;
	close(fd);
	if (rc == 0 && unlink(at->sun_path) < 0)
		rc = -errno;
	return rc;
}

static const char *listen_remedy(int err)
{
	switch (err) {
	case EADDRINUSE:
		return "another coyod listens there; stop it or choose another path";
	case EEXIST:
		return "a file that is no socket is in the way; remove it or choose another path";
	case ENOENT:
		return "make its directory first";
	case EACCES:
		return "its directory is not writable for this user";
	default:
		return "choose another path";
	}
}

/* Nobody can connect before listen(), so the mode is set in time.
 * syscalls at the start: socket bind chmod listen unlink close */
static int listen_at(const char *path, mode_t mode)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd, rc;

	if (strlen(path) >= sizeof(at.sun_path))
		return -ENAMETOOLONG;
	memcpy(at.sun_path, path, strlen(path));
	rc = remove_stale(&at);
	if (rc)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	rc = bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ? -errno : 0;
	if (rc == 0 && (chmod(path, mode) < 0 || listen(fd, CTL_CLIENTS_MAX) < 0)) {
		rc = -errno;
		(void)unlink(path);
	}
	if (rc) {
		close(fd);
		return rc;
	}
	return fd;
}

int ctl_server_open(struct daemon *d, char *err, size_t errcap)
{
	const char *path = d->conf.node.control;
	int fd = listen_at(path, (mode_t)d->conf.node.control_mode);

	d->ctl.fd = -1;
	d->ctl.resume_at = INSTANT_NEVER;
	if (fd < 0) {
		snprintf(err, errcap, "cannot listen on control = %s: %s; %s", path, strerror(-fd),
		         listen_remedy(-fd));
		return fd;
	}
	d->ctl.fd = fd;
	d->ctl.bound = true;
	return 0;
}

/* syscalls: close unlink */
void ctl_server_close(struct daemon *d)
{
	for (unsigned i = 0; i < CTL_CLIENTS_MAX; i++)
		ctl_client_close(&d->ctl.clients[i]);
	if (d->ctl.bound) {
		close(d->ctl.fd);
		(void)unlink(d->conf.node.control);
	}
	d->ctl.bound = false;
	d->ctl.fd = -1;
}

/* syscalls: epoll_ctl */
static void listening(struct daemon *d, bool on)
{
	struct epoll_event ev = {.events = on ? EPOLLIN : 0,
	                         .data.u64 = LOOP_TAG(LOOP_LISTEN, 0, 0)};

	(void)epoll_ctl(d->epoll_fd, EPOLL_CTL_MOD, d->ctl.fd, &ev);
	d->ctl.resume_at = on ? INSTANT_NEVER : instant_add(d->now, PAUSE_NS);
}

/* Out of descriptors or memory: whoever waits stays readable, so look away for a while instead of spinning. */
static void accept_failed(struct daemon *d, int err)
{
	if (err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM)
		listening(d, false);
}

/* Who is at the other end; UINT32_MAX: nobody who is known.
 * syscalls: getsockopt */
static uint32_t uid_of(int fd)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 && n == sizeof(peer)
	               ? peer.uid
	               : UINT32_MAX;
}

/* A place for one more client of this user, or NULL: all are taken, or *share: the user has as many as would stay free. Root and the daemon's own user, who
 * could end the daemon anyhow, take what there is.
 * syscalls: geteuid */
static struct ctl_client *place_for(struct daemon *d, uint32_t uid, bool *share)
{
	struct ctl_client *place = NULL;
	unsigned has = 0, left = 0;

	for (unsigned i = 0; i < CTL_CLIENTS_MAX; i++) {
		struct ctl_client *c = &d->ctl.clients[i];

		if (c->state == CLIENT_FREE) {
			left++;
			place = place ? place : c;
		} else {
			has += c->uid == uid;
		}
	}
	*share = left > 0 && uid != 0 && uid != geteuid() && has + 2 > left;
	return *share ? NULL : place;
}

/* syscalls: send close */
static void turn_away(int fd, bool share)
{
	static const char busy[] = "{\"error\":\"32 requests are under way; try again later\","
	                           "\"code\":\"EBUSY\"}\n";
	static const char much[] =
	        "{\"error\":\"this user's share of the requests is under way; try again later\","
	        "\"code\":\"EDQUOT\"}\n";

	(void)!send(fd, share ? much : busy, (share ? sizeof(much) : sizeof(busy)) - 1,
	            MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

/* syscalls: accept4 */
void ctl_server_accept(struct daemon *d)
{
	for (unsigned n = 0; n < CTL_ACCEPTS; n++) {
		int fd = accept4(d->ctl.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		struct ctl_client *c;
		bool share;
		uint32_t uid;

		if (fd < 0) {
			accept_failed(d, errno);
			return;
		}
		uid = uid_of(fd);
		c = place_for(d, uid, &share);
		if (c)
			(void)ctl_client_open(d, c, fd, uid);
		else
			turn_away(fd, share);
	}
}

/* The request is there, whole. */
static void client_start(struct daemon *d, struct ctl_client *c)
{
	c->state = CLIENT_WORKING;
	c->began = d->now;
	request_start(d, c);
	if (c->state == CLIENT_WORKING || c->state == CLIENT_SHOWING)
		ctl_client_watch(d, c);
}

/* The line is there, of len bytes without its end. What has come behind it is the beginning of its body, if it has one. */
static void client_request(struct daemon *d, struct ctl_client *c, size_t len)
{
	size_t more = c->line_len - len - 1;
	char why[200];

	if (ctl_request_parse(c->line, len, &c->req, why, sizeof(why))) {
		ctl_client_error(d, c, EINVAL, why);
		return;
	}
	if (c->req.body == 0) {
		client_start(d, c);
		return;
	}
	c->body = malloc(c->req.body);
	if (!c->body) {
		ctl_client_error(d, c, ENOMEM, "out of memory for the request");
		return;
	}
	c->state = CLIENT_BODY;
	c->body_len = more < c->req.body ? more : c->req.body;
	memcpy(c->body, c->line + len + 1, c->body_len);
	if (c->body_len == c->req.body)
		client_start(d, c);
}

/* syscalls: recv */
static void client_read_body(struct daemon *d, struct ctl_client *c)
{
	ssize_t n = recv(c->fd, c->body + c->body_len, c->req.body - c->body_len, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		ctl_client_close(c);
		return;
	}
	c->body_len += (size_t)n;
	if (c->body_len == c->req.body)
		client_start(d, c);
}

/* syscalls: recv */
static void client_read(struct daemon *d, struct ctl_client *c)
{
	char *nl;
	ssize_t n;

	if (c->state == CLIENT_BODY)
		client_read_body(d, c);
	if (c->state != CLIENT_READING)
		return;
	n = recv(c->fd, c->line + c->line_len, CTL_LINE_MAX + 1 - c->line_len, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		ctl_client_close(c);
		return;
	}
	nl = memchr(c->line + c->line_len, '\n', (size_t)n);
	c->line_len += (size_t)n;
	if (nl)
		client_request(d, c, (size_t)(nl - c->line));
	else if (c->line_len > CTL_LINE_MAX)
		ctl_client_error(d, c, EINVAL, "the request is longer than 512 bytes");
}

void ctl_server_io(struct daemon *d, uint32_t index, uint32_t generation, uint32_t events)
{
	struct ctl_client *c;

	if (index >= CTL_CLIENTS_MAX)
		return;
	c = &d->ctl.clients[index];
	if (c->state == CLIENT_FREE || c->generation != generation)
		return;
	if (events & (EPOLLERR | EPOLLHUP)) {
		ctl_client_close(c);
		return;
	}
	if (events & EPOLLIN)
		client_read(d, c);
	if (c->state != CLIENT_FREE && c->generation == generation && (events & EPOLLOUT))
		ctl_client_flush(d, c);
}

/* The next client, in turn, whose view can be written on now, or NULL. */
static struct ctl_client *next_showing(struct daemon *d)
{
	for (unsigned i = 0; i < CTL_CLIENTS_MAX; i++) {
		struct ctl_client *c = &d->ctl.clients[(d->ctl.turn + i) % CTL_CLIENTS_MAX];

		if (c->state == CLIENT_SHOWING && ctl_client_waiting(c) < CLIENT_OUT_LOW &&
		    !connections_wait(d, c))
			return c;
	}
	return NULL;
}

bool ctl_server_slice(struct daemon *d)
{
	struct ctl_client *c = next_showing(d);

	if (!c)
		return false;
	d->ctl.turn = (uint32_t)(c - d->ctl.clients) + 1;
	request_slice(d, c);
	return next_showing(d) != NULL;
}

void ctl_server_tick(struct daemon *d)
{
	if (!instant_is_never(d->ctl.resume_at) && instant_reached(d->ctl.resume_at, d->now))
		listening(d, true);
	for (unsigned i = 0; i < CTL_CLIENTS_MAX; i++) {
		struct ctl_client *c = &d->ctl.clients[i];

		request_drain_step(d, c);
		if (c->state == CLIENT_FREE || !instant_reached(c->deadline, d->now))
			continue;
		if (c->state == CLIENT_WORKING || (c->state == CLIENT_SHOWING && c->cookie))
			request_timeout(d, c);
		else
			ctl_client_close(c);
	}
}

struct instant ctl_server_deadline(const struct daemon *d)
{
	struct instant t = d->ctl.resume_at;

	for (unsigned i = 0; i < CTL_CLIENTS_MAX; i++)
		if (d->ctl.clients[i].state != CLIENT_FREE)
			t = instant_min(t, d->ctl.clients[i].deadline);
	for (unsigned i = 0; i < CTL_CLIENTS_MAX; i++)
		if (request_draining(&d->ctl.clients[i]))
			t = instant_min(t, instant_add(d->now, DRAIN_LOOK_NS));
	return t;
}

static struct ctl_client *by_cookie(struct daemon *d, uint32_t cookie)
{
	for (unsigned i = 0; i < CTL_CLIENTS_MAX; i++)
		if (d->ctl.clients[i].cookie == cookie)
			return &d->ctl.clients[i];
	return NULL;
}

void ctl_server_answer(struct daemon *d, const struct node_answer *a)
{
	struct ctl_client *c = a->cookie ? by_cookie(d, a->cookie) : NULL;

	if (c)
		request_answer(d, c, a);
}

void ctl_server_event(struct daemon *d, const struct dp_event *e)
{
	struct ctl_client *c = e->cookie ? by_cookie(d, e->cookie) : NULL;

	if (c)
		connections_row(d, c, e);
}
