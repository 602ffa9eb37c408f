/* SPDX-License-Identifier: BSD-3-Clause */
/* Clients' requests of HTTP/1: CONNECT, and requests for http:// addresses, one on each connection. */
#include "libcoyo/proxy/http.h"
#include "base/cc.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HTTP_PORT 80

/* Bytes of the message; not ended by NUL. */
struct piece {
	const char *p;
	size_t n;
};

/* A head, taken apart. */
struct head {
	struct piece method, target, version;
	struct piece fields; /* all lines behind the first one, with the empty one */
};

void proxy_http_say(struct proxy_reply *reply, unsigned status, const char *phrase,
                    const char *more, const char *why)
{
	int n = snprintf(reply->text, sizeof(reply->text),
	                 "HTTP/1.1 %u %s\r\nContent-Type: text/plain; charset=utf-8\r\n"
	                 "Content-Length: %zu\r\nConnection: close\r\n%s\r\n%.500s\n",
	                 status, phrase, (size_t)min_u64(strlen(why), 500) + 1, more, why);

	reply->len = min_u64((uint64_t)n, sizeof(reply->text) - 1);
}

static enum proxy_verdict refuse(struct proxy_reply *reply, unsigned status, const char *phrase,
                                 const char *why)
{
	proxy_http_say(reply, status, phrase, "", why);
	return PROXY_REFUSED;
}

static bool is(struct piece a, const char *text)
{
	return a.n == strlen(text) && strncasecmp(a.p, text, a.n) == 0;
}

/* Whether a byte may stand in a token: RFC 9110, section 5.6.2. */
static bool is_token(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool all_token(struct piece a)
{
	for (size_t i = 0; i < a.n; i++)
		if (!is_token(a.p[i]))
			return false;
	return a.n > 0;
}

/* What stands before the first `c`, taken away from *rest with it. False: there is none. */
static bool cut(struct piece *rest, char c, struct piece *before)
{
	const char *at = rest->n ? memchr(rest->p, c, rest->n) : NULL;

	if (!at)
		return false;
	*before = (struct piece){rest->p, (size_t)(at - rest->p)};
	*rest = (struct piece){at + 1, rest->n - before->n - 1};
	return true;
}

/* The next line without its end, CRLF or a bare LF (RFC 9112, section 2.2). */
static bool next_line(struct piece *rest, struct piece *line)
{
	if (!cut(rest, '\n', line))
		return false;
	if (line->n && line->p[line->n - 1] == '\r')
		line->n--;
	return true;
}

static struct piece trim(struct piece a)
{
	while (a.n && (*a.p == ' ' || *a.p == '\t'))
		a = (struct piece){a.p + 1, a.n - 1};
	while (a.n && (a.p[a.n - 1] == ' ' || a.p[a.n - 1] == '\t'))
		a.n--;
	return a;
}

/* The next field of a head. False: none is left. *good: it is one (RFC 9112, section 5; folded lines are refused). */
static bool next_field(struct piece *rest, struct piece *name, struct piece *value, bool *good)
{
	struct piece line;

	if (!next_line(rest, &line) || line.n == 0)
		return false;
	*value = line;
	*good = cut(value, ':', name) && all_token(*name);
	*value = trim(*value);
	for (size_t i = 0; i < value->n; i++)
		*good &= value->p[i] == '\t' || (unsigned char)value->p[i] >= ' ';
	return true;
}

/* How many bytes the head has, its empty line included; 0: that has not come. */
static size_t head_length(const uint8_t *p, size_t n, size_t *scanned)
{
	size_t i = *scanned;

	for (; i < n; i++)
		if (p[i] == '\n' && i > 0 &&
		    (p[i - 1] == '\n' || (i > 1 && p[i - 1] == '\r' && p[i - 2] == '\n')))
			return i + 1;
	*scanned = i;
	return 0;
}

static bool all_printable(struct piece a)
{
	for (size_t i = 0; i < a.n; i++)
		if ((unsigned char)a.p[i] <= ' ' || a.p[i] == 0x7f)
			return false;
	return a.n > 0;
}

/* *fields: how many the head has. */
static bool take_apart(struct piece all, struct head *h, unsigned *fields)
{
	struct piece line, name, value;
	bool good = true;

	if (!next_line(&all, &line) || !cut(&line, ' ', &h->method) || !cut(&line, ' ', &h->target))
		return false;
	h->version = line;
	h->fields = all;
	for (*fields = 0; good && next_field(&all, &name, &value, &good); ++*fields)
		;
	return good && all_token(h->method) && all_printable(h->target) && h->version.n == 8 &&
	       memcmp(h->version.p, "HTTP/1.", 7) == 0 && h->version.p[7] >= '0' &&
	       h->version.p[7] <= '9';
}

static bool take_port(struct proxy_request *r, struct piece a)
{
	unsigned v = 0;

	if (a.n == 0 || a.n > 5)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		if (a.p[i] < '0' || a.p[i] > '9')
			return false;
		v = v * 10 + (unsigned)(a.p[i] - '0');
	}
	r->to.port = (uint16_t)v;
	return v >= 1 && v <= 65535;
}

