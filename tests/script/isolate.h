/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs scripts so that one that crashes, hangs or spoils memory fails alone. */
#pragma once
#include <stdbool.h>

/* Runs each path in order in a process that ends with the first that is not well; that one is then judged in a new process which ran
 * none before it. verdict is called in this process for each path in order; signal: what ended the process, 0: it ended itself. What the
 * script prints is seen where it is judged. verdict says whether to go on. Ends the program with 2 when no process can be made. */
void isolate_run(char *const *paths, unsigned n, bool (*script)(const char *path),
                 bool (*verdict)(const char *path, bool ok, int signal));
