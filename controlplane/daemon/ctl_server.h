/* SPDX-License-Identifier: BSD-3-Clause */
/* The control socket: a bounded number of clients, one request each, answers that wait for slow readers but not for ever. */
#pragma once
#include "daemon/ctl_client.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct daemon;
struct dp_event;
struct node_answer;

#define CTL_CLIENTS_MAX 32
#define CTL_ACCEPTS     16 /* connections taken in one turn of the loop */

struct ctl_server {
	int fd;
	atomic_bool bound;        /* the path is ours to remove */
	struct instant resume_at; /* accepting pauses until then */
	struct ctl_client clients[CTL_CLIENTS_MAX];
	uint32_t turn; /* whose slice is next */
};

/* Listens on the configured path. A stale socket of a dead daemon is replaced. -errno with one sentence in err. */
int ctl_server_open(struct daemon *d, char *err, size_t errcap);
/* Closes every client and the socket, and removes its path. */
void ctl_server_close(struct daemon *d);

/* Takes up to CTL_ACCEPTS of those who wait to be accepted, or refuses them where all clients are in use, or this user has its share: as many as stay free; for epoll's LOOP_LISTEN, which comes
 * again while someone waits. */
void ctl_server_accept(struct daemon *d);
/* Reads and writes one client; for epoll's LOOP_CLIENT. A generation that has passed is ignored. */
void ctl_server_io(struct daemon *d, uint32_t index, uint32_t generation, uint32_t events);
/* Writes one slice of one view, each client in its turn. True: there is more that could be written now. */
bool ctl_server_slice(struct daemon *d);
/* Gives up on those whose time has come. */
void ctl_server_tick(struct daemon *d);
/* The next such time. */
struct instant ctl_server_deadline(const struct daemon *d);

/* An answer of the node; a connection sent by a worker, or the last of them. Unknown cookies are ignored: their client has left. */
void ctl_server_answer(struct daemon *d, const struct node_answer *a);
void ctl_server_event(struct daemon *d, const struct dp_event *e);
