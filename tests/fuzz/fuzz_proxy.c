/* SPDX-License-Identifier: BSD-3-Clause */
/* A client of the proxy that says anything, in pieces of any size: what it asks for is the same as in one piece, and within its limits. And one that
 * sends any datagram: its head is what an answer from there begins with. */
#include "libcoyo/proxy/datagram.h"
#include "libcoyo/proxy/request.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct proxy_login login = {"a", "b"};

struct course {
	struct proxy_request request;
	enum proxy_verdict verdict;
	size_t at, head, said;
	char reply[4 * PROXY_REPLY_MAX];
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* One call; the bytes stand alone in memory, so that a sanitizer sees a step too far on either side. */
static void step(struct course *c, const struct proxy_login *who, const uint8_t *p, size_t n)
{
	struct proxy_reply reply;
	uint8_t *copy = malloc(n + !n);

	require(copy != NULL);
	memcpy(copy, p + c->at, n);
	c->verdict = proxy_read(&c->request, who, copy, n, &c->head, &reply);
	free(copy);
	require(c->head <= n && reply.len <= sizeof(reply.text));
	require(c->said + reply.len <= sizeof(c->reply));
	memcpy(c->reply + c->said, reply.text, reply.len);
	c->said += reply.len;
	c->at += c->head;
	require(c->verdict != PROXY_MORE || (c->head == 0 && reply.len == 0));
	require(c->verdict != PROXY_NEXT || (c->head > 0 && reply.len > 0));
	require(c->verdict != PROXY_WANTED || (c->head > 0 && reply.len == 0));
	require(c->verdict != PROXY_REFUSED || reply.len > 0);
}

/* piece: how many bytes come at once. */
static void play(struct course *c, const struct proxy_login *who, const uint8_t *p, size_t n,
                 size_t piece)
{
	size_t have = 0;

	memset(c, 0, sizeof(*c));
	while (have < n) {
		have = n - have > piece ? have + piece : n;
		do
			step(c, who, p, have - c->at);
		while (c->verdict == PROXY_NEXT && c->at < have);
		if (c->verdict == PROXY_WANTED || c->verdict == PROXY_REFUSED)
			return;
	}
}

/* A host never ends a line, and has an end. */
static void check_host(const struct proxy_address *a)
{
	size_t n = strnlen(a->host, sizeof(a->host));

	require(n > 0 && n <= PROXY_HOST_MAX);
	for (size_t i = 0; i < n; i++)
		require(a->host[i] > ' ' && a->host[i] <= '~');
}

static void check_wanted(const struct proxy_request *r)
{
	check_host(&r->to);
	require(r->to.port > 0 || r->protocol == PROXY_ASSOCIATE);
	require(r->protocol >= PROXY_SOCKS5 && r->protocol <= PROXY_FORWARD);
}

static void check_datagram(const uint8_t *p, size_t n)
{
	uint8_t out[PROXY_DATAGRAM_HEAD_MAX], *copy = malloc(n + !n);
	struct proxy_head h;

	require(copy != NULL);
	memcpy(copy, p, n);
	if (proxy_head_read(copy, n, &h) == PROXY_HEAD_FINE) {
		require(h.bytes <= n && h.asked_n <= sizeof(h.asked) && h.to.port > 0);
		check_host(&h.to);
		require(proxy_head_write(h.asked, h.asked_n, out) == h.bytes &&
		        memcmp(out, p, h.bytes) == 0);
	}
	free(copy);
}

/* What goes to the server is a request that this parser takes apart, with one Host, and nothing of the proxy. */
static void check_forward(const struct proxy_request *r, const uint8_t *head, size_t n)
{
	size_t cap = PROXY_FORWARD_MAX(n), k;
	char *out = malloc(cap + 1);

	require(out != NULL);
	k = proxy_forward_head(r, (const char *)head, n, out);
	require(k > 0 && k <= cap && !memchr(out, '\0', k));
	out[k] = '\0';
	require(k > 4 && strcmp(out + k - 4, "\r\n\r\n") == 0 &&
	        strstr(out, "\r\n\r\n") == out + k - 4);
	require(strstr(out, " HTTP/1.1\r\nHost: ") || strstr(out, " HTTP/1.0\r\nHost: "));
	require(!strcasestr(out, "\r\nProxy-"));
	require(!strcasestr(strstr(out, "\r\nHost: ") + 2, "\r\nHost:"));
	free(out);
}

/* The first byte: whether it is a datagram; else whether a name and a password are asked for, and the size of the pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct course whole, pieces;
	const struct proxy_login *who;

	if (size < 2 || size > 2 * PROXY_HEAD_MAX)
		return 0;
	if (data[0] & 0x80) {
		check_datagram(data + 1, size - 1);
		return 0;
	}
	who = data[0] & 1 ? &login : NULL;
	play(&whole, who, data + 1, size - 1, size - 1);
	play(&pieces, who, data + 1, size - 1, 1 + (data[0] >> 1) % 16 * (size > 600 ? 64 : 1));
	require(whole.verdict == pieces.verdict && whole.said == pieces.said);
	require(memcmp(whole.reply, pieces.reply, whole.said) == 0);
	require(strcmp(whole.request.to.host, pieces.request.to.host) == 0);
	if (whole.verdict == PROXY_WANTED) {
		require(whole.at == pieces.at);
		check_wanted(&whole.request);
		if (whole.request.protocol == PROXY_FORWARD)
			check_forward(&whole.request, data + 1, whole.head);
	}
	return 0;
}
