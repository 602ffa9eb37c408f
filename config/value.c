/* SPDX-License-Identifier: BSD-3-Clause */
/* Values: text to field and back, one reader and one writer per kind. */
#include "addr.h"
#include "allow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int parse_uint(const struct conf_option *o, const char *s, conf_uint_t *out)
{
	uint64_t v;

	if (conf_number(s, 10, (uint64_t)o->hi, &v) || v < (uint64_t)o->lo)
		return -EINVAL;
	*out = v;
	return 0;
}

static int parse_byte(const struct conf_option *o, const char *s, conf_byte_t *out)
{
	unsigned long v;

	if (strlen(s) != 2 || strspn(s, "0123456789abcdefABCDEF") != 2)
		return -EINVAL;
	v = strtoul(s, NULL, 16);
	if (v < (unsigned long)o->lo || v > (unsigned long)o->hi)
		return -EINVAL;
	*out = (conf_byte_t)v;
	return 0;
}

static int parse_size(const struct conf_option *o, const char *s, conf_size_t *out)
{
	char digits[24];
	size_t n = strlen(s);
	unsigned shift = 0;
	uint64_t v;

	if (n == 0 || n >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, s, n + 1);
	switch (digits[n - 1]) {
	case 'K':
		shift = 10;
		break;
	case 'M':
		shift = 20;
		break;
	case 'G':
		shift = 30;
		break;
	default:
		break;
	}
	if (shift)
		digits[n - 1] = '\0';
	if (conf_number(digits, 10, UINT64_MAX >> 30, &v))
		return -EINVAL;
	v <<= shift;
	if (v < (uint64_t)o->lo || v > (uint64_t)o->hi)
		return -EINVAL;
	*out = v;
	return 0;
}

static int parse_flag(const char *s, conf_flag_t *out)
{
	*out = strcmp(s, "yes") == 0;
	return *out || strcmp(s, "no") == 0 ? 0 : -EINVAL;
}

static int parse_choice(const struct conf_option *o, const char *s, conf_choice_t *out)
{
	const char *c = o->choices;
	size_t n = strlen(s);

	for (int i = 0; n > 0; i++) {
		size_t len = strcspn(c, "|");

		if (len == n && memcmp(c, s, n) == 0) {
			*out = i;
			return 0;
		}
		if (!c[len])
			break;
		c += len + 1;
	}
	return -EINVAL;
}

