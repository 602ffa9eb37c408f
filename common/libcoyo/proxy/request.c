/* SPDX-License-Identifier: BSD-3-Clause */
/* Clients' messages of SOCKS5, and the answers of either protocol. */
#include "libcoyo/proxy/request.h"
#include "base/cc.h"
#include "libcoyo/proxy/http.h"

#include <stdio.h>
#include <string.h>

#define SOCKS_VERSION   5
#define SOCKS_NO_LOGIN  0x00
#define SOCKS_LOGIN     0x02 /* name and password, RFC 1929 */
#define SOCKS_NO_METHOD 0xff
#define SOCKS_CONNECT   0x01
#define SOCKS_IPV4      0x01
#define SOCKS_NAME      0x03
#define SOCKS_IPV6      0x04
/* Replies that are not the outcome of an attempt. */
#define SOCKS_FAILURE         0x01
#define SOCKS_NO_COMMAND      0x07
#define SOCKS_NO_ADDRESS_TYPE 0x08
#define SOCKS_REPLY_BYTES     10 /* with an address of IPv4, as all replies here */

static const struct {
	uint8_t socks;
	unsigned status;
	const char *phrase;
} outcomes[] = {
#define OUTCOME_ROW(NAME, socks, status, phrase) {socks, status, phrase},
        PROXY_OUTCOMES(OUTCOME_ROW)
#undef OUTCOME_ROW
};

