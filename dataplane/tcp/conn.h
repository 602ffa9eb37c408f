/* SPDX-License-Identifier: BSD-3-Clause */
/* One connection or listener: everything the engine keeps about it; internal to dataplane/tcp. */
#pragma once
#include "base/cc.h"
#include "tcp/buf.h"
#include "tcp/cc.h"
#include "tcp/charge.h"
#include "tcp/conn_flags.h"
#include "tcp/opt.h"
#include "tcp/seq.h"
#include "tcp/wheel.h"

#define CONN_NONE    UINT32_MAX
#define REASS_RECENT 4 /* as many as a SACK option can name */

/* A place in one of the stack's lists. */
struct conn_link {
	uint32_t next, prev;
};

/* In order of heat: what every segment touches lies in the first CONN_HOT bytes, which a burst calls into the cache together. Times
 * are ns on the caller's clock, INT64_MAX: not running; one wheel node, that of the same index, serves them all. */
struct conn {
	uint32_t index, gen;
	uint32_t peer;
	uint16_t lport, rport;
	uint32_t hash;
	uint32_t flags; /* enum conn_flag */
	uint32_t modes; /* enum conn_mode */
	uint8_t state;  /* enum tcp_state */
	uint8_t ca;     /* enum conn_ca */
	uint8_t snd_ws, rcv_ws;
	uint32_t ev_flags;
	uint32_t mss; /* payload of a full segment without SACK options */
	struct conn_link ready, event;
	uint64_t user;

	/* 64 */
	int64_t rtx_at, aux_at, delack_at, life_at, pace_wait;
	uint8_t rtx_kind, aux_kind, life_kind;
	uint8_t backoff, retries, keep_sent, dupacks_due, reo_mult, reo_persist;
	uint8_t frto, frto_left; /* enum conn_frto; new segments it may send */
	uint8_t oow_count;       /* bare segments out of place answered in a row */
	uint32_t snd_small;      /* end of the last segment that was not full */
	uint32_t snd_up;         /* the octet after what is urgent */
	uint32_t max_wnd;

	/* 128: sending */
	uint32_t snd_una, snd_nxt, snd_max;
	uint32_t snd_data; /* sequence number of the first byte in snd */
	uint32_t snd_wnd, snd_wl1, snd_wl2;
	uint32_t snd_limit;
	struct tcp_buf snd;

	/* 192 */
	struct tcp_buf rec;            /* records of what is outstanding, see record.h */
	uint32_t rec_lost;             /* records before this one are not lost */
	uint32_t time_head, time_tail; /* records in the order they were sent */
	uint32_t sacked_bytes, lost_bytes, sacked_segs;
	uint32_t use_seq, use_flight; /* until una reaches use_seq: the most that was in flight */

	/* 256 */
	int64_t last_tx, last_rx, una_moved;
	int64_t srtt, rttvar, rto, min_rtt, min_rtt_at;

	/* 320: receiving */
	uint32_t rcv_nxt;
	uint32_t rcv_adv;   /* right edge told to the peer */
	uint32_t rcv_acked; /* rcv_nxt in our last ACK */
	uint32_t rcv_limit;
	struct tcp_buf rcv;
	uint32_t ts_recent, ts_off;
	uint32_t n_ooo;
	uint32_t rcv_segs; /* segments with payload since our last ACK */

	/* 384 */
	int64_t ts_recent_at, drs_at, rcv_rtt;
	uint32_t drs_seq, drs_copied;
	struct tcp_sack_range dsack; /* to report once; empty: none */
	uint32_t fin_seq, rcv_up;
	uint64_t bytes_in;
	uint32_t tlp_end, cwr_end;

	/* 448 */
	uint64_t bytes_out, segs_in, segs_out, delivered;
	int64_t rack_tx, rack_rtt;
	uint32_t rack_end, rack_fack;
	int64_t user_timeout; /* ns, 0: none */

	/* 512 */
	struct tcp_ccs cc;

