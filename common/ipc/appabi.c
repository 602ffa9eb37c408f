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
        {"EACCES", EACCES, "permission denied; port"},
        {"EDQUOT", EDQUOT, "this user has as many applications as one may have; port"},
        {"EPROTO", EPROTO, "what was asked for makes no sense; port"},
        {"EPROTONOSUPPORT", EPROTONOSUPPORT, "the daemon speaks another version; port"},
        {"ENOENT", ENOENT, "there is no such listener or name; port"},
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

	if (n == 0 || n > 10)
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

/* The rest of a line whose first word is p's. Each reads what its request takes, and leaves *p behind it. */

static int read_connect(const char **p, const char *end, struct app_request *req,
                        char why[APP_WHY_MAX])
{
	const char *w, *after;
	size_t n = word(p, end, &w);
	enum id_parse_result r = id_parse(w, n, &req->id);
	uint32_t port;

	if (r != ID_PARSE_OK)
		return refuse(why, id_parse_error(r));
	n = word(p, end, &w);
	if (!number(w, n, UINT16_MAX, &port))
		return refuse(why, "the port must be a number from 1 to 65535");
	req->port = (uint16_t)port;
	after = *p;
	n = word(&after, end, &w);
	req->early = is(w, n, "early");
	if (req->early)
		*p = after;
	return 0;
}

/* A port of this node; 0: any that is free. */
static int read_own_port(const char **p, const char *end, struct app_request *req,
                         char why[APP_WHY_MAX])
{
	const char *w;
	size_t n = word(p, end, &w);
	uint32_t port = 0;

	if (!is(w, n, "0") && !number(w, n, UINT16_MAX, &port))
		return refuse(why, "the port must be a number from 0 to 65535");
	req->port = (uint16_t)port;
	return 0;
}

static int read_listen(const char **p, const char *end, struct app_request *req,
                       char why[APP_WHY_MAX])
{
	const char *w, *after;
	int r = read_own_port(p, end, req, why);
	size_t n;

	if (r < 0)
		return r;
	n = word(p, end, &w);
	req->shared = is(w, n, "shared");
	if (n > 0 && !req->shared && !number(w, n, APP_BACKLOG_MAX, &req->backlog))
		return refuse(why, "the backlog must be a number from 1 to 65535");
	after = *p;
	n = word(&after, end, &w);
	if (!req->shared && is(w, n, "shared")) {
		req->shared = true;
		*p = after;
	}
	return 0;
}

static int read_attach(const char **p, const char *end, struct app_request *req,
                       char why[APP_WHY_MAX])
{
	const char *w;
	size_t n = word(p, end, &w);

	if (!number(w, n, UINT16_MAX, &req->version))
		return refuse(why, "the version must be a number from 1 to 65535");
	n = word(p, end, &w);
	if (n > 0 && !number(w, n, APPLANE_SLOTS_MAX, &req->slots))
		return refuse(why, "the slots must be a number from 1 to 65536");
	return 0;
}

static int read_unlisten(const char **p, const char *end, struct app_request *req,
                         char why[APP_WHY_MAX])
{
	const char *w;
	size_t n = word(p, end, &w);

	if (!number(w, n, UINT32_MAX, &req->token))
		return refuse(why, "a listener is named by the number that `listening` told");
	return 0;
}

static int read_resolve(const char **p, const char *end, struct app_request *req,
                        char why[APP_WHY_MAX])
{
	const char *w;
	size_t n = word(p, end, &w);
	struct node_id id;

	_Static_assert(APP_WHY_MAX >= NAMES_WHY_MAX, "a sentence of names fits");
	switch (names_read(w, n, req->name, &id, why)) {
	case NAMES_IS_NAME:
		return 0;
	case NAMES_IS_ID:
		return refuse(why, "this is an id: it needs no asking");
	default:
		return -EINVAL;
	}
}

static int read_name(const char **p, const char *end, struct app_request *req,
                     char why[APP_WHY_MAX])
{
	const char *w;
	size_t n = word(p, end, &w);
	enum id_parse_result r;

	req->start = names_start_from_text(w, n, req->id.b);
	r = req->start ? ID_PARSE_OK : id_parse(w, n, &req->id);
	return r == ID_PARSE_OK ? 0 : refuse(why, id_parse_error(r));
}

