/* SPDX-License-Identifier: BSD-3-Clause */
/* Segments as text: reading what a script says, printing what came. */
#include "seg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	char letter;
	uint8_t bit;
} letters[] = {{'S', TCP_SYN}, {'F', TCP_FIN}, {'R', TCP_RST}, {'P', TCP_PSH},
               {'.', TCP_ACK}, {'U', TCP_URG}, {'E', TCP_ECE}, {'W', TCP_CWR}};
#define LETTERS (sizeof(letters) / sizeof(letters[0]))

static bool parse_flags(struct scan *s, struct seg_text *t)
{
	char word[16];

	if (!scan_word(s, word, sizeof(word)))
		return false;
	if (strcmp(word, "-") == 0)
		return true;
	for (const char *p = word; *p; p++) {
		size_t i = 0;

		while (i < LETTERS && letters[i].letter != *p)
			i++;
		if (i == LETTERS)
			return false;
		t->flags |= letters[i].bit;
	}
	t->psh = (t->flags & TCP_PSH) != 0;
	return true;
}

/* A number that may be written *. */
static bool parse_any(struct scan *s, int64_t *out, uint64_t max)
{
	uint64_t v;

	if (scan_text(s, "*")) {
		*out = ANY;
		return true;
	}
	if (!scan_u64(s, &v) || v > max)
		return false;
	*out = (int64_t)v;
	return true;
}

static const char *parse_sack(struct scan *s, struct seg_text *t)
{
	do {
		if (t->nsack == 4)
			return "more than four SACK ranges";
		if (!scan_u32(s, &t->sack[t->nsack].start) || !scan_text(s, ":") ||
		    !scan_u32(s, &t->sack[t->nsack].end))
			return "a SACK range is START:END";
		t->nsack++;
	} while (*s->p == ' ' && s->p[1] >= '0' && s->p[1] <= '9');
	return NULL;
}

static const char *parse_ts(struct scan *s, struct seg_text *t)
{
	t->ts = true;
	if (!scan_text(s, "val") || !parse_any(s, &t->ts_val, UINT32_MAX) || !scan_text(s, "ecr"))
		return "a timestamp is: TS val N ecr N";
	t->ts_raw = scan_text(s, "raw");
	return parse_any(s, &t->ts_ecr, UINT32_MAX) ? NULL : "a timestamp is: TS val N ecr N";
}

static const char *parse_option(struct scan *s, struct seg_text *t)
{
	if (scan_text(s, "mss"))
		return parse_any(s, &t->mss, 65535) ? NULL : "mss needs a number";
	if (scan_text(s, "wscale"))
		return parse_any(s, &t->wscale, 255) ? NULL : "wscale needs a number";
	if (scan_text(s, "sackOK")) {
		t->sack_ok = true;
		return NULL;
	}
	if (scan_text(s, "sack"))
		return parse_sack(s, t);
	if (scan_text(s, "nop"))
		return NULL;
	if (scan_text(s, "TS") || scan_text(s, "ts"))
		return parse_ts(s, t);
	if (scan_text(s, "raw")) {
		t->n_raw_opts = (uint32_t)scan_hex(s, t->raw_opts, sizeof(t->raw_opts));
		return t->n_raw_opts ? NULL : "raw needs hexadecimal bytes";
	}
	return "an option is mss, wscale, sackOK, sack, TS, nop or raw";
}

static const char *parse_options(struct scan *s, struct seg_text *t)
{
	const char *why;

	t->opts = true;
	if (scan_text(s, "*")) {
		t->opts_any = true;
		return scan_text(s, ">") ? NULL : "<*> stands alone";
	}
	if (scan_text(s, ">"))
		return NULL;
	do {
		why = parse_option(s, t);
		if (why)
			return why;
	} while (scan_text(s, ","));
	return scan_text(s, ">") ? NULL : "the options end with >";
}

static const char *parse_win(struct scan *s, struct seg_text *t)
{
	if (!parse_any(s, &t->win, 65535))
		return "win needs a number, a range or *";
	t->win_max = t->win;
	if (scan_text(s, "..") && !parse_any(s, &t->win_max, 65535))
		return "a range of windows is LOW..HIGH";
	return NULL;
}

