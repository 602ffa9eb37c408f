/* SPDX-License-Identifier: BSD-3-Clause */
/* A node's place in a spanning tree: the port numbers from the root down, equal ones in a row written once. */
#include "wire/coords.h"

#include "base/assert.h"

#include <string.h>

#define PORT_LONG 0x80 /* from here on: the first of a port's two bytes */
#define PORT_ONE  0x40 /* ports below take one byte */
#define RUN       0x3f /* RUN + n: n more of the port before, n < RUN_LONG - RUN */
#define RUN_LONG  0x7f /* n follows in two bytes */
#define RUN_SHORT (RUN_LONG - RUN)
#define FOLLOWS   0x8000 /* in the byte count: the number of hops without ports follows */

/* Equal ports in a row, read from b at *at on; *at is then behind them. False: at the end, or not as coords_push() makes it. */
struct run {
	uint16_t port;
	unsigned count;
};

static bool next_run(const uint8_t *b, unsigned len, unsigned *at, struct run *r)
{
	unsigned i = *at;

	if (i >= len || b[i] == 0 || (b[i] >= PORT_ONE && b[i] < PORT_LONG))
		return false;
	r->port = b[i++];
	if (r->port >= PORT_LONG) {
		if (i == len)
			return false;
		r->port = (uint16_t)((r->port & 0x7f) << 8 | b[i++]);
		if (r->port < PORT_ONE)
			return false;
	}
	r->count = 1;
	if (i < len && b[i] >= PORT_ONE && b[i] < RUN_LONG) {
		r->count += b[i++] - RUN;
	} else if (i < len && b[i] == RUN_LONG) {
		unsigned more = len - i >= 3 ? be16_load(b + i + 1) : 0;

		if (more < RUN_SHORT)
			return false;
		r->count += more;
		i += 3;
	}
	*at = i;
	return true;
}

/* Writes a run; returns its bytes. out: room for 5. */
static unsigned put_run(uint8_t *out, struct run r)
{
	unsigned n = 0, more = r.count - 1;

	if (r.port < PORT_ONE) {
		out[n++] = (uint8_t)r.port;
	} else {
		out[n++] = (uint8_t)(PORT_LONG | r.port >> 8);
		out[n++] = (uint8_t)r.port;
	}
	if (more == 0)
		return n;
	if (more < RUN_SHORT) {
		out[n++] = (uint8_t)(RUN + more);
		return n;
	}
	out[n] = RUN_LONG;
	be16_store(out + n + 1, (uint16_t)more);
	return n + 3;
}

bool coords_push(struct coords *c, uint16_t port)
{
	unsigned at = 0, last_at = 0, n;
	struct run r = {0};
	uint8_t out[5];

	if (port == 0 || c->hops >= COORDS_HOPS_MAX)
		return false;
	c->hops++;
	if (c->coded + 1 < c->hops || port > COORDS_PORT_MAX)
		return true;
	while (at < c->len) {
		last_at = at;
		if (!next_run(c->b, c->len, &at, &r))
			COYO_ASSERT(false); /* b is what this function and coords_read() made */
	}
	if (r.port != port) {
		last_at = c->len;
		r = (struct run){.port = port};
	}
	r.count++;
	n = put_run(out, r);
	if (last_at + n > COORDS_BYTES_MAX)
		return true;
	memcpy(c->b + last_at, out, n);
	c->len = (uint8_t)(last_at + n);
	c->coded++;
	return true;
}

/* c from its bytes and the hops without ports. */
static bool parse(struct coords *c, const uint8_t *b, unsigned len, unsigned without)
{
	struct run r, before = {0};
	unsigned at = 0, hops = 0;

	while (at < len) {
		if (!next_run(b, len, &at, &r) || r.port == before.port)
			return false;
		before = r;
		hops += r.count;
	}
	if (hops + without > COORDS_HOPS_MAX)
		return false;
	c->len = (uint8_t)len;
	c->hops = (uint16_t)(hops + without);
	c->coded = (uint16_t)hops;
	memcpy(c->b, b, len);
	return true;
}

/* How many ports from the root on are the same. */
static unsigned common_ports(const struct coords *a, const struct coords *b)
{
	unsigned at_a = 0, at_b = 0, common = 0;
	struct run r = {0}, s = {0};

	while (next_run(a->b, a->len, &at_a, &r) && next_run(b->b, b->len, &at_b, &s) &&
	       r.port == s.port) {
		common += r.count < s.count ? r.count : s.count;
		if (r.count != s.count)
			break;
	}
	return common;
}

unsigned coords_distance(const struct coords *a, const struct coords *b)
{
	unsigned common = common_ports(a, b);

	COYO_ASSERT(common <= a->coded && common <= b->coded);
	if (common == a->coded && common == b->coded)
		return a->hops > b->hops ? a->hops - b->hops : b->hops - a->hops;
	return a->hops + b->hops - 2 * common;
}

bool coords_eq(const struct coords *a, const struct coords *b)
{
	return a->len == b->len && a->hops == b->hops && memcmp(a->b, b->b, a->len) == 0;
}

bool coords_below(const struct coords *b, const struct coords *a)
{
	if (b->hops < a->hops || common_ports(a, b) != a->coded)
		return false;
	return a->coded == a->hops || a->coded == b->coded;
}

void coords_write(struct wr *w, const struct coords *c)
{
	unsigned without = c->hops - c->coded;

	COYO_ASSERT(c->len <= COORDS_BYTES_MAX && c->hops <= COORDS_HOPS_MAX &&
	            c->coded <= c->hops);
	wr_be16(w, (uint16_t)(c->len | (without ? FOLLOWS : 0)));
	if (without)
		wr_be16(w, (uint16_t)without);
	wr_copy(w, c->b, c->len);
}

bool coords_read(struct rd *r, struct coords *c)
{
	unsigned word = rd_be16(r), len = word & ~(unsigned)FOLLOWS;
	unsigned without = word & FOLLOWS ? rd_be16(r) : 0;
	const uint8_t *b;

	*c = (struct coords){0};
	if (len > COORDS_BYTES_MAX || (word & FOLLOWS && without == 0))
		return false;
	b = rd_take(r, len);
	return b && parse(c, b, len, without);
}
