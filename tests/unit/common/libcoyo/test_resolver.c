/* SPDX-License-Identifier: BSD-3-Clause */
/* What the resolver answers, byte by byte: names, addresses, the zone itself, what is somebody else's, and questions that are none. Messages stand in
 * memory that is as long as they are, so that the sanitizers see a step too far. */
#include "libcoyo/resolver/zone.h"

#include "base/be.h"
#include "base/cc.h"
#include "names/names.h"
#include "wire/ip6.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LATER "lost.coyo" /* whom this means is not known now */

static const struct node_id nas = {
        {0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0, 1, 2, 3, 4, 5, 6, 7, 0xff}};
static unsigned asked;

static int resolve(void *arg, const char *text, struct node_id *id, char why[ZONE_WHY_MAX])
{
	char name[NAMES_NAME_MAX + 1];
	int kind = names_read(text, strlen(text), name, id, why);

	asked++;
	assert_null(arg);
	assert_true(strlen(text) <= DNS_NAME_MAX);
	if (kind < 0)
		return kind;
	if (kind == NAMES_IS_ID)
		return 0;
	snprintf(why, ZONE_WHY_MAX, "a sentence about %s", name);
	if (strcmp(text, LATER) == 0)
		return -ETIMEDOUT;
	*id = nas;
	return strcmp(name, "nas") == 0 || strcmp(name, "nas.home") == 0 ? 0 : -ENOENT;
}

static int reverse(void *arg, const uint8_t start[15], char name[ZONE_NAME_MAX + 1])
{
	if (memcmp(start, nas.b, 15) != 0)
		return -ENOENT;
	strcpy(name, "nas.home");
	return 0;
}

static const struct zone zone = {.prefix = 0xfd, .resolve = resolve, .reverse = reverse};

struct message {
	uint8_t p[DNS_QUERY_MAX + 8];
	size_t n;
};

static void add16(struct message *m, unsigned v)
{
	be16_store(m->p + m->n, (uint16_t)v);
	m->n += 2;
}

static void add(struct message *m, const void *p, size_t n)
{
	memcpy(m->p + m->n, p, n);
	m->n += n;
}

static void add_name(struct message *m, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, ".");

		m->p[m->n++] = (uint8_t)n;
		add(m, text, n);
		text += n + (text[n] == '.');
	}
	m->p[m->n++] = 0;
}

static struct message header(unsigned flags, unsigned questions, unsigned additional)
{
	struct message m = {.n = 0};

	add16(&m, 0xbeef);
	add16(&m, flags);
	add16(&m, questions);
	add16(&m, 0);
	add16(&m, 0);
	add16(&m, additional);
	return m;
}

static struct message question(const char *name, unsigned type)
{
	struct message m = header(0x0100, 1, 0);

	add_name(&m, name);
	add16(&m, type);
	add16(&m, DNS_IN);
	return m;
}

static void add_opt(struct message *m, unsigned size, unsigned version, unsigned data)
{
	m->p[11]++;
	m->p[m->n++] = 0;
	add16(m, DNS_OPT);
	add16(m, size);
	add16(m, version);
	add16(m, 0x8000); /* DNSSEC OK */
	add16(m, data);
	memset(m->p + m->n, 7, data);
	m->n += data;
}

/* The answer; its length is 0 where there is none. */
static struct message ask(const struct message *m)
{
	uint8_t *copy = malloc(m->n + !m->n), *out = malloc(DNS_ANSWER_MAX);
	struct message got = {.n = 0};
	struct zone_room room;
	struct dns_answer a = {0};
	struct dns_query q;
	int r;

	assert_true(copy && out);
	memcpy(copy, m->p, m->n);
	r = dns_read(copy, m->n, &q);
	free(copy);
	if (r != DNS_IGNORE) {
		if (r == DNS_NOERROR)
			zone_answer(&zone, &q, &a, &room);
		a.rcode = r == DNS_NOERROR ? a.rcode : (enum dns_rcode)r;
		got.n = dns_write(&q, &a, out);
		assert_true(got.n <= q.udp_max);
		memcpy(got.p, out, got.n);
	}
	free(out);
	return got;
}

/* An answer's flags and counts are these, and the question is in it as it was asked. */
static void is(const struct message *got, const struct message *asked_of, unsigned flags,
               unsigned answers, unsigned authority, unsigned additional)
{
	assert_true(got->n >= DNS_HEADER_BYTES);
	assert_int_equal(be16_load(got->p), 0xbeef);
	assert_int_equal(be16_load(got->p + 2), flags);
	assert_int_equal(be16_load(got->p + 4), 1);
	assert_int_equal(be16_load(got->p + 6), answers);
	assert_int_equal(be16_load(got->p + 8), authority);
	assert_int_equal(be16_load(got->p + 10), additional);
	for (size_t i = DNS_HEADER_BYTES; i < DNS_HEADER_BYTES + 4; i++)
		assert_int_equal(got->p[i], asked_of->p[i]);
}