/* What may follow the numbers, in any order. */
static const char *parse_rest(struct scan *s, struct seg_text *t)
{
	static const char *const marks[] = {"not-ect", "ect1", "ect0", "ce"};
	uint32_t v;

	if (scan_is(s, "ack")) {
		t->has_ack = true;
		return parse_any(s, &t->ack, UINT32_MAX) ? NULL : "ack needs a number or *";
	}
	if (scan_is(s, "win"))
		return parse_win(s, t);
	if (scan_is(s, "urg"))
		return parse_any(s, &t->urg, 65535) ? NULL : "urg needs a number";
	if (scan_text(s, "<"))
		return parse_options(s, t);
	for (int i = 0; i < 4; i++)
		if (scan_is(s, marks[i])) {
			t->ecn = i;
			return NULL;
		}
	if (scan_is(s, "fill"))
		return parse_any(s, &t->fill, 255) ? NULL : "fill needs a byte";
	if (scan_is(s, "retransmitted"))
		t->retx = 1;
	else if (scan_is(s, "first"))
		t->retx = 0;
	else if (scan_is(s, "badsum"))
		t->bad_sum = true;
	else if (scan_is(s, "trusted"))
		t->trusted = true;
	else if (scan_is(s, "nots"))
		t->no_ts = true;
	else if (scan_is(s, "offset"))
		return parse_any(s, &t->offset, 15) ? NULL : "offset needs 0..15";
	else if (scan_is(s, "cut"))
		return parse_any(s, &t->cut, SEG_MAX) ? NULL : "cut needs a number of bytes";
	else if (scan_is(s, "reserved") && scan_u32(s, &v) && v < 16)
		t->reserved = (uint8_t)v;
	else
		return "not a part of a segment";
	return NULL;
}

const char *seg_parse(struct scan *s, struct seg_text *t)
{
	uint32_t end;

	*t = (struct seg_text){.seq = ANY,
	                       .ack = ANY,
	                       .win = ANY,
	                       .win_max = ANY,
	                       .urg = ANY,
	                       .mss = ANY,
	                       .wscale = ANY,
	                       .ts_val = ANY,
	                       .ts_ecr = ANY,
	                       .ecn = ANY,
	                       .fill = ANY,
	                       .retx = ANY,
	                       .offset = ANY,
	                       .cut = ANY};
	if (!parse_flags(s, t))
		return "a segment begins with its flags, some of SFRP.UEW, or -";
	if (scan_is(s, "*")) {
		t->seq = ANY;
	} else {
		if (!parse_any(s, &t->seq, UINT32_MAX) || !scan_text(s, ":") ||
		    !scan_u32(s, &end) || !scan_text(s, "(") || !scan_u32(s, &t->len) ||
		    !scan_text(s, ")"))
			return "numbers are FIRST:END(BYTES)";
		if ((uint32_t)t->seq + t->len != end)
			return "FIRST + BYTES is not END";
	}
	while (!scan_end(s)) {
		const char *why = parse_rest(s, t);

		if (why)
			return why;
	}
	return NULL;
}

/* Appends; what does not fit is left out. */
static void add(char *out, size_t cap, const char *text)
{
	size_t n = strlen(out);

	snprintf(out + n, cap - n, "%s", text);
}

static void print_options(const struct seg_text *t, char *out, size_t cap)
{
	char one[64];
	const char *sep = "";

	add(out, cap, " <");
#define OPTION(cond, ...)                                \
	if (cond) {                                      \
		add(out, cap, sep);                      \
		snprintf(one, sizeof(one), __VA_ARGS__); \
		add(out, cap, one);                      \
		sep = ",";                               \
	}
	OPTION(t->mss != ANY, "mss %lld", (long long)t->mss)
	OPTION(t->sack_ok, "sackOK")
	OPTION(t->ts, "TS val %lld ecr %lld", (long long)t->ts_val, (long long)t->ts_ecr)
	OPTION(t->wscale != ANY, "wscale %lld", (long long)t->wscale)
	OPTION(t->nsack, "sack")
#undef OPTION
	for (unsigned i = 0; i < t->nsack; i++) {
		snprintf(one, sizeof(one), " %u:%u", t->sack[i].start, t->sack[i].end);
		add(out, cap, one);
	}
	add(out, cap, ">");
}

void seg_print(const struct seg_text *t, char *out, size_t cap)
{
	static const char *const marks[] = {"", " ect1", " ect0", " ce"};
	char part[96];
	size_t n = 0;

	for (size_t i = 0; i < LETTERS; i++)
		if (t->flags & letters[i].bit)
			part[n++] = letters[i].letter;
	if (!n)
		part[n++] = '-';
	part[n] = 0;
	snprintf(out, cap, "%s ", part);
	snprintf(part, sizeof(part), "%u:%u(%u)", (uint32_t)t->seq, (uint32_t)t->seq + t->len,
	         t->len);
	add(out, cap, part);
	if (t->flags & TCP_ACK) {
		snprintf(part, sizeof(part), " ack %u", (uint32_t)t->ack);
		add(out, cap, part);
	}
	if (t->win != ANY) {
		snprintf(part, sizeof(part), " win %lld", (long long)t->win);
		add(out, cap, part);
	}
	if (t->mss != ANY || t->sack_ok || t->ts || t->wscale != ANY || t->nsack)
		print_options(t, out, cap);
	if (t->ecn != ANY)
		add(out, cap, marks[t->ecn & 3]);
	if (t->retx == 1)
		add(out, cap, " retransmitted");
}
