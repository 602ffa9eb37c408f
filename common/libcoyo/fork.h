/* SPDX-License-Identifier: BSD-3-Clause */
/* What fork() does to sockets: the child holds what its parent holds. */
#pragma once

/* From the first call on, fork() is watched. */
void fork_watch(void);
