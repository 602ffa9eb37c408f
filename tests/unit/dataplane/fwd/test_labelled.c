/* SPDX-License-Identifier: BSD-3-Clause */
/* The label switch stage alone: what it is given leaves on a link, becomes local, goes to another worker or to control, or is a counted drop. */
#include "../room.h"
#include "core/handover.h"
#include "core/ring.h"
#include "fwd/fwd.h"
#include "io/io.h"
#include "wire/lse.h"
#include "wire/tunnel.h"

#define IN  0
#define OUT 1
#define LEN 60

static struct room r = {.cfg.name = "labelled", .cfg.punt_rate = 100};
static struct worker *w = &r.w[0];
static struct io *io;
static struct fwd *f;
static struct burst b;

static void command(struct cp_cmd *c)
{
	assert_int_equal(fwd_command(f, c), 0);
}

static void open_link(uint16_t link, bool on)
{
	struct cp_cmd c = {.type = CMD_LINK_OPEN};

	c.u.open.link = link;
	c.u.open.on = on;
	command(&c);
}

static void ilm(uint32_t label, enum ilm_op op, uint32_t out)
{
	struct cp_cmd c = {.type = CMD_ILM_SET};

	c.u.ilm = (struct cp_ilm){.in_link = IN,
	                          .in_label = label,
	                          .op = (uint8_t)op,
	                          .out_link = OUT,
	                          .out_label = out,
	                          .session = out,
	                          .twin_label = LABEL_NONE};
	command(&c);
}

