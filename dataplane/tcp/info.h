/* SPDX-License-Identifier: BSD-3-Clause */
/* What can be read of a stack and its connections at any time: states, figures, counters by reason. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* RFC 9293 section 3.3.2. */
enum tcp_state {
	TCP_CLOSED = 0,
	TCP_LISTEN,
	TCP_SYN_SENT,
	TCP_SYN_RCVD,
	TCP_ESTABLISHED,
	TCP_FIN_WAIT_1,
	TCP_FIN_WAIT_2,
	TCP_CLOSE_WAIT,
	TCP_CLOSING,
	TCP_LAST_ACK,
	TCP_TIME_WAIT,
	TCP_STATES
};

/* What the sender is about. */
enum tcp_ca_state {
	TCP_CA_OPEN = 0, /* all is well */
	TCP_CA_CWR,      /* window reduced for ECN or a tail loss */
	TCP_CA_RECOVERY, /* repairing without a time-out */
	TCP_CA_LOSS      /* after a time-out */
};

/* "ESTABLISHED" ...; never NULL. */
const char *tcp_state_name(enum tcp_state state);

struct tcp_info {
	uint32_t conn; /* handle */
	uint32_t peer;
	uint64_t user; /* tcp_set_user() */
	uint16_t local_port, remote_port;
	uint8_t state; /* enum tcp_state */
	bool listener, orphan /* closed by the application */, held /* its peer is */, in_recovery;
	bool timestamps, sack, ecn, window_scale; /* agreed with the peer */
	bool paced, cookie /* came back from a SYN cookie */;
	uint8_t ca_state; /* enum tcp_ca_state */
	uint8_t backoff;  /* times the time-out was doubled */
	uint8_t snd_wscale, rcv_wscale;
	const char *state_name, *cc_name;
	int error;          /* errno the connection ended with, 0: none */
	uint32_t mss;       /* payload bytes of a full segment */
	uint32_t peer_mss;  /* the peer's option, 536 where it gave none */
	uint64_t cwnd;      /* bytes */
	uint64_t ssthresh;  /* bytes, UINT64_MAX: not set yet */
	uint64_t in_flight; /* bytes thought to be in the network */
	uint32_t sacked,
	        lost; /* bytes outstanding that are SACKed, that are deemed lost and not sent again */
	uint64_t pacing_byte_s; /* present rate, 0: not paced or not known yet */
	uint32_t snd_una, snd_nxt, snd_max, rcv_nxt;
	uint32_t snd_wnd, rcv_wnd; /* bytes, scaled */
	int64_t srtt_ns, rttvar_ns, min_rtt_ns, rto_ns;
	int64_t next_timer_ns; /* the earliest of the connection's deadlines, INT64_MAX: none */
	int64_t last_rx_ns, last_tx_ns; /* when an acceptable segment came, when data last left */
	bool timer_rtx;                 /* retransmission, probe or persist timer runs */
	uint64_t bytes_in,
	        bytes_out; /* payload: delivered to the application side, acknowledged by the peer */
	uint64_t delivered; /* bytes the peer has, SACKed ones included */
	uint64_t segs_in, segs_out, retransmits, rtos, fast_recoveries, probes, spurious;
	uint64_t ecn_reductions;        /* windows reduced because the peer echoed congestion */
	uint32_t snd_queued, snd_space; /* bytes in the send buffer, bytes tcp_send() would take */
	uint32_t rcv_queued, rcv_ooo;   /* bytes readable, bytes waiting behind a gap */
	uint32_t rcv_urgent; /* bytes to read until all that is urgent was read, 0: nothing is */
	uint32_t snd_limit, rcv_limit; /* present sizes of the buffers */
	uint32_t backlog_used;         /* listener: half open and unaccepted */
};

/* One row per reason; the names are those of the fields. */
#define TCP_COUNTERS(X)                                                                   \
	X(segs_in, "segments received")                                                   \
	X(segs_out, "segments sent")                                                      \
	X(bytes_in, "payload bytes accepted in order")                                    \
	X(bytes_out, "payload bytes sent, retransmissions included")                      \
	X(retransmits, "segments sent again")                                             \
	X(rtos, "retransmission timeouts")                                                \
	X(tail_probes, "tail loss probes")                                                \
	X(fast_recoveries, "recoveries begun without a timeout")                          \
	X(spurious, "recoveries found needless and undone")                               \
	X(window_probes, "probes of a closed window")                                     \
	X(keepalive_probes, "keepalive probes")                                           \
	X(dup_acks_in, "duplicate acknowledgements received")                             \
	X(ooo_in, "segments received out of order")                                       \
	X(dup_in, "segments received whose data was there already")                       \
	X(rst_out, "resets sent")                                                         \
	X(rst_in, "resets accepted")                                                      \
	X(challenge_acks, "challenge acknowledgements sent")                              \
	X(cookies_out, "SYN cookies sent")                                                \
	X(cookies_in, "connections made from a SYN cookie")                               \
	X(cookies_bad, "acknowledgements without a valid cookie while cookies are out")   \
	X(ecn_ce_in, "segments received with congestion experienced")                     \
	X(ecn_reductions, "windows reduced for echoed congestion")                        \
	X(paced, "times a segment waited for its departure")                              \
	X(opened_active, "connections opened from here")                                  \
	X(opened_passive, "connections accepted by a listener")                           \
	X(closed, "connections ended and freed")                                          \
	X(timed_out, "connections given up")                                              \
	X(drop_malformed, "dropped: header or options malformed")                         \
	X(drop_checksum, "dropped: checksum wrong")                                       \
	X(drop_peer, "dropped: unknown peer handle")                                      \
	X(drop_no_conn, "dropped: no connection and no listener (answered with a reset)") \
	X(drop_backlog, "dropped: backlog full")                                          \
	X(drop_conns, "dropped: no connection slot free")                                 \
	X(drop_charge, "dropped: who listens may have no more connections")               \
	X(drop_window, "dropped: outside the receive window")                             \
	X(drop_paws, "dropped: timestamp too old or missing (RFC 7323)")                  \
	X(drop_ack, "dropped: acknowledgement not acceptable")                            \
	X(drop_state, "dropped: not acceptable in this state")                            \
	X(drop_ooo, "dropped: too many out-of-order ranges")                              \
	X(drop_memory, "dropped: buffer memory exhausted")                                \
	X(drop_challenge, "challenge acknowledgements withheld by their rate limit")      \
	X(drop_reply, "resets and cookies withheld: reply queue full or peer held")       \
	X(time_wait_recycled, "connections in TIME-WAIT freed early for a new one")

struct tcp_counters {
#define TCP_COUNTER_FIELD(name, text) uint64_t name;
	TCP_COUNTERS(TCP_COUNTER_FIELD)
#undef TCP_COUNTER_FIELD
	uint32_t conns, conns_max;        /* slots in use */
	uint32_t chunks_used, chunks_max; /* buffer units in use */
};

#ifdef __cplusplus
}
#endif
