/* SPDX-License-Identifier: BSD-3-Clause */
/* The segment-by-segment harness. */
#include "tcptest.h"
#include "base/be.h"
#include "tcp/csum.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOCAL_SUM  0x1234
#define REMOTE_SUM 0xbeef

void tt_cfg(struct tcp_cfg *cfg)
{
	tcp_cfg_default(cfg);
	cfg->max_conns = 32;
	cfg->max_peers = 4;
	cfg->chunks = 256;
	cfg->mss_default = 1000;
	cfg->sndbuf = cfg->sndbuf_max = cfg->rcvbuf = cfg->rcvbuf_max = 65000;
	cfg->timestamps = cfg->sack = cfg->window_scale = false;
	cfg->tail_loss_probe = false;
	cfg->cc = TCP_CC_NEWRENO;
	cfg->nodelay = true;
	cfg->fin_again = cfg->paws_late = false;
}

static void check(struct tt *t)
{
	tcpcheck_conns(&t->check, t->s, true);
	tcpcheck_memory(&t->check, t->s);
}

void tt_init(struct tt *t, const struct tcp_cfg *cfg)
{
	size_t size = tcp_stack_size(cfg);

	memset(t, 0, sizeof(*t));
	t->now = 100 * NS_PER_S;
	t->irs = 0xfffff000u; /* numbers wrap during every test */
	t->wnd = 30000;
	t->wscale = -1;
	t->mss = 1000;
	t->lport = TT_PORT;
	t->rport = TT_RPORT;
	assert_true(size > 0);
	t->mem = aligned_alloc(64, (size + 63) & ~(size_t)63);
	t->s = tcp_stack_init(t->mem, size, cfg, (struct instant){t->now});
	assert_non_null(t->s);
	assert_int_equal(tcpcheck_init(&t->check, t->s), 0);
	assert_int_equal(tcp_peer_set(t->s, TT_PEER, LOCAL_SUM, REMOTE_SUM, 0), 0);
}

void tt_free(struct tt *t)
{
	check(t);
	tcpcheck_free(&t->check);
	free(t->mem);
}

void tt_in(struct tt *t, uint8_t flags, uint32_t seq, uint32_t ack, const void *data, uint32_t len)
{
	uint8_t b[4096];
	struct tcp_opts o = {.wscale = -1};
	struct tcp_in in = {.seg = b, .peer = TT_PEER, .ecn = t->ecn};
	uint32_t n;

	if (flags & TCP_SYN) {
		o.mss = t->mss;
		o.sack_ok = t->sack_ok;
		o.wscale = (int8_t)t->wscale;
	}
	if (t->ts_val) {
		o.ts = true;
		o.ts_val = t->ts_val;
		o.ts_ecr = t->ts_ecr;
	}
	o.nsack = t->nsack;
	for (unsigned i = 0; i < t->nsack; i++)
		o.sack[i] =
		        (struct tcp_sack_range){t->iss + t->sack[i].start, t->iss + t->sack[i].end};
	t->nsack = 0;
	n = TCP_HDR_BYTES + tcp_opts_write(b + TCP_HDR_BYTES, &o);
	be16_store(b, t->rport);
	be16_store(b + 2, t->lport);
	be32_store(b + 4, t->irs + seq);
	be32_store(b + 8, flags & TCP_ACK ? t->iss + ack : 0);
	b[12] = (uint8_t)(n / 4 << 4);
	b[13] = flags;
	be16_store(b + 14, t->wnd);
	be32_store(b + 16, 0);
	if (len)
		memcpy(b + n, data, len);
	in.len = n + len;
	be16_store(b + 16, (uint16_t)~tcp_csum_fold(tcp_csum_pseudo(REMOTE_SUM, LOCAL_SUM, in.len) +
	                                            tcp_csum_sum(b, in.len)));
	tcp_input(t->s, &in, (struct instant){t->now});
	check(t);
}

void tt_data(struct tt *t, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	uint8_t b[2000];

	for (uint32_t i = 0; i < len; i++)
		b[i] = (uint8_t)(seq + i);
	tt_in(t, flags, seq, ack, b, len);
}

static bool pull(struct tt *t, struct tt_seg *o)
{
	uint8_t b[4096];
	struct tcp_out out;
	uint32_t n = tcp_output(t->s, (struct instant){t->now}, b, sizeof(b), &out), hdr;

	check(t);
	if (!n)
		return false;
	assert_int_equal(out.peer, TT_PEER);
	assert_int_equal(out.len, n);
	assert_int_equal(
	        tcp_csum_fold(tcp_csum_pseudo(LOCAL_SUM, REMOTE_SUM, n) + tcp_csum_sum(b, n)),
	        0xffff);
	hdr = (uint32_t)(b[12] >> 4) * 4;
	assert_int_equal(tcp_opts_parse(b + 20, hdr - 20, &o->o), 0);
	o->flags = b[13];
	if (o->flags & TCP_SYN)
		t->iss = be32_load(b + 4);
	o->seq = be32_load(b + 4) - t->iss;
	o->ack = o->flags & TCP_ACK ? be32_load(b + 8) - t->irs : 0;
	o->lport = be16_load(b);
	o->rport = be16_load(b + 2);
	o->wnd = be16_load(b + 14);
	o->len = n - hdr;
	o->ecn = out.ecn;
	o->retransmit = out.retransmit;
	memcpy(o->data, b + hdr, o->len < sizeof(o->data) ? o->len : sizeof(o->data));
	return true;
}

