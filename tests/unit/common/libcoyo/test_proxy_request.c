/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests to the proxy: what RFC 1928, RFC 1929, RFC 9110 and RFC 9112 say, in pieces of any size; whatever is wrong is refused by its code. */
#include "base/cc.h"
#include "libcoyo/proxy/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct proxy_login login = {"alice", "secret"};

/* What a client's bytes lead to. */
struct course {
	enum proxy_verdict verdict;
	struct proxy_request request;
	size_t left; /* bytes behind the request */
	size_t head; /* bytes of its last message */
	size_t said; /* bytes of all replies */
	char reply[4 * PROXY_REPLY_MAX];
};

/* Feeds n bytes, of which the first `first` come alone; 0: every byte alone. Each message stands by itself in memory, so that a sanitizer sees a
 * step beyond it. */
static struct course feed(const struct proxy_login *who, const void *bytes, size_t n, size_t first)
{
	struct course c = {.verdict = PROXY_MORE};
	size_t at = 0, have = first ? first : 1;

	for (;;) {
		struct proxy_reply reply;
		size_t used;
		uint8_t *copy = malloc(have - at + !(have - at));

		assert_non_null(copy);
		memcpy(copy, (const uint8_t *)bytes + at, have - at);
		c.verdict = proxy_read(&c.request, who, copy, have - at, &used, &reply);
		free(copy);
		assert_true(used <= have - at && reply.len <= sizeof(reply.text));
		memcpy(c.reply + c.said, reply.text, reply.len);
		c.said += reply.len;
		at += used;
		c.head = used;
		c.left = n - at;
		if (c.verdict == PROXY_WANTED || c.verdict == PROXY_REFUSED)
			return c;
		if (c.verdict == PROXY_MORE) {
			assert_int_equal(used, 0);
			if (have == n)
				return c;
			have = first ? n : have + 1;
		}
	}
}

/* Whole, in two pieces cut at each byte, and byte by byte: the same course. */
static struct course everyhow(const struct proxy_login *who, const void *bytes, size_t n)
{
	struct course whole = feed(who, bytes, n, n);

	for (size_t first = 0; first < n; first++) {
		struct course c = feed(who, bytes, n, first);

		assert_int_equal(c.verdict, whole.verdict);
		assert_int_equal(c.said, whole.said);
		assert_memory_equal(c.reply, whole.reply, whole.said);
		assert_string_equal(c.request.to.host, whole.request.to.host);
		assert_int_equal(c.request.to.port, whole.request.to.port);
		if (c.verdict != PROXY_REFUSED)
			assert_int_equal(c.left, whole.left);
	}
	return whole;
}

#define SOCKS(who, text) everyhow(who, text, sizeof(text) - 1)

static void wants(const struct course *c, enum proxy_protocol protocol, const char *host,
                  uint16_t port, size_t left)
{
	assert_int_equal(c->verdict, PROXY_WANTED);
	assert_int_equal(c->request.protocol, protocol);
	assert_string_equal(c->request.to.host, host);
	assert_int_equal(c->request.to.port, port);
	assert_int_equal(c->left, left);
}

static void test_socks_connect(void **state)
{
	struct course c = SOCKS(NULL, "\5\1\0\5\1\0\3\7bob.foo\0\120GET");

	(void)state;
	wants(&c, PROXY_SOCKS5, "bob.foo", 80, 3);
	assert_int_equal(c.said, 2);
	assert_memory_equal(c.reply, "\5\0", 2);
	c = SOCKS(NULL, "\5\3\1\0\2\5\1\0\1\300\0\2\1\377\377");
	wants(&c, PROXY_SOCKS5, "192.0.2.1", 65535, 0);
	c = SOCKS(NULL, "\5\1\0\5\1\0\4\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1\0\26");
	wants(&c, PROXY_SOCKS5, "2001:db8:0:0:0:0:0:1", 22, 0);
}

static void test_socks_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		uint8_t code;
	} rows[] = {
#define ROW(text, code) {text, sizeof(text) - 1, code}
	        ROW("\5\1\0\5\2\0\1\177\0\0\1\0\1", 7), /* BIND */
	        ROW("\5\1\0\5\3\0\3\0\0\1", 1),   /* UDP ASSOCIATE, from a name without a byte */
	        ROW("\5\1\0\5\11\0\3\1x\0\1", 7), /* no such command */
	        ROW("\5\1\0\5\1\0\2\1\1\1\1\1\1", 8),   /* no such address type */
	        ROW("\5\1\0\5\1\0\1\177\0\0\1\0\0", 1), /* port 0 */
	        ROW("\5\1\0\4\1\0\1\177\0\0\1\0\1", 1), /* another version */
	        ROW("\5\1\0\5\1\1\1\177\0\0\1\0\1", 1), /* reserved and not 0 */
	        ROW("\5\1\0\5\1\0\3\0\0\1", 1),         /* a name without a byte */
	        ROW("\5\1\0\5\1\0\3\3a\nb\0\1", 1),     /* a name with a line's end in it */
	        ROW("\5\1\0\5\1\0\3\3a\0b\0\1", 1),     ROW("\5\1\0\5\1\0\3\3a b\0\1", 1),
#undef ROW
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct course c = everyhow(NULL, rows[i].bytes, rows[i].n);

		assert_int_equal(c.verdict, PROXY_REFUSED);
		assert_int_equal(c.said, 2 + 10);
		assert_int_equal(c.reply[2], 5);
		assert_int_equal(c.reply[3], rows[i].code);
	}
}

