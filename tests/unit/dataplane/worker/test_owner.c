/* SPDX-License-Identifier: BSD-3-Clause */
/* Two ends with two workers each, on a wire that delivers by whim: every answer must reach the worker that owns its connection, with nothing
 * lost, reset or sent again on the way. */
#include "crypto/aead.h"
#include "core/mbuf.h"
#include "core/ring.h"
#include "io/priv.h"
#include "seal/seal.h"
#include "wire/lse.h"
#include "worker/eal.h"
#include "worker/root.h"
#include "session/priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Workers 0 and 1 are one end, 2 and 3 the other. Link and port 0 lead there, 1 back; a port's queue comes out where it went in. */
#define WORKERS 4
#define LINKS   2
#define PORT    9
#define CONNS   32 /* at a time, of each worker in each session */
#define SMALL   64

static struct dataplane dp;
static struct eal *eal;
static int64_t now_ns = NS_PER_S;

struct tally {
	unsigned open, done, failed;
};
static struct tally tally[WORKERS];

static unsigned side_of(unsigned w)
{
	return w / 2;
}

/* One session for each pair of workers at the two ends. */
static uint32_t session_of(unsigned here, unsigned there)
{
	return 1 + 2 * (here % 2 + 0u) + there % 2;
}

static uint32_t session_between(unsigned w, unsigned other)
{
	return side_of(w) == 0 ? session_of(w, other) : session_of(other, w);
}

/* The label under which worker w takes a session; it names w. */
static uint32_t label_of(unsigned w, uint32_t session)
{
	return 400 + 40 * session + w;
}

static void command(unsigned w, struct cp_cmd *c)
{
	void *slot = ring_put_begin(dp.all.worker[w]->commands, sizeof(*c));

	memcpy(slot, c, cp_cmd_size(c));
	ring_put_end(dp.all.worker[w]->commands);
	command_run(dp.loop[w], 64);
}

static void set_links(unsigned w)
{
	for (uint16_t l = 0; l < LINKS; l++) {
		struct cp_cmd c = {.type = CMD_LINK_SET};

		c.u.link = (struct cp_link){.link = l,
		                            .type = LINK_ETHERNET,
		                            .mtu = 1500,
		                            .port = dp.port_id[l],
		                            .peer_mac = {2, 0, 0, 0, 0, 1}};
		command(w, &c);
		c = (struct cp_cmd){.type = CMD_LINK_OPEN};
		c.u.open.link = l;
		c.u.open.on = 1;
		command(w, &c);
	}
}

/* crossed: what one worker sends arrives at the other worker of its number. */
static void set_wire(bool crossed)
{
	for (unsigned w = 0; w < WORKERS; w++) {
		struct io_port *out = &dp.loop[w]->io->port[dp.port_id[side_of(w)]];
		struct io_port *in = &dp.loop[w]->io->port[dp.port_id[!side_of(w)]];

		out->queue = (uint16_t)(w % 2);
		out->poll = false;
		in->queue = (uint16_t)(crossed ? !(w % 2) : w % 2);
		in->poll = true;
	}
}

static struct node_id id_of(unsigned w, uint32_t session)
{
	struct node_id id;

	memset(id.b, (int)(16 * w + session), sizeof(id.b));
	return id;
}

static void set_session(unsigned w, unsigned other)
{
	uint32_t session = session_between(w, other);
	struct cp_cmd c = {.type = CMD_SESSION_SET};

	c.u.session.session = session;
	c.u.session.out_link = (uint16_t)side_of(w);
	c.u.session.path_mtu = 1400;
	c.u.session.out_label = label_of(other, session);
	c.u.session.remote = id_of(other, session);
	command(w, &c);
	for (unsigned tx = 0; tx < 2; tx++) {
		c = (struct cp_cmd){.type = tx ? CMD_SESSION_TX_KEY : CMD_SESSION_RX_KEY};
		c.u.key.session = session;
		c.u.key.alg = AEAD_CHACHA20_POLY1305;
		memset(c.u.key.key, (int)(2 * session + (tx ? side_of(w) : !side_of(w))),
		       sizeof(c.u.key.key));
		command(w, &c);
	}
	/* Control programs a label into every worker that may receive it. */
	c = (struct cp_cmd){.type = CMD_ILM_SET};
	c.u.ilm = (struct cp_ilm){.in_link = (uint16_t)!side_of(w),
	                          .op = ILM_SESSION,
	                          .in_label = label_of(w, session),
	                          .session = session,
	                          .twin_label = LABEL_NONE};
	for (unsigned k = 0; k < 2; k++)
		command(2 * side_of(w) + k, &c);
}

