/* SPDX-License-Identifier: BSD-3-Clause */
/* Values one by one: what each kind takes and refuses, at its bounds and beyond them, and how it is written again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conf.h"

#include <stdio.h>
#include <string.h>

/* A field with guards on both sides. */
struct field {
	uint64_t before;
	union {
		conf_str_t str;
		conf_uint_t uint;
		conf_size_t size;
		conf_mode_t mode;
		conf_flag_t flag;
		conf_choice_t choice;
		conf_rate_t rate;
		conf_addr_t addr;
		conf_id_t id;
		conf_mac_t mac;
		conf_labels_t labels;
		conf_where_t where;
	} u;
	uint64_t after;
};

#define ID                                                                                         \
	"zt3xzfdtbyeyriyadfga6qrvpf52ld5ujtsb3rktk544znklo2ophwu7pitbuz6weckbdykvzqo6gfl6lhfthfvk" \
	"dvzaybt356pijlbhveaq"
#define GUARD 0xa5a5a5a5a5a5a5a5
#define ROW(k, low, high, choice_list)        \
	{.key = "k",                          \
	 .kind = CONF_##k,                    \
	 .offset = offsetof(struct field, u), \
	 .lo = low,                           \
	 .hi = high,                          \
	 .choices = choice_list}

static const struct conf_option number = ROW(uint, 2, 4294967295, NULL);
static const struct conf_option size = ROW(size, 16, 1ll << 40, NULL);
static const struct conf_option mode = ROW(mode, 0, 0777, NULL);
static const struct conf_option flag = ROW(flag, 0, 0, NULL);
static const struct conf_option choice = ROW(choice, 0, 0, "no|north|northwest");
static const struct conf_option rate = ROW(rate, 1, 1000, NULL);
static const struct conf_option addr = ROW(addr, 1, 65535, NULL);
static const struct conf_option mac = ROW(mac, 0, 0, NULL);
static const struct conf_option labels = ROW(labels, 16, 1048575, NULL);
static const struct conf_option where = ROW(where, 1, 65535, NULL);
static const struct conf_option str = ROW(str, 2, 5, NULL);
static const struct conf_option id = ROW(id, 0, 0, NULL);

struct row {
	const struct conf_option *o;
	const char *text;
	const char *written; /* NULL: refused */
};

#define V6_LONGEST "0000:0000:0000:0000:0000:ffff:255.255.255.255"

static const struct row rows[] = {
        {&where, "127.0.0.1:8080", "127.0.0.1:8080"},
        {&where, "[::1]:80", "[::1]:80"},
        {&where, "coyo:1", "coyo:1"},
        {&where, "coyo:65535", "coyo:65535"},
        {&where, "coyo:0", NULL},
        {&where, "coyo:65536", NULL},
        {&where, "coyo:", NULL},
        {&where, "coyo", NULL},
        {&where, ":80", NULL},
        {&where, "east:80", "east:80"},
        {&where, "e-a_s.t:080", "e-a_s.t:80"},
        {&where, "coyo.east:80", "coyo.east:80"},
        {&where, "ea st:80", NULL},
        {&where, "::1:80", NULL},
        {&where, "a:b:80", NULL},
        {&where, "a/b:80", NULL},
        {&where, ID ":80", ID ":80"},
        {&where, "a" ID ":80", NULL},
        {&number, "2", "2"},
        {&number, "1", NULL},
        {&number, "4294967295", "4294967295"},
        {&number, "4294967296", NULL},
        {&number, "0000000000000000000000000000007", "7"},
        {&number, "18446744073709551618", NULL}, /* 2^64 + 2: must not come round to 2 */
        {&number, "+3", NULL},
        {&number, " 3", NULL},
        {&number, "0x3", NULL},
        {&number, "3:", NULL}, /* the character behind 9 */
        {&number, "3/", NULL}, /* the one before 0 */
        {&size, "16", "16"},
        {&size, "15", NULL},
        {&size, "1K", "1K"},
        {&size, "1024", "1K"},
        {&size, "1025", "1025"},
        {&size, "1024G", "1024G"}, /* the bound: 2^40 */
        {&size, "1025G", NULL},
        {&size, "17179869185G", NULL}, /* 2^64 + 2^30: must not come round to 1G */
        {&size, "K", NULL},
        {&size, "1k", NULL},
        {&size, "1KK", NULL},
        {&size, "1 K", NULL},
        {&size, "000000000000000000000001024", NULL}, /* longer than any number */
        {&mode, "0777", "0777"},
        {&mode, "0", "00"},
        {&mode, "1000", NULL},
        {&mode, "8", NULL},
        {&flag, "yes", "yes"},
        {&flag, "no", "no"},
        {&flag, "Yes", NULL},
        {&flag, "", NULL},
        {&choice, "no", "no"},
        {&choice, "north", "north"},
        {&choice, "northwest", "northwest"},
        {&choice, "nor", NULL},
        {&choice, "northw", NULL},
        {&choice, "no|north", NULL},
        {&choice, "|", NULL},
        {&choice, "", NULL},
        {&rate, "yes", "yes"},
        {&rate, "no", "no"},
        {&rate, "1000", "1000"},
        {&rate, "1001", NULL},
        {&rate, "0", NULL},
        {&addr, "192.0.2.1:1", "192.0.2.1:1"},
        {&addr, "192.0.2.1:0", NULL},
        {&addr, "192.0.2.1:65535", "192.0.2.1:65535"},
        {&addr, "192.0.2.1:65536", NULL},
        {&addr, "192.0.2.256:1", NULL},
        {&addr, "192.0.2:1", NULL},
        {&addr, ":1", NULL},
        {&addr, "192.0.2.1:", NULL},
        {&addr, "[192.0.2.1]:1", NULL},
        {&addr, "[2001:DB8::1]:77", "[2001:db8::1]:77"},
        {&addr, "[" V6_LONGEST "]:9", "[::ffff:255.255.255.255]:9"},
        {&addr, "[]:9", NULL},
        {&addr, "[:9", NULL},
        {&addr, "[::1]", NULL},
        {&addr, "[::1]x:9", NULL},
        {&addr, "[::1%lo]:9", NULL},
        {&addr, "[" V6_LONGEST V6_LONGEST "]:9", NULL}, /* no room for it as text */
        {&mac, "02:00:5e:10:fF:01", "02:00:5e:10:ff:01"},
        {&mac, "00:00:00:00:00:00", NULL},
        {&mac, "01:00:00:00:00:01", NULL},
        {&mac, "02:00:00:00:00:0g", NULL},
        {&mac, "02:00:00:00:00:001", NULL},
        {&mac, "02-00-00-00-00-01", NULL},
        {&mac, "02:00:00:00:00:", NULL},
        {&mac, "0", NULL},
        {&mac, "", NULL},
        {&labels, "16", "16"},
        {&labels, "16-16", "16"},
        {&labels, "16-1048575", "16-1048575"},
        {&labels, "15-20", NULL},
        {&labels, "16-1048576", NULL},
        {&labels, "20-19", NULL},
        {&labels, "16-", NULL},
        {&labels, "-16", NULL},
        {&labels, "16-17-18", NULL},
        {&labels, "16-00000000000000000000000000000017", NULL}, /* no room for it as text */
        {&str, "ab", "ab"},
        {&str, "abcde", "abcde"},
        {&str, "a", NULL},
        {&str, "abcdef", NULL},
        {&str, "a\tb", NULL},
        {&str, "a\x1b[m", NULL}, /* must not steer a terminal later */
        {&str, "a\x7f", NULL},
        {&str, "\xc3\xa9", "\xc3\xa9"},
        {&id, "abc", NULL},
};