/* host:port, [IPv6]:port; port 0: it must be there, else what holds without one. */
static bool take_authority(struct proxy_request *r, struct piece a, uint16_t port)
{
	const char *colon = a.n ? memrchr(a.p, ':', a.n) : NULL;
	const char *bracket = a.n && *a.p == '[' ? memchr(a.p, ']', a.n) : NULL;
	struct piece host = a;

	r->to.port = port;
	if (colon && (!bracket || colon > bracket)) {
		host.n = (size_t)(colon - a.p);
		if (!take_port(r, (struct piece){colon + 1, a.n - host.n - 1}))
			return false;
	}
	if (r->to.port == 0)
		return false;
	if (bracket) {
		if (bracket + 1 != host.p + host.n)
			return false;
		host = (struct piece){host.p + 1, host.n - 2};
	} else if (host.n && memchr(host.p, ':', host.n)) {
		return false;
	}
	/* An authority with a name before an @ is refused: programs hide one address behind another so (RFC 9110, section 4.2.4). */
	return host.n && !memchr(host.p, '@', host.n) &&
	       proxy_take_host(r->to.host, host.p, host.n);
}

/* The authority of http://AUTHORITY/PATH, and the path, of at least one byte. False: no such address. */
static bool split_address(struct piece target, struct piece *authority, struct piece *path)
{
	size_t n = 0;

	if (target.n < 7 || strncasecmp(target.p, "http://", 7) != 0)
		return false;
	*path = (struct piece){target.p + 7, target.n - 7};
	while (n < path->n && !strchr("/?#", path->p[n]))
		n++;
	*authority = (struct piece){path->p, n};
	*path = (struct piece){path->p + n, path->n - n};
	return true;
}

