/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions: connect and transfer over loss, rekeying, hold and release, unreachable ids, replays, forgeries, OAM. */
#include "sessapp.h"
#include "crypto/aead.h"
#include "wire/tunnel.h"
#include "core/dpdk.h"
#include "core/link.h"

#include <errno.h>

/* ---- tests ---- */

static void test_transfer_with_loss(void **state)
{
	struct pair *p = *state;
	uint64_t sent = 0, got = 0;
	struct dp_event ev;

	sessnet_up(&p->n);
	connected(p);
	p->n.loss_ppm = 10000;
	assert_true(transfer(p, &sent, &got, 10u << 20, 120 * NS_PER_S));
	p->n.loss_ppm = 0;
	close_both(p);
	assert_int_equal(sessnet_events(&p->n.side[0], EVT_SESSION_USED, &ev), 1);
	assert_int_equal(ev.u.key.session, 1);
	assert_int_equal(ev.u.key.index, 0);
	assert_int_equal(sessnet_events(&p->n.side[1], EVT_SESSION_USED, &ev), 1);
	assert_int_equal(ev.u.key.session, 2);
	assert_true(p->n.side[0].w.count.session_out > 8000);
	assert_int_equal(p->n.side[1].w.drops[DROP_SESSION_AUTH], 0);
	assert_int_equal(p->n.side[1].w.drops[DROP_SESSION_REPLAY], 0);
	/* In use, then idle again: told once each. */
	run(p, 5 * NS_PER_S);
	assert_int_equal(sessnet_events(&p->n.side[0], EVT_SESSION_IDLE, &ev), 2);
	assert_int_equal(ev.u.idle.idle, 1);
	assert_int_equal(ev.u.idle.session, 1);
}

static void test_rekey_in_the_middle(void **state)
{
	struct pair *p = *state;
	uint64_t sent = 0, got = 0;
	struct dp_event ev;

	sessnet_up(&p->n);
	connected(p);
	assert_true(transfer(p, &sent, &got, 1u << 20, 60 * NS_PER_S));
	/* The receiver has the new key before the sender uses it; both are accepted. */
	sessnet_rx_key(&p->n, 1, 2, 1);
	sessnet_tx_key(&p->n, 0, 1, 1);
	assert_true(transfer(p, &sent, &got, 2u << 20, 60 * NS_PER_S));
	assert_int_equal(sessnet_events(&p->n.side[1], EVT_SESSION_USED, &ev), 2);
	assert_int_equal(ev.u.key.index, 1);
	assert_int_equal(p->n.side[1].w.drops[DROP_SESSION_AUTH], 0);
	close_both(p);
}

static void test_connect_waits_for_a_session(void **state)
{
	struct pair *p = *state;
	uint64_t sent = 0, got = 0;
	struct dp_event ev;

	app_listen(&p->b);
	app_connect(&p->n, &p->a, 0);
	run(p, 3500 * NS_PER_MS);
	assert_int_equal(sessnet_events(&p->n.side[0], EVT_WANT, &ev), 4);
	assert_true(id_eq(&ev.u.want.remote, &p->n.cfg[1].id));
	assert_false(p->a.connected);
	assert_int_equal(p->n.side[0].w.count.session_out, 0);
	sessnet_up(&p->n);
	/* Two one-way delays, not a retransmission timeout. */
	run(p, 11 * NS_PER_MS);
	assert_true(p->a.connected);
	run(p, 3 * NS_PER_S);
	assert_int_equal(sessnet_events(&p->n.side[0], EVT_WANT, NULL), 4);
	assert_true(transfer(p, &sent, &got, 100000, 10 * NS_PER_S));
}

