/* SPDX-License-Identifier: BSD-3-Clause */
/* Every limit and timer of a TCP stack, with defaults; constant after tcp_stack_init(). What is not here is no choice: formats, and
 * the constants by which an algorithm has its name (CUBIC's C and beta, RFC 6298's 1/8 and 1/4, PRR's bounds). */
#pragma once
#include "base/time.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum tcp_cc { TCP_CC_NEWRENO = 0, TCP_CC_CUBIC = 1 };

enum tcp_cookies {
	TCP_COOKIES_NEVER = 0, /* a full backlog drops SYNs */
	TCP_COOKIES_FULL =
	        1, /* SYN cookies once the backlog is full, or no connection slot is left */
	TCP_COOKIES_ALWAYS = 2 /* no half-open state at all */
};

enum tcp_ecn_mode {
	TCP_ECN_OFF = 0,
	TCP_ECN_ON = 1,     /* asked for in connections opened from here, and answered */
	TCP_ECN_PASSIVE = 2 /* answered where the peer asks */
};

/* Every place at which memory is taken. After a failure at any of them each connection still has a running timer, or another
 * event that is certain, to bring it on. */
enum tcp_alloc {
	TCP_ALLOC_CONN =
	        0, /* connection slot: connect, listen, a SYN that arrives, a cookie that comes back */
	TCP_ALLOC_SEND,    /* chunk (or directory) of a send buffer */
	TCP_ALLOC_RECEIVE, /* chunk (or directory) of a receive buffer */
	TCP_ALLOC_RECORD,  /* chunk (or directory) of the records of outstanding segments */
	TCP_ALLOC_RANGES,  /* chunk of the list of out-of-order ranges */
	TCP_ALLOC_REPLY,   /* place in the queue of connectionless segments (RST, SYN cookies) */
	TCP_ALLOC_POINTS
};

/* "connection slot" ...; never NULL. */
const char *tcp_alloc_name(enum tcp_alloc point);

#define TCP_YEAR (366 * 86400 * NS_PER_S)

/* Every setting is one row: X(kind, field, default, least, most, what it is). The structure, the defaults, the bounds, their test and
 * the scripts' `set` (times without _ns) follow from it. Rules between fields are in cfg.c. Kinds are C types: */
#define TCP_KIND_U16     uint16_t
#define TCP_KIND_U32     uint32_t
#define TCP_KIND_U64     uint64_t
#define TCP_KIND_NS      int64_t
#define TCP_KIND_BOOL    bool
#define TCP_KIND_CC      enum tcp_cc
#define TCP_KIND_ECN     uint8_t /* enum tcp_ecn_mode */
#define TCP_KIND_COOKIES uint8_t /* enum tcp_cookies */

/* Memory. tcp_stack_size() follows from max_conns, max_peers, chunks x chunk_bytes and reply_queue alone. */
#define TCP_SETTINGS_MEMORY(X)                                                            \
	X(U32, max_conns, 4096, 1, (1u << 20) - 1, "connections and listeners together")  \
	X(U32, max_peers, 4096, 1, UINT32_MAX - 1, "peer handles are 0..max_peers - 1")   \
	X(U32, chunk_bytes, 8192, 1024, 65536, "unit of buffer memory, a power of two")   \
	X(U32, chunks, 8192, 16, UINT32_MAX / 2 - 1,                                      \
	  "units in the pool, shared by all connections")                                 \
	X(U32, max_ooo, 1024, 1, UINT32_MAX,                                              \
	  "ranges out of order per connection; at most chunk_bytes / 8 are kept")         \
	X(U32, backlog_max, 1024, 0, UINT32_MAX, "upper bound of tcp_listen()'s backlog") \
	X(U32, reply_queue, 256, 1, 65536,                                                \
	  "connectionless segments waiting for tcp_output(), a power of two")             \
	X(U32, output_burst, 16, 1, UINT32_MAX,                                           \
	  "segments one connection may send before the next one's turn")