/* Whence datagrams will come need not be known. */
static void test_socks_associate(void **state)
{
	struct course c = SOCKS(NULL, "\5\1\0\5\3\0\1\0\0\0\0\0\0");
	struct proxy_reply reply;
	uint8_t six[16] = {[15] = 1};

	(void)state;
	wants(&c, PROXY_ASSOCIATE, "0.0.0.0", 0, 0);
	c = SOCKS(NULL, "\5\1\0\5\3\0\1\177\0\0\1\1\2x");
	wants(&c, PROXY_ASSOCIATE, "127.0.0.1", 258, 1);
	proxy_answer(&c.request, PROXY_OPEN, NULL, &reply);
	assert_int_equal(reply.len, 0);
	proxy_answer(&c.request, PROXY_FAILED, "", &reply);
	assert_int_equal(reply.len, 10);
	assert_memory_equal(reply.text, "\5\1\0\1\0\0\0\0\0\0", 10);
	proxy_answer_associated((const uint8_t *)"\177\0\0\1", 4, 0x1234, &reply);
	assert_int_equal(reply.len, 10);
	assert_memory_equal(reply.text, "\5\0\0\1\177\0\0\1\x12\x34", 10);
	proxy_answer_associated(six, sizeof(six), 0x1234, &reply);
	assert_int_equal(reply.len, 22);
	assert_memory_equal(reply.text, "\5\0\0\4", 4);
	assert_memory_equal(reply.text + 19, "\1\x12\x34", 3);
}

static void test_socks_login(void **state)
{
	struct course c = SOCKS(&login, "\5\2\0\2\1\5alice\6secret\5\1\0\3\1x\0\1");

	(void)state;
	wants(&c, PROXY_SOCKS5, "x", 1, 0);
	assert_memory_equal(c.reply, "\5\2\1\0", 4);
	c = SOCKS(&login, "\5\1\2\1\5alice\6secreT");
	assert_int_equal(c.verdict, PROXY_REFUSED);
	assert_memory_equal(c.reply, "\5\2\1\1", 4);
	c = SOCKS(&login, "\5\1\2\1\5alice\7secret!");
	assert_int_equal(c.verdict, PROXY_REFUSED);
	c = SOCKS(&login, "\5\1\2\1\5alice\5secre");
	assert_int_equal(c.verdict, PROXY_REFUSED);
	c = SOCKS(&login, "\5\1\2\1\5bobby\6secret");
	assert_int_equal(c.verdict, PROXY_REFUSED);
	c = SOCKS(&login, "\5\1\2\1\0\0");
	assert_int_equal(c.verdict, PROXY_REFUSED);
	c = SOCKS(&login, "\5\1\2\2\5alice\6secret");
	assert_int_equal(c.verdict, PROXY_REFUSED);
	/* Nothing offered that is taken, here and there. */
	c = SOCKS(&login, "\5\1\0");
	assert_int_equal(c.verdict, PROXY_REFUSED);
	assert_memory_equal(c.reply, "\5\377", 2);
	c = SOCKS(NULL, "\5\1\2");
	assert_int_equal(c.verdict, PROXY_REFUSED);
	c = SOCKS(NULL, "\5\0");
	assert_int_equal(c.verdict, PROXY_REFUSED);
}

static void test_http_connect(void **state)
{
	struct course c = SOCKS(NULL, "CONNECT a.b.coyo:443 HTTP/1.1\r\nHost: x\r\n\r\n\5\1\0");

	(void)state;
	wants(&c, PROXY_CONNECT, "a.b.coyo", 443, 3);
	assert_int_equal(c.said, 0);
	c = SOCKS(NULL, "connect [2001:db8::1]:1 HTTP/1.0\n\n");
	wants(&c, PROXY_CONNECT, "2001:db8::1", 1, 0);
}

/* The status of a refusal. */
static int status(const struct course *c)
{
	assert_int_equal(c->verdict, PROXY_REFUSED);
	assert_memory_equal(c->reply, "HTTP/1.1 ", 9);
	return atoi(c->reply + 9);
}

