/* SPDX-License-Identifier: BSD-3-Clause */
/* SIGHUP and `coyoctl reload`: read the file again, do what can be done live, name the rest. */
#pragma once
#include "base/json.h"

struct daemon;

/* Adds to j (an open object, or NULL) the arrays "applied", "needs_restart" and "failed": what is tried again, see
 * reload_again().
 * -EINVAL: the file has errors, which were logged, and nothing was changed. -ENOMEM: nothing was changed. */
int reload(struct daemon *d, struct json *j);
/* Tries once more, where it is time, what the last reload could not add; says when it could. */
void reload_again(struct daemon *d);
