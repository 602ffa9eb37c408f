/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines between an application and the daemon: parsing that trusts nothing, writing that always fits. */
#include "ipc/appabi.h"

#include "base/assert.h"

#include <errno.h>
#include <stdio.h>

static const struct {
	const char *name;
	int err;
	const char *text;
} errors[] = {
        {"ECONNREFUSED", ECONNREFUSED, "connection refused: nobody listens on port"},
        {"EHOSTUNREACH", EHOSTUNREACH, "host unreachable: no node with this id answers; port"},
        {"ENETUNREACH", ENETUNREACH, "network unreachable: this node has no live link; port"},
        {"ETIMEDOUT", ETIMEDOUT, "connection timed out: no answer from port"},
        {"ECONNRESET", ECONNRESET, "connection reset by the other side; port"},
        {"ECONNABORTED", ECONNABORTED, "connection aborted; port"},
        {"EADDRINUSE", EADDRINUSE, "somebody listens here already on port"},
        {"EADDRNOTAVAIL", EADDRNOTAVAIL, "no free local port left to reach port"},
        {"ENOBUFS", ENOBUFS, "this node has as many connections as it is configured for; port"},
        {"ENOMEM", ENOMEM, "this node is out of memory; port"},
        {"EMFILE", EMFILE, "the daemon is out of file descriptors; port"},
        {"EINVAL", EINVAL, "invalid request; port"},
        {"EBUSY", EBUSY, "the daemon has too many clients; port"},
        {"ESHUTDOWN", ESHUTDOWN, "the daemon is shutting down; port"},
        {"EIO", EIO, "internal error; port"},
};

/* "ECONNREFUSED" and back; other names and numbers become "EIO". */
static const char *errno_name(int err)
{
	for (size_t i = 0; i < ARRAY_LEN(errors); i++)
		if (errors[i].err == err)
			return errors[i].name;
	return "EIO";
}

static int errno_value(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(errors); i++)
		if (strlen(errors[i].name) == len && memcmp(errors[i].name, name, len) == 0)
			return errors[i].err;
	return EIO;
}

void app_connect_sentence(int err, const struct node_id *id, uint16_t port, char why[APP_WHY_MAX])
{
	char text[ID_SHORT_LEN + 1];
	size_t i = 0;

	while (i < ARRAY_LEN(errors) - 1 && errors[i].err != err)
		i++;
	id_to_short(id, text);
	snprintf(why, APP_WHY_MAX, "%s %u of %s", errors[i].text, port, text);
}

/* The next word of the line, or length 0. Words are separated by single or more spaces. */
static size_t word(const char **p, const char *end, const char **w)
{
	const char *s = *p;

	while (s < end && *s == ' ')
		s++;
	*w = s;
	while (s < end && *s != ' ')
		s++;
	*p = s;
	return (size_t)(s - *w);
}

static bool is(const char *w, size_t n, const char *text)
{
	return n == strlen(text) && memcmp(w, text, n) == 0;
}

