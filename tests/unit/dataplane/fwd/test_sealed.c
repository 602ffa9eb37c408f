/* SPDX-License-Identifier: BSD-3-Clause */
/* Opening of sealed frames alone: an authentic frame becomes a labelled packet, a handshake goes to control, a frame of another worker's key
 * goes to that worker, and whatever else comes is a counted drop that changes nothing. */
#include "../room.h"
#include "core/handover.h"
#include "core/ring.h"
#include "crypto/aead.h"
#include "fwd/fwd.h"
#include "io/io.h"
#include "seal/door.h"
#include "wire/hsmsg.h"
#include "wire/link.h"
#include "wire/lse.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define NEAR     0 /* a sealed Ethernet link */
#define FAR      1 /* another on the same port, with keys of its own */
#define FIRST    2 /* two links of one UDP socket */
#define SECOND   3
#define MISSING  9  /* no such link */
#define INDEX    40 /* receiver index of NEAR: even, so worker 0 owns it */
#define S_INDEX  42 /* of SECOND */
#define ELSEHOW  41 /* odd: worker 1 owns it */
#define STRANGER 44 /* worker 0 owns it and has no key for it */
#define LEN      50

static struct room r = {.cfg.name = "sealed", .cfg.punt_rate = 1000};
static struct worker *w = &r.w[0];
static struct io *io;
static struct fwd *f;
static struct burst b;
static struct aead_key peer; /* the neighbour's copy of the key of NEAR and of SECOND */
static uint64_t before[DROP_REASONS];
static int sock;

static void rx_key(uint16_t link, uint32_t index, uint8_t fill)
{
	struct cp_cmd c = {.type = CMD_LINK_RX_KEY};

	c.u.key = (struct cp_lane_key){.link = link, .alg = AEAD_CHACHA20_POLY1305, .index = index};
	memset(c.u.key.key, fill, sizeof(c.u.key.key));
	assert_int_equal(fwd_command(f, &c), 0);
}

static void links(uint16_t port)
{
	for (uint16_t l = NEAR; l <= SECOND; l++) {
		struct cp_cmd c = {.type = CMD_LINK_SET};

		c.u.link = (struct cp_link){.link = l, .sealed = true, .mtu = 1400};
		c.u.link.type = l <= FAR ? LINK_ETHERNET : LINK_UDP_SOCKET;
		c.u.link.port = port;
		c.u.link.vlan = l;
		c.u.link.fd = sock;
		assert_int_equal(fwd_command(f, &c), 0);
	}
}

static int setup(void **state)
{
	static struct dp_port_cfg port = {.name = "sink", .device = "net_null0,no-rx=1"};
	static uint16_t id[DP_PORTS_MAX];
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	uint8_t key[AEAD_KEY_BYTES];
	char err[512] = "";

	r.cfg.ports = &port;
	r.cfg.nports = 1;
	room_start(&r);
	assert_int_equal(ports_start(&r.cfg, r.all.pool, id, err, sizeof(err)), 0);
	sock = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(sock, (struct sockaddr *)&a, sizeof(a)), 0);
	io = io_new(w, err, sizeof(err));
	assert_non_null(io);
	f = fwd_new(w, io, err, sizeof(err));
	assert_non_null(f);
	w->now.ns = NS_PER_S;
	links(id[0]);
	memset(key, 5, sizeof(key));
	assert_int_equal(aead_key_init(&peer, AEAD_CHACHA20_POLY1305, key), 0);
	rx_key(NEAR, INDEX, 5);
	rx_key(SECOND, S_INDEX, 5);
	return 0;
}

static int teardown(void **state)
{
	aead_key_wipe(&peer);
	fwd_free(f);
	io_free(io);
	close(sock);
	ports_stop();
	room_end(&r);
	return 0;
}

