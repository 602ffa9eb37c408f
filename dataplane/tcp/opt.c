/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP options: bounded parsing and writing. */
#include "tcp/opt.h"
#include "base/be.h"
#include "base/cur.h"

#include <errno.h>
#include <string.h>

enum {
	KIND_END = 0,
	KIND_NOP = 1,
	KIND_MSS = 2,
	KIND_WSCALE = 3,
	KIND_SACK_OK = 4,
	KIND_SACK = 5,
	KIND_TS = 8
};

/* NOP, NOP, timestamps, length 10: what nearly every segment carries, alone. */
#define TS_WORD UINT32_C(0x0101080a)

static void parse_one(struct tcp_opts *o, uint8_t kind, const uint8_t *p, uint32_t n)
{
	if (kind == KIND_MSS && n == 2) {
		o->mss = be16_load(p);
	} else if (kind == KIND_WSCALE && n == 1) {
		o->wscale = p[0] > 14 ? 14 : (int8_t)p[0];
	} else if (kind == KIND_SACK_OK && n == 0) {
		o->sack_ok = true;
	} else if (kind == KIND_TS && n == 8) {
		o->ts = true;
		o->ts_val = be32_load(p);
		o->ts_ecr = be32_load(p + 4);
	} else if (kind == KIND_SACK && n >= 8 && n % 8 == 0 && n <= 32) {
		o->nsack = (uint8_t)(n / 8);
		for (uint32_t i = 0; i < o->nsack; i++) {
			o->sack[i].start = be32_load(p + 8 * i);
			o->sack[i].end = be32_load(p + 8 * i + 4);
		}
	}
}

int tcp_opts_parse(const uint8_t *p, uint32_t len, struct tcp_opts *o)
{
	struct rd r = rd_init(p, len);

	o->mss = 0;
	o->wscale = -1;
	o->sack_ok = o->ts = false;
	o->nsack = 0;
	if (len == TCP_OPT_TS_BYTES && be32_load(p) == TS_WORD) {
		o->ts = true;
		o->ts_val = be32_load(p + 4);
		o->ts_ecr = be32_load(p + 8);
		return 0;
	}
	while (rd_left(&r)) {
		uint8_t kind = rd_u8(&r), n;
		const uint8_t *body;

		if (kind == KIND_END)
			return 0;
		if (kind == KIND_NOP)
			continue;
		n = rd_u8(&r);
		if (n < 2)
			return -EINVAL;
		body = rd_take(&r, n - 2u);
		if (!body)
			return -EINVAL;
		parse_one(o, kind, body, n - 2u);
	}
	return rd_ok(&r) ? 0 : -EINVAL;
}

uint32_t tcp_opts_write(uint8_t *p, const struct tcp_opts *o)
{
	struct wr w = wr_init(p, 40);

	if (o->mss) {
		wr_u8(&w, KIND_MSS);
		wr_u8(&w, 4);
		wr_be16(&w, o->mss);
	}
	if (o->sack_ok) {
		wr_be16(&w, KIND_NOP << 8 | KIND_NOP);
		wr_u8(&w, KIND_SACK_OK);
		wr_u8(&w, 2);
	}
	if (o->ts) {
		wr_be32(&w, TS_WORD);
		wr_be32(&w, o->ts_val);
		wr_be32(&w, o->ts_ecr);
	}
	if (o->wscale >= 0) {
		wr_u8(&w, KIND_NOP);
		wr_u8(&w, KIND_WSCALE);
		wr_u8(&w, 3);
		wr_u8(&w, (uint8_t)o->wscale);
	}
	if (o->nsack) {
		uint32_t room = (40 - (uint32_t)wr_len(&w) - 4) / 8;
		uint32_t n = o->nsack < room ? o->nsack : room;

		wr_be16(&w, KIND_NOP << 8 | KIND_NOP);
		wr_u8(&w, KIND_SACK);
		wr_u8(&w, (uint8_t)(2 + 8 * n));
		for (uint32_t i = 0; i < n; i++) {
			wr_be32(&w, o->sack[i].start);
			wr_be32(&w, o->sack[i].end);
		}
	}
	return (uint32_t)wr_len(&w);
}
