/* SPDX-License-Identifier: BSD-3-Clause */
/* embedded_serve PORT CONFIG: sends back what comes, one stream after another, with the whole stack inside this program and no daemon. CONFIG is a file as
 * coyod.conf(5) describes it. */
#include <coyo_stack.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

static void print_line(void *arg, int level, const char *line)
{
	if (level <= 4)
		fprintf(arg, "%s\n", line);
}

int main(int argc, char **argv)
{
	struct sockaddr_coyo here = {.scoyo_family = AF_COYO};
	char config[65536] = "", *why;
	struct coyo_stack *stack;
	const void *bytes;
	int listener, h;
	ssize_t n;
	FILE *f;

	if (argc != 3)
		errx(2, "usage: embedded_serve PORT CONFIG");
	f = fopen(argv[2], "r");
	if (!f || !fread(config, 1, sizeof(config) - 1, f))
		err(1, "%s", argv[2]);
	fclose(f);
	stack = coyo_stack_start_log(config, print_line, stderr, &why);
	if (!stack)
		errx(1, "%s", why);
	here.scoyo_port = htons((uint16_t)atoi(argv[1]));
	listener = coyo_socket(AF_COYO, SOCK_STREAM, 0);
	if (listener < 0 || coyo_bind(listener, (struct sockaddr *)&here, sizeof(here)) < 0 ||
	    coyo_listen(listener, 64) < 0)
		err(1, "cannot listen on %s", argv[1]);
	printf("%s %s\n", coyo_stack_id(stack), argv[1]);
	fflush(stdout);
	while ((h = coyo_accept(listener, NULL, NULL)) >= 0) {
		while ((n = coyo_borrow(h, &bytes, 0)) > 0)
			if (coyo_send(h, bytes, (size_t)n, 0) != n ||
			    coyo_release(h, (size_t)n) < 0)
				break;
		coyo_close(h);
	}
	err(1, "accept");
}