/* Each test looks at the drops and events that it causes itself. */
static int note(void **state)
{
	while (ring_take_begin(w->events, sizeof(struct dp_event)))
		ring_take_end(w->events);
	memcpy(before, w->drops, sizeof(before));
	b = (struct burst){0};
	return 0;
}

/* Exactly n packets were dropped since note(), and all for this reason. */
static void dropped(enum drop_reason reason, unsigned n)
{
	for (unsigned i = 0; i < DROP_REASONS; i++)
		assert_int_equal(w->drops[i] - before[i], i == reason ? n : 0);
}

/* An authentic frame: LEN bytes whose first word is the label 500, and Ethernet padding behind. */
static struct rte_mbuf *frame(uint16_t link, uint32_t index, uint64_t counter)
{
	struct rte_mbuf *m = worker_mbuf(w);
	struct link_header h = {.type = LINK_DATA,
	                        .length = LEN + AEAD_TAG_BYTES,
	                        .receiver = index,
	                        .counter = counter};
	struct aead_op op = {.counter = counter, .len = LEN, .aad_len = LINK_HEADER_BYTES};
	uint8_t *p;

	assert_non_null(m);
	p = (uint8_t *)rte_pktmbuf_append(m, LINK_HEADER_BYTES + LEN + AEAD_TAG_BYTES + 3);
	assert_non_null(p);
	memset(p, 0, m->data_len);
	link_header_put(p, &h);
	be32_store(p + LINK_HEADER_BYTES, lse_make(500, 0, true, 9));
	op.in = op.out = p + LINK_HEADER_BYTES;
	op.aad = p;
	aead_seal_burst(&peer, &op, 1);
	*packet_of(m) = (struct packet){.link = link, .label = LABEL_NONE};
	return m;
}

static uint8_t *bytes(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod(m, uint8_t *);
}

/* Passes one frame. Returns the labelled packets that came of it, which are freed. */
static unsigned pass(struct rte_mbuf *m)
{
	unsigned n;

	b.sealed[b.nsealed++] = m;
	fwd_sealed(f, &b);
	assert_int_equal(b.nsealed, 0);
	n = b.nlabelled;
	rte_pktmbuf_free_bulk(b.labelled, n);
	b.nlabelled = 0;
	return n;
}

static unsigned used_events(uint32_t index)
{
	const struct dp_event *ev;
	unsigned n = 0;

	while ((ev = ring_take_begin(w->events, sizeof(*ev)))) {
		n += ev->type == EVT_SESSION_USED && ev->u.key.index == index;
		ring_take_end(w->events);
	}
	return n;
}

static void test_authentic_frame_becomes_a_labelled_packet(void **state)
{
	uint64_t received = w->link_count[NEAR].rx_packets;

	b.sealed[b.nsealed++] = frame(NEAR, INDEX, 0);
	fwd_sealed(f, &b);
	assert_int_equal(b.nlabelled, 1);
	assert_int_equal(b.labelled[0]->data_len, LEN);
	assert_int_equal(be32_load(bytes(b.labelled[0])), lse_make(500, 0, true, 9));
	assert_int_equal(packet_of(b.labelled[0])->link, NEAR);
	rte_pktmbuf_free(b.labelled[0]);
	assert_int_equal(w->link_count[NEAR].rx_packets, received + 1);
	dropped(DROP_REASONS, 0);
}

/* Control hears of the first frame under a key, and of no further one. */
static void test_first_use_is_told_once(void **state)
{
	rx_key(FAR, 46, 5);
	assert_int_equal(pass(frame(FAR, 46, 0)), 1);
	assert_int_equal(used_events(46), 1);
	assert_int_equal(pass(frame(FAR, 46, 1)), 1);
	assert_int_equal(used_events(46), 0);
}

