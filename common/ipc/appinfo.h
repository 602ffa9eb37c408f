/* SPDX-License-Identifier: BSD-3-Clause */
/* What a worker tells an application of one of its connections, in the slot's words, when APPLANE_INFO asks for it. */
#pragma once
#include "ipc/appopts.h"

#include <stdint.h>

/* Bits of appinfo.agreed. */
#define APPINFO_TIMESTAMPS 1u
#define APPINFO_SACK       2u
#define APPINFO_WSCALE     4u
#define APPINFO_ECN        8u

/* Times in microseconds. A connection that has ended has 0 everywhere but in state and hops. */
struct appinfo {
	uint8_t state; /* as RFC 9293 and tcp/info.h count them: 0 closed, 1 listen ... 10 time-wait */
	uint8_t ca_state; /* 0 open, 1 window reduced, 2 recovery, 3 loss */
	uint8_t backoff;  /* times the time-out was doubled */
	uint8_t agreed;   /* APPINFO_... */
	uint8_t snd_wscale, rcv_wscale;
	uint8_t hops; /* links that its packets cross; 0: it has no path now, or its peer is this node */
	uint8_t pad;
	uint32_t rto, srtt, rttvar, min_rtt;
	uint32_t mss; /* payload bytes of a full segment */
	uint32_t outstanding, sacked,
	        lost;    /* bytes sent and not acknowledged; of them SACKed, deemed lost */
	uint32_t unsent; /* bytes that TCP has and has not sent */
	uint32_t snd_wnd, rcv_wnd;    /* bytes */
	uint32_t rcv_ooo;             /* bytes that wait behind a gap */
	uint32_t option[APP_OPTIONS]; /* as they are now */
	uint64_t cwnd, ssthresh;      /* bytes; ssthresh UINT64_MAX: not set yet */
	uint64_t pacing_byte_s;       /* 0: not paced */
	uint64_t bytes_in, bytes_out; /* taken in order; acknowledged by the peer */
	uint64_t delivered;           /* bytes that the peer has, SACKed ones included */
	uint64_t segs_in, segs_out, retransmits;
};
