/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP options: parsing from the wire and writing (RFC 9293 3.1, 7323, 2018). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
	TCP_FIN = 1,
	TCP_SYN = 2,
	TCP_RST = 4,
	TCP_PSH = 8,
	TCP_ACK = 16,
	TCP_URG = 32,
	TCP_ECE = 64,
	TCP_CWR = 128
};

#define TCP_HDR_BYTES    20u
#define TCP_OPT_TS_BYTES 12u /* with its two NOPs */

struct tcp_sack_range {
	uint32_t start, end; /* [start, end) */
};

struct tcp_opts {
	uint16_t mss;  /* 0: absent */
	int8_t wscale; /* -1: absent; larger than 14 reads as 14 */
	bool sack_ok, ts;
	uint8_t nsack;
	uint32_t ts_val, ts_ecr;
	struct tcp_sack_range sack[4];
};

/* Unknown options are skipped by their length. -EINVAL: a length runs out of the header. */
int tcp_opts_parse(const uint8_t *p, uint32_t len, struct tcp_opts *o);

/* Writes in a fixed order, padded to four bytes; returns the bytes (at most 40). SACK ranges that do not fit are left out. */
uint32_t tcp_opts_write(uint8_t *p, const struct tcp_opts *o);