/* Buffers. */
#define TCP_SETTINGS_BUFFERS(X)                                                          \
	X(U32, sndbuf, 256 * 1024, 1, 1u << 30, "send buffer, bytes; it grows up to")    \
	X(U32, sndbuf_max, 4 * 1024 * 1024, 1, 1u << 30, "... this; equal: fixed")       \
	X(U32, rcvbuf, 256 * 1024, 1, 1u << 30, "receive buffer, bytes; it grows up to") \
	X(U32, rcvbuf_max, 4 * 1024 * 1024, 1, 1u << 30, "... this; equal: fixed")       \
	X(U32, buffer_growth_pct, 75, 0, 100,                                            \
	  "none grows while more than this share of the pool is in use")

/* Segments. MSS is MTU less network header less 20, as in the option (RFC 6691). */
#define TCP_SETTINGS_SEGMENTS(X)                                                                  \
	X(U16, mss_default, 1200, 32, 65535, "where tcp_peer_set() gave 0")                       \
	X(U16, mss_min, 64, 32, 65535, "smaller values from a peer are raised to this")           \
	X(U32, initial_window, 10, 1, 1000, "segments (RFC 6928)")                                \
	X(U32, initial_window_mss, 1460, 0, UINT32_MAX,                                           \
	  "but no more bytes than so many segments of this size, or two segments (RFC 6928)")     \
	X(BOOL, window_scale, true, 0, 1, "RFC 7323")                                             \
	X(BOOL, timestamps, true, 0, 1, "RFC 7323")                                               \
	X(BOOL, ts_required, true, 0, 1,                                                          \
	  "agreed on, a segment without them is dropped (RFC 7323 3.2)")                          \
	X(BOOL, sack, true, 0, 1, "RFC 2018")                                                     \
	X(ECN, ecn, TCP_ECN_OFF, 0, TCP_ECN_PASSIVE, "RFC 3168")                                  \
	X(COOKIES, syn_cookies, TCP_COOKIES_FULL, 0, TCP_COOKIES_ALWAYS, "RFC 4987")              \
	X(BOOL, drop_syn_fin, true, 0, 1,                                                         \
	  "SYN with FIN: dropped (no TCP sends that); else taken, by a listener without the FIN") \
	X(BOOL, fin_again, true, 0, 1,                                                            \
	  "a FIN that crossed the peer's goes again with the ACK of that, as BSD-derived stacks " \
	  "do")                                                                                   \
	X(BOOL, nodelay, false, 0, 1, "Nagle off in new connections")                             \
	X(BOOL, checksum_always, false, 0, 1, "verify even where the caller says it is verified") \
	X(NS, ts_clock_ns, NS_PER_MS, 1, TCP_YEAR, "one tick of the timestamp option")            \
	X(U32, delack_segments, 2, 1, 65535,                                                      \
	  "segments after which an ACK goes at once (RFC 5681: 2)")                               \
	X(U32, challenge_per_s, 100, 0, UINT32_MAX,                                               \
	  "challenge ACKs a second at most, varying down to half (RFC 5961 7)")                   \
	X(U32, port_first, 32768, 1, 65535, "ephemeral ports from here (RFC 6056)")               \
	X(U32, port_last, 60999, 1, 65535, "... to here")

