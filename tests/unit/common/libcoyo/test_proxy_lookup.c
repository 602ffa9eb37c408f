/* SPDX-License-Identifier: BSD-3-Clause */
/* Names looked up for the proxy's clients, by a daemon that the test plays. */
#include "libcoyo/proxy/lookup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define THREADS 8 /* as many names are looked up at once */

static struct sockaddr_un at = {.sun_family = AF_UNIX};

static int a_daemon(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "/tmp/test_proxy_lookup.%d", (int)getpid());
	unlink(at.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 64), 0);
	return fd;
}

static bool asked(int daemon, int wait_ms)
{
	struct pollfd p = {.fd = daemon, .events = POLLIN};

	return poll(&p, 1, wait_ms) == 1;
}

static struct proxy_lookup *begin(struct proxy_finder *f, void *client)
{
	struct proxy_lookup *l = calloc(1, sizeof(*l));

	assert_non_null(l);
	l->client = client;
	snprintf(l->host, sizeof(l->host), "nobody.coyo");
	assert_true(finder_start(f, l));
	return l;
}

static struct proxy_lookup *take(struct proxy_finder *f)
{
	struct proxy_lookup *l = NULL;

	for (unsigned i = 0; i < 1000 && !l; i++) {
		l = finder_take(f);
		if (!l)
			usleep(10000);
	}
	assert_non_null(l);
	return l;
}

/* Clients that ask and go before their turn hold up nobody: their names are not looked up. */
static void test_clients_that_go(void **state)
{
	int daemon = a_daemon(), wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), fd[THREADS],
	    here = 0;
	struct proxy_finder *f = finder_new(at.sun_path, wake);

	(void)state;
	for (unsigned i = 0; i < THREADS; i++)
		begin(f, &here);
	for (unsigned i = 0; i < THREADS; i++) {
		assert_true(asked(daemon, 10000));
		fd[i] = accept(daemon, NULL, NULL);
	}
	for (unsigned i = 0; i < 20; i++)
		begin(f, &here)->client = NULL;
	for (unsigned i = 0; i < THREADS; i++)
		close(fd[i]);
	for (unsigned i = 0; i < THREADS + 20; i++) {
		struct proxy_lookup *l = take(f);

		assert_int_equal(l->client != NULL, l->err != 0);
		free(l);
	}
	assert_false(asked(daemon, 0));
	finder_leave(f);
	close(daemon);
	close(wake);
	unlink(at.sun_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_clients_that_go),
	};

	return cmocka_run_group_tests_name("proxy lookup", tests, NULL, NULL);
}