/* Asks, and wants flags and counts. */
static struct message answer(const char *name, unsigned type, unsigned flags, unsigned answers,
                             unsigned authority)
{
	struct message m = question(name, type), got = ask(&m);

	is(&got, &m, flags, answers, authority, 0);
	assert_memory_equal(got.p + DNS_HEADER_BYTES, m.p + DNS_HEADER_BYTES,
	                    m.n - DNS_HEADER_BYTES);
	return got;
}

static void names_have_an_address(void **state)
{
	static const uint8_t record[] = {0xc0, 12, 0,    28,   0,    1,    0,    0,    0,    0,
	                                 0,    16, 0xfd, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde,
	                                 0xf0, 1,  2,    3,    4,    5,    6,    7};
	static const char *const names[] = {"nas.coyo", "NAS.Coyo", "nas.home.coyo"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct message got = answer(names[i], DNS_AAAA, 0x8500, 1, 0);

		assert_int_equal(got.n,
		                 DNS_HEADER_BYTES + strlen(names[i]) + 2 + 4 + sizeof(record));
		assert_memory_equal(got.p + got.n - sizeof(record), record, sizeof(record));
		got = answer(names[i], DNS_ANY, 0x8500, 1, 0);
		assert_memory_equal(got.p + got.n - sizeof(record), record, sizeof(record));
	}
}

static void ids_have_one_in_every_form(void **state)
{
	char text[ID_TEXT_LEN + 1], host[ID_HOST_LEN + 1], cut[ID_TEXT_LEN + 16];

	id_to_text(&nas, text);
	id_to_host(&nas, host);
	answer(host, DNS_AAAA, 0x8500, 1, 0);
	snprintf(cut, sizeof(cut), "%.40s.%.60s.%s.coyo", text, text + 40, text + 100);
	answer(cut, DNS_AAAA, 0x8500, 1, 0);
	cut[0] = cut[0] == 'b' ? 'c' : 'b';
	answer(cut, DNS_AAAA, 0x8503, 0, 1); /* mistyped */
}

/* The zone's SOA stands beside: its owner is a pointer to the question's last labels. */
static void what_is_not_there_is_denied(void **state)
{
	static const struct {
		const char *name;
		unsigned type, code;
	} rows[] = {
	        {"nas.coyo", 1, 0},      {"nas.coyo", 65, 0},           {"nas.coyo", DNS_SOA, 0},
	        {"nas.coyo", DNS_NS, 0}, {"nas.coyo", DNS_PTR, 0},      {"coyo", DNS_AAAA, 0},
	        {"coyo", 1, 0},          {"nobody.coyo", DNS_AAAA, 3},  {"nobody.coyo", 1, 3},
	        {"x.nas.coyo", 1, 3},    {"_ssh._tcp.nas.coyo", 33, 3}, {"any.coyo", DNS_AAAA, 3},
	        {"nas.coyo.coyo", 1, 3}, {"home.coyo", DNS_AAAA, 3},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t zone_at = DNS_HEADER_BYTES + strlen(rows[i].name) - 4;
		struct message got =
		        answer(rows[i].name, rows[i].type, 0x8500 | rows[i].code, 0, 1);
		const uint8_t *soa = got.p + DNS_HEADER_BYTES + strlen(rows[i].name) + 2 + 4;

		assert_int_equal(be16_load(soa), 0xc000 | zone_at);
		assert_int_equal(be16_load(soa + 2), DNS_SOA);
		assert_int_equal(be16_load(soa + 10), got.p + got.n - soa - 12);
		assert_int_equal(be32_load(got.p + got.n - 4), 0);
	}
}

static void the_zone_says_that_it_is_one(void **state)
{
	struct message got = answer("coyo", DNS_SOA, 0x8500, 1, 0);

	assert_int_equal(be16_load(got.p + DNS_HEADER_BYTES + 6 + 4 + 2), DNS_SOA);
	got = answer("CoYo", DNS_NS, 0x8500, 1, 0);
	assert_int_equal(be16_load(got.p + got.n - 2), 0xc00c);
	got = answer("coyo", DNS_ANY, 0x8500, 1, 0);
	assert_int_equal(be16_load(got.p + DNS_HEADER_BYTES + 6 + 4 + 2), DNS_SOA);
}

static void reverse_name(const uint8_t address[16], char out[80])
{
	char *t = out;

	for (int i = 31; i >= 0; i--)
		t += sprintf(t, "%x.", address[i / 2] >> (i % 2 ? 0 : 4) & 15);
	strcpy(t, "ip6.arpa");
}