/* Loss recovery and congestion control. */
#define TCP_SETTINGS_LOSS(X)                                                                       \
	X(CC, cc, TCP_CC_CUBIC, 0, TCP_CC_CUBIC, "of new connections")                             \
	X(BOOL, hystart, true, 0, 1, "HyStart++ (RFC 9406); its section 4.3:")                     \
	X(U32, hystart_rtt_min_us, 4000, 0, UINT32_MAX,                                            \
	  "growth of the round trip that tells, bounds of 1/divisor")                              \
	X(U32, hystart_rtt_max_us, 16000, 0, UINT32_MAX, "... and the upper one")                  \
	X(U32, hystart_rtt_divisor, 8, 1, UINT32_MAX, "share of the round trip that is growth")    \
	X(U32, hystart_samples, 8, 1, 255, "in a round before it is judged")                       \
	X(U32, hystart_css_rounds, 5, 1, 255, "of conservative slow start")                        \
	X(BOOL, rack, true, 0, 1, "RACK (RFC 8985); false: the rules of RFC 6675")                 \
	X(BOOL, tail_loss_probe, true, 0, 1, "RFC 8985 section 7")                                 \
	X(BOOL, paws_late, true, 0, 1,                                                             \
	  "what was sent before a retransmission that filled a gap is taken after it, too: paths " \
	  "reorder")                                                                               \
	X(BOOL, eifel, true, 0, 1, "undo by timestamps (RFC 3522, 4015)")                          \
	X(BOOL, frto, true, 0, 1, "F-RTO (RFC 5682)")                                              \
	X(BOOL, limited_transmit, true, 0, 1, "RFC 3042")                                          \
	X(U32, slow_start_segments, 8, 0, 65535,                                                   \
	  "growth for one ACK at most (RFC 9406: 8), 0: all it covers, as when paced")             \
	X(BOOL, idle_restart, true, 0, 1,                                                          \
	  "the initial window again after an idle time (RFC 5681 4.1)")                            \
	X(U32, reo_persist, 16, 1, 255,                                                            \
	  "recoveries without a duplicate after which RACK's reordering window is narrow again")   \
	X(U32, dup_threshold, 3, 1, 65535, "duplicates that mean a loss (RFC 5681: 3)")

/* Pacing. */
#define TCP_SETTINGS_PACING(X)                                                                   \
	X(BOOL, pacing, false, 0, 1, "in new connections")                                       \
	X(U32, pacing_start_pct, 200, 1, UINT32_MAX, "share of cwnd/SRTT sent at in slow start") \
	X(U32, pacing_avoid_pct, 120, 1, UINT32_MAX, "... and in congestion avoidance")          \
	X(U32, pacing_burst, 10, 1, 65535, "segments that may leave at once")                    \
	X(U64, pacing_max_byte_s, 0, 0, UINT64_MAX, "bytes a second, 0: no limit")               \
	X(NS, pacing_round_max_ns, NS_PER_S, 1, 60 * NS_PER_S,                                   \
	  "paced as if the round trip were no longer: it may have been measured over an outage")