static void test_rows(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct field f = {.before = GUARD, .after = GUARD};
		char why[200] = "", range[200], out[200];
		int rc = conf_value_parse(rows[i].o, rows[i].text, &f, why, sizeof(why));

		if ((rc == 0) != (rows[i].written != NULL))
			fail_msg("%s: %d", rows[i].text, rc);
		assert_true(f.before == GUARD && f.after == GUARD);
		if (rc == 0) {
			conf_value_format(rows[i].o, &f, out, sizeof(out));
			assert_string_equal(out, rows[i].written);
			continue;
		}
		/* Whoever mistyped it is told what would have been right. */
		conf_value_range(rows[i].o, range, sizeof(range));
		assert_true(strlen(why) > 5);
		if (rows[i].o->kind != CONF_id && rows[i].o->kind != CONF_where)
			assert_string_equal(why, range);
	}
}

/* A node id that is mistyped is told what is wrong with it, not what an id looks like. */
static void test_id(void **state)
{
	struct node_id me;
	char text[ID_TEXT_LEN + 2], why[200], out[200];
	struct field f = {0};

	for (unsigned i = 0; i < ID_BYTES; i++)
		me.b[i] = (uint8_t)(i * 37);
	id_to_text(&me, text);
	assert_int_equal(conf_value_parse(&id, text, &f, why, sizeof(why)), 0);
	assert_true(id_eq(&f.u.id, &me));
	conf_value_format(&id, &f, out, sizeof(out));
	assert_string_equal(out, text);
	text[50] = text[50] == 'a' ? 'b' : 'a';
	assert_int_not_equal(conf_value_parse(&id, text, &f, why, sizeof(why)), 0);
	assert_string_equal(why, id_parse_error(ID_PARSE_CHECKSUM));
}

/* Text that does not fit is cut off, with its end, and nothing behind it is touched. */
static void test_cut(void **state)
{
	static const struct row each[] = {
	        {&number, "123456", "123456"},
	        {&size, "1023M", "1023M"},
	        {&mode, "0640", "0640"},
	        {&flag, "yes", "yes"},
	        {&rate, "700", "700"},
	        {&choice, "northwest", "northwest"},
	        {&addr, "[2001:db8::1]:77", "[2001:db8::1]:77"},
	        {&labels, "16-99", "16-99"},
	        {&str, "abcde", "abcde"},
	        {&mac, "02:00:00:00:00:01", "02:00:00:00:00:01"},
	};

	for (size_t i = 0; i < ARRAY_LEN(each); i++) {
		struct field f = {0};
		char out[32], why[200];

		assert_int_equal(conf_value_parse(each[i].o, each[i].text, &f, why, sizeof(why)),
		                 0);
		for (size_t cap = 1; cap <= strlen(each[i].written); cap++) {
			memset(out, '!', sizeof(out));
			conf_value_format(each[i].o, &f, out, cap);
			assert_int_equal(strlen(out), cap - 1);
			assert_memory_equal(out, each[i].written, cap - 1);
			assert_int_equal(out[cap], '!');
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_rows),
	        cmocka_unit_test(test_id),
	        cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
