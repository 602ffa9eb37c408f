/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands about links: what makes no sense is refused and changes nothing; keys come, stay with their counters, and go with their link. */
#include "../room.h"
#include "core/link.h"
#include "crypto/aead.h"
#include "fwd/fwd.h"
#include "io/io.h"
#include "wire/lse.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define L 5 /* the link that most tests use: Ethernet, sealed */

static struct room r = {.cfg.name = "link", .cfg.punt_rate = 100};
static struct worker *w = &r.w[0];
static struct io *io;
static struct fwd *f;
static uint16_t port;

static struct cp_link ethernet(uint16_t number)
{
	return (struct cp_link){.link = number,
	                        .type = LINK_ETHERNET,
	                        .sealed = true,
	                        .mtu = 1400,
	                        .port = port,
	                        .vlan = number};
}

static int set(struct cp_link l)
{
	struct cp_cmd c = {.type = CMD_LINK_SET};

	c.u.link = l;
	return fwd_command(f, &c);
}

static int del(uint16_t number)
{
	struct cp_cmd c = {.type = CMD_LINK_DEL};

	c.u.link.link = number;
	return fwd_command(f, &c);
}

static int key(enum cp_cmd_type type, uint16_t number, uint32_t index, uint8_t fill)
{
	struct cp_cmd c = {.type = type};

	c.u.key =
	        (struct cp_lane_key){.link = number, .alg = AEAD_CHACHA20_POLY1305, .index = index};
	memset(c.u.key.key, fill, sizeof(c.u.key.key));
	return fwd_command(f, &c);
}

static int open_link(uint16_t number, bool on)
{
	struct cp_cmd c = {.type = CMD_LINK_OPEN};

	c.u.open.link = number;
	c.u.open.on = on;
	return fwd_command(f, &c);
}

static void transmit(uint16_t number, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = worker_mbuf(w);

		assert_non_null(m);
		be32_store(rte_pktmbuf_append(m, 60), lse_make(500, 0, true, 9));
		fwd_send(f, number, m);
	}
	fwd_flush(f);
}

static int setup(void **state)
{
	static struct dp_port_cfg sink = {.name = "sink", .device = "net_null0,no-rx=1"};
	uint16_t id[DP_PORTS_MAX];
	char err[512] = "";

	r.cfg.ports = &sink;
	r.cfg.nports = 1;
	room_start(&r);
	assert_int_equal(ports_start(&r.cfg, r.all.pool, id, err, sizeof(err)), 0);
	port = id[0];
	io = io_new(w, err, sizeof(err));
	assert_non_null(io);
	f = fwd_new(w, io, err, sizeof(err));
	assert_non_null(f);
	return 0;
}

static int teardown(void **state)
{
	fwd_free(f);
	io_free(io);
	ports_stop();
	room_end(&r);
	return 0;
}

static int link_made(void **state)
{
	assert_int_equal(set(ethernet(L)), 0);
	assert_non_null(w->link[L]);
	return 0;
}

static int link_gone(void **state)
{
	(void)!del(L);
	assert_null(w->link[L]);
	return 0;
}

static void test_nonsense_makes_no_link(void **state)
{
	struct cp_link bad[] = {ethernet(L), ethernet(L), ethernet(L),
	                        ethernet(L), ethernet(L), ethernet(CPDP_LINKS_MAX)};

	bad[0].owner = ROOM_WORKERS;
	bad[1].mtu = 63;
	bad[2].mtu = WORKER_ROOM + 1;
	bad[3].family = 5;
	bad[4].type = 0;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(set(bad[i]), -EINVAL);
	assert_null(w->link[L]);
	assert_int_equal(del(L), -ENOENT);
	assert_int_equal(del(CPDP_LINKS_MAX), -ENOENT);
	assert_int_equal(open_link(L, true), -EINVAL);
	assert_int_equal(key(CMD_LINK_TX_KEY, L, 1, 1), -EINVAL);
	assert_int_equal(key(CMD_LINK_RX_KEY, L, 2, 1), -EINVAL);
	assert_int_equal(key(CMD_LINK_RX_DEL, L, 2, 1), -ENOENT);
}

/* Two links cannot have one port and VLAN; the second is not there then, and the first still is. */
static void test_wire_is_taken(void **state)
{
	struct cp_link second = ethernet(L + 1);

	second.vlan = L;
	assert_int_equal(set(second), -EEXIST);
	assert_null(w->link[L + 1]);
	assert_int_equal(set(ethernet(L + 1)), 0);
	assert_int_equal(set(second), -EEXIST); /* a change that cannot be done */
	assert_int_equal(w->link[L + 1]->cfg.vlan, L + 1);
	assert_int_equal(del(L + 1), 0);
	assert_int_equal(open_link(L, true), 0);
}

