/* SPDX-License-Identifier: BSD-3-Clause */
/* The application's side of a script: calls of the engine's API and what they must return. */
#include "drive.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* "= VALUE" at the end: a number or the name of an error. Else `usual`. */
static int64_t wanted(struct drive *d, struct scan *s, int64_t usual)
{
	char word[32];
	uint64_t v;

	if (scan_end(s))
		return usual;
	if (!scan_is(s, "="))
		drive_fail(d, "after the call only = RESULT may follow");
	if (scan_u64(s, &v))
		usual = (int64_t)v;
	else if (scan_word(s, word, sizeof(word)) && errno_value(word))
		usual = -errno_value(word);
	else
		drive_fail(d, "the result is a number or the name of an error");
	if (!scan_end(s))
		drive_fail(d, "something follows the result");
	return usual;
}

static void returned(struct drive *d, const char *call, int64_t want, int64_t got)
{
	char w[24], g[24];

	if (want == got)
		return;
	snprintf(w, sizeof(w), "%s", want < 0 ? errno_name((int)-want) : "");
	snprintf(g, sizeof(g), "%s", got < 0 ? errno_name((int)-got) : "");
	drive_fail(d, "%s\n  expected: returns %lld %s\n  came:     returned %lld %s", call,
	           (long long)want, w, (long long)got, g);
}

static uint64_t number(struct drive *d, struct scan *s)
{
	uint64_t v;

	if (!scan_u64(s, &v))
		drive_fail(d, "a number is missing");
	return v;
}

/* Bytes for one call. */
static uint8_t *room(struct drive *d, uint64_t n)
{
	static uint8_t bytes[1 << 21];

	if (n > sizeof(bytes))
		drive_fail(d, "more than %zu bytes in one call", sizeof(bytes));
	return bytes;
}

static void call_send(struct drive *d, struct drive_conn *c, struct scan *s)
{
	uint64_t n = number(d, s);
	bool urgent = scan_is(s, "urgent");
	int64_t want = wanted(d, s, (int64_t)n), got;
	uint8_t *data = room(d, n);

	for (uint64_t i = 0; i < n; i++)
		data[i] = seg_pattern(true, c->sent + i);
	got = urgent ? tcp_send_urgent(d->stack, c->handle, data, n)
	             : tcp_send(d->stack, c->handle, data, n);
	if (got > 0)
		c->sent += (uint64_t)got;
	returned(d, "send", want, got);
}

/* The same through reserve and commit, piece by piece. */
static void call_zsend(struct drive *d, struct drive_conn *c, struct scan *s)
{
	uint64_t n = number(d, s), done = 0;
	int64_t want = wanted(d, s, (int64_t)n), got = 0;

	while (done < n) {
		void *piece;
		int rc;

		got = tcp_send_reserve(d->stack, c->handle, &piece);
		if (got <= 0)
			break;
		if ((uint64_t)got > n - done)
			got = (int64_t)(n - done);
		for (int64_t i = 0; i < got; i++)
			((uint8_t *)piece)[i] = seg_pattern(true, c->sent + (uint64_t)i);
		rc = tcp_send_commit(d->stack, c->handle, (size_t)got);
		returned(d, "commit", 0, rc);
		c->sent += (uint64_t)got;
		done += (uint64_t)got;
	}
	returned(d, "zsend", want, done || got > 0 ? (int64_t)done : got);
}

static void check_bytes(struct drive *d, struct drive_conn *c, const uint8_t *p, int64_t n,
                        int fill)
{
	for (int64_t i = 0; i < n; i++) {
		uint8_t want =
		        fill >= 0 ? (uint8_t)fill : seg_pattern(false, c->taken + (uint64_t)i);

		if (p[i] != want)
			drive_fail(d, "byte %llu of the stream is %u instead of %u",
			           (unsigned long long)(c->taken + (uint64_t)i), p[i], want);
	}
}

