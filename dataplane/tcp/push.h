/* SPDX-License-Identifier: BSD-3-Clause */
/* PSH (RFC 9293 3.9.1): what it says about bytes that are on their way. */
#pragma once
#include "tcp/tcp.h"

#ifdef __cplusplus
extern "C" {
#endif

/* True: the peer has more for us behind what has come in order so far, as it has not pushed that; nothing is missing before what has come, nothing
 * urgent waits, and the stream has not ended. What is behind may be late or lost all the same. */
bool tcp_recv_more(const struct tcp_stack *s, uint32_t conn);
/* more: the caller has bytes that follow what it has sent and for which the send buffer has no room. Until it says otherwise the end of the buffer is
 * not pushed, as by send() with MSG_MORE, but it is sent no later. */
void tcp_send_more(struct tcp_stack *s, uint32_t conn, bool more);

#ifdef __cplusplus
}
#endif
