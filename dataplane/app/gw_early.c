/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams that an application gets before they are connected, so that a program that does not block may wait for the very descriptor that it
 * will use. Its send buffer is small and full until the connection stands: poll() does not call it writable, and write() says EAGAIN, as of
 * a TCP socket of the kernel that is connecting. A failure is a line to the client first, then the reset of the descriptor. */
#include "app/gw_early.h"

#include "base/assert.h"

#include <errno.h>
#include <sys/socket.h>

#define FILLER_MAX 16384u

/* Writes to the application's end until nothing more goes in: a few KiB, as the kernel makes no buffer smaller. What is written before the
 * application has the descriptor lies before anything of its own.
 * syscalls: setsockopt send */
int gw_early_fill(struct gw_stream *s)
{
	static const char nothing[4096];
	int small = 1;
	ssize_t n;

	if (setsockopt(s->app_fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)) < 0)
		return -errno;
	s->early = true;
	s->filler = 1; /* of gw_stream_pair() */
	do {
		n = send(s->app_fd, nothing, sizeof(nothing), MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			s->filler = (uint16_t)(s->filler + n);
	} while (n > 0 && s->filler < FILLER_MAX);
	if (n > 0 || errno == EAGAIN)
		return 0;
	return -errno;
}

/* The last byte of the filler stays: see gw_stream.c.
 * syscalls: recv */
void gw_early_open(struct gw_stream *s)
{
	char rest[4096];

	COYO_ASSERT(s->early && s->filler > 0);
	gw_enlarge(s->app_fd);
	while (s->filler > 1) {
		ssize_t n = recv(s->fd, rest, min_u64(s->filler - 1u, sizeof(rest)), MSG_DONTWAIT);

		if (n <= 0)
			break;
		s->filler = (uint16_t)(s->filler - n);
	}
	s->early = false;
}
