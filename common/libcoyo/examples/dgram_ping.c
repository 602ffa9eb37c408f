/* SPDX-License-Identifier: BSD-3-Clause */
/* dgram_ping PORT: sends back each datagram that comes. dgram_ping NODE PORT: sends three, and says how long each answer takes. */
#include <coyo.h>

#include <err.h>
#include <stdio.h>
#include <time.h>

static void serve(int h)
{
	struct sockaddr_coyo from;
	char buf[2048];

	printf("listening\n");
	fflush(stdout);
	for (;;) {
		socklen_t len = sizeof(from);
		ssize_t n = coyo_recvfrom(h, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len);

		if (n < 0 || coyo_sendto(h, buf, (size_t)n, 0, (struct sockaddr *)&from, len) < 0)
			err(1, "cannot answer");
	}
}

/* One there and back, unless it is lost. The first waits until the node is found. */
static void ping(int h, int number)
{
	struct pollfd p = {.fd = h, .events = POLLIN};
	struct timespec a, b;
	int got = -1;

	clock_gettime(CLOCK_MONOTONIC, &a);
	if (coyo_send(h, &number, sizeof(number), 0) < 0)
		err(1, "cannot send");
	while (got != number)
		if (coyo_poll(&p, 1, number == 0 ? 10000 : 1000) == 0 ||
		    coyo_recv(h, &got, sizeof(got), 0) < 0)
			err(1, "no answer");
	clock_gettime(CLOCK_MONOTONIC, &b);
	printf("answer %d after %ld us\n", number,
	       (b.tv_sec - a.tv_sec) * 1000000 + (b.tv_nsec - a.tv_nsec) / 1000);
}

int main(int argc, char **argv)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_PASSIVE}, *to;
	int h;

	if (argc < 2 || argc > 3 ||
	    coyo_getaddrinfo(argc == 3 ? argv[1] : NULL, argv[argc - 1], &hints, &to) != 0)
		errx(2, "usage: dgram_ping PORT | NODE PORT");
	h = coyo_socket(to->ai_family, to->ai_socktype, to->ai_protocol);
	if (h < 0 || (argc == 2 ? coyo_bind : coyo_connect)(h, to->ai_addr, to->ai_addrlen) < 0)
		err(1, "%s", coyo_socket_path(NULL));
	if (argc == 2)
		serve(h);
	for (int i = 0; i < 3; i++)
		ping(h, i);
}