static int setup(void **state)
{
	static struct dp_port_cfg ports[LINKS] = {{.name = "there", .device = "net_ring0"},
	                                          {.name = "back", .device = "net_ring1"}};
	char err[512];

	(void)state;
	dp.cfg = (struct dp_cfg){.name = "owner",
	                         .workers = WORKERS,
	                         .no_huge = true,
	                         .sessions_max = 16,
	                         .connections_max = 4096,
	                         .punt_rate = 1000,
	                         .ports = ports,
	                         .nports = LINKS};
	dp.all.wake_fd = -1;
	(void)aead_available(AEAD_AES256_GCM);
	dp.all.cfg = &dp.cfg;
	eal = eal_start(&dp.cfg, 128, err, sizeof(err));
	assert_non_null(eal);
	seal_start();
	dp.all.pool = rte_pktmbuf_pool_create_by_ops("packets", 16383, 0, PACKET_BYTES, MBUF_DATA,
	                                             SOCKET_ID_ANY, "stack");
	assert_non_null(dp.all.pool);
	assert_int_equal(ports_start(&dp.cfg, dp.all.pool, dp.port_id, err, sizeof(err)), 0);
	for (unsigned w = 0; w < WORKERS; w++) {
		dp.loop[w] = loop_new(&dp.all, w, err, sizeof(err));
		assert_non_null(dp.loop[w]);
		dp.all.worker[w] = &dp.loop[w]->w;
		dp.loop[w]->w.now.ns = now_ns;
		set_links(w);
	}
	for (unsigned a = 0; a < 2; a++)
		for (unsigned b = 2; b < WORKERS; b++) {
			set_session(a, b);
			set_session(b, a);
		}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (unsigned w = 0; w < WORKERS; w++)
		loop_free(dp.loop[w]);
	ports_stop();
	rte_mempool_free(dp.all.pool);
	seal_stop();
	eal_stop(eal);
	return 0;
}

/* ---- applications ---- */

static void serve(struct tcp_stack *t, uint32_t listener)
{
	struct tcp_event ev;
	uint8_t buf[SMALL];
	uint32_t conn;

	while (tcp_accept(t, listener, &conn) == 0)
		;
	while (tcp_event_next(t, &ev))
		if ((ev.flags & TCP_EV_READABLE) && tcp_recv(t, ev.conn, buf, SMALL) == SMALL) {
			tcp_send(t, ev.conn, buf, SMALL);
			tcp_close(t, ev.conn);
		}
}

static void ask(struct tcp_stack *t, struct tally *k)
{
	uint8_t buf[SMALL] = {0};
	struct tcp_event ev;

	while (tcp_event_next(t, &ev)) {
		if (ev.flags & TCP_EV_CONNECTED)
			tcp_send(t, ev.conn, buf, SMALL);
		if (ev.flags & TCP_EV_READABLE)
			tcp_recv(t, ev.conn, buf, SMALL);
		if (!(ev.flags & (TCP_EV_HANGUP | TCP_EV_ERROR)))
			continue;
		tcp_close(t, ev.conn);
		k->open--;
		k->failed += (ev.flags & TCP_EV_ERROR) != 0;
		k->done += (ev.flags & TCP_EV_ERROR) == 0;
	}
}

/* One turn of worker w as its loop makes it. */
static void turn(unsigned n, unsigned clients, uint32_t listener)
{
	struct loop *l = dp.loop[n];

	l->w.now.ns = now_ns;
	turn_receive(l);
	rx_flush(l->sess, l->w.now);
	if (side_of(n) == clients)
		ask(l->sess->tcp, &tally[n]);
	else
		serve(l->sess->tcp, listener);
	sess_poll(l->sess, l->w.now);
	fwd_flush(l->fwd);
}

struct seen {
	uint64_t drops, resets, again, nobody, opened[WORKERS], taken[WORKERS], in[WORKERS];
};

static struct seen look(void)
{
	struct seen s = {0};

