/* SPDX-License-Identifier: BSD-3-Clause */
/* What this process knows of its descriptors: one byte for each says whether it may be of the network, and is all that a call on another
 * descriptor reads. What it says is a hint: a descriptor may have been closed and opened again behind our back (a system call of its own,
 * a child after vfork), so it is believed only where the inode is still the same. */
#pragma once
#include "base/cc.h"
#include "libcoyo/preload/table.h"

#include <stdatomic.h>
#include <sys/epoll.h>

#define FDS_MAX     (1u << 20) /* descriptors from here on are never of the network */
#define FDS_OPTIONS 24u

enum fd_kind {
	FD_OTHER = 0, /* not of the network, as far as we know */
	FD_FRESH, /* an AF_INET6 stream socket of the kernel, not connected: its epoll registration is remembered */
	FD_TABLE, /* the memory of `coyo run`: it survives programs that close everything */
	FD_BOUND, /* a socket of the kernel whose bind() to a port of the network was only remembered */
	FD_CONNECTING, /* a stream that is not connected yet */
	FD_FAILED,     /* a stream that could not be connected */
	FD_STREAM,
	FD_LISTENER,
	FD_WAITING, /* a listener whose daemon has ended: readable when something changes beside the daemon's socket */
	FD_MUTE, /* listens where another descriptor of this process takes all streams: nothing ever comes here */
	FD_SHUT, /* a listener that shutdown() has ended */
};

/* A value that the program has given an option, or that is to be told. */
struct fd_option {
	int level, name, value;
};

struct fd_slot {
	struct table_end end;
	_Atomic int control; /* see fds_control() */
	uint64_t control_inode;
	int err;                       /* failed: errno, until it is told */
	bool told;                     /* connected: connect() has said so */
	struct sockaddr_storage bound; /* what bind() was given */
	socklen_t bound_len;
	/* Fresh, listener: the last registration with an epoll descriptor. */
	int epoll;
	struct epoll_event event;
	uint32_t options;
	struct fd_option option[FDS_OPTIONS];
};

/* A byte for each descriptor: enum fd_kind, a hint. */
extern _Atomic uint8_t fds_kinds[FDS_MAX];

/* The hint. No system call. */
static inline enum fd_kind fds_kind(int fd)
{
	if ((unsigned)fd >= FDS_MAX)
		return FD_OTHER;
	return (enum fd_kind)atomic_load_explicit(&fds_kinds[fd], memory_order_relaxed);
}

/* The slot of a descriptor of which nothing is known yet, emptied, of that kind and the descriptor's inode. NULL: no memory, or no such
 * descriptor. */
struct fd_slot *fds_new(int fd, enum fd_kind kind);
/* The slot of a fresh socket, which may hold an old one's words; NULL: it has none. No system call. */
struct fd_slot *fds_peek(int fd);
/* Marks an AF_INET6 stream socket that the kernel has just made. No system call after the first one of its neighbourhood. */
void fds_fresh(int fd);
/* The slot where the hint is right, else NULL, and the hint is gone. errno stays. */
struct fd_slot *fds_ours(int fd);
/* The same for a descriptor without a hint that turned out to be of the AF_UNIX family: another process of this run, or a call that we have
 * not seen, may have made it. errno stays. */
struct fd_slot *fds_recover(int fd);
/* Changes the kind of a slot. */
void fds_become(int fd, enum fd_kind kind);
/* Tells the other processes of this run, and later programs, what is known of it. */
void fds_publish(const struct fd_slot *s);
/* Connecting: this connection, or -1, is to bring the daemon's answer. */
void fds_set_control(struct fd_slot *s, int control);
/* That connection; -1: none, or lost: a program that closes descriptors in a loop closes it unseen, and its number may be another's by now. errno
 * stays. */
int fds_control(const struct fd_slot *s);
/* Closes it, if there is one. */
void fds_end_control(struct fd_slot *s);
/* The descriptor is about to be closed or to become another. */
void fds_forget(int fd);
/* to has become the same as from. */
void fds_copy(int from, int to);
/* A listener of this process at a port, or -1. */
int fds_listener(uint16_t port);
/* Remembers an option's value. */
void fds_set_option(struct fd_slot *s, int level, int name, int value);
/* Its value. False: the program has not given it one. */
bool fds_option(const struct fd_slot *s, int level, int name, int *value);
