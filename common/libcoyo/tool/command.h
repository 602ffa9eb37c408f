/* SPDX-License-Identifier: BSD-3-Clause */
/* A program that serves one stream, as inetd's do: found beforehand, told who calls in its environment, started with the stream as its standard
 * input and output. */
#pragma once
#include "libcoyo/coyo.h"

#include <stdbool.h>
#include <sys/types.h>

#define COMMAND_PATH_MAX 4096

/* Finds the program that name means in search, a list as $PATH is (NULL: the system's default), and looks at what would keep it from being
 * run. 0 and its path in out, or -errno and one sentence with cause and remedy in why. */
int command_find(const char *name, const char *search, char out[COMMAND_PATH_MAX],
                 char why[COYO_WHY_MAX]);

/* The two ends of a stream. */
struct command_ends {
	struct sockaddr_coyo peer;
	struct sockaddr_coyo local; /* scoyo_family 0: the own id is not known; the port is */
};

/* A copy of environment base without any COYO_PEER..., COYO_PORT, COYO_LOCAL that it had, and with those of ends:
 *   COYO_PEER        the id of who calls, in text form
 *   COYO_PEER_SHORT  its short form, as in logs
 *   COYO_PEER_PORT   the port there
 *   COYO_PORT        the port here
 *   COYO_LOCAL       the own id in text form, where it is known
 * Freed by one free(); the strings of base stay where they are. NULL: no memory. */
char **command_environment(char *const *base, const struct command_ends *ends);

/* Starts path with argv and environment. It has the stream as standard input and output, standard error is ours, no other descriptor is open;
 * it leads a process group of its own; no signal is blocked, and SIGPIPE ends it. Its pid, or -errno. stream stays open here. */
pid_t command_start(const char *path, char *const *argv, char *const *environment, int stream);

/* How a program ended, of waitpid()'s status: "status 3", "signal 15 (Terminated)". */
void command_ended(int status, char *out, size_t cap);
