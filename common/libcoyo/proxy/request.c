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
#define SOCKS_ASSOCIATE 0x03
/* Replies that are not the outcome of an attempt. */
#define SOCKS_FAILURE         0x01
#define SOCKS_NO_COMMAND      0x07
#define SOCKS_NO_ADDRESS_TYPE 0x08
#define SOCKS_BEFORE_ADDRESS  3

static const struct {
	uint8_t socks;
	unsigned status;
	const char *phrase;
} outcomes[] = {
#define OUTCOME_ROW(NAME, socks, status, phrase) {socks, status, phrase},
        PROXY_OUTCOMES(OUTCOME_ROW)
#undef OUTCOME_ROW
};

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

/* With that address, of 4 or 16 bytes. */
static void socks_reply(struct proxy_reply *reply, uint8_t code, const uint8_t *host, size_t bytes,
                        uint16_t port)
{
	uint8_t *p = (uint8_t *)reply->text;

	p[0] = SOCKS_VERSION;
	p[1] = code;
	p[2] = 0;
	reply->len = SOCKS_BEFORE_ADDRESS +
	             proxy_address_write(host, bytes, port, p + SOCKS_BEFORE_ADDRESS);
}

static void socks_say(struct proxy_reply *reply, uint8_t code)
{
	static const uint8_t none[4];

	socks_reply(reply, code, none, sizeof(none), 0);
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

static enum proxy_verdict refuse(struct proxy_reply *reply, uint8_t code)
{
	socks_say(reply, code);
	return PROXY_REFUSED;
}

/* RFC 1928, section 4. */
static enum proxy_verdict read_command(struct proxy_request *r, const uint8_t *p, size_t n,
                                       size_t *used, struct proxy_reply *reply)
{
	enum proxy_address_found found = PROXY_ADDRESS_MORE;
	size_t address = 0;

	*used = n;
	if (p[0] != SOCKS_VERSION || (n > 2 && p[2] != 0))
		return refuse(reply, SOCKS_FAILURE);
	if (n > SOCKS_BEFORE_ADDRESS)
		found = proxy_address_read(p + SOCKS_BEFORE_ADDRESS, n - SOCKS_BEFORE_ADDRESS,
		                           &r->to, &address);
	if (found == PROXY_ADDRESS_TYPE)
		return refuse(reply, SOCKS_NO_ADDRESS_TYPE);
	*used = 0;
	if (found == PROXY_ADDRESS_MORE)
		return PROXY_MORE;
	*used = SOCKS_BEFORE_ADDRESS + address;
	if (found == PROXY_ADDRESS_NAME)
		return refuse(reply, SOCKS_FAILURE);
	if (p[1] == SOCKS_ASSOCIATE) {
		r->protocol = PROXY_ASSOCIATE;
		return PROXY_WANTED;
	}
	if (p[1] != SOCKS_CONNECT)
		return refuse(reply, SOCKS_NO_COMMAND);
	return r->to.port ? PROXY_WANTED : refuse(reply, SOCKS_FAILURE);
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
	if (r->protocol == PROXY_SOCKS5 ||
	    (r->protocol == PROXY_ASSOCIATE && outcome != PROXY_OPEN))
		socks_say(reply, outcomes[outcome].socks);
	else if (r->protocol == PROXY_ASSOCIATE)
		return;
	else if (outcome != PROXY_OPEN)
		proxy_http_say(reply, outcomes[outcome].status, outcomes[outcome].phrase, "", why);
	else if (r->protocol == PROXY_CONNECT)
		reply->len =
		        (size_t)snprintf(reply->text, sizeof(reply->text), "HTTP/1.1 %u %s\r\n\r\n",
		                         outcomes[outcome].status, outcomes[outcome].phrase);
}

void proxy_answer_associated(const uint8_t *host, size_t bytes, uint16_t port,
                             struct proxy_reply *reply)
{
	socks_reply(reply, outcomes[PROXY_OPEN].socks, host, bytes, port);
}

void proxy_answer_late(const struct proxy_request *r, struct proxy_reply *reply)
{
	reply->len = 0;
	/* SOCKS5 has no reply to half a message. */
	if (r->protocol != PROXY_SOCKS5 && r->scanned > 0)
		proxy_http_say(reply, 408, "Request Timeout", "",
		               "the request was not whole in time");
}
