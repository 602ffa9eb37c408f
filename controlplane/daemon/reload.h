/* SPDX-License-Identifier: BSD-3-Clause */
/* SIGHUP and `coyoctl reload`: read the file again, do what can be done live, name the rest. */
#pragma once
#include "base/json.h"

struct daemon;

/* Adds to j (may be NULL; an open object) the arrays "applied" and "needs_restart". -EINVAL: errors were logged, nothing was
 * changed. */
int reload(struct daemon *d, struct json *j);
