/* SPDX-License-Identifier: BSD-3-Clause */
/* Sorts questions: the zone itself, names in it, addresses, and what is somebody else's. */
#include "libcoyo/resolver/zone.h"
#include "names/names.h"
#include "wire/ip6.h"

#include <errno.h>
#include <string.h>

_Static_assert(ZONE_NAME_MAX == NAMES_NAME_MAX && ZONE_WHY_MAX >= NAMES_WHY_MAX,
               "names and sentences");

#define NIBBLES      (2 * IP6_ADDR_BYTES)
#define REVERSE_TAIL 10 /* bytes of ip6.arpa and the root at the end of an address's name */

static bool equal(const uint8_t *label, unsigned n, const char *word)
{
	if (n != strlen(word))
		return false;
	for (unsigned i = 0; i < n; i++)
		if ((label[i] >= 'A' && label[i] <= 'Z' ? label[i] + 32 : label[i]) != word[i])
			return false;
	return true;
}

/* The labels with dots between. What no name of ours has in it, a dot within a label too, becomes `_`, which none has either. */
static void write_text(const struct dns_query *q, char text[DNS_NAME_MAX + 1])
{
	const uint8_t *label;
	unsigned at = 0, n;
	char *t = text;

	while ((n = dns_label(q, &at, &label))) {
		if (t > text)
			*t++ = '.';
		for (unsigned i = 0; i < n; i++) {
			uint8_t c = label[i];
			bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			            (c >= '0' && c <= '9') || c == '-';

			*t++ = fine ? (char)c : '_';
		}
	}
	*t = '\0';
}

/* How many labels are in front of `coyo`; -1: the name ends otherwise. */
static int labels_in_zone(const struct dns_query *q)
{
	const uint8_t *label, *last = NULL;
	unsigned at = 0, n, length = 0;
	int labels = 0;

	while ((n = dns_label(q, &at, &label))) {
		last = label;
		length = n;
		labels++;
	}
	return last && equal(last, length, "coyo") ? labels - 1 : -1;
}

static int hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The address whose name this is (RFC 3596, section 2.5). */
static bool read_address(const struct dns_query *q, uint8_t address[IP6_ADDR_BYTES])
{
	const uint8_t *label;
	unsigned at = 0, n;

	if (q->name_len != 2 * NIBBLES + REVERSE_TAIL)
		return false;
	memset(address, 0, IP6_ADDR_BYTES);
	for (unsigned i = 0; i < NIBBLES; i++) {
		int v = dns_label(q, &at, &label) == 1 ? hex(*label) : -1;

		if (v < 0)
			return false;
		address[IP6_ADDR_BYTES - 1 - i / 2] |= (uint8_t)(v << (i % 2 ? 4 : 0));
	}
	n = dns_label(q, &at, &label);
	if (!equal(label, n, "ip6"))
		return false;
	n = dns_label(q, &at, &label);
	return equal(label, n, "arpa");
}

static void answer_address(const struct zone *z, const struct dns_query *q, struct dns_answer *a,
                           struct zone_room *room)
{
	uint8_t address[IP6_ADDR_BYTES];

	if ((q->type != DNS_PTR && q->type != DNS_ANY) || !read_address(q, address) ||
	    address[0] != z->prefix || z->reverse(z->arg, address + 1, room->target) < 0)
		return;
	strcat(room->target, ".coyo");
	*a = (struct dns_answer){.ours = true, .type = DNS_PTR, .target = room->target};
}

/* The zone itself: it says that it is one. */
static void answer_apex(const struct dns_query *q, struct dns_answer *a)
{
	bool record = q->type == DNS_SOA || q->type == DNS_NS;

	*a = (struct dns_answer){.ours = true,
	                         .type = record               ? q->type
	                                 : q->type == DNS_ANY ? DNS_SOA
	                                                      : 0};
}

static void answer_name(const struct zone *z, const struct dns_query *q, struct dns_answer *a,
                        struct zone_room *room)
{
	char text[DNS_NAME_MAX + 1];
	struct node_id id;
	int r;

	write_text(q, text);
	r = z->resolve(z->arg, text, &id, room->why);
	*a = (struct dns_answer){.ours = true};
	if (r < 0) {
		bool nobody = r == -EINVAL || r == -ENOENT;

		a->rcode = nobody ? DNS_NXDOMAIN : DNS_SERVFAIL;
		a->ours = nobody;
		a->extended = nobody ? DNS_EDE_OTHER : DNS_EDE_NOT_READY;
		a->why = room->why;
		return;
	}
	if (q->type != DNS_AAAA && q->type != DNS_ANY)
		return;
	a->type = DNS_AAAA;
	ip6_of_id(&id, z->prefix, a->address);
}

void zone_answer(const struct zone *z, const struct dns_query *q, struct dns_answer *a,
                 struct zone_room *room)
{
	bool records = q->type < DNS_IXFR || q->type >= DNS_ANY;
	int labels = labels_in_zone(q);

	*a = (struct dns_answer){.rcode = DNS_REFUSED};
	if ((q->class != DNS_IN && q->class != DNS_CLASS_ANY) || !records)
		return;
	if (labels < 0)
		answer_address(z, q, a, room);
	else if (labels == 0)
		answer_apex(q, a);
	else
		answer_name(z, q, a, room);
}
