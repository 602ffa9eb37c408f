/* SPDX-License-Identifier: BSD-3-Clause */
/* Processes that share the sockets of one application. A socket is closed when the last that holds it has closed it, has ended, or has become
 * another program: fork() adds a holder, exec and death are found by the lock that each process has on its byte of the segment's file. */
#pragma once
#include "libcoyo/region.h"

/* The seat of the process that has attached. SEATS where it could not be taken. */
unsigned seat_first(struct region *r, int memory);

/* A seat for the child that fork() is about to make: it holds what this process does. SEATS: none is left. */
unsigned seat_promise(struct region *r, unsigned seat);
/* In the child: the promised seat is this process's. */
void seat_claim(struct region *r, int memory, unsigned seat);

/* This process no longer holds the socket. True: nobody does any more, and this process, no other, is to release it. Under the region's lock. */
bool seat_drop(unsigned seat, struct sock *s);

/* Whether this process holds the socket. */
static inline bool seat_holds(const struct sock *s, unsigned seat)
{
	return seat < SEATS &&
	       (atomic_load_explicit(&s->holders[seat / 64], memory_order_relaxed) >> seat % 64 &
	        1);
}

/* This process, and no other, holds the socket. Under the region's lock. */
void seat_take(struct sock *s, unsigned seat);

/* Looks, at most ten times in a second, for processes that have ended. The index of a socket that nobody holds any more, which is then this
 * process's to close, or NONE. */
uint32_t seat_orphan(struct region *r, int memory, unsigned seat);
