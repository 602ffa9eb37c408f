/* SPDX-License-Identifier: BSD-3-Clause */
/* Epoll sets as other calls see them. */
#pragma once
#include <stdbool.h>

/* Whether the number is an epoll set's; then it is closed, or *err is -EBADF. */
bool epoll_close(int handle, int *err);

/* Before fork(). */
void epoll_fork_lock(void);
/* After it; a child's sets wake nobody of its parent. */
void epoll_fork_unlock(bool child);
