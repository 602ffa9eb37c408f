/* SPDX-License-Identifier: BSD-3-Clause */
/* Table rows of the control plane's messages: coords, record, link-local, set-up, Kademlia. */
#include "tests/lib/codec.h"

#include "wire/kadmsg.h"
#include "wire/linkmsg.h"
#include "wire/lse.h"
#include "wire/lspmsg.h"

#include <string.h>

static struct coords random_coords(const struct rng *rng, unsigned most)
{
	struct coords c = {0};

	for (uint64_t n = rng_below(rng, most + 1); n > 0; n--) {
		static const uint16_t max[] = {2, 0x3f, 0x7f, COORDS_PORT_MAX};
		uint16_t port = (uint16_t)(1 + rng_below(rng, max[rng_below(rng, 4)]));

		for (uint64_t k = rng_below(rng, 4) ? 1 : rng_below(rng, 100); k > 0; k--)
			(void)!coords_push(&c, port);
	}
	return c;
}

static struct node_id random_id(const struct rng *rng)
{
	struct node_id id;

	rng_fill(rng, id.b, ID_BYTES);
	return id;
}

static uint32_t random_label(const struct rng *rng)
{
	return rng_below(rng, 8) ? 16 + (uint32_t)rng_below(rng, LABEL_SPACE - 16) : UINT32_MAX;
}

static uint8_t random_places(const struct rng *rng, struct place *p, unsigned most)
{
	uint8_t n = (uint8_t)rng_below(rng, RECORD_TREES_MAX + 1);

	for (unsigned i = 0; i < n; i++)
		p[i] = (struct place){.root = rng_u64(rng), .coords = random_coords(rng, most)};
	return n;
}

/* ---- coords ---- */
static size_t coords_make(const struct rng *rng, uint8_t *buf, size_t cap)
{
	struct coords c = random_coords(rng, rng_below(rng, 4) ? 12 : 300);
	struct wr w = wr_init(buf, cap);

	coords_write(&w, &c);
	return wr_len(&w);
}

static bool coords_again(const uint8_t *msg, size_t len, uint8_t *out, size_t cap, size_t *n)
{
	struct rd r = rd_init(msg, len);
	struct wr w = wr_init(out, cap);
	struct coords c, pushed = {0};

	if (!coords_read(&r, &c))
		return false;
	for (unsigned i = 0, port = 0; i < c.len; i++) {
		unsigned times = 1;

		if (c.b[i] & 0x80) {
			port = (c.b[i] & 0x7f) << 8 | c.b[i + 1];
			i++;
		} else if (c.b[i] == 0x7f) {
			times = be16_load(c.b + i + 1);
			i += 2;
		} else if (c.b[i] >= 0x40) {
			times = c.b[i] - 0x3f;
		} else {
			port = c.b[i];
		}
		while (times-- > 0)
			if (!coords_push(&pushed, (uint16_t)port))
				return true; /* parsed, yet cannot be built: *n stays 0 and tells */
	}
	pushed.hops = (uint16_t)(pushed.hops + c.hops - c.coded);
	if (pushed.hops == c.hops && pushed.coded == c.coded)
		coords_write(&w, &pushed);
	*n = wr_len(&w);
	return true;
}

const struct codec codecs_coords[] = {{"coords", coords_make, coords_again, NULL, true, 0, 0, 0},
                                      {0}};

/* ---- record and contact info ---- */
static struct record random_record(const struct rng *rng, unsigned most)
{
	struct record r = {
	        .seq = rng_u64(rng), .puzzle = rng_u64(rng), .flags = (uint8_t)rng_u64(rng)};

	rng_fill(rng, r.key, sizeof(r.key));
	rng_fill(rng, r.sig, sizeof(r.sig));
	r.ntrees = random_places(rng, r.place, most);
	return r;
}

static struct contact_info random_contact(const struct rng *rng, unsigned most)
{
	struct contact_info c = {.id = random_id(rng), .seq = rng_u64(rng)};

	c.ntrees = random_places(rng, c.place, most);
	return c;
}

static size_t record_make(const struct rng *rng, uint8_t *buf, size_t cap)
{
	struct record rec = random_record(rng, rng_below(rng, 4) ? 20 : 300);
	struct wr w = wr_init(buf, cap);

	record_write(&w, &rec);
	return wr_len(&w);
}

