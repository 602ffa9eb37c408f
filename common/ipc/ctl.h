/* SPDX-License-Identifier: BSD-3-Clause */
/* The operator's protocol over coyod's control socket: one request line in, JSON lines out, then the end of the stream.
 *
 *   show VIEW [limit=N] | lookup TARGET | ping TARGET [count=N] [interval=MS] | trace TARGET | drain | reload
 *   | allow TARGET [LISTENER] | deny TARGET [LISTENER] | vouch BYTES [expires=SECONDS] [as=NAME]
 *
 * TARGET is a node id in any text form, or a name of [names]. Answers are JSON documents, one a line. `ping` and
 * `trace` send a line per answer; the last line of these has the key "done". A failed request's last line has the keys
 * "error" (a sentence with cause and remedy) and "code" (the errno's name).
 *
 * Behind the line of `vouch` come BYTES bytes of lines `ID NAME...`, as in a file of names. The answer's key "list" is the text of a list
 * (names/vouched.h) of these, made and signed by this node; it expires after SECONDS, and NAME is what the node would like to be called. Whoever
 * may use the control socket may so have the node vouch for names; the application socket has no such request.
 */
#pragma once
#include "base/cc.h"

#include <stddef.h>
#include <stdint.h>

#define CTL_LINE_MAX     512 /* bytes of a request, without its newline */
#define CTL_TARGET_MAX   127
#define CTL_BODY_MAX     (256u << 10) /* bytes behind the line of a request */
#define CTL_EXPIRES_MAX  315360000u   /* s, ten years */
#define CTL_COUNT_MAX    100000
#define CTL_INTERVAL_MIN 10 /* ms */
#define CTL_INTERVAL_MAX 60000
#define CTL_ROWS_DEFAULT \
	10000 /* rows of one answer; where there are more, its key "truncated" is true */
#define CTL_ROWS_MAX 10000000 /* what limit= may ask for */

enum ctl_verb {
	CTL_SHOW = 1,
	CTL_LOOKUP,
	CTL_PING,
	CTL_TRACE,
	CTL_DRAIN,
	CTL_RELOAD,
	CTL_ALLOW,
	CTL_DENY,
	CTL_VOUCH,
	CTL_VERBS
};

enum ctl_view {
	CTL_VIEW_NODE = 0,
	CTL_VIEW_LINKS,
	CTL_VIEW_LISTENERS,
	CTL_VIEW_CONTACTS,
	CTL_VIEW_TUNNELS,
	CTL_VIEW_SESSIONS,
	CTL_VIEW_CONNECTIONS,
	CTL_VIEW_SOCKETS,
	CTL_VIEW_LABELS,
	CTL_VIEW_DROPS,
	CTL_VIEW_WORKERS,
	CTL_VIEW_CONFIG,
	CTL_VIEWS,
};

struct ctl_request {
	uint32_t verb;  /* enum ctl_verb */
	uint32_t view;  /* enum ctl_view, of show */
	uint32_t limit; /* rows, of show */
	uint32_t count, interval_ms;
	uint32_t body; /* bytes that come behind the line, of vouch; at least 1 there, else 0 */
	uint32_t expires_s; /* of vouch; 0: never */
	char target[CTL_TARGET_MAX +
	            1];    /* of vouch: what the node would like to be called, or empty */
	char listener[32]; /* of allow and deny; empty: every one */
};

/* Static text: "node", "links", ... */
const char *ctl_view_name(enum ctl_view v);

/* Parses one line, without its newline. -EINVAL: `why` says in one sentence what is wrong with it; *out is then undefined. */
int ctl_request_parse(const char *line, size_t len, struct ctl_request *out, char *why,
                      size_t whycap) COYO_NODISCARD;

/* Writes the request's line, with its newline and a NUL. Returns its length without the NUL, or -ENOSPC. */
int ctl_request_format(const struct ctl_request *r, char *out, size_t cap) COYO_NODISCARD;

/* "EHOSTUNREACH" for a positive errno; "EIO" for one without a name here. Static text. */
const char *ctl_errno_name(int err);
