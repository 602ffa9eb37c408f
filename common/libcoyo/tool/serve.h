/* SPDX-License-Identifier: BSD-3-Clause */
/* A command for each stream, as inetd does: what the service holds, in one thread. */
#pragma once
#include "libcoyo/tool/children.h"
#include "libcoyo/tool/command.h"
#include "libcoyo/tool/listen_args.h"

#include <poll.h>

#define SERVE_TURNED_AWAY_MAX 32
#define SERVE_NEVER           UINT64_MAX
/* Before the daemon is asked again with --retry; doubled each time. */
#define SERVE_PAUSE_MIN_MS 200
#define SERVE_PAUSE_MAX_MS 5000

/* A listener of the daemon. */
struct serve_port {
	uint16_t port;
	int fd;            /* -1: lost, or not had yet */
	bool asked;        /* the daemon has not answered yet */
	uint64_t again_ms; /* when it is asked for again */
	uint32_t pause_ms; /* before the next attempt */
	struct sockaddr_coyo local;
};

/* A stream whose peer may not have it. */
struct serve_refused {
	int fd;
	uint64_t until_ms;
};

struct serve {
	const struct listen_args *args;
	const char *socket; /* as -s gave it */
	char program[COMMAND_PATH_MAX];
	uint8_t (*allowed)[COYO_ID_BYTES]; /* args->nallowed of them */
	struct serve_port ports[LISTEN_PORTS_MAX];
	char told[COYO_WHY_MAX]; /* why one could not be had: said once; empty: all are there */
	struct children children;
	int signals; /* a signalfd */
	bool stopping;
	bool failed;                /* the exit status is to say so */
	bool killed;                /* the commands were told to end */
	uint64_t kill_ms, leave_ms; /* when they are; when nobody waits for them any longer */
	/* A stream for which no process could be made: it waits for one. -1: none. */
	int waiting;
	struct command_ends waiting_ends;
	uint64_t start_ms;       /* when that is tried again */
	uint32_t start_pause_ms; /* 0: the last attempt was good */
	uint64_t accept_ms;      /* not before: no descriptor was free */
	bool told_descriptors;
	uint64_t told_full_ms; /* 0: never */
	struct serve_refused refused[SERVE_TURNED_AWAY_MAX];
	unsigned nrefused;
	uint64_t lines_ms; /* the second that `lines` counts in */
	unsigned lines, lines_lost;
};

/* Serves args->port until it is told to end by SIGTERM, SIGINT or SIGHUP, or has lost its listeners. Returns the exit status. */
int serve_run(const struct listen_args *args, const char *socket);

/* No more streams. Commands may go on until kill_ms, on the loop's clock (SERVE_NEVER: as long as they like). */
void serve_stop(struct serve *s, uint64_t kill_ms);

/* serve_listen.c: has every port, or, without --retry, none: then it has been told, and the exit status is returned. Blocks until the daemon
 * has answered. */
int serve_listen(struct serve *s, uint64_t now_ms);
/* Asks for the ports whose time has come. */
void serve_listen_again(struct serve *s, uint64_t now_ms);
/* Whether a stream may be taken now; where the limit is in the way that is said. */
bool serve_may_take(struct serve *s, uint64_t now_ms);
/* What poll() tells about a port's descriptor: the answer, a stream, or the listener's end. */
void serve_port_event(struct serve *s, struct serve_port *p, short events, uint64_t now_ms);

/* serve_stream.c: a stream has come for this port: its command is started, or it waits, or it is turned away (false). Takes fd. */
bool serve_stream(struct serve *s, struct serve_port *p, int fd, const struct sockaddr_coyo *peer,
                  uint64_t now_ms);
/* Tries again to start the command of the stream that waits. */
void serve_waiting(struct serve *s, uint64_t now_ms);
/* Ends turned away streams: those that fds (as many, in the same order) tells of, and those whose time has come. */
void serve_refused(struct serve *s, const struct pollfd *fds, uint64_t now_ms);
/* Takes every command that has ended. */
void serve_reap(struct serve *s, uint64_t now_ms);

/* serve_say.c: one line on standard error about a peer; beyond a few each second they are only counted, and the count is said. */
void serve_say(struct serve *s, uint64_t now_ms, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
