/* SPDX-License-Identifier: BSD-3-Clause */
/* What a client of the proxy asks for: SOCKS5 (RFC 1928, RFC 1929) and HTTP/1 (RFC 9110, section 9.3.6, and RFC 9112, section 3.2.2), read from
 * bytes that may come in any pieces, and answered. Pure: no descriptor, no clock, no memory of its own. */
#pragma once
#include "libcoyo/proxy/address.h"

#define PROXY_HEAD_MAX \
	(16 * 1024)          /* bytes of one message of a client: a longer HTTP head is refused */
#define PROXY_FIELDS_MAX 100 /* fields in the head of a request of HTTP */
/* Room for a head of n bytes when it is passed on: each field may become two bytes longer. */
#define PROXY_FORWARD_MAX(n) (2 * (n) + 512)
#define PROXY_REPLY_MAX      1024

enum proxy_protocol {
	PROXY_SOCKS5 = 1,
	PROXY_ASSOCIATE, /* SOCKS5: an association for datagrams */
	PROXY_CONNECT,   /* HTTP: a tunnel */
	PROXY_FORWARD,   /* HTTP: one request with the whole address of what it wants */
};

/* What is awaited next. */
enum proxy_stage {
	PROXY_FIRST, /* the first byte, which tells the protocol */
	PROXY_LOGIN, /* SOCKS5: name and password */
	PROXY_COMMAND,
};

/* One client's progress; all zero at the beginning. */
struct proxy_request {
	enum proxy_stage stage;
	enum proxy_protocol protocol; /* 0: not known yet */
	size_t scanned;               /* HTTP: so many bytes have no end of the head */
	/* What it wants; PROXY_ASSOCIATE: whence it will send its datagrams, zeros where it does not know. */
	struct proxy_address to;
};

/* What a client has to say before it is served. */
struct proxy_login {
	char name[PROXY_HOST_MAX + 1];
	char password[PROXY_HOST_MAX + 1];
};

enum proxy_verdict {
	PROXY_MORE,    /* the message is not whole yet: nothing was used */
	PROXY_NEXT,    /* it was, the reply is to be sent, and another one follows */
	PROXY_WANTED,  /* host and port are wanted; nothing is said before proxy_answer() */
	PROXY_REFUSED, /* the reply is to be sent, then the connection closed */
};

struct proxy_reply {
	size_t len; /* 0: nothing to send */
	char text[PROXY_REPLY_MAX];
};

/* Reads the message that n bytes begin with; the same bytes come again, with more behind them, after PROXY_MORE. login: NULL, nobody has to
 * say who he is. *used: the bytes of the message, to be taken away (PROXY_FORWARD: after proxy_forward_head()). */
enum proxy_verdict proxy_read(struct proxy_request *r, const struct proxy_login *login,
                              const uint8_t *p, size_t n, size_t *used, struct proxy_reply *reply);

/* The head of n bytes of a request with PROXY_FORWARD, as the server is to get it: the path in place of the whole address, nothing that was
 * meant for the proxy, and the connection ends after the answer. out: PROXY_FORWARD_MAX(n) bytes. Returns its length. */
size_t proxy_forward_head(const struct proxy_request *r, const char *head, size_t n, char *out);

/* How a request ended: X(NAME, code of SOCKS5, status of HTTP, its phrase). */
#define PROXY_OUTCOMES(X)                            \
	X(OPEN, 0x00, 200, "Connection established") \
	X(NOT_OURS, 0x02, 403, "Forbidden")          \
	X(NO_NAME, 0x04, 502, "Bad Gateway")         \
	X(NO_NETWORK, 0x03, 502, "Bad Gateway")      \
	X(UNREACHABLE, 0x04, 502, "Bad Gateway")     \
	X(DENIED, 0x05, 502, "Bad Gateway")          \
	X(TIMED_OUT, 0x06, 504, "Gateway Timeout")   \
	X(FAILED, 0x01, 502, "Bad Gateway")          \
	X(NO_DAEMON, 0x01, 503, "Service Unavailable")

enum proxy_outcome {
#define PROXY_OUTCOME_ENUM(NAME, socks, status, phrase) PROXY_##NAME,
	PROXY_OUTCOMES(PROXY_OUTCOME_ENUM)
#undef PROXY_OUTCOME_ENUM
};

/* Answers a request that was PROXY_WANTED. why: one sentence, which HTTP carries; unused with PROXY_OPEN. Of PROXY_FORWARD the server answers,
 * of PROXY_ASSOCIATE proxy_answer_associated(): nothing is to be sent where the outcome is PROXY_OPEN. */
void proxy_answer(const struct proxy_request *r, enum proxy_outcome outcome, const char *why,
                  struct proxy_reply *reply);

/* Answers a request for an association: datagrams are taken at that address, of 4 or 16 bytes. */
void proxy_answer_associated(const uint8_t *host, size_t bytes, uint16_t port,
                             struct proxy_reply *reply);

/* The client has not said in time what it wants. */
void proxy_answer_late(const struct proxy_request *r, struct proxy_reply *reply);
