/* SPDX-License-Identifier: BSD-3-Clause */
/* echo_poll PORT: sends back what comes, for up to 63 at once, by coyo_poll() in one thread. */
#include <coyo.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

static char bytes[256 * 1024];

/* Sends back what has come. False: the stream has ended. */
static int serve(int h)
{
	ssize_t n = coyo_recv(h, bytes, sizeof(bytes), MSG_DONTWAIT);

	/* The send may wait; a server with other work would keep the rest and poll for POLLOUT. */
	return n > 0 && coyo_send(h, bytes, (size_t)n, 0) == n;
}

int main(int argc, char **argv)
{
	struct sockaddr_coyo to = {.scoyo_family = AF_COYO};
	char text[COYO_TEXT_MAX];
	struct pollfd fds[64];
	unsigned long port = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	unsigned n = 1;

	if (port < 1 || port > 65535)
		errx(2, "usage: echo_poll PORT");
	to.scoyo_port = htons((uint16_t)port);
	fds[0] = (struct pollfd){.fd = coyo_socket(AF_COYO, SOCK_STREAM, 0), .events = POLLIN};
	if (fds[0].fd < 0)
		err(1, "cannot reach coyod at %s", coyo_socket_path(NULL));
	if (coyo_bind(fds[0].fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    coyo_listen(fds[0].fd, 64) < 0)
		err(1, "cannot listen on %s", argv[1]);
	coyo_getsockname(fds[0].fd, (struct sockaddr *)&to, &(socklen_t){sizeof(to)});
	coyo_format_id(to.scoyo_id, text);
	printf("listening on %s %s\n", text, argv[1]);
	fflush(stdout);
	for (;;) {
		/* With no place left, who comes waits until one is free. */
		fds[0].events = n < 64 ? POLLIN : 0;
		if (coyo_poll(fds, n, -1) < 0)
			err(1, "poll");
		for (unsigned i = n - 1; i > 0; i--) {
			if (!fds[i].revents || serve(fds[i].fd))
				continue;
			coyo_close(fds[i].fd);
			fds[i] = fds[--n];
		}
		if (!(fds[0].revents & fds[0].events) || n == 64)
			continue;
		fds[n].fd = coyo_accept(fds[0].fd, NULL, NULL);
		fds[n].events = POLLIN;
		if (fds[n++].fd < 0)
			err(1, "accept");
	}
}
