/* SPDX-License-Identifier: BSD-3-Clause */
/* Settings of TCP that an application may ask for in APPLANE_OPTION, by the numbers that they have there for ever. What each means stands beside the
 * row of the same name in dataplane/tcp/tcp.h, whose order is held to this one (dataplane/session/session.c). */
#pragma once
#include <stdint.h>

enum app_option {
	APP_OPT_NODELAY,
	APP_OPT_KEEPALIVE_MS,
	APP_OPT_USER_TIMEOUT_MS,
	APP_OPT_SNDBUF_MAX,
	APP_OPT_RCVBUF_MAX,
	APP_OPT_KEEPALIVE_INTVL_MS,
	APP_OPT_KEEPALIVE_PROBES,
	APP_OPT_LINGER_MS,
	APP_OPT_CC,
	APP_OPT_CORK,
	APP_OPT_QUICKACK,
	APP_OPT_PACING,
	APP_OPT_PACING_KBIT,
	APP_OPT_MSS,
	APP_OPT_WARNINGS,
	APP_OPTIONS
};

/* APPLANE_OPTION of a stream: TCP_NOTSENT_LOWAT, 0: none. Of so many bytes that are not sent TCP has one half at most, and the application waits for
 * room while its ring has the other half, so that both together are below it where there is room. */
#define APPLANE_OPT_NOTSENT 1001u
/* TCP's half, at least 1: it gets no more while so many bytes are not sent. */
static inline uint32_t applane_notsent_tcp(uint32_t limit)
{
	return limit - limit / 2;
}
/* The ring's half: with so many bytes in it, and at least 1, there is no room. */
static inline uint32_t applane_notsent_ring(uint32_t limit)
{
	return limit / 2;
}
