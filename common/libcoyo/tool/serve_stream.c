/* SPDX-License-Identifier: BSD-3-Clause */
/* From a stream to its command, and to the command's end. */
#include "libcoyo/tool/serve.h"
#include "base/cc.h"
#include "wire/id.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_PAUSE_MIN_MS 100
#define START_PAUSE_MAX_MS 5000
/* A peer that may not have its stream is told so by a reset, which is what a close gives where something that came lies unread. Who says nothing
 * for so long sees an end of stream instead. */
#define REFUSED_MS 1000

static void brief_of(const struct sockaddr_coyo *peer, char out[ID_SHORT_LEN + 1])
{
	struct node_id id;

	memcpy(id.b, peer->scoyo_id, ID_BYTES);
	id_to_short(&id, out);
}

static bool allowed(const struct serve *s, const uint8_t id[COYO_ID_BYTES])
{
	for (unsigned i = 0; i < s->args->nallowed; i++)
		if (memcmp(s->allowed[i], id, COYO_ID_BYTES) == 0)
			return true;
	return s->args->nallowed == 0;
}

static void drop_refused(struct serve *s, unsigned i)
{
	close(s->refused[i].fd);
	memmove(&s->refused[i], &s->refused[i + 1], (s->nrefused - i - 1) * sizeof(s->refused[0]));
	s->nrefused--;
}

static void refuse(struct serve *s, int fd, uint64_t now_ms)
{
	if (s->nrefused == SERVE_TURNED_AWAY_MAX)
		drop_refused(s, 0);
	s->refused[s->nrefused++] =
	        (struct serve_refused){.fd = fd, .until_ms = now_ms + REFUSED_MS};
}

void serve_refused(struct serve *s, const struct pollfd *fds, uint64_t now_ms)
{
	for (unsigned i = s->nrefused; i-- > 0;)
		if (fds[i].revents || now_ms >= s->refused[i].until_ms)
			drop_refused(s, i);
}

/* No process can be made now: the stream waits, and none is taken until it has its command. */
static void wait_for_process(struct serve *s, int fd, const struct command_ends *ends, int err,
                             uint64_t now_ms)
{
	s->waiting = fd;
	s->waiting_ends = *ends;
	if (s->start_pause_ms == 0)
		serve_say(s, now_ms, "cannot start another process: %s; trying again",
		          strerror(-err));
	s->start_pause_ms = s->start_pause_ms == 0
	                            ? START_PAUSE_MIN_MS
	                            : (uint32_t)min_u64(s->start_pause_ms * 2, START_PAUSE_MAX_MS);
	s->start_ms = now_ms + s->start_pause_ms;
}

static void cannot_run(struct serve *s, int err, uint64_t now_ms)
{
	serve_say(s, now_ms, "cannot run %s: %s%s", s->program, strerror(-err),
	          err == -ENOEXEC ? "; a script begins with a line like #!/bin/sh" : "");
	if (s->args->once)
		s->failed = true;
}

/* Takes fd: it is the command's, or waits, or is closed. */
static void start(struct serve *s, int fd, const struct command_ends *ends, uint64_t now_ms)
{
	char **environment = command_environment(environ, ends);
	struct child child = {.port = ntohs(ends->local.scoyo_port), .began_ms = now_ms};
	char brief[ID_SHORT_LEN + 1];
	pid_t pid = environment ? command_start(s->program, s->args->command, environment, fd)
	                        : -ENOMEM;

	free(environment);
	if (pid == -EAGAIN || pid == -ENOMEM) {
		wait_for_process(s, fd, ends, pid, now_ms);
		return;
	}
	s->start_pause_ms = 0;
	close(fd);
	if (pid < 0) {
		cannot_run(s, pid, now_ms);
		return;
	}
	child.pid = pid;
	memcpy(child.peer, ends->peer.scoyo_id, COYO_ID_BYTES);
	children_add(&s->children, &child);
	brief_of(&ends->peer, brief);
	if (s->args->verbose)
		serve_say(s, now_ms, "port %u: %s from port %u: process %d begins", child.port,
		          brief, ntohs(ends->peer.scoyo_port), (int)pid);
}

bool serve_stream(struct serve *s, struct serve_port *p, int fd, const struct sockaddr_coyo *peer,
                  uint64_t now_ms)
{
	struct command_ends ends = {.peer = *peer, .local = p->local};
	char brief[ID_SHORT_LEN + 1];

	brief_of(peer, brief);
	if (!allowed(s, peer->scoyo_id)) {
		serve_say(s, now_ms, "port %u: %s is turned away: no --allow names it", p->port,
		          brief);
		refuse(s, fd, now_ms);
		return false;
	}
	if (s->args->of_one_peer &&
	    children_of(&s->children, peer->scoyo_id) >= s->args->of_one_peer) {
		serve_say(s, now_ms,
		          "port %u: %s is turned away: it has as many streams as --per-peer says",
		          p->port, brief);
		refuse(s, fd, now_ms);
		return false;
	}
	ends.local.scoyo_port = htons(p->port);
	start(s, fd, &ends, now_ms);
	return true;
}

void serve_waiting(struct serve *s, uint64_t now_ms)
{
	int fd = s->waiting;

	if (fd < 0)
		return;
	s->waiting = -1;
	start(s, fd, &s->waiting_ends, now_ms);
}

void serve_reap(struct serve *s, uint64_t now_ms)
{
	char how[64], brief[ID_SHORT_LEN + 1];
	struct sockaddr_coyo peer;
	struct child c;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		/* Processes that our own program left us are reaped as well. */
		if (!children_take(&s->children, pid, &c))
			continue;
		/* A place is free: whoever waits for a process need not wait on. */
		s->start_ms = now_ms;
		memcpy(peer.scoyo_id, c.peer, COYO_ID_BYTES);
		brief_of(&peer, brief);
		command_ended(status, how, sizeof(how));
		if (s->args->verbose)
			serve_say(s, now_ms, "port %u: %s: process %d ends after %.3f s with %s",
			          c.port, brief, (int)pid, (double)(now_ms - c.began_ms) / 1000,
			          how);
		if (s->args->once && status != 0) {
			serve_say(s, now_ms, "the command ended with %s", how);
			s->failed = true;
		}
	}
}
