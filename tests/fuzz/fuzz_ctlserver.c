/* SPDX-License-Identifier: BSD-3-Clause */
/* The daemon's control socket: clients that come, write requests in pieces, read slowly or not at all, and leave at any point, beside a node and
 * workers that answer late; real sockets, no thread, and time as the input says. */
#include "tests/unit/controlplane/daemon/fake.h"

#include "ctl/jsonread.h"
#include "daemon/daemon.h"
#include "daemon/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS    40 /* more than the server has places for */
#define STEPS_MAX  200
#define HEARD_MAX  (4u << 20)
#define BATCH      8
#define CALM_S     40 /* beyond every deadline but that of a ping of many packets */
#define STALE      8
#define PARSED_MAX 4000

/* A program at the other end. */
struct client {
	int fd; /* -1: none */
	/* It has said one whole request at once, has not closed either half, and reads to the end: it is to be answered. */
	bool good;
	bool valid; /* ... and not with a complaint about the request */
	bool said, shut;
	char rest[CTL_LINE_MAX]; /* of a request that is said in two pieces */
	size_t rest_len;
	bool rest_valid;
	char *heard;
	size_t len, cap;
};

struct play {
	struct daemon d;
	struct sockaddr_un at;
	socklen_t at_len;
	struct client c[CLIENTS];
	uint64_t stale[STALE]; /* tags of events of before */
	unsigned nstale;
	const uint8_t *p, *stop;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "the control socket: %s\n", what);
	abort();
}

static uint8_t byte(struct play *p)
{
	return p->p < p->stop ? *p->p++ : 0;
}

/* ---- the daemon ---- */

static void take_event(void *arg, const struct dp_event *e)
{
	if (e->type == EVT_CONNECTION || e->type == EVT_DUMP_END)
		ctl_server_event(arg, e);
}

static void check(struct play *p)
{
	for (unsigned i = 0; i < CTL_CLIENTS_MAX; i++) {
		const struct ctl_client *c = &p->d.ctl.clients[i];

		require((c->state == CLIENT_FREE) == (c->fd <= 0),
		        "a place without a socket, or the reverse");
		require(c->state == CLIENT_FREE || !instant_is_never(c->deadline),
		        "a client that may wait for ever");
		require(c->state != CLIENT_FREE || (!c->out.text && !c->walk.held && !c->cookie),
		        "a client that has left holds something");
		require(c->line_len <= CTL_LINE_MAX + 1, "a line longer than its buffer");
		require(c->body_len <= c->req.body && (c->body || c->state != CLIENT_BODY),
		        "more behind a line than was announced");
		require(ctl_client_waiting(c) <= CLIENT_OUT_MAX + (1u << 20),
		        "an answer without bound");
	}
}

/* What the loop does in a turn. hold: the node's outputs and the workers' events wait. */
static void turn(struct play *p, bool hold)
{
	struct epoll_event ev[BATCH];
	int n = epoll_wait(p->d.epoll_fd, ev, BATCH, 0);

	for (int i = 0; i < n; i++) {
		uint64_t tag = ev[i].data.u64;

		if (LOOP_TAG_KIND(tag) == LOOP_LISTEN) {
			ctl_server_accept(&p->d);
			continue;
		}
		p->stale[p->nstale++ % STALE] = tag;
		ctl_server_io(&p->d, LOOP_TAG_INDEX(tag), LOOP_TAG_GENERATION(tag), ev[i].events);
	}
	ctl_server_tick(&p->d);
	if (!hold) {
		loop_outputs(&p->d);
		pump_flush(&p->d);
		pump_acks(&p->d);
		(void)pump_events(&p->d, take_event);
	}
	(void)ctl_server_slice(&p->d);
	check(p);
}

static void open_daemon(struct play *p)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = LOOP_TAG(LOOP_LISTEN, 0, 0)};

	fake_daemon_open(&p->d);
	fake.tunnels = 800;
	fake.connections = 300;
	fake.transit = 3;
	p->at = (struct sockaddr_un){.sun_family = AF_UNIX};
	p->at_len = sizeof(p->at);
	p->d.ctl.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Without a path the kernel gives it an abstract one. */
	if (bind(p->d.ctl.fd, (struct sockaddr *)&p->at, sizeof(p->at.sun_family)) < 0 ||
	    getsockname(p->d.ctl.fd, (struct sockaddr *)&p->at, &p->at_len) < 0 ||
	    listen(p->d.ctl.fd, CLIENTS) < 0 ||
	    epoll_ctl(p->d.epoll_fd, EPOLL_CTL_ADD, p->d.ctl.fd, &ev) < 0)
		abort();
}

/* ---- programs ---- */

static void hang_up(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->heard);
	*c = (struct client){.fd = -1};
}