static bool record_again(const uint8_t *msg, size_t len, uint8_t *out, size_t cap, size_t *n)
{
	struct rd r = rd_init(msg, len);
	struct wr w = wr_init(out, cap);
	const uint8_t *body;
	size_t body_len;
	struct record rec;

	if (!record_read(&r, &rec, &body, &body_len))
		return false;
	record_write(&w, &rec);
	if (body != msg || body_len + RECORD_SIG_BYTES != wr_len(&w) || wr_len(&w) > RECORD_MAX)
		return true; /* the signed part is not what it should be: *n stays 0 and tells */
	*n = wr_len(&w);
	return true;
}

static size_t contact_make(const struct rng *rng, uint8_t *buf, size_t cap)
{
	struct contact_info c = random_contact(rng, 40);
	struct wr w = wr_init(buf, cap);

	contact_info_write(&w, &c);
	return wr_len(&w);
}

static bool contact_again(const uint8_t *msg, size_t len, uint8_t *out, size_t cap, size_t *n)
{
	struct rd r = rd_init(msg, len);
	struct wr w = wr_init(out, cap);
	struct contact_info c;

	if (!contact_info_read(&r, &c))
		return false;
	contact_info_write(&w, &c);
	*n = wr_len(&w);
	return true;
}

const struct codec codecs_record[] = {
        {"record", record_make, record_again, NULL, true, 0, 0, 0},
        {"contact info", contact_make, contact_again, NULL, true, 0, 0, 0},
        {0},
};

/* ---- link-local messages: always with their head, alone in the buffer ---- */
static bool one_body(const uint8_t *msg, size_t len, struct rd *body, uint8_t type,
                     struct linkmsg_head *h)
{
	struct rd r = rd_init(msg, len);

	return linkmsg_next(&r, h, body) && rd_done(&r) && h->type == type;
}

static size_t hello_make(const struct rng *rng, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);
	struct linkmsg_hello m = {.sent_us = rng_u64(rng),
	                          .echo_us = rng_u64(rng),
	                          .held_us = (uint32_t)rng_u64(rng),
	                          .flags = (uint8_t)rng_u64(rng),
	                          .id = random_id(rng),
	                          .epoch = (uint32_t)rng_u64(rng),
	                          .mtu = (uint16_t)rng_u64(rng)};

	linkmsg_hello_write(&w, &m);
	return wr_len(&w);
}

static bool hello_again(const uint8_t *msg, size_t len, uint8_t *out, size_t cap, size_t *n)
{
	struct wr w = wr_init(out, cap);
	struct linkmsg_head h;
	struct linkmsg_hello m;
	struct rd body;

	if (!one_body(msg, len, &body, LINKMSG_HELLO, &h) || !linkmsg_hello_read(&body, &m))
		return false;
	linkmsg_hello_write(&w, &m);
	*n = wr_len(&w);
	return true;
}

static void hello_settle(uint8_t *msg, size_t len)
{
	msg[1] = 0;
	msg[4 + 21] = 0;
}

static size_t ann_make(const struct rng *rng, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);
	struct linkmsg_ann m = {.seq = rng_u64(rng),
	                        .ntrees = (uint8_t)rng_below(rng, RECORD_TREES_MAX + 1),
	                        .height = (uint16_t)rng_u64(rng)};

	for (unsigned t = 0; t < m.ntrees; t++)
		m.tree[t] = (struct ann_tree){.root = random_id(rng),
		                              .port = (uint16_t)rng_u64(rng),
		                              .is_parent = rng_below(rng, 2),
		                              .coords = random_coords(rng, 60)};
	linkmsg_ann_write(&w, &m);
	return wr_len(&w);
}

static bool ann_again(const uint8_t *msg, size_t len, uint8_t *out, size_t cap, size_t *n)
{
	struct wr w = wr_init(out, cap);
	struct linkmsg_head h;
	struct linkmsg_ann m;
	struct rd body;

	if (!one_body(msg, len, &body, LINKMSG_ANN, &h) || !linkmsg_ann_read(&body, &m))
		return false;
	linkmsg_ann_write(&w, &m);
	*n = wr_len(&w);
	return true;
}

static void ann_settle(uint8_t *msg, size_t len)
{
	msg[1] = 0;
	msg[4 + 9] &= (uint8_t)((1u << msg[4 + 8]) - 1);
}

static size_t seq_make(const struct rng *rng, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);
	struct linkmsg_seq m = {.tree = (uint8_t)rng_below(rng, RECORD_TREES_MAX),
	                        .seq = rng_u64(rng)};

	rng_fill(rng, m.key, sizeof(m.key));
	rng_fill(rng, m.sig, sizeof(m.sig));
	linkmsg_seq_write(&w, &m);
	return wr_len(&w);
}

