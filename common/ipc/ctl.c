/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests of the control protocol: text to struct and back. */
#include "ipc/ctl.h"

#include "base/assert.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char *const view_names[CTL_VIEWS] = {
        [CTL_VIEW_NODE] = "node",
        [CTL_VIEW_LINKS] = "links",
        [CTL_VIEW_LISTENERS] = "listeners",
        [CTL_VIEW_CONTACTS] = "contacts",
        [CTL_VIEW_TUNNELS] = "tunnels",
        [CTL_VIEW_SESSIONS] = "sessions",
        [CTL_VIEW_CONNECTIONS] = "connections",
        [CTL_VIEW_SOCKETS] = "sockets",
        [CTL_VIEW_LABELS] = "labels",
        [CTL_VIEW_DROPS] = "drops",
        [CTL_VIEW_WORKERS] = "workers",
        [CTL_VIEW_CONFIG] = "config",
};

static const char *const verb_names[CTL_VERBS] = {
        [CTL_SHOW] = "show",   [CTL_LOOKUP] = "lookup", [CTL_PING] = "ping",
        [CTL_TRACE] = "trace", [CTL_DRAIN] = "drain",   [CTL_RELOAD] = "reload",
        [CTL_ALLOW] = "allow", [CTL_DENY] = "deny",     [CTL_VOUCH] = "vouch",
};

#define WORDS_MAX 6

const char *ctl_view_name(enum ctl_view v)
{
	return (unsigned)v < CTL_VIEWS ? view_names[v] : "?";
}

const char *ctl_errno_name(int err)
{
	switch (err) {
	case EINVAL:
		return "EINVAL";
	case ENOENT:
		return "ENOENT";
	case ENOMEM:
		return "ENOMEM";
	case EAGAIN:
		return "EAGAIN";
	case EBUSY:
		return "EBUSY";
	case EHOSTUNREACH:
		return "EHOSTUNREACH";
	case ENETUNREACH:
		return "ENETUNREACH";
	case EMULTIHOP:
		return "EMULTIHOP";
	case ETIMEDOUT:
		return "ETIMEDOUT";
	case ECONNREFUSED:
		return "ECONNREFUSED";
	case ESHUTDOWN:
		return "ESHUTDOWN";
	case EACCES:
		return "EACCES";
	case ECONNRESET:
		return "ECONNRESET";
	case ENAMETOOLONG:
		return "ENAMETOOLONG";
	case EPROTO:
		return "EPROTO";
	case EALREADY:
		return "EALREADY";
	default:
		return "EIO";
	}
}

static bool word_is(const char *w, size_t n, const char *text)
{
	return strlen(text) == n && memcmp(w, text, n) == 0;
}

/* Decimal lo..hi. */
static bool number(const char *s, size_t n, uint32_t lo, uint32_t hi, uint32_t *out)
{
	uint64_t v = 0;

	if (n == 0 || n > 9)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s[i] - '0');
	}
	*out = (uint32_t)v;
	return v >= lo && v <= hi;
}

static bool target_ok(const char *s, size_t n)
{
	if (n == 0 || n > CTL_TARGET_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = s[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    c != '.' && c != '-' && c != '_')
			return false;
	}
	return true;
}

struct words {
	const char *w[WORDS_MAX];
	size_t n[WORDS_MAX];
	unsigned count;
};

/* Splits at single or repeated blanks. False for bytes that are not printable ASCII, or too many words. */
static bool split(const char *line, size_t len, struct words *out)
{
	size_t i = 0;

	*out = (struct words){0};
	for (size_t k = 0; k < len; k++)
		if ((unsigned char)line[k] < 0x20 || (unsigned char)line[k] > 0x7e)
			return false;
	while (i < len) {
		size_t from;

		while (i < len && line[i] == ' ')
			i++;
		from = i;
		while (i < len && line[i] != ' ')
			i++;
		if (i == from)
			break;
		if (out->count == WORDS_MAX)
			return false;
		out->w[out->count] = line + from;
		out->n[out->count++] = i - from;
	}
	return true;
}

static int refuse(char *why, size_t cap, const char *text)
{
	snprintf(why, cap, "%s", text);
	return -EINVAL;
}

/* KEY=NUMBER among the options this verb takes. */
static bool option(const char *w, size_t n, const char *key, uint32_t lo, uint32_t hi,
                   uint32_t *out)
{
	size_t k = strlen(key);

	return n > k + 1 && memcmp(w, key, k) == 0 && w[k] == '=' &&
	       number(w + k + 1, n - k - 1, lo, hi, out);
}

static int parse_show(const struct words *w, struct ctl_request *out, char *why, size_t cap)
{
	if (w->count < 2)
		return refuse(why, cap,
		              "show what? node, links, listeners, contacts, tunnels, sessions, "
		              "connections, labels, drops, workers or config");
	for (out->view = 0; out->view < CTL_VIEWS; out->view++)
		if (word_is(w->w[1], w->n[1], view_names[out->view]))
			break;
	if (out->view == CTL_VIEWS)
		return refuse(why, cap,
		              "there is nothing to show by that name; try node, links, "
		              "listeners, contacts, tunnels, sessions, connections, labels, drops, "
		              "workers or config");
	if (w->count > 3 ||
	    (w->count == 3 && !option(w->w[2], w->n[2], "limit", 1, CTL_ROWS_MAX, &out->limit)))
		return refuse(why, cap, "show takes one view and limit=1..10000000");
	return 0;
}

