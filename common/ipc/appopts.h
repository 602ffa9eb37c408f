/* SPDX-License-Identifier: BSD-3-Clause */
/* Settings of TCP that an application may ask for in APPLANE_OPTION, by the numbers that they have there for ever. What each means stands beside the
 * row of the same name in dataplane/tcp/tcp.h, whose order is held to this one (dataplane/session/session.c). */
#pragma once

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