static int digit64(char c)
{
	static const char digits[] =
	        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Bytes of base64 in `out`, of cap bytes; -1: it is none, or longer. */
static int from_base64(struct piece a, char *out, size_t cap)
{
	uint32_t bits = 0;
	unsigned have = 0;
	size_t n = 0;

	while (a.n && a.p[a.n - 1] == '=')
		a.n--;
	for (size_t i = 0; i < a.n; i++) {
		int d = digit64(a.p[i]);

		if (d < 0)
			return -1;
		bits = bits << 6 | (uint32_t)d;
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		if (n == cap)
			return -1;
		out[n++] = (char)(bits >> have);
	}
	return (int)n;
}

/* Proxy-Authorization: Basic ... (RFC 7617). */
static bool may_pass(const struct head *h, const struct proxy_login *login)
{
	char text[2 * PROXY_HOST_MAX + 2];
	struct piece rest = h->fields, name, value, scheme;
	bool good;

	while (next_field(&rest, &name, &value, &good)) {
		struct piece user, both;
		int n;

		if (!is(name, "Proxy-Authorization") || !cut(&value, ' ', &scheme) ||
		    !is(scheme, "Basic"))
			continue;
		n = from_base64(trim(value), text, sizeof(text));
		if (n < 0)
			return false;
		both = (struct piece){text, (size_t)n};
		return cut(&both, ':', &user) &&
		       proxy_login_holds(login, user.p, user.n, both.p, both.n);
	}
	return false;
}

enum proxy_verdict proxy_http_read(struct proxy_request *r, const struct proxy_login *login,
                                   const uint8_t *p, size_t n, size_t *used,
                                   struct proxy_reply *reply)
{
	size_t len = is_token((char)p[0]) ? head_length(p, n, &r->scanned) : n;
	struct piece authority, path;
	unsigned fields;
	struct head h;

	if (len == 0 && n < PROXY_HEAD_MAX)
		return PROXY_MORE;
	*used = len ? len : n;
	if (len == 0 || len > PROXY_HEAD_MAX)
		return refuse(reply, 431, "Request Header Fields Too Large",
		              "the head of the request is longer than 16 KiB");
	if (!take_apart((struct piece){(const char *)p, len}, &h, &fields))
		return refuse(
		        reply, 400, "Bad Request",
		        "this is a proxy for SOCKS5 and HTTP/1.1, and the request is neither");
	if (fields > PROXY_FIELDS_MAX)
		return refuse(reply, 431, "Request Header Fields Too Large",
		              "the request has more than 100 fields");
	if (login && !may_pass(&h, login)) {
		proxy_http_say(reply, 407, "Proxy Authentication Required",
		               "Proxy-Authenticate: Basic realm=\"coyo\"\r\n",
		               "this proxy asks for a name and a password");
		return PROXY_REFUSED;
	}
	if (is(h.method, "CONNECT")) {
		r->protocol = PROXY_CONNECT;
		if (take_authority(r, h.target, 0))
			return PROXY_WANTED;
		return refuse(reply, 400, "Bad Request", "CONNECT takes HOST:PORT");
	}
	r->protocol = PROXY_FORWARD;
	if (split_address(h.target, &authority, &path) && take_authority(r, authority, HTTP_PORT))
		return PROXY_WANTED;
	return refuse(
	        reply, 400, "Bad Request",
	        "this is a proxy: it takes CONNECT HOST:PORT, and requests for http://HOST/PATH");
}

/* Whether a field named `name` is for this connection alone: known as such, or named by a field Connection (RFC 9110, section 7.6.1). Host is
 * written anew (RFC 9112, section 3.2.2). */
static bool stays_here(const struct head *h, struct piece name)
{
	static const char *const ours[] = {"Host", "Connection", "Keep-Alive", "TE", "Upgrade"};
	struct piece rest = h->fields, other, value, word;
	bool good;

	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (is(name, ours[i]))
			return true;
	if (name.n >= 6 && strncasecmp(name.p, "Proxy-", 6) == 0)
		return true;
	while (next_field(&rest, &other, &value, &good)) {
		if (!is(other, "Connection"))
			continue;
		while (value.n) {
			if (!cut(&value, ',', &word)) {
				word = value;
				value.n = 0;
			}
			word = trim(word);
			if (word.n == name.n && strncasecmp(word.p, name.p, name.n) == 0)
				return true;
		}
	}
	return false;
}

static size_t put(char *out, struct piece a)
{
	memcpy(out, a.p, a.n);
	return a.n;
}

static size_t put_text(char *out, const char *text)
{
	return put(out, (struct piece){text, strlen(text)});
}

size_t proxy_forward_head(const struct proxy_request *r, const char *head, size_t n, char *out)
{
	struct piece authority, path, rest, name, value;
	struct head h;
	unsigned fields;
	size_t at;
	bool good;

	if (!take_apart((struct piece){head, n}, &h, &fields) ||
	    !split_address(h.target, &authority, &path))
		return 0;
	at = put(out, h.method);
	at += put_text(out + at, path.n && *path.p == '/' ? " " : " /");
	at += put(out + at, path);
	/* Answers pass as they come: a client of HTTP/1.0 must not get one in chunks. */
	at += put_text(out + at,
	               h.version.p[7] == '0' ? " HTTP/1.0\r\nHost: " : " HTTP/1.1\r\nHost: ");
	at += put(out + at, authority);
	at += put_text(out + at, "\r\n");
	for (rest = h.fields; next_field(&rest, &name, &value, &good);) {
		if (stays_here(&h, name))
			continue;
		at += put(out + at, name);
		at += put_text(out + at, ": ");
		at += put(out + at, value);
		at += put_text(out + at, "\r\n");
	}
	return at + put_text(out + at, "Via: 1.1 coyo\r\nConnection: close\r\n\r\n");
}