static void test_hold_and_release(void **state)
{
	struct pair *p = *state;
	uint64_t sent = 0, got = 0, out;

	sessnet_up(&p->n);
	connected(p);
	assert_true(transfer(p, &sent, &got, 1u << 20, 60 * NS_PER_S));
	/* The tunnel breaks: packets vanish for a while before control says so. */
	p->n.cut = true;
	app_write(&p->a, &sent, 2u << 20);
	run(p, 300 * NS_PER_MS);
	sessnet_session(&p->n, 0, 1, LABEL_NONE);
	out = p->n.side[0].w.count.session_out;
	run(p, 4 * NS_PER_S);
	assert_int_equal(p->n.side[0].w.count.session_out, out);
	assert_true(sessnet_events(&p->n.side[0], EVT_WANT, NULL) >= 4);
	p->n.cut = false;
	sessnet_session(&p->n, 0, 1, p->n.side[1].in_label);
	run(p, 6 * NS_PER_MS);
	assert_true(p->n.side[0].w.count.session_out > out);
	assert_true(transfer(p, &sent, &got, 2u << 20, 10 * NS_PER_S));
	close_both(p);
}

/* Another tunnel takes the place of one that has died before control knew: what is overdue goes at once, and not after a doubled time-out. */
static void test_moved_to_another_tunnel(void **state)
{
	struct pair *p = *state;
	uint64_t sent = 0, got = 0, out;

	sessnet_up(&p->n);
	connected(p);
	assert_true(transfer(p, &sent, &got, 1u << 20, 60 * NS_PER_S));
	p->n.cut = true;
	app_write(&p->a, &sent, 2u << 20);
	run(p, 700 * NS_PER_MS);
	out = p->n.side[0].w.count.session_out;
	run(p, 100 * NS_PER_MS);
	assert_int_equal(p->n.side[0].w.count.session_out, out); /* it waits for a time-out */
	p->n.cut = false;
	p->n.side[1].in_label++;
	sessnet_session(&p->n, 0, 1, p->n.side[1].in_label);
	run(p, 6 * NS_PER_MS);
	assert_true(p->n.side[0].w.count.session_out > out);
	assert_true(transfer(p, &sent, &got, 2u << 20, NS_PER_S));
	close_both(p);
}

static void test_unreachable(void **state)
{
	struct pair *p = *state;
	struct cp_cmd c = {.type = CMD_UNREACHABLE};

	app_connect(&p->n, &p->a, 0);
	run(p, 500 * NS_PER_MS);
	c.u.unreachable.err = EHOSTUNREACH;
	c.u.unreachable.remote = p->n.cfg[1].id;
	sessnet_command(&p->n, 0, &c);
	run(p, NS_PER_MS);
	assert_true(p->a.failed);
	assert_int_equal(p->a.err, EHOSTUNREACH);
	app_let_go(&p->a, true);
	run(p, 3 * NS_PER_S);
	assert_true(p->a.gone);
	/* Nobody wants the id any more, and the peer is forgotten: a deadline would mean somebody still waits. */
	assert_true(instant_is_never(sess_deadline(p->n.side[0].sess)));
}

/* Side 1 sends a little under this phase, whose key came with this incarnation. */
static void speak(struct pair *p, unsigned phase, uint32_t incarnation)
{
	struct cp_cmd c = {.type = CMD_SEND_SESSION};

	sessnet_rx_key_of(&p->n, 0, 1, phase, incarnation);
	sessnet_tx_key(&p->n, 1, 2, phase);
	c.u.send_session.session = 2;
	c.u.send_session.len = OAM_BYTES;
	c.u.send_session.data[0] = OAM_KEEPALIVE;
	sessnet_command(&p->n, 1, &c);
	run(p, 20 * NS_PER_MS);
}

/* A rekey says who the far end is and ends nothing. The first packet under keys of another incarnation ends what was connected, and a
 * connect that is under way goes on. */