static void test_bad_headers(void **state)
{
	struct rte_mbuf *m = frame(NEAR, INDEX, 100);

	bytes(m)[0] = LINK_DATA << 4 | (LINK_VERSION + 1);
	assert_int_equal(pass(m), 0);
	m = frame(NEAR, INDEX, 100);
	bytes(m)[0] = 15 << 4 | LINK_VERSION;
	assert_int_equal(pass(m), 0);
	m = frame(NEAR, INDEX, 100);
	be16_store(bytes(m) + 2, LEN + AEAD_TAG_BYTES + 4); /* one byte more than there is */
	assert_int_equal(pass(m), 0);
	m = frame(NEAR, INDEX, 100);
	rte_pktmbuf_trim(m, (uint16_t)(m->data_len - LINK_HEADER_BYTES + 1));
	assert_int_equal(pass(m), 0);
	dropped(DROP_BAD_HEADER, 4);
}

/* A good header in front of less than a tag. */
static void test_shorter_than_a_tag(void **state)
{
	struct rte_mbuf *m = frame(NEAR, INDEX, 100);

	be16_store(bytes(m) + 2, AEAD_TAG_BYTES - 1);
	assert_int_equal(pass(m), 0);
	dropped(DROP_RUNT, 1);
}

static void test_unknown_neighbour(void **state)
{
	assert_int_equal(pass(frame(MISSING, INDEX, 100)), 0);
	dropped(DROP_NO_LINK, 1);
}

static void test_unknown_receiver_index(void **state)
{
	assert_int_equal(pass(frame(NEAR, STRANGER, 100)), 0);
	dropped(DROP_UNKNOWN_RECEIVER, 1);
}

/* A key of one link opens nothing that came by another, unless the two share a socket: there the index alone tells the neighbours apart. */
static void test_key_belongs_to_its_link(void **state)
{
	assert_int_equal(pass(frame(FAR, INDEX, 101)), 0);
	assert_int_equal(pass(frame(FIRST, INDEX, 101)), 0);
	dropped(DROP_UNKNOWN_RECEIVER, 2);
	b.sealed[b.nsealed++] = frame(FIRST, S_INDEX, 0);
	fwd_sealed(f, &b);
	assert_int_equal(b.nlabelled, 1);
	assert_int_equal(packet_of(b.labelled[0])->link, SECOND);
	rte_pktmbuf_free(b.labelled[0]);
	dropped(DROP_UNKNOWN_RECEIVER, 2);
}

/* The owner gets the frame as it came; a frame that was handed over once is not handed on. */
static void test_frame_goes_to_the_owner_once(void **state)
{
	struct burst there = {0};
	struct rte_mbuf *m;

	assert_int_equal(pass(frame(NEAR, ELSEHOW, 7)), 0);
	dropped(DROP_REASONS, 0);
	assert_int_equal(handover_take(&r.w[1], 0, &there), 1);
	assert_int_equal(there.nsealed, 1);
	m = there.sealed[0];
	assert_int_equal(packet_of(m)->kind, PACKET_FRAME);
	assert_int_equal(packet_of(m)->link, NEAR);
	assert_int_equal(be32_load(bytes(m) + 4), ELSEHOW);
	assert_int_equal(pass(m), 0);
	dropped(DROP_UNKNOWN_RECEIVER, 1);
	assert_int_equal(handover_take(&r.w[1], 0, &there), 0);
}

/* A counter passes once, also when it stands twice in a burst, and not at all once it has left the window. */
static void test_replay_window(void **state)
{
	const uint64_t newest = 100000;

	assert_int_equal(pass(frame(NEAR, INDEX, newest)), 1);
	assert_int_equal(pass(frame(NEAR, INDEX, newest)), 0);
	dropped(DROP_REPLAY, 1);
	assert_int_equal(pass(frame(NEAR, INDEX, newest + 1 - REPLAY_WINDOW)), 1);
	assert_int_equal(pass(frame(NEAR, INDEX, newest - REPLAY_WINDOW)), 0);
	dropped(DROP_REPLAY, 2);
	b.sealed[b.nsealed++] = frame(NEAR, INDEX, newest + 1);
	b.sealed[b.nsealed++] = frame(NEAR, INDEX, newest + 1);
	assert_int_equal(pass(frame(NEAR, INDEX, newest + 2)), 2);
	dropped(DROP_REPLAY, 3);
}

