/* SPDX-License-Identifier: BSD-3-Clause */
/* Whom a name means on this machine, and what an id is called: first the user's own names, then those that the user's contacts vouch for
 * (NAME.CONTACT), then those of the daemon. */
#pragma once
#include "ipc/appabi.h"
#include "names/names.h"

#define RESOLVE_WHY_MAX 320

/* An id in any form is itself, and nobody is asked. A name means what the user's own names say; where they do not have it, what the list of the contact says
 * that it ends in; else what the daemon on the application socket says (socket as for ask_socket_path()), for at most timeout_ms. -EINVAL: neither a name nor an id; -ENOENT: nobody is
 * called so; -ENOTCONN: no daemon; -ETIMEDOUT; -ESTALE: the contact's list has expired; -EPERM and others from the files of own names and
 * contacts, which are not passed over where they are wrong. One
 * sentence in why. */
int resolve_name(const char *socket, const char *text, int timeout_ms, struct node_id *id,
                 char why[RESOLVE_WHY_MAX]) COYO_NODISCARD;

/* The part of it that asks nobody. 0, errors as above, or RESOLVE_ASK: *req is what the daemon has to be asked. */
int resolve_own(const char *text, struct app_request *req, struct node_id *id,
                char why[RESOLVE_WHY_MAX]) COYO_NODISCARD;
#define RESOLVE_ASK 1

/* The name of an id of which the first 120 bits are given, in the same order; the whole id in *id. Errors as above. */
int resolve_start(const char *socket, const uint8_t start[15], int timeout_ms, struct node_id *id,
                  char name[NAMES_NAME_MAX + 1], char why[RESOLVE_WHY_MAX]) COYO_NODISCARD;
