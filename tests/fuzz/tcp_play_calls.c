/* SPDX-License-Identifier: BSD-3-Clause */
/* Application calls with arguments chosen by the input, often on handles that are stale. */
#include "tcp_play.h"
#include "tcpnet_require.h"

#include <errno.h>
#include <string.h>

static uint32_t *pick(struct play *p, unsigned side)
{
	return &p->handle[side][rd_u8(&p->r) % PLAY_HANDLES];
}

static void keep(struct play *p, unsigned side, int rc, const uint32_t *h)
{
	if (rc == 0)
		*pick(p, side) = *h;
}

/* Where the application of a handle is in its stream. */
static uint32_t *place(struct play *p, unsigned side, const struct conn *c)
{
	uint32_t h = conn_handle(c);

	if (p->next[side][c->index].handle != h) {
		p->next[side][c->index].handle = c->state == TCP_SYN_SENT ? TCP_NO_CONN : h;
		p->next[side][c->index].seq = c->irs + 1;
	}
	return &p->next[side][c->index].seq;
}

static void compare(const uint8_t *got, uint32_t seq, uint32_t n)
{
	uint8_t want[8192];

	while (n) {
		uint32_t k = n < sizeof(want) ? n : (uint32_t)sizeof(want);

		play_fill(want, seq, k);
		REQUIRE(memcmp(got, want, k) == 0);
		got += k;
		seq += k;
		n -= k;
	}
}

void play_read(struct play *p, unsigned side, uint32_t handle, uint32_t max)
{
	static uint8_t b[65536];
	struct tcp_stack *s = p->n.stack[side];
	const struct conn *c = conn_app(s, handle);
	const void *piece;
	int64_t k, peeked;
	uint32_t seq;

	if (!c || c->peer == TABLE_LISTEN) {
		REQUIRE(tcp_recv(s, handle, b, 1) < 0);
		return;
	}
	/* Before its handshake a connection knows no first byte, but has none to read either. */
	seq = *place(p, side, c);
	if (max & 1) {
		k = tcp_recv_peek(s, handle, &piece);
		if (k <= 0)
			return;
		k = k < (int64_t)max ? k : (int64_t)max;
		compare(piece, seq, (uint32_t)k);
		REQUIRE(tcp_recv_consume(s, handle, (size_t)k) == 0);
	} else {
		if (max & 2) {
			peeked = tcp_peek(s, handle, max & 63, b, max % sizeof(b));
			if (peeked > 0)
				compare(b, seq + (max & 63), (uint32_t)peeked);
		}
		k = tcp_recv(s, handle, b, max % sizeof(b));
		if (k <= 0)
			return;
		compare(b, seq, (uint32_t)k);
	}
	*place(p, side, c) += (uint32_t)k;
}

uint32_t play_write(struct play *p, unsigned side, uint32_t handle, uint32_t max)
{
	static uint8_t b[65536];
	struct tcp_stack *s = p->n.stack[side];
	const struct conn *c = conn_app(s, handle);
	void *room;
	int64_t k;

	if (!c || c->peer == TABLE_LISTEN) {
		REQUIRE(tcp_send(s, handle, b, 1) < 0);
		return 0;
	}
	max %= 16384;
	if (!(max & 1)) {
		play_fill(b, conn_data_end(c), max);
		k = tcp_send(s, handle, b, max);
		return k > 0 ? (uint32_t)k : 0;
	}
	k = tcp_send_reserve(s, handle, &room);
	if (k <= 0)
		return 0;
	k = k < (int64_t)max ? k : (int64_t)max;
	play_fill(room, conn_data_end(c), (uint32_t)k);
	REQUIRE(tcp_send_commit(s, handle, (size_t)k) == 0);
	/* More than was reserved is refused. */
	REQUIRE(tcp_send_commit(s, handle, 1u << 20) != 0);
	return (uint32_t)k;
}

