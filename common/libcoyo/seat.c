/* SPDX-License-Identifier: BSD-3-Clause */
/* Which processes hold which sockets, and how one finds that another has ended.
 *
 * Each process has a record lock on one byte of the segment's file. The kernel gives it back when the process ends, and when it calls exec,
 * since the file is closed then; a child of fork() does not inherit it. Nothing else tells a process that became another program from one
 * that lives on: its number is the same. */
#include "libcoyo/seat.h"
#include "libcoyo/clock.h"
#include "libcoyo/lock.h"

#include <fcntl.h>
#include <unistd.h>

#define SWEEP_NS   (100 * NS_PER_MS)
#define PROMISE_NS (10 * NS_PER_S) /* in which a child takes its seat, or there was none */

static struct flock byte_of(unsigned seat, short type)
{
	return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = seat, .l_len = 1};
}

static unsigned free_seat(struct region *r)
{
	unsigned i = 0;

	while (i < SEATS && r->seat[i].state != SEAT_FREE)
		i++;
	if (i < SEATS && i >= r->seats_used)
		r->seats_used = i + 1;
	return i;
}

void seat_claim(struct region *r, int memory, unsigned seat)
{
	struct flock l = byte_of(seat, F_WRLCK);

	if (seat >= SEATS)
		return;
	fcntl(memory, F_SETLK, &l);
	lock_take(&r->table);
	r->seat[seat].state = SEAT_TAKEN;
	lock_give(&r->table);
}

unsigned seat_first(struct region *r, int memory)
{
	unsigned seat = free_seat(r);

	seat_claim(r, memory, seat);
	return seat;
}

static void hold(struct sock *s, unsigned seat)
{
	atomic_fetch_or(&s->holders[seat / 64], UINT64_C(1) << seat % 64);
}

void seat_take(struct sock *s, unsigned seat)
{
	for (unsigned i = 0; i < SEATS / 64; i++)
		atomic_store(&s->holders[i], 0);
	s->releaser = 0;
	if (seat < SEATS)
		hold(s, seat);
}

static bool held(struct sock *s)
{
	uint64_t any = 0;

	for (unsigned i = 0; i < SEATS / 64; i++)
		any |= atomic_load(&s->holders[i]);
	return any != 0;
}

static void let_go(struct sock *s, unsigned seat)
{
	atomic_fetch_and(&s->holders[seat / 64], ~(UINT64_C(1) << seat % 64));
}

bool seat_drop(unsigned seat, struct sock *s)
{
	let_go(s, seat);
	if (held(s) || s->releaser)
		return false;
	s->releaser = seat + 1;
	return true;
}

unsigned seat_promise(struct region *r, unsigned seat)
{
	unsigned child;

	lock_take(&r->table);
	child = free_seat(r);
	if (child < SEATS && seat < SEATS) {
		r->seat[child] = (struct seat){SEAT_PROMISED, clock_ns()};
		for (uint32_t i = 0; i < r->socks_used; i++)
			if (seat_holds(&region_socks(r)[i], seat))
				hold(&region_socks(r)[i], child);
	}
	lock_give(&r->table);
	return seat < SEATS ? child : SEATS;
}

static bool ended(struct region *r, int memory, unsigned seat, int64_t now)
{
	struct flock l = byte_of(seat, F_WRLCK);

	if (r->seat[seat].state == SEAT_PROMISED && now - r->seat[seat].promised_at < PROMISE_NS)
		return false;
	return fcntl(memory, F_GETLK, &l) == 0 && l.l_type == F_UNLCK;
}

/* Seats whose process has ended are free, and hold nothing. */
static void sweep(struct region *r, int memory, unsigned own, int64_t now)
{
	for (unsigned i = 0; i < r->seats_used; i++) {
		if (i == own || r->seat[i].state == SEAT_FREE || !ended(r, memory, i, now))
			continue;
		r->seat[i].state = SEAT_FREE;
		r->orphans = true;
		for (uint32_t k = 0; k < r->socks_used; k++) {
			struct sock *s = &region_socks(r)[k];

			let_go(s, i);
			if (s->releaser == i + 1)
				s->releaser = 0;
		}
	}
	while (r->seats_used > 0 && r->seat[r->seats_used - 1].state == SEAT_FREE)
		r->seats_used--;
}

static uint32_t first_orphan(struct region *r, unsigned seat)
{
	for (uint32_t k = 0; k < r->socks_used; k++) {
		struct sock *s = &region_socks(r)[k];

		if (atomic_load(&s->state) == SOCK_UNUSED || held(s) || s->releaser)
			continue;
		s->releaser = seat + 1;
		return k;
	}
	r->orphans = false;
	return NONE;
}

uint32_t seat_orphan(struct region *r, int memory, unsigned seat)
{
	uint32_t k = NONE;
	int64_t now;

	if (seat >= SEATS || (r->seats_used <= 1 && !r->orphans))
		return NONE;
	lock_take(&r->table);
	now = clock_ns();
	if (now - r->swept_at >= SWEEP_NS) {
		r->swept_at = now;
		sweep(r, memory, seat, now);
	}
	if (r->orphans)
		k = first_orphan(r, seat);
	lock_give(&r->table);
	return k;
}
