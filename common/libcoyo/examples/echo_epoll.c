/* SPDX-License-Identifier: BSD-3-Clause */
/* echo_epoll PORT: sends back what comes, for any number at once, by coyo_epoll_wait() in one thread that never waits for one of them. */
#include <coyo.h>

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void watch(int set, int op, int h, uint32_t events)
{
	coyo_epoll_ctl(set, op, h, &(struct epoll_event){events, {.fd = h}});
}

/* Sends back what lies there. What finds no room stays where it is, and the next bytes are not asked for before it has gone. */
static void serve(int set, int h)
{
	const void *bytes;
	ssize_t sent = 0, n = coyo_borrow(h, &bytes, MSG_DONTWAIT);

	if (n > 0) {
		sent = coyo_send(h, bytes, (size_t)n, MSG_DONTWAIT);
		coyo_release(h, sent > 0 ? (size_t)sent : 0);
	}
	if (n == 0 || ((n < 0 || sent < 0) && errno != EAGAIN))
		coyo_close(h); /* and with that it leaves the set */
	else
		watch(set, EPOLL_CTL_MOD, h, n > 0 && sent < n ? EPOLLOUT : EPOLLIN);
}

int main(int argc, char **argv)
{
	struct sockaddr_coyo to = {.scoyo_family = AF_COYO};
	struct epoll_event ready[64];
	unsigned long port = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	int listener, set = coyo_epoll_create1(0), n;

	if (port < 1 || port > 65535)
		errx(2, "usage: echo_epoll PORT");
	to.scoyo_port = htons((uint16_t)port);
	listener = coyo_socket(AF_COYO, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (listener < 0)
		err(1, "cannot reach coyod at %s", coyo_socket_path(NULL));
	if (coyo_bind(listener, (void *)&to, sizeof(to)) < 0 || coyo_listen(listener, 64) < 0)
		err(1, "cannot listen on %s", argv[1]);
	watch(set, EPOLL_CTL_ADD, listener, EPOLLIN);
	printf("listening on %s\n", argv[1]);
	fflush(stdout);
	while ((n = coyo_epoll_wait(set, ready, 64, -1)) > 0 || errno == EINTR)
		for (int i = 0; i < n; i++) {
			int h = ready[i].data.fd;

			if (h != listener)
				serve(set, h);
			else if ((h = coyo_accept(listener, NULL, NULL)) >= 0)
				watch(set, EPOLL_CTL_ADD, h, EPOLLIN);
		}
	err(1, "coyo_epoll_wait");
}