static void test_http_refused(void **state)
{
	static const char *const rows[] = {
	        "CONNECT x HTTP/1.1\r\n\r\n",
	        "CONNECT x: HTTP/1.1\r\n\r\n",
	        "CONNECT x:0 HTTP/1.1\r\n\r\n",
	        "CONNECT x:65536 HTTP/1.1\r\n\r\n",
	        "CONNECT x:4294967297 HTTP/1.1\r\n\r\n",
	        "CONNECT x:+80 HTTP/1.1\r\n\r\n",
	        "CONNECT :80 HTTP/1.1\r\n\r\n",
	        "CONNECT a:b:80 HTTP/1.1\r\n\r\n",
	        "CONNECT u@x:80 HTTP/1.1\r\n\r\n",
	        "CONNECT [::1:80 HTTP/1.1\r\n\r\n",
	        "CONNECT [::1]x:80 HTTP/1.1\r\n\r\n",
	        "CONNECT []:80 HTTP/1.1\r\n\r\n",
	        "CONNECT x:80 HTTP/2.0\r\n\r\n",
	        "CONNECT x:80 HTTP/1.1 \r\n\r\n",
	        "CONNECT  x:80 HTTP/1.1\r\n\r\n",
	        "CONNECT x:80\r\n\r\n",
	        "CONNECT x\t:80 HTTP/1.1\r\n\r\n",
	        "CONNECT x:80 HTTP/1.1\r\nHost : x\r\n\r\n",
	        "CONNECT x:80 HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n",
	        "CONNECT x:80 HTTP/1.1\r\nno colon\r\n\r\n",
	        "CONNECT x:80 HTTP/1.1\r\nA: b\rC: d\r\n\r\n",
	        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
	        "GET https://x/ HTTP/1.1\r\n\r\n",
	        "GET http:///x HTTP/1.1\r\n\r\n",
	        "GET http://u@x/ HTTP/1.1\r\n\r\n",
	        "OPTIONS * HTTP/1.1\r\n\r\n",
	        "\r\n",
	        "\4\1\0\120\177\0\0\1", /* SOCKS4 */
	        "\26\3\1\2",            /* TLS */
	};
	struct course c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		c = everyhow(NULL, rows[i], strlen(rows[i]));
		assert_int_equal(status(&c), 400);
	}
	c = SOCKS(NULL, "GET http://x/ HTTP/1.1\r\nA: \0\r\n\r\n");
	assert_int_equal(status(&c), 400);
}

static void test_http_login(void **state)
{
	struct course c = SOCKS(&login, "CONNECT x:1 HTTP/1.1\r\n"
	                                "proxy-authorization: basic  YWxpY2U6c2VjcmV0\r\n\r\n");

	(void)state;
	wants(&c, PROXY_CONNECT, "x", 1, 0);
	c = SOCKS(&login, "CONNECT x:1 HTTP/1.1\r\n\r\n");
	assert_int_equal(status(&c), 407);
	assert_non_null(strstr(c.reply, "\r\nProxy-Authenticate: Basic realm=\"coyo\"\r\n"));
	c = SOCKS(&login,
	          "CONNECT x:1 HTTP/1.1\r\nProxy-Authorization: Basic YWxpY2U6c2VjcmV1\r\n\r\n");
	assert_int_equal(status(&c), 407);
	c = SOCKS(&login, "CONNECT x:1 HTTP/1.1\r\nProxy-Authorization: Basic YWxp!\r\n\r\n");
	assert_int_equal(status(&c), 407);
	c = SOCKS(&login, "CONNECT x:1 HTTP/1.1\r\nProxy-Authorization: Basic YWxpY2U=\r\n\r\n");
	assert_int_equal(status(&c), 407);
	c = SOCKS(&login,
	          "CONNECT x:1 HTTP/1.1\r\nProxy-Authorization: Digest YWxpY2U6c2VjcmV0\r\n\r\n");
	assert_int_equal(status(&c), 407);
	/* One that says who it is where nobody asked. */
	c = SOCKS(NULL, "CONNECT x:1 HTTP/1.1\r\nProxy-Authorization: Basic !\r\n\r\n");
	wants(&c, PROXY_CONNECT, "x", 1, 0);
}