/* Another VLAN and MTU: the link stays open, its key and counter stay, and packets larger than the new MTU are refused from now on. */
static void test_change_keeps_keys_and_state(void **state)
{
	struct cp_link c = ethernet(L);
	struct rte_mbuf *m;
	uint64_t big;

	assert_int_equal(open_link(L, true), 0);
	assert_int_equal(key(CMD_LINK_TX_KEY, L, 77, 1), 0);
	transmit(L, 3);
	c.mtu = 64;
	c.vlan = 300;
	assert_int_equal(set(c), 0);
	assert_true(w->link[L]->open);
	assert_int_equal(w->link[L]->tx->counter, 3);
	transmit(L, 1);
	assert_int_equal(w->link[L]->tx->counter, 4);
	c.mtu = 1000;
	assert_int_equal(set(c), 0);
	big = w->drops[DROP_TOO_BIG];
	m = worker_mbuf(w);
	be32_store(rte_pktmbuf_append(m, 1001), lse_make(500, 0, true, 9));
	fwd_send(f, L, m);
	assert_int_equal(w->drops[DROP_TOO_BIG], big + 1);
}

static void test_mac(void **state)
{
	static const uint8_t broadcast[6] = {255, 255, 255, 255, 255, 255},
	                     peer[6] = {2, 0, 0, 1, 2, 3};
	struct cp_link c = ethernet(L);

	assert_false(w->link[L]->mac_known);
	assert_memory_equal(w->link[L]->mac, broadcast, 6);
	memcpy(c.peer_mac, peer, 6);
	assert_int_equal(set(c), 0);
	assert_true(w->link[L]->mac_known);
	assert_memory_equal(w->link[L]->mac, peer, 6);
}

/* A repeated command must not start the counter anew, which would repeat nonces; another key starts at 0. */
static void test_repeated_key_keeps_its_counter(void **state)
{
	assert_int_equal(open_link(L, true), 0);
	assert_int_equal(key(CMD_LINK_TX_KEY, L, 77, 1), 0);
	transmit(L, 5);
	assert_int_equal(key(CMD_LINK_TX_KEY, L, 78, 1), 0);
	assert_int_equal(w->link[L]->tx->counter, 5);
	assert_int_equal(w->link[L]->tx->index, 78);
	assert_int_equal(key(CMD_LINK_TX_KEY, L, 79, 2), 0);
	assert_int_equal(w->link[L]->tx->counter, 0);
	assert_int_equal(w->link[L]->tx->index, 79);
}

/* Packets queued before a new key are sealed under the old one. */
static void test_new_key_flushes_first(void **state)
{
	uint64_t sent = w->link_count[L].tx_packets;
	struct rte_mbuf *m = worker_mbuf(w);

	assert_int_equal(open_link(L, true), 0);
	assert_int_equal(key(CMD_LINK_TX_KEY, L, 77, 1), 0);
	be32_store(rte_pktmbuf_append(m, 60), lse_make(500, 0, true, 9));
	fwd_send(f, L, m);
	assert_int_equal(w->link_count[L].tx_packets, sent);
	assert_int_equal(key(CMD_LINK_TX_KEY, L, 78, 2), 0);
	assert_int_equal(w->link_count[L].tx_packets, sent + 1);
	assert_int_equal(w->link[L]->tx->counter, 0);
}

static void test_sending_without_key_or_open_is_a_drop(void **state)
{
	uint64_t closed = w->drops[DROP_LINK_CLOSED], no_key = w->drops[DROP_NO_KEY];

	transmit(L, 2);
	assert_int_equal(w->drops[DROP_LINK_CLOSED], closed + 2);
	assert_int_equal(open_link(L, true), 0);
	transmit(L, 2);
	assert_int_equal(w->drops[DROP_NO_KEY], no_key + 2);
	assert_int_equal(open_link(L, false), 0);
	transmit(L, 2);
	assert_int_equal(w->drops[DROP_LINK_CLOSED], closed + 4);
}

