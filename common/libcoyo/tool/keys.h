/* SPDX-License-Identifier: BSD-3-Clause */
/* The verbs of coyo that need no daemon: make a key file, show whose it is. */
#pragma once
#include "libcoyo/coyo.h"
#include "wire/id.h"

/* Writes a new key to path (created with mode 0600, never overwritten), or to standard output when path is NULL. 0 or -errno. */
int keys_generate(const char *path, char why[COYO_WHY_MAX]);

/* Reads whose key file path is, "-" for standard input. 0 or -errno. */
int keys_id(const char *path, struct node_id *id, char why[COYO_WHY_MAX]);

/* Prints the forms of the id whose key file is path, "-" for standard input; the text form is the last word. 0 or -errno. */
int keys_show(const char *path, char why[COYO_WHY_MAX]);
