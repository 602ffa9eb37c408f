/* SPDX-License-Identifier: BSD-3-Clause */
/* The stack's inside and the calls its files make to one another; internal to dataplane/tcp. */
#pragma once
#include "base/assert.h"
#include "tcp/conn.h"
#include "tcp/keyed.h"
#include "tcp/tcp.h"

struct conn_list {
	uint32_t head, tail;
};

struct tcp_peer {
	struct conn_list conns;
	uint32_t live; /* of them, TIME-WAIT not counted */
	uint16_t local_sum, remote_sum, mss;
	bool set, held;
};

/* A segment that belongs to no connection: a reset, or the SYN-ACK of a cookie. mss 0: none; wscale -1: none. */
struct tcp_reply {
	uint32_t peer, seq, ack;
	uint16_t lport, rport, wnd, mss;
	uint8_t flags;
	int8_t wscale;
	bool sack_ok, ts;
	uint32_t ts_val, ts_ecr;
};

struct table_entry {
	uint32_t hash, conn; /* index + 1, 0: free */
};

struct tcp_stack {
	struct tcp_cfg cfg;
	int64_t now;     /* ns, the last time given */
	uint64_t ts_now; /* the same in ticks of the timestamp clock */
	struct conn *conns;
	uint32_t *free_conns;
	uint32_t nfree, fresh, nconns;
	struct table_entry *table;
	uint32_t table_mask;
	struct tcp_peer *peers;
	struct tcp_pool pool;
	struct wheel wheel;
	struct conn_list ready, events, time_wait;
	uint32_t burst_left;
	struct tcp_reply *replies;
	uint32_t reply_head, reply_tail;
	int64_t challenge_from;
	uint32_t challenge_left;
	struct tcp_key key_table, key_isn, key_port, key_ts, key_cookie;
	int64_t cookie_at; /* when one was last sent */
	uint32_t port_next;
	struct tcp_counters n;
};

/* A segment taken apart. */
struct seg {
	uint32_t peer, seq, ack, wnd; /* wnd as in the header, not scaled */
	uint32_t up;                  /* the urgent pointer, absolute */
	uint16_t lport, rport;
	const uint8_t *data;
	uint32_t len; /* payload bytes, what was trimmed taken off */
	uint8_t flags, ecn;
	bool syn; /* it carried a SYN that was taken off: its window is not scaled (RFC 7323 2.2) */
	struct tcp_opts o;
};

/* Octets of sequence space that the segment takes (RFC 9293: SEG.LEN): its payload, and one each for SYN and FIN. */
static inline uint32_t seg_seq_len(const struct seg *g)
{
	return g->len + ((g->flags & TCP_SYN) ? 1 : 0) + ((g->flags & TCP_FIN) ? 1 : 0);
}

/* Whether the pool has room enough for buffers to become larger than they are. */
static inline bool stack_may_grow(const struct tcp_stack *s)
{
	return (uint64_t)s->pool.used * 100 < (uint64_t)s->pool.total * s->cfg.buffer_growth_pct;
}

/* The window that the segment offers, in bytes. That of a SYN is never scaled (RFC 7323, 2.2). */
static inline uint32_t seg_window(const struct conn *c, const struct seg *g)
{
	return g->syn ? g->wnd : g->wnd << c->snd_ws;
}

/* The timestamp to send now (RFC 7323 TSval), in ticks of the timestamp clock and with the connection's own secret offset. */
static inline uint32_t conn_ts_now(const struct tcp_stack *s, const struct conn *c)
{
	return (uint32_t)s->ts_now + c->ts_off;
}

/* The steps of RFC 9293 3.3.2 that there are, one word of target states for each state. */
static inline bool conn_may_become(uint8_t from, uint8_t to)
{
#define TO(state) (1u << TCP_##state)
	static const uint16_t steps[TCP_STATES] = {
	        [TCP_CLOSED] = TO(LISTEN) | TO(SYN_SENT) | TO(SYN_RCVD),
	        [TCP_LISTEN] = TO(CLOSED),
	        [TCP_SYN_SENT] = TO(SYN_RCVD) | TO(ESTABLISHED) | TO(CLOSED),
	        [TCP_SYN_RCVD] = TO(ESTABLISHED) | TO(CLOSED),
	        [TCP_ESTABLISHED] = TO(FIN_WAIT_1) | TO(CLOSE_WAIT) | TO(CLOSED),
	        [TCP_FIN_WAIT_1] = TO(FIN_WAIT_2) | TO(CLOSING) | TO(CLOSED),
	        [TCP_FIN_WAIT_2] = TO(TIME_WAIT) | TO(CLOSED),
	        [TCP_CLOSE_WAIT] = TO(LAST_ACK) | TO(CLOSED),
	        [TCP_CLOSING] = TO(TIME_WAIT) | TO(CLOSED),
	        [TCP_LAST_ACK] = TO(CLOSED),
	        [TCP_TIME_WAIT] = TO(TIME_WAIT) | TO(CLOSED), /* 2 MSL again */
	};
#undef TO
	return from < TCP_STATES && (steps[from] >> to & 1);
}

