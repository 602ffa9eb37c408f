/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet links on a port that hears itself: plain MPLS frames, sealed frames, VLANs, MAC rules, runts. */
#include "plane.h"
#include "crypto/hsindex.h"
#include "wire/link.h"
#include "wire/lse.h"
#include "wire/tunnel.h"

/* net_ring returns what is sent on it: every link is its own neighbour. Link 0 is plain, 1 sealed on VLAN 7, 2 plain on VLAN 8. */
static struct plane p;
static uint16_t port;

static struct cp_cmd ether_link(uint16_t link, uint16_t vlan, bool sealed)
{
	struct cp_cmd c = {.type = CMD_LINK_SET};

	c.u.link = (struct cp_link){.link = link,
	                            .type = LINK_ETHERNET,
	                            .sealed = sealed,
	                            .mtu = 1500,
	                            .port = port,
	                            .vlan = vlan};
	return c;
}

static int setup(void **state)
{
	static struct dp_port_cfg ports[] = {{.name = "loop", .device = "net_ring0"}};
	static struct dp_cfg cfg = {
	        .name = "ether", .workers = 1, .ports = ports, .nports = 1, .punt_rate = 20000};
	struct cp_cmd c;
	int id;

	plane_start(&p, &cfg);
	id = dp_port_index(p.dp, "loop");
	assert_true(id >= 0);
	assert_true(dp_port_index(p.dp, "none") < 0);
	port = (uint16_t)id;
	for (uint16_t i = 0; i < 3; i++) {
		c = ether_link(i, i ? (uint16_t)(6 + i) : 0, i == 1);
		plane_do(&p, 0, &c);
		c = open_link(i, true);
		plane_do(&p, 0, &c);
	}
	c = lane(CMD_LINK_TX_KEY, 1, 5, 3);
	plane_do(&p, 0, &c);
	c = lane(CMD_LINK_RX_KEY, 1, 5, 3);
	plane_do(&p, 0, &c);
	return 0;
}

static int teardown(void **state)
{
	dp_stop(p.dp);
	return 0;
}

static size_t oam_packet(uint8_t *out, uint32_t label)
{
	size_t total = TUNNEL_HEADER_BYTES + OAM_BYTES;

	be32_store(out, lse_make(label, TC_CONTROL, true, 9));
	tunnel_header_put(out + LSE_BYTES, &(struct tunnel_header){.type = TUNNEL_OAM_CLEAR},
	                  total);
	memset(out + LSE_BYTES + TUNNEL_HEADER_BYTES, 0x11, OAM_BYTES);
	return LSE_BYTES + total;
}

/* Plain to sealed to VLAN, and the padding that Ethernet put behind a short packet is gone at the end. */
static void test_swap_across_kinds_of_link(void **state)
{
	uint8_t packet[128] = {0};
	struct cp_cmd c;
	struct dp_event ev;
	struct dp_worker_counters before, after;

	c = ilm(0, 1000, ILM_SWAP, 1, 2000);
	plane_do(&p, 0, &c);
	c = ilm(1, 2000, ILM_SWAP, 2, 3000);
	plane_do(&p, 0, &c);
	c = ilm(2, 3000, ILM_SINK, 0, 0);
	plane_do(&p, 0, &c);
	dp_worker_counters(p.dp, 0, &before);
	for (unsigned pad = 0; pad <= 46; pad++) {
		c = packet_on(0, packet, oam_packet(packet, 1000) + pad);
		plane_do(&p, 0, &c);
		assert_true(plane_event(&p, EVT_PACKET, PUNT_OAM, &ev));
		assert_int_equal(ev.u.packet.link, 2);
		assert_int_equal(ev.u.packet.len, OAM_BYTES);
	}
	dp_worker_counters(p.dp, 0, &after);
	assert_int_equal(after.switched_packets - before.switched_packets, 2 * 47);
}

static void test_handshake_on_ethernet(void **state)
{
	uint8_t frame[64] = {0}, mac[6];
	struct link_header h = {.type = LINK_HS2, .length = 20};
	struct hsindex x;
	struct dp_event ev;
	struct cp_cmd c;
	uint64_t types = plane_drops(&p, "ethertype");
	uint16_t mtu;
	bool up;

	assert_int_equal(dp_port_info(p.dp, port, &up, &mtu, mac), 0);
	assert_true(up && mtu >= 1500);
	assert_true(dp_port_info(p.dp, 31, &up, &mtu, mac) < 0);
	hsindex_init(&x, (const uint8_t[32]){0});
	h.receiver = hsindex_own(&x, 5);
	link_header_put(frame, &h);
	c = packet_on(1, frame, sizeof(frame));
	c.u.send.raw = 1;
	plane_do(&p, 0, &c);
	assert_true(plane_event(&p, EVT_PACKET, PUNT_HANDSHAKE, &ev));
	assert_int_equal(ev.u.packet.len, LINK_HEADER_BYTES + 20);
	assert_int_equal(ev.u.packet.family, 0);
	assert_memory_equal(ev.u.packet.mac, mac, 6);
	/* a plain link takes no sealed frame */
	c.u.send.link = 0;
	plane_do(&p, 0, &c);
	plane_dropped(&p, "ethertype", types + 1);
}

