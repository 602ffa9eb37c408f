/* SPDX-License-Identifier: BSD-3-Clause */
/* Files of a user's own under $XDG_CONFIG_HOME/coyo, else $HOME/.config/coyo: read with suspicion, replaced as a whole by one process at a
 * time. Internal to common/resolve. */
#pragma once
#include "resolve/petnames.h"

#include <limits.h>
#include <stdio.h>

/* Where a file or folder of that name is. -ENOENT: no home is known; -ENAMETOOLONG. */
int private_path(char path[PATH_MAX], const char *leaf) COYO_NODISCARD;

/* Reads a file of at most max bytes into *text, which the caller frees. Where there is no file, or none that may be seen, *text is NULL. A file
 * that somebody else owns or may write to is refused (-EPERM), and so is one that is larger (-EFBIG); others from reading. One sentence in why,
 * and nothing to free then. */
int private_read(const char *path, size_t max, char **text, size_t *len,
                 char why[PETNAMES_WHY_MAX]) COYO_NODISCARD;

/* Makes the folder in which the file is, and those above it as far as the configuration's, where they are missing, and locks it: whoever changes
 * a file there holds it. A descriptor that the caller closes, or -errno with a sentence. */
int private_lock(const char *path, char why[PETNAMES_WHY_MAX]) COYO_NODISCARD;

/* Puts a file of mode 0600 with what put(arg) writes in the place of the one there is, under private_lock()'s folder. 0, or -errno with a
 * sentence: the file is then as it was. */
int private_replace(const char *path, int folder, void (*put)(FILE *out, const void *arg),
                    const void *arg, char why[PETNAMES_WHY_MAX]) COYO_NODISCARD;
