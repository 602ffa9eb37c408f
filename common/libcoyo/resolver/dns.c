/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads questions with suspicion, and writes answers that are never long. */
#include "libcoyo/resolver/dns.h"
#include "base/assert.h"
#include "base/cur.h"

#include <string.h>

#define RECORD_BYTES  10 /* of a record behind its name: type, class, time to live, length */
#define OPT_BYTES     11
#define SENTENCE_HEAD 8 /* length of the options, and the option's own code, length and number */
#define POINTER       0xc000 /* to a name that stands earlier in the message (RFC 1035, section 4.1.4) */
#define ZONE_BYTES    6      /* of the zone's own name at the end of another: 4 c o y o 0 */

#define FLAG_QR 0x8000
#define FLAG_AA 0x0400
#define FLAG_RD 0x0100
#define FLAG_CD 0x0010

/* ---- questions ---- */

/* The name of a question. There is nothing before it that a pointer could point to. */
static bool read_name(struct rd *r, struct dns_query *q)
{
	size_t n = 0;
	uint8_t label;

	do {
		label = rd_u8(r);
		if (label > DNS_LABEL_MAX || n + 1 + label > DNS_NAME_MAX)
			return false;
		q->name[n++] = label;
		rd_copy(r, q->name + n, label);
		n += label;
	} while (label > 0);
	if (!rd_ok(r))
		return false;
	q->name_len = (uint8_t)n;
	return true;
}

/* The name of a record that is not looked at. A pointer ends it, and is not followed. */
static bool skip_name(struct rd *r)
{
	uint8_t label;

	do {
		label = rd_u8(r);
		if (label >= POINTER >> 8) {
			rd_u8(r);
			return rd_ok(r);
		}
		if (label > DNS_LABEL_MAX)
			return false;
		rd_take(r, label);
	} while (label > 0);
	return rd_ok(r);
}

/* One record of the additional section. Where it is OPT, what it says is in *q. */
static int read_record(struct rd *r, struct dns_query *q)
{
	const uint8_t *name = r->p;
	uint16_t type, size, high;
	bool root;

	if (!skip_name(r))
		return DNS_FORMERR;
	root = r->p - name == 1;
	type = rd_be16(r);
	size = rd_be16(r);
	high = rd_be16(r); /* where a time to live begins: code and version of OPT */
	rd_be16(r);
	rd_take(r, rd_be16(r));
	if (!rd_ok(r))
		return DNS_FORMERR;
	if (type != DNS_OPT)
		return DNS_NOERROR;
	if (q->edns || !root)
		return DNS_FORMERR;
	q->edns = true;
	if (size > q->udp_max)
		q->udp_max = size < DNS_ANSWER_MAX ? size : DNS_ANSWER_MAX;
	return (high & 0xff) == 0 ? DNS_NOERROR : DNS_BADVERS;
}

static int read_records(struct rd *r, unsigned records, struct dns_query *q)
{
	int verdict = DNS_NOERROR;

	for (unsigned i = 0; i < records; i++) {
		int one = read_record(r, q);

		if (one == DNS_FORMERR)
			return one;
		if (one != DNS_NOERROR)
			verdict = one;
	}
	return rd_done(r) ? verdict : DNS_FORMERR;
}

/* What stands behind the header: one question, and records that may say more about whoever asks. */
static int read_body(struct rd *r, struct dns_query *q)
{
	uint16_t questions = rd_be16(r), answers = rd_be16(r), authority = rd_be16(r),
	         additional = rd_be16(r);

	if (questions != 1 || answers || authority || !read_name(r, q))
		return DNS_FORMERR;
	q->type = rd_be16(r);
	q->class = rd_be16(r);
	if (rd_ok(r))
		return read_records(r, additional, q);
	q->name_len = 0;
	return DNS_FORMERR;
}

int dns_read(const uint8_t *p, size_t n, struct dns_query *q)
{
	struct rd r = rd_init(p, n);
	uint16_t flags;

	*q = (struct dns_query){.udp_max = DNS_UDP_LEAST};
	if (n < DNS_HEADER_BYTES)
		return DNS_IGNORE;
	q->id = rd_be16(&r);
	flags = rd_be16(&r);
	if (flags & FLAG_QR)
		return DNS_IGNORE;
	q->opcode = flags >> 11 & 15;
	q->rd = flags & FLAG_RD;
	q->cd = flags & FLAG_CD;
	return q->opcode == 0 ? read_body(&r, q) : DNS_NOTIMP;
}

unsigned dns_label(const struct dns_query *q, unsigned *at, const uint8_t **label)
{
	unsigned n = *at < q->name_len ? q->name[*at] : 0;

	*label = q->name + *at + 1;
	if (n > 0)
		*at += 1 + n;
	return n;
}

/* ---- answers ---- */