	/* From here on: rare. */
	uint32_t iss, irs;
	uint32_t peer_mss; /* what the peer's option allows, header options not taken off */
	uint32_t snd_limit_max, rcv_limit_max;
	uint32_t sack_mark; /* RFC 6675: what lies below was judged */
	/* Ranges of the last SACK option, already in the records. */
	struct tcp_sack_range sack_seen[4];
	uint32_t dupacks; /* without SACK: duplicates since una moved */
	uint32_t recover; /* recovery ends when una reaches it */
	uint32_t prr_delivered, prr_out;
	/* In the network when the recovery began; while a tail loss probe is out: when that left. */
	uint32_t prr_flight;
	uint32_t retrans_ts;  /* timestamp of the first retransmission of this recovery */
	uint32_t retrans_seq; /* and its sequence number */
	/* Until rcv_nxt reaches late_end, payload and FIN are taken from this timestamp on; late_next from late_mid on. */
	uint32_t late_ts, late_next, late_mid, late_end;
	uint32_t dsack_round; /* no wider reordering window until una reaches it */
	uint32_t ooo_chunk, ooo_bytes;
	uint32_t recent[REASS_RECENT]; /* starts of ranges, the last changed first */
	uint64_t prior_cwnd, prior_ssthresh;
	int64_t syn_tx, oow_ack_at;
	int64_t pace_at; /* the next segment's departure */

	/* The application's memory for payload in order, and how much of it there is and is filled. */
	uint8_t *posted;
	uint32_t posted_room, posted_len;

	struct conn_link of_peer, queue;
	uint32_t parent; /* listener's index while not accepted, CONN_NONE */
	/* It is counted there; NULL: nowhere. A listener is not: the connections that come to it are. */
	struct tcp_charge *charge;
	int32_t err;      /* ended with */
	int32_t soft_err; /* remembered from the network, until something is heard */

	/* Options of the application, ns. */
	uint32_t linger_ms;
	int64_t keep_idle, keep_intvl;
	uint64_t pace_max; /* bytes a second, 0: no limit */
	uint16_t mss_cap;  /* 0: none */
	uint8_t keep_probes;

	/* A listener's. */
	uint32_t backlog, backlog_used; /* half open and unaccepted */
	uint32_t acc_used;              /* unaccepted alone */
	uint32_t acc_head, acc_tail;

	uint32_t n_retransmits, n_rtos, n_fast, n_probes, n_spurious, n_ecn;
} COYO_ALIGNED(COYO_CACHELINE);

#define CONN_HOT 512u

/* An idle connection holds no chunks, so this is all it costs besides its timer, its table entries and its place on the free list. */
_Static_assert(sizeof(struct conn) <= 960, "a connection must stay below 1 KiB");
_Static_assert(offsetof(struct conn, snd_una) == 128 && offsetof(struct conn, cc) == 512,
               "cache lines as written");

/* True in the states of RFC 9293, 3.10.7.4 in which both initial sequence numbers are known and acknowledged: ESTABLISHED and later. */
static inline bool conn_synchronized(const struct conn *c)
{
	return c->state >= 4; /* ESTABLISHED and later */
}

/* The next octet the application reads; the peer's FIN, which counts in rcv_nxt, is none. */
static inline uint32_t conn_read_seq(const struct conn *c)
{
	return c->rcv_nxt - c->rcv.len - ((c->flags & CF_FIN_RCVD) != 0);
}

/* Sequence number after the last byte queued; the FIN's own when one is queued. */
static inline uint32_t conn_data_end(const struct conn *c)
{
	return c->snd_data + c->snd.len;
}

/* FIN was sent and acknowledged. */
static inline bool conn_fin_acked(const struct conn *c)
{
	return (c->flags & CF_FIN_QUEUED) && seq_gt(c->snd_una, conn_data_end(c));
}

/* Octets of sequence space, SYN and FIN included, between what is acknowledged and what is sent (RFC 9293: SND.NXT - SND.UNA). */
static inline uint32_t conn_outstanding(const struct conn *c)
{
	return c->snd_nxt - c->snd_una;
}

/* Sequence number of a segment that carries nothing: what the peer expects next when it has everything. Once sending has gone back,
 * snd_nxt lies below that: such a segment is out of place, and two ends that both had gone back would never take each other's ACKs.
 * The byte of a window probe does not count, it was hardly accepted. */
static inline uint32_t conn_bare_seq(const struct conn *c)
{
	return c->snd_nxt == c->snd_una && c->snd_max == c->snd_nxt + 1 ? c->snd_nxt : c->snd_max;
}

/* Bytes thought to be in the network (RFC 6675 "pipe"). */
static inline uint32_t conn_in_flight(const struct conn *c)
{
	uint32_t out = c->snd_nxt - c->snd_una, gone = c->sacked_bytes + c->lost_bytes;

	return out > gone ? out - gone : 0;
}
