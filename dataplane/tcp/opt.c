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
	uint32_t n = 0;

	if (o->mss) {
		be32_store(p, (uint32_t)KIND_MSS << 24 | 4u << 16 | o->mss);
		n += 4;
	}
	if (o->sack_ok) {
		be32_store(p + n, KIND_NOP << 24 | KIND_NOP << 16 | KIND_SACK_OK << 8 | 2);
		n += 4;
	}
	if (o->ts) {
		be32_store(p + n, TS_WORD);
		be32_store(p + n + 4, o->ts_val);
		be32_store(p + n + 8, o->ts_ecr);
		n += TCP_OPT_TS_BYTES;
	}
	if (o->wscale >= 0) {
		be32_store(p + n, KIND_NOP << 24 | KIND_WSCALE << 16 | 3 << 8 | (uint8_t)o->wscale);
		n += 4;
	}
	if (o->nsack) {
		uint32_t room = (40 - n - 4) / 8, k = o->nsack < room ? o->nsack : room;

		be32_store(p + n, KIND_NOP << 24 | KIND_NOP << 16 | KIND_SACK << 8 | (2 + 8 * k));
		n += 4;
		for (uint32_t i = 0; i < k; i++, n += 8) {
			be32_store(p + n, o->sack[i].start);
			be32_store(p + n + 4, o->sack[i].end);
		}
	}
	return n;
}
