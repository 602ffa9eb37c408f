/* SPDX-License-Identifier: BSD-3-Clause */
/* Segments as bytes: building what the other side sends, taking apart and judging what the engine sends. */
#include "seg.h"
#include "base/be.h"

#include <stdio.h>
#include <string.h>

uint8_t seg_pattern(bool ours, uint64_t offset)
{
	uint64_t x = (offset + (ours ? 7 : 1000003)) * UINT64_C(0x9e3779b97f4a7c15);

	return (uint8_t)(x >> 56);
}

/* Options are written and read here anew: the engine's own code is what is tested. */
enum { KIND_MSS = 2, KIND_WSCALE = 3, KIND_SACK_OK = 4, KIND_SACK = 5, KIND_TS = 8 };

static uint32_t option(uint8_t *out, uint8_t kind, uint32_t body)
{
	out[0] = kind;
	out[1] = (uint8_t)(2 + body);
	return 2;
}

static uint32_t build_options(const struct seg_text *t, const struct seg_base *b, uint8_t *out)
{
	uint32_t n = 0;

	if (t->mss != ANY) {
		n += option(out + n, KIND_MSS, 2);
		be16_store(out + n, (uint16_t)t->mss);
		n += 2;
	}
	if (t->sack_ok)
		n += option(out + n, KIND_SACK_OK, 0);
	if (t->ts) {
		n += option(out + n, KIND_TS, 8);
		be32_store(out + n, (uint32_t)t->ts_val);
		be32_store(out + n + 4, (uint32_t)t->ts_ecr + (t->ts_raw ? 0 : b->our_ts));
		n += 8;
	}
	if (t->wscale != ANY) {
		n += option(out + n, KIND_WSCALE, 1);
		out[n++] = (uint8_t)t->wscale;
	}
	if (t->nsack)
		n += option(out + n, KIND_SACK, 8 * t->nsack);
	for (unsigned i = 0; i < t->nsack; i++, n += 8) {
		be32_store(out + n, b->ours + t->sack[i].start);
		be32_store(out + n + 4, b->ours + t->sack[i].end);
	}
	memcpy(out + n, t->raw_opts, t->n_raw_opts);
	n += t->n_raw_opts;
	while (n % 4)
		out[n++] = 0;
	return n;
}

uint32_t seg_build(const struct seg_text *t, const struct seg_base *b, uint8_t *out)
{
	/* The place in the stream of the payload: behind a SYN, which takes a number of its own. */
	uint32_t n = TCP_HDR_BYTES, first = (uint32_t)t->seq - !(t->flags & TCP_SYN);

	be16_store(out, b->their_port);
	be16_store(out + 2, b->our_port);
	be32_store(out + 4, b->theirs + (uint32_t)t->seq);
	be32_store(out + 8, t->ack == ANY ? 0 : b->ours + (uint32_t)t->ack);
	n += build_options(t, b, out + n);
	out[12] = (uint8_t)((t->offset == ANY ? n / 4 : (uint32_t)t->offset) << 4 | t->reserved);
	out[13] = t->flags;
	be16_store(out + 14, (uint16_t)t->win);
	be16_store(out + 16, 0);
	be16_store(out + 18, t->urg == ANY ? 0 : (uint16_t)t->urg);
	for (uint32_t i = 0; i < t->len; i++)
		out[n + i] = t->fill == ANY ? seg_pattern(false, first + i) : (uint8_t)t->fill;
	n += t->len;
	return t->cut != ANY && (uint32_t)t->cut < n ? (uint32_t)t->cut : n;
}

static const char *read_option(const uint8_t *p, uint32_t n, const struct seg_base *b,
                               struct seg_text *t)
{
	if (p[0] == KIND_MSS && n == 4) {
		t->mss = be16_load(p + 2);
	} else if (p[0] == KIND_WSCALE && n == 3) {
		t->wscale = p[2];
	} else if (p[0] == KIND_SACK_OK && n == 2) {
		t->sack_ok = true;
	} else if (p[0] == KIND_TS && n == 10) {
		t->ts = true;
		t->ts_val = (uint32_t)(be32_load(p + 2) - b->our_ts);
		t->ts_ecr = be32_load(p + 6);
	} else if (p[0] == KIND_SACK && n >= 10 && n <= 34 && n % 8 == 2) {
		for (t->nsack = 0; t->nsack < n / 8; t->nsack++) {
			uint32_t at = 2 + 8 * t->nsack;

			t->sack[t->nsack].start = be32_load(p + at) - b->theirs;
			t->sack[t->nsack].end = be32_load(p + at + 4) - b->theirs;
		}
	} else {
		return "it has an option that is malformed or unknown";
	}
	return NULL;
}