/* Changes the state of c; a debug build asserts that RFC 9293, 3.3.2 has such a step. */
static inline void conn_become(struct conn *c, enum tcp_state state)
{
	COYO_ASSERT(conn_may_become(c->state, (uint8_t)state));
	c->state = (uint8_t)state;
}

/* Nobody pays for it any more. */
static inline void conn_uncharge(struct conn *c)
{
	if (c->charge && c->state != TCP_LISTEN)
		tcp_charge_release(c->charge);
	c->charge = NULL;
}

/* What is acknowledged, sent, sent at most; and no more of it is SACKed or lost than is outstanding. */
static inline bool conn_sound(const struct conn *c)
{
	return seq_leq(c->snd_una, c->snd_nxt) && seq_leq(c->snd_nxt, c->snd_max) &&
	       (uint64_t)c->sacked_bytes + c->lost_bytes <= conn_outstanding(c);
}

/* The name by which the application knows the connection. It holds the slot's generation, so that a slot's next connection has another. */
static inline uint32_t conn_handle(const struct conn *c)
{
	return c->gen << 20 | c->index;
}

/* Bytes that the receive buffer has room for: the most that may be offered. */
static inline uint32_t conn_rcv_window(const struct conn *c)
{
	return c->rcv.len < c->rcv_limit ? c->rcv_limit - c->rcv.len : 0;
}

/* ---- what the files offer one another: each calls only those that stand above it ----------------------------------- */

/* stack.c: time, lists, connection slots. */
void stack_time(struct tcp_stack *s, struct instant now);
void list_add(struct tcp_stack *s, struct conn_list *l, uint32_t i, size_t link_offset);
void list_del(struct tcp_stack *s, struct conn_list *l, uint32_t i, size_t link_offset);
#define LIST_ADD(s, l, c, field) list_add(s, l, (c)->index, offsetof(struct conn, field))
#define LIST_DEL(s, l, c, field) list_del(s, l, (c)->index, offsetof(struct conn, field))

/* table.c: (peer, ports) -> connection; listeners under TABLE_LISTEN. */
#define TABLE_LISTEN UINT32_MAX
void table_insert(struct tcp_stack *s, struct conn *c);
void table_remove(struct tcp_stack *s, struct conn *c);
struct conn *table_find(const struct tcp_stack *s, uint32_t peer, uint16_t lport, uint16_t rport);
/* The same in steps, for bursts: the hash, its place called into the cache, the index of the connection that likely is
 * meant (CONN_NONE), the one that is. */
uint32_t table_hash(const struct tcp_stack *s, uint32_t peer, uint16_t lport, uint16_t rport);
void table_prefetch(const struct tcp_stack *s, uint32_t hash);
uint32_t table_guess(const struct tcp_stack *s, uint32_t hash);
struct conn *table_find_hash(const struct tcp_stack *s, uint32_t hash, uint32_t peer,
                             uint16_t lport, uint16_t rport);

/* isn.c: numbers an outsider must not guess. */
uint32_t isn_make(const struct tcp_stack *s, uint32_t peer, uint16_t lport, uint16_t rport);
uint32_t isn_ts_offset(const struct tcp_stack *s, uint32_t peer, uint16_t lport, uint16_t rport);
uint16_t isn_port(struct tcp_stack *s, uint32_t peer, uint16_t rport); /* 0: none free */

/* reply.c: segments without a connection behind them wait in a bounded queue; what does not fit, or whose peer is held, is counted. */
void reply_push(struct tcp_stack *s, const struct tcp_reply *r);
/* Takes the next one that may go, NULL: none. Valid until the next push. */
const struct tcp_reply *reply_next(struct tcp_stack *s);
void reply_reset(struct tcp_stack *s, const struct seg *g); /* answers g, RFC 9293 3.10.7.1 */
/* The reset of a connection. A peer takes one with exactly the number that it expects next; one further on, inside its window, it answers
 * with a challenge ACK, which costs a round trip, and one that lies behind it drops in silence (RFC 5961 3.2). Where nothing is outstanding
 * that number is known, and what was just sent arrives in front of the reset. Where something went unanswered (answered is false, or the
 * connection's state tells) either that was lost, or only the acknowledgements were: then two resets go, one for each. */
