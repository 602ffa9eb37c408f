/* SPDX-License-Identifier: BSD-3-Clause */
/* Writing one segment: header, options, payload from the send buffer, checksum. */
#pragma once
#include "tcp/stack.h"

/* What to write. The payload is taken from the send buffer at seq. */
struct seg_plan {
	uint32_t seq, len;
	uint8_t flags;
	bool retransmit, probe /* of a closed window */;
};

/* Most bytes of header and options. */
#define SEGMENT_HEAD_MAX 60u

/* Writes the segment and settles what it acknowledges. 0: cap is too small. */
uint32_t segment_write(struct tcp_stack *s, struct conn *c, const struct seg_plan *p, uint8_t *buf,
                       size_t cap, struct tcp_out *out);
/* SYN or SYN-ACK. */
uint32_t segment_syn(struct tcp_stack *s, struct conn *c, uint8_t *buf, size_t cap,
                     struct tcp_out *out);
/* A connectionless segment. */
uint32_t segment_reply(struct tcp_stack *s, const struct tcp_reply *r, uint8_t *buf, size_t cap,
                       struct tcp_out *out);
