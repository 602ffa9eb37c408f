/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages of DNS (RFC 1035), as far as a server needs them that has one address, or one name, to tell: a question is read, an answer is written.
 * EDNS(0) is RFC 6891, an error's own text RFC 8914. Whoever asks may send anything. */
#pragma once
#include "base/cc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_QUERY_MAX    4096 /* bytes of a query: a question, and options that are not looked at */
#define DNS_ANSWER_MAX   1232 /* of an answer, which no way breaks in two */
#define DNS_UDP_LEAST    512  /* what every client takes by UDP */
#define DNS_NAME_MAX     255  /* bytes of a name as messages have it (RFC 1035, section 3.1) */
#define DNS_LABEL_MAX    63
#define DNS_HEADER_BYTES 12

enum dns_rcode {
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
	DNS_REFUSED = 5,
	DNS_BADVERS = 16,
};

enum dns_type {
	DNS_NS = 2,
	DNS_SOA = 6,
	DNS_PTR = 12,
	DNS_AAAA = 28,
	DNS_OPT = 41,
	DNS_IXFR = 251, /* from here to ANY are questions that are not for records */
	DNS_ANY = 255,
};

enum dns_class { DNS_IN = 1, DNS_CLASS_ANY = 255 };

struct dns_query {
	uint16_t id;
	uint8_t opcode;
	bool rd, cd; /* recursion desired, checking disabled: the answer says them again */
	uint8_t name[DNS_NAME_MAX]; /* labels, each behind its length, and the root's 0 */
	uint8_t name_len;           /* 0: no question was read */
	uint16_t type, class;
	bool edns;
	uint16_t udp_max; /* bytes of an answer by UDP: DNS_UDP_LEAST to DNS_ANSWER_MAX */
};

#define DNS_IGNORE (-1)

/* Reads a query. DNS_NOERROR: *q is a question, in whatever class and type. DNS_FORMERR, DNS_NOTIMP, DNS_BADVERS: the answer's code, with what
 * was read of *q. DNS_IGNORE: no query at all, which must not be answered, or two servers would talk for ever. */
int dns_read(const uint8_t *p, size_t n, struct dns_query *q);

/* Extended errors (RFC 8914, section 4). */
enum dns_extended { DNS_EDE_OTHER = 0, DNS_EDE_NOT_READY = 14 };

/* What is answered. Zeroed but for the code: no record.
 *
 * ours: the question is of the zone `coyo`, whose name ends it, or has a PTR record; such an answer is authoritative. type: of the one record in the
 * answer, 0: none. target: of DNS_PTR, a name with dots between labels that hold none, 1 to 250 characters, each label 1 to 63. why: NULL, or
 * what a person is told beside an error, where the client knows EDNS. */
struct dns_answer {
	enum dns_rcode rcode;
	bool ours;
	uint16_t type; /* DNS_AAAA, DNS_PTR, DNS_SOA, DNS_NS */
	uint8_t address[16];
	const char *target;
	enum dns_extended extended;
	const char *why;
};

/* Writes the answer, of at most q->udp_max bytes; returns its length. Every record fits, a sentence is cut. Where a question of the zone has no
 * record, or its name does not exist, the zone's SOA says so (RFC 2308). Nothing may be kept, as names change at any time: the time to live is 0. */
size_t dns_write(const struct dns_query *q, const struct dns_answer *a,
                 uint8_t out[DNS_ANSWER_MAX]);

/* The labels of a name, from the left: *at begins at 0. Returns the length of the next one, which begins at *label; 0: the root. */
unsigned dns_label(const struct dns_query *q, unsigned *at, const uint8_t **label);