static void dial(struct play *p, struct client *c)
{
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (connect(c->fd, (struct sockaddr *)&p->at, p->at_len) < 0)
		hang_up(c);
}

/* Long ones are looked at from outside: reading them would take most of the time. */
static bool is_document(const char *line, size_t len)
{
	struct jvalue *v;
	bool good;

	if (len > PARSED_MAX)
		return line[0] == '{' && line[len - 1] == '}';
	v = json_read(line, len);
	good = v && v->type == J_OBJECT;
	jvalue_free(v);
	return good;
}

/* Every line is a document; only the last one may be cut, by a deadline, and none follows the one that says that it is the last. */
static void check_heard(const struct client *c)
{
	static const char last[] = "{\"done\":true";
	size_t from = 0;

	for (size_t i = 0; i < c->len; i++) {
		if (c->heard[i] != '\n')
			continue;
		require(is_document(c->heard + from, i - from), "an answer that is no document");
		require(strncmp(c->heard + from, last, sizeof(last) - 1) != 0 || i + 1 == c->len,
		        "an answer goes on behind its end");
		from = i + 1;
	}
	require(!c->good || (from == c->len && from), "a good request without a whole answer");
	require(!c->good || !c->valid || !memmem(c->heard, c->len, "EINVAL", 6),
	        "a good request is taken for a wrong one");
}

/* Reads up to `most` bytes. True: the stream has ended. */
static bool hear(struct client *c, size_t most)
{
	ssize_t n;

	if (c->cap < c->len + most) {
		c->cap = 2 * (c->len + most);
		c->heard = realloc(c->heard, c->cap);
	}
	n = recv(c->fd, c->heard + c->len, most, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n > 0) {
		c->len += (size_t)n;
		require(c->len < HEARD_MAX, "an answer without end");
		return false;
	}
	check_heard(c);
	hang_up(c);
	return true;
}

/* One of the lines below with ids put in; *valid: one that is right. */
static size_t request(struct play *p, char *out, size_t cap, bool *valid)
{
	static const char *const lines[] = {
	        "show node", "show links", "show listeners", "show contacts", "show tunnels",
	        "show tunnels limit=7", "show sessions", "show labels", "show drops",
	        "show workers", "show config", "show connections", "show connections limit=70",
	        "lookup ID", "ping ID count=3", "trace ID", "ping NOBODY", "drain",
	        "vouch 113 as=me expires=60\nID nas",
	        /* From here on wrong, or refused. */
	        "allow ID", "deny ID at=door", "show", "", "show tunnels limit=x", "ping 7",
	        "lookup", "vouch 113\nID n_s", "vouch 3\nID nas"};
	uint8_t how = byte(p) % ARRAY_LEN(lines);
	const char *line = lines[how], *id = strstr(line, "ID"), *nobody = strstr(line, "NOBODY");
	struct node_id to;
	char text[ID_TEXT_LEN + 1];

	*valid = how < 19;
	if (!id && !nobody)
		return (size_t)snprintf(out, cap, "%s\n", line);
	memset(to.b, nobody ? 0xff : 3, ID_BYTES);
	id_to_text(&to, text);
	if (nobody)
		return (size_t)snprintf(out, cap, "ping %s\n", text);
	return (size_t)snprintf(out, cap, "%.*s%s%s\n", (int)(id - line), line, text, id + 2);
}

