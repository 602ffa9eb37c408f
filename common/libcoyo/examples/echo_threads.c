/* SPDX-License-Identifier: BSD-3-Clause */
/* echo_threads PORT: sends back what comes, with a thread for each stream and without a copy of its own of the bytes. */
#include <coyo.h>

#include <err.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static void *serve(void *arg)
{
	int h = (int)(intptr_t)arg;
	const void *bytes;
	ssize_t n;

	while ((n = coyo_borrow(h, &bytes, 0)) > 0)
		if (coyo_send(h, bytes, (size_t)n, 0) != n || coyo_release(h, (size_t)n) < 0)
			break;
	coyo_close(h);
	return NULL;
}

int main(int argc, char **argv)
{
	struct sockaddr_coyo to = {.scoyo_family = AF_COYO};
	pthread_t t;
	int listener;

	if (argc != 2)
		errx(2, "usage: echo_threads PORT");
	to.scoyo_port = htons((uint16_t)atoi(argv[1]));
	listener = coyo_socket(AF_COYO, SOCK_STREAM, 0);
	if (listener < 0)
		err(1, "cannot reach coyod at %s", coyo_socket_path(NULL));
	if (coyo_bind(listener, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    coyo_listen(listener, 64) < 0)
		err(1, "cannot listen on %s", argv[1]);
	printf("listening on %s\n", argv[1]);
	fflush(stdout);
	for (;;) {
		int h = coyo_accept(listener, NULL, NULL);

		if (h < 0)
			err(1, "accept");
		if (pthread_create(&t, NULL, serve, (void *)(intptr_t)h) != 0)
			errx(1, "no thread");
		pthread_detach(t);
	}
}
