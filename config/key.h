/* SPDX-License-Identifier: BSD-3-Clause */
/* The key that `key` of [node] names. */
#pragma once
#include "conf.h"

struct identity; /* crypto/identity.h */

/* Whether `key` asks for a key that is made at the start and forgotten at the end. */
bool conf_key_is_ephemeral(const struct conf *c);
/* Reads the key file into me, or makes a key, which the caller wipes (identity_wipe()). -EINVAL with an error at the line that names the file when it is
 * missing, readable by others or damaged, or when a link's neighbour is this node itself. */
int conf_key_load(const struct conf *c, struct identity *me, struct conf_errors *e) COYO_NODISCARD;
