/* SPDX-License-Identifier: BSD-3-Clause */
/* What the verbs of the coyo tool share: how each is called, and how it complains. */
#pragma once
#include "libcoyo/coyo.h"

#include <stdbool.h>
#include <sys/socket.h>

/* A verb gets its own arguments, argv[0] being its name, and the daemon's application socket as -s gave it (NULL: not given). Returns the
 * exit status (program/program.h). */

/* What SIGPIPE did when coyo was started: SIG_DFL, or SIG_IGN. It is ignored since. */
extern void (*verb_sigpipe)(int);

/* Makes a key file. */
int verb_keygen(int argc, char **argv, const char *socket);
/* Prints the id of a key file. */
int verb_id(int argc, char **argv, const char *socket);
/* Opens a stream to another node from standard input and to standard output. */
int verb_connect(int argc, char **argv, const char *socket);
/* Takes streams from other nodes: to standard output, or each to a command of its own. */
int verb_listen(int argc, char **argv, const char *socket);
/* coyo names ...: the user's own names. */
int verb_names(int argc, char **argv, const char *socket);
/* Likewise; returns only where the program could not be started, else the process becomes it. */
int verb_run(int argc, char **argv, const char *socket);
/* coyo proxy ...: programs that know one reach this network by it. */
int verb_proxy(int argc, char **argv, const char *socket);
/* coyo resolver ...: programs that ask DNS have the names of this network. */
int verb_resolver(int argc, char **argv, const char *socket);

/* Says why on standard error; returns status. */
int verb_complain(int status, const char *why);
/* Says what is wrong with the arguments, and where help is; returns PROGRAM_USAGE. */
int verb_misuse(const char *what);
/* The exit status for what a call that asks the daemon for something returned: PROGRAM_UNREACHED or PROGRAM_FAILED. */
int verb_status_of(int err);
/* Says why such a call failed; returns that status. */
int verb_complain_of(int err, const char *why);
/* The exit status for what coyo_resolve() returned: PROGRAM_USAGE where there is no such name, else as above. */
int verb_status_of_name(int err);
/* Says why it failed; returns that status. */
int verb_complain_of_name(int err, const char *why);
/* A number in decimal, 0 to most. */
bool verb_number(const char *text, unsigned long most, unsigned long *v);
/* A port in decimal, 1 to 65535. */
bool verb_port(const char *text, uint16_t *port);
/* ADDRESS:PORT or [ADDRESS]:PORT; port 0 lets the kernel choose. */
bool verb_address(const char *text, struct sockaddr_storage *at);
/* Whether only this machine reaches the address. */
bool verb_is_loopback(const struct sockaddr_storage *at);
/* The first byte of the addresses of ids, in one or two hexadecimal digits: 01 to fe. */
bool verb_prefix(const char *text, uint8_t *prefix);
