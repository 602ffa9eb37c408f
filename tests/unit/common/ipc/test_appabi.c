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

	assert_false(out.early);
	in.early = true;
	n = app_request_write(&in, line);
	assert_int_equal(app_request_parse(line, n - 1, &out, why), 0);
	assert_true(out.early && id_eq(&out.id, &in.id));

	in = (struct app_request){.type = APP_REQ_LISTEN, .port = 65535, .backlog = 7};
	n = app_request_write(&in, line);
	assert_int_equal(app_request_parse(line, n - 1, &out, why), 0);
	assert_int_equal(out.type, APP_REQ_LISTEN);
	assert_int_equal(out.port, 65535);
	assert_int_equal(out.backlog, 7);
}

static void test_attached_requests_there_and_back(void **state)
{
	static const struct {
		const char *line;
		struct app_request req;
	} rows[] = {
	        {"attach 1\n", {.type = APP_REQ_ATTACH, .version = 1}},
	        {"attach 65535 65536\n",
	         {.type = APP_REQ_ATTACH, .version = 65535, .slots = APPLANE_SLOTS_MAX}},
	        {"unlisten 4294967295\n", {.type = APP_REQ_UNLISTEN, .token = UINT32_MAX}},
	        {"listen 0 9\n", {.type = APP_REQ_LISTEN, .backlog = 9}},
	        {"datagrams 0\n", {.type = APP_REQ_DATAGRAMS}},
	        {"datagrams 65535\n", {.type = APP_REQ_DATAGRAMS, .port = 65535}},
	        {"listen 80 9 shared\n",
	         {.type = APP_REQ_LISTEN, .port = 80, .backlog = 9, .shared = true}},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char line[APP_LINE_MAX], why[APP_WHY_MAX];
		struct app_request out;
		size_t n = app_request_write(&rows[i].req, line);

		assert_string_equal(line, rows[i].line);
		assert_int_equal(app_request_parse(line, n - 1, &out, why), 0);
		assert_int_equal(out.type, rows[i].req.type);
		assert_int_equal(out.version, rows[i].req.version);
		assert_int_equal(out.slots, rows[i].req.slots);
		assert_int_equal(out.token, rows[i].req.token);
		assert_int_equal(out.port, rows[i].req.port);
		assert_int_equal(out.shared, rows[i].req.shared);
	}
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
	assert_int_equal(parse("listen 80 shared", &out, why), 0);
	assert_true(out.shared && out.backlog == APP_BACKLOG_DEFAULT);
	assert_int_equal(parse("listen 80\r", &out, why), 0);
	assert_false(out.shared);
	assert_int_equal(out.backlog, APP_BACKLOG_DEFAULT);
	assert_int_equal(parse("version", &out, why), 0);
	assert_int_equal(out.type, APP_REQ_VERSION);
}

/* Questions for names and for the name of an id, and their answer. */
static void test_names_there_and_back(void **state)
{
	struct app_request in = {.type = APP_REQ_RESOLVE, .name = "nas.home"}, out;
	struct app_answer ans = {.type = APP_ANS_IS, .name = "nas.home", .id = an_id()}, got;
	char line[APP_LINE_MAX], text[ID_TEXT_LEN + 1], why[APP_WHY_MAX];
	size_t n;

	app_request_write(&in, line);
	assert_string_equal(line, "resolve nas.home\n");
	assert_int_equal(parse("resolve NAS.home.coyo.", &out, why), 0);
	assert_int_equal(out.type, APP_REQ_RESOLVE);
	assert_string_equal(out.name, "nas.home");
	assert_int_equal(parse("resolve a_b", &out, why), -EINVAL);
	assert_non_null(strstr(why, "no name"));
	id_to_text(&ans.id, text);
	snprintf(line, sizeof(line), "resolve %s", text);
	assert_int_equal(parse(line, &out, why), -EINVAL);
	assert_non_null(strstr(why, "needs no asking"));

	in = (struct app_request){.type = APP_REQ_NAME, .id = an_id()};
	n = app_request_write(&in, line);
	assert_int_equal(app_request_parse(line, n - 1, &out, why), 0);
	assert_true(out.type == APP_REQ_NAME && id_eq(&out.id, &in.id) && !out.start);
	in.start = true;
	memset(in.id.b + NAMES_START_BYTES, 0, ID_BYTES - NAMES_START_BYTES);
	n = app_request_write(&in, line);
	assert_int_equal(n, strlen("name ") + NAMES_START_LEN + 1);
	assert_int_equal(app_request_parse(line, n - 1, &out, why), 0);
	assert_true(out.start && id_eq(&out.id, &in.id));

	n = app_answer_write(&ans, line);
	assert_int_equal(app_answer_parse(line, n - 1, &got), 0);
	assert_true(got.type == APP_ANS_IS && id_eq(&got.id, &ans.id));
	assert_string_equal(got.name, "nas.home");
	snprintf(line, sizeof(line), "is %s a_b", text);
	assert_int_equal(app_answer_parse(line, strlen(line), &got), -EINVAL);
	assert_int_equal(app_answer_parse("is nas nas", 10, &got), -EINVAL);
	assert_int_equal(app_answer_parse("is", 2, &got), -EINVAL);
	assert_int_equal(app_answer_parse("error ENOENT nobody", 19, &got), 0);
	assert_int_equal(got.err, ENOENT);
}