static int setup(void **state)
{
	static struct dp_port_cfg port = {.name = "sink", .device = "net_null0,no-rx=1"};
	static uint16_t id[DP_PORTS_MAX];
	char err[512] = "";

	r.cfg.ports = &port;
	r.cfg.nports = 1;
	room_start(&r);
	assert_int_equal(ports_start(&r.cfg, r.all.pool, id, err, sizeof(err)), 0);
	io = io_new(w, err, sizeof(err));
	assert_non_null(io);
	f = fwd_new(w, io, err, sizeof(err));
	assert_non_null(f);
	for (uint16_t l = 0; l < 2; l++) {
		struct cp_cmd c = {.type = CMD_LINK_SET};

		c.u.link = (struct cp_link){
		        .link = l, .type = LINK_ETHERNET, .mtu = 1500, .port = id[0], .vlan = l};
		command(&c);
		open_link(l, true);
	}
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

/* One packet of LEN bytes with this label stack on link IN, and through the stage. */
static void pass(uint32_t lse, uint32_t second)
{
	struct rte_mbuf *m = worker_mbuf(w);
	uint8_t *p;

	assert_non_null(m);
	assert_non_null(rte_pktmbuf_append(m, LEN));
	p = rte_pktmbuf_mtod(m, uint8_t *);
	memset(p, 0, LEN);
	be32_store(p, lse);
	be32_store(p + LSE_BYTES, second);
	*packet_of(m) = (struct packet){.link = IN, .label = LABEL_NONE};
	b.labelled[b.nlabelled++] = m;
	fwd_labelled(f, &b);
	assert_int_equal(b.nlabelled, 0);
}

static unsigned events(enum dp_event_type type, unsigned reason)
{
	const struct dp_event *ev;
	unsigned n = 0;

	while ((ev = ring_take_begin(w->events, sizeof(*ev)))) {
		n += ev->type == type && ev->u.packet.reason == reason;
		ring_take_end(w->events);
	}
	return n;
}

static void test_swap_leaves_on_the_other_link(void **state)
{
	uint64_t sent = w->link_count[OUT].tx_packets;

	ilm(500, ILM_SWAP, 600);
	for (unsigned i = 0; i < 3; i++)
		pass(lse_make(500, 1, true, 9), 0);
	assert_int_equal(w->link_count[OUT].tx_packets, sent);
	fwd_flush(f);
	assert_int_equal(w->link_count[OUT].tx_packets, sent + 3);
	assert_int_equal(w->count.switched_packets, 3);
	assert_int_equal(b.nlocal, 0);
}

/* The label names the worker: an even one ends here, an odd one at the other. */
static void test_sessions_become_local_or_cross_over(void **state)
{
	struct burst there = {0};
	const struct packet *p;

	ilm(512, ILM_SESSION, 33);
	ilm(513, ILM_SESSION, 34);
	assert_int_equal(cp_index_worker(512, ROOM_WORKERS), 0);
	assert_int_equal(cp_index_worker(513, ROOM_WORKERS), 1);
	pass(lse_make(512, 2, true, 9), 0xabcdef01);
	pass(lse_make(513, 2, true, 9), 0x12345678);
	assert_int_equal(b.nlocal, 1);
	p = packet_of(b.local[0]);
	assert_int_equal(p->session, 33);
	assert_int_equal(p->label, 512);
	assert_int_equal(p->tc, 2);
	assert_int_equal(p->link, IN);
	assert_int_equal(b.local[0]->data_len, LEN - LSE_BYTES);
	assert_int_equal(be32_load(rte_pktmbuf_mtod(b.local[0], uint8_t *)), 0xabcdef01);
	rte_pktmbuf_free(b.local[0]);
	b.nlocal = 0;
	assert_int_equal(handover_take(&r.w[1], 0, &there), 1);
	assert_int_equal(there.nlocal, 1);
	assert_int_equal(packet_of(there.local[0])->session, 34);
	assert_int_equal(be32_load(rte_pktmbuf_mtod(there.local[0], uint8_t *)), 0x12345678);
	rte_pktmbuf_free(there.local[0]);
	pass(lse_make(512, 2, false, 9), lse_make(99, 0, true, 9));
	assert_int_equal(b.nlocal, 0);
	assert_int_equal(w->drops[DROP_BAD_STACK], 1);
}

/* A tunnel whose other end has not proven itself brings a few packets, and no flood. */
static void test_unproven_tunnels_bring_little(void **state)
{
	unsigned passed = 0;

	ilm(514, ILM_SESSION, CP_SESSION_NONE);
	for (unsigned i = 0; i < 100; i++) {
		pass(lse_make(514, 2, true, 9), 0);
		if (b.nlocal == 1) {
			assert_int_equal(packet_of(b.local[0])->session, CP_SESSION_NONE);
			rte_pktmbuf_free(b.local[--b.nlocal]);
			passed++;
		}
	}
	assert_int_equal(passed, 64);
	assert_int_equal(w->drops[DROP_UNPROVEN], 36);
	/* The session is known: so many as come. */
	ilm(514, ILM_SESSION, 35);
	pass(lse_make(514, 2, true, 9), 0);
	assert_int_equal(b.nlocal, 1);
	rte_pktmbuf_free(b.local[--b.nlocal]);
}

static void test_drops_and_samples(void **state)
{
	(void)events(EVT_PACKET, 0);
	pass(lse_make(777, 0, true, 9), 0);
	assert_int_equal(w->drops[DROP_UNKNOWN_LABEL], 1);
	assert_int_equal(events(EVT_PACKET, PUNT_UNKNOWN_LABEL), 1);
	ilm(500, ILM_SWAP, 600);
	pass(lse_make(500, 0, true, 1), 0);
	assert_int_equal(w->drops[DROP_TTL], 1);
	assert_int_equal(events(EVT_PACKET, PUNT_TTL), 1);
	ilm(501, ILM_SINK, 0);
	pass(lse_make(501, 0, true, 9), 0);
	assert_int_equal(w->drops[DROP_SINK], 1);
}

/* Before a neighbour is authenticated only link-local control passes. */
static void test_closed_link(void **state)
{
	uint64_t switched = w->count.switched_packets;

	open_link(IN, false);
	pass(lse_make(500, 0, true, 9), 0);
	assert_int_equal(w->drops[DROP_LINK_CLOSED], 1);
	assert_int_equal(w->count.switched_packets, switched);
	pass(lse_make(LABEL_GAL, TC_LIVENESS, true, 1), 0);
	assert_int_equal(w->drops[DROP_LINK_CLOSED], 1);
	assert_int_equal(events(EVT_PACKET, PUNT_CONTROL), 1);
	open_link(IN, true);
}

/* A burst may be all of one kind. */
static void test_whole_burst(void **state)
{
	uint64_t sent = w->link_count[OUT].tx_packets;

	ilm(500, ILM_SWAP, 600);
	for (unsigned i = 0; i < BURST; i++) {
		struct rte_mbuf *m = worker_mbuf(w);

		be32_store(rte_pktmbuf_append(m, LEN), lse_make(i % 2 ? 500 : 512, 0, true, 9));
		*packet_of(m) = (struct packet){.link = IN};
		b.labelled[b.nlabelled++] = m;
	}
	fwd_labelled(f, &b);
	fwd_flush(f);
	assert_int_equal(b.nlocal, BURST / 2);
	assert_int_equal(w->link_count[OUT].tx_packets, sent + BURST / 2);
	rte_pktmbuf_free_bulk(b.local, b.nlocal);
	b.nlocal = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_swap_leaves_on_the_other_link),
	        cmocka_unit_test(test_sessions_become_local_or_cross_over),
	        cmocka_unit_test(test_unproven_tunnels_bring_little),
	        cmocka_unit_test(test_drops_and_samples),
	        cmocka_unit_test(test_closed_link),
	        cmocka_unit_test(test_whole_burst),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
