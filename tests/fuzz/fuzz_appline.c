/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines of the application socket, both ways: refused, or within its limits, and written and read again to the same. */
#include "ipc/appabi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* What stands behind the first two words of a line, if anything does. */
static bool behind(const char *p, const char *end)
{
	for (unsigned k = 0; k < 2; k++) {
		while (p < end && *p == ' ')
			p++;
		while (p < end && *p != ' ')
			p++;
	}
	while (p < end && (*p == ' ' || (*p == '\r' && p == end - 1)))
		p++;
	return p < end;
}

static void request(const char *line, size_t len)
{
	struct app_request a, b, untouched;
	char why[APP_WHY_MAX], out[APP_LINE_MAX];
	size_t n;

	memset(&untouched, 0x5a, sizeof(untouched));
	a = untouched;
	memset(why, 'x', sizeof(why));
	if (app_request_parse(line, len, &a, why) != 0) {
		require(memcmp(&a, &untouched, sizeof(a)) == 0);
		require(memchr(why, '\0', sizeof(why)) && *why && !strchr(why, '\n'));
		return;
	}
	require(a.type >= APP_REQ_CONNECT && a.type <= APP_REQ_DATAGRAMS);
	require(a.backlog >= 1 && a.backlog <= APP_BACKLOG_MAX);
	require(a.type != APP_REQ_CONNECT || a.port >= 1);
	require((a.type == APP_REQ_ATTACH) == (a.version != 0) && a.slots <= APPLANE_SLOTS_MAX);
	require((a.type == APP_REQ_UNLISTEN) == (a.token != 0));
	require((a.type == APP_REQ_RESOLVE) == (*a.name != '\0'));
	require(!a.start || a.type == APP_REQ_NAME);
	require(a.type != APP_REQ_VERSION || !behind(line, line + len));
	n = app_request_write(&a, out);
	require(n < APP_LINE_MAX && out[n] == '\0' && out[n - 1] == '\n');
	require(app_request_parse(out, n - 1, &b, why) == 0);
	require(a.type == b.type && a.port == b.port && a.backlog == b.backlog &&
	        a.version == b.version && a.slots == b.slots && a.token == b.token &&
	        a.start == b.start && id_eq(&a.id, &b.id) && strcmp(a.name, b.name) == 0);
}

static void answer(const char *line, size_t len)
{
	struct app_answer a, b, untouched;
	char out[APP_LINE_MAX], *nl;
	size_t n;

	memset(&untouched, 0x5a, sizeof(untouched));
	a = untouched;
	if (app_answer_parse(line, len, &a) != 0) {
		require(memcmp(&a, &untouched, sizeof(a)) == 0);
		return;
	}
	require(a.type >= APP_ANS_OK && a.type <= APP_ANS_IS);
	require(memchr(a.why, '\0', sizeof(a.why)) != NULL);
	require((a.type == APP_ANS_ERROR) == (a.err != 0) && a.err >= 0);
	require(a.type != APP_ANS_ACCEPT || a.has_end);
	require(!a.has_end || a.port >= 1);
	require((a.type == APP_ANS_LISTENING) == (a.token != 0) && (a.token == 0 || a.port >= 1));
	require((a.type == APP_ANS_IS) == (*a.name != '\0'));
	require(a.type != APP_ANS_SEGMENT || appseg_layout_ok(&a.layout));
	while ((nl = strpbrk(a.why, "\n\r"))) /* a writer's duty */
		*nl = ' ';
	n = app_answer_write(&a, out);
	require(n < APP_LINE_MAX && out[n] == '\0' && out[n - 1] == '\n');
	require(app_answer_parse(out, n - 1, &b) == 0);
	require(a.type == b.type && a.port == b.port && a.err == b.err && a.has_end == b.has_end &&
	        a.token == b.token && id_eq(&a.id, &b.id) && strcmp(a.name, b.name) == 0 &&
	        memcmp(&a.layout, &b.layout, sizeof(a.layout)) == 0);
	require(a.type != APP_ANS_ERROR || strcmp(a.why, b.why) == 0);
}

/* The first byte says who speaks. The line stands alone in memory, so that a sanitizer sees a step too far on either side. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line;

	if (size == 0 || size > APP_LINE_MAX)
		return 0;
	line = malloc(size - 1);
	if (!line)
		return 0;
	memcpy(line, data + 1, size - 1);
	(data[0] & 1 ? answer : request)(line, size - 1);
	free(line);
	return 0;
}