static void test_far_end_restarted(void **state)
{
	struct pair *p = *state;

	sessnet_up(&p->n);
	connected(p);
	speak(p, 1, 5);
	speak(p, 2, 5);
	assert_false(told(&p->a, STREAM_ERROR));
	p->n.cut = true;
	app_connect(&p->n, &p->c, 0);
	run(p, 10 * NS_PER_MS);
	p->n.cut = false;
	speak(p, 3, 6);
	assert_true(told(&p->a, STREAM_ERROR));
	assert_int_equal(atomic_load(&p->a.side.shared->err), ECONNRESET);
	assert_int_equal(atomic_load(&p->c.side.shared->told), 0);
	assert_false(p->a.failed); /* a hears for c, too */
}

static void test_refused(void **state)
{
	struct pair *p = *state;

	sessnet_up(&p->n);
	app_connect(&p->n, &p->a, 0);
	run(p, 100 * NS_PER_MS);
	assert_true(p->a.failed);
	assert_int_equal(p->a.err, ECONNREFUSED);
}

/* No room in the ring for the answer to a listen, and no memory: the messages behind it are handled all the same, and the worker stays awake
 * until it could answer. */
static void test_listen_holds_nothing_back(void **state)
{
	static const struct bridge_msg filler;
	struct pair *p = *state;

	sessnet_up(&p->n);
	while (bridge_put(&p->b.b->to_gateway_tx, &filler))
		;
	app_listen(&p->b);
	app_connect(&p->n, &p->b, 1);
	sessnet_no_memory = true;
	sessnet_step(&p->n, NS_PER_MS);
	sessnet_no_memory = false;
	assert_null(bridge_peek(&p->b.b->to_worker_rx));
	assert_false(sess_sleep_ok(p->n.side[1].sess));
	app_poll(&p->b);
	assert_false(p->b.listening);
	run(p, 100 * NS_PER_MS);
	assert_true(p->b.listening);
	assert_true(p->b.failed);
	assert_int_equal(p->b.err, ECONNREFUSED);
	assert_true(sess_sleep_ok(p->n.side[1].sess));
}

/* The gateway is offered as many connections as it has given credit for; the others wait in TCP, and what its backlog does not hold is not
 * established. What was refused comes through when there is room. */
static void test_credit_bounds_what_is_offered(void **state)
{
	struct pair *p = *state;
	struct app_stream *st[12];
	unsigned n = 0;

	sessnet_up(&p->n);
	app_put(&p->b, (struct bridge_msg){.type = BRIDGE_LISTEN,
	                                   .listener = &p->b.l,
	                                   .credit = 1,
	                                   .token = 77,
	                                   .port = PORT,
	                                   .backlog = 4});
	for (unsigned i = 0; i < ARRAY_LEN(st); i++) {
		app_connect(&p->n, &p->a, 0);
		st[i] = p->a.st;
	}
	for (unsigned i = 0; i < 500; i++)
		sessnet_step(&p->n, NS_PER_MS);
	for (const struct bridge_msg *m; (m = bridge_peek(&p->b.b->to_gateway_rx));
	     bridge_done(&p->b.b->to_gateway_rx))
		n += m->type == BRIDGE_ACCEPT;
	assert_int_equal(n, 1);
	n = 0;
	for (const struct bridge_msg *m; (m = bridge_peek(&p->a.b->to_gateway_rx));
	     bridge_done(&p->a.b->to_gateway_rx))
		n += m->type == BRIDGE_CONNECTED;
	assert_true(n >= 5);
	app_put(&p->b, (struct bridge_msg){.type = BRIDGE_TAKEN, .listener = &p->b.l, .credit = 3});
	for (unsigned i = 0; i < 100; i++)
		sessnet_step(&p->n, NS_PER_MS);
	n = 0;
	for (const struct bridge_msg *m; (m = bridge_peek(&p->b.b->to_gateway_rx));
	     bridge_done(&p->b.b->to_gateway_rx))
		n += m->type == BRIDGE_ACCEPT;
	assert_int_equal(n, 3);
	app_put(&p->b, (struct bridge_msg){.type = BRIDGE_UNLISTEN, .listener = &p->b.l});
	sessnet_step(&p->n, NS_PER_MS);
	assert_non_null(bridge_peek(&p->b.b->to_gateway_rx));
	assert_int_equal(bridge_peek(&p->b.b->to_gateway_rx)->type, BRIDGE_UNLISTENED);
	for (unsigned i = 0; i < ARRAY_LEN(st); i++)
		stream_free(st[i]);
	p->a.st = NULL;
}