/* Neither content nor header can be changed on the way, and what fails moves no window: the true frame still passes. */
static void test_forged_frame_changes_nothing(void **state)
{
	const uint64_t far_ahead = UINT64_C(1) << 40, next = 100010;
	struct rte_mbuf *m = frame(NEAR, INDEX, next);

	bytes(m)[LINK_HEADER_BYTES + LEN / 2] ^= 1;
	assert_int_equal(pass(m), 0);
	m = frame(NEAR, INDEX, next);
	bytes(m)[1] ^= LINK_FLAG_IK;
	assert_int_equal(pass(m), 0);
	m = frame(NEAR, INDEX, next);
	be64_store(bytes(m) + 8, far_ahead);
	assert_int_equal(pass(m), 0);
	dropped(DROP_AUTH, 3);
	assert_int_equal(pass(frame(NEAR, INDEX, next)), 1);
}

/* Frames of two keys by turns, one of them forged: each is opened under its own key, and the order stays. */
static void test_mixed_burst(void **state)
{
	static const uint16_t link[4] = {NEAR, SECOND, SECOND, NEAR};

	for (unsigned i = 0; i < 4; i++)
		b.sealed[b.nsealed++] =
		        frame(link[i], link[i] == NEAR ? INDEX : S_INDEX, 200000 + i);
	bytes(b.sealed[1])[LINK_HEADER_BYTES] ^= 1;
	fwd_sealed(f, &b);
	assert_int_equal(b.nlabelled, 3);
	assert_int_equal(packet_of(b.labelled[0])->link, NEAR);
	assert_int_equal(packet_of(b.labelled[1])->link, SECOND);
	assert_int_equal(packet_of(b.labelled[2])->link, NEAR);
	rte_pktmbuf_free_bulk(b.labelled, b.nlabelled);
	dropped(DROP_AUTH, 1);
}

/* A first message of a node that knows nobody's id, from a host of this /24, with Ethernet padding behind. cookie: NULL: without mac2. */
static struct rte_mbuf *first_message(uint32_t prefix, const uint8_t *cookie)
{
	struct link_header h = {.type = LINK_HS1, .length = HS1_ENVELOPE, .counter = 99};
	size_t mac1 = LINK_HEADER_BYTES + HS1_ENVELOPE - HS_MACS_BYTES;
	static const struct node_id nobody;
	struct rte_mbuf *m = worker_mbuf(w);
	uint8_t *p;

	assert_non_null(m);
	p = (uint8_t *)rte_pktmbuf_append(m, LINK_HEADER_BYTES + HS1_ENVELOPE + 3);
	memset(p, 0, m->data_len);
	link_header_put(p, &h);
	cookie_mac1(&nobody, p, mac1, p + mac1);
	if (cookie)
		cookie_mac2(cookie, p, mac1 + COOKIE_MAC_BYTES, p + mac1 + COOKIE_MAC_BYTES);
	*packet_of(m) =
	        (struct packet){.link = FIRST, .label = LABEL_NONE, .family = 4, .port = 4000};
	be32_store(packet_of(m)->addr, prefix << 8 | 1);
	return m;
}

static unsigned punted(void)
{
	const struct dp_event *ev;
	unsigned n = 0;

	while ((ev = ring_take_begin(w->events, sizeof(*ev)))) {
		n++;
		assert_int_equal(ev->type, EVT_PACKET);
		assert_int_equal(ev->u.packet.reason, PUNT_HANDSHAKE);
		assert_false(ev->u.packet.authenticated);
		assert_int_equal(ev->u.packet.link, FIRST);
		assert_int_equal(ev->u.packet.len, LINK_HEADER_BYTES + HS1_ENVELOPE);
		ring_take_end(w->events);
	}
	return n;
}

