/* SPDX-License-Identifier: BSD-3-Clause */
/* What a script expects: segments, events, states, figures. */
#include "drive.h"

#include <stdio.h>
#include <string.h>

/* ---- segments ----------------------------------------------------------------------------------------------------- */

static void wait_for(struct drive *d, const struct seg_text *want, int64_t at, int64_t early,
                     int64_t late)
{
	struct drive_out *o;
	char text[256];

	if (!drive_peek(d))
		drive_pass(d, at + late, true);
	seg_print(want, text, sizeof(text));
	o = drive_peek(d);
	if (!o)
		drive_fail(d, "\n  expected: > %s\n  came:     nothing until %.3f ms", text,
		           (double)(d->now - d->start) / 1e6);
	if (o->at < at - early || o->at > at + late)
		drive_fail(d,
		           "\n  expected: > %s\n  came:     something at %.3f ms, and %.3f ms is "
		           "the time for it",
		           text, (double)(o->at - d->start) / 1e6, (double)(at - d->start) / 1e6);
}

static void one_segment(struct drive *d, struct drive_conn *c, const struct seg_text *want)
{
	struct seg_text got;
	struct drive_conn *of = drive_read(d, drive_peek(d), &got);
	const char *how;
	char w[256], g[256];

	seg_print(want, w, sizeof(w));
	seg_print(&got, g, sizeof(g));
	drive_trace(d, "%s: > %s", of->name, g);
	if (of != c)
		drive_fail(d, "\n  expected: %s: > %s\n  came:     %s: > %s", c->name, w, of->name,
		           g);
	how = seg_differs(want, &got);
	if (how)
		drive_fail(d, "\n  expected: > %s\n  came:     > %s\n  differs:  %s", w, g, how);
	drive_drop(d);
}

/* Any segmentation: in order, without a gap, none larger than the MSS. */
static void covering(struct drive *d, struct drive_conn *c, const struct seg_text *want, int64_t at,
                     int64_t early, int64_t late)
{
	struct seg_text rest = *want;
	uint32_t end = (uint32_t)want->seq + want->len;
	struct tcp_info o;

	while ((uint32_t)rest.seq != end) {
		struct seg_text got;

		wait_for(d, &rest, at, early, late);
		drive_read(d, drive_peek(d), &got);
		if (got.len && got.len <= rest.len)
			rest.len = got.len;
		if (!tcp_info(d->stack, c->handle, &o) && got.len > o.mss)
			drive_fail(d, "a segment of %u bytes came, the MSS is %u", got.len, o.mss);
		/* What is said of flags holds for the last segment. */
		rest.flags = (uint32_t)rest.seq + rest.len == end ? want->flags : TCP_ACK;
		rest.psh = rest.flags & want->psh;
		one_segment(d, c, &rest);
		rest.seq = (uint32_t)(rest.seq + rest.len);
		rest.len = end - (uint32_t)rest.seq;
	}
}

void expect_segment(struct drive *d, struct drive_conn *c, const struct seg_text *want, int64_t at,
                    int64_t early, int64_t late)
{
	if (want->cover) {
		covering(d, c, want, at, early, late);
		return;
	}
	wait_for(d, want, at, early, late);
	one_segment(d, c, want);
}

/* ---- events ------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	uint32_t flag;
} events[] = {{"CONNECTED", TCP_EV_CONNECTED}, {"READABLE", TCP_EV_READABLE},
              {"WRITABLE", TCP_EV_WRITABLE},   {"ACCEPTABLE", TCP_EV_ACCEPTABLE},
              {"HANGUP", TCP_EV_HANGUP},       {"RESET", TCP_EV_RESET},
              {"ERROR", TCP_EV_ERROR},         {"CLOSED", TCP_EV_CLOSED},
              {"FLUSHED", TCP_EV_FLUSHED},     {"URGENT", TCP_EV_URGENT},
              {"WARNING", TCP_EV_WARNING}};

static void events_print(uint32_t flags, char *out, size_t cap)
{
	size_t n = 0;

	snprintf(out, cap, "none");
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (flags & events[i].flag && n < cap)
			n += (size_t)snprintf(out + n, cap - n, "%s%s", n ? "|" : "",
			                      events[i].name);
}

static uint32_t events_parse(struct drive *d, char *word)
{
	uint32_t flags = 0;

	for (char *save, *p = strtok_r(word, "|", &save); p; p = strtok_r(NULL, "|", &save)) {
		size_t i = 0;

		while (i < sizeof(events) / sizeof(events[0]) && strcmp(events[i].name, p) != 0)
			i++;
		if (i == sizeof(events) / sizeof(events[0]))
			drive_fail(d, "no event is called %s", p);
		flags |= events[i].flag;
	}
	return flags;
}

static void expect_event(struct drive *d, struct drive_conn *c, struct scan *s)
{
	char word[96], w[96], g[96];
	uint32_t want;
	int64_t error = 0;

	if (!scan_word(s, word, sizeof(word)))
		drive_fail(d, "expect event NAME[|NAME...] [error NAME]");
	want = events_parse(d, word);
	if (scan_is(s, "error") && !setting_value(d, s, &error))
		drive_fail(d, "no error is called so");
	events_print(want, w, sizeof(w));
	events_print(c->events, g, sizeof(g));
	if (want != c->events)
		drive_fail(d, "\n  expected: event %s\n  came:     %s", w, g);
	if (error && error != c->event_error)
		drive_fail(d, "\n  expected: event with error %s\n  came:     with error %s",
		           errno_name((int)error),
		           c->event_error ? errno_name(c->event_error) : "none");
	c->events = 0;
}

/* ---- figures ------------------------------------------------------------------------------------------------------ */