static bool seq_again(const uint8_t *msg, size_t len, uint8_t *out, size_t cap, size_t *n)
{
	struct wr w = wr_init(out, cap);
	struct linkmsg_head h;
	struct linkmsg_seq m;
	struct rd body;

	if (!one_body(msg, len, &body, LINKMSG_SEQ, &h) || !linkmsg_seq_read(&body, &m))
		return false;
	linkmsg_seq_write(&w, &m);
	*n = wr_len(&w);
	return true;
}

static void three_after_first(uint8_t *msg, size_t len)
{
	msg[1] = 0;
	memset(msg + 5, 0, 3);
}

static size_t sample_make(const struct rng *rng, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);
	struct linkmsg_sample m = {.size = (uint32_t)rng_u64(rng),
	                           .count = (uint8_t)rng_below(rng, SAMPLE_MAX + 1)};

	for (unsigned i = 0; i < m.count; i++)
		m.c[i] = random_contact(rng, 20);
	linkmsg_sample_write(&w, &m);
	return wr_len(&w);
}

static bool sample_again(const uint8_t *msg, size_t len, uint8_t *out, size_t cap, size_t *n)
{
	struct wr w = wr_init(out, cap);
	struct linkmsg_head h;
	struct linkmsg_sample m;
	struct rd body;

	if (!one_body(msg, len, &body, LINKMSG_SAMPLE, &h) || !linkmsg_sample_read(&body, &m))
		return false;
	linkmsg_sample_write(&w, &m);
	*n = wr_len(&w);
	return true;
}

static void sample_settle(uint8_t *msg, size_t len)
{
	msg[1] = 0;
	memset(msg + 4 + 5, 0, 3);
}

static size_t tear_make(const struct rng *rng, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);
	struct linkmsg_tear m = {.nonce = rng_u64(rng),
	                         .yours = (uint32_t)rng_u64(rng),
	                         .mine = (uint32_t)rng_u64(rng),
	                         .reason = (uint32_t)rng_u64(rng)};

	linkmsg_tear_write(&w, rng_below(rng, 2) ? LINKMSG_TEAR : LINKMSG_TEAR_ACK, &m);
	return wr_len(&w);
}

static bool tear_again(const uint8_t *msg, size_t len, uint8_t *out, size_t cap, size_t *n)
{
	struct wr w = wr_init(out, cap);
	struct linkmsg_head h;
	struct linkmsg_tear m;
	struct rd body;

	if ((!one_body(msg, len, &body, LINKMSG_TEAR, &h) &&
	     !one_body(msg, len, &body, LINKMSG_TEAR_ACK, &h)) ||
	    !linkmsg_tear_read(&body, &m))
		return false;
	linkmsg_tear_write(&w, h.type, &m);
	*n = wr_len(&w);
	return true;
}

static void head_settle(uint8_t *msg, size_t len)
{
	msg[1] = 0;
}

static size_t grant_make(const struct rng *rng, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);
	struct linkmsg_grant m = {.step = (uint8_t)rng_below(rng, 3),
	                          .nonce = rng_u64(rng),
	                          .source = random_id(rng),
	                          .label = random_label(rng)};

	linkmsg_grant_write(&w, &m);
	return wr_len(&w);
}

static bool grant_again(const uint8_t *msg, size_t len, uint8_t *out, size_t cap, size_t *n)
{
	struct wr w = wr_init(out, cap);
	struct linkmsg_head h;
	struct linkmsg_grant m;
	struct rd body;

	if (!one_body(msg, len, &body, LINKMSG_GRANT, &h) || !linkmsg_grant_read(&body, &m))
		return false;
	linkmsg_grant_write(&w, &m);
	*n = wr_len(&w);
	return true;
}

static size_t lerror_make(const struct rng *rng, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);
	struct linkmsg_error m = {.code = (uint8_t)rng_u64(rng),
	                          .nonce = rng_u64(rng),
	                          .source = random_id(rng),
	                          .tag_from = (uint32_t)rng_u64(rng),
	                          .tag_to = (uint32_t)rng_u64(rng)};

	linkmsg_error_write(&w, &m);
	return wr_len(&w);
}

