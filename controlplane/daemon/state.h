/* SPDX-License-Identifier: BSD-3-Clause */
/* The contact snapshot on disk: restored at the start, written whole or not at all. */
#pragma once

struct daemon;

/* Feeds the file to the node; before the first link. A missing file is nothing; a bad one is said and ignored. */
void state_restore(struct daemon *d);
/* Writes it now (temporary file, fsync, rename). */
void state_save(struct daemon *d);
/* The node says it is worth it: written at most every 10 s, by the loop. */
void state_changed(struct daemon *d);
