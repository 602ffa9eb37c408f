/* SPDX-License-Identifier: BSD-3-Clause */
/* Two workers, sealed links over loopback sockets, the test in the middle of the wire: forwarding, punts and every drop on the way. */
#include "plane.h"
#include "crypto/hsindex.h"
#include "wire/link.h"
#include "wire/lse.h"
#include "wire/tunnel.h"

#define LABEL_IN  0x12345u
#define LABEL_OUT 0x00777u

/* Link 0 --(test)--> link 1 swaps to link 2 --> link 3, where the tunnel ends. Receiver index 101 is worker 1's, while worker 0 reads every socket:
 * frames are handed over on arrival and again on departure. */
static struct plane p;
static int fd[4], middle;
static uint16_t port[4], middle_port;

static void add_links(void)
{
	middle = loop_socket(&middle_port);
	for (int i = 0; i < 4; i++)
		fd[i] = loop_socket(&port[i]);
	for (uint16_t i = 0; i < 4; i++) {
		uint16_t to = i < 2 ? middle_port : port[5 - i];
		struct cp_cmd set = udp_link(i, 0, fd[i], to), open = open_link(i, true);

		plane_all(&p, &set);
		plane_all(&p, &open);
	}
}

static void add_keys(void)
{
	struct cp_cmd c = lane(CMD_LINK_TX_KEY, 0, 101, 1);

	plane_do(&p, 0, &c);
	c = lane(CMD_LINK_RX_KEY, 1, 101, 1);
	plane_do(&p, 1, &c);
	for (unsigned w = 0; w < 2; w++) {
		c = lane(CMD_LINK_TX_KEY, 2, 200 + w, (uint8_t)(20 + w));
		plane_do(&p, w, &c);
		c = lane(CMD_LINK_RX_KEY, 3, 200 + w, (uint8_t)(20 + w));
		plane_do(&p, w, &c);
	}
	c = ilm(1, LABEL_IN, ILM_SWAP, 2, LABEL_OUT);
	plane_all(&p, &c);
	c = ilm(3, LABEL_OUT, ILM_SINK, 0, 0);
	plane_all(&p, &c);
}

static int setup(void **state)
{
	static struct dp_cfg cfg = {.name = "test", .workers = 2, .punt_rate = 20000};

	plane_start(&p, &cfg);
	add_links();
	add_keys();
	return 0;
}

static int teardown(void **state)
{
	for (uint16_t i = 0; i < 4; i++) {
		struct cp_cmd c = {.type = CMD_LINK_DEL};

		c.u.link.link = i;
		plane_all(&p, &c);
		close(fd[i]);
	}
	dp_stop(p.dp);
	close(middle);
	return 0;
}

/* A label and an OAM body in the clear behind it. */
static size_t oam_packet(uint8_t *out, uint32_t label, unsigned ttl)
{
	size_t total = TUNNEL_HEADER_BYTES + OAM_BYTES;

	be32_store(out, lse_make(label, TC_CONTROL, true, ttl));
	tunnel_header_put(out + LSE_BYTES, &(struct tunnel_header){.type = TUNNEL_OAM_CLEAR},
	                  total);
	memset(out + LSE_BYTES + TUNNEL_HEADER_BYTES, 0x5a, OAM_BYTES);
	return LSE_BYTES + total;
}

/* Has link 0 seal a packet and takes the frame off the wire. */
static size_t frame_of(const uint8_t *packet, size_t len, uint8_t frame[2048])
{
	struct cp_cmd c = packet_on(0, packet, len);

	plane_do(&p, 0, &c);
	return loop_receive(middle, frame, 2048);
}

static void to_link1(const uint8_t *frame, size_t len)
{
	loop_send(middle, port[1], frame, len);
}