/* Control gets header and body without the padding; under load a first message is answered by a cookie instead, with which the next one
 * passes. */
static void test_under_load_strangers_get_cookies(void **state)
{
	uint8_t answer[2048], cookie[COOKIE_BYTES];
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)};
	size_t mac1 = LINK_HEADER_BYTES + HS1_ENVELOPE - HS_MACS_BYTES;
	static const struct node_id nobody;
	socklen_t len = sizeof(to);
	struct link_header h;
	struct rte_mbuf *m;
	uint8_t sent[COOKIE_MAC_BYTES];
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(s, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(getsockname(s, (struct sockaddr *)&to, &len), 0);
	for (unsigned i = 0; i < DOOR_UNPROVEN_BURST; i++)
		assert_int_equal(pass(first_message(i, NULL)), 0);
	assert_int_equal(punted(), DOOR_UNPROVEN_BURST);
	dropped(DROP_REASONS, 0);

	m = first_message(0x7f0000, NULL);
	packet_of(m)->port = ntohs(to.sin_port);
	memcpy(sent, bytes(m) + mac1, sizeof(sent));
	assert_int_equal(pass(m), 0);
	assert_int_equal(punted(), 0);
	dropped(DROP_DOOR_COOKIE, 1);
	assert_int_equal(w->count.cookies, 1);
	assert_int_equal(recv(s, answer, sizeof(answer), MSG_DONTWAIT), DOOR_ANSWER_BYTES);
	assert_true(link_header_get(answer, DOOR_ANSWER_BYTES, &h));
	assert_int_equal(h.type, LINK_COOKIE);
	assert_int_equal(h.receiver, 99);
	assert_int_equal(cookie_open(&nobody, sent, answer + LINK_HEADER_BYTES, cookie), 0);

	m = first_message(0x7f0000, cookie);
	packet_of(m)->port = ntohs(to.sin_port);
	assert_int_equal(pass(m), 0);
	assert_int_equal(punted(), 1);
	dropped(DROP_DOOR_COOKIE, 1);
	close(s);
}

/* What is no first message of this node costs nobody a place. */
static void test_strangers_that_are_not_for_this_node(void **state)
{
	struct rte_mbuf *m = first_message(1, NULL);

	bytes(m)[LINK_HEADER_BYTES + 9] ^= 1;
	assert_int_equal(pass(m), 0);
	dropped(DROP_DOOR_MAC1, 1);
	m = first_message(1, NULL);
	be16_store(bytes(m) + 2, HS1_ENVELOPE - 1);
	assert_int_equal(pass(m), 0);
	assert_int_equal(punted(), 0);
	assert_int_equal(w->drops[DROP_RUNT] - before[DROP_RUNT], 1);
}

/* Third messages from one prefix use up its share; whoever comes from elsewhere is heard, unless this node gave it no such index. */
static void test_a_flood_from_one_prefix(void **state)
{
	struct hsindex x;

	hsindex_init(&x, r.cfg.cookie_key);
	w->now.ns += 2 * NS_PER_S;
	for (unsigned i = 0; i < 2000; i++) {
		struct rte_mbuf *m = first_message(i % 100 != 99 ? 0 : 1 + i / 100, NULL);
		const struct packet *p = packet_of(m);

		bytes(m)[0] = LINK_HS3 << 4 | LINK_VERSION;
		be32_store(bytes(m) + 4, hsindex_answer(&x, i, 4, p->addr, p->mac));
		assert_int_equal(pass(m), 0);
	}
	assert_int_equal(punted(), 21 + 20);
	dropped(DROP_DOOR_SHARE, 2000 - 41);
	for (unsigned type = LINK_HS2; type <= LINK_COOKIE; type++) {
		struct rte_mbuf *m = first_message(50, NULL);

		bytes(m)[0] = (uint8_t)(type << 4 | LINK_VERSION);
		assert_int_equal(pass(m), 0);
	}
	assert_int_equal(punted(), 0);
	assert_int_equal(w->drops[DROP_DOOR_INDEX] - before[DROP_DOOR_INDEX], 3);
}