static bool lerror_again(const uint8_t *msg, size_t len, uint8_t *out, size_t cap, size_t *n)
{
	struct wr w = wr_init(out, cap);
	struct linkmsg_head h;
	struct linkmsg_error m;
	struct rd body;

	if (!one_body(msg, len, &body, LINKMSG_ERROR, &h) || !linkmsg_error_read(&body, &m))
		return false;
	linkmsg_error_write(&w, &m);
	*n = wr_len(&w);
	return true;
}

static size_t probe_make(const struct rng *rng, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);
	struct linkmsg_probe m = {.id = (uint32_t)rng_u64(rng), .answer = rng_u64(rng) & 1};

	m.size = (uint16_t)(LINKMSG_PROBE_LEAST + (rng_u64(rng) & 1 ? rng_below(rng, 1500) : 0));
	linkmsg_probe_write(&w, &m);
	return wr_len(&w);
}

static bool probe_again(const uint8_t *msg, size_t len, uint8_t *out, size_t cap, size_t *n)
{
	struct wr w = wr_init(out, cap);
	struct linkmsg_head h;
	struct linkmsg_probe m;
	struct rd body;

	if (!one_body(msg, len, &body, LINKMSG_PROBE, &h) || !linkmsg_probe_read(&body, &m))
		return false;
	linkmsg_probe_write(&w, &m);
	*n = wr_len(&w);
	return true;
}

static void probe_settle(uint8_t *msg, size_t len)
{
	msg[1] = 0;
	for (size_t i = 11; i < len; i++)
		msg[i] = 0;
}

static size_t mtu_make(const struct rng *rng, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);
	struct linkmsg_mtu m = {.nonce = rng_u64(rng),
	                        .yours = (uint32_t)rng_u64(rng),
	                        .mine = (uint32_t)rng_u64(rng),
	                        .mtu = (uint16_t)rng_u64(rng)};

	linkmsg_mtu_write(&w, &m);
	return wr_len(&w);
}

static bool mtu_again(const uint8_t *msg, size_t len, uint8_t *out, size_t cap, size_t *n)
{
	struct wr w = wr_init(out, cap);
	struct linkmsg_head h;
	struct linkmsg_mtu m;
	struct rd body;

	if (!one_body(msg, len, &body, LINKMSG_MTU, &h) || !linkmsg_mtu_read(&body, &m))
		return false;
	linkmsg_mtu_write(&w, &m);
	*n = wr_len(&w);
	return true;
}

static void mtu_settle(uint8_t *msg, size_t len)
{
	msg[1] = msg[len - 2] = msg[len - 1] = 0;
}

static size_t move_make(const struct rng *rng, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);
	struct linkmsg_move m = {.nonce = rng_u64(rng),
	                         .yours = (uint32_t)rng_u64(rng),
	                         .mine = (uint32_t)rng_u64(rng),
	                         .tag_from = (uint32_t)rng_u64(rng),
	                         .tag_to = (uint32_t)rng_u64(rng)};

	linkmsg_move_write(&w, &m);
	return wr_len(&w);
}

static bool move_again(const uint8_t *msg, size_t len, uint8_t *out, size_t cap, size_t *n)
{
	struct wr w = wr_init(out, cap);
	struct linkmsg_head h;
	struct linkmsg_move m;
	struct rd body;

	if (!one_body(msg, len, &body, LINKMSG_MOVE, &h) || !linkmsg_move_read(&body, &m))
		return false;
	linkmsg_move_write(&w, &m);
	*n = wr_len(&w);
	return true;
}

static size_t challenge_make(const struct rng *rng, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);
	struct linkmsg_challenge m = {.nonce = rng_u64(rng), .answer = rng_u64(rng) & 1};

	linkmsg_challenge_write(&w, &m);
	return wr_len(&w);
}

static bool challenge_again(const uint8_t *msg, size_t len, uint8_t *out, size_t cap, size_t *n)
{
	struct wr w = wr_init(out, cap);
	struct linkmsg_head h;
	struct linkmsg_challenge m;
	struct rd body;

	if (!one_body(msg, len, &body, LINKMSG_CHALLENGE, &h) || !linkmsg_challenge_read(&body, &m))
		return false;
	linkmsg_challenge_write(&w, &m);
	*n = wr_len(&w);
	return true;
}

static size_t seen_make(const struct rng *rng, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);
	struct linkmsg_seen m = {
	        .answer = rng_u64(rng) & 1, .index = (uint32_t)rng_u64(rng), .first = rng_u64(rng)};

	m.unknown = (uint16_t)(rng_below(rng, 4) ? rng_below(rng, LINKMSG_SEEN_COUNTERS + 1)
	                                         : LINKMSG_SEEN_COUNTERS);
	rng_fill(rng, m.bits, sizeof(m.bits));
	linkmsg_seen_write(&w, &m);
	return wr_len(&w);
}