/* Sends it; the request is good if it is all that the client has ever said. */
static void say(struct client *c, const char *text, size_t len, bool first, bool valid, bool whole)
{
	bool sent = send(c->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len;

	c->good = sent && whole && first && !c->shut;
	c->valid = valid;
	c->said = true;
}

/* A request, whole, in two pieces or in part, or anything else. */
static void speak(struct play *p, struct client *c)
{
	char text[3 * CTL_LINE_MAX];
	bool valid = false, first = !c->said;
	uint8_t how;
	size_t len, cut;

	if (c->rest_len) {
		len = c->rest_len;
		c->rest_len = 0;
		say(c, c->rest, len, true, c->rest_valid, true);
		return;
	}
	how = byte(p);
	len = request(p, text, sizeof(text), &valid);
	switch (how % 8) {
	case 4:
	case 5:
		cut = byte(p) % len;
		if (!first || !cut)
			return;
		memcpy(c->rest, text + cut, len - cut);
		c->rest_len = len - cut;
		c->rest_valid = valid;
		say(c, text, cut, false, false, false);
		break;
	case 6:
		memset(text, 'a', len = 1 + byte(p) * 6u);
		say(c, text, len, false, false, false);
		break;
	case 7:
		say(c, text, byte(p) % len, false, false, false);
		break;
	default:
		say(c, text, len, first, valid, true);
		break;
	}
}

static void client(struct play *p)
{
	uint8_t who = byte(p), how = byte(p);
	struct client *c = &p->c[who % (who & 128 ? CLIENTS : 4)];

	if (c->fd < 0) {
		dial(p, c);
		if (c->fd >= 0)
			speak(p, c);
		return;
	}
	switch (how % 8) {
	case 0:
		hang_up(c);
		break;
	case 1:
		c->good = false;
		c->rest_len = 0;
		c->shut = true;
		shutdown(c->fd, how & 8 ? SHUT_WR : SHUT_RDWR);
		break;
	case 2:
		(void)hear(c, 1 + byte(p));
		break;
	case 3:
	case 4:
		(void)hear(c, 65536);
		break;
	default:
		speak(p, c);
		break;
	}
}

/* An event of before is handed out once more, as in one batch with what has closed its client. */
static void stale(struct play *p)
{
	uint8_t how = byte(p);
	uint64_t tag = p->stale[how % STALE];
	uint32_t index = LOOP_TAG_INDEX(tag), events = how & 128  ? EPOLLHUP
	                                               : how & 64 ? EPOLLIN
	                                                          : EPOLLOUT;

	if (p->nstale &&
	    (how & 32 || p->d.ctl.clients[index].generation != LOOP_TAG_GENERATION(tag)) &&
	    !(events & EPOLLHUP && p->d.ctl.clients[index].generation == LOOP_TAG_GENERATION(tag)))
		ctl_server_io(&p->d, index, LOOP_TAG_GENERATION(tag), events);
	check(p);
}

/* An answer for somebody, who may have left. */
static void answer(struct play *p)
{
	struct node_output out = {.type = OUT_ANSWER};
	uint8_t how = byte(p);

	out.u.answer = (struct node_answer){.type = how & 1 ? ANS_PING : ANS_DONE,
	                                    .seq = how,
	                                    .rtt_ns = how,
	                                    .cookie = p->d.next_cookie - (how >> 4)};
	for (unsigned i = 0; i < CTL_CLIENTS_MAX; i++)
		if (p->d.ctl.clients[i].cookie == out.u.answer.cookie &&
		    p->d.ctl.clients[i].state < CLIENT_WRITING)
			return; /* its own answer is under way */
	ctl_server_answer(&p->d, &out.u.answer);
}

static void step(struct play *p)
{
	uint8_t op = byte(p);

	switch (op & 7) {
	case 0:
	case 1:
	case 2:
		client(p);
		if (!(op & 128))
			turn(p, op & 64);
		break;
	case 3:
		p->d.now = instant_add(p->d.now, NS_PER_MS << (op >> 4));
		turn(p, false);
		for (unsigned i = 0; i < CLIENTS; i++)
			p->c[i].good = false; /* a deadline may have come first */
		break;
	case 4:
		stale(p);
		break;
	case 5:
		answer(p);
		break;
	case 6:
		for (unsigned i = 0; op & 128 && i < CLIENTS; i++)
			if (p->c[i].fd < 0)
				dial(p, &p->c[i]);
		turn(p, op & 64);
		break;
	default:
		turn(p, op & 64);
		break;
	}
}

/* Everybody reads on until nothing comes any more; who has said nothing whole is given up by its deadline. */
static void calm(struct play *p)
{
	for (unsigned quiet = 0; quiet < 12; quiet++) {
		turn(p, false);
		for (unsigned i = 0; i < CLIENTS; i++) {
			size_t had = p->c[i].len;

			if (p->c[i].fd >= 0 && (hear(&p->c[i], 65536) || p->c[i].len > had))
				quiet = 0;
		}
	}
	for (unsigned i = 0; i < CLIENTS; i++)
		require(p->c[i].fd < 0 || !p->c[i].good, "a good request is not answered");
	for (unsigned s = 0; s < CALM_S; s++) {
		p->d.now = instant_add(p->d.now, NS_PER_S);
		turn(p, false);
		turn(p, false);
	}
	for (unsigned i = 0; i < CTL_CLIENTS_MAX; i++)
		require(p->d.ctl.clients[i].state == CLIENT_FREE, "a place is kept for ever");
}

static int lowest_free(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct play play;
	struct play *p = &play;
	int before = lowest_free();

	memset(p, 0, sizeof(*p));
	p->p = data;
	p->stop = data + size;
	for (unsigned i = 0; i < CLIENTS; i++)
		p->c[i].fd = -1;
	open_daemon(p);
	for (unsigned i = 0; i < STEPS_MAX && p->p < p->stop; i++)
		step(p);
	calm(p);
	for (unsigned i = 0; i < CLIENTS; i++)
		hang_up(&p->c[i]);
	close(p->d.ctl.fd);
	fake_daemon_close(&p->d);
	require(lowest_free() == before, "a descriptor is kept");
	return 0;
}