bool proxy_take_host(struct proxy_request *r, const char *p, size_t n)
{
	if (n == 0 || n > PROXY_HOST_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (p[i] <= ' ' || p[i] > '~')
			return false;
	memcpy(r->host, p, n);
	r->host[n] = '\0';
	return true;
}

/* Whether n bytes are text, in a time that does not tell where they differ. */
static bool same(const char *text, const char *p, size_t n)
{
	size_t len = strlen(text);
	unsigned differ = len != n;

	for (size_t i = 0; i < n; i++)
		differ |= (unsigned char)(text[i < len ? i : len] ^ p[i]);
	return !differ;
}

bool proxy_login_holds(const struct proxy_login *login, const char *name, size_t name_len,
                       const char *password, size_t password_len)
{
	bool known = same(login->name, name, name_len);

	return same(login->password, password, password_len) && known;
}

static void say(struct proxy_reply *reply, uint8_t a, uint8_t b)
{
	reply->len = 2;
	reply->text[0] = (char)a;
	reply->text[1] = (char)b;
}

static void socks_reply(struct proxy_reply *reply, uint8_t code)
{
	memset(reply->text, 0, SOCKS_REPLY_BYTES);
	reply->len = SOCKS_REPLY_BYTES;
	reply->text[0] = SOCKS_VERSION;
	reply->text[1] = (char)code;
	reply->text[3] = SOCKS_IPV4;
}

/* The methods that the client offers: RFC 1928, section 3. */
static enum proxy_verdict read_methods(struct proxy_request *r, bool login, const uint8_t *p,
                                       size_t n, size_t *used, struct proxy_reply *reply)
{
	uint8_t wanted = login ? SOCKS_LOGIN : SOCKS_NO_LOGIN;

	if (n < 2 || n < 2u + p[1])
		return PROXY_MORE;
	*used = 2u + p[1];
	r->protocol = PROXY_SOCKS5;
	if (!memchr(p + 2, wanted, p[1])) {
		say(reply, SOCKS_VERSION, SOCKS_NO_METHOD);
		return PROXY_REFUSED;
	}
	say(reply, SOCKS_VERSION, wanted);
	r->stage = login ? PROXY_LOGIN : PROXY_COMMAND;
	return PROXY_NEXT;
}

/* RFC 1929, section 2. */
static enum proxy_verdict read_login(struct proxy_request *r, const struct proxy_login *login,
                                     const uint8_t *p, size_t n, size_t *used,
                                     struct proxy_reply *reply)
{
	size_t name, password;

	if (p[0] != 1) {
		say(reply, 1, 1);
		*used = n;
		return PROXY_REFUSED;
	}
	if (n < 2 || n < 3u + p[1])
		return PROXY_MORE;
	name = p[1];
	password = p[2 + name];
	if (n < 3 + name + password)
		return PROXY_MORE;
	*used = 3 + name + password;
	if (!proxy_login_holds(login, (const char *)p + 2, name, (const char *)p + 3 + name,
	                       password)) {
		say(reply, 1, 1);
		return PROXY_REFUSED;
	}
	say(reply, 1, 0);
	r->stage = PROXY_COMMAND;
	return PROXY_NEXT;
}

static bool take_ipv4(struct proxy_request *r, const uint8_t *p)
{
	snprintf(r->host, sizeof(r->host), "%u.%u.%u.%u", p[0], p[1], p[2], p[3]);
	return true;
}

static bool take_ipv6(struct proxy_request *r, const uint8_t *p)
{
	size_t at = 0;

	for (unsigned i = 0; i < 16; i += 2)
		at += (size_t)snprintf(r->host + at, sizeof(r->host) - at, "%s%x", i ? ":" : "",
		                       (unsigned)p[i] << 8 | p[i + 1]);
	return true;
}

/* Takes the address of `len` bytes at p, and the port behind it. */
static bool take_address(struct proxy_request *r, uint8_t type, const uint8_t *p, size_t len)
{
	r->port = (uint16_t)(p[len] << 8 | p[len + 1]);
	if (type == SOCKS_IPV4)
		return take_ipv4(r, p);
	return type == SOCKS_IPV6 ? take_ipv6(r, p) : proxy_take_host(r, (const char *)p, len);
}

static enum proxy_verdict refuse(struct proxy_reply *reply, uint8_t code)
{
	socks_reply(reply, code);
	return PROXY_REFUSED;
}

/* RFC 1928, section 4. */
static enum proxy_verdict read_command(struct proxy_request *r, const uint8_t *p, size_t n,
                                       size_t *used, struct proxy_reply *reply)
{
	size_t at = 4, len = 0;

	*used = n;
	if (p[0] != SOCKS_VERSION || (n > 2 && p[2] != 0))
		return refuse(reply, SOCKS_FAILURE);
	if (n > 3 && p[3] == SOCKS_IPV4)
		len = 4;
	else if (n > 3 && p[3] == SOCKS_IPV6)
		len = 16;
	else if (n > 3 && p[3] != SOCKS_NAME)
		return refuse(reply, SOCKS_NO_ADDRESS_TYPE);
	else if (n > 4)
		at = 5, len = p[4];
	*used = 0;
	if (n < 5 || n < at + len + 2)
		return PROXY_MORE;
	*used = at + len + 2;
	if (!take_address(r, p[3], p + at, len))
		return refuse(reply, SOCKS_FAILURE);
	if (p[1] != SOCKS_CONNECT)
		return refuse(reply, SOCKS_NO_COMMAND);
	return r->port ? PROXY_WANTED : refuse(reply, SOCKS_FAILURE);
}

enum proxy_verdict proxy_read(struct proxy_request *r, const struct proxy_login *login,
                              const uint8_t *p, size_t n, size_t *used, struct proxy_reply *reply)
{
	*used = 0;
	reply->len = 0;
	if (n == 0)
		return PROXY_MORE;
	switch (r->stage) {
	case PROXY_LOGIN:
		return read_login(r, login, p, n, used, reply);
	case PROXY_COMMAND:
		return read_command(r, p, n, used, reply);
	case PROXY_FIRST:
		break;
	}
	if (p[0] == SOCKS_VERSION)
		return read_methods(r, login != NULL, p, n, used, reply);
	return proxy_http_read(r, login, p, n, used, reply);
}

void proxy_answer(const struct proxy_request *r, enum proxy_outcome outcome, const char *why,
                  struct proxy_reply *reply)
{
	reply->len = 0;
	if (r->protocol == PROXY_SOCKS5)
		socks_reply(reply, outcomes[outcome].socks);
	else if (outcome != PROXY_OPEN)
		proxy_http_say(reply, outcomes[outcome].status, outcomes[outcome].phrase, "", why);
	else if (r->protocol == PROXY_CONNECT)
		reply->len =
		        (size_t)snprintf(reply->text, sizeof(reply->text), "HTTP/1.1 %u %s\r\n\r\n",
		                         outcomes[outcome].status, outcomes[outcome].phrase);
}

void proxy_answer_late(const struct proxy_request *r, struct proxy_reply *reply)
{
	reply->len = 0;
	/* SOCKS5 has no reply to half a message. */
	if (r->protocol != PROXY_SOCKS5 && r->scanned > 0)
		proxy_http_say(reply, 408, "Request Timeout", "",
		               "the request was not whole in time");
}