/* Times, ns. */
#define TCP_SETTINGS_TIMES(X)                                                                     \
	X(NS, rto_initial_ns, NS_PER_S, 1, TCP_YEAR, "RFC 6298")                                  \
	X(NS, rto_min_ns, 200 * NS_PER_MS, 1, TCP_YEAR, "RFC 6298")                               \
	X(NS, rto_max_ns, 60 * NS_PER_S, 1, TCP_YEAR, "RFC 6298")                                 \
	X(NS, rto_syn_lost_ns, 3 * NS_PER_S, 0, TCP_YEAR,                                         \
	  "at least this after a SYN that was sent again (RFC 6298 5.7)")                         \
	X(NS, rto_clock_ns, 100 * NS_PER_MS, 0, TCP_YEAR,                                         \
	  "G of its formula: it stands at least this much above SRTT. A steady path lets RTTVAR " \
	  "vanish; then one delayed ACK would be a time-out")                                     \
	X(NS, persist_min_ns, 200 * NS_PER_MS, 1, TCP_YEAR,                                       \
	  "first window probe; then doubled (RFC 9293 3.8.6.1)")                                  \
	X(NS, persist_max_ns, 60 * NS_PER_S, 1, TCP_YEAR, "... up to this")                       \
	X(NS, tlp_min_ns, 2 * NS_PER_MS, 0, TCP_YEAR, "shortest probe time-out")                  \
	X(NS, tlp_delack_ns, 200 * NS_PER_MS, 0, TCP_YEAR, "RFC 8985's worst delayed ACK")        \
	X(NS, tlp_no_rtt_ns, NS_PER_S, 1, TCP_YEAR,                                               \
	  "probe time-out before a round trip was measured (RFC 8985 7.2: 1 s)")                  \
	X(NS, min_rtt_age_ns, 300 * NS_PER_S, 1, TCP_YEAR,                                        \
	  "the least round trip is forgotten after this (RFC 8985 6.2)")                          \
	X(NS, paws_idle_ns, 24 * 24 * 3600 * NS_PER_S, 1, TCP_YEAR,                               \
	  "a timestamp this old proves nothing (RFC 7323 5.5: 24 days)")                          \
	X(NS, cookie_ns, 64 * NS_PER_S, 1, 3600 * NS_PER_S,                                       \
	  "a SYN cookie is good for once to twice this")                                          \
	X(NS, oow_ack_ns, 500 * NS_PER_MS, 0, 3600 * NS_PER_S,                                    \
	  "answers to empty segments out of place: one in this time, per connection")             \
	X(U32, oow_doublings, 16, 0, 16, "that time doubles with each answer so often at most")   \
	X(NS, delack_ns, 40 * NS_PER_MS, 0, NS_PER_S / 2 - 1,                                     \
	  "0: acknowledge at once (RFC 9293 3.8.6.3: below 0.5 s)")                               \
	X(NS, msl_ns, 15 * NS_PER_S, 0, TCP_YEAR, "TIME-WAIT is twice this")                      \
	X(NS, connect_timeout_ns, 190 * NS_PER_S, 0, TCP_YEAR,                                    \
	  "active open gives up: ETIMEDOUT; 0: retries only")                                     \
	X(NS, user_timeout_ns, 0, 0, TCP_YEAR,                                                    \
	  "unacknowledged data this old: ETIMEDOUT; 0: retries only")                             \
	X(NS, fin_wait2_ns, 60 * NS_PER_S, 0, TCP_YEAR,                                           \
	  "closed by the application, peer does not close")                                       \
	X(NS, keepalive_idle_ns, 0, 0, TCP_YEAR, "0: no keepalive in new connections")            \
	X(NS, keepalive_intvl_ns, 15 * NS_PER_S, 0, TCP_YEAR, "between keepalive probes")         \
	X(U32, keepalive_probes, 6, 0, 255, "unanswered ones before giving up")

/* Retries. */
#define TCP_SETTINGS_RETRIES(X)                                             \
	X(U32, syn_retries, 7, 0, 255,                                      \
	  "retransmissions of a SYN before giving up: R2 (RFC 9293 3.8.3)") \
	X(U32, synack_retries, 7, 0, 255, "... of a SYN-ACK")               \
	X(U32, data_retries, 15, 0, 255, "... of anything else")            \
	X(U32, warn_retries, 3, 0, UINT32_MAX, "... before the application is warned: R1, 0: never")

#define TCP_SETTINGS(X)          \
	TCP_SETTINGS_MEMORY(X)   \
	TCP_SETTINGS_BUFFERS(X)  \
	TCP_SETTINGS_SEGMENTS(X) \
	TCP_SETTINGS_LOSS(X)     \
	TCP_SETTINGS_PACING(X)   \
	TCP_SETTINGS_TIMES(X)    \
	TCP_SETTINGS_RETRIES(X)

struct tcp_cfg {
#define TCP_SETTING_FIELD(kind, field, dflt, least, most, what) TCP_KIND_##kind field;
	TCP_SETTINGS(TCP_SETTING_FIELD)
#undef TCP_SETTING_FIELD
	/* ISNs, ports, timestamp offsets, cookies and hash keys derive from it. */
	uint8_t secret[32];
	/* For tests: asked before memory is taken at `point`; true: none is there. NULL: never asked. */
	bool (*alloc_fails)(void *arg, enum tcp_alloc point);
	void *alloc_arg;
};

/* Fills every field; the caller changes what it wants and sets `secret`. */
void tcp_cfg_default(struct tcp_cfg *cfg);

/* 0, or -EINVAL with *why (static text) naming the field and its bounds. */
int tcp_cfg_check(const struct tcp_cfg *cfg, const char **why);

#ifdef __cplusplus
}
#endif