static void test_swap_across_workers(void **state)
{
	uint8_t packet[128], frame[2048];
	size_t len = oam_packet(packet, LABEL_IN, 64), n = frame_of(packet, len, frame);
	struct dp_link_counters before, after;
	struct dp_worker_counters c0, c1;
	struct dp_event ev;

	assert_int_equal(n, LINK_HEADER_BYTES + len + 16);
	assert_true(dp_link_counters(p.dp, 3, &before));
	to_link1(frame, n);
	assert_true(plane_event(&p, EVT_PACKET, PUNT_OAM, &ev));
	assert_int_equal(ev.u.packet.link, 3);
	assert_int_equal(ev.u.packet.in_label, LABEL_OUT);
	assert_int_equal(ev.u.packet.authenticated, 0); /* OAM in the clear */
	assert_int_equal(ev.u.packet.len, OAM_BYTES);
	assert_int_equal(ev.u.packet.data[0], 0x5a);
	dp_link_counters(p.dp, 3, &after);
	assert_int_equal(after.rx_packets - before.rx_packets, 1);
	assert_int_equal(after.rx_data_packets - before.rx_data_packets, 1);
	dp_worker_counters(p.dp, 0, &c0);
	dp_worker_counters(p.dp, 1, &c1);
	assert_int_equal(c0.switched_packets, 0);
	assert_int_equal(c1.switched_packets, 1); /* the worker that owns the receiver index */
	assert_false(dp_link_counters(p.dp, 9, &after));
}

static void test_replay_forgery_and_strangers(void **state)
{
	uint8_t packet[128], frame[2048], bad[2048];
	size_t n = frame_of(packet, oam_packet(packet, LABEL_IN, 64), frame);
	uint64_t replays = plane_drops(&p, "replay"), auth = plane_drops(&p, "auth_failed");
	uint64_t unknown = plane_drops(&p, "unknown_receiver"),
	         head = plane_drops(&p, "bad_header");
	struct dp_event ev;

	/* forged first: it must not use up the counter of the authentic one */
	for (size_t i = 8; i < n; i += 7) {
		memcpy(bad, frame, n);
		bad[i] ^= 1;
		if (i < 16) /* counter: another nonce, still small */
			continue;
		to_link1(bad, n);
		plane_dropped(&p, "auth_failed", ++auth);
	}
	to_link1(frame, n);
	assert_true(plane_event(&p, EVT_PACKET, PUNT_OAM, &ev));
	to_link1(frame, n);
	plane_dropped(&p, "replay", replays + 1);
	memcpy(bad, frame, n);
	be32_store(bad + 4, 999999);
	to_link1(bad, n);
	plane_dropped(&p, "unknown_receiver", unknown + 1);
	loop_send(middle, port[3], frame, n); /* a key of another link */
	plane_dropped(&p, "unknown_receiver", unknown + 2);
	bad[0] = 0x51;
	to_link1(bad, n);
	to_link1(frame, 15);
	be16_store(bad + 2, (uint16_t)n);
	bad[0] = 0x52;
	to_link1(bad, n);
	plane_dropped(&p, "bad_header", head + 3);
}

static void test_unknown_label_and_ttl(void **state)
{
	uint8_t packet[128], frame[2048];
	uint64_t unknown = plane_drops(&p, "unknown_label"), ttl = plane_drops(&p, "ttl_expired");
	struct dp_event ev;
	size_t n;

	n = frame_of(packet, oam_packet(packet, LABEL_IN + 1, 64), frame);
	to_link1(frame, n);
	plane_dropped(&p, "unknown_label", unknown + 1);
	assert_true(plane_event(&p, EVT_PACKET, PUNT_UNKNOWN_LABEL, &ev));
	assert_int_equal(ev.u.packet.in_label, LABEL_IN + 1);
	/* a label of link 3 means nothing on link 1 */
	n = frame_of(packet, oam_packet(packet, LABEL_OUT, 64), frame);
	to_link1(frame, n);
	plane_dropped(&p, "unknown_label", unknown + 2);

	for (unsigned t = 0; t < 2; t++) {
		n = frame_of(packet, oam_packet(packet, LABEL_IN, t), frame);
		to_link1(frame, n);
		assert_true(plane_event(&p, EVT_PACKET, PUNT_TTL, &ev));
		assert_int_equal(ev.u.packet.in_label, LABEL_IN);
		assert_int_equal(be32_load(ev.u.packet.data),
		                 lse_make(LABEL_IN, TC_CONTROL, true, t));
	}
	plane_dropped(&p, "ttl_expired", ttl + 2);
}

