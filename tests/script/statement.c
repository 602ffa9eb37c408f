/* SPDX-License-Identifier: BSD-3-Clause */
/* One line of a script: when it happens, to which connection, and what. */
#include "drive.h"

#include <stdio.h>
#include <string.h>

#define TOLERANCE NS_PER_MS

/* Nothing may have come out that was not expected. */
static void nothing_left(struct drive *d)
{
	struct drive_out *o = drive_peek(d);
	struct seg_text t;
	struct drive_conn *c;
	char g[256];

	if (!o)
		return;
	c = drive_read(d, o, &t);
	seg_print(&t, g, sizeof(g));
	drive_trace(d, "%s: > %s", c->name, g);
	drive_fail(d, "\n  expected: nothing\n  came:     %s: > %s at %.3f ms", c->name, g,
	           (double)(o->at - d->start) / 1e6);
}

static void ignore_all(struct drive *d, int64_t until)
{
	drive_pass(d, until, false);
	while (drive_peek(d)) {
		struct seg_text t;
		struct drive_conn *c = drive_read(d, drive_peek(d), &t);
		char g[256];

		seg_print(&t, g, sizeof(g));
		drive_trace(d, "%s: > %s  (ignored)", c->name, g);
		drive_drop(d);
	}
}

/* conn NAME [peer N] [local PORT] [remote PORT] [irs N] [win N] */
static void conn_statement(struct drive *d, struct scan *s)
{
	struct drive_conn *c;
	char name[16];
	uint32_t v;

	if (!scan_word(s, name, sizeof(name)))
		drive_fail(d, "conn NAME ...");
	c = drive_conn(d, name);
	while (!scan_end(s)) {
		if (scan_is(s, "peer") && scan_u32(s, &v) && v < DRIVE_PEERS) {
			c->peer = v;
		} else if (scan_is(s, "local") && scan_u32(s, &v) && v < 65536) {
			c->base.our_port = (uint16_t)v;
		} else if (scan_is(s, "remote") && scan_u32(s, &v) && v < 65536) {
			c->base.their_port = (uint16_t)v;
		} else if (scan_is(s, "irs") && scan_u32(s, &v)) {
			drive_conn_renew(d, c);
			c->base.theirs = v;
		} else if (scan_is(s, "win") && scan_u32(s, &v) && v < 65536) {
			c->win = (uint16_t)v;
		} else {
			drive_fail(d,
			           "conn NAME [peer N] [local PORT] [remote PORT] [irs N] [win N]");
		}
	}
}

static void segment_statement(struct drive *d, struct drive_conn *c, struct scan *s,
                              const char *verb, int64_t after, int64_t tolerance)
{
	struct seg_text t;
	const char *why;
	uint8_t raw[SEG_MAX];
	size_t n;

	if (verb[0] == '<' && scan_is(s, "raw")) {
		n = scan_hex(s, raw, sizeof(raw));
		if (!scan_end(s))
			drive_fail(d, "raw needs hexadecimal bytes and nothing else");
		drive_inject_raw(d, c, raw, (uint32_t)n, NULL);
		return;
	}
	why = seg_parse(s, &t);
	if (why)
		drive_fail(d, "%s (at: %s)", why, s->p);
	if (t.flags & TCP_ACK && !t.has_ack)
		drive_fail(d, "ACK is set, so `ack N` must follow");
	if (verb[0] == '>') {
		t.cover = verb[1] == '*';
		expect_segment(d, c, &t, d->now + after, tolerance ? tolerance : TOLERANCE,
		               tolerance ? tolerance : TOLERANCE);
		return;
	}
	if (t.len > SEG_MAX - 60) /* room for the longest header */
		drive_fail(d, "an arriving segment has at most %u bytes", SEG_MAX - 60);
	drive_inject(d, c, &t);
}

/* False: it does not touch the engine, what has come out may wait. */
static bool acts(const char *verb)
{
	static const char *const quiet[] = {"expect", "conn", "set", "ignore"};

	for (size_t i = 0; i < sizeof(quiet) / sizeof(quiet[0]); i++)
		if (strcmp(quiet[i], verb) == 0)
			return false;
	return verb[0] != '>';
}

static void run(struct drive *d, struct drive_conn *c, const char *verb, struct scan *s,
                int64_t after, int64_t tolerance)
{
	if (strcmp(verb, "ignore") == 0) {
		ignore_all(d, d->now + after);
		return;
	}
	if (verb[0] != '>' && after)
		drive_pass(d, d->now + after, true);
	if (acts(verb) || (after && verb[0] != '>'))
		nothing_left(d);
	if (strcmp(verb, "nothing") == 0)
		return;
	if (strcmp(verb, "conn") == 0) {
		conn_statement(d, s);
	} else if (strcmp(verb, "burst") == 0) {
		d->in_burst = true;
	} else if (strcmp(verb, "end") == 0) {
		drive_burst_end(d);
	} else if (strcmp(verb, "expect") == 0) {
		expect_statement(d, c, s);
	} else if (strcmp(verb, "<") == 0 || strcmp(verb, ">") == 0 || strcmp(verb, ">*") == 0) {
		segment_statement(d, c, s, verb, after, tolerance);
	} else if (call_statement(d, c, verb, s)) {
		drive_settle(d);
	} else {
		drive_fail(d, "no statement begins with %s", verb);
	}
}

/* [+TIME[~TOLERANCE]] [NAME:] VERB ... */
void statement(struct drive *d, const char *line)
{
	struct scan s = {line}, back;
	int64_t after = 0, tolerance = 0;
	char verb[32], name[16] = "";
	size_t n;

	if (scan_end(&s))
		return;
	if (scan_is(&s, "set")) {
		if (d->stack)
			drive_fail(d, "settings come before everything else");
		if (!setting_set(d, &s))
			drive_fail(d, "no such setting or value");
		return;
	}
	if (*s.p == '+') {
		s.p++;
		if (!setting_time(d, &s, &after) || after < 0)
			drive_fail(d,
			           "a time is +NUMBER[UNIT], or with names of settings: +2msl-1ms");
		if (*s.p == '~') {
			s.p++;
			if (!setting_time(d, &s, &tolerance))
				drive_fail(d, "after ~ comes the tolerance, a time");
		}
	}
	back = s;
	if (!scan_word(&s, verb, sizeof(verb)))
		drive_fail(d, "a statement is missing");
	n = strlen(verb);
	if (n > 1 && verb[n - 1] == ':' && n <= sizeof(name)) {
		memcpy(name, verb, n - 1);
		back = s;
		if (!scan_word(&s, verb, sizeof(verb)))
			drive_fail(d, "a statement is missing after the name");
	}
	/* "> " and "<" may be followed by the flags only after white space, so the word is whole. */
	(void)back;
	if (!name[0])
		snprintf(name, sizeof(name), "%s", strcmp(verb, "listen") == 0 ? "l" : "a");
	if (strcmp(verb, "conn") != 0)
		drive_begin(d);
	if (verb[0] != '>')
		drive_trace(d, "%s", line + strspn(line, " \t"));
	run(d, drive_conn(d, name), verb, &s, after, tolerance);
}