static const char *read_options(const uint8_t *p, uint32_t len, const struct seg_base *b,
                                struct seg_text *t)
{
	for (uint32_t at = 0; at < len && p[at];) {
		const char *why;

		if (p[at] == 1) {
			at++;
			continue;
		}
		if (at + 1 == len || p[at + 1] < 2 || at + p[at + 1] > len)
			return "its options are malformed";
		why = read_option(p + at, p[at + 1], b, t);
		if (why)
			return why;
		at += p[at + 1];
	}
	return NULL;
}

const char *seg_read(const uint8_t *p, uint32_t len, const struct seg_base *b, struct seg_text *t)
{
	const char *why;
	uint32_t head;

	if (len < TCP_HDR_BYTES)
		return "it is shorter than a header";
	head = (uint32_t)(p[12] >> 4) * 4;
	if (head < TCP_HDR_BYTES || head > len)
		return "its data offset is wrong";
	*t = (struct seg_text){.flags = p[13],
	                       .len = len - head,
	                       .seq = (uint32_t)(be32_load(p + 4) - b->ours),
	                       .ack = (uint32_t)(be32_load(p + 8) - b->theirs),
	                       .win = be16_load(p + 14),
	                       .urg = be16_load(p + 18),
	                       .mss = ANY,
	                       .wscale = ANY,
	                       .fill = ANY};
	why = read_options(p + TCP_HDR_BYTES, head - TCP_HDR_BYTES, b, t);
	if (why)
		return why;
	if (p[12] & 15)
		return "a reserved bit is set";
	if (!(t->flags & TCP_ACK) && be32_load(p + 8))
		return "it has an acknowledgement number without ACK";
	for (uint32_t i = 0; i < t->len; i++)
		if (p[head + i] != seg_pattern(true, (uint32_t)t->seq - 1 + i))
			return "its payload is not what was sent at that place";
	return NULL;
}

/* The options that are named must be there, others must not; timestamps only count where they are named. */
static const char *options_differ(const struct seg_text *w, const struct seg_text *g)
{
	if (w->opts_any)
		return NULL;
	if (w->mss == ANY ? g->mss != ANY : g->mss != w->mss)
		return "mss";
	if (w->wscale == ANY ? g->wscale != ANY : g->wscale != w->wscale)
		return "wscale";
	if (w->sack_ok != g->sack_ok)
		return "sackOK";
	if (w->ts && !g->ts)
		return "no timestamp";
	if (w->ts && w->ts_val != ANY && w->ts_val != g->ts_val)
		return "timestamp value";
	if (w->ts && w->ts_ecr != ANY && w->ts_ecr != g->ts_ecr)
		return "timestamp echo";
	if (w->no_ts && g->ts)
		return "a timestamp";
	if (w->nsack != g->nsack)
		return "number of SACK ranges";
	for (unsigned i = 0; i < w->nsack; i++)
		if (w->sack[i].start != g->sack[i].start || w->sack[i].end != g->sack[i].end)
			return "SACK ranges";
	return NULL;
}

const char *seg_differs(const struct seg_text *w, const struct seg_text *g)
{
	if ((w->flags | TCP_PSH) != (g->flags | TCP_PSH) || (w->psh && !(g->flags & TCP_PSH)))
		return "flags";
	if (w->seq != ANY && w->seq != g->seq)
		return "sequence number";
	if (w->seq != ANY && w->len != g->len)
		return "length";
	if (w->ack != ANY && (w->flags & TCP_ACK) && w->ack != g->ack)
		return "acknowledgement number";
	if (w->win != ANY && (g->win < w->win || g->win > w->win_max))
		return "window";
	if (w->urg != ANY && g->urg != w->urg)
		return "urgent pointer";
	if (w->ecn != ANY && g->ecn != w->ecn)
		return "ECN mark of the packet";
	if (w->retx != ANY && g->retx != w->retx)
		return "retransmission mark";
	return options_differ(w, g);
}

uint16_t seg_checksum(const uint8_t src[64], const uint8_t dst[64], const uint8_t *seg,
                      uint32_t len)
{
	uint8_t all[64 + 64 + 8 + SEG_MAX + 1] = {0};
	uint32_t n = 136, sum = 0;

	memcpy(all, src, 64);
	memcpy(all + 64, dst, 64);
	be32_store(all + 128, len);
	all[135] = 6;
	memcpy(all + n, seg, len);
	n += len;
	for (uint32_t i = 0; i < n; i += 2) {
		sum += be16_load(all + i);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)~sum;
}
