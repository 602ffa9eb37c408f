/* SPDX-License-Identifier: BSD-3-Clause */
/* What a stream does with a TCP socket unlike with the end of a socketpair. */
#pragma once
#include <stddef.h>
#include <sys/types.h>

/* A close will send a reset. */
void gw_tcp_reset(int fd);
/* Bytes into two pieces, of which the second may be empty; 0: the end of the stream; -EAGAIN, or another -errno. */
ssize_t gw_tcp_receive(int fd, void *piece[2], const size_t len[2]);
/* What has become of an attempt to connect: 0 or -errno. */
int gw_tcp_error(int fd);
