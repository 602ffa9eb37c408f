/* SPDX-License-Identifier: BSD-3-Clause */
/* The way to a stack inside this process, in place of the daemon's socket. */
#include "libcoyo/door.h"
#include "base/why.h"
#include "libcoyo/dial.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

static struct {
	pthread_mutex_t lock;
	int fd;
	unsigned set;          /* how often */
	_Atomic unsigned open; /* the number of the one that is set, or 0 */
} door = {.lock = PTHREAD_MUTEX_INITIALIZER};

COYO_EXPORT int coyo_private_door(int fd)
{
	int r = 0;

	pthread_mutex_lock(&door.lock);
	if (fd < 0) {
		door.open = 0;
	} else if (door.open) {
		r = -EBUSY;
	} else {
		door.fd = fd;
		door.open = ++door.set;
	}
	pthread_mutex_unlock(&door.lock);
	return r;
}

void door_lock(void)
{
	pthread_mutex_lock(&door.lock);
}

void door_unlock(void)
{
	pthread_mutex_unlock(&door.lock);
}

unsigned door_now(void)
{
	return door.open;
}

static int pass(int through, int fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec iov = {"+", 1};
	struct msghdr m = {.msg_iov = &iov,
	                   .msg_iovlen = 1,
	                   .msg_control = &control,
	                   .msg_controllen = sizeof(control)};
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	while (sendmsg(through, &m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

int door_dial(int type, char why[COYO_WHY_MAX])
{
	int pair[2], r = -ENOTCONN;

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) < 0)
		return why_say(why, COYO_WHY_MAX, errno, "cannot make a socket: %s",
		               strerror(errno));
	/* Under the lock, so that the descriptor cannot be closed meanwhile and its number become another's. */
	pthread_mutex_lock(&door.lock);
	if (door.open)
		r = pass(door.fd, pair[1]);
	pthread_mutex_unlock(&door.lock);
	close(pair[1]);
	if (r == 0)
		return pair[0];
	close(pair[0]);
	return why_say(why, COYO_WHY_MAX, r == -EPIPE || r == -ECONNRESET ? ENOTCONN : -r,
	               "the stack of this process has ended: start another one");
}