static void test_control_is_punted(void **state)
{
	uint8_t packet[64] = {0}, frame[2048];
	struct dp_event ev;
	size_t n;

	be32_store(packet, lse_make(LABEL_GAL, TC_CONTROL, true, 255));
	n = frame_of(packet, sizeof(packet), frame);
	to_link1(frame, n);
	assert_true(plane_event(&p, EVT_PACKET, PUNT_CONTROL, &ev));
	assert_int_equal(ev.u.packet.link, 1);
	assert_int_equal(ev.u.packet.len, sizeof(packet));
	assert_memory_equal(ev.u.packet.data, packet, sizeof(packet));
	be32_store(packet, lse_make(LABEL_ROUTER_ALERT, TC_CONTROL, false, 255));
	n = frame_of(packet, sizeof(packet), frame);
	to_link1(frame, n);
	assert_true(plane_event(&p, EVT_PACKET, PUNT_CONTROL, &ev));
}

static void test_closed_link(void **state)
{
	uint8_t packet[128], frame[2048];
	struct cp_cmd shut = open_link(1, false), open = open_link(1, true);
	uint64_t closed = plane_drops(&p, "link_closed");
	struct dp_event ev;
	size_t n;

	plane_all(&p, &shut);
	n = frame_of(packet, oam_packet(packet, LABEL_IN, 64), frame);
	to_link1(frame, n);
	plane_dropped(&p, "link_closed", closed + 1);
	be32_store(packet, lse_make(LABEL_ROUTER_ALERT, TC_CONTROL, false, 255));
	n = frame_of(packet, 64, frame);
	to_link1(frame, n);
	plane_dropped(&p, "link_closed", closed + 2);
	/* the talk that opens a link crosses one that is closed */
	be32_store(packet, lse_make(LABEL_GAL, TC_LIVENESS, true, 255));
	n = frame_of(packet, 64, frame);
	to_link1(frame, n);
	assert_true(plane_event(&p, EVT_PACKET, PUNT_CONTROL, &ev));
	plane_all(&p, &open);
	n = frame_of(packet, oam_packet(packet, LABEL_IN, 64), frame);
	to_link1(frame, n);
	assert_true(plane_event(&p, EVT_PACKET, PUNT_OAM, &ev));
}

static void test_handshake_and_raw(void **state)
{
	static const uint8_t key[32], from[16] = {127}, no_mac[6];
	uint8_t frame[256] = {0}, answer[2048];
	struct hsindex x;
	struct cp_cmd c;
	struct dp_event ev;

	hsindex_init(&x, key);
	link_header_put(frame,
	                &(struct link_header){.type = LINK_HS3,
	                                      .length = 100,
	                                      .counter = 7,
	                                      .receiver = hsindex_answer(&x, 5, 4, from, no_mac)});
	to_link1(frame, 130); /* 14 bytes of padding */
	assert_true(plane_event(&p, EVT_PACKET, PUNT_HANDSHAKE, &ev));
	assert_int_equal(ev.u.packet.link, 1);
	assert_int_equal(ev.u.packet.len, LINK_HEADER_BYTES + 100);
	assert_int_equal(ev.u.packet.authenticated, 0);
	assert_int_equal(ev.u.packet.family, 4);
	assert_int_equal(ev.u.packet.addr_port, middle_port);
	assert_int_equal(ev.u.packet.addr[0], 127);

	/* the answer goes to that address, unsealed, also from the worker that does not own the socket */
	for (unsigned w = 0; w < 2; w++) {
		c = packet_on(3, frame, 116);
		c.u.send.raw = 1;
		c.u.send.has_addr = 1;
		c.u.send.family = 4;
		c.u.send.addr_port = middle_port;
		memcpy(c.u.send.addr, ev.u.packet.addr, 16);
		plane_do(&p, w, &c);
		assert_int_equal(loop_receive(middle, answer, sizeof(answer)), 116);
		assert_memory_equal(answer, frame, 116);
	}
}