static void test_reset_reaches_the_other_side(void **state)
{
	struct pair *p = *state;

	sessnet_up(&p->n);
	connected(p);
	app_let_go(&p->a, true);
	assert_true(RUN_UNTIL(p, told(&p->b, STREAM_ERROR), NS_PER_S));
	assert_int_equal(atomic_load(&p->b.side.shared->err), ECONNRESET);
	app_let_go(&p->b, false);
	assert_true(RUN_UNTIL(p, p->a.gone && p->b.gone, NS_PER_S));
}

static void test_window_closes_when_nobody_reads(void **state)
{
	struct pair *p = *state;
	uint64_t sent = 0, got = 0, mid;

	sessnet_up(&p->n);
	connected(p);
	for (unsigned i = 0; i < 200; i++) {
		app_write(&p->a, &sent, 64u << 20);
		run(p, 50 * NS_PER_MS);
	}
	/* Rings, send buffer and receive buffer are full; the rest stays with the writer. */
	mid = sent;
	assert_true(mid < 20u << 20);
	run(p, 5 * NS_PER_S);
	app_write(&p->a, &sent, 64u << 20);
	assert_int_equal(sent, mid);
	assert_true(transfer(p, &sent, &got, mid + 1000000, 60 * NS_PER_S));
}

static void test_replay_and_forgery(void **state)
{
	struct pair *p = *state;
	uint8_t copy[2048];
	size_t len;
	uint64_t in;

	sessnet_up(&p->n);
	connected(p);
	run(p, NS_PER_S);
	len = p->n.side[1].last->data_len;
	memcpy(copy, rte_pktmbuf_mtod(p->n.side[1].last, void *), len);
	in = p->n.side[1].w.count.session_in;

	sessnet_inject(&p->n, 1, copy, len);
	assert_int_equal(p->n.side[1].w.drops[DROP_SESSION_REPLAY], 1);

	copy[TUNNEL_HEADER_BYTES - 1] += 100; /* another counter */
	sessnet_inject(&p->n, 1, copy, len);
	assert_int_equal(p->n.side[1].w.drops[DROP_SESSION_AUTH], 1);
	copy[len - 1] ^= 1;
	sessnet_inject(&p->n, 1, copy, len);
	assert_int_equal(p->n.side[1].w.drops[DROP_SESSION_AUTH], 2);

	copy[0] |= 0x10; /* first nibble is not 0 */
	sessnet_inject(&p->n, 1, copy, len);
	assert_int_equal(p->n.side[1].w.drops[DROP_SESSION_HEADER], 1);
	sessnet_inject(&p->n, 1, copy, 3);
	assert_int_equal(p->n.side[1].w.drops[DROP_SESSION_HEADER], 2);
	assert_int_equal(p->n.side[1].w.count.session_in, in);
	/* The forged counters have not moved the window: the stream goes on. */
	close_both(p);
}

static void send_oam(struct pair *p, uint8_t type, uint8_t clear, uint8_t tunnel_type)
{
	struct cp_cmd c = {.type = CMD_SEND_SESSION};

	c.u.send_session.session = 1;
	c.u.send_session.len = OAM_BYTES;
	c.u.send_session.clear = clear;
	c.u.send_session.tunnel_type = tunnel_type;
	c.u.send_session.number = 3;
	c.u.send_session.data[0] = type;
	c.u.send_session.data[7] = 0x5a;
	sessnet_command(&p->n, 0, &c);
	run(p, 20 * NS_PER_MS);
}

