/* SPDX-License-Identifier: BSD-3-Clause */
/* A client of the resolver that says anything: what it is answered is told again here in another way, from the bytes that it sent. */
#include "libcoyo/resolver/zone.h"

#include "base/be.h"
#include "names/names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* Texts that the zone asks for: names of one letter mean something, and others do not, now or at all. */
static int resolve(void *arg, const char *text, struct node_id *id, char why[ZONE_WHY_MAX])
{
	char name[NAMES_NAME_MAX + 1];
	int kind;

	require(strlen(text) <= DNS_NAME_MAX);
	for (const char *c = text; *c; c++)
		require(*c > ' ' && *c <= '~');
	kind = names_read(text, strlen(text), name, id, why);
	if (kind != NAMES_IS_NAME)
		return kind < 0 ? kind : 0;
	memset(why, 'w', ZONE_WHY_MAX - 1);
	why[ZONE_WHY_MAX - 1] = '\0';
	memset(id->b, name[0], sizeof(id->b));
	return name[1] == '\0' ? 0 : name[0] == 'e' ? -ETIMEDOUT : -ENOENT;
}

static int reverse(void *arg, const uint8_t start[15], char name[ZONE_NAME_MAX + 1])
{
	if (start[14] & 1)
		return -ENOENT;
	memset(name, 'n', ZONE_NAME_MAX);
	name[60] = '.';
	name[ZONE_NAME_MAX] = '\0';
	return 0;
}

/* The length of the name at p in a message that ends at n, followed through its pointers, which go backwards; 0: it is none. */
static size_t name_length(const uint8_t *p, size_t n, size_t at)
{
	size_t length = 0, least = at, total = 0;
	bool jumped = false;

	for (;;) {
		require(at < n);
		if (p[at] >= 0xc0) {
			require(at + 1 < n);
			length += jumped ? 0 : 2;
			jumped = true;
			at = be16_load(p + at) & 0x3fff;
			require(at < least && at >= DNS_HEADER_BYTES);
			least = at;
			continue;
		}
		require(p[at] <= DNS_LABEL_MAX && at + 1 + p[at] <= n);
		length += jumped ? 0 : 1u + p[at];
		total += 1u + p[at];
		require(total <= DNS_NAME_MAX);
		if (p[at] == 0)
			return length;
		at += 1u + p[at];
	}
}

/* Walks over a record; returns what is behind it. */
static size_t record(const uint8_t *p, size_t n, size_t at, uint16_t *type)
{
	size_t len;

	at += name_length(p, n, at);
	require(at + 10 <= n);
	*type = be16_load(p + at);
	len = be16_load(p + at + 8);
	require(*type == DNS_OPT ||
	        (be16_load(p + at + 2) == DNS_IN && be32_load(p + at + 4) == 0));
	at += 10;
	require(at + len <= n);
	require(*type != DNS_AAAA || (len == 16 && p[at] == 0xfd));
	require((*type != DNS_PTR && *type != DNS_NS) || name_length(p, n, at) == len);
	if (*type == DNS_SOA) {
		size_t names = name_length(p, n, at);

		names += name_length(p, n, at + names);
		require(names + 20 == len);
	}
	return at + len;
}

/* Whether the question's name, which is whole, ends in the zone's. */
static bool in_zone(const uint8_t *name, size_t len)
{
	static const char zone[] = "\4coyo";
	size_t at = 0, last = 0;

	while (name[at]) {
		last = at;
		at += 1u + name[at];
	}
	require(at + 1 == len);
	if (at - last != 5)
		return false;
	for (unsigned i = 0; i < 5; i++)
		if ((name[last + i] | (i ? 32 : 0)) != zone[i])
			return false;
	return true;
}

static void check_answer(const uint8_t *q, size_t qn, const uint8_t *p, size_t n)
{
	unsigned questions = be16_load(p + 4), answers = be16_load(p + 6),
	         authority = be16_load(p + 8), additional = be16_load(p + 10), code = p[3] & 15;
	size_t at = DNS_HEADER_BYTES, name;
	uint16_t type;

	require(n >= DNS_HEADER_BYTES && n <= DNS_ANSWER_MAX && memcmp(p, q, 2) == 0);
	require((p[2] & 0x80) && (p[2] & 0x79) == (q[2] & 0x79) && !(p[3] & 0xe0));
	require(questions <= 1 && answers + authority <= 1 && additional <= 1);
	require(questions == 1 || answers + authority == 0);
	if (questions) {
		name = name_length(p, n, at);
		require(qn >= at + name + 4 && memcmp(p + at, q + at, name + 4) == 0);
		type = be16_load(p + at + name + 2);
		require(answers + authority == 0 || type == DNS_IN || type == DNS_CLASS_ANY);
		/* Only what is of the zone, or an address, is answered with anything. */
		require(answers + authority == 0 || in_zone(p + at, name) || name == 74);
		require(!in_zone(p + at, name) || code != DNS_REFUSED ||
		        be16_load(p + at + name) >= DNS_IXFR ||
		        be16_load(p + at + name + 2) != DNS_IN);
		require((p[2] & 4) == ((code == DNS_NXDOMAIN || answers + authority) ? 4 : 0));
		at += name + 4;
	}
	for (unsigned i = 0; i < answers + authority; i++) {
		at = record(p, n, at, &type);
		require(type == (authority ? DNS_SOA : type) && type != DNS_OPT);
	}
	for (unsigned i = 0; i < additional; i++) {
		at = record(p, n, at, &type);
		require(type == DNS_OPT);
	}
	require(at == n && (n <= DNS_UDP_LEAST || additional == 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct zone zone = {.prefix = 0xfd, .resolve = resolve, .reverse = reverse};
	uint8_t *copy = malloc(size + !size), *out = malloc(DNS_ANSWER_MAX);
	struct zone_room room;
	struct dns_answer a = {0};
	struct dns_query q;
	size_t n;
	int r;

	require(copy && out);
	memcpy(copy, data, size);
	r = dns_read(copy, size, &q);
	free(copy);
	require((r == DNS_IGNORE) == (size < DNS_HEADER_BYTES || (data[2] & 0x80)));
	if (r != DNS_IGNORE) {
		require(q.udp_max >= DNS_UDP_LEAST && q.udp_max <= DNS_ANSWER_MAX);
		if (r == DNS_NOERROR)
			zone_answer(&zone, &q, &a, &room);
		else
			a.rcode = (enum dns_rcode)r;
		n = dns_write(&q, &a, out);
		require(n <= q.udp_max);
		check_answer(data, size, out, n);
	}
	free(out);
	return 0;
}