static int read_nothing(const char **p, const char *end, struct app_request *req,
                        char why[APP_WHY_MAX])
{
	(void)p;
	(void)end;
	(void)req;
	(void)why;
	return 0;
}

static const struct {
	const char *name;
	uint8_t type;
	int (*read)(const char **p, const char *end, struct app_request *req,
	            char why[APP_WHY_MAX]);
} requests[] = {
        {"connect", APP_REQ_CONNECT, read_connect},
        {"listen", APP_REQ_LISTEN, read_listen},
        {"version", APP_REQ_VERSION, read_nothing},
        {"attach", APP_REQ_ATTACH, read_attach},
        {"unlisten", APP_REQ_UNLISTEN, read_unlisten},
        {"resolve", APP_REQ_RESOLVE, read_resolve},
        {"name", APP_REQ_NAME, read_name},
        {"datagrams", APP_REQ_DATAGRAMS, read_own_port},
};

int app_request_parse(const char *line, size_t len, struct app_request *out, char why[APP_WHY_MAX])
{
	const char *p = line, *end = line + len, *w;
	struct app_request req = {.backlog = APP_BACKLOG_DEFAULT};
	size_t n, i = 0;

	if (len > 0 && end[-1] == '\r')
		end--;
	n = word(&p, end, &w);
	while (i < ARRAY_LEN(requests) && !is(w, n, requests[i].name))
		i++;
	if (i == ARRAY_LEN(requests))
		return refuse(
		        why, "unknown request: say connect ID PORT [early], listen PORT [BACKLOG], "
		             "attach VERSION [SLOTS], datagrams PORT, unlisten TOKEN, resolve "
		             "NAME, name ID or "
		             "version");
	req.type = requests[i].type;
	if (requests[i].read(&p, end, &req, why) < 0)
		return -EINVAL;
	if (word(&p, end, &w) > 0)
		return refuse(why, "more words than this request takes");
	*out = req;
	return 0;
}

size_t app_request_write(const struct app_request *req, char out[APP_LINE_MAX])
{
	char id[ID_TEXT_LEN + 1];
	int n;

	switch (req->type) {
	case APP_REQ_CONNECT:
		id_to_text(&req->id, id);
		n = snprintf(out, APP_LINE_MAX, "connect %s %u%s\n", id, req->port,
		             req->early ? " early" : "");
		break;
	case APP_REQ_LISTEN:
		n = snprintf(out, APP_LINE_MAX, "listen %u %u%s\n", req->port, req->backlog,
		             req->shared ? " shared" : "");
		break;
	case APP_REQ_DATAGRAMS:
		n = snprintf(out, APP_LINE_MAX, "datagrams %u\n", req->port);
		break;
	case APP_REQ_ATTACH:
		n = req->slots ? snprintf(out, APP_LINE_MAX, "attach %u %u\n", req->version,
		                          req->slots)
		               : snprintf(out, APP_LINE_MAX, "attach %u\n", req->version);
		break;
	case APP_REQ_UNLISTEN:
		n = snprintf(out, APP_LINE_MAX, "unlisten %u\n", req->token);
		break;
	case APP_REQ_RESOLVE:
		n = snprintf(out, APP_LINE_MAX, "resolve %s\n", req->name);
		break;
	case APP_REQ_NAME:
		if (req->start)
			names_start_to_text(req->id.b, id);
		else
			id_to_text(&req->id, id);
		n = snprintf(out, APP_LINE_MAX, "name %s\n", id);
		break;
	default:
		n = snprintf(out, APP_LINE_MAX, "version\n");
		break;
	}
	COYO_ASSERT(n > 0 && n < APP_LINE_MAX);
	return (size_t)n;
}

/* An end: id and port. False: the word at *p is no id; *bad: it is one, and no port follows. */
static bool read_end(const char **p, const char *end, struct app_answer *ans, bool *bad)
{
	const char *w;
	size_t n = word(p, end, &w);
	uint32_t port;

	*bad = false;
	if (n == 0 || id_parse(w, n, &ans->id) != ID_PARSE_OK)
		return false;
	n = word(p, end, &w);
	if (!number(w, n, UINT16_MAX, &port)) {
		*bad = true;
		return false;
	}
	ans->port = (uint16_t)port;
	ans->has_end = true;
	return true;
}