static bool seen_again(const uint8_t *msg, size_t len, uint8_t *out, size_t cap, size_t *n)
{
	struct wr w = wr_init(out, cap);
	struct linkmsg_head h;
	struct linkmsg_seen m;
	struct rd body;

	if (!one_body(msg, len, &body, LINKMSG_SEEN, &h) || !linkmsg_seen_read(&body, &m))
		return false;
	linkmsg_seen_write(&w, &m);
	*n = wr_len(&w);
	return true;
}

static void seen_settle(uint8_t *msg, size_t len)
{
	msg[1] = msg[5] = 0;
}

/* Type, reserved, length: where all messages of a type are equally long. */
#define LINKMSG_HEAD (AT(0) | AT(1) | AT(2) | AT(3))

const struct codec codecs_linkmsg[] = {
        {"hello", hello_make, hello_again, hello_settle, false, LINKMSG_HEAD | AT(4 + 21), 0, 0},
        {"ann", ann_make, ann_again, ann_settle, false, AT(0) | AT(1), 0, 0},
        {"seq", seq_make, seq_again, three_after_first, false, LINKMSG_HEAD | AT(5) | AT(6) | AT(7),
         0, 0},
        {"sample", sample_make, sample_again, sample_settle, false,
         AT(0) | AT(1) | AT(9) | AT(10) | AT(11), 0, 0},
        {"tear", tear_make, tear_again, head_settle, false, AT(1) | AT(2) | AT(3), 0, 0},
        {"grant", grant_make, grant_again, three_after_first, false,
         LINKMSG_HEAD | AT(5) | AT(6) | AT(7), 0, 0},
        {"probe", probe_make, probe_again, probe_settle, false, AT(0) | AT(1) | AT(11), 0, 0},
        {"mtu", mtu_make, mtu_again, mtu_settle, false, LINKMSG_HEAD | AT(22) | AT(23), 0, 0},
        {"challenge", challenge_make, challenge_again, three_after_first, false,
         LINKMSG_HEAD | AT(5) | AT(6) | AT(7), 0, 0},
        {"move", move_make, move_again, head_settle, false, LINKMSG_HEAD, 0, 0},
        {"link error", lerror_make, lerror_again, three_after_first, false,
         LINKMSG_HEAD | AT(5) | AT(6) | AT(7), 0, 0},
        {"seen", seen_make, seen_again, seen_settle, false, LINKMSG_HEAD | AT(5), 4, 1},
        {0},
};

/* ---- set-up and reply ---- */
static size_t setup_make(const struct rng *rng, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);
	uint8_t envelope[300];
	struct setup_msg m = {.flags = (uint8_t)rng_u64(rng),
	                      .mtu = (uint16_t)rng_u64(rng),
	                      .nonce = rng_u64(rng),
	                      .hops = (uint8_t)rng_u64(rng),
	                      .nnotvia = (uint8_t)rng_below(rng, SETUP_NOTVIA_MAX + 1),
	                      .nrecord = (uint8_t)rng_below(rng, rng_below(rng, 4) ? 20 : 256),
	                      .reverse_label = random_label(rng),
	                      .envelope = envelope,
	                      .envelope_len = (uint16_t)rng_below(rng, sizeof(envelope) + 1)};

	rng_fill(rng, envelope, sizeof(envelope));
	rng_fill(rng, m.notvia, sizeof(m.notvia));
	rng_fill(rng, m.record, sizeof(m.record));
	setup_write(&w, &m);
	return wr_len(&w);
}

static bool setup_again(const uint8_t *msg, size_t len, uint8_t *out, size_t cap, size_t *n)
{
	struct rd r = rd_init(msg, len);
	struct wr w = wr_init(out, cap);
	struct setup_msg m;

	if (!setup_read(&r, &m))
		return false;
	setup_write(&w, &m);
	*n = wr_len(&w);
	return true;
}

static void setup_settle(uint8_t *msg, size_t len)
{
	msg[15] = msg[22] = msg[23] = 0;
}

