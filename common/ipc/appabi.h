/* SPDX-License-Identifier: BSD-3-Clause */
/* What an application and the daemon say to each other over the Unix stream socket: one line each way, streams as descriptors.
 *
 *   -> connect ID PORT           <- ok LOCAL-ID LOCAL-PORT          with one descriptor (SCM_RIGHTS) on the line's first byte
 *   -> connect ID PORT early     <- ok                              with one descriptor: no byte goes through it before the second answer,
 *                                <- ok LOCAL-ID LOCAL-PORT          and it can be written to (poll) from then on
 *   -> listen PORT [BACKLOG]     <- ok LOCAL-ID PORT, then for every stream:
 *                                <- accept REMOTE-ID REMOTE-PORT    with one descriptor
 *   -> resolve NAME              <- is ID NAME                      whom the daemon's [names] call so
 *   -> name ID|START             <- is ID NAME                      and what they call an id; START: its first 24 characters
 *   -> version                   <- ok 1
 *                                <- error ENAME sentence            whenever it did not work; ENOENT: [names] have no such
 *
 * `listen PORT [BACKLOG] shared`: others of the same user that say so, too, may listen on the port, and each gets a part of the streams.
 *
 * A connection carries one request after another. After `listen` it belongs to the listener, which ends with the connection. A line is
 * at most APP_LINE_MAX bytes, its newline included. PORT is 1..65535 in decimal; an id is in any of its text forms.
 *
 * An application that shares a segment with the workers (ipc/applane.h) says `attach` first, with APPLANE_VERSION:
 *
 *   -> attach VERSION [SLOTS]    <- segment WORKERS SLOTS RING_BYTES LOCAL-ID
 *
 * with these descriptors on the line's first byte, in this order: the segment, what wakes the application, and for each worker, in their order,
 * the eventfd that wakes it for this application. SLOTS: as many as were asked for, or fewer. What wakes the application is readable when it
 * is woken, by 8 bytes each time, and does not block; it need not be an eventfd. From then on the connection is the application: all that it
 * holds ends with the connection. It carries, one after another:
 *
 *   -> listen PORT [BACKLOG] [shared]
 *                                <- listening TOKEN PORT            PORT 0: one that is free, from 32768..60999
 *   -> datagrams PORT            <- listening TOKEN PORT            a port for datagrams, which are apart from streams' ports; 0 likewise
 *   -> unlisten TOKEN            <- ok                              of either
 *   -> resolve, name, version    as above */
#pragma once
#include "base/cc.h"
#include "ipc/applane.h"
#include "ipc/paths.h"
#include "names/ipv6.h"
#include "names/names.h"
#include "wire/id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define APPABI_VERSION      1
#define APP_LINE_MAX        512
#define APP_WHY_MAX         200 /* one sentence with its NUL */
#define APP_BACKLOG_DEFAULT 128
#define APP_BACKLOG_MAX     65535
#define APP_SOCKET_ENV      "COYO_SOCKET"
/* Descriptors that come with `segment`, for so many workers. */
#define APP_SEGMENT_FDS(workers) (2 + (workers))

enum app_request_type {
	APP_REQ_CONNECT = 1,
	APP_REQ_LISTEN,
	APP_REQ_VERSION,
	APP_REQ_ATTACH,
	APP_REQ_UNLISTEN,
	APP_REQ_RESOLVE,
	APP_REQ_NAME,
	APP_REQ_DATAGRAMS,
};

struct app_request {
	uint8_t type;      /* enum app_request_type */
	bool early;        /* connect: the descriptor comes before the stream is connected */
	bool shared;       /* listen: others of this user may listen there as well */
	uint16_t port;     /* connect, listen, datagrams; 0 (not connect): any that is free */
	uint32_t backlog;  /* listen */
	uint32_t version;  /* attach */
	uint32_t slots;    /* attach; 0: as many as the daemon grants */
	uint32_t token;    /* unlisten */
	struct node_id id; /* connect, name */
	bool start; /* name: only the first NAMES_START_BYTES of id are known, the others are 0 */
	char name[NAMES_NAME_MAX + 1]; /* resolve: as names_read() writes it */
};

/* Parses a request of len bytes, without its newline. -EINVAL: one sentence in why says what is wrong, and *out is untouched. */
int app_request_parse(const char *line, size_t len, struct app_request *out,
                      char why[APP_WHY_MAX]) COYO_NODISCARD;

/* Writes the request with its newline and a NUL; returns its length without the NUL. */
size_t app_request_write(const struct app_request *req, char out[APP_LINE_MAX]);

enum app_answer_type {
	APP_ANS_OK = 1,
	APP_ANS_ACCEPT,
	APP_ANS_ERROR,
	APP_ANS_SEGMENT,
	APP_ANS_LISTENING,
	APP_ANS_IS,
};

struct app_answer {
	uint8_t type;  /* enum app_answer_type */
	bool has_end;  /* id and port are there (always with accept) */
	uint16_t port; /* with an end; listening */
	int err; /* error: positive errno; one that this protocol has no name for travels as EIO */
	uint32_t token;              /* listening */
	struct appseg_layout layout; /* segment; appseg_layout_ok() holds */
	struct node_id id;           /* with an end; is; segment: this node's */
	char why[APP_WHY_MAX];
	char name[NAMES_NAME_MAX + 1]; /* is: as names_read() writes it */
};

/* Parses the daemon's answer of len bytes, without its newline. -EINVAL: no answer of this protocol; *out is then untouched. A sentence
 * longer than APP_WHY_MAX is cut off. */
int app_answer_parse(const char *line, size_t len, struct app_answer *out) COYO_NODISCARD;
/* Writes the answer with its newline and a NUL; returns its length without the NUL. Only an error, or an ok without id and port,
 * carries why, which must not contain a newline. */
size_t app_answer_write(const struct app_answer *ans, char out[APP_LINE_MAX]);

/* Writes the sentence that tells an application why its connect to this port of this id failed with err (positive errno). */
void app_connect_sentence(int err, const struct node_id *id, uint16_t port, char why[APP_WHY_MAX]);