static void test_mac_check_and_unknown_vlan(void **state)
{
	uint8_t packet[128];
	struct cp_cmd c = ether_link(2, 8, false), del = {.type = CMD_LINK_DEL};
	uint64_t macs = plane_drops(&p, "wrong_mac"), vlans = plane_drops(&p, "unknown_vlan");

	memset(c.u.link.peer_mac, 2, 6); /* not the one this port sends from */
	c.u.link.check_mac = 1;
	plane_do(&p, 0, &c);
	c = packet_on(2, packet, oam_packet(packet, 3000));
	plane_do(&p, 0, &c);
	plane_dropped(&p, "wrong_mac", macs + 1);

	/* sent in the same turn that deletes the link: nobody is there when it comes back */
	c.seq = ++p.seq[0];
	del.u.link.link = 2;
	del.seq = ++p.seq[0];
	assert_int_equal(dp_command(p.dp, 0, &c), 0);
	assert_int_equal(dp_command(p.dp, 0, &del), 0);
	PLANE_UNTIL(&p, dp_acked(p.dp, 0) >= del.seq);
	/* or it came back in between */
	PLANE_UNTIL(&p, plane_drops(&p, "unknown_vlan") + plane_drops(&p, "wrong_mac") >=
	                        vlans + macs + 2);
	assert_int_equal(plane_drops(&p, "unknown_vlan") + plane_drops(&p, "wrong_mac"),
	                 vlans + macs + 2);
}

static void test_too_big_and_no_key(void **state)
{
	uint8_t packet[CPDP_PACKET_MAX] = {0};
	struct cp_cmd c = {.type = CMD_LINK_DEL}, set = ether_link(1, 7, true);
	uint64_t big = plane_drops(&p, "too_big"), nokey = plane_drops(&p, "no_key");

	be32_store(packet, lse_make(LABEL_RESERVED_MAX + 1, 0, true, 9));
	c = packet_on(0, packet, 1501);
	plane_do(&p, 0, &c);
	plane_dropped(&p, "too_big", big + 1);
	/* Control's probes may be larger than what the link is known to carry. */
	be32_store(packet, lse_make(LABEL_GAL, TC_CONTROL, true, 1));
	c = packet_on(0, packet, 1501);
	plane_do(&p, 0, &c);
	plane_dropped(&p, "too_big", big + 1);
	c = (struct cp_cmd){.type = CMD_LINK_DEL};
	c.u.link.link = 1;
	plane_do(&p, 0, &c);
	plane_do(&p, 0, &set);
	c = packet_on(1, packet, 100);
	plane_do(&p, 0, &c);
	plane_dropped(&p, "no_key", nokey + 1);
}

/* A neighbour that floods control is cut to its rate, its liveness is not. */
static void test_punt_rate(void **state)
{
	uint8_t packet[64] = {0};
	struct cp_cmd c;
	unsigned liveness = 0;
	struct dp_event ev;

	for (unsigned i = 0; i < 30000; i++) {
		be32_store(packet,
		           lse_make(LABEL_GAL, i % 300 ? TC_CONTROL : TC_LIVENESS, true, 1));
		c = packet_on(0, packet, sizeof(packet));
		c.seq = ++p.seq[0];
		while (dp_command(p.dp, 0, &c))
			plane_pump(&p, 1);
		liveness += i % 300 == 0;
		if (i % 64 == 0) {
			plane_pump(&p, 0);
			p.n = 0;
		}
	}
	PLANE_UNTIL(&p, dp_acked(p.dp, 0) >= p.seq[0]);
	assert_true(plane_drops(&p, "punt_rate") > 0);
	p.n = 0;
	be32_store(packet, lse_make(LABEL_GAL, TC_LIVENESS, true, 1));
	c = packet_on(0, packet, sizeof(packet));
	plane_do(&p, 0, &c);
	assert_true(plane_event(&p, EVT_PACKET, PUNT_CONTROL, &ev));
	assert_true(liveness == 100);
}

/* A port that control is about to take the device of: what is to be sent there is dropped and counted, and it is used again afterwards. */
static void test_held_port(void **state)
{
	struct cp_cmd c = {.type = CMD_PORT};
	uint64_t gone = plane_drops(&p, "port_gone"), bad = plane_drops(&p, "bad_command");
	uint8_t packet[64] = {0};
	struct cp_cmd send;
	struct dp_event ev;

	be32_store(packet, lse_make(LABEL_GAL, TC_LIVENESS, true, 1));
	send = packet_on(0, packet, sizeof(packet));
	c.u.port.port = port;
	plane_do(&p, 0, &c);
	plane_do(&p, 0, &send);
	assert_int_equal(plane_drops(&p, "port_gone"), gone + 1);
	c.u.port.on = 1;
	plane_do(&p, 0, &c);
	p.n = 0;
	plane_do(&p, 0, &send);
	assert_true(plane_event(&p, EVT_PACKET, PUNT_CONTROL, &ev));
	assert_int_equal(plane_drops(&p, "port_gone"), gone + 1);
	c.u.port.port = UINT16_MAX;
	plane_do(&p, 0, &c);
	c.u.port.port = port + 1u; /* never started */
	plane_do(&p, 0, &c);
	assert_int_equal(plane_drops(&p, "bad_command"), bad + 2);
	assert_null(dp_port_fault(p.dp, port));
	assert_null(dp_port_fault(p.dp, UINT16_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_swap_across_kinds_of_link),
	        cmocka_unit_test(test_handshake_on_ethernet),
	        cmocka_unit_test(test_mac_check_and_unknown_vlan),
	        cmocka_unit_test(test_too_big_and_no_key),
	        cmocka_unit_test(test_held_port),
	        cmocka_unit_test(test_punt_rate),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