static int read_ok(const char **p, const char *end, struct app_answer *ans)
{
	bool bad;

	read_end(p, end, ans, &bad);
	return bad ? -EINVAL : 0;
}

static int read_accept(const char **p, const char *end, struct app_answer *ans)
{
	bool bad;

	return read_end(p, end, ans, &bad) ? 0 : -EINVAL;
}

static int read_error(const char **p, const char *end, struct app_answer *ans)
{
	const char *w;
	size_t n = word(p, end, &w);

	ans->err = errno_value(w, n);
	if (*p < end)
		++*p;
	snprintf(ans->why, sizeof(ans->why), "%.*s", (int)(end - *p), *p);
	return 0;
}

static int read_segment(const char **p, const char *end, struct app_answer *ans)
{
	struct appseg_layout *l = &ans->layout;
	uint32_t *numbers[] = {&l->workers, &l->slots, &l->ring_bytes};
	const char *w;
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		n = word(p, end, &w);
		if (!number(w, n, UINT32_MAX, numbers[i]))
			return -EINVAL;
	}
	n = word(p, end, &w);
	return id_parse(w, n, &ans->id) == ID_PARSE_OK && appseg_layout_ok(l) ? 0 : -EINVAL;
}

static int read_listening(const char **p, const char *end, struct app_answer *ans)
{
	const char *w;
	size_t n = word(p, end, &w);
	uint32_t port;

	if (!number(w, n, UINT32_MAX, &ans->token))
		return -EINVAL;
	n = word(p, end, &w);
	if (!number(w, n, UINT16_MAX, &port))
		return -EINVAL;
	ans->port = (uint16_t)port;
	return 0;
}

static int read_is(const char **p, const char *end, struct app_answer *ans)
{
	const char *w;
	size_t n = word(p, end, &w);
	char why[NAMES_WHY_MAX];
	struct node_id other;

	if (id_parse(w, n, &ans->id) != ID_PARSE_OK)
		return -EINVAL;
	n = word(p, end, &w);
	return names_read(w, n, ans->name, &other, why) == NAMES_IS_NAME ? 0 : -EINVAL;
}

static const struct {
	const char *name;
	uint8_t type;
	int (*read)(const char **p, const char *end, struct app_answer *ans);
} answers[] = {
        {"ok", APP_ANS_OK, read_ok},
        {"accept", APP_ANS_ACCEPT, read_accept},
        {"error", APP_ANS_ERROR, read_error},
        {"segment", APP_ANS_SEGMENT, read_segment},
        {"listening", APP_ANS_LISTENING, read_listening},
        {"is", APP_ANS_IS, read_is},
};

int app_answer_parse(const char *line, size_t len, struct app_answer *out)
{
	const char *p = line, *end = line + len, *w;
	size_t n = word(&p, end, &w);

	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct app_answer ans = {.type = answers[i].type};

		if (!is(w, n, answers[i].name))
			continue;
		if (answers[i].read(&p, end, &ans) < 0)
			return -EINVAL;
		*out = ans;
		return 0;
	}
	return -EINVAL;
}

size_t app_answer_write(const struct app_answer *ans, char out[APP_LINE_MAX])
{
	char id[ID_TEXT_LEN + 1];
	int n;

	if (ans->type == APP_ANS_ERROR) {
		n = snprintf(out, APP_LINE_MAX, "error %s %s\n", errno_name(ans->err), ans->why);
	} else if (ans->type == APP_ANS_SEGMENT) {
		id_to_text(&ans->id, id);
		n = snprintf(out, APP_LINE_MAX, "segment %u %u %u %s\n", ans->layout.workers,
		             ans->layout.slots, ans->layout.ring_bytes, id);
	} else if (ans->type == APP_ANS_LISTENING) {
		n = snprintf(out, APP_LINE_MAX, "listening %u %u\n", ans->token, ans->port);
	} else if (ans->type == APP_ANS_IS) {
		id_to_text(&ans->id, id);
		n = snprintf(out, APP_LINE_MAX, "is %s %s\n", id, ans->name);
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
