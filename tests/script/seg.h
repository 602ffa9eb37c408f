/* SPDX-License-Identifier: BSD-3-Clause */
/* A segment as a script writes it, and its way to and from the wire: parsed, built, printed, compared. */
#pragma once
#include "scan.h"
#include "tcp/opt.h"

#define SEG_MAX 9500u
#define ANY     INT64_C(-1) /* of a number: not compared, or not said */

/* The initial numbers that make a script's numbers relative. "Ours" is the engine's side. */
struct seg_base {
	uint32_t ours, theirs; /* initial sequence numbers */
	uint32_t our_ts;       /* what a relative timestamp value of ours adds to */
	uint16_t our_port, their_port;
};

/* Sequence numbers are relative: a SYN is 0, the first byte of data 1. */
struct seg_text {
	uint8_t flags;
	uint32_t len;
	int64_t seq, ack, win, win_max, urg; /* or ANY */
	bool psh;                            /* PSH is written: it must be there */
	bool cover;                          /* ">*": any segmentation of this range */
	bool has_ack;                        /* ack is written */
	bool opts;                           /* a list of options is written */
	bool opts_any;                       /* <*> */
	int64_t mss, wscale, ts_val, ts_ecr; /* or ANY */
	bool sack_ok, ts, ts_raw;            /* ts_raw: an injected echo is not relative */
	unsigned nsack;
	struct tcp_sack_range sack[4];
	int64_t ecn;  /* or ANY */
	int64_t fill; /* every byte of the payload, or ANY: the stream's pattern */
	int64_t retx; /* or ANY */
	bool bad_sum, trusted, no_ts;
	int64_t offset; /* header length field in words, or ANY */
	int64_t cut;    /* bytes that arrive, or ANY */
	uint8_t raw_opts[40];
	uint32_t n_raw_opts;
	uint8_t reserved;
};

/* Reads the segment after `<` or `>`. NULL, or what is wrong (static text). */
const char *seg_parse(struct scan *s, struct seg_text *t);

/* The byte of a stream at an offset; the two directions differ. */
uint8_t seg_pattern(bool ours, uint64_t offset);

/* Builds what the other side sends: header, options, payload; the checksum is left 0. Returns the bytes. */
uint32_t seg_build(const struct seg_text *t, const struct seg_base *b, uint8_t *out);

/* Takes a segment of the engine's apart. NULL, or what is wrong with it. */
const char *seg_read(const uint8_t *p, uint32_t len, const struct seg_base *b, struct seg_text *t);

/* Prints in the language of the scripts. */
void seg_print(const struct seg_text *t, char *out, size_t cap);

/* NULL, or in which way `got` is not as `want` says. */
const char *seg_differs(const struct seg_text *want, const struct seg_text *got);

/* Checksum over pseudo-header and segment, by the letter of RFC 9293 3.1 and slowly; 0 when the segment's own is right. */
uint16_t seg_checksum(const uint8_t src[64], const uint8_t dst[64], const uint8_t *seg,
                      uint32_t len);
