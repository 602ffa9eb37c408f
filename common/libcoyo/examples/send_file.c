/* SPDX-License-Identifier: BSD-3-Clause */
/* send_file NODE PORT FILE: sends a file to a node by its id or name, read from the file straight into the ring that the worker sends from, and
 * prints what comes back. */
#include <coyo.h>

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct addrinfo *to;
	char answer[4096];
	ssize_t n = 0;
	int h, fd, r;
	void *room;

	if (argc != 4)
		errx(2, "usage: send_file NODE PORT FILE");
	fd = open(argv[3], O_RDONLY);
	if (fd < 0)
		err(1, "%s", argv[3]);
	r = coyo_getaddrinfo(argv[1], argv[2], NULL, &to);
	if (r != 0)
		errx(1, "%s, port %s: %s", argv[1], argv[2], gai_strerror(r));
	h = coyo_socket(to->ai_family, to->ai_socktype, to->ai_protocol);
	if (h < 0)
		err(1, "cannot reach coyod at %s", coyo_socket_path(NULL));
	if (coyo_connect(h, to->ai_addr, to->ai_addrlen) < 0)
		err(1, "%s, port %s", argv[1], argv[2]);
	coyo_freeaddrinfo(to);
	do {
		ssize_t most = coyo_reserve(h, &room, 0);

		if (most < 0)
			err(1, "send");
		n = read(fd, room, (size_t)most);
		if (n < 0)
			err(1, "%s", argv[3]);
		if (coyo_commit(h, (size_t)n) < 0)
			err(1, "send");
	} while (n > 0);
	coyo_shutdown(h, SHUT_WR);
	while ((n = coyo_recv(h, answer, sizeof(answer), 0)) > 0)
		if (write(STDOUT_FILENO, answer, (size_t)n) != n)
			err(1, "output");
	if (n < 0)
		err(1, "receive");
	return coyo_close(h) < 0;
}