static int parse_rate(const struct conf_option *o, const char *s, conf_rate_t *out)
{
	uint64_t v = 0;

	*out = (conf_rate_t){.on = true};
	if (parse_flag(s, &out->on) == 0)
		return 0;
	out->on = true;
	if (parse_uint(o, s, &v))
		return -EINVAL;
	out->rate = (uint32_t)v;
	return 0;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int parse_mac(const char *s, uint8_t *out)
{
	uint8_t any = 0;

	for (int i = 0; i < 6; i++, s += 3) {
		int a = hex(s[0]), b = a < 0 ? -1 : hex(s[1]);

		if (b < 0 || s[2] != (i == 5 ? '\0' : ':'))
			return -EINVAL;
		out[i] = (uint8_t)(a << 4 | b);
		any |= out[i];
	}
	/* A group address cannot be a neighbour's. */
	return any && !(out[0] & 1) ? 0 : -EINVAL;
}

static int parse_labels(const struct conf_option *o, const char *s, conf_labels_t *out)
{
	char text[32];
	char *dash;
	uint64_t first, last;

	if (strlen(s) >= sizeof(text))
		return -EINVAL;
	memcpy(text, s, strlen(s) + 1);
	dash = strchr(text, '-');
	if (dash)
		*dash = '\0';
	if (parse_uint(o, text, &first) || (dash && parse_uint(o, dash + 1, &last)))
		return -EINVAL;
	*out = (conf_labels_t){(uint32_t)first, (uint32_t)(dash ? last : first)};
	return out->last >= out->first ? 0 : -EINVAL;
}

static int parse_text(const struct conf_option *o, const char *s, char *out)
{
	size_t n = strlen(s);

	if (n < (size_t)o->lo || n > (size_t)o->hi)
		return -EINVAL;
	for (const char *c = s; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return -EINVAL;
	memcpy(out, s, n + 1);
	return 0;
}

static int parse_id(const char *s, struct node_id *out, char *why, size_t whycap)
{
	enum id_parse_result r = id_parse(s, strlen(s), out);

	if (r == ID_PARSE_OK)
		return 0;
	if (r == ID_PARSE_LENGTH && strlen(s) <= NAMES_LABEL_MAX)
		snprintf(why, whycap,
		         "`%s` is no name of [names] and no node id (those have %d characters)", s,
		         ID_TEXT_LEN);
	else
		snprintf(why, whycap, "%s", id_parse_error(r));
	return -EINVAL;
}

int conf_value_parse(const struct conf_option *o, const char *text, void *base, char *why,
                     size_t whycap)
{
	void *at = (char *)base + o->offset;
	unsigned rules;
	int rc;

	conf_value_range(o, why, whycap);
	switch ((enum conf_kind)o->kind) {
	case CONF_uint:
		rc = parse_uint(o, text, at);
		break;
	case CONF_size:
		rc = parse_size(o, text, at);
		break;
	case CONF_mode:
		rc = conf_number(text, 8, (uint64_t)o->hi, at);
		break;
	case CONF_flag:
		rc = parse_flag(text, at);
		break;
	case CONF_choice:
		rc = parse_choice(o, text, at);
		break;
	case CONF_rate:
		rc = parse_rate(o, text, at);
		break;
	case CONF_addr:
		rc = conf_addr_parse(o, text, at);
		break;
	case CONF_ends:
		rc = conf_ends_parse(o, text, at, why, whycap);
		break;
	case CONF_where:
		rc = conf_where_parse(o, text, at, why, whycap);
		break;
	case CONF_id:
		rc = parse_id(text, at, why, whycap);
		break;
	case CONF_mac:
		rc = parse_mac(text, at);
		break;
	case CONF_accept:
		rc = conf_accept_parse(text, why, whycap);
		if (rc == 0)
			memcpy(at, text, strlen(text) + 1);
		break;
	case CONF_allow:
		rc = conf_allow_parse(text, NULL, CONF_ALLOW_MAX, &rules, why, whycap);
		if (rc == 0)
			memcpy(at, text, strlen(text) + 1);
		break;
	case CONF_byte:
		rc = parse_byte(o, text, at);
		break;
	case CONF_labels:
		rc = parse_labels(o, text, at);
		break;
	default:
		rc = parse_text(o, text, at);
		break;
	}
	return rc;
}

void conf_value_range(const struct conf_option *o, char *out, size_t cap)
{
	long long lo = o->lo, hi = o->hi;

	switch ((enum conf_kind)o->kind) {
	case CONF_uint:
		snprintf(out, cap, "a number %lld..%lld", lo, hi);
		break;
	case CONF_size:
		snprintf(out, cap, "bytes %lld..%lld, with K, M or G if you like", lo, hi);
		break;
	case CONF_mode:
		snprintf(out, cap, "octal permissions 0..0%llo", hi);
		break;
	case CONF_flag:
		snprintf(out, cap, "yes|no");
		break;
	case CONF_choice:
		snprintf(out, cap, "%s", o->choices);
		break;
	case CONF_rate:
		snprintf(out, cap, "yes|no or a number %lld..%lld", lo, hi);
		break;
	case CONF_addr:
		snprintf(out, cap, "IPV4:PORT or [IPV6]:PORT, numeric, port %lld..%lld", lo, hi);
		break;
	case CONF_ends:
		snprintf(out, cap, "up to %d IPV4:PORT or [IPV6]:PORT, with commas between",
		         CONF_ENDS_MAX);
		break;
	case CONF_where:
		snprintf(out, cap, "IPV4:PORT, [IPV6]:PORT, coyo:PORT, ID:PORT or NAME:PORT");
		break;
	case CONF_id:
		snprintf(out, cap, "a node id of %d characters, or a name of [names]", ID_TEXT_LEN);
		break;
	case CONF_mac:
		snprintf(out, cap, "a unicast address like 02:00:00:00:00:01");
		break;
	case CONF_accept:
		snprintf(out, cap,
		         "any, none, ids or names with blanks between, or a path with a /");
		break;
	case CONF_allow:
		snprintf(out, cap,
		         "none, or rules like tcp/22, udp/5000-5010 from ID, icmp from any");
		break;
	case CONF_byte:
		snprintf(out, cap, "a byte %02llx..%02llx, hexadecimal", lo, hi);
		break;
	case CONF_labels:
		snprintf(out, cap, "a label %lld..%lld or a range FIRST-LAST of them", lo, hi);
		break;
	default:
		snprintf(out, cap, "text of %lld..%lld characters", lo, hi);
		break;
	}
}

static void format_size(uint64_t v, char *out, size_t cap)
{
	static const char unit[] = {'\0', 'K', 'M', 'G', '\0'};
	unsigned i = 0;

	while (i < 3 && v && v % 1024 == 0) {
		v /= 1024;
		i++;
	}
	snprintf(out, cap, "%llu%s", (unsigned long long)v, i ? (char[]){unit[i], '\0'} : "");
}

static void format_choice(const struct conf_option *o, int v, char *out, size_t cap)
{
	const char *c = o->choices;

	while (v-- > 0)
		c += strcspn(c, "|") + 1;
	snprintf(out, cap, "%.*s", (int)strcspn(c, "|"), c);
}

void conf_value_format(const struct conf_option *o, const void *base, char *out, size_t cap)
{
	const void *at = (const char *)base + o->offset;
	const conf_labels_t *labels = at;
	const conf_rate_t *rate = at;
	const uint8_t *mac = at;
	char id[ID_TEXT_LEN + 1];

	switch ((enum conf_kind)o->kind) {
	case CONF_uint:
		snprintf(out, cap, "%llu", *(const unsigned long long *)at);
		break;
	case CONF_size:
		format_size(*(const conf_size_t *)at, out, cap);
		break;
	case CONF_mode:
		snprintf(out, cap, "0%llo", *(const unsigned long long *)at);
		break;
	case CONF_flag:
		snprintf(out, cap, "%s", *(const conf_flag_t *)at ? "yes" : "no");
		break;
	case CONF_choice:
		format_choice(o, *(const conf_choice_t *)at, out, cap);
		break;
	case CONF_rate:
		snprintf(out, cap, rate->rate ? "%u" : rate->on ? "yes" : "no", rate->rate);
		break;
	case CONF_addr:
		conf_addr_format(at, out, cap);
		break;
	case CONF_ends:
		conf_ends_format(at, out, cap);
		break;
	case CONF_where:
		conf_where_format(at, out, cap);
		break;
	case CONF_id:
		id_to_text(at, id);
		snprintf(out, cap, "%s", id);
		break;
	case CONF_mac:
		snprintf(out, cap, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		         mac[4], mac[5]);
		break;
	case CONF_byte:
		snprintf(out, cap, "%02x", *(const conf_byte_t *)at);
		break;
	case CONF_labels:
		snprintf(out, cap, labels->last == labels->first ? "%u" : "%u-%u", labels->first,
		         labels->last);
		break;
	default:
		snprintf(out, cap, "%s", (const char *)at);
		break;
	}
}
