/* SPDX-License-Identifier: BSD-3-Clause */
/* One machine runs a key once: two daemons of one id would take each other's neighbours and outbid each other's records for ever.
 *
 * Three things are held as long as the daemon lives: a lock on the key file (noticed from other containers and namespaces that share the
 * file), an abstract Unix socket (a copy of the key, same network namespace) and a locked file in a folder of the machine (a copy, other
 * network namespaces). The names of the last two are made from the secret key, so that nobody else can take them before.
 */
#pragma once
#include <stddef.h>

struct identity;

struct keylock {
	int key_fd, socket_fd, file_fd; /* -1: not held */
	char path[64];                  /* of the file; "": none */
};

/* Nothing is held. */
void keylock_init(struct keylock *l);
/* Takes all three. -EALREADY, with one sentence that names the other process in err, when another daemon of this machine runs with this key.
 * What is missing for one of them (no writable folder, say) is passed over. 0 otherwise. */
int keylock_take(struct keylock *l, const struct identity *me, const char *key_path, char *err,
                 size_t errcap);
/* Lets go, and removes the file. */
void keylock_release(struct keylock *l);
