/* SPDX-License-Identifier: BSD-3-Clause */
/* The system calls that are left to the daemon once it has started. The list is made from comments: scripts/lib/syscalls.py. */
#pragma once
#include <stdbool.h>

enum sandbox_mode { SANDBOX_DENY = 0, SANDBOX_KILL, SANDBOX_OFF };

/* Shuts the sandbox around all threads, for good: any other system call fails with EPERM, or ends the process by SIGSYS with its number on
 * stderr. 0, or -errno; -ENOSYS where this build has no libseccomp or looks for errors with a sanitizer. */
int sandbox_shut(enum sandbox_mode mode);