static void test_bad_requests(void **state)
{
	static const char *const bad[] = {"",
	                                  " ",
	                                  "dial x 1",
	                                  "connect",
	                                  "connect abc 7",
	                                  "listen",
	                                  "listen 00",
	                                  "attach",
	                                  "attach 0",
	                                  "attach one",
	                                  "attach 65536",
	                                  "attach 1 0",
	                                  "attach 1 65537",
	                                  "attach 1 5 5",
	                                  "unlisten",
	                                  "unlisten 0",
	                                  "unlisten 4294967296",
	                                  "unlisten 99999999999",
	                                  "unlisten 7 7",
	                                  "listen -1",
	                                  "listen 65536",
	                                  "listen 7x",
	                                  "listen 7 0",
	                                  "listen 7 1 1",
	                                  "listen 7 early",
	                                  "listen 7 1 share",
	                                  "listen 7 shared shared",
	                                  "listen 7 shared 1",
	                                  "listen shared",
	                                  "version early",
	                                  "version 2 ",
	                                  "resolve",
	                                  "resolve a b",
	                                  "name",
	                                  "name nas",
	                                  "name aaaaaaaaaaaaaaaaaaaaaaa",
	                                  "name aaaaaaaaaaaaaaaaaaaaaaaa 1",
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
		if (n > 10 && round % 3 == 2)
			memcpy(line, round & 4 ? "segment 1 " : "attach 1 9", 10);
		if (app_request_parse(line, n, &req, why) == 0)
			assert_in_range(req.type, APP_REQ_CONNECT, APP_REQ_NAME);
		if (app_answer_parse(line, n, &ans) == 0)
			assert_in_range(ans.type, APP_ANS_OK, APP_ANS_IS);
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

static void test_attached_answers_there_and_back(void **state)
{
	struct app_answer in = {.type = APP_ANS_SEGMENT,
	                        .layout = {.workers = 32, .slots = 65536, .ring_bytes = 1u << 26},
	                        .id = an_id()};
	struct app_answer out;
	char line[APP_LINE_MAX];
	size_t n = app_answer_write(&in, line);

	assert_int_equal(app_answer_parse(line, n - 1, &out), 0);
	assert_int_equal(out.type, APP_ANS_SEGMENT);
	assert_memory_equal(&out.layout, &in.layout, sizeof(in.layout));
	assert_true(id_eq(&out.id, &in.id));

	in = (struct app_answer){.type = APP_ANS_LISTENING, .token = UINT32_MAX, .port = 32768};
	n = app_answer_write(&in, line);
	assert_string_equal(line, "listening 4294967295 32768\n");
	assert_int_equal(app_answer_parse(line, n - 1, &out), 0);
	assert_int_equal(out.token, UINT32_MAX);
	assert_int_equal(out.port, 32768);
}

/* A layout that no segment has, a line cut off at any length. */
static void test_bad_attached_answers(void **state)
{
	static const uint32_t bad[][3] = {{33, 1, 4096}, {1, 65537, 4096}, {1, 1, 2048},
	                                  {1, 1, 4097},  {1, 1, 1u << 27}, {0, 1, 4096},
	                                  {1, 0, 4096},  {1, 1, 0}};
	struct app_answer in = {.type = APP_ANS_SEGMENT, .id = an_id()}, out;
	char line[APP_LINE_MAX];
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		in.layout = (struct appseg_layout){bad[i][0], bad[i][1], bad[i][2]};
		n = app_answer_write(&in, line);
		assert_int_equal(app_answer_parse(line, n - 1, &out), -EINVAL);
	}
	in.layout = (struct appseg_layout){1, 1, 4096};
	n = app_answer_write(&in, line) - 1;
	assert_int_equal(app_answer_parse(line, n, &out), 0);
	while (n-- > 0)
		assert_int_equal(app_answer_parse(line, n, &out), -EINVAL);
	assert_int_equal(app_answer_parse("listening 5", 11, &out), -EINVAL);
	assert_int_equal(app_answer_parse("listening 0 5", 13, &out), -EINVAL);
	assert_int_equal(app_answer_parse("listening 5 65536", 17, &out), -EINVAL);
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
	        cmocka_unit_test(test_attached_requests_there_and_back),
	        cmocka_unit_test(test_host_form_and_default_backlog),
	        cmocka_unit_test(test_names_there_and_back),
	        cmocka_unit_test(test_bad_requests),
	        cmocka_unit_test(test_mistyped_id_names_the_checksum),
	        cmocka_unit_test(test_noise),
	        cmocka_unit_test(test_answers_there_and_back),
	        cmocka_unit_test(test_attached_answers_there_and_back),
	        cmocka_unit_test(test_bad_attached_answers),
	        cmocka_unit_test(test_errno_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