static int parse_listener(const struct words *w, struct ctl_request *out, char *why, size_t cap)
{
	if (w->count > 3 ||
	    (w->count == 3 && (!target_ok(w->w[2], w->n[2]) || w->n[2] >= sizeof(out->listener))))
		return refuse(why, cap,
		              "after the node, allow and deny take the name of one listener, or "
		              "nothing for all");
	if (w->count == 3)
		memcpy(out->listener, w->w[2], w->n[2]);
	return 0;
}

static int parse_target(const struct words *w, struct ctl_request *out, char *why, size_t cap)
{
	if (w->count < 2)
		return refuse(why, cap, "which node? give its id, or a name of [names]");
	if (!target_ok(w->w[1], w->n[1]))
		return refuse(why, cap, "that is neither a node id nor a name");
	memcpy(out->target, w->w[1], w->n[1]);
	out->target[w->n[1]] = '\0';
	if (out->verb == CTL_ALLOW || out->verb == CTL_DENY)
		return parse_listener(w, out, why, cap);
	for (unsigned i = 2; i < w->count; i++)
		if (out->verb != CTL_PING ||
		    (!option(w->w[i], w->n[i], "count", 1, CTL_COUNT_MAX, &out->count) &&
		     !option(w->w[i], w->n[i], "interval", CTL_INTERVAL_MIN, CTL_INTERVAL_MAX,
		             &out->interval_ms)))
			return refuse(why, cap,
			              "after the node, ping takes count=1..100000 and "
			              "interval=10..60000 (ms); lookup and trace take nothing");
	return 0;
}

static int parse_vouch(const struct words *w, struct ctl_request *out, char *why, size_t cap)
{
	bool good = w->count >= 2 && number(w->w[1], w->n[1], 1, CTL_BODY_MAX, &out->body);

	for (unsigned i = 2; good && i < w->count; i++) {
		const char *s = w->w[i];
		size_t n = w->n[i];

		if (n > 3 && memcmp(s, "as=", 3) == 0) {
			good = !*out->target && target_ok(s + 3, n - 3);
			if (good)
				memcpy(out->target, s + 3, n - 3);
		} else {
			good = !out->expires_s &&
			       option(s, n, "expires", 1, CTL_EXPIRES_MAX, &out->expires_s);
		}
	}
	if (good)
		return 0;
	return refuse(why, cap,
	              "vouch takes the number of bytes of the names behind its line, 1..262144, "
	              "expires=1..315360000 (s) and as=NAME");
}

int ctl_request_parse(const char *line, size_t len, struct ctl_request *out, char *why,
                      size_t whycap)
{
	struct words w;
	uint32_t v;

	*out = (struct ctl_request){.limit = CTL_ROWS_DEFAULT, .count = 4, .interval_ms = 200};
	if (len > CTL_LINE_MAX)
		return refuse(why, whycap, "the request is longer than 512 bytes");
	if (!split(line, len, &w))
		return refuse(why, whycap,
		              "a request is a few words of printable ASCII on one line");
	if (w.count == 0)
		return refuse(why, whycap, "the request is empty");
	for (v = CTL_SHOW; v < CTL_VERBS; v++)
		if (word_is(w.w[0], w.n[0], verb_names[v]))
			break;
	out->verb = v;
	switch (v) {
	case CTL_SHOW:
		return parse_show(&w, out, why, whycap);
	case CTL_LOOKUP:
	case CTL_PING:
	case CTL_TRACE:
	case CTL_ALLOW:
	case CTL_DENY:
		return parse_target(&w, out, why, whycap);
	case CTL_VOUCH:
		return parse_vouch(&w, out, why, whycap);
	case CTL_DRAIN:
	case CTL_RELOAD:
		if (w.count > 1)
			return refuse(why, whycap, "drain and reload stand alone");
		return 0;
	default:
		return refuse(why, whycap,
		              "unknown request; there are show, lookup, ping, trace, "
		              "drain, reload, allow, deny and vouch");
	}
}

int ctl_request_format(const struct ctl_request *r, char *out, size_t cap)
{
	int n;

	COYO_ASSERT(r->verb >= CTL_SHOW && r->verb < CTL_VERBS);
	switch (r->verb) {
	case CTL_SHOW:
		n = snprintf(out, cap, "show %s limit=%u\n", ctl_view_name(r->view), r->limit);
		break;
	case CTL_PING:
		n = snprintf(out, cap, "ping %s count=%u interval=%u\n", r->target, r->count,
		             r->interval_ms);
		break;
	case CTL_ALLOW:
	case CTL_DENY:
		n = snprintf(out, cap, "%s %s%s%s\n", verb_names[r->verb], r->target,
		             *r->listener ? " " : "", r->listener);
		break;
	case CTL_VOUCH:
		n = r->expires_s ? snprintf(out, cap, "vouch %u expires=%u%s%s\n", r->body,
		                            r->expires_s, *r->target ? " as=" : "", r->target)
		                 : snprintf(out, cap, "vouch %u%s%s\n", r->body,
		                            *r->target ? " as=" : "", r->target);
		break;
	case CTL_LOOKUP:
	case CTL_TRACE:
		n = snprintf(out, cap, "%s %s\n", verb_names[r->verb], r->target);
		break;
	default:
		n = snprintf(out, cap, "%s\n", verb_names[r->verb]);
		break;
	}
	return n > 0 && (size_t)n < cap ? n : -ENOSPC;
}
