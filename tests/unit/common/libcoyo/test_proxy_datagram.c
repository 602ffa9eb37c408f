/* SPDX-License-Identifier: BSD-3-Clause */
/* Heads of datagrams of SOCKS5: RFC 1928, section 7; and whom a client has sent to, with answers under the name that was asked. */
#include "base/cc.h"
#include "libcoyo/proxy/asked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Alone in memory, so that a sanitizer sees a step beyond it. */
static enum proxy_head_fault read_head(const void *p, size_t n, struct proxy_head *h)
{
	uint8_t *copy = malloc(n + !n);
	enum proxy_head_fault f;

	assert_non_null(copy);
	memcpy(copy, p, n);
	f = proxy_head_read(copy, n, h);
	free(copy);
	return f;
}

#define READ(text, h) read_head(text, sizeof(text) - 1, h)

/* Every kind of address; an answer begins as the question did. */
static void test_heads(void **state)
{
	static const struct {
		const char *p;
		size_t n, data;
		const char *host;
	} rows[] = {
#define ROW(text, data, host) {text, sizeof(text) - 1, data, host}
	        ROW("\0\0\0\3\7bob.foo\0\65data", 4, "bob.foo"),
	        ROW("\0\0\0\3\7bob.foo\0\65", 0, "bob.foo"),
	        ROW("\0\0\0\1\300\0\2\1\0\65data", 4, "192.0.2.1"),
	        ROW("\0\0\0\4\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1\0\65data", 4,
	            "2001:db8:0:0:0:0:0:1"),
#undef ROW
	};
	uint8_t out[PROXY_DATAGRAM_HEAD_MAX];
	struct proxy_head h;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(read_head(rows[i].p, rows[i].n, &h), PROXY_HEAD_FINE);
		assert_int_equal(h.bytes + rows[i].data, rows[i].n);
		assert_string_equal(h.to.host, rows[i].host);
		assert_int_equal(h.to.port, 53);
		assert_int_equal(proxy_head_write(h.asked, h.asked_n, out), h.bytes);
		assert_memory_equal(out, rows[i].p, h.bytes);
		for (size_t n = 0; n < h.bytes; n++) {
			struct proxy_head cut;

			assert_int_equal(read_head(rows[i].p, n, &cut), PROXY_HEAD_BROKEN);
		}
	}
}

static void test_refused(void **state)
{
	struct proxy_head h;

	(void)state;
	assert_int_equal(READ("\0\0\1\3\1x\0\1a", &h), PROXY_HEAD_FRAGMENT);
	assert_int_equal(READ("\0\0\201\3\1x\0\1a", &h), PROXY_HEAD_FRAGMENT);
	assert_int_equal(READ("\0\1\0\3\1x\0\1a", &h), PROXY_HEAD_BROKEN);   /* reserved */
	assert_int_equal(READ("\1\0\0\3\1x\0\1a", &h), PROXY_HEAD_BROKEN);   /* reserved */
	assert_int_equal(READ("\0\0\0\2\1x\0\1a", &h), PROXY_HEAD_BROKEN);   /* no such type */
	assert_int_equal(READ("\0\0\0\3\0\0\1a", &h), PROXY_HEAD_BROKEN);    /* an empty name */
	assert_int_equal(READ("\0\0\0\3\1 \0\1a", &h), PROXY_HEAD_BROKEN);   /* a space */
	assert_int_equal(READ("\0\0\0\3\1x\0\0a", &h), PROXY_HEAD_BROKEN);   /* port 0 */
	assert_int_equal(READ("\0\0\0\3\377x\0\1a", &h), PROXY_HEAD_BROKEN); /* too short */
}

static struct proxy_head head_of(const char *name, uint16_t port)
{
	uint8_t p[PROXY_DATAGRAM_HEAD_MAX] = {0, 0, 0, PROXY_NAME, (uint8_t)strlen(name)};
	size_t n = 5 + strlen(name);
	struct proxy_head h;

	memcpy(p + 5, name, strlen(name));
	p[n] = (uint8_t)(port >> 8);
	p[n + 1] = (uint8_t)port;
	assert_int_equal(proxy_head_read(p, n + 2, &h), PROXY_HEAD_FINE);
	return h;
}

/* One node under two names: the one that was used last answers. Another port of it, and other nodes, were not asked. */
static void test_asked(void **state)
{
	struct asked_list *l = calloc(1, sizeof(*l));
	const struct node_id id = {{1}}, other = {{2}};
	struct proxy_head bob = head_of("bob", 53), same = head_of("bob.coyo", 53);
	struct asked *a;

	(void)state;
	assert_non_null(l);
	assert_null(asked_of(l, &id, 53));
	a = asked_add(l, &bob, &id);
	assert_ptr_equal(asked_find(l, bob.asked, bob.asked_n), a);
	assert_null(asked_find(l, same.asked, same.asked_n));
	asked_add(l, &same, &id);
	assert_memory_equal(asked_of(l, &id, 53)->address, same.asked, same.asked_n);
	asked_touch(l, a);
	assert_ptr_equal(asked_of(l, &id, 53), a);
	assert_null(asked_of(l, &id, 54));
	assert_null(asked_of(l, &other, 53));
	free(l);
}

/* The list is full: the one that was used longest ago gives way. */
static void test_asked_full(void **state)
{
	struct asked_list *l = calloc(1, sizeof(*l));
	struct proxy_head h;
	char name[16];

	(void)state;
	assert_non_null(l);
	for (unsigned i = 0; i <= ASKED_MAX; i++) {
		const struct node_id id = {{1, (uint8_t)i}};

		snprintf(name, sizeof(name), "n%u", i);
		h = head_of(name, 1);
		asked_add(l, &h, &id);
		if (i == 1) {
			h = head_of("n0", 1);
			asked_touch(l, asked_find(l, h.asked, h.asked_n));
		}
	}
	h = head_of("n0", 1);
	assert_non_null(asked_find(l, h.asked, h.asked_n));
	h = head_of("n1", 1);
	assert_null(asked_find(l, h.asked, h.asked_n));
	free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_heads),
	        cmocka_unit_test(test_refused),
	        cmocka_unit_test(test_asked),
	        cmocka_unit_test(test_asked_full),
	};

	return cmocka_run_group_tests_name("proxy datagrams", tests, NULL, NULL);
}
