/* SPDX-License-Identifier: BSD-3-Clause */
/* What the other side says of any connection, and what it would begin one with. */
#include "otherside.h"

const struct appinfo otherside_info = {.state = 4,
                                       .ca_state = 2,
                                       .backoff = 3,
                                       .agreed = APPINFO_TIMESTAMPS | APPINFO_SACK,
                                       .snd_wscale = 7,
                                       .hops = 3,
                                       .rto = 201000,
                                       .srtt = 1500,
                                       .rttvar = 300,
                                       .min_rtt = 900,
                                       .mss = 1000,
                                       .outstanding = 2500,
                                       .lost = 1000,
                                       .unsent = 77,
                                       .snd_wnd = 65000,
                                       .cwnd = 12000,
                                       .ssthresh = UINT64_MAX,
                                       .bytes_in = 5000000000,
                                       .bytes_out = 6000,
                                       .delivered = 8000,
                                       .segs_in = 11,
                                       .segs_out = 12,
                                       .retransmits = 2};
const uint32_t otherside_defaults[APP_OPTIONS] = {[APP_OPT_SNDBUF_MAX] = 1 << 20,
                                                  [APP_OPT_RCVBUF_MAX] = 1 << 21,
                                                  [APP_OPT_KEEPALIVE_INTVL_MS] = 75000,
                                                  [APP_OPT_KEEPALIVE_PROBES] = 9,
                                                  [APP_OPT_CC] = 1};