static void set_option(struct play *p, unsigned side, uint32_t h, uint16_t v)
{
	struct tcp_stack *s = p->n.stack[side];
	uint32_t got, value = rd_u8(&p->r);
	enum tcp_opt opt = (enum tcp_opt)(v % 16);

	value = value < 128 ? value : value < 250 ? (value - 127) * 300 : UINT32_MAX;
	/* A keepalive timer of 1 ms does what 32 ms do, and the minutes of the end take a thousand events a second. */
	if ((opt == TCP_OPT_KEEPALIVE_MS || opt == TCP_OPT_KEEPALIVE_INTVL_MS) && value &&
	    value < 32)
		value = 32;
	if (tcp_set_opt(s, h, opt, value) == 0)
		REQUIRE(tcp_get_opt(s, h, opt, &got) == 0);
}

/* What befalls a peer and its path. */
static void peer_event(struct play *p, unsigned side, uint16_t v)
{
	struct tcp_stack *s = p->n.stack[side];
	const struct tcp_peer *peer = &s->peers[TCPNET_PEER];

	switch (v & 7) {
	case 0:
		tcp_path_up(s, TCPNET_PEER);
		break;
	case 1:
		tcp_path_moved(s, TCPNET_PEER, (struct instant){p->n.now});
		break;
	case 2:
	case 3:
		tcp_peer_hold(s, TCPNET_PEER, v & 8);
		break;
	case 4:
	case 5:
		tcp_peer_mtu(s, TCPNET_PEER, v >> 3);
		break;
	case 6:
		p->forged = true;
		tcp_peer_unreachable(s, TCPNET_PEER, EHOSTUNREACH, (int64_t)(v >> 3) * NS_PER_MS,
		                     (v & 8) ? INT64_MAX : (int64_t)(v >> 4) * NS_PER_MS,
		                     (struct instant){p->n.now});
		if (v & 16)
			tcp_peer_restarted(s, TCPNET_PEER);
		break;
	default:
		if (!(v & 0xff8)) {
			uint16_t local = peer->local_sum, remote = peer->remote_sum;

			p->forged = true;
			tcp_peer_clear(s, TCPNET_PEER, ECONNABORTED);
			REQUIRE(tcp_peer_set(s, TCPNET_PEER, local, remote, 0) == 0);
		}
		break;
	}
}

static void look(struct play *p, unsigned side, uint32_t h)
{
	struct tcp_info i;
	uint32_t cursor = 0;

	(void)tcp_info(p->n.stack[side], h, &i);
	while (tcp_iterate(p->n.stack[side], &cursor, &i))
		REQUIRE(i.conn != TCP_NO_CONN && i.state_name);
}

void play_call(struct play *p, unsigned side)
{
	struct tcp_stack *s = p->n.stack[side];
	uint32_t *h = pick(p, side), got = 0;
	uint8_t what = rd_u8(&p->r);
	uint16_t v = rd_be16(&p->r), port = (uint16_t)(1 + v % 4);

	switch (what % 20) {
	case 0:
	case 1:
		keep(p, side, tcp_connect(s, TCPNET_PEER, port, &got), &got);
		break;
	case 2:
		keep(p, side, tcp_connect_from(s, TCPNET_PEER, 1 + (v >> 8) % 4, port, &got), &got);
		break;
	case 3:
	case 4:
		keep(p, side, tcp_listen(s, port, v >> 13, &got), &got);
		break;
	case 5:
	case 6:
		keep(p, side, tcp_accept(s, *h, &got), &got);
		break;
	case 7:
	case 8:
	case 9:
		play_write(p, side, *h, v);
		break;
	case 10:
	case 11:
	case 12:
		play_read(p, side, *h, v);
		break;
	case 13:
		tcp_shutdown(s, *h);
		break;
	case 14:
		tcp_close(s, *h);
		break;
	case 15:
		tcp_abort(s, *h);
		break;
	case 16:
		set_option(p, side, *h, v);
		break;
	case 17:
		tcp_kick(s, *h);
		break;
	case 18:
		look(p, side, *h);
		break;
	default:
		peer_event(p, side, v);
		break;
	}
}
