/* SPDX-License-Identifier: BSD-3-Clause */
/* Round-trip estimation and the retransmission timeout (RFC 6298). */
#pragma once
#include "tcp/stack.h"

/* Takes one exact sample in ns (negative: none) and sets min_rtt. Not one by timestamps: of a round trip shorter than their tick it would
 * make none at all, and RACK's window with it. */
void rto_least(const struct tcp_cfg *cfg, struct conn *c, int64_t rtt, int64_t now);
/* Takes one sample in ns (negative: none) and sets srtt, rttvar, rto. flight: bytes that were outstanding. */
void rto_sample(const struct tcp_cfg *cfg, struct conn *c, int64_t rtt, uint32_t flight);

/* The present timeout with its exponential back-off, at most rto_max. */
int64_t rto_backed_off(const struct tcp_cfg *cfg, const struct conn *c);
