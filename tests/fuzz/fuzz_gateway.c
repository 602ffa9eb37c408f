/* SPDX-License-Identifier: BSD-3-Clause */
/* The application socket's machinery: programs that connect, write parts of lines, pass descriptors, read slowly or not at all, close half or all
 * of it at any time, and workers that answer late; real sockets, no threads. */
#include "gateway_world.h"

#include <stdio.h>

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS   6
#define ENDS      12
#define STEPS_MAX 200

/* What a program holds: connections to the socket, and the ends of streams that it was given. */
struct end {
	int fd;       /* -1: free */
	bool network; /* what comes is a worker's; else it is of a stream within the node */
	bool shut;
	uint64_t in, out;
};

struct play {
	struct gate_world *w;
	int client[CLIENTS];
	struct end end[ENDS];
	const uint8_t *p, *stop;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t byte(struct play *p)
{
	return p->p < p->stop ? *p->p++ : 0;
}

/* ---- connections ---- */

static void dial(struct play *p, int *client)
{
	if (*client >= 0)
		return;
	*client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (connect(*client, (struct sockaddr *)p->w->address, p->w->address_len) == 0)
		return;
	close(*client);
	*client = -1;
}

static void hang_up(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void keep(struct play *p, int fd, bool network)
{
	for (unsigned i = 0; i < ENDS; i++)
		if (p->end[i].fd < 0) {
			p->end[i] = (struct end){.fd = fd, .network = network};
			return;
		}
	close(fd);
}

/* Reads some of what the gateway answers, and keeps a descriptor that comes with it. */
static void hear(struct play *p, int fd, size_t most)
{
	char line[4096], control[CMSG_SPACE(sizeof(int) * 4)] __attribute__((aligned(8)));
	struct iovec iov = {line, most < sizeof(line) - 1 ? most : sizeof(line) - 1};
	struct msghdr m = {.msg_iov = &iov,
	                   .msg_iovlen = 1,
	                   .msg_control = control,
	                   .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n <= 0)
		return;
	line[n] = '\0';
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		int got[APP_SEGMENT_FDS(GATE_WORKERS)];

		require(c->cmsg_type == SCM_RIGHTS &&
		                (count == 1 || count == APP_SEGMENT_FDS(GATE_WORKERS)),
		        "passes something else than its descriptors");
		memcpy(got, CMSG_DATA(c), count * sizeof(int));
		for (size_t i = 1; i < count; i++)
			close(got[i]);
		keep(p, got[0], strstr(line, " 40000") || strstr(line, " 50000"));
	}
}

/* A line of the protocol or a part of one; may come with a descriptor that nobody asked for. */
static void speak(struct play *p, int fd)
{
	static const char *const words[] = {"listen 1 9\n", "listen 2\n",    "listen 3 65535\n",
	                                    "resolve a\n",  "connect ",      "\n",
	                                    "listen ",      " 1\n",          "x y z\n",
	                                    "listen 2 1\n", "lis",           "ten 3 1\n",
	                                    "version\r\n",  "connect a 1\n", "attach 3\n",
	                                    "attach 3 2\n", "listen 3 7\n",  "unlisten 1\n"};
	uint8_t how = byte(p);
	char text[2 * APP_LINE_MAX], id[ID_TEXT_LEN + 1];
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
	struct iovec iov = {text, 0};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	struct node_id to = p->w->g.id;

	if (how & 1)
		memset(to.b, 1 + (how & 2), ID_BYTES);
	id_to_text(&to, id);
	if (how >> 5 < 3)
		iov.iov_len = (size_t)snprintf(text, sizeof(text), "connect %s %u\n", id,
		                               1 + (how >> 2 & 3));
	else if (how >> 5 < 7)
		iov.iov_len =
		        (size_t)snprintf(text, sizeof(text), "%s",
		                         words[(how & 31) % (sizeof(words) / sizeof(*words))]);
	else
		memset(text, 'a', iov.iov_len = 1 + (how & 31) * 30u);
	if (byte(p) % 8 == 7)
		iov.iov_len = 1 + byte(p) % iov.iov_len;
	if (byte(p) % 8 == 7) {
		struct cmsghdr *c;

		m.msg_control = control;
		m.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	(void)!sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void client(struct play *p)
{
	uint8_t how = byte(p);
	unsigned n = how % CLIENTS;
	int *c = &p->client[n < 4 ? n % 2 : n];

	if (*c < 0)
		dial(p, c);
	if (*c < 0)
		return;
	switch (how / CLIENTS % 8) {
	case 0:
		hang_up(c);
		break;
	case 1:
		shutdown(*c, how & 1 ? SHUT_WR : SHUT_RD);
		break;
	case 2:
	case 3:
		hear(p, *c, 4000);
		break;
	case 4:
		hear(p, *c, 1 + byte(p));
		break;
	default:
		speak(p, *c);
		break;
	}
}

/* ---- streams ---- */

static void read_end(struct end *e)
{
	static uint8_t room[65536];
	ssize_t n = recv(e->fd, room, sizeof(room), MSG_DONTWAIT);

	for (ssize_t i = 0; e->network && i < n; i++)
		require(room[i] == gate_in_byte(e->in++), "changes what comes for an application");
}

static void write_end(struct end *e, size_t n)
{
	static uint8_t room[65536];
	ssize_t sent;

	if (e->shut)
		return;
	for (size_t i = 0; i < n; i++)
		room[i] = gate_out_byte(e->out + i);
	sent = send(e->fd, room, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	e->out += sent > 0 ? (size_t)sent : 0;
}

static void stream(struct play *p)
{
	uint8_t how = byte(p);
	struct end *e = &p->end[how % ENDS];

	if (e->fd < 0)
		return;
	switch (how / ENDS % 8) {
	case 0:
		hang_up(&e->fd);
		break;
	case 1:
		e->shut = true;
		shutdown(e->fd, SHUT_WR);
		break;
	case 2:
		shutdown(e->fd, SHUT_RD);
		break;
	case 3:
	case 4:
		read_end(e);
		break;
	default:
		write_end(e, 1 + byte(p) * 200u);
		break;
	}
}

/* What usually follows at once; an input may leave each of it out. */
static void follow(struct play *p, uint8_t op)
{
	if (op & 128)
		return;
	gate_round(p->w);
	for (unsigned i = 0; i < GATE_WORKERS && !(op & 64); i++)
		gate_worker_settles(p->w, i, op & 32);
	if (!(op & 64))
		gate_round(p->w);
}

static void step(struct play *p)
{
	uint8_t op = byte(p);
	unsigned worker = op >> 3 & 1;

	switch (op & 7) {
	case 0:
	case 1:
	case 2:
		client(p);
		follow(p, op);
		break;
	case 3:
		stream(p);
		follow(p, op);
		break;
	case 4:
		gate_worker_takes(p->w, worker, 1 + (op >> 4) * 8u);
		break;
	case 5:
	case 6:
		gate_worker_acts(p->w, worker, byte(p), byte(p));
		break;
	default:
		if (op & 16)
			gate_worker_settles(p->w, worker, op >> 5);
		gate_round(p->w);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct play p = {.w = gate_fresh(), .p = data, .stop = data + size};

	for (unsigned i = 0; i < CLIENTS; i++)
		p.client[i] = -1;
	for (unsigned i = 0; i < ENDS; i++)
		p.end[i].fd = -1;
	for (unsigned i = 0; i < STEPS_MAX && p.p < p.stop; i++)
		step(&p);
	for (unsigned i = 0; i < CLIENTS; i++)
		hang_up(&p.client[i]);
	for (unsigned i = 0; i < ENDS; i++)
		hang_up(&p.end[i].fd);
	gate_end(p.w);
	return 0;
}
