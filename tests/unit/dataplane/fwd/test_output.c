/* SPDX-License-Identifier: BSD-3-Clause */
/* A sending lane near its limits: one request for a new key, then refusal; a nonce is never used twice. */
#include "core/mbuf.h"
#include "core/ring.h"
#include "core/worker.h"
#include "fwd/fwd.h"
#include "io/io.h"
#include "seal/seal.h"
#include "wire/lse.h"
#include "worker/eal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct dp_cfg cfg;
static struct workers all = {.cfg = &cfg};
static struct eal *eal;
static struct worker worker, *w = &worker;
static struct io *io;
static struct fwd *f;

static void command(struct cp_cmd *c)
{
	assert_int_equal(fwd_command(f, c), 0);
}

static void key(uint8_t fill)
{
	struct cp_cmd c = {.type = CMD_LINK_TX_KEY};

	c.u.key = (struct cp_lane_key){.link = 3, .alg = AEAD_CHACHA20_POLY1305, .index = 77};
	memset(c.u.key.key, fill, sizeof(c.u.key.key));
	command(&c);
}

static int setup(void **state)
{
	static struct dp_port_cfg port = {.name = "sink", .device = "net_null0,no-rx=1"};
	static uint16_t id[DP_PORTS_MAX];
	struct cp_cmd c = {.type = CMD_LINK_SET};
	char err[512] = "";

	cfg = (struct dp_cfg){
	        .name = "output", .workers = 1, .no_huge = true, .ports = &port, .nports = 1};
	eal = eal_start(&cfg, 64, err, sizeof(err));
	if (!eal)
		fail_msg("%s", err);
	all.pool = rte_pktmbuf_pool_create("packets", 2048, 256, PACKET_BYTES, MBUF_DATA,
	                                   SOCKET_ID_ANY);
	assert_non_null(all.pool);
	assert_int_equal(ports_start(&cfg, all.pool, id, err, sizeof(err)), 0);
	assert_int_equal(worker_init(w, &all, 0, err, sizeof(err)), 0);
	all.worker[0] = w;
	io = io_new(w, err, sizeof(err));
	assert_non_null(io);
	f = fwd_new(w, io, err, sizeof(err));
	assert_non_null(f);
	c.u.link = (struct cp_link){
	        .link = 3, .type = LINK_ETHERNET, .sealed = true, .mtu = 1500, .port = id[0]};
	command(&c);
	c = (struct cp_cmd){.type = CMD_LINK_OPEN};
	c.u.open.link = 3;
	c.u.open.on = 1;
	command(&c);
	return 0;
}

static int teardown(void **state)
{
	unsigned buffers;

	fwd_free(f);
	io_free(io);
	worker_end(w);
	ports_stop();
	buffers = rte_mempool_avail_count(all.pool);
	rte_mempool_free(all.pool);
	eal_stop(eal);
	assert_int_equal(buffers, 2048); /* none lost */
	return 0;
}

static void transmit(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = worker_mbuf(w);

		assert_non_null(m);
		be32_store(rte_pktmbuf_append(m, 100), lse_make(500, 0, true, 9));
		fwd_send(f, 3, m);
	}
	fwd_flush(f);
}

static unsigned rekeys(void)
{
	const struct dp_event *ev;
	unsigned n = 0;

	while ((ev = ring_take_begin(w->events, sizeof(*ev)))) {
		n += ev->type == EVT_REKEY && ev->u.key.link == 3 && ev->u.key.index == 77;
		ring_take_end(w->events);
	}
	return n;
}

static void test_rekey_asked_once(void **state)
{
	key(1);
	transmit(10);
	assert_int_equal(w->link[3]->tx->counter, 10);
	assert_int_equal(rekeys(), 0);
	w->link[3]->tx->counter = SEAL_REKEY_AT - 5;
	transmit(4);
	assert_int_equal(rekeys(), 0);
	transmit(200);
	transmit(200);
	assert_int_equal(rekeys(), 1);
	assert_int_equal(w->drops[DROP_KEY_SPENT], 0);
}

static void test_refused_at_the_end(void **state)
{
	uint64_t sent = w->link_count[3].tx_packets;

	w->link[3]->tx->counter = SEAL_REFUSE_AT - 3;
	transmit(100);
	assert_int_equal(w->link_count[3].tx_packets - sent, 3);
	assert_int_equal(w->drops[DROP_KEY_SPENT], 97);
	assert_int_equal(w->link[3]->tx->counter, SEAL_REFUSE_AT);
}

static void test_key_commands_and_counter(void **state)
{
	key(1); /* the same again: its counters are spent */
	assert_int_equal(w->link[3]->tx->counter, SEAL_REFUSE_AT);
	key(2);
	assert_int_equal(w->link[3]->tx->counter, 0);
	transmit(1);
	key(2);
	assert_int_equal(w->link[3]->tx->counter, 1);
	(void)rekeys();
}

static void test_mtu(void **state)
{
	struct rte_mbuf *m = worker_mbuf(w);
	uint64_t big = w->drops[DROP_TOO_BIG];

	be32_store(rte_pktmbuf_append(m, 1501), lse_make(500, 0, true, 9));
	fwd_send(f, 3, m);
	assert_int_equal(w->drops[DROP_TOO_BIG], big + 1);
	m = worker_mbuf(w);
	be32_store(rte_pktmbuf_append(m, 64), lse_make(500, 0, true, 9));
	fwd_send(f, 4, m);
	assert_int_equal(w->drops[DROP_NO_LINK], 1);
}

/* Control is told of a sample of the packets that are longer than the link carries, by the label that they were to leave with. */
static void test_too_big_is_told(void **state)
{
	const struct dp_event *ev;
	unsigned told = 0;

	while (ring_take_begin(w->events, sizeof(*ev)))
		ring_take_end(w->events);
	for (unsigned i = 0; i < 50; i++) {
		struct rte_mbuf *m = worker_mbuf(w);

		be32_store(rte_pktmbuf_append(m, 1501), lse_make(i ? 600 : LABEL_GAL, 0, true, 9));
		fwd_send(f, 3, m);
	}
	fwd_flush(f);
	while ((ev = ring_take_begin(w->events, sizeof(*ev)))) {
		assert_int_equal(ev->type, EVT_TUNNEL_TOO_BIG);
		assert_int_equal(ev->u.tunnel_too_big.link, 3);
		assert_int_equal(ev->u.tunnel_too_big.label, 600);
		told++;
		ring_take_end(w->events);
	}
	assert_in_range(told, 1, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_rekey_asked_once),
	        cmocka_unit_test(test_refused_at_the_end),
	        cmocka_unit_test(test_key_commands_and_counter),
	        cmocka_unit_test(test_mtu),
	        cmocka_unit_test(test_too_big_is_told),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
