/* SPDX-License-Identifier: BSD-3-Clause */
/* The control socket: a bounded number of clients, one request each, answers that wait for slow readers but not for ever. */
#pragma once
#include "base/json.h"
#include "base/time.h"
#include "ipc/ctl.h"
#include "wire/id.h"

#include <stdbool.h>
#include <stdint.h>

struct daemon;
struct dp_event;
struct node_answer;

#define CTL_CLIENTS_MAX 32
#define CTL_OUT_MAX     (32u << 20) /* bytes of one answer */

enum ctl_client_state { CTL_FREE = 0, CTL_READING, CTL_WORKING, CTL_WRITING };

struct ctl_client {
	enum ctl_client_state state;
	int fd;
	uint32_t generation;
	struct instant deadline; /* reading, working: give up; writing: no progress */
	char line[CTL_LINE_MAX + 2];
	size_t line_len;
	struct json out; /* finished lines */
	size_t sent;
	bool want_write; /* epoll is told */
	/* A request under way. */
	struct ctl_request req;
	struct node_id target;
	uint32_t cookie; /* 0: none */
	struct instant began;
	uint32_t answers, lost;
	int64_t rtt_min_ns, rtt_max_ns, rtt_sum_ns;
	struct json rows; /* `show connections`: rows so far */
	uint32_t nrows;
	uint16_t workers_left; /* bit per worker whose dump has not ended */
	bool truncated;
};

struct ctl_server {
	int fd;
	bool bound;               /* the path is ours to remove */
	struct instant resume_at; /* accepting pauses until then */
	struct ctl_client clients[CTL_CLIENTS_MAX];
};

/* Listens. A stale socket of a dead daemon is replaced. -errno with one sentence in err. */
int ctl_server_open(struct daemon *d, char *err, size_t errcap);
void ctl_server_close(struct daemon *d);

/* epoll says so. index: client; generation from the epoll data. */
void ctl_server_accept(struct daemon *d);
void ctl_server_io(struct daemon *d, uint32_t index, uint32_t generation, uint32_t events);
/* Gives up on those whose time has come; the next such time. */
void ctl_server_tick(struct daemon *d);
struct instant ctl_server_deadline(const struct daemon *d);

/* The node answers a request; a worker sends a row of a dump. Unknown cookies are ignored: their client has left. */
void ctl_server_answer(struct daemon *d, const struct node_answer *a);
void ctl_server_event(struct daemon *d, const struct dp_event *e);

/* ---- between ctl_server.c (bytes) and request.c (meaning) ---- */
/* Adds one finished line to the client's answer. */
void ctl_client_line(struct ctl_client *c, const struct json *j);
/* The answer is complete: it is written, then the stream ends. */
void ctl_client_finish(struct daemon *d, struct ctl_client *c);
void ctl_client_error(struct daemon *d, struct ctl_client *c, int err, const char *text);
/* Writes what can be written now (streaming answers). */
void ctl_client_flush(struct daemon *d, struct ctl_client *c);

/* request.c */
void request_start(struct daemon *d, struct ctl_client *c);
void request_answer(struct daemon *d, struct ctl_client *c, const struct node_answer *a);
void request_row(struct daemon *d, struct ctl_client *c, const struct dp_event *e);
void request_timeout(struct daemon *d, struct ctl_client *c);