/* Decimal in [1, max]. */
static bool number(const char *w, size_t n, uint32_t max, uint32_t *out)
{
	uint64_t v = 0;

	if (n == 0 || n > 9)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (w[i] < '0' || w[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(w[i] - '0');
	}
	if (v == 0 || v > max)
		return false;
	*out = (uint32_t)v;
	return true;
}

static int refuse(char why[APP_WHY_MAX], const char *text)
{
	snprintf(why, APP_WHY_MAX, "%s", text);
	return -EINVAL;
}

int app_request_parse(const char *line, size_t len, struct app_request *out, char why[APP_WHY_MAX])
{
	const char *p = line, *end = line + len, *w;
	struct app_request req = {.backlog = APP_BACKLOG_DEFAULT};
	uint32_t port = 0;
	size_t n;

	if (len > 0 && end[-1] == '\r')
		end--;
	n = word(&p, end, &w);
	if (is(w, n, "connect"))
		req.type = APP_REQ_CONNECT;
	else if (is(w, n, "listen"))
		req.type = APP_REQ_LISTEN;
	else if (is(w, n, "version"))
		req.type = APP_REQ_VERSION;
	else
		return refuse(
		        why,
		        "unknown request: say connect ID PORT, listen PORT [BACKLOG] or version");
	if (req.type == APP_REQ_CONNECT) {
		enum id_parse_result r;

		n = word(&p, end, &w);
		r = id_parse(w, n, &req.id);
		if (r != ID_PARSE_OK)
			return refuse(why, id_parse_error(r));
	}
	if (req.type != APP_REQ_VERSION) {
		n = word(&p, end, &w);
		if (!number(w, n, UINT16_MAX, &port))
			return refuse(why, "the port must be a number from 1 to 65535");
		req.port = (uint16_t)port;
	}
	n = word(&p, end, &w);
	if (n > 0 && req.type == APP_REQ_LISTEN) {
		if (!number(w, n, APP_BACKLOG_MAX, &req.backlog))
			return refuse(why, "the backlog must be a number from 1 to 65535");
		n = word(&p, end, &w);
	}
	if (n > 0)
		return refuse(why, "more words than this request takes");
	*out = req;
	return 0;
}

size_t app_request_write(const struct app_request *req, char out[APP_LINE_MAX])
{
	char id[ID_TEXT_LEN + 1];
	int n;

	if (req->type == APP_REQ_CONNECT) {
		id_to_text(&req->id, id);
		n = snprintf(out, APP_LINE_MAX, "connect %s %u\n", id, req->port);
	} else if (req->type == APP_REQ_LISTEN) {
		n = snprintf(out, APP_LINE_MAX, "listen %u %u\n", req->port, req->backlog);
	} else {
		n = snprintf(out, APP_LINE_MAX, "version\n");
	}
	COYO_ASSERT(n > 0 && n < APP_LINE_MAX);
	return (size_t)n;
}

int app_answer_parse(const char *line, size_t len, struct app_answer *out)
{
	const char *p = line, *end = line + len, *w;
	struct app_answer ans = {0};
	uint32_t port;
	size_t n = word(&p, end, &w);

	if (is(w, n, "error")) {
		ans.type = APP_ANS_ERROR;
		n = word(&p, end, &w);
		ans.err = errno_value(w, n);
		if (p < end)
			p++;
		snprintf(ans.why, sizeof(ans.why), "%.*s", (int)(end - p), p);
		*out = ans;
		return 0;
	}
	ans.type = is(w, n, "ok") ? APP_ANS_OK : APP_ANS_ACCEPT;
	if (ans.type == APP_ANS_ACCEPT && !is(w, n, "accept"))
		return -EINVAL;
	n = word(&p, end, &w);
	if (n > 0 && id_parse(w, n, &ans.id) == ID_PARSE_OK) {
		n = word(&p, end, &w);
		if (!number(w, n, UINT16_MAX, &port))
			return -EINVAL;
		ans.port = (uint16_t)port;
		ans.has_end = true;
	}
	if (ans.type == APP_ANS_ACCEPT && !ans.has_end)
		return -EINVAL;
	*out = ans;
	return 0;
}

size_t app_answer_write(const struct app_answer *ans, char out[APP_LINE_MAX])
{
	char id[ID_TEXT_LEN + 1];
	int n;

	if (ans->type == APP_ANS_ERROR) {
		n = snprintf(out, APP_LINE_MAX, "error %s %s\n", errno_name(ans->err), ans->why);
	} else if (ans->has_end) {
		id_to_text(&ans->id, id);
		n = snprintf(out, APP_LINE_MAX, "%s %s %u\n",
		             ans->type == APP_ANS_OK ? "ok" : "accept", id, ans->port);
	} else {
		n = snprintf(out, APP_LINE_MAX, "ok%s%s\n", ans->why[0] ? " " : "", ans->why);
	}
	COYO_ASSERT(n > 0 && n < APP_LINE_MAX);
	return (size_t)n;
}