static void call_recv(struct drive *d, struct drive_conn *c, struct scan *s)
{
	uint64_t n = number(d, s);
	int fill = -1;
	int64_t want, got;
	uint8_t *data = room(d, n);

	if (scan_is(s, "fill"))
		fill = (int)number(d, s);
	want = wanted(d, s, (int64_t)n);
	got = tcp_recv(d->stack, c->handle, data, n);
	check_bytes(d, c, data, got, fill);
	if (got > 0)
		c->taken += (uint64_t)got;
	returned(d, "recv", want, got);
}

static void call_peek(struct drive *d, struct drive_conn *c, struct scan *s)
{
	const void *piece;
	int64_t got = tcp_recv_peek(d->stack, c->handle, &piece), want = wanted(d, s, got);

	check_bytes(d, c, piece, got, -1);
	returned(d, "peek", want, got);
}

/* look OFFSET N */
static void call_look(struct drive *d, struct drive_conn *c, struct scan *s)
{
	uint32_t offset = (uint32_t)number(d, s);
	uint64_t n = number(d, s), taken = c->taken;
	int64_t want = wanted(d, s, (int64_t)n), got;
	uint8_t *data = room(d, n);

	got = tcp_peek(d->stack, c->handle, offset, data, n);
	c->taken += offset;
	check_bytes(d, c, data, got, -1);
	c->taken = taken;
	returned(d, "look", want, got);
}

/* fail POINT [after N] | fail none */
static void call_fail(struct drive *d, struct drive_conn *c, struct scan *s)
{
	static const char *const points[TCP_ALLOC_POINTS] = {"conn",   "send",   "receive",
	                                                     "record", "ranges", "reply"};
	char word[16];

	(void)c;
	d->fail_at = -1;
	if (!scan_word(s, word, sizeof(word)))
		drive_fail(d, "fail POINT [after N], or fail none");
	for (int i = 0; i < TCP_ALLOC_POINTS; i++)
		if (strcmp(points[i], word) == 0)
			d->fail_at = i;
	d->fail_after = scan_is(s, "after") ? (unsigned)number(d, s) : 0;
	if ((d->fail_at < 0 && strcmp(word, "none") != 0) || !scan_end(s))
		drive_fail(d, "fail POINT [after N], or fail none; a point is conn, send, receive, "
		              "record, ranges or reply");
}

static void call_connect(struct drive *d, struct drive_conn *c, struct scan *s)
{
	bool ephemeral = scan_is(s, "ephemeral");
	int64_t want = wanted(d, s, 0), got;
	struct tcp_info o;

	got = ephemeral ? tcp_connect(d->stack, c->peer, c->base.their_port, &c->handle)
	                : tcp_connect_from(d->stack, c->peer, c->base.our_port, c->base.their_port,
	                                   &c->handle);
	if (ephemeral && !got && !tcp_info(d->stack, c->handle, &o))
		c->base.our_port = o.local_port;
	returned(d, "connect", want, got);
}

static void call_listen(struct drive *d, struct drive_conn *c, struct scan *s)
{
	uint32_t port = 80, backlog = 16;
	int64_t want;

	scan_u32(s, &port);
	if (scan_is(s, "backlog"))
		backlog = (uint32_t)number(d, s);
	want = wanted(d, s, 0);
	c->listener = true;
	returned(d, "listen", want, tcp_listen(d->stack, (uint16_t)port, backlog, &c->handle));
}

static void call_accept(struct drive *d, struct drive_conn *c, struct scan *s)
{
	int64_t want = wanted(d, s, 0);
	struct drive_conn *l = drive_conn(d, "l");
	struct tcp_info o;

	returned(d, "accept", want, tcp_accept(d->stack, l->handle, &c->handle));
	if (want)
		return;
	if (tcp_info(d->stack, c->handle, &o))
		drive_fail(d, "the accepted connection is unknown");
	if (o.peer != c->peer || o.local_port != c->base.our_port ||
	    o.remote_port != c->base.their_port)
		drive_fail(d, "accept gave the connection from port %u of peer %u", o.remote_port,
		           o.peer);
}

