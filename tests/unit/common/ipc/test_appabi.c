/* SPDX-License-Identifier: BSD-3-Clause */
/* The application socket's lines: there and back, and everything that must be refused. */
#include "ipc/appabi.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct node_id an_id(void)
{
	struct node_id id;

	for (unsigned i = 0; i < ID_BYTES; i++)
		id.b[i] = (uint8_t)(i * 3 + 1);
	return id;
}

static int parse(const char *line, struct app_request *req, char why[APP_WHY_MAX])
{
	return app_request_parse(line, strlen(line), req, why);
}

static void test_requests_there_and_back(void **state)
{
	struct app_request in = {.type = APP_REQ_CONNECT, .port = 7000, .id = an_id()}, out;
	char line[APP_LINE_MAX], why[APP_WHY_MAX];
	size_t n = app_request_write(&in, line);

	assert_int_equal(line[n - 1], '\n');
	assert_int_equal(app_request_parse(line, n - 1, &out, why), 0);
	assert_int_equal(out.type, APP_REQ_CONNECT);
	assert_int_equal(out.port, 7000);
	assert_true(id_eq(&out.id, &in.id));

	in = (struct app_request){.type = APP_REQ_LISTEN, .port = 65535, .backlog = 7};
	n = app_request_write(&in, line);
	assert_int_equal(app_request_parse(line, n - 1, &out, why), 0);
	assert_int_equal(out.type, APP_REQ_LISTEN);
	assert_int_equal(out.port, 65535);
	assert_int_equal(out.backlog, 7);
}

static void test_host_form_and_default_backlog(void **state)
{
	struct node_id id = an_id();
	char host[ID_HOST_LEN + 1], line[APP_LINE_MAX], why[APP_WHY_MAX];
	struct app_request out;

	id_to_host(&id, host);
	snprintf(line, sizeof(line), "connect  %s   9 ", host);
	assert_int_equal(parse(line, &out, why), 0);
	assert_true(id_eq(&out.id, &id));
	assert_int_equal(parse("listen 80\r", &out, why), 0);
	assert_int_equal(out.backlog, APP_BACKLOG_DEFAULT);
	assert_int_equal(parse("version", &out, why), 0);
	assert_int_equal(out.type, APP_REQ_VERSION);
}

static void test_bad_requests(void **state)
{
	static const char *const bad[] = {"",
	                                  " ",
	                                  "dial x 1",
	                                  "connect",
	                                  "connect abc 7",
	                                  "listen",
	                                  "listen 0",
	                                  "listen -1",
	                                  "listen 65536",
	                                  "listen 7x",
	                                  "listen 7 0",
	                                  "listen 7 1 1",
	                                  "version 2 ",
	                                  "listen 99999999999",
	                                  "listen 0x50"};
	struct app_request out = {.type = 99};
	char why[APP_WHY_MAX];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		why[0] = 0;
		assert_int_equal(parse(bad[i], &out, why), -EINVAL);
		assert_true(strlen(why) > 10);
		assert_int_equal(out.type, 99);
	}
}

static void test_mistyped_id_names_the_checksum(void **state)
{
	struct node_id id = an_id();
	char text[ID_TEXT_LEN + 1], line[APP_LINE_MAX], why[APP_WHY_MAX];
	struct app_request out;

	id_to_text(&id, text);
	text[20] = text[20] == 'a' ? 'b' : 'a';
	snprintf(line, sizeof(line), "connect %s 7", text);
	assert_int_equal(parse(line, &out, why), -EINVAL);
	assert_non_null(strstr(why, "checksum"));
}

/* Bytes that are no text at all end in a refusal, never in an overrun. */
static void test_noise(void **state)
{
	uint32_t x = 12345;

	for (unsigned round = 0; round < 20000; round++) {
		char *line = malloc(64), why[APP_WHY_MAX];
		struct app_request req;
		struct app_answer ans;
		size_t n = round % 64;

		for (size_t i = 0; i < n; i++) {
			x = x * 1664525 + 1013904223;
			line[i] = (char)(x >> 24);
		}
		if (n > 8 && round % 3 == 0)
			memcpy(line, "connect ", 8);
		if (n > 6 && round % 3 == 1)
			memcpy(line, "error ", 6);
		if (app_request_parse(line, n, &req, why) == 0)
			assert_in_range(req.type, APP_REQ_CONNECT, APP_REQ_VERSION);
		if (app_answer_parse(line, n, &ans) == 0)
			assert_in_range(ans.type, APP_ANS_OK, APP_ANS_ERROR);
		free(line);
	}
}

static void test_answers_there_and_back(void **state)
{
	struct app_answer in = {.type = APP_ANS_ACCEPT, .has_end = true, .port = 5, .id = an_id()};
	struct app_answer out;
	char line[APP_LINE_MAX];
	size_t n = app_answer_write(&in, line);

	assert_int_equal(app_answer_parse(line, n - 1, &out), 0);
	assert_int_equal(out.type, APP_ANS_ACCEPT);
	assert_true(out.has_end && id_eq(&out.id, &in.id));
	assert_int_equal(out.port, 5);

	in.type = APP_ANS_OK;
	n = app_answer_write(&in, line);
	assert_int_equal(app_answer_parse(line, n - 1, &out), 0);
	assert_int_equal(out.type, APP_ANS_OK);
	assert_true(out.has_end);

	in = (struct app_answer){.type = APP_ANS_OK};
	n = app_answer_write(&in, line);
	assert_string_equal(line, "ok\n");
	assert_int_equal(app_answer_parse(line, n - 1, &out), 0);
	assert_false(out.has_end);

	in = (struct app_answer){.type = APP_ANS_ERROR, .err = EHOSTUNREACH};
	app_connect_sentence(EHOSTUNREACH, &in.id, 9, in.why);
	n = app_answer_write(&in, line);
	assert_int_equal(app_answer_parse(line, n - 1, &out), 0);
	assert_int_equal(out.err, EHOSTUNREACH);
	assert_string_equal(out.why, in.why);
	assert_non_null(strstr(out.why, "unreachable"));
	assert_int_equal(app_answer_parse("accept", 6, &out), -EINVAL);
	assert_int_equal(app_answer_parse("huh", 3, &out), -EINVAL);
}

static void test_errno_names(void **state)
{
	const struct app_answer refused = {.type = APP_ANS_ERROR, .err = ECONNREFUSED, .why = "no"};
	const struct app_answer nameless = {.type = APP_ANS_ERROR, .err = ENOTTY, .why = "no"};
	struct app_answer out;
	char line[APP_LINE_MAX];

	app_answer_write(&refused, line);
	assert_string_equal(line, "error ECONNREFUSED no\n");
	app_answer_write(&nameless, line);
	assert_string_equal(line, "error EIO no\n");
	assert_int_equal(app_answer_parse("error ETIMEDOUT no", 18, &out), 0);
	assert_int_equal(out.err, ETIMEDOUT);
	assert_int_equal(app_answer_parse("error ENOTTY no", 15, &out), 0);
	assert_int_equal(out.err, EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_requests_there_and_back),
	        cmocka_unit_test(test_host_form_and_default_backlog),
	        cmocka_unit_test(test_bad_requests),
	        cmocka_unit_test(test_mistyped_id_names_the_checksum),
	        cmocka_unit_test(test_noise),
	        cmocka_unit_test(test_answers_there_and_back),
	        cmocka_unit_test(test_errno_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