/* An index has one key, on the worker that it names. */
static void test_receiver_indices(void **state)
{
	assert_int_equal(key(CMD_LINK_RX_KEY, L, 41, 1), -EINVAL); /* worker 1's */
	assert_int_equal(key(CMD_LINK_RX_KEY, L, 40, 1), 0);
	w->link[L]->rx->told = true;
	assert_int_equal(key(CMD_LINK_RX_KEY, L, 40, 1), 0); /* repeated: the lane stays */
	assert_true(w->link[L]->rx->told);
	assert_null(w->link[L]->rx->next);
	assert_int_equal(key(CMD_LINK_RX_KEY, L, 40, 2), -EEXIST);
	assert_int_equal(set(ethernet(L + 1)), 0);
	assert_int_equal(key(CMD_LINK_RX_KEY, L + 1, 40, 1), -EEXIST);
	assert_int_equal(key(CMD_LINK_RX_DEL, L + 1, 40, 1), -ENOENT);
	assert_int_equal(key(CMD_LINK_RX_KEY, L, 42, 2), 0);
	assert_int_equal(key(CMD_LINK_RX_DEL, L, 40, 0), 0);
	assert_int_equal(w->link[L]->rx->index, 42);
	assert_null(w->link[L]->rx->next);
	assert_int_equal(key(CMD_LINK_RX_DEL, L, 40, 0), -ENOENT);
	/* The index is free when its link is gone. */
	assert_int_equal(del(L), 0);
	assert_int_equal(key(CMD_LINK_RX_KEY, L + 1, 42, 3), 0);
	assert_int_equal(del(L + 1), 0);
}

static void test_unknown_algorithm(void **state)
{
	struct cp_cmd c = {.type = CMD_LINK_TX_KEY};

	c.u.key = (struct cp_lane_key){.link = L, .alg = 99, .index = 40};
	assert_int_equal(fwd_command(f, &c), -ENOTSUP);
	assert_null(w->link[L]->tx);
	c.type = CMD_LINK_RX_KEY;
	assert_int_equal(fwd_command(f, &c), -ENOTSUP);
	assert_null(w->link[L]->rx);
	assert_int_equal(key(CMD_LINK_RX_KEY, L, 40, 1), 0); /* the index was not taken */
}

static void test_plain_link_has_no_keys(void **state)
{
	struct cp_link c = ethernet(L);

	c.sealed = false;
	assert_int_equal(set(c), 0);
	assert_int_equal(key(CMD_LINK_TX_KEY, L, 40, 1), -EINVAL);
	assert_int_equal(key(CMD_LINK_RX_KEY, L, 40, 1), -EINVAL);
}

/* An address that was learnt survives a change that names none, and gives way to one that control commands. */
static void test_remote_address(void **state)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_in any = {.sin_family = AF_INET};
	struct cp_link c = {
	        .link = L, .type = LINK_UDP_SOCKET, .sealed = true, .mtu = 1400, .fd = fd};
	struct cp_cmd remote = {.type = CMD_LINK_REMOTE};

	assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
	remote.u.link = (struct cp_link){
	        .link = L, .family = 4, .remote_port = 6000, .remote_addr = {127, 0, 0, 1}};
	assert_int_equal(set(ethernet(L)), 0);
	assert_int_equal(fwd_command(f, &remote), -EINVAL); /* Ethernet has no such address */
	assert_int_equal(set(c), 0);
	assert_int_equal(fwd_command(f, &remote), 0);
	assert_int_equal(w->link[L]->cfg.family, 4);
	c.mtu = 1300;
	assert_int_equal(set(c), 0);
	assert_int_equal(w->link[L]->cfg.mtu, 1300);
	assert_int_equal(w->link[L]->cfg.family, 4);
	assert_int_equal(w->link[L]->cfg.remote_port, 6000);
	remote.u.link.family = 0;
	assert_int_equal(fwd_command(f, &remote), -EINVAL);
	c.family = 4;
	c.remote_port = 7000;
	assert_int_equal(set(c), 0);
	assert_int_equal(w->link[L]->cfg.remote_port, 7000);
	assert_int_equal(del(L), 0);
	close(fd);
}

#define test_of_link(t) cmocka_unit_test_setup_teardown(t, link_made, link_gone)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_nonsense_makes_no_link),
	        test_of_link(test_wire_is_taken),
	        test_of_link(test_change_keeps_keys_and_state),
	        test_of_link(test_mac),
	        test_of_link(test_repeated_key_keeps_its_counter),
	        test_of_link(test_new_key_flushes_first),
	        test_of_link(test_sending_without_key_or_open_is_a_drop),
	        test_of_link(test_receiver_indices),
	        test_of_link(test_unknown_algorithm),
	        test_of_link(test_plain_link_has_no_keys),
	        cmocka_unit_test(test_remote_address),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
