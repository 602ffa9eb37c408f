/* SPDX-License-Identifier: BSD-3-Clause */
/* Whom a name means: own names, then the daemon, which a thread plays here: one that answers, one that is silent, one that talks nonsense. */
#include "resolve/ask.h"
#include "resolve/petnames.h"
#include "resolve/resolve.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char home[64], path[96], text_a[ID_TEXT_LEN + 1];
static struct node_id a, b;

/* The daemon: takes one client, keeps what it asks, answers, and stays until it leaves. */
struct played {
	int server;
	const char *answer; /* NULL: never */
	char asked[APP_LINE_MAX];
	pthread_t thread;
};

static void *play(void *arg)
{
	struct played *d = arg;
	int fd = accept(d->server, NULL, NULL);
	ssize_t n = recv(fd, d->asked, sizeof(d->asked) - 1, 0);
	char rest[8];

	d->asked[n > 0 ? n : 0] = '\0';
	/* In two pieces: a line need not come at once. */
	if (d->answer && *d->answer) {
		(void)!send(fd, d->answer, 1, MSG_NOSIGNAL);
		(void)!send(fd, d->answer + 1, strlen(d->answer + 1), MSG_NOSIGNAL);
	}
	if (!d->answer || *d->answer)
		(void)!recv(fd, rest, sizeof(rest), 0);
	close(fd);
	return NULL;
}

static void begin(struct played *d, const char *answer)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	*d = (struct played){.server = socket(AF_UNIX, SOCK_STREAM, 0), .answer = answer};
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	unlink(path);
	assert_int_equal(bind(d->server, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(d->server, 4), 0);
	assert_int_equal(pthread_create(&d->thread, NULL, play, d), 0);
}

static void end(struct played *d)
{
	pthread_join(d->thread, NULL);
	close(d->server);
	unlink(path);
}

static int make_home(void **state)
{
	snprintf(home, sizeof(home), "/tmp/coyo-test-XXXXXX");
	assert_non_null(mkdtemp(home));
	snprintf(path, sizeof(path), "%s/app.sock", home);
	setenv("HOME", home, 1);
	unsetenv("XDG_CONFIG_HOME");
	unsetenv(APP_SOCKET_ENV);
	return 0;
}

static int remove_home(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", home);
	return system(command);
}

static void test_order(void **state)
{
	char answer[APP_LINE_MAX], why[RESOLVE_WHY_MAX], name[NAMES_NAME_MAX + 1];
	struct node_id id;
	struct played d;

	/* An id is itself, and nobody is asked: there is no daemon. */
	assert_int_equal(resolve_name(path, text_a, 1000, &id, why), 0);
	assert_true(id_eq(&id, &a));
	assert_int_equal(resolve_name(path, "a_b", 1000, &id, why), -EINVAL);
	assert_int_equal(resolve_name(path, "nas", 1000, &id, why), -ENOTCONN);
	assert_non_null(strstr(why, path));

	snprintf(answer, sizeof(answer), "is %s nas\n", text_a);
	begin(&d, answer);
	assert_int_equal(resolve_name(path, "NAS.coyo", 10000, &id, why), 0);
	end(&d);
	assert_string_equal(d.asked, "resolve nas\n");
	assert_true(id_eq(&id, &a));

	/* The same name as one's own means what oneself says, and the daemon is not asked. */
	assert_int_equal(petnames_add("nas", &b, why), 0);
	assert_int_equal(resolve_name(path, "nas", 1000, &id, why), 0);
	assert_true(id_eq(&id, &b));
	assert_int_equal(resolve_start(path, b.b, 1000, &id, name, why), 0);
	assert_true(id_eq(&id, &b));
	assert_string_equal(name, "nas");
	begin(&d, answer);
	assert_int_equal(resolve_start(path, a.b, 10000, &id, name, why), 0);
	end(&d);
	assert_memory_equal(d.asked + 5, text_a, 24);
	assert_true(id_eq(&id, &a));

	begin(&d, "error ENOENT not here\n");
	assert_int_equal(resolve_name(path, "phone", 10000, &id, why), -ENOENT);
	end(&d);
	assert_non_null(strstr(why, "nobody is called phone here"));
}

/* Own names that cannot be trusted are not passed over: the daemon might mean somebody else. */
static void test_wrong_file(void **state)
{
	char why[RESOLVE_WHY_MAX], file[128];
	struct node_id id;

	assert_int_equal(petnames_add("nas", &b, why), 0);
	snprintf(file, sizeof(file), "%s/.config/coyo/names", home);
	assert_int_equal(truncate(file, 20), 0);
	assert_int_equal(resolve_name(path, "phone", 1000, &id, why), -EINVAL);
	assert_non_null(strstr(why, file));
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void test_bad_daemons(void **state)
{
	static const struct {
		const char *answer;
		int expected;
	} each[] = {
	        {"", -ENOTCONN},
	        {"huh\n", -EPROTO},
	        {"ok 1\n", -EPROTO},
	        {"is nas nas\n", -EPROTO},
	        {"error EBUSY too many\n", -EBUSY},
	};
	char why[RESOLVE_WHY_MAX], *endless = malloc(4096);
	struct node_id id;
	struct played d;
	int64_t began;

	for (size_t i = 0; i < ARRAY_LEN(each); i++) {
		begin(&d, each[i].answer);
		assert_int_equal(resolve_name(path, "nas", 10000, &id, why), each[i].expected);
		end(&d);
	}
	memset(endless, 'x', 4095);
	endless[4095] = '\0';
	begin(&d, endless);
	assert_int_equal(resolve_name(path, "nas", 10000, &id, why), -EPROTO);
	end(&d);
	free(endless);
	/* One that is silent is left when it is time, with half an answer, too. */
	for (int i = 0; i < 2; i++) {
		begin(&d, i ? "is " : NULL);
		began = now_ms();
		assert_int_equal(resolve_name(path, "nas", 50, &id, why), -ETIMEDOUT);
		assert_true(now_ms() - began >= 50);
		end(&d);
	}
}

/* Nobody takes clients and no more of them fit: that, too, has its end. */
static void test_full_backlog(void **state)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int server = socket(AF_UNIX, SOCK_STREAM, 0), held[8];
	char why[RESOLVE_WHY_MAX];
	struct node_id id;

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	assert_int_equal(bind(server, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(server, 0), 0);
	for (int i = 0; i < 8; i++) {
		held[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(held[i], (struct sockaddr *)&sun, sizeof(sun));
	}
	assert_int_equal(resolve_name(path, "nas", 50, &id, why), -ETIMEDOUT);
	for (int i = 0; i < 8; i++)
		close(held[i]);
	close(server);
}

int main(void)
{
#define AT_HOME(test) cmocka_unit_test_setup_teardown(test, make_home, remove_home)
	const struct CMUnitTest tests[] = {
	        AT_HOME(test_order),
	        AT_HOME(test_wrong_file),
	        AT_HOME(test_bad_daemons),
	        AT_HOME(test_full_backlog),
	};

	for (unsigned i = 0; i < ID_BYTES; i++) {
		a.b[i] = (uint8_t)(i + 1);
		b.b[i] = (uint8_t)(i + 2);
	}
	id_to_text(&a, text_a);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
