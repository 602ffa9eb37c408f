/* SPDX-License-Identifier: BSD-3-Clause */
/* Table rows of what stands around messages: link header, handshakes, routed header, route extension, tunnel. */
#include "tests/lib/codec.h"

#include "wire/hsmsg.h"
#include "wire/ip6.h"
#include "wire/link.h"
#include "wire/routed.h"
#include "wire/tunnel.h"

#include <string.h>

static struct node_id random_id(const struct rng *rng)
{
	struct node_id id;

	rng_fill(rng, id.b, ID_BYTES);
	return id;
}

/* ---- link header ---- */
static size_t link_make(const struct rng *rng, uint8_t *buf, size_t cap)
{
	struct link_header h = {.type = (uint8_t)(LINK_HS1 + rng_below(rng, LINK_REFUSED)),
	                        .flags = (uint8_t)rng_u64(rng),
	                        .length = (uint16_t)rng_below(rng, 300),
	                        .receiver = (uint32_t)rng_u64(rng),
	                        .counter = rng_u64(rng)};

	link_header_put(buf, &h);
	rng_fill(rng, buf + LINK_HEADER_BYTES, h.length);
	return LINK_HEADER_BYTES + h.length;
}

static bool link_again(const uint8_t *msg, size_t len, uint8_t *out, size_t cap, size_t *n)
{
	struct link_header h;

	if (!link_header_get(msg, len, &h))
		return false;
	link_header_put(out, &h);
	out[0] = (uint8_t)(h.type << 4 |
	                   h.version); /* first messages and refusals may be of another */
	*n = LINK_HEADER_BYTES;
	return true;
}

const struct codec codecs_link[] = {{"link header", link_make, link_again, NULL, true, 0, 0, 0},
                                    {0}};

/* ---- handshake payload and envelope ---- */
static size_t payload_make(const struct rng *rng, uint8_t *buf, size_t cap)
{
	struct hs_payload p = {.tx_lanes = (uint8_t)(1 + rng_below(rng, HS_LANES_MAX)),
	                       .caps = (uint16_t)rng_u64(rng),
	                       .epoch = (uint32_t)rng_u64(rng),
	                       .mtu = (uint16_t)rng_u64(rng),
	                       .nrx = (uint8_t)(1 + rng_below(rng, HS_LANES_MAX))};

	if (rng_below(rng, 2))
		p.stamp = rng_u64(rng) | 1;
	rng_fill(rng, p.key, sizeof(p.key));
	rng_fill(rng, p.rx, sizeof(p.rx));
	return hs_payload_write(&p, buf, cap);
}

static bool payload_again(const uint8_t *msg, size_t len, uint8_t *out, size_t cap, size_t *n)
{
	struct hs_payload p;

	if (!hs_payload_read(msg, len, &p))
		return false;
	*n = hs_payload_write(&p, out, cap);
	return true;
}

static void payload_settle(uint8_t *msg, size_t len)
{
	msg[11] &= 1;
}

static size_t envelope_make(const struct rng *rng, uint8_t *buf, size_t cap)
{
	uint8_t noise[300];
	size_t len = rng_below(rng, sizeof(noise) + 1), total = rng_below(rng, 500);

	rng_fill(rng, noise, sizeof(noise));
	total = hs_envelope_write(noise, len, total, buf, cap);
	rng_fill(rng, buf + total - HS_MACS_BYTES, HS_MACS_BYTES);
	return total;
}

static bool envelope_again(const uint8_t *msg, size_t len, uint8_t *out, size_t cap, size_t *n)
{
	struct hs_envelope e;

	if (!hs_envelope_read(msg, len, &e))
		return false;
	*n = hs_envelope_write(e.noise, e.noise_len, len, out, cap);
	if (*n)
		memcpy(out + e.mac1_at, msg + e.mac1_at, HS_MACS_BYTES);
	return true;
}

static void envelope_settle(uint8_t *msg, size_t len)
{
	size_t noise_len = be16_load(msg);

	memset(msg + 2 + noise_len, 0, len - HS_ENVELOPE_OVERHEAD - noise_len);
}

const struct codec codecs_hsmsg[] = {
        {"handshake payload", payload_make, payload_again, payload_settle, false, AT(0), 0, 0},
        {"handshake envelope", envelope_make, envelope_again, envelope_settle, false, 0, 0, 0},
        {0},
};