bool tt_out(struct tt *t, struct tt_seg *o)
{
	if (!t->kept)
		return pull(t, o);
	*o = t->keep;
	t->kept = false;
	return true;
}

void tt_expect_at(struct tt *t, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len, int line)
{
	struct tt_seg o;

	if (!tt_out(t, &o)) {
		print_error("line %d: nothing came out\n", line);
		fail();
	}
	if ((o.flags & ~TCP_PSH) != flags || o.seq != seq || o.ack != ack || o.len != len) {
		print_error("line %d: got flags %x seq %u ack %u len %u, wanted %x %u %u %u\n",
		            line, o.flags, o.seq, o.ack, o.len, flags, seq, ack, len);
		fail();
	}
}

void tt_quiet_at(struct tt *t, int line)
{
	struct tt_seg o;

	if (tt_out(t, &o)) {
		print_error("line %d: unexpected flags %x seq %u ack %u len %u\n", line, o.flags,
		            o.seq, o.ack, o.len);
		fail();
	}
}

void tt_wait(struct tt *t, int64_t ms)
{
	int64_t until = t->now + ms * NS_PER_MS;
	struct instant next;

	while (!t->kept && !(t->kept = pull(t, &t->keep)) &&
	       (next = tcp_next_deadline(t->s)).ns <= until) {
		if (next.ns > t->now)
			t->now = next.ns;
		tcp_advance(t->s, (struct instant){t->now});
		check(t);
	}
	/* The caller looks what came of it before time goes on. */
	if (!t->kept)
		t->now = until;
	tcp_advance(t->s, (struct instant){t->now});
	check(t);
}

void tt_establish_passive(struct tt *t)
{
	if (!t->listener)
		assert_int_equal(tcp_listen(t->s, TT_PORT, 8, &t->listener), 0);
	tt_in(t, TCP_SYN, 0, 0, NULL, 0);
	tt_expect(t, TCP_SYN | TCP_ACK, 0, 1, 0);
	t->now += 20 * NS_PER_MS; /* the round trip that is measured */
	tt_in(t, TCP_ACK, 1, 1, NULL, 0);
	tt_quiet(t);
	assert_int_equal(tcp_accept(t->s, t->listener, &t->conn), 0);
	assert_int_equal(tt_state(t, t->conn), TCP_ESTABLISHED);
}

void tt_establish_active(struct tt *t)
{
	struct tt_seg o;

	assert_int_equal(tcp_connect(t->s, TT_PEER, TT_RPORT, &t->conn), 0);
	assert_true(tt_out(t, &o));
	assert_int_equal(o.flags, TCP_SYN);
	t->lport = o.lport;
	tt_in(t, TCP_SYN | TCP_ACK, 0, 1, NULL, 0);
	tt_expect(t, TCP_ACK, 1, 1, 0);
	assert_int_equal(tt_state(t, t->conn), TCP_ESTABLISHED);
}

void tt_to_state(struct tt *t, enum tcp_state state)
{
	struct tt_seg o;

	if (state == TCP_SYN_SENT) {
		assert_int_equal(tcp_connect(t->s, TT_PEER, TT_RPORT, &t->conn), 0);
		assert_true(tt_out(t, &o));
		t->lport = o.lport;
		return;
	}
	if (state == TCP_SYN_RCVD) {
		tt_to_state(t, TCP_SYN_SENT);
		tt_in(t, TCP_SYN, 0, 0, NULL, 0);
		tt_expect(t, TCP_SYN | TCP_ACK, 0, 1, 0);
		return;
	}
	tt_establish_passive(t);
	if (state == TCP_ESTABLISHED)
		return;
	if (state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK) {
		tt_in(t, TCP_FIN | TCP_ACK, 1, 1, NULL, 0);
		tt_expect(t, TCP_ACK, 1, 2, 0);
		if (state == TCP_LAST_ACK) {
			tcp_shutdown(t->s, t->conn);
			tt_expect(t, TCP_FIN | TCP_ACK, 1, 2, 0);
		}
		return;
	}
	tcp_shutdown(t->s, t->conn);
	tt_expect(t, TCP_FIN | TCP_ACK, 1, 1, 0);
	if (state == TCP_FIN_WAIT_1)
		return;
	if (state == TCP_CLOSING) {
		tt_in(t, TCP_FIN | TCP_ACK, 1, 1, NULL, 0);
		tt_expect(t, TCP_ACK, 2, 2, 0);
		return;
	}
	tt_in(t, TCP_ACK, 1, 2, NULL, 0);
	if (state == TCP_TIME_WAIT) {
		tt_in(t, TCP_FIN | TCP_ACK, 1, 2, NULL, 0);
		tt_expect(t, TCP_ACK, 2, 2, 0);
	}
}

