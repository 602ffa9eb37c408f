/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker's arrival path beside a twin of label map and replay window, with 0-46 bytes of padding behind every frame, as NICs pad. */
#include "tests/unit/dataplane/worker/plane.h"

#include "base/rng.h"
#include "crypto/aead.h"
#include "tests/twin/label_twin.h"
#include "wire/link.h"
#include "wire/lse.h"

#define RX_INDEX 101u
#define TX_INDEX 202u
#define RX_FILL  1
#define TX_FILL  2
#define FRAMES   4000u
#define BATCH    32u
#define PAD_MAX  46u
#define BODY_MAX 80u

/* Link 1 is what the test sends into, link 2 swaps out to the test. One worker, so that order is kept. */
struct bench {
	struct plane p;
	int in, out, fd[2];
	uint16_t port[2];
	struct aead_key rx, tx;
	struct label_twin map;
	bool seen[FRAMES + 64];
	uint64_t next;
	struct rng_seeded seed;
	struct rng rng;
};

static uint32_t label_of(unsigned i)
{
	return 16 + i * 7919u % (LABEL_SPACE - 16);
}

static void setup(struct bench *b)
{
	static struct dp_cfg cfg = {.name = "padding", .workers = 1, .punt_rate = 20000};
	uint8_t key[AEAD_KEY_BYTES];
	uint16_t ports[2];
	struct cp_cmd c;

	memset(b, 0, sizeof(*b));
	plane_start(&b->p, &cfg);
	b->in = loop_socket(&ports[0]);
	b->out = loop_socket(&ports[1]);
	for (unsigned i = 0; i < 2; i++) {
		b->fd[i] = loop_socket(&b->port[i]);
		c = udp_link((uint16_t)(i + 1), 0, b->fd[i], ports[i]);
		plane_all(&b->p, &c);
		c = open_link((uint16_t)(i + 1), true);
		plane_all(&b->p, &c);
	}
	c = lane(CMD_LINK_RX_KEY, 1, RX_INDEX, RX_FILL);
	plane_all(&b->p, &c);
	c = lane(CMD_LINK_TX_KEY, 2, TX_INDEX, TX_FILL);
	plane_all(&b->p, &c);
	memset(key, RX_FILL, sizeof(key));
	assert_int_equal(aead_key_init(&b->rx, 1, key), 0);
	memset(key, TX_FILL, sizeof(key));
	assert_int_equal(aead_key_init(&b->tx, 1, key), 0);
	for (unsigned i = 0; i < 40; i++) {
		c = ilm(1, label_of(i), ILM_SWAP, 2, label_of(i + 100));
		plane_all(&b->p, &c);
		assert_true(label_twin_set(&b->map, &c.u.ilm));
	}
	rng_seeded_init(&b->seed, 46);
	b->rng = rng_from_seeded(&b->seed);
}

static void teardown(struct bench *b)
{
	for (uint16_t i = 1; i <= 2; i++) {
		struct cp_cmd c = {.type = CMD_LINK_DEL};

		c.u.link.link = i;
		plane_all(&b->p, &c);
		close(b->fd[i - 1]);
	}
	dp_stop(b->p.dp);
	close(b->in);
	close(b->out);
	label_twin_free(&b->map);
}

/* A sealed frame around packet, then padding. Returns its length on the wire. */
static size_t seal(struct bench *b, uint64_t counter, const uint8_t *packet, uint32_t len,
                   uint8_t *frame)
{
	struct aead_op op = {.in = packet,
	                     .out = frame + LINK_HEADER_BYTES,
	                     .aad = frame,
	                     .counter = counter,
	                     .len = len,
	                     .aad_len = LINK_HEADER_BYTES};
	size_t n = LINK_HEADER_BYTES + len + AEAD_TAG_BYTES, pad = rng_below(&b->rng, PAD_MAX + 1);

	link_header_put(frame, &(struct link_header){.type = LINK_DATA,
	                                             .length = (uint16_t)(len + AEAD_TAG_BYTES),
	                                             .receiver = RX_INDEX,
	                                             .counter = counter});
	aead_seal_burst(&b->rx, &op, 1);
	rng_fill(&b->rng, frame + n, pad);
	return n + pad;
}