	for (unsigned w = 0; w < WORKERS; w++) {
		struct tcp_counters c;

		tcp_stack_counters(dp.loop[w]->sess->tcp, &c);
		for (unsigned i = 0; i < DROP_REASONS; i++)
			s.drops += dp.all.worker[w]->drops[i];
		s.resets += c.rst_out + c.rst_in;
		s.again += c.retransmits + c.tail_probes;
		s.nobody += c.drop_no_conn;
		s.opened[w] = c.opened_active;
		s.taken[w] = c.opened_passive;
		s.in[w] = dp.all.worker[w]->count.session_in;
	}
	return s;
}

enum wire { STRAIGHT, CROSSED, CHANGING };

/* Each worker of one end opens connections through both of its sessions; nothing may go wrong. Returns the time it took. */
static int64_t converse(unsigned clients, enum wire wire)
{
	struct seen was = look(), is;
	int64_t began = now_ns;
	uint32_t listener[WORKERS] = {0}, conn;
	unsigned servers = !clients;

	set_wire(wire != STRAIGHT);
	memset(tally, 0, sizeof(tally));
	for (unsigned w = 2 * servers; w < 2 * servers + 2; w++)
		assert_int_equal(tcp_listen(dp.loop[w]->sess->tcp, PORT, 1024, &listener[w]), 0);
	for (unsigned w = 2 * clients; w < 2 * clients + 2; w++)
		for (unsigned other = 2 * servers; other < 2 * servers + 2; other++)
			for (unsigned i = 0; i < CONNS; i++) {
				struct node_id id = id_of(other, session_between(w, other));
				uint32_t peer = remote_find(dp.loop[w]->sess, &id);

				assert_int_equal(
				        tcp_connect(dp.loop[w]->sess->tcp, peer, PORT, &conn), 0);
				tally[w].open++;
			}
	for (unsigned i = 0, rest = 100; i < 20000 && rest; i++) {
		/* afterwards the last acknowledgements arrive */
		rest -= tally[2 * clients].open + tally[2 * clients + 1].open == 0;
		if (wire == CHANGING && i % 3 == 0)
			set_wire(i % 2);
		for (unsigned w = 0; w < WORKERS; w++)
			turn(w, clients, listener[w]);
		now_ns += 2 * NS_PER_US;
	}
	is = look();
	assert_int_equal(is.drops - was.drops, 0);
	assert_int_equal(is.nobody - was.nobody, 0);
	assert_int_equal(is.resets - was.resets, 0);
	assert_int_equal(is.again - was.again, 0);
	for (unsigned w = 2 * clients; w < 2 * clients + 2; w++) {
		assert_int_equal(tally[w].done, 2 * CONNS);
		assert_int_equal(tally[w].failed, 0);
		assert_int_equal(is.opened[w] - was.opened[w], 2 * CONNS);
	}
	for (unsigned w = 2 * servers; w < 2 * servers + 2; w++) {
		assert_int_equal(is.taken[w] - was.taken[w], 2 * CONNS);
		tcp_close(dp.loop[w]->sess->tcp, listener[w]);
	}
	/* The work is where the connections are: both workers of both ends had the same share. */
	for (unsigned w = 0; w < WORKERS; w += 2)
		assert_int_equal(is.in[w] - was.in[w], is.in[w + 1] - was.in[w + 1]);
	return now_ns - began;
}

static void test_answers_find_their_owner(void **state)
{
	int64_t straight = converse(0, STRAIGHT), crossed = converse(0, CROSSED);

	(void)state;
	/* Another worker's arrivals cost a ring's passage, never a time-out. */
	assert_true(crossed <= 2 * straight && crossed < 10 * NS_PER_MS);
}

static void test_from_the_other_end(void **state)
{
	int64_t straight = converse(1, STRAIGHT), crossed = converse(1, CROSSED);

	(void)state;
	assert_true(crossed <= 2 * straight && crossed < 10 * NS_PER_MS);
}

/* The wire changes its mind in the middle: segments of one connection come by different workers. */
static void test_wire_changes(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++)
		assert_true(converse(i % 2, CHANGING) < 10 * NS_PER_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_answers_find_their_owner),
	        cmocka_unit_test(test_from_the_other_end),
	        cmocka_unit_test(test_wire_changes),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
