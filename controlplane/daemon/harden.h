/* SPDX-License-Identifier: BSD-3-Clause */
/* What the daemon gives up so that whoever takes it over gets little: privileges, memory dumps, the swapping out of its secret key. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What of the process is never swapped out. */
enum harden_locked {
	LOCKED_NOTHING,
	LOCKED_KEY, /* the node's own secret key */
	LOCKED_ALL, /* everything, as it is used */
};

struct conf;
struct daemon;
struct identity;

/* For the whole process, before any secret is read and any thread is started: no privileges by exec, and, unless dumps, neither core files
 * nor tracing by others of this user. */
void harden_begin(bool dumps);
/* Keeps the secret key, and where the limit of locked memory allows it all memory of the process, session keys with it, from being swapped
 * out; the key's page is not dumped either. To be called before the key is read. Returns how much that is. */
enum harden_locked harden_lock(struct identity *me);
/* Whom user = of [node] names, when the process is root's: *uid and *gid, which stay 0 where it is to stay root. Not root: nothing to drop.
 * -EINVAL with a sentence in err when there is no such user. */
int harden_user(const struct conf *c, uint32_t *uid, uint32_t *gid, char *err, size_t errcap);
/* Once everything is open: files that the daemon made, and its state folder, become that user's, then all threads do. The control thread
 * keeps the capabilities that the configured ports and links need to be opened again. -errno with a sentence in err. */
int harden_drop(struct daemon *d, char *err, size_t errcap);