/* ---- routed datagram ---- */
static size_t routed_make(const struct rng *rng, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);
	struct routed_header h = {.length = (uint16_t)rng_below(rng, 300),
	                          .next = (uint8_t)rng_u64(rng),
	                          .hop_limit = (uint8_t)rng_u64(rng),
	                          .src = random_id(rng),
	                          .dst = random_id(rng)};

	routed_header_write(&w, &h);
	wr_zero(&w, h.length);
	return wr_len(&w);
}

static bool routed_again(const uint8_t *msg, size_t len, uint8_t *out, size_t cap, size_t *n)
{
	struct rd r = rd_init(msg, len);
	struct wr w = wr_init(out, cap);
	struct routed_header h;

	if (!routed_header_read(&r, &h))
		return false;
	routed_header_write(&w, &h);
	wr_copy(&w, r.p, rd_left(&r));
	*n = rd_left(&r) == h.length ? wr_len(&w) : 0;
	return *n != 0;
}

static void routed_settle(uint8_t *msg, size_t len)
{
	be32_store(msg, 0xCu << 28 | TC_CONTROL << 20);
}

static size_t route_make(const struct rng *rng, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);
	struct route_ext e = {.next = (uint8_t)rng_below(rng, NEXT_ROUTE),
	                      .mode = (uint8_t)rng_below(rng, ROUTE_COORDS + 1),
	                      .flags = (uint8_t)rng_u64(rng),
	                      .tree = (uint8_t)rng_below(rng, RECORD_TREES_MAX),
	                      .distance = (uint16_t)rng_u64(rng),
	                      .root = rng_u64(rng),
	                      .committed = random_id(rng)};

	for (uint64_t i = rng_below(rng, rng_below(rng, 4) ? 12 : 300); i > 0; i--)
		(void)!coords_push(&e.coords, (uint16_t)(1 + rng_below(rng, 0x3fff)));
	route_ext_write(&w, &e);
	return wr_len(&w);
}

static bool route_again(const uint8_t *msg, size_t len, uint8_t *out, size_t cap, size_t *n)
{
	struct rd r = rd_init(msg, len);
	struct wr w = wr_init(out, cap);
	struct route_ext e;

	if (!route_ext_read(&r, &e))
		return false;
	route_ext_write(&w, &e);
	*n = wr_len(&w);
	return true;
}

static void route_settle(uint8_t *msg, size_t len)
{
	size_t coords = 16 + (msg[3] & ROUTE_FLAG_COMMITTED ? ID_BYTES : 0);
	size_t end = 4 + 4u * msg[1], used = coords + 2 + msg[coords + 1];

	used += msg[coords] & 0x80 ? 2 : 0; /* hops without ports */
	msg[7] = 0;
	memset(msg + used, 0, end - used);
}

static size_t ach_make(const struct rng *rng, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);

	ach_write(&w, (uint16_t)rng_u64(rng));
	return wr_len(&w);
}

static bool ach_again(const uint8_t *msg, size_t len, uint8_t *out, size_t cap, size_t *n)
{
	struct rd r = rd_init(msg, len);
	struct wr w = wr_init(out, cap);
	int channel = ach_read(&r);

	if (channel < 0)
		return false;
	ach_write(&w, (uint16_t)channel);
	*n = wr_len(&w);
	return true;
}

static size_t stack_make(const struct rng *rng, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);
	uint32_t label = UINT32_MAX;

	if (rng_below(rng, 2))
		label = 16 + (uint32_t)rng_below(rng, LABEL_SPACE - 16);
	control_stack_write(&w, label, (uint8_t)rng_u64(rng));
	return wr_len(&w);
}

static bool stack_again(const uint8_t *msg, size_t len, uint8_t *out, size_t cap, size_t *n)
{
	struct rd r = rd_init(msg, len);
	struct wr w = wr_init(out, cap);
	uint32_t label;
	uint8_t ttl;

	if (!control_stack_read(&r, &label, &ttl))
		return false;
	control_stack_write(&w, label, ttl);
	*n = wr_len(&w);
	return true;
}