void reply_reset_conn(struct tcp_stack *s, const struct conn *c, bool answered);

/* timer.c: deadlines. The connection's node comes up by `at`, one of its deadlines that was just set (INT64_MAX: nothing to do); the
 * earliest of them, INT64_MAX: none. */
void timer_set(struct tcp_stack *s, struct conn *c, int64_t at);
int64_t timer_next(const struct conn *c);
void timer_rtx(struct tcp_stack *s, struct conn *c, enum conn_rtx kind);
void timer_rto_restart(struct tcp_stack *s, struct conn *c);
/* The user timeout changed: what waits already is given up no later. */
void timer_user(struct tcp_stack *s, struct conn *c);
void timer_rtx_stop(struct conn *c);
void timer_life(struct tcp_stack *s, struct conn *c, enum conn_life kind, int64_t delay);
void timer_tlp(struct tcp_stack *s, struct conn *c);

/* conn.c: the life of a slot. */
struct conn *conn_new(struct tcp_stack *s, uint32_t peer, uint16_t lport, uint16_t rport);
/* One that comes to a listener by this segment, charged to whoever pays for those. NULL, and counted: it is one too many, or no slot is free. */
struct conn *conn_come(struct tcp_stack *s, const struct conn *l, const struct seg *g);
void conn_defaults(struct tcp_stack *s, struct conn *c); /* options as configured ... */
void conn_inherit(struct conn *c, const struct conn *l); /* ... or as the listener's */
void conn_setup(struct tcp_stack *s, struct conn *c);    /* then initial windows, buffers, ISN */
void conn_set_iss(struct conn *c, uint32_t iss);
/* What the peer's SYN says; both sides' offers meet here. */
void conn_take_syn(struct tcp_stack *s, struct conn *c, const struct seg *g);
uint64_t conn_initial_window(const struct tcp_stack *s, const struct conn *c);
uint8_t conn_wscale(const struct tcp_cfg *cfg, uint32_t rcv_limit_max);
void conn_set_pacing(const struct tcp_stack *s, struct conn *c, bool on);
void conn_set_cc(struct conn *c, enum tcp_cc cc);
uint16_t conn_path_mss(const struct tcp_stack *s, uint32_t peer, const struct conn *c);
void conn_update_mss(struct tcp_stack *s, struct conn *c);
void conn_end(struct tcp_stack *s, struct conn *c, int err, uint32_t events);
void conn_free(struct tcp_stack *s, struct conn *c);
void conn_let_go(struct tcp_stack *s, struct conn *c);         /* the application's handle ends */
void conn_reset(struct tcp_stack *s, struct conn *c, int err); /* RST out, then conn_end() */
void conn_give_up(struct tcp_stack *s, struct conn *c,
                  int err); /* the same, of a peer that does not answer */
void conn_time_wait(struct tcp_stack *s, struct conn *c);
void conn_ready(struct tcp_stack *s, struct conn *c);
void conn_ack_now(struct tcp_stack *s, struct conn *c);
void conn_challenge(struct tcp_stack *s, struct conn *c); /* RFC 5961, rate-limited */
void conn_event(struct tcp_stack *s, struct conn *c, uint32_t flags);
void conn_warn(struct tcp_stack *s, struct conn *c); /* unless turned off */
void conn_heard(struct conn *c);                     /* the peer can be reached after all */
struct conn *conn_of(const struct tcp_stack *s, uint32_t handle); /* NULL: stale */
struct conn *conn_app(const struct tcp_stack *s,
                      uint32_t handle); /* ... or not the application's */

/* pace.c: whether data may leave now, else a deadline is set; the departure of what is sent; bytes a second, 0: not paced. */
bool pace_due(struct tcp_stack *s, struct conn *c);
int64_t pace_sent(struct tcp_stack *s, struct conn *c, uint32_t len);
uint64_t pace_rate(const struct tcp_stack *s, const struct conn *c);

/* Further: record.h, reass.h, rto.h, recovery.h (what acknowledgements do), segment.h (writing), input.h (arrival). */