static void test_oam(void **state)
{
	struct pair *p = *state;
	struct dp_event ev;

	sessnet_up(&p->n);
	send_oam(p, OAM_ECHO_REQUEST, 0, 0);
	assert_int_equal(sessnet_events(&p->n.side[1], EVT_PACKET, NULL), 0);
	assert_int_equal(sessnet_events(&p->n.side[0], EVT_PACKET, &ev), 1);
	assert_int_equal(ev.u.packet.reason, PUNT_OAM);
	assert_int_equal(ev.u.packet.authenticated, 1);
	assert_int_equal(ev.u.packet.session, 1);
	assert_int_equal(ev.u.packet.len, OAM_BYTES);
	assert_int_equal(ev.u.packet.data[0], OAM_ECHO_REPLY);
	assert_int_equal(ev.u.packet.data[7], 0x5a);

	send_oam(p, OAM_KEEPALIVE, 0, 0);
	assert_int_equal(sessnet_events(&p->n.side[1], EVT_PACKET, NULL), 0);
	assert_int_equal(sessnet_events(&p->n.side[1], EVT_SESSION_USED, NULL), 1);

	send_oam(p, OAM_PATH_GONE, 1, TUNNEL_OAM_CLEAR);
	assert_int_equal(sessnet_events(&p->n.side[1], EVT_PACKET, &ev), 1);
	assert_int_equal(ev.u.packet.reason, PUNT_OAM);
	assert_int_equal(ev.u.packet.authenticated, 0);

	send_oam(p, 0xee, 1, TUNNEL_HANDSHAKE);
	assert_int_equal(sessnet_events(&p->n.side[1], EVT_PACKET, &ev), 2);
	assert_int_equal(ev.u.packet.reason, PUNT_SESSION_HS);
	assert_int_equal(ev.u.packet.number, 3);
	assert_int_equal(ev.u.packet.len, TUNNEL_HEADER_BYTES + OAM_BYTES);
	assert_int_equal(ev.u.packet.data[TUNNEL_HEADER_BYTES], 0xee);
}

/* The first packet confirms the handshake: only then does a responder get its sending key. Its answer must not be lost. */
static void test_first_echo_waits_for_the_key(void **state)
{
	struct pair *p = *state;
	struct dp_event ev;

	for (unsigned side = 0; side < 2; side++) {
		sessnet_session(&p->n, side, side + 1, p->n.side[1 - side].in_label);
		sessnet_rx_key(&p->n, side, side + 1, 0);
	}
	sessnet_tx_key(&p->n, 0, 1, 0);
	send_oam(p, OAM_ECHO_REQUEST, 0, 0);
	assert_int_equal(sessnet_events(&p->n.side[1], EVT_SESSION_USED, NULL), 1);
	assert_int_equal(sessnet_events(&p->n.side[0], EVT_PACKET, NULL), 0);
	sessnet_tx_key(&p->n, 1, 2, 0);
	run(p, 20 * NS_PER_MS);
	assert_int_equal(sessnet_events(&p->n.side[0], EVT_PACKET, &ev), 1);
	assert_int_equal(ev.u.packet.data[0], OAM_ECHO_REPLY);
	assert_int_equal(ev.u.packet.data[7], 0x5a);
	assert_int_equal(p->n.side[1].w.drops[DROP_SESSION_NO_KEY], 0);
}