enum kind { K_U8, K_U16, K_U32, K_U64, K_BOOL, K_TIME, K_INT, K_OURS, K_THEIRS };

static const struct {
	const char *name;
	enum kind kind;
	size_t at;
} figures[] = {
#define F(kind, field) {#field, kind, offsetof(struct tcp_info, field)},
#define T(name)        {#name, K_TIME, offsetof(struct tcp_info, name##_ns)},
        /* clang-format off */
        F(K_U8, state) F(K_BOOL, orphan) F(K_BOOL, held) F(K_BOOL, in_recovery) F(K_BOOL, timestamps)
        F(K_BOOL, sack) F(K_BOOL, ecn) F(K_BOOL, window_scale) F(K_BOOL, paced) F(K_BOOL, cookie)
        F(K_U8, ca_state) F(K_U8, backoff) F(K_U8, snd_wscale) F(K_U8, rcv_wscale) F(K_INT, error)
        F(K_U32, mss) F(K_U32, peer_mss) F(K_U64, cwnd) F(K_U64, ssthresh) F(K_U64, in_flight)
        F(K_U32, sacked) F(K_U32, lost) F(K_U64, pacing_byte_s)
        F(K_OURS, snd_una) F(K_OURS, snd_nxt) F(K_OURS, snd_max) F(K_THEIRS, rcv_nxt)
        F(K_U32, snd_wnd) F(K_U32, rcv_wnd) T(srtt) T(rttvar) T(min_rtt) T(rto)
        F(K_BOOL, timer_rtx) F(K_U64, bytes_in) F(K_U64, bytes_out) F(K_U64, delivered)
        F(K_U64, segs_in) F(K_U64, segs_out) F(K_U64, retransmits) F(K_U64, rtos)
        F(K_U64, fast_recoveries) F(K_U64, probes) F(K_U64, spurious) F(K_U64, ecn_reductions)
        F(K_U32, snd_queued) F(K_U32, snd_space) F(K_U32, rcv_queued) F(K_U32, rcv_ooo) F(K_U32, rcv_urgent)
        F(K_U32, snd_limit) F(K_U32, rcv_limit) F(K_U32, backlog_used)
        F(K_U16, local_port) F(K_U16, remote_port)
/* clang-format on */
#undef F
#undef T
};

static int64_t figure(const struct drive_conn *c, const struct tcp_info *o, size_t i)
{
	const void *at = (const char *)o + figures[i].at;

	switch (figures[i].kind) {
	case K_U8:
		return *(const uint8_t *)at;
	case K_BOOL:
		return *(const bool *)at;
	case K_U16:
		return *(const uint16_t *)at;
	case K_U32:
		return *(const uint32_t *)at;
	case K_OURS:
		return (uint32_t)(*(const uint32_t *)at - c->base.ours);
	case K_THEIRS:
		return (uint32_t)(*(const uint32_t *)at - c->base.theirs);
	case K_INT:
		return *(const int *)at;
	default:
		return *(const int64_t *)at; /* UINT64_MAX reads as -1 */
	}
}

