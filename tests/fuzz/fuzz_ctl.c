/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines of the control socket: refused with a sentence, or a request within its limits, which is written and read again to the same. */
#include "ipc/ctl.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* A NUL-terminated text of bytes that need no quoting anywhere. */
static void check_word(const char *w, size_t cap)
{
	require(memchr(w, '\0', cap) != NULL);
	require(strspn(w, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") ==
	        strlen(w));
}

static void check(const struct ctl_request *r)
{
	require(r->verb >= CTL_SHOW && r->verb < CTL_VERBS && r->view < CTL_VIEWS);
	require(r->limit >= 1 && r->limit <= CTL_ROWS_MAX);
	require(r->count >= 1 && r->count <= CTL_COUNT_MAX);
	require(r->interval_ms >= CTL_INTERVAL_MIN && r->interval_ms <= CTL_INTERVAL_MAX);
	check_word(r->target, sizeof(r->target));
	check_word(r->listener, sizeof(r->listener));
	if (r->verb != CTL_VOUCH) /* it may say what the node would like to be called */
		require(!*r->target ==
		        (r->verb == CTL_SHOW || r->verb == CTL_DRAIN || r->verb == CTL_RELOAD));
	require((r->body > 0) == (r->verb == CTL_VOUCH) && r->body <= CTL_BODY_MAX);
	require(r->expires_s == 0 || (r->verb == CTL_VOUCH && r->expires_s <= CTL_EXPIRES_MAX));
	require(!*r->listener || r->verb == CTL_ALLOW || r->verb == CTL_DENY);
}

static unsigned words(const uint8_t *p, size_t n)
{
	unsigned k = 0;

	for (size_t i = 0; i < n; i++)
		k += p[i] != ' ' && (i == 0 || p[i - 1] == ' ');
	return k;
}

/* No word of the line is overlooked: it has those that the request names, and at most its verb's options besides. */
static void check_words(const struct ctl_request *r, unsigned n)
{
	unsigned named = 1 + (r->body > 0) + (*r->target != '\0') + (*r->listener != '\0') +
	                 (r->verb == CTL_SHOW);

	require(n >= named);
	if (r->verb == CTL_PING)
		return;
	require(n <= named + (r->verb == CTL_SHOW) + (r->expires_s > 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctl_request a, b;
	char why[200], line[CTL_LINE_MAX + 2], small[8];
	int n;

	memset(why, 'x', sizeof(why));
	if (ctl_request_parse((const char *)data, size, &a, why, sizeof(why)) != 0) {
		require(memchr(why, '\0', sizeof(why)) && *why && !strchr(why, '\n'));
		require(ctl_request_parse((const char *)data, size, &a, small, sizeof(small)) != 0);
		return 0;
	}
	require(size <= CTL_LINE_MAX);
	check(&a);
	check_words(&a, words(data, size));
	n = ctl_request_format(&a, line, sizeof(line));
	require(n > 0 && line[n - 1] == '\n' && strlen(line) == (size_t)n);
	require(ctl_request_parse(line, (size_t)n - 1, &b, why, sizeof(why)) == 0);
	require(a.verb == b.verb && a.view == b.view && a.limit == b.limit && a.count == b.count &&
	        a.interval_ms == b.interval_ms && strcmp(a.target, b.target) == 0 &&
	        strcmp(a.listener, b.listener) == 0 && a.body == b.body &&
	        a.expires_s == b.expires_s);
	return 0;
}
