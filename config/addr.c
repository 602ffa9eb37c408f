/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses over IP, one or several: text to field and back. */
#include "addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

int conf_number(const char *s, int base, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s >= '0' + base)
			return -EINVAL;
		if (__builtin_mul_overflow(v, (uint64_t)base, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v) || v > max)
			return -EINVAL;
	}
	*out = v;
	return 0;
}

int conf_addr_parse(const struct conf_option *o, const char *s, conf_addr_t *out)
{
	const char *colon = strrchr(s, ':'), *host = s;
	char text[64];
	uint64_t port;
	size_t n;
	bool v6 = *s == '[';

	*out = (conf_addr_t){0};
	if (!colon || conf_number(colon + 1, 10, (uint64_t)o->hi, &port) || port < (uint64_t)o->lo)
		return -EINVAL;
	n = (size_t)(colon - host);
	if (v6) {
		if (n < 2 || host[n - 1] != ']')
			return -EINVAL;
		host++;
		n -= 2;
	}
	if (n == 0 || n >= sizeof(text))
		return -EINVAL;
	memcpy(text, host, n);
	text[n] = '\0';
	if (inet_pton(v6 ? AF_INET6 : AF_INET, text, out->addr) != 1)
		return -EINVAL;
	out->family = v6 ? 6 : 4;
	out->port = (uint16_t)port;
	return 0;
}

void conf_addr_format(const conf_addr_t *a, char *out, size_t cap)
{
	char text[INET6_ADDRSTRLEN] = "";

	if (!a->family) {
		snprintf(out, cap, "%s", "");
		return;
	}
	inet_ntop(a->family == 6 ? AF_INET6 : AF_INET, a->addr, text, sizeof(text));
	snprintf(out, cap, a->family == 6 ? "[%s]:%u" : "%s:%u", text, a->port);
}

static bool same(const conf_addr_t *a, const conf_addr_t *b)
{
	return a->family == b->family && a->port == b->port &&
	       memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

/* One address of several. 0, or -EINVAL with what is wrong in why. */
static int parse_one(const struct conf_option *o, const char *text, conf_ends_t *out, char *why,
                     size_t whycap)
{
	conf_addr_t a;

	if (conf_addr_parse(o, text, &a) != 0) {
		snprintf(why, whycap,
		         "`%.60s` is not allowed; expected IPV4:PORT or [IPV6]:PORT, numeric, port "
		         "%lld..%lld",
		         text, (long long)o->lo, (long long)o->hi);
		return -EINVAL;
	}
	for (unsigned i = 0; i < out->n; i++)
		if (same(&out->v[i], &a)) {
			snprintf(why, whycap, "%.60s stands there twice", text);
			return -EINVAL;
		}
	if (out->n == CONF_ENDS_MAX) {
		snprintf(why, whycap, "there are more than %d addresses", CONF_ENDS_MAX);
		return -EINVAL;
	}
	out->v[out->n++] = a;
	return 0;
}

int conf_ends_parse(const struct conf_option *o, const char *text, conf_ends_t *out, char *why,
                    size_t whycap)
{
	char word[CONF_LINE_MAX + 1];
	int rc = 0;

	*out = (conf_ends_t){0};
	for (const char *s = text; rc == 0 && s; s = strchr(s, ',') ? strchr(s, ',') + 1 : NULL) {
		size_t n;

		s += strspn(s, " \t");
		n = strcspn(s, ",");
		while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
			n--;
		if (n >= sizeof(word))
			return -EINVAL;
		memcpy(word, s, n);
		word[n] = '\0';
		rc = parse_one(o, word, out, why, whycap);
	}
	if (rc)
		*out = (conf_ends_t){0};
	return rc;
}

void conf_ends_format(const conf_ends_t *e, char *out, size_t cap)
{
	size_t at = 0;

	if (cap > 0)
		*out = '\0';
	for (unsigned i = 0; i < e->n; i++) {
		char text[INET6_ADDRSTRLEN + 10];

		conf_addr_format(&e->v[i], text, sizeof(text));
		if (at < cap)
			at += (size_t)snprintf(out + at, cap - at, "%s%s", i ? ", " : "", text);
	}
}
