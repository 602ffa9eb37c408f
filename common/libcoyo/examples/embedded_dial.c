/* SPDX-License-Identifier: BSD-3-Clause */
/* embedded_dial ID PORT ADDRESS: dials a key with the whole stack inside this program and no daemon; any node at ADDRESS (192.0.2.1:6635) lets it into the
 * network. Sends standard input, and prints what comes back. */
#include <coyo_stack.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_coyo to = {.scoyo_family = AF_COYO};
	struct coyo_stack *stack;
	char config[512], bytes[65536], *why;
	ssize_t n;
	int h;

	if (argc != 4)
		errx(2, "usage: embedded_dial ID PORT ADDRESS");
	snprintf(config, sizeof(config),
	         "[node]\n"
	         "key = ephemeral\n"
	         "[link net]\n"
	         "type = udp-socket\n"
	         "remote = %s\n",
	         argv[3]);
	stack = coyo_stack_start(config, &why);
	if (!stack)
		errx(1, "%s", why);
	to.scoyo_port = htons((uint16_t)atoi(argv[2]));
	if (coyo_parse_id(argv[1], to.scoyo_id, NULL) < 0)
		errx(2, "%s is no id", argv[1]);
	h = coyo_socket(AF_COYO, SOCK_STREAM, 0);
	if (h < 0 || coyo_connect(h, (struct sockaddr *)&to, sizeof(to)) < 0)
		err(1, "%.16s..., port %s", argv[1], argv[2]);
	while ((n = read(STDIN_FILENO, bytes, sizeof(bytes))) > 0)
		if (coyo_send(h, bytes, (size_t)n, 0) != n)
			err(1, "send");
	coyo_shutdown(h, SHUT_WR);
	while ((n = coyo_recv(h, bytes, sizeof(bytes), 0)) > 0)
		if (write(STDOUT_FILENO, bytes, (size_t)n) != n)
			err(1, "output");
	if (n < 0)
		err(1, "receive");
	coyo_close(h);
	coyo_stack_stop(stack);
	return 0;
}