static void call_opt(struct drive *d, struct drive_conn *c, struct scan *s)
{
	static const struct {
		const char *name;
		enum tcp_opt opt;
	} opts[] = {
#define ROW(NAME, opt_name, what) {#opt_name, TCP_OPT_##NAME},
	        TCP_OPTS(ROW)
#undef ROW
	};
	char name[32];
	uint64_t v;

	if (!scan_word(s, name, sizeof(name)))
		drive_fail(d, "opt NAME VALUE");
	v = number(d, s);
	for (size_t i = 0; i < sizeof(opts) / sizeof(opts[0]); i++) {
		if (strcmp(opts[i].name, name) != 0)
			continue;
		returned(d, "opt", wanted(d, s, 0),
		         tcp_set_opt(d->stack, c->handle, opts[i].opt, (uint32_t)v));
		return;
	}
	drive_fail(d, "no option is called %s", name);
}

/* unreachable ERROR [OPENING_MS WAITING_MS]. Without times openings end at once and others never. */
static void unreachable(struct drive *d, struct drive_conn *c, int error, struct scan *s)
{
	int64_t opening = 0, waiting = INT64_MAX;

	if (!scan_end(s)) {
		opening = (int64_t)number(d, s) * NS_PER_MS;
		waiting = (int64_t)number(d, s) * NS_PER_MS;
	}
	tcp_peer_unreachable(d->stack, c->peer, error, opening, waiting, (struct instant){d->now});
}

/* Signals of the path. */
static bool path_statement(struct drive *d, struct drive_conn *c, const char *verb, struct scan *s)
{
	char word[32];

	if (strcmp(verb, "hold") == 0) {
		tcp_peer_hold(d->stack, c->peer, true);
	} else if (strcmp(verb, "release") == 0) {
		tcp_peer_hold(d->stack, c->peer, false);
	} else if (strcmp(verb, "mtu") == 0) {
		tcp_peer_mtu(d->stack, c->peer, (uint16_t)number(d, s));
	} else if (strcmp(verb, "path-up") == 0) {
		tcp_path_up(d->stack, c->peer);
	} else if (strcmp(verb, "path-moved") == 0) {
		tcp_path_moved(d->stack, c->peer, (struct instant){d->now});
	} else if (strcmp(verb, "unreachable") == 0 || strcmp(verb, "clear") == 0) {
		if (!scan_word(s, word, sizeof(word)) || !errno_value(word))
			drive_fail(d, "%s ERROR", verb);
		if (verb[0] == 'c')
			tcp_peer_clear(d->stack, c->peer, errno_value(word));
		else
			unreachable(d, c, errno_value(word), s);
	} else if (strcmp(verb, "restarted") == 0) {
		tcp_peer_restarted(d->stack, c->peer);
	} else {
		return false;
	}
	if (!scan_end(s))
		drive_fail(d, "something follows %s", verb);
	return true;
}

static const struct {
	const char *verb;
	void (*run)(struct drive *d, struct drive_conn *c, struct scan *s);
} calls[] = {{"send", call_send},     {"zsend", call_zsend},     {"recv", call_recv},
             {"peek", call_peek},     {"connect", call_connect}, {"listen", call_listen},
             {"accept", call_accept}, {"opt", call_opt},         {"look", call_look},
             {"fail", call_fail}};

static const struct {
	const char *verb;
	int (*run)(struct tcp_stack *s, uint32_t conn);
} plain[] = {
        {"shutdown", tcp_shutdown}, {"close", tcp_close}, {"abort", tcp_abort}, {"kick", tcp_kick}};

bool call_statement(struct drive *d, struct drive_conn *c, const char *verb, struct scan *s)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(calls[i].verb, verb) == 0) {
			calls[i].run(d, c, s);
			return true;
		}
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (strcmp(plain[i].verb, verb) == 0) {
			returned(d, verb, wanted(d, s, 0), plain[i].run(d->stack, c->handle));
			return true;
		}
	if (strcmp(verb, "consume") == 0) {
		uint64_t n = number(d, s);
		int64_t want = wanted(d, s, 0);
		int got = tcp_recv_consume(d->stack, c->handle, n);

		if (!got)
			c->taken += n;
		returned(d, verb, want, got);
		return true;
	}
	return path_statement(d, c, verb, s);
}
