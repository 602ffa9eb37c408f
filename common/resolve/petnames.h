/* SPDX-License-Identifier: BSD-3-Clause */
/* A user's own names, in a private file: $XDG_CONFIG_HOME/coyo/names, else $HOME/.config/coyo/names, of lines `ID NAME...`. */
#pragma once
#include "names/names.h"

#define PETNAMES_WHY_MAX 320

/* Reads them into t. Where there is no file, or no home, there are none. A file that somebody else owns or may write to is refused (-EPERM), and so
 * is one with a wrong line (-EINVAL, -EEXIST); others from reading it. One sentence in why; t is then empty. */
int petnames_load(struct names *t, char why[PETNAMES_WHY_MAX]) COYO_NODISCARD;

/* Gives a name, as names_read() wrote it, to an id; the file and its folders are made where they are missing. 1: it has that name already.
 * -EEXIST: it is another id's; others from reading and writing. One sentence in why. The file is replaced as a whole, by one process at a time. */
int petnames_add(const char *name, const struct node_id *id,
                 char why[PETNAMES_WHY_MAX]) COYO_NODISCARD;

/* Takes a name away. -ENOENT: there is no such name; others as above. */
int petnames_remove(const char *name, char why[PETNAMES_WHY_MAX]) COYO_NODISCARD;