static void test_label_use(void **state)
{
	struct cp_cmd c = {.type = CMD_QUERY_LABEL, .cookie = 77};
	struct dp_event ev;

	c.u.ilm.in_link = 1;
	c.u.ilm.in_label = LABEL_IN;
	plane_do(&p, 1, &c);
	assert_true(plane_event(&p, EVT_LABEL_USE, 0, &ev));
	assert_int_equal(ev.cookie, 77);
	assert_int_equal(ev.worker, 1);
	assert_true(ev.u.use.packets >= 1 && ev.u.use.bytes >= 32 * ev.u.use.packets);
	assert_true(ev.u.use.idle_ns >= 0 && ev.u.use.idle_ns < INT64_C(60) * 1000000000);
	c.u.ilm.in_label = LABEL_IN + 9;
	plane_do(&p, 0, &c);
	assert_true(plane_event(&p, EVT_LABEL_USE, 0, &ev));
	assert_true(ev.u.use.idle_ns < 0);
}

static void test_source_learnt(void **state)
{
	uint8_t packet[128], frame[2048];
	uint16_t other_port;
	int other = loop_socket(&other_port);
	size_t n = frame_of(packet, oam_packet(packet, LABEL_IN, 64), frame);
	uint64_t forged = plane_drops(&p, "auth_failed");
	struct dp_event ev;

	frame[n - 1] ^= 1; /* forged: teaches nothing */
	loop_send(other, port[1], frame, n);
	plane_dropped(&p, "auth_failed", forged + 1);
	frame[n - 1] ^= 1;
	loop_send(other, port[1], frame, n);
	assert_true(plane_event(&p, EVT_LINK_LEARNT, 0, &ev));
	assert_int_equal(ev.u.learnt.link, 1);
	assert_int_equal(ev.u.learnt.port, other_port);
	assert_int_equal(ev.u.learnt.family, 4);
	close(other);
}

static void test_commands_that_make_no_sense(void **state)
{
	uint64_t bad = plane_drops(&p, "bad_command"), n = 0;
	struct cp_cmd c;

	for (uint32_t type = 1; type < 64; type++) {
		if (type >= CMD_SESSION_SET && type <= CMD_UNREACHABLE)
			continue;
		if (type >= CMD_SEND_SESSION && type <= CMD_DRAIN)
			continue;
		memset(&c, 0xff, sizeof(c));
		c.type = type;
		c.cookie = 0;
		if (type == CMD_SEND)
			c.u.send.len = CPDP_PACKET_MAX;
		plane_do(&p, 0, &c);
		/* Answered: no such entry; a key that has gone. */
		n += type != CMD_QUERY_LABEL && type != CMD_LANE_SEEN;
	}
	plane_dropped(&p, "bad_command", bad + n);
	c = ilm(1, LABEL_RESERVED_MAX, ILM_SWAP, 2, 99);
	plane_do(&p, 0, &c);
	c = lane(CMD_LINK_RX_KEY, 1, 102, 1); /* worker 0's index */
	plane_do(&p, 1, &c);
	c = lane(CMD_LINK_RX_KEY, 1, 101, 9); /* in use with another key */
	plane_do(&p, 1, &c);
	c = udp_link(7, 0, 0, 1); /* descriptor 0 is no datagram socket */
	plane_do(&p, 0, &c);
	plane_dropped(&p, "bad_command", bad + n + 4);
}

static void test_link_goes(void **state)
{
	uint8_t packet[128], frame[2048];
	size_t n = frame_of(packet, oam_packet(packet, LABEL_IN, 64), frame);
	struct cp_cmd c = {.type = CMD_LINK_DEL};
	uint64_t gone = plane_drops(&p, "no_link"), unknown;

	c.u.link.link = 2;
	plane_all(&p, &c);
	to_link1(frame, n);
	plane_dropped(&p, "no_link", gone + 1);
	c.u.link.link = 1;
	plane_all(&p, &c);
	unknown = plane_drops(&p, "unknown_receiver");
	c = udp_link(1, 0, fd[1], middle_port);
	plane_all(&p, &c);
	to_link1(frame, n); /* the keys went with the link */
	plane_dropped(&p, "unknown_receiver", unknown + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_swap_across_workers),
	        cmocka_unit_test(test_replay_forgery_and_strangers),
	        cmocka_unit_test(test_unknown_label_and_ttl),
	        cmocka_unit_test(test_control_is_punted),
	        cmocka_unit_test(test_closed_link),
	        cmocka_unit_test(test_handshake_and_raw),
	        cmocka_unit_test(test_label_use),
	        cmocka_unit_test(test_source_learnt),
	        cmocka_unit_test(test_commands_that_make_no_sense),
	        cmocka_unit_test(test_link_goes),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
