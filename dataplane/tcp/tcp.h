/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP over 512-bit node ids: segments and application calls in, segments and edge events out; no clock, no sockets, no
 * globals. One stack belongs to one thread. Time comes from arguments and must not go back. Functions that return int
 * return 0 or more on success and -errno on failure; none blocks. -EBADF: a handle that is not (or no longer) valid. */
#pragma once
#include "base/time.h"
#include "tcp/cfg.h"
#include "tcp/info.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tcp_stack;

/* Never a valid handle. */
#define TCP_NO_CONN 0u

/* ---- the stack ------------------------------------------------------------------------------------------------ */

/* Bytes of memory tcp_stack_init() needs (64-byte aligned); 0 when the configuration is refused. */
size_t tcp_stack_size(const struct tcp_cfg *cfg);

/* Builds a stack inside mem, which the caller keeps until it stops using the stack: there is nothing else to free.
 * NULL when size is too small or cfg is refused. Only pages in use are touched. */
struct tcp_stack *tcp_stack_init(void *mem, size_t size, const struct tcp_cfg *cfg,
                                 struct instant now);

/* Copies the counters since tcp_stack_init(), and how much of connections and buffer memory is in use now. */
void tcp_stack_counters(const struct tcp_stack *s, struct tcp_counters *out);

/* ---- peers: the caller's small numbers for remote ids --------------------------------------------------------- */

/* Announces a peer or changes it. local_sum and remote_sum are tcp_id_sum() of the two ids; mss as in struct tcp_cfg, 0: default.
 * -EINVAL: handle not below max_peers. */
int tcp_peer_set(struct tcp_stack *s, uint32_t peer, uint16_t local_sum, uint16_t remote_sum,
                 uint16_t mss);

/* Forgets a peer; its connections end with `error` (no segment is sent). */
void tcp_peer_clear(struct tcp_stack *s, uint32_t peer, int error);

/* Partial sum of a 64-byte id for the pseudo-header, whose fields are: source id (64 bytes), destination id (64), length (4),
 * zero (3), next header (1, value 6). */
uint16_t tcp_id_sum(const uint8_t id[64]);

/* While held nothing is sent to the peer and its retransmission timers stand still (connect, user and TIME-WAIT timers run on).
 * Release makes its connections ready at once: what is outstanding is sent again, from a restarted window. */
void tcp_peer_hold(struct tcp_stack *s, uint32_t peer, bool hold);

/* The path has another MSS now (a new tunnel). Smaller: outstanding larger segments are cut anew and sent again at once. Larger:
 * what is sent from now on uses it, up to what the peer's option allows. */
void tcp_peer_mtu(struct tcp_stack *s, uint32_t peer, uint16_t mss);

/* The path came back: each connection's oldest outstanding segment is sent again now and timeouts restart. */
void tcp_path_up(struct tcp_stack *s, uint32_t peer);

/* Another path has taken the place of one that perhaps carried nothing any more. The same as above for each connection of which an
 * acknowledgement is overdue, its oldest outstanding segment having been sent more than two round trips ago; the others go on as they
 * are. */
void tcp_path_moved(struct tcp_stack *s, uint32_t peer, struct instant now);

/* The peer cannot be reached at present: connections that have been opening for opening_ns end with `error`, and so do those whose data
 * has been waiting, unsent or unacknowledged, for waiting_ns (INT64_MAX: never; R2 of RFC 9293 3.8.3 is then over early, since the caller
 * knows that there is no way; their FIN is data, too). Others remember the error and are warned (3.9.2.2): should they time out before
 * anything is heard of the peer, that is what they end with. */
void tcp_peer_unreachable(struct tcp_stack *s, uint32_t peer, int error, int64_t opening_ns,
                          int64_t waiting_ns, struct instant now);

/* The peer has started anew and knows no connection from before: all end with ECONNRESET, those in TIME-WAIT without an error. Those that
 * are opening from here ask it again at once, with their full number of retries. */
void tcp_peer_restarted(struct tcp_stack *s, uint32_t peer);

/* ---- segments ------------------------------------------------------------------------------------------------- */

enum tcp_ecn { TCP_NOT_ECT = 0, TCP_ECT1 = 1, TCP_ECT0 = 2, TCP_CE = 3 }; /* RFC 3168 code points */

struct tcp_in {
	const void *seg; /* TCP header, options, payload; valid during the call */
	uint32_t len;
	uint32_t peer;
	uint8_t ecn;  /* enum tcp_ecn */
	bool csum_ok; /* verified already, or protected by the session's AEAD */
};

/* Takes one segment. Hostile bytes are normal: every refusal is counted. */
void tcp_input(struct tcp_stack *s, const struct tcp_in *in, struct instant now);
/* Takes n of them in order. */
void tcp_input_burst(struct tcp_stack *s, const struct tcp_in *in, unsigned n, struct instant now);

struct tcp_out {
	uint32_t peer;
	uint32_t len; /* bytes written to the buffer */
	/* TCP_NO_CONN: a segment that belongs to no connection (reset, SYN cookie). */
	uint32_t conn;
	uint8_t ecn; /* enum tcp_ecn to put on the packet */
	uint16_t payload;
	bool retransmit;
	/* Earliest; `now` unless paced, then ahead by less than a wheel tick (66 us). */
	struct instant departure;
};

