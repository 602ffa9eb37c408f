/* SPDX-License-Identifier: BSD-3-Clause */
/* Handles: the numbers that applications have for sockets, and the entries of the table that they mean. */
#pragma once
#include "libcoyo/attach.h"

#define HANDLE_FIRST  (1 << 20) /* no descriptor of the kernel is as large */
#define HANDLE_STRIDE (1 << 17) /* sockets of one attachment */

/* The number that an application has for an entry. */
static inline int sock_handle(unsigned attachment, uint32_t index)
{
	return HANDLE_FIRST + (int)attachment * HANDLE_STRIDE + (int)index;
}

/* A socket during one call. */
struct ref {
	struct attachment *a;
	struct sock *s;
	uint32_t index;
	/* The entry's when it was found: another one means that the socket has been closed since. */
	uint32_t use;
	unsigned attachment;
};

/* A new socket, held by this process alone; flags: SOCK_F_... Its handle, or -EMFILE. */
int sock_new(unsigned attachment, uint32_t state, uint32_t flags);
/* The socket that this process holds under that handle. 0 or -EBADF. */
int sock_find(int handle, struct ref *out);
/* An entry of the table without asking who holds it. */
struct ref sock_ref(unsigned attachment, uint32_t index);
/* The entry can be used anew. Its slot is not the socket's any more. */
void sock_free(const struct ref *r);

/* The socket has got this slot, whose words are all 0: its views of the rings begin. Under both locks. */
void sock_open_slot(const struct ref *r, uint32_t slot);
/* Its out ring grows as far as SO_SNDBUF says from now on; what it has already it keeps. Under the sending lock. */
void sock_limit_out(const struct ref *r);
/* Its out ring has no room, and the stream is held up by that: the ring may become larger from now on, where it is as large as it may be and few
 * others are so. Under the sending lock. */
void sock_grow_out(const struct ref *r);

/* Takes the receiving lock. What a process that died in the middle had moved is made known to the worker. */
void sock_take_recv(const struct ref *r);
/* Takes the sending lock, likewise. */
void sock_take_send(const struct ref *r);
/* Takes both. */
void sock_take_both(const struct ref *r);
/* Gives both back. */
void sock_give_both(const struct ref *r);

/* Whether the socket has been closed since it was found. Certain under one of its locks. */
static inline bool sock_closed(const struct ref *r)
{
	return atomic_load_explicit(&r->s->use, memory_order_acquire) != r->use;
}
/* Its slot's words; it has one. */
static inline struct appseg_slot *sock_words(const struct ref *r)
{
	return attach_slot(r->a, r->s->slot);
}
/* Its SOCK_F_... */
static inline uint32_t sock_flags(const struct ref *r)
{
	return atomic_load_explicit(&r->s->flags, memory_order_acquire);
}