/* A head as long as is allowed, one byte longer, and one with too many fields. */
static void test_http_limits(void **state)
{
	static char text[PROXY_HEAD_MAX + 64];
	static const char first[] = "CONNECT x:1 HTTP/1.1\r\nA: ", last[] = "\r\n\r\n";
	size_t n = PROXY_HEAD_MAX - (sizeof(last) - 1);
	struct course c;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, first, sizeof(first) - 1);
	memcpy(text + n, last, sizeof(last));
	c = feed(NULL, text, PROXY_HEAD_MAX, PROXY_HEAD_MAX - 1);
	wants(&c, PROXY_CONNECT, "x", 1, 0);
	text[n] = 'a';
	memcpy(text + n + 1, last, sizeof(last));
	c = feed(NULL, text, PROXY_HEAD_MAX + 1, PROXY_HEAD_MAX);
	assert_int_equal(status(&c), 431);
	n = (size_t)sprintf(text, "CONNECT x:1 HTTP/1.1\r\n");
	for (unsigned i = 0; i <= PROXY_FIELDS_MAX; i++)
		n += (size_t)sprintf(text + n, "a:b\n");
	n += (size_t)sprintf(text + n, "\n");
	c = feed(NULL, text, n, n);
	assert_int_equal(status(&c), 431);
}

/* The request in absolute form, as the server gets it. */
static void forwarded(const char *in, const char *host, uint16_t port, const char *out)
{
	struct course c = everyhow(NULL, in, strlen(in));
	size_t n = strlen(in) - c.left;
	char *got;

	wants(&c, PROXY_FORWARD, host, port, c.left);
	assert_int_equal(c.head, n);
	got = malloc(PROXY_FORWARD_MAX(n));
	assert_non_null(got);
	assert_int_equal(proxy_forward_head(&c.request, in, n, got), strlen(out));
	assert_memory_equal(got, out, strlen(out));
	free(got);
}

static void test_http_forward(void **state)
{
	(void)state;
	forwarded("GET http://bob.coyo/a?b HTTP/1.1\r\nHost: other\r\nAccept: */*\r\n"
	          "Proxy-Connection: keep-alive\r\nConnection: X-Mine , close\r\nX-Mine: 1\r\n"
	          "Proxy-Authorization: Basic x\r\nTE: gzip\r\nKeep-Alive: 1\r\n\r\n",
	          "bob.coyo", 80,
	          "GET /a?b HTTP/1.1\r\nHost: bob.coyo\r\nAccept: */*\r\n"
	          "Via: 1.1 coyo\r\nConnection: close\r\n\r\n");
	/* Who speaks 1.0 must not get an answer in chunks. */
	forwarded("POST HTTP://Bob:8080 HTTP/1.0\nContent-Length:3\n\nabc", "Bob", 8080,
	          "POST / HTTP/1.0\r\nHost: Bob:8080\r\nContent-Length: 3\r\n"
	          "Via: 1.1 coyo\r\nConnection: close\r\n\r\n");
	forwarded("GET http://[::1]?q HTTP/1.1\r\n\r\n", "::1", 80,
	          "GET /?q HTTP/1.1\r\nHost: [::1]\r\nVia: 1.1 coyo\r\nConnection: close\r\n\r\n");
}

/* Of every outcome: the code of SOCKS, the status and the sentence of HTTP. */
static void test_answers(void **state)
{
	static const struct {
		uint8_t socks;
		int status;
	} rows[] = {
#define ROW(NAME, socks, status, phrase) {socks, status},
	        PROXY_OUTCOMES(ROW)
#undef ROW
	};
	struct proxy_request r = {.protocol = PROXY_SOCKS5};
	struct proxy_reply reply;
	char longest[2000];

	(void)state;
	memset(longest, 'w', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		r.protocol = PROXY_SOCKS5;
		proxy_answer(&r, (enum proxy_outcome)i, "why it is so", &reply);
		assert_int_equal(reply.len, 10);
		assert_int_equal((uint8_t)reply.text[1], rows[i].socks);
		r.protocol = PROXY_CONNECT;
		proxy_answer(&r, (enum proxy_outcome)i, "why it is so", &reply);
		reply.text[reply.len] = '\0';
		assert_int_equal(atoi(reply.text + 9), rows[i].status);
		assert_int_equal(strstr(reply.text, "\r\n\r\nwhy it is so\n") != NULL,
		                 i != PROXY_OPEN);
		proxy_answer(&r, (enum proxy_outcome)i, longest, &reply);
		assert_true(reply.len < sizeof(reply.text));
	}
	r.protocol = PROXY_FORWARD;
	proxy_answer(&r, PROXY_OPEN, NULL, &reply);
	assert_int_equal(reply.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_socks_connect),   cmocka_unit_test(test_socks_refused),
	        cmocka_unit_test(test_socks_associate), cmocka_unit_test(test_socks_login),
	        cmocka_unit_test(test_http_connect),    cmocka_unit_test(test_http_refused),
	        cmocka_unit_test(test_http_login),      cmocka_unit_test(test_http_limits),
	        cmocka_unit_test(test_http_forward),    cmocka_unit_test(test_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
