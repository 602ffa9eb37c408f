/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls that ask the daemon for a stream without blocking, against a daemon that is this test. */
#include "ipc/appabi.h"
#include "libcoyo/coyo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char path[64];
static int server;
static const struct sockaddr_coyo to = {.scoyo_family = AF_COYO, .scoyo_port = 0x901f /* 8080 */};

static int setup(void **state)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	(void)state;
	snprintf(path, sizeof(path), "/tmp/client.%d", (int)getpid());
	strcpy(sun.sun_path, path);
	unlink(path);
	server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return server < 0 || bind(server, (struct sockaddr *)&sun, sizeof(sun)) < 0 ||
	       listen(server, 1) < 0;
}

static int teardown(void **state)
{
	(void)state;
	close(server);
	return unlink(path);
}

/* Begins an attempt; the daemon's end of it in *theirs. */
static int start(int *theirs)
{
	char why[COYO_WHY_MAX], line[APP_LINE_MAX];
	struct app_request req;
	int control = coyo_client_connect_start(path, &to, why);
	ssize_t n;

	assert_true(control >= 0);
	*theirs = accept(server, NULL, NULL);
	assert_true(*theirs >= 0);
	n = recv(*theirs, line, sizeof(line), 0);
	assert_true(n > 1 && line[n - 1] == '\n');
	assert_int_equal(app_request_parse(line, (size_t)n - 1, &req, why), 0);
	assert_int_equal(req.type, APP_REQ_CONNECT);
	assert_int_equal(req.port, 8080);
	return control;
}

static void say(int fd, const char *text, size_t n, int passed)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.room = {0}};
	struct iovec iov = {(void *)text, n};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	if (passed >= 0) {
		struct cmsghdr *h = &control.align;

		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(h), &passed, sizeof(int));
	}
	assert_int_equal(sendmsg(fd, &m, 0), n);
}

/* Not before the answer has come, whole; a second answer behind it stays where it is. */
static void test_finish_takes_its_answer(void **state)
{
	struct app_answer ok = {.type = APP_ANS_OK, .has_end = true, .port = 40000};
	char line[2 * APP_LINE_MAX], why[COYO_WHY_MAX];
	size_t n = app_answer_write(&ok, line);
	struct sockaddr_coyo local;
	int theirs, control = start(&theirs), pair[2], stream;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(coyo_client_connect_finish(control, &local, why), -EAGAIN);
	say(theirs, line, n, pair[0]);
	say(theirs, "ok 1\n", 5, -1);
	stream = coyo_client_connect_finish(control, &local, why);
	assert_true(stream >= 0);
	assert_int_equal(local.scoyo_port, htons(40000));
	assert_int_equal(recv(control, line, sizeof(line), 0), 5);
	assert_int_equal(write(stream, "x", 1), 1);
	assert_int_equal(read(pair[1], line, 1), 1);
	close(stream);
	close(pair[0]);
	close(pair[1]);
	close(control);
	close(theirs);
}

/* Half a line is no answer, and nothing of it is lost. */
static void test_finish_waits_for_a_whole_line(void **state)
{
	static const char text[] = "error ECONNREFUSED nobody listens there\n";
	char why[COYO_WHY_MAX];
	int theirs, control = start(&theirs);

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(text); i++) {
		assert_int_equal(coyo_client_connect_finish(control, NULL, why), -EAGAIN);
		say(theirs, text + i, 1, -1);
	}
	assert_int_equal(coyo_client_connect_finish(control, NULL, why), -ECONNREFUSED);
	assert_string_equal(why, "nobody listens there");
	close(control);
	close(theirs);
}

static void test_finish_refuses(void **state)
{
	char why[COYO_WHY_MAX], text[APP_LINE_MAX];
	int theirs, control = start(&theirs);

	(void)state;
	memset(text, 'x', sizeof(text));
	say(theirs, text, sizeof(text), -1);
	assert_int_equal(coyo_client_connect_finish(control, NULL, why), -EPROTO);
	close(control);
	close(theirs);
	control = start(&theirs);
	say(theirs, "ok 1\n", 5, -1); /* no descriptor */
	assert_int_equal(coyo_client_connect_finish(control, NULL, why), -EPROTO);
	close(control);
	close(theirs);
	control = start(&theirs);
	close(theirs);
	assert_int_equal(coyo_client_connect_finish(control, NULL, why), -ECONNABORTED);
	close(control);
}

/* A daemon that accepts nobody: never a wait, but -EAGAIN once its queue is full. */
static void test_start_never_blocks(void **state)
{
	char why[COYO_WHY_MAX];
	int fd[64], n = 0;

	(void)state;
	while (n < 64 && (fd[n] = coyo_client_connect_start(path, &to, why)) >= 0)
		n++;
	assert_true(n < 64);
	assert_int_equal(fd[n], -EAGAIN);
	assert_non_null(strstr(why, path));
	while (n-- > 0)
		close(fd[n]);
	while ((n = accept(server, NULL, NULL)) >= 0)
		close(n);
}

static void test_start_refuses(void **state)
{
	struct sockaddr_coyo none = to;
	char why[COYO_WHY_MAX];

	(void)state;
	none.scoyo_port = 0;
	assert_int_equal(coyo_client_connect_start(path, &none, why), -EINVAL);
	assert_int_equal(coyo_client_connect_start("/nowhere/app.sock", &to, why), -ENOENT);
	assert_non_null(strstr(why, "coyod is not running"));
}

static void test_format_is_parsed_again(void **state)
{
	char text[COYO_TEXT_MAX], why[COYO_WHY_MAX];
	uint8_t id[COYO_ID_BYTES], again[COYO_ID_BYTES];

	(void)state;
	for (unsigned i = 0; i < sizeof(id); i++)
		id[i] = (uint8_t)(i * 37);
	coyo_format_id(id, text);
	assert_int_equal(strlen(text), COYO_TEXT_MAX - 1);
	assert_int_equal(coyo_parse_id(text, again, why), 0);
	assert_memory_equal(again, id, sizeof(id));
	text[7] = text[7] == 'a' ? 'b' : 'a';
	assert_int_equal(coyo_parse_id(text, again, why), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_finish_takes_its_answer),
	        cmocka_unit_test(test_finish_waits_for_a_whole_line),
	        cmocka_unit_test(test_finish_refuses),
	        cmocka_unit_test(test_start_never_blocks),
	        cmocka_unit_test(test_start_refuses),
	        cmocka_unit_test(test_format_is_parsed_again),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