static size_t reply_make(const struct rng *rng, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);
	uint8_t envelope[300];
	struct reply_msg m = {.flags = (uint8_t)rng_u64(rng),
	                      .mtu = (uint16_t)rng_u64(rng),
	                      .nonce = rng_u64(rng),
	                      .hops_first = (uint8_t)rng_u64(rng),
	                      .hops = (uint8_t)rng_u64(rng),
	                      .forward_label = random_label(rng),
	                      .envelope = envelope,
	                      .envelope_len = (uint16_t)rng_below(rng, sizeof(envelope) + 1)};

	rng_fill(rng, envelope, sizeof(envelope));
	reply_write(&w, &m);
	return wr_len(&w);
}

static bool reply_again(const uint8_t *msg, size_t len, uint8_t *out, size_t cap, size_t *n)
{
	struct rd r = rd_init(msg, len);
	struct wr w = wr_init(out, cap);
	struct reply_msg m;

	if (!reply_read(&r, &m))
		return false;
	reply_write(&w, &m);
	*n = wr_len(&w);
	return true;
}

const struct codec codecs_lspmsg[] = {
        {"setup", setup_make, setup_again, setup_settle, false, AT(0) | AT(15) | AT(22) | AT(23), 0,
         0},
        {"reply", reply_make, reply_again, NULL, false, AT(0), 0, 0},
        {0},
};

/* ---- Kademlia and routed error ---- */
static size_t kad_make(const struct rng *rng, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);
	static struct kad_msg m; /* tens of kilobytes */

	memset(&m, 0, sizeof(m));
	m.op = (uint8_t)(KAD_EXQ + rng_below(rng, KAD_FOUND));
	m.flags = (uint8_t)rng_u64(rng);
	if (m.op == KAD_EXR || m.op == KAD_FOUND)
		m.flags |= KAD_FLAG_MAC;
	rng_fill(rng, m.nonce, sizeof(m.nonce));
	rng_fill(rng, m.token, sizeof(m.token));
	rng_fill(rng, m.mac, sizeof(m.mac));
	m.target = random_id(rng);
	m.full = rng_u64(rng);
	m.have_len = (uint8_t)(KAD_HAVE_UNIT * rng_below(rng, KAD_HAVE_MAX / KAD_HAVE_UNIT + 1));
	rng_fill(rng, m.have, m.have_len);
	m.self = random_record(rng, 20);
	m.count = (uint8_t)rng_below(rng, KAD_CONTACTS_MAX + 1);
	for (unsigned i = 0; i < m.count; i++)
		m.c[i] = random_contact(rng, 12);
	kad_write(&w, &m);
	return wr_len(&w);
}

static size_t retry_make(const struct rng *rng, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);
	static struct kad_msg m;

	m.op = KAD_RETRY;
	m.flags = (uint8_t)((rng_u64(rng) | KAD_FLAG_TOKEN) & ~KAD_FLAG_MAC);
	rng_fill(rng, m.nonce, sizeof(m.nonce));
	rng_fill(rng, m.token, sizeof(m.token));
	kad_write(&w, &m);
	return wr_len(&w);
}

static bool kad_again(const uint8_t *msg, size_t len, uint8_t *out, size_t cap, size_t *n)
{
	struct rd r = rd_init(msg, len);
	struct wr w = wr_init(out, cap);
	static struct kad_msg m;

	if (!kad_read(&r, &m))
		return false;
	kad_write(&w, &m);
	*n = wr_len(&w);
	return true;
}

static size_t rerror_make(const struct rng *rng, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);
	struct error_msg m = {.code = (uint8_t)rng_u64(rng),
	                      .next = (uint8_t)rng_u64(rng),
	                      .ref = (uint32_t)rng_u64(rng),
	                      .about = random_id(rng)};

	error_write(&w, &m);
	return wr_len(&w);
}

static bool rerror_again(const uint8_t *msg, size_t len, uint8_t *out, size_t cap, size_t *n)
{
	struct rd r = rd_init(msg, len);
	struct wr w = wr_init(out, cap);
	struct error_msg m;

	if (!error_read(&r, &m))
		return false;
	error_write(&w, &m);
	*n = wr_len(&w);
	return true;
}

static void rerror_settle(uint8_t *msg, size_t len)
{
	msg[2] = msg[3] = 0;
}

const struct codec codecs_kadmsg[] = {
        {"kad", kad_make, kad_again, NULL, false, AT(0), 1, 0xff},
        {"routed error", rerror_make, rerror_again, rerror_settle, false, AT(2) | AT(3), 0, 0},
        {"kad retry", retry_make, kad_again, NULL, false, AT(0) | AT(1) | AT(3), 0, 0},
        {0},
};