/* A key that waits for its first use: old until then, new from the answer to that very packet on. */
static void test_staged_key(void **state)
{
	struct pair *p = *state;
	struct cp_cmd c = {.type = CMD_SESSION_TX_KEY};
	struct tunnel_header h;
	size_t total;

	sessnet_up(&p->n);
	c.u.key.link = CP_KEY_WHEN_USED;
	c.u.key.session = 2;
	c.u.key.index = 1;
	c.u.key.alg = AEAD_CHACHA20_POLY1305;
	memset(c.u.key.key, 0x11, 32); /* as sessnet's, phase 1 from side 1 */
	sessnet_command(&p->n, 1, &c);
	sessnet_rx_key(&p->n, 0, 1, 1);
	sessnet_rx_key(&p->n, 1, 2, 1);
	for (unsigned phase = 0; phase < 2; phase++) {
		if (phase)
			sessnet_tx_key(&p->n, 0, 1, 1);
		send_oam(p, OAM_ECHO_REQUEST, 0, 0);
		assert_true(tunnel_header_get(rte_pktmbuf_mtod(p->n.side[0].last, uint8_t *),
		                              p->n.side[0].last->data_len, &h, &total));
		assert_int_equal(h.phase, phase);
		assert_int_equal(sessnet_events(&p->n.side[0], EVT_PACKET, NULL), phase + 1);
	}
	/* Again, now to be used at once: the counter goes on. */
	c.u.key.link = 0;
	sessnet_command(&p->n, 1, &c);
	send_oam(p, OAM_ECHO_REQUEST, 0, 0);
	assert_int_equal(be64_load(rte_pktmbuf_mtod(p->n.side[0].last, uint8_t *) + 4), 1);
}

/* The same key again keeps counter and window: no nonce is used twice, no packet is let in twice. */
static void test_repeated_keys_change_nothing(void **state)
{
	struct pair *p = *state;
	uint64_t counter[2];
	uint8_t copy[200];
	size_t len;

	sessnet_up(&p->n);
	for (unsigned i = 0; i < 2; i++) {
		send_oam(p, OAM_KEEPALIVE, 0, 0);
		len = p->n.side[1].last->data_len;
		memcpy(copy, rte_pktmbuf_mtod(p->n.side[1].last, void *), len);
		counter[i] = be64_load(copy + 4);
		sessnet_tx_key(&p->n, 0, 1, 0);
		sessnet_rx_key(&p->n, 1, 2, 0);
	}
	assert_int_equal(counter[1], counter[0] + 1);
	sessnet_inject(&p->n, 1, copy, len);
	assert_int_equal(p->n.side[1].w.drops[DROP_SESSION_REPLAY], 1);
}

static void test_session_lost_and_made_anew(void **state)
{
	struct pair *p = *state;
	uint64_t sent = 0, got = 0;
	struct cp_cmd c = {.type = CMD_SESSION_DEL};

	sessnet_up(&p->n);
	connected(p);
	for (unsigned side = 0; side < 2; side++) {
		c.u.session.session = side + 1;
		sessnet_command(&p->n, side, &c);
	}
	app_write(&p->a, &sent, 50000);
	run(p, 2500 * NS_PER_MS);
	assert_true(sessnet_events(&p->n.side[0], EVT_WANT, NULL) >= 2);
	sessnet_up(&p->n);
	assert_true(transfer(p, &sent, &got, 100000, 10 * NS_PER_S));
	close_both(p);
}

static void test_dump(void **state)
{
	struct pair *p = *state;
	struct cp_cmd c = {.type = CMD_DUMP_CONNECTIONS, .cookie = 9, .u.dump.most = 64};
	struct dp_event ev;

	sessnet_up(&p->n);
	connected(p);
	p->n.side[1].events_full = true;
	sessnet_command(&p->n, 1, &c);
	run(p, NS_PER_MS);
	p->n.side[1].events_full = false;
	run(p, NS_PER_MS);
	assert_int_equal(sessnet_events(&p->n.side[1], EVT_CONNECTION, &ev), 2);
	assert_int_equal(ev.cookie, 9);
	assert_int_equal(sessnet_events(&p->n.side[1], EVT_DUMP_END, &ev), 1);
	assert_false(ev.u.dump_end.more);
}