/* [>=|<=]VALUE[~TOLERANCE] */
static void compare(struct drive *d, struct scan *s, const char *name, int64_t got)
{
	int64_t want, tolerance = 0;
	struct scan begin;
	char op = '=', text[64];

	scan_end(s);
	begin = *s;
	if (scan_text(s, ">="))
		op = '>';
	else if (scan_text(s, "<="))
		op = '<';
	if (!setting_value(d, s, &want))
		drive_fail(d, "%s needs a value", name);
	if (*s->p == '~') {
		s->p++;
		if (!setting_value(d, s, &tolerance))
			drive_fail(d, "after ~ comes the tolerance");
	}
	snprintf(text, sizeof(text), "%.*s", (int)(s->p - begin.p), begin.p);
	if (op == '>'   ? got < want
	    : op == '<' ? got > want
	                : got < want - tolerance || got > want + tolerance)
		drive_fail(d, "\n  expected: %s %s\n  came:     %s %lld", name, text, name,
		           (long long)got);
}

static void expect_info(struct drive *d, struct drive_conn *c, struct scan *s)
{
	char name[32];
	struct tcp_info o;

	if (tcp_info(d->stack, c->handle, &o))
		drive_fail(d, "the connection is gone");
	do {
		size_t i = 0;

		if (!scan_word(s, name, sizeof(name)))
			drive_fail(d, "expect info NAME VALUE ...");
		while (i < sizeof(figures) / sizeof(figures[0]) &&
		       strcmp(figures[i].name, name) != 0)
			i++;
		if (i == sizeof(figures) / sizeof(figures[0]))
			drive_fail(d, "no figure is called %s", name);
		compare(d, s, name, figure(c, &o, i));
	} while (!scan_end(s));
}

static void expect_counter(struct drive *d, struct scan *s)
{
	static const char *const names[] = {
#define NAME(name, text) #name,
	        TCP_COUNTERS(NAME)
#undef NAME
	};
	struct tcp_counters n;
	char name[32];

	tcp_stack_counters(d->stack, &n);
	do {
		const uint64_t *v = (const uint64_t *)(const void *)&n;
		size_t i = 0;

		if (!scan_word(s, name, sizeof(name)))
			drive_fail(d, "expect counter NAME VALUE ...");
		if (strcmp(name, "conns") == 0) {
			compare(d, s, name, n.conns);
			continue;
		}
		if (strcmp(name, "chunks_used") == 0) {
			compare(d, s, name, n.chunks_used);
			continue;
		}
		while (i < sizeof(names) / sizeof(names[0]) && strcmp(names[i], name) != 0)
			i++;
		if (i == sizeof(names) / sizeof(names[0]))
			drive_fail(d, "no counter is called %s", name);
		compare(d, s, name, (int64_t)v[i]);
	} while (!scan_end(s));
}

static void expect_state(struct drive *d, struct drive_conn *c, struct scan *s)
{
	struct tcp_info o;
	const char *is = "GONE";
	char want[16];

	if (!scan_word(s, want, sizeof(want)))
		drive_fail(d, "expect state NAME");
	if (!tcp_info(d->stack, c->handle, &o))
		is = o.state_name;
	if (strcmp(want, is) != 0)
		drive_fail(d, "\n  expected: state %s\n  came:     state %s", want, is);
}

/* A connection that was not accepted is looked for by its ports. */
static void find_handle(struct drive *d, struct drive_conn *c)
{
	struct tcp_info o;
	uint32_t cursor = 0;

	if (!tcp_info(d->stack, c->handle, &o))
		return;
	while (tcp_iterate(d->stack, &cursor, &o))
		if (!o.listener && o.state != TCP_CLOSED && o.peer == c->peer &&
		    o.local_port == c->base.our_port && o.remote_port == c->base.their_port)
			c->handle = o.conn;
}

void expect_statement(struct drive *d, struct drive_conn *c, struct scan *s)
{
	if (!c->listener)
		find_handle(d, c);
	if (scan_is(s, "event"))
		expect_event(d, c, s);
	else if (scan_is(s, "info"))
		expect_info(d, c, s);
	else if (scan_is(s, "counter"))
		expect_counter(d, s);
	else if (scan_is(s, "state"))
		expect_state(d, c, s);
	else if (scan_is(s, "no") && scan_is(s, "event")) {
		char g[96];

		events_print(c->events, g, sizeof(g));
		if (c->events)
			drive_fail(d, "\n  expected: no event\n  came:     %s", g);
	} else {
		drive_fail(d, "what is expected is an event, no event, state, info or counter");
	}
	if (!scan_end(s))
		drive_fail(d, "something follows that belongs to nothing: %s", s->p);
}