static void addresses_have_the_name_of_their_node(void **state)
{
	static const char target[] = "\3nas\4home\4coyo";
	uint8_t address[16];
	char name[80];
	struct message got;

	ip6_of_id(&nas, 0xfd, address);
	reverse_name(address, name);
	got = answer(name, DNS_PTR, 0x8500, 1, 0);
	assert_memory_equal(got.p + got.n - sizeof(target), target, sizeof(target));
	assert_int_equal(be16_load(got.p + got.n - sizeof(target) - 2), sizeof(target));
	answer(name, DNS_ANY, 0x8500, 1, 0);
	for (char *c = name; *c; c++)
		*c = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
	answer(name, DNS_PTR, 0x8500, 1, 0);
	answer(name, DNS_AAAA, 0x8105, 0,
	       0); /* that is for whoever has this part of ip6.arpa to say */
}

/* Refused, so that whoever asks goes on to somebody who knows; nobody here is asked about it. */
static void the_rest_is_somebody_elses(void **state)
{
	static const char *const others[] = {"",         "example.com", "coyo.example",
	                                     "nascoyo",  "xcoyo",       "2.0.0.127.in-addr.arpa",
	                                     "ip6.arpa", "d.f.ip6.arpa"};
	uint8_t address[16];
	char name[80];

	asked = 0;
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		answer(others[i], i % 2 ? DNS_AAAA : DNS_PTR, 0x8105, 0, 0);
	ip6_of_id(&nas, 0xfc, address); /* another prefix */
	reverse_name(address, name);
	answer(name, DNS_PTR, 0x8105, 0, 0);
	ip6_of_id(&nas, 0xfd, address);
	address[15] ^= 1; /* a node that has no name */
	reverse_name(address, name);
	answer(name, DNS_PTR, 0x8105, 0, 0);
	name[0] = 'g';
	answer(name, DNS_PTR, 0x8105, 0, 0);
	answer("nas.coyo", DNS_IXFR, 0x8105, 0, 0);
	answer("nas.coyo", 252, 0x8105, 0, 0);
	assert_int_equal(asked, 0);
}

static void other_classes_are_refused(void **state)
{
	struct message m = question("nas.coyo", 16), got;

	m.p[m.n - 1] = 3; /* CHAOS */
	got = ask(&m);
	is(&got, &m, 0x8105, 0, 0, 0);
}

/* A label may hold any byte: a dot or an end of text within one makes another name of it, which nobody has. */
static void labels_of_any_bytes(void **state)
{
	static const uint8_t dot[] = "\10nas.coyo", nul[] = "\10nas\0home\4coyo",
	                     zone_in_label[] = "\3nas\5\0coyo";
	static const struct {
		const uint8_t *p;
		size_t n;
		unsigned flags;
	} rows[] = {{dot, sizeof(dot), 0x8105},
	            {nul, sizeof(nul), 0x8503},
	            {zone_in_label, sizeof(zone_in_label), 0x8105}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct message m = header(0x0100, 1, 0), got;

		add(&m, rows[i].p, rows[i].n);
		add16(&m, DNS_AAAA);
		add16(&m, DNS_IN);
		got = ask(&m);
		is(&got, &m, rows[i].flags, 0, rows[i].flags == 0x8503, 0);
	}
}

static void what_is_not_known_now_is_a_failure(void **state)
{
	static const char sentence[] = "a sentence about lost";
	struct message m = question(LATER, DNS_AAAA), got = ask(&m);

	is(&got, &m, 0x8102, 0, 0, 0);
	add_opt(&m, 4096, 0, 0);
	got = ask(&m);
	is(&got, &m, 0x8102, 0, 0, 1);
	assert_memory_equal(got.p + got.n - strlen(sentence), sentence, strlen(sentence));
	assert_int_equal(be16_load(got.p + got.n - strlen(sentence) - 2), DNS_EDE_NOT_READY);
}

/* OPT is answered by OPT; the largest size that is believed is ours, the least is everybody's. */
static void edns(void **state)
{
	static const unsigned sizes[][2] = {
	        {0, 512}, {512, 512}, {600, 600}, {1232, 1232}, {65535, 1232}};
	struct message m, got;
	struct dns_query q;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		m = question("nas.coyo", DNS_AAAA);
		add_opt(&m, sizes[i][0], 0, 20);
		assert_int_equal(dns_read(m.p, m.n, &q), DNS_NOERROR);
		assert_int_equal(q.udp_max, sizes[i][1]);
		got = ask(&m);
		is(&got, &m, 0x8500, 1, 0, 1);
		assert_memory_equal(got.p + got.n - 11, "\0\0\51\4\320\0\0\0\0\0\0", 11);
	}
	m = question("nas.coyo", DNS_AAAA);
	add_opt(&m, 1232, 1, 0); /* a version that is not there yet: BADVERS, 16 */
	got = ask(&m);
	is(&got, &m, 0x8100, 0, 0, 1);
	assert_memory_equal(got.p + got.n - 11, "\0\0\51\4\320\1\0\0\0\0\0", 11);
	add_opt(&m, 1232, 0, 0);
	assert_int_equal(dns_read(m.p, m.n, &q), DNS_FORMERR); /* two */
}

