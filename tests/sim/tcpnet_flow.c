/* SPDX-License-Identifier: BSD-3-Clause */
/* Applications of the simulator: streams of a known pattern, each byte compared where it arrives. */
#include "tcpnet.h"
#include "tcpnet_require.h"

#include <errno.h>
#include <string.h>

#define PERIOD 65521u /* prime: no multiple of a segment or a chunk */

const uint8_t *tcpnet_pattern(uint64_t at)
{
	static uint8_t table[PERIOD + TCPNET_PATTERN_MAX];

	if (!table[1])
		for (uint64_t i = 0; i < sizeof(table); i++)
			table[i] =
			        (uint8_t)(((i % PERIOD + 1) * UINT64_C(0x9E3779B97F4A7C15)) >> 56);
	return table + at % PERIOD;
}

/* Fills the send buffer; *at counts up to total. */
static void fill(struct tcp_stack *s, uint32_t conn, uint64_t *at, uint64_t total)
{
	void *room;
	int64_t k;

	while (*at < total && (k = tcp_send_reserve(s, conn, &room)) > 0) {
		if ((uint64_t)k > total - *at)
			k = (int64_t)(total - *at);
		if (k > TCPNET_PATTERN_MAX)
			k = TCPNET_PATTERN_MAX;
		memcpy(room, tcpnet_pattern(*at), (size_t)k);
		REQUIRE(tcp_send_commit(s, conn, (size_t)k) == 0);
		*at += (uint64_t)k;
	}
}

/* Reads all there is and compares it. Returns tcp_recv_peek()'s last word. */
static int64_t drain(struct tcp_stack *s, uint32_t conn, uint64_t *at, uint64_t sent)
{
	const void *piece;
	int64_t k;

	while ((k = tcp_recv_peek(s, conn, &piece)) > 0) {
		if (k > TCPNET_PATTERN_MAX)
			k = TCPNET_PATTERN_MAX;
		REQUIRE(memcmp(piece, tcpnet_pattern(*at), (size_t)k) == 0);
		*at += (uint64_t)k;
		REQUIRE(*at <= sent);
		REQUIRE(tcp_recv_consume(s, conn, (size_t)k) == 0);
	}
	return k;
}

void tcpnet_pair(struct tcpnet *n, uint16_t port, uint32_t *client, uint32_t *server)
{
	uint32_t listener;

	REQUIRE(tcp_listen(n->stack[1], port, 16, &listener) == 0);
	REQUIRE(tcp_connect(n->stack[0], TCPNET_PEER, port, client) == 0);
	for (int64_t until = n->now + 60 * NS_PER_S; n->now < until;) {
		tcpnet_step(n, until);
		if (tcp_accept(n->stack[1], listener, server) == 0) {
			REQUIRE(tcp_close(n->stack[1], listener) == 0);
			return;
		}
	}
	REQUIRE(!"connected");
}

int64_t tcpnet_bulk(struct tcpnet *n, unsigned from, uint32_t sender, uint32_t receiver,
                    uint64_t total, int64_t limit_ns)
{
	int64_t start = n->now;
	uint64_t sent = 0, got = 0;

	while (got < total && n->now < start + limit_ns) {
		fill(n->stack[from], sender, &sent, total);
		if (drain(n->stack[1 - from], receiver, &got, sent) != -EAGAIN)
			return -1;
		tcpnet_step(n, start + limit_ns);
	}
	return got == total ? n->now - start : -1;
}

/* ---- many at once ------------------------------------------------------------------------------------------------- */

static void begin(struct tcpnet *n, struct tcpnet_flow *f, unsigned i)
{
	unsigned first = tcpnet_side(n, f->src) ? 0 : n->left;

	REQUIRE(tcpnet_side(n, f->src) != tcpnet_side(n, f->dst));
	if (!f->port)
		f->port = (uint16_t)(1000 + i);
	REQUIRE(tcp_listen(n->stack[f->dst], f->port, 4, &f->listener) == 0);
	REQUIRE(tcp_set_user(n->stack[f->dst], f->listener, i) == 0);
	REQUIRE(tcp_connect(n->stack[f->src], TCPNET_PEER + f->dst - first, f->port, &f->tx) == 0);
	REQUIRE(tcp_set_user(n->stack[f->src], f->tx, i) == 0);
	f->open = true;
}

static void react(struct tcpnet *n, unsigned h, const struct tcp_event *ev, struct tcpnet_flow *f)
{
	if (h == f->src) {
		REQUIRE(ev->conn == f->tx && !(ev->flags & TCP_EV_ERROR));
		fill(n->stack[h], f->tx, &f->sent, f->total);
		return;
	}
	if (ev->conn == f->listener) {
		REQUIRE(tcp_accept(n->stack[h], f->listener, &f->rx) == 0);
		REQUIRE(tcp_set_user(n->stack[h], f->rx, ev->user) == 0);
	}
	if (!f->rx)
		return;
	REQUIRE(drain(n->stack[h], f->rx, &f->got, f->sent) == -EAGAIN);
	if (f->got == f->total && !f->done_at)
		f->done_at = n->now;
}

static bool all_done(const struct tcpnet_flow *f, unsigned k)
{
	for (unsigned i = 0; i < k; i++)
		if (!f[i].done_at)
			return false;
	return true;
}

void tcpnet_flows_step(struct tcpnet *n, struct tcpnet_flow *f, unsigned k, int64_t until)
{
	struct tcp_event ev;

	for (unsigned i = 0; i < k; i++) {
		if (f[i].open)
			continue;
		if (f[i].start_at <= n->now)
			begin(n, &f[i], i);
		else if (f[i].start_at < until)
			until = f[i].start_at;
	}
	tcpnet_step(n, until);
	for (unsigned h = 0; h < n->hosts; h++)
		while (tcp_event_next(n->stack[h], &ev))
			react(n, h, &ev, &f[ev.user]);
}

void tcpnet_flows(struct tcpnet *n, struct tcpnet_flow *f, unsigned k, int64_t until)
{
	while (n->now < until && !all_done(f, k))
		tcpnet_flows_step(n, f, k, until);
}

struct tcp_info tcpnet_info(const struct tcpnet *n, const struct tcpnet_flow *f)
{
	struct tcp_info i;

	REQUIRE(tcp_info(n->stack[f->src], f->tx, &i) == 0);
	return i;
}