/* Control is told which frames of a lane have come, and how far the window remembers. */
static void test_frames_that_have_come_are_told(void **state)
{
	static const uint64_t from = 1 << 20;
	struct cp_cmd c = {.type = CMD_LANE_SEEN};
	struct dp_event *ev;

	for (unsigned i = 0; i < 100; i += 3) {
		b.sealed[b.nsealed++] = frame(NEAR, INDEX, from + i);
		fwd_sealed(f, &b);
		while (b.nlabelled)
			rte_pktmbuf_free(b.labelled[--b.nlabelled]);
	}
	note(state);
	c.u.lane_seen = (struct cp_lane_seen){.link = NEAR, .index = INDEX, .first = from - 1};
	assert_int_equal(fwd_command(f, &c), 0);
	ev = ring_take_begin(w->events, sizeof(*ev));
	assert_non_null(ev);
	assert_int_equal(ev->type, EVT_LANE_SEEN);
	assert_int_equal(ev->u.lane_seen.first, from - 1);
	assert_int_equal(ev->u.lane_seen.unknown, 0);
	for (unsigned i = 0; i < CPDP_SAMPLE_FRAMES; i++)
		assert_int_equal(ev->u.lane_seen.seen[i / 64] >> i % 64 & 1,
		                 i >= 1 && i <= 100 && (i - 1) % 3 == 0);
	ring_take_end(w->events);
	/* The newest is from + 99; the window reaches back to from + 100 - REPLAY_WINDOW. */
	c.u.lane_seen.first = from + 100 - REPLAY_WINDOW - 5;
	assert_int_equal(fwd_command(f, &c), 0);
	ev = ring_take_begin(w->events, sizeof(*ev));
	assert_int_equal(ev->u.lane_seen.unknown, 5);
	ring_take_end(w->events);
	c.u.lane_seen.first = 0;
	assert_int_equal(fwd_command(f, &c), 0);
	ev = ring_take_begin(w->events, sizeof(*ev));
	assert_int_equal(ev->u.lane_seen.unknown, CPDP_SAMPLE_FRAMES);
	ring_take_end(w->events);
	/* Of a lane of another link, or of none, nothing is told. */
	c.u.lane_seen.link = FAR;
	assert_int_equal(fwd_command(f, &c), 0);
	c.u.lane_seen = (struct cp_lane_seen){.link = NEAR, .index = STRANGER};
	assert_int_equal(fwd_command(f, &c), 0);
	assert_null(ring_take_begin(w->events, sizeof(*ev)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup(test_authentic_frame_becomes_a_labelled_packet, note),
	        cmocka_unit_test_setup(test_first_use_is_told_once, note),
	        cmocka_unit_test_setup(test_bad_headers, note),
	        cmocka_unit_test_setup(test_shorter_than_a_tag, note),
	        cmocka_unit_test_setup(test_unknown_neighbour, note),
	        cmocka_unit_test_setup(test_unknown_receiver_index, note),
	        cmocka_unit_test_setup(test_key_belongs_to_its_link, note),
	        cmocka_unit_test_setup(test_frame_goes_to_the_owner_once, note),
	        cmocka_unit_test_setup(test_replay_window, note),
	        cmocka_unit_test_setup(test_forged_frame_changes_nothing, note),
	        cmocka_unit_test_setup(test_mixed_burst, note),
	        cmocka_unit_test_setup(test_under_load_strangers_get_cookies, note),
	        cmocka_unit_test_setup(test_strangers_that_are_not_for_this_node, note),
	        cmocka_unit_test_setup(test_a_flood_from_one_prefix, note),
	        cmocka_unit_test_setup(test_frames_that_have_come_are_told, note),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