/* What the twins say of one packet. */
enum verdict { SWAPPED, REPLAYED, UNKNOWN, EXPIRED, VERDICTS };

struct expected {
	uint8_t packet[4 + BODY_MAX];
	uint32_t len;
};

static enum verdict twin(struct bench *b, uint64_t counter, const uint8_t *packet, uint32_t len,
                         struct expected *e)
{
	uint32_t lse = be32_load(packet);
	int row = label_twin_find(&b->map, lse_label(lse));

	if (b->seen[counter])
		return REPLAYED;
	b->seen[counter] = true;
	if (row < 0)
		return UNKNOWN;
	if (lse_ttl(lse) <= 1)
		return EXPIRED;
	memcpy(e->packet, packet, len);
	be32_store(e->packet, lse_make(b->map.row[row].out_label, lse_tc(lse), lse_bottom(lse),
	                               lse_ttl(lse) - 1));
	e->len = len;
	return SWAPPED;
}

/* Near the newest, so that about a third comes twice. */
static uint64_t any_counter(struct bench *b)
{
	uint64_t back = rng_below(&b->rng, 3) ? 0 : 1 + rng_below(&b->rng, 50);

	return back && back <= b->next ? b->next - back : b->next++;
}

static void came_out(struct bench *b, const struct expected *e)
{
	uint8_t frame[2048], inner[2048];
	size_t n = loop_receive(b->out, frame, sizeof(frame));
	struct link_header h = {0};
	struct aead_op op = {.in = frame + LINK_HEADER_BYTES,
	                     .out = inner,
	                     .aad = frame,
	                     .aad_len = LINK_HEADER_BYTES};

	assert_true(link_header_get(frame, n, &h));
	assert_int_equal(h.receiver, TX_INDEX);
	assert_int_equal(n, (size_t)LINK_HEADER_BYTES + h.length);
	op.counter = h.counter;
	op.len = h.length;
	aead_open_burst(&b->tx, &op, 1);
	assert_true(op.ok);
	assert_int_equal(h.length - AEAD_TAG_BYTES, e->len); /* the padding stayed behind */
	assert_memory_equal(inner, e->packet, e->len);
}

static void padded_arrivals(void **state)
{
	static const char *const drop[VERDICTS] = {
	        [REPLAYED] = "replay", [UNKNOWN] = "unknown_label", [EXPIRED] = "ttl_expired"};
	struct bench *b = aligned_alloc(64, (sizeof(*b) + 63) & ~(size_t)63); /* its keys are */
	struct expected want[BATCH];
	uint64_t count[VERDICTS] = {0}, before[VERDICTS] = {0};

	assert_non_null(b);
	setup(b);
	for (unsigned v = REPLAYED; v < VERDICTS; v++)
		before[v] = plane_drops(&b->p, drop[v]);
	for (unsigned done = 0; done < FRAMES; done += BATCH) {
		unsigned out = 0;

		for (unsigned i = 0; i < BATCH; i++) {
			uint32_t len = 4 + (uint32_t)rng_below(&b->rng, BODY_MAX + 1);
			uint64_t counter = any_counter(b);
			uint8_t packet[4 + BODY_MAX], frame[512];
			enum verdict v;
			size_t n;

			rng_fill(&b->rng, packet, len);
			be32_store(packet, lse_make(label_of((unsigned)rng_below(&b->rng, 50)), 0,
			                            true, (unsigned)rng_below(&b->rng, 12)));
			n = seal(b, counter, packet, len, frame);
			v = twin(b, counter, packet, len, &want[out]);
			out += v == SWAPPED;
			count[v]++;
			loop_send(b->in, b->port[0], frame, n);
		}
		for (unsigned i = 0; i < out; i++)
			came_out(b, &want[i]);
	}
	for (unsigned v = REPLAYED; v < VERDICTS; v++) {
		assert_true(count[v] > FRAMES / 50);
		plane_dropped(&b->p, drop[v], before[v] + count[v]);
	}
	teardown(b);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(padded_arrivals)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