/* A reader takes any TC, and the TTL of the tunnel label alone where there is one. */
static void stack_settle(uint8_t *msg, size_t len)
{
	bool tunnel = be32_load(msg) >> 12 == LABEL_ROUTER_ALERT;
	uint8_t ttl = msg[tunnel ? 7 : 3];

	for (unsigned i = 0; i < (tunnel ? 3 : 1); i++) {
		uint32_t lse = be32_load(msg + 4 * i);

		be32_store(msg + 4 * i, (lse & ~0xeffu) | TC_CONTROL << 9 | ttl);
	}
}

const struct codec codecs_routed[] = {
        {"routed header", routed_make, routed_again, routed_settle, true,
         AT(0) | AT(1) | AT(2) | AT(3), 0, 0},
        {"route extension", route_make, route_again, route_settle, true, AT(7), 3,
         ROUTE_FLAG_COMMITTED},
        {"associated channel", ach_make, ach_again, NULL, true, AT(0) | AT(1), 0, 0},
        {"control stack", stack_make, stack_again, stack_settle, true,
         AT(0) | AT(1) | AT(8) | AT(9) | AT(10), 2, 0xf0},
        {0},
};

/* ---- tunnel ---- */
static size_t tunnel_make(const struct rng *rng, uint8_t *buf, size_t cap)
{
	size_t total = TUNNEL_HEADER_BYTES + rng_below(rng, 120);
	struct tunnel_header h = {.type = (uint8_t)rng_below(rng, 4),
	                          .phase = (uint8_t)rng_below(rng, 4),
	                          .counter = rng_u64(rng)};

	tunnel_header_put(buf, &h, total);
	rng_fill(rng, buf + TUNNEL_HEADER_BYTES, total - TUNNEL_HEADER_BYTES);
	return total;
}

static bool tunnel_again(const uint8_t *msg, size_t len, uint8_t *out, size_t cap, size_t *n)
{
	struct tunnel_header h;
	size_t total;

	if (!tunnel_header_get(msg, len, &h, &total))
		return false;
	tunnel_header_put(out, &h, total);
	*n = TUNNEL_HEADER_BYTES;
	return true;
}

static size_t oam_make(const struct rng *rng, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);
	struct oam m = {.type = (uint8_t)(OAM_ECHO_REQUEST + rng_below(rng, OAM_PORT_UNREACHABLE)),
	                .flags = (uint8_t)rng_u64(rng),
	                .sequence = (uint16_t)rng_u64(rng),
	                .id = (uint32_t)rng_u64(rng),
	                .time = rng_u64(rng),
	                .node = random_id(rng),
	                .in_label = (uint32_t)rng_u64(rng),
	                .out_label = (uint32_t)rng_u64(rng)};

	oam_write(&w, &m);
	return wr_len(&w);
}

static bool oam_again(const uint8_t *msg, size_t len, uint8_t *out, size_t cap, size_t *n)
{
	struct rd r = rd_init(msg, len);
	struct wr w = wr_init(out, cap);
	struct oam m;

	if (!oam_read(&r, &m))
		return false;
	oam_write(&w, &m);
	*n = wr_len(&w);
	return true;
}

static size_t ip6_make(const struct rng *rng, uint8_t *buf, size_t cap)
{
	struct ip6_elided h = {.form = (uint8_t)rng_below(rng, IP6_SECOND + 1),
	                       .prefix = (uint8_t)rng_u64(rng),
	                       .next_header = (uint8_t)rng_u64(rng),
	                       .hop_limit = (uint8_t)rng_u64(rng),
	                       .flow_label = (uint32_t)rng_below(rng, 1 << 20),
	                       .split = (uint16_t)rng_u64(rng)};

	return ip6_elided_put(buf, &h);
}

static bool ip6_again(const uint8_t *msg, size_t len, uint8_t *out, size_t cap, size_t *n)
{
	struct ip6_elided h;

	if (!ip6_elided_get(msg, len, &h))
		return false;
	*n = ip6_elided_put(out, &h);
	return true;
}

const struct codec codecs_tunnel[] = {
        {"tunnel header", tunnel_make, tunnel_again, NULL, true, AT(2) | AT(3), 0, 0},
        {"oam", oam_make, oam_again, NULL, false, 0, 0, 0},
        {"IPv6 without addresses", ip6_make, ip6_again, NULL, true, 0, 0, 0xc0},
        {0},
};
