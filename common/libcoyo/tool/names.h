/* SPDX-License-Identifier: BSD-3-Clause */
/* What the verbs of `coyo names` share. */
#pragma once
#include "base/json.h"
#include "names/names.h"

#include <stdbool.h>

/* How coyo names was called. */
struct names_call {
	const char *socket; /* the daemon's application socket as -s gave it, or NULL */
	bool json;          /* answers and errors are documents on standard output */
};

/* Says why, with the negative errno err; returns status. */
int names_fail(const struct names_call *c, int status, int err, const char *why);
/* Prints a document and frees it; returns PROGRAM_DONE, or PROGRAM_FAILED where memory ran out. */
int names_print(struct json *j);
/* A word that must be a name, written as the table has it. 0, or an exit status: it has been told what is wrong. */
int names_take(const struct names_call *c, const char *word, char name[NAMES_NAME_MAX + 1]);

/* Own names, then those of contacts. */
int names_list(const struct names_call *c);
/* A list that the daemon's node signs. argv[0] is the word behind `names` here and below; returns the exit status. */
int names_export(const struct names_call *c, int argc, char **argv);
/* Takes the list of a contact. */
int names_import(const struct names_call *c, int argc, char **argv);
/* Removes it. */
int names_forget(const struct names_call *c, int argc, char **argv);

/* Whether the daemon gives this name to another id. Where it does not say, it does not. *answers becomes false where none answers, and it is not
 * asked again. */
bool names_daemon_differs(const char *socket, const char *name, const struct node_id *id,
                          struct node_id *other, bool *answers);