/* Slices of one row: the listener and the connection come once each, then an empty slice says that there are no more. */
static void test_dump_in_slices(void **state)
{
	struct pair *p = *state;
	struct cp_cmd c = {.type = CMD_DUMP_CONNECTIONS, .cookie = 9};
	uint16_t remote[3] = {0};
	struct dp_event ev;
	unsigned slices;
	uint64_t bad;

	sessnet_up(&p->n);
	connected(p);
	bad = p->n.side[1].w.drops[DROP_BAD_COMMAND];
	sessnet_command(&p->n, 1, &c); /* of no row at all */
	assert_int_equal(p->n.side[1].w.drops[DROP_BAD_COMMAND], bad + 1);
	assert_int_equal(sessnet_events(&p->n.side[1], EVT_DUMP_END, &ev), 0);
	c.u.dump.most = 1;
	for (slices = 0; slices < 3; slices++) {
		p->n.side[1].nevents = 0;
		sessnet_command(&p->n, 1, &c);
		if (sessnet_events(&p->n.side[1], EVT_CONNECTION, &ev))
			remote[slices] = ev.u.connection.remote_port;
		assert_int_equal(sessnet_events(&p->n.side[1], EVT_DUMP_END, &ev), 1);
		assert_true(ev.u.dump_end.next >= c.u.dump.from);
		c.u.dump.from = ev.u.dump_end.next;
		if (!ev.u.dump_end.more)
			break;
	}
	assert_int_equal(slices, 2);
	assert_true((remote[0] == 0) != (remote[1] == 0));
}

static void test_drain_refuses_new(void **state)
{
	struct pair *p = *state;
	struct cp_cmd c = {.type = CMD_DRAIN};
	uint64_t sent = 0, got = 0;
	struct app late;

	sessnet_up(&p->n);
	connected(p);
	sessnet_command(&p->n, 0, &c);
	sessnet_command(&p->n, 1, &c);
	assert_true(transfer(p, &sent, &got, 100000, 10 * NS_PER_S));
	late = p->a;
	late.st = stream_new(&late.side);
	late.failed = false;
	app_put(&late, (struct bridge_msg){.type = BRIDGE_CONNECT,
	                                   .stream = late.st,
	                                   .port = PORT,
	                                   .id = p->n.cfg[1].id});
	sessnet_step(&p->n, NS_PER_MS);
	app_poll(&late);
	assert_true(late.failed);
	assert_int_equal(late.err, ESHUTDOWN);
	stream_free(late.st);
}

static void test_impossible_commands(void **state)
{
	struct pair *p = *state;
	struct cp_cmd c;

	for (uint32_t type = 0; type < 40; type++) {
		memset(&c, 0xff, sizeof(c));
		c.type = type;
		c.u.send_session.session = type & 1 ? 1 : UINT32_MAX;
		sessnet_command(&p->n, 0, &c);
	}
	sessnet_up(&p->n);
	for (uint32_t type = 0; type < 40; type++) {
		if (type == CMD_DRAIN || type == CMD_SESSION_SET || type == CMD_SESSION_DEL)
			continue;
		memset(&c, 0xff, sizeof(c));
		c.type = type;
		c.u.key.session = 1;
		sessnet_command(&p->n, 0, &c);
	}
	assert_true(p->n.side[0].w.drops[DROP_BAD_COMMAND] > 10);
	run(p, 10 * NS_PER_MS);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        T(test_transfer_with_loss),
	        T(test_rekey_in_the_middle),
	        T(test_connect_waits_for_a_session),
	        T(test_hold_and_release),
	        T(test_moved_to_another_tunnel),
	        T(test_unreachable),
	        T(test_far_end_restarted),
	        T(test_refused),
	        T(test_listen_holds_nothing_back),
	        T(test_credit_bounds_what_is_offered),
	        T(test_reset_reaches_the_other_side),
	        T(test_window_closes_when_nobody_reads),
	        T(test_replay_and_forgery),
	        T(test_oam),
	        T(test_first_echo_waits_for_the_key),
	        T(test_repeated_keys_change_nothing),
	        T(test_staged_key),
	        T(test_session_lost_and_made_anew),
	        T(test_dump),
	        T(test_dump_in_slices),
	        T(test_drain_refuses_new),
	        T(test_impossible_commands),
	};

	sessnet_global();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