static void put_target(struct wr *w, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, ".");

		COYO_ASSERT(n >= 1 && n <= DNS_LABEL_MAX);
		wr_u8(w, (uint8_t)n);
		wr_copy(w, text, n);
		text += n + (text[n] == '.');
	}
	wr_u8(w, 0);
}

/* Where the zone's name is: the end of the question's. */
static uint16_t zone_pointer(const struct dns_query *q)
{
	COYO_ASSERT(q->name_len >= ZONE_BYTES);
	return (uint16_t)(POINTER | (DNS_HEADER_BYTES + q->name_len - ZONE_BYTES));
}

/* The zone is its own server, as RFC 6303 has it for zones that exist on one machine only. */
static void put_soa(struct wr *w, const struct dns_query *q)
{
	static const uint8_t nobody[] = "\6nobody\7invalid";

	wr_be16(w, zone_pointer(q));
	wr_copy(w, nobody, sizeof(nobody));
	wr_be32(w, 1);    /* serial */
	wr_be32(w, 3600); /* refresh, retry, expire: for other servers, of which there are none */
	wr_be32(w, 1200);
	wr_be32(w, 604800);
	wr_be32(w, 0); /* how long it stays true that there is no such name */
}

static void put_record(struct wr *w, const struct dns_query *q, const struct dns_answer *a,
                       uint16_t owner, uint16_t type)
{
	uint8_t *length;

	wr_be16(w, owner);
	wr_be16(w, type);
	wr_be16(w, DNS_IN);
	wr_be32(w, 0);
	length = wr_take(w, 2);
	COYO_ASSERT(length);
	if (type == DNS_AAAA)
		wr_copy(w, a->address, sizeof(a->address));
	else if (type == DNS_PTR)
		put_target(w, a->target);
	else if (type == DNS_SOA)
		put_soa(w, q);
	else
		wr_be16(w, zone_pointer(q));
	be16_store(length, (uint16_t)(w->p - length - 2));
}

/* The sentence ends where the message must. */
static void put_opt(struct wr *w, const struct dns_query *q, const struct dns_answer *a)
{
	size_t len = a->why ? strlen(a->why) : 0, room;

	wr_u8(w, 0);
	wr_be16(w, DNS_OPT);
	wr_be16(w, DNS_ANSWER_MAX);
	wr_be32(w, (uint32_t)(a->rcode >> 4) << 24);
	room = q->udp_max - wr_len(w);
	if (room <= SENTENCE_HEAD || len == 0) {
		wr_be16(w, 0);
		return;
	}
	if (len > room - SENTENCE_HEAD)
		len = room - SENTENCE_HEAD;
	wr_be16(w, (uint16_t)(len + 6));
	wr_be16(w, 15); /* the option for extended errors */
	wr_be16(w, (uint16_t)(len + 2));
	wr_be16(w, (uint16_t)a->extended);
	wr_copy(w, a->why, len);
}

/* The longest: a question, an SOA or a target, and OPT without a sentence. */
_Static_assert(DNS_HEADER_BYTES + DNS_NAME_MAX + 4 + 2 + RECORD_BYTES + 2 + 16 + 20 + OPT_BYTES <=
                       DNS_UDP_LEAST,
               "no answer with an SOA is cut");
_Static_assert(DNS_HEADER_BYTES + 74 + 4 + 2 + RECORD_BYTES + 252 + OPT_BYTES <= DNS_UDP_LEAST,
               "none with a PTR is: the question's name is an address's");

size_t dns_write(const struct dns_query *q, const struct dns_answer *a, uint8_t out[DNS_ANSWER_MAX])
{
	struct wr w = wr_init(out, q->udp_max);
	bool soa = a->ours && !a->type && (a->rcode == DNS_NOERROR || a->rcode == DNS_NXDOMAIN);
	unsigned flags = FLAG_QR | (unsigned)q->opcode << 11 | (a->rcode & 15);

	flags |= (a->ours ? FLAG_AA : 0) | (q->rd ? FLAG_RD : 0) | (q->cd ? FLAG_CD : 0);
	wr_be16(&w, q->id);
	wr_be16(&w, (uint16_t)flags);
	wr_be16(&w, q->name_len > 0);
	wr_be16(&w, a->type != 0);
	wr_be16(&w, soa);
	wr_be16(&w, q->edns);
	if (q->name_len > 0) {
		wr_copy(&w, q->name, q->name_len);
		wr_be16(&w, q->type);
		wr_be16(&w, q->class);
	}
	if (a->type)
		put_record(&w, q, a, POINTER | DNS_HEADER_BYTES, a->type);
	if (soa)
		put_record(&w, q, a, zone_pointer(q), DNS_SOA);
	if (q->edns)
		put_opt(&w, q, a);
	COYO_ASSERT(wr_ok(&w));
	return wr_len(&w);
}