enum tcp_state tt_state(struct tt *t, uint32_t conn)
{
	struct tcp_info i;

	return tcp_info(t->s, conn, &i) ? TCP_CLOSED : (enum tcp_state)i.state;
}

uint32_t tt_event(struct tt *t, uint32_t conn)
{
	struct tcp_event ev;
	uint32_t flags = 0;

	while (tcp_event_next(t->s, &ev))
		if (ev.conn == conn)
			flags |= ev.flags;
	return flags;
}

const char tt_filler[200000];

struct tcp_info tt_info(struct tt *t)
{
	struct tcp_info i;

	assert_int_equal(tcp_info(t->s, t->conn, &i), 0);
	return i;
}

struct tcp_counters tt_counters(struct tt *t)
{
	struct tcp_counters k;

	tcp_stack_counters(t->s, &k);
	return k;
}

void tt_send_full(struct tt *t, uint32_t queued, unsigned n)
{
	assert_int_equal(tcp_send(t->s, t->conn, tt_filler, queued), queued);
	for (unsigned i = 0; i < n; i++)
		tt_expect(t, TCP_ACK, 1 + 1000 * i, 1, 1000);
}

void tt_sack_in(struct tt *t, uint32_t ack, const uint32_t r[][2], unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		t->sack[i] = (struct tcp_sack_range){1 + 1000 * r[i][0], 1 + 1000 * r[i][1]};
	t->nsack = (uint8_t)n;
	tt_in(t, TCP_ACK, 1, 1 + 1000 * ack, NULL, 0);
}

void tt_start(struct tt *t, bool sack)
{
	struct tcp_cfg cfg;

	tt_cfg(&cfg);
	cfg.sack = sack;
	tt_init(t, &cfg);
	t->sack_ok = sack;
}

void tt_established(struct tt *t, const struct tcp_cfg *cfg)
{
	tt_init(t, cfg);
	t->sack_ok = cfg->sack;
	tt_establish_passive(t);
}

void tt_ack_sack(struct tt *t, uint32_t ack, uint32_t start, uint32_t end)
{
	t->sack[0] = (struct tcp_sack_range){start, end};
	t->nsack = 1;
	tt_in(t, TCP_ACK, 1, ack, NULL, 0);
}

void tt_cfg_small(struct tcp_cfg *cfg)
{
	tt_cfg(cfg);
	cfg->chunks = 2000;
	cfg->sndbuf = cfg->sndbuf_max = 1 << 20;
}

unsigned tt_drain(struct tt *t)
{
	struct tt_seg o;
	unsigned n = 0;

	while (tt_out(t, &o))
		n++;
	return n;
}

void tt_ecn_start(struct tt *t, uint8_t mode)
{
	struct tcp_cfg cfg;

	tt_cfg_small(&cfg);
	cfg.ecn = mode;
	tt_init(t, &cfg);
	assert_int_equal(tcp_listen(t->s, TT_PORT, 8, &t->listener), 0);
	tt_in(t, TCP_SYN | TCP_ECE | TCP_CWR, 0, 0, NULL, 0);
	tt_expect(t, TCP_SYN | TCP_ACK | TCP_ECE, 0, 1, 0);
	t->now += 20 * NS_PER_MS;
	tt_in(t, TCP_ACK, 1, 1, NULL, 0);
	assert_int_equal(tcp_accept(t->s, t->listener, &t->conn), 0);
	assert_true(tt_info(t).ecn);
}

void tt_read_all(struct tt *t, uint32_t want)
{
	static uint8_t b[70000];
	int64_t n = tcp_recv(t->s, t->conn, b, sizeof(b));

	assert_int_equal(n, want);
	for (uint32_t i = 0; i < want; i++)
		assert_int_equal(b[i], (uint8_t)(1 + i));
}

void tt_receiver(struct tt *t, bool sack, bool ts)
{
	struct tcp_cfg cfg;

	tt_cfg(&cfg);
	cfg.sack = sack;
	cfg.timestamps = ts;
	tt_init(t, &cfg);
	t->sack_ok = sack;
	t->ts_val = ts ? 1000 : 0;
	tt_establish_passive(t);
}

void tt_send_segments(struct tt *t, uint32_t first_seq, unsigned n)
{
	assert_int_equal(tcp_send(t->s, t->conn, tt_filler, 1000 * n), 1000 * n);
	for (unsigned i = 0; i < n; i++)
		tt_expect(t, TCP_ACK, first_seq + 1000 * i, 1, 1000);
}
