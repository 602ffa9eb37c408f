/* SPDX-License-Identifier: BSD-3-Clause */
/* One client of the control socket: its one request, and the answer's bytes on their way to a reader who may be slow. */
#pragma once
#include "base/json.h"
#include "base/time.h"
#include "daemon/show.h"
#include "ipc/ctl.h"
#include "wire/id.h"

#include <stdbool.h>
#include <stdint.h>

struct daemon;

#define CLIENT_OUT_LOW \
	(64u << 10) /* a view makes its next slice when less than this waits to be sent */
#define CLIENT_OUT_MAX (8u << 20) /* bytes that may wait; an answer that grows beyond is given up */

enum ctl_client_state {
	CLIENT_FREE = 0,
	CLIENT_READING, /* the request is coming in */
	CLIENT_BODY,    /* its line is there, and what comes behind it is coming in */
	CLIENT_WORKING, /* the node or the workers answer */
	CLIENT_SHOWING, /* a view is written, slice by slice */
	CLIENT_WRITING, /* the answer is complete and being sent */
};

struct ctl_client {
	enum ctl_client_state state;
	int fd;
	uint32_t generation;
	uint32_t uid; /* who asks */
	/* Reading (also what comes behind the line), working, showing while a worker is asked: give up; else showing, writing: give up unless something is sent before. */
	struct instant deadline;
	char line[CTL_LINE_MAX + 2];
	size_t line_len;
	char *body; /* req.body bytes, of which body_len have come; owned, NULL where the request has none */
	size_t body_len;
	/* The answer as far as it has not been sent: out.text + sent .. out.text + out.len. */
	struct json out;
	size_t sent;
	bool want_write; /* epoll is told */
	/* The request under way. */
	struct ctl_request req;
	struct show_walk walk;
	struct node_id target;
	uint32_t cookie; /* in events and answers that belong to it; 0: none */
	struct instant began;
	uint32_t answers, lost;
	bool drain_begun; /* a drain's tunnels are being withdrawn */
	uint32_t tunnels; /* how many there were */
	int64_t rtt_min_ns, rtt_max_ns, rtt_sum_ns;
};

/* Takes a slot for an accepted socket of this user, which it owns from then on; -errno when epoll refuses it, the socket is then closed. */
int ctl_client_open(struct daemon *d, struct ctl_client *c, int fd, uint32_t uid);
/* Closes the socket and frees whatever the request held. Nothing for a free slot. */
void ctl_client_close(struct ctl_client *c);
/* Tells epoll what the client waits for. */
void ctl_client_watch(struct daemon *d, struct ctl_client *c);

/* Begins a line of the answer, an object; the caller fills it and calls ctl_client_line_end(). */
struct json *ctl_client_line(struct ctl_client *c);
void ctl_client_line_end(struct ctl_client *c);
/* Bytes that wait to be sent. */
size_t ctl_client_waiting(const struct ctl_client *c);
/* Sends what the socket takes now. The client is closed when it has left, or when a complete answer is all sent. */
void ctl_client_flush(struct daemon *d, struct ctl_client *c);
/* The answer is complete: what waits is sent, then the stream ends. */
void ctl_client_finish(struct daemon *d, struct ctl_client *c);
/* The answer ends with an error: its errno and one sentence with cause and remedy. */
void ctl_client_error(struct daemon *d, struct ctl_client *c, int err, const char *text);