/* Writes the next segment, checksum included, into buf. Returns its length, 0: nothing to send. cap must hold 60 bytes plus the
 * largest MSS of any peer. */
uint32_t tcp_output(struct tcp_stack *s, struct instant now, void *buf, size_t cap,
                    struct tcp_out *out);

/* True when tcp_output() may have something now; what is paced comes back with tcp_advance(). */
bool tcp_output_pending(const struct tcp_stack *s);

/* ---- time ----------------------------------------------------------------------------------------------------- */

/* When tcp_advance() must be called at the latest; may be early, never late. */
struct instant tcp_next_deadline(const struct tcp_stack *s);
void tcp_advance(struct tcp_stack *s, struct instant now);

/* ---- connections ---------------------------------------------------------------------------------------------- */

/* Opens towards a peer's port from an ephemeral port. Errors: -EINVAL peer or port, -ENOBUFS no slot, -EADDRNOTAVAIL no port. */
int tcp_connect(struct tcp_stack *s, uint32_t peer, uint16_t port, uint32_t *conn);
/* The same from a chosen port (0: ephemeral). -EADDRINUSE. */
int tcp_connect_from(struct tcp_stack *s, uint32_t peer, uint16_t local_port, uint16_t port,
                     uint32_t *conn);
/* -EADDRINUSE, -EINVAL, -ENOBUFS. backlog counts half-open and unaccepted connections; of the latter no more wait, even by SYN cookies. */
int tcp_listen(struct tcp_stack *s, uint16_t port, uint32_t backlog, uint32_t *listener);
/* Another backlog of a listener; those that wait already stay. -EINVAL: no listener. */
int tcp_set_backlog(struct tcp_stack *s, uint32_t listener, uint32_t backlog);
/* -EAGAIN: none waiting. */
int tcp_accept(struct tcp_stack *s, uint32_t listener, uint32_t *conn);

/* Copies up to len bytes into the send buffer; returns how many were taken. -EAGAIN: none (WRITABLE will come), -EPIPE after
 * shutdown, -ENOTCONN on a listener, or the error the connection ended with (once), then -EPIPE. */
int64_t tcp_send(struct tcp_stack *s, uint32_t conn, const void *data, size_t len);
/* The same; the octets taken are announced as urgent (RFC 9293 3.8.5; not for new applications). They stay in the stream. */
int64_t tcp_send_urgent(struct tcp_stack *s, uint32_t conn, const void *data, size_t len);
/* Zero-copy: a contiguous free piece of the send buffer, to be filled and committed before any other call on conn, input and
 * timers included: they may take the piece back. */
int64_t tcp_send_reserve(struct tcp_stack *s, uint32_t conn, void **piece);
int tcp_send_commit(struct tcp_stack *s, uint32_t conn, size_t len);

/* Copies out up to len bytes. 0: end of stream (or len 0 where bytes wait). -EAGAIN: none yet (READABLE will come), or the
 * connection's error. */
int64_t tcp_recv(struct tcp_stack *s, uint32_t conn, void *out, size_t len);
/* Copies out up to len bytes from `offset` bytes into what is readable, which stay readable (MSG_PEEK). 0: end of
 * stream, -EAGAIN: none yet; an error stays for tcp_recv() to tell. */
int64_t tcp_peek(const struct tcp_stack *s, uint32_t conn, uint32_t offset, void *out, size_t len);
/* Zero-copy: the first contiguous readable piece, valid until the next call on conn; same returns. */
int64_t tcp_recv_peek(struct tcp_stack *s, uint32_t conn, const void **piece);
int tcp_recv_consume(struct tcp_stack *s, uint32_t conn, size_t len);
/* Posts memory: payload that comes in order while nothing else is readable is copied there, at most room bytes, in place of the receive buffer.
 * It is the stack's until tcp_recv_posted(), tcp_close() or tcp_abort(). -EINVAL: some is posted already; -ENOTCONN: a listener. */
int tcp_recv_post(struct tcp_stack *s, uint32_t conn, void *to, size_t room);
/* Takes the posted memory back. Returns how many bytes lie there, which count as read now and come before all that tcp_recv() has; so this
 * comes before any other call that receives. 0: none, or no memory was posted. */
int64_t tcp_recv_posted(struct tcp_stack *s, uint32_t conn);

/* No more sending: FIN after what is queued. Receiving goes on (half-close). */
int tcp_shutdown(struct tcp_stack *s, uint32_t conn);
/* The application lets go: the handle is invalid afterwards. Queued data and FIN are still delivered; unread data makes it a
 * reset (RFC 2525 2.17). A listener's unaccepted connections are reset. */
int tcp_close(struct tcp_stack *s, uint32_t conn);
/* Reset at once; the handle is invalid afterwards. */
int tcp_abort(struct tcp_stack *s, uint32_t conn);

/* Sends the oldest outstanding segment again now and restarts the time-out (a hint that the path works again). */
int tcp_kick(struct tcp_stack *s, uint32_t conn);

