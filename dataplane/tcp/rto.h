/* SPDX-License-Identifier: BSD-3-Clause */
/* Round-trip estimation and the retransmission timeout (RFC 6298). */
#pragma once
#include "tcp/stack.h"

/* Takes one sample in ns (negative: none) and sets srtt, rttvar, min_rtt, rto. flight: bytes that were outstanding. */
void rto_sample(const struct tcp_cfg *cfg, struct conn *c, int64_t rtt, uint32_t flight,
                int64_t now);

/* The present timeout with its exponential back-off, at most rto_max. */
int64_t rto_backed_off(const struct tcp_cfg *cfg, const struct conn *c);