/* The longest name that a message can have, with the longest sentence: an answer that is not too long for anybody. */
static void long_names(void **state)
{
	struct message m = header(0x0110, 1, 0), got;
	char label[64];

	memset(label, 'a', sizeof(label));
	for (unsigned i = 0; i < 3; i++) {
		m.p[m.n++] = i < 2 ? 63 : 62;
		add(&m, label, i < 2 ? 63 : 62);
	}
	m.p[m.n++] = 57;
	add(&m, label, 57);
	add_name(&m, "coyo");
	assert_int_equal(m.n, DNS_HEADER_BYTES + DNS_NAME_MAX);
	add16(&m, DNS_AAAA);
	add16(&m, DNS_IN);
	got = ask(&m);
	is(&got, &m, 0x8513, 0, 1, 0);
	add_opt(&m, 512, 0, 0);
	got = ask(&m);
	is(&got, &m, 0x8513, 0, 1, 1);
	assert_true(got.n > 400 && got.n <= 512);
	m.p[DNS_HEADER_BYTES] = 64; /* a label of 64 */
	got = ask(&m);
	assert_int_equal(got.n, DNS_HEADER_BYTES);
	assert_int_equal(be16_load(got.p + 2), 0x8111);
}

static void what_is_no_question(void **state)
{
	struct message m = question("nas.coyo", DNS_AAAA), got;
	struct dns_query q;

	for (size_t n = 0; n < m.n; n++) {
		struct message cut = m;

		cut.n = n;
		got = ask(&cut);
		assert_int_equal(got.n, n < DNS_HEADER_BYTES ? 0 : DNS_HEADER_BYTES);
		assert_true(got.n == 0 || be16_load(got.p + 2) == 0x8101);
	}
	m.p[m.n++] = 0; /* something behind it */
	assert_int_equal(dns_read(m.p, m.n, &q), DNS_FORMERR);
	for (unsigned i = 5; i <= 9; i += 2) { /* no question or two; an answer; authority */
		m = question("nas.coyo", DNS_AAAA);
		m.p[i] ^= i == 5 ? 3 : 1;
		assert_int_equal(dns_read(m.p, m.n, &q), DNS_FORMERR);
	}
	m = question("nas.coyo", DNS_AAAA);
	m.p[2] |= 0x80; /* an answer: to be answered by nobody */
	assert_int_equal(ask(&m).n, 0);
	m.p[2] = 0x28; /* an update */
	got = ask(&m);
	assert_int_equal(be16_load(got.p + 2), 0xa804);
	m = header(0x0100, 1, 0);
	add(&m, "\3nas\300\14\0\34\0\1", 10); /* a name that points to itself */
	assert_int_equal(dns_read(m.p, m.n, &q), DNS_FORMERR);
}

/* Records that are none of ours are passed over by their length, which must be true. */
static void other_records(void **state)
{
	struct message m = question("nas.coyo", DNS_AAAA);
	struct dns_query q;
	size_t n;

	m.p[11] = 1;
	add(&m, "\3key\300\14\0\372\0\377\0\0\0\0\0\3abc", 19);
	assert_int_equal(dns_read(m.p, m.n, &q), DNS_NOERROR);
	for (n = m.n - 19; n < m.n; n++)
		assert_int_equal(dns_read(m.p, n, &q), DNS_FORMERR);
	m = question("nas.coyo", DNS_AAAA);
	m.p[11] = 1;
	add(&m, "\1x\0\0\51\4\0\0\0\0\0\0\0", 13); /* OPT of a name */
	assert_int_equal(dns_read(m.p, m.n, &q), DNS_FORMERR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(names_have_an_address),
	        cmocka_unit_test(ids_have_one_in_every_form),
	        cmocka_unit_test(what_is_not_there_is_denied),
	        cmocka_unit_test(the_zone_says_that_it_is_one),
	        cmocka_unit_test(addresses_have_the_name_of_their_node),
	        cmocka_unit_test(the_rest_is_somebody_elses),
	        cmocka_unit_test(other_classes_are_refused),
	        cmocka_unit_test(labels_of_any_bytes),
	        cmocka_unit_test(what_is_not_known_now_is_a_failure),
	        cmocka_unit_test(edns),
	        cmocka_unit_test(long_names),
	        cmocka_unit_test(what_is_no_question),
	        cmocka_unit_test(other_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