/* Options of a connection, and of a listener: those its connections start with. One row each: X(NAME, name, what it is); setopt.c has
 * set_name() and get_name() for each. */
#define TCP_OPTS(X)                                                                                \
	X(NODELAY, nodelay, "1: no Nagle; setting it sends what is queued even if corked; or 0")   \
	X(KEEPALIVE_MS, keepalive_ms, "idle time, 0: off")                                         \
	X(USER_TIMEOUT_MS, user_timeout_ms,                                                        \
	  "R2 of RFC 9293 3.8.3 in place of the configured retries; 0: those")                     \
	X(SNDBUF_MAX, sndbuf_max, "bytes, up to the configured maximum")                           \
	X(RCVBUF_MAX, rcvbuf_max, "bytes, up to the configured maximum")                           \
	X(KEEPALIVE_INTVL_MS, keepalive_intvl_ms, "between probes, at least 1")                    \
	X(KEEPALIVE_PROBES, keepalive_probes, "unanswered ones before giving up, 1..255")          \
	X(LINGER_MS, linger_ms,                                                                    \
	  "tcp_close(): TCP_LINGER_OFF: data and FIN go out in the background; 0: reset at once, " \
	  "what is queued is lost; else: reset when not all is acknowledged by then")              \
	X(CC, cc, "enum tcp_cc; a connection keeps its window")                                    \
	X(CORK, cork, "1: only full segments go, until 0, shutdown or 200 ms; NODELAY or not")     \
	X(QUICKACK, quickack, "1: no delayed ACKs")                                                \
	X(PACING, pacing, "0 or 1")                                                                \
	X(PACING_KBIT, pacing_kbit,                                                                \
	  "pacing at most this fast, 0: no limit but the configured one")                          \
	X(MSS, mss,                                                                                \
	  "segments no larger than this, 0: what the path allows; before tcp_connect()'s SYN "     \
	  "left")                                                                                  \
	X(WARNINGS, warnings, "0: no TCP_EV_WARNING; 1 (default)")

enum tcp_opt {
#define TCP_OPT_ENUM(NAME, name, what) TCP_OPT_##NAME,
	TCP_OPTS(TCP_OPT_ENUM) TCP_OPT_COUNT
#undef TCP_OPT_ENUM
};
#define TCP_LINGER_OFF UINT32_MAX
/* -EINVAL: no such option or value; -ENOTCONN: the connection has ended. */
int tcp_set_opt(struct tcp_stack *s, uint32_t conn, enum tcp_opt opt, uint32_t value);
int tcp_get_opt(const struct tcp_stack *s, uint32_t conn, enum tcp_opt opt, uint32_t *value);
/* What a connection begins with, as the stack is configured. */
uint32_t tcp_default_opt(struct tcp_stack *s, enum tcp_opt opt);

/* A word of the caller's, returned with events; an accepted connection starts with 0. */
int tcp_set_user(struct tcp_stack *s, uint32_t conn, uint64_t user);

/* ---- events --------------------------------------------------------------------------------------------------- */

enum {
	TCP_EV_CONNECTED = 1,  /* active open succeeded */
	TCP_EV_READABLE = 2,   /* new bytes in order */
	TCP_EV_WRITABLE = 4,   /* room after a short or refused send */
	TCP_EV_ACCEPTABLE = 8, /* listener: a connection waits */
	TCP_EV_HANGUP = 16,    /* the peer's end of stream */
	TCP_EV_RESET = 32,     /* the peer reset the connection */
	TCP_EV_ERROR = 64,     /* ended with `error`; also set with RESET */
	TCP_EV_CLOSED = 128,   /* both directions finished in order; tcp_close() is still due */
	TCP_EV_FLUSHED = 256,  /* all sent before tcp_shutdown(), and its FIN, is acknowledged */
	TCP_EV_URGENT = 512,   /* urgent octets wait, or more of them: tcp_info's rcv_urgent */
	TCP_EV_WARNING =
	        1024 /* delivery is in trouble, the connection lives: R1 retransmissions in a row, or the path reported
	                        * an error. `error` is the path's last one, ETIMEDOUT where it has reported none */
};

struct tcp_event {
	uint32_t conn;
	uint32_t flags; /* all edges since the last event of this connection */
	uint64_t user;
	int error; /* positive errno, 0: none */
};

/* Takes the next event; false: none. Each connection has at most one pending, in order of its first edge. */
bool tcp_event_next(struct tcp_stack *s, struct tcp_event *ev);

/* ---- looking -------------------------------------------------------------------------------------------------- */

/* Fills *out with the state of a connection or listener. -EBADF: *out is untouched. */
int tcp_info(const struct tcp_stack *s, uint32_t conn, struct tcp_info *out);
/* How many connections the peer has, orphans included, those in TIME-WAIT not. */
uint32_t tcp_peer_live(const struct tcp_stack *s, uint32_t peer);
/* Walks all connections, orphans and listeners too: start with *cursor 0; false: no more. */
bool tcp_iterate(const struct tcp_stack *s, uint32_t *cursor, struct tcp_info *out);

#ifdef __cplusplus
}
#endif
