/* SPDX-License-Identifier: BSD-3-Clause */
/* Slots are made a thousand at a time, by mmap(), the first time that a descriptor of that thousand needs one: no malloc(), since a signal
 * handler may connect. */
#include "libcoyo/preload/fds.h"
#include "libcoyo/preload/forward.h"
#include "libcoyo/preload/shim.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define CHUNK 1024u

_Atomic uint8_t fds_kinds[FDS_MAX];
static struct fd_slot *_Atomic chunks[FDS_MAX / CHUNK];
/* The highest descriptor that ever was a listener. */
static _Atomic int listeners_to = -1;

static struct fd_slot *slot_of(int fd)
{
	struct fd_slot *chunk = atomic_load(&chunks[(unsigned)fd / CHUNK]);

	return chunk ? &chunk[(unsigned)fd % CHUNK] : NULL;
}

static struct fd_slot *slot_made(int fd)
{
	struct fd_slot *_Atomic *at = &chunks[(unsigned)fd / CHUNK], *none = NULL;
	size_t n = CHUNK * sizeof(struct fd_slot);
	void *p;

	if (atomic_load(at))
		return slot_of(fd);
	p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	if (!atomic_compare_exchange_strong(at, &none, (struct fd_slot *)p))
		munmap(p, n);
	return slot_of(fd);
}

/* What was closed behind our back leaves nothing to whatever has its number now. */
static void end_stale(int fd)
{
	if (unlikely_(fds_kind(fd) == FD_CONNECTING))
		fds_forget(fd);
}

struct fd_slot *fds_new(int fd, enum fd_kind kind)
{
	struct fd_slot *s = (unsigned)fd < FDS_MAX ? slot_made(fd) : NULL;
	struct stat st;

	if (!s || fstat(fd, &st) < 0)
		return NULL;
	end_stale(fd);
	memset(s, 0, offsetof(struct fd_slot, option));
	s->control = s->epoll = -1;
	s->end.inode = st.st_ino;
	fds_become(fd, kind);
	return s;
}

void fds_become(int fd, enum fd_kind kind)
{
	struct fd_slot *s = slot_of(fd);
	int most = atomic_load(&listeners_to);

	if (s)
		s->end.kind = (uint8_t)kind;
	atomic_store(&fds_kinds[fd], (uint8_t)kind);
	while (kind == FD_LISTENER && most < fd &&
	       !atomic_compare_exchange_weak(&listeners_to, &most, fd))
		;
}

struct fd_slot *fds_peek(int fd)
{
	return slot_of(fd);
}

void fds_fresh(int fd)
{
	struct fd_slot *s = (unsigned)fd < FDS_MAX ? slot_made(fd) : NULL;

	if (!s)
		return;
	end_stale(fd);
	s->epoll = -1;
	atomic_store_explicit(&fds_kinds[fd], FD_FRESH, memory_order_relaxed);
}

struct fd_slot *fds_ours(int fd)
{
	struct fd_slot *s = slot_of(fd);
	int saved = errno;
	struct stat st;

	/* Where a filter of system calls does not let us look, the hint is believed. */
	if (!s || (fstat(fd, &st) < 0 ? errno == EBADF : st.st_ino != s->end.inode)) {
		fds_forget(fd);
		s = NULL;
	}
	errno = saved;
	return s;
}

struct fd_slot *fds_recover(int fd)
{
	struct fd_slot *s = NULL;
	int saved = errno;
	struct table_end end;
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) && shim_table() &&
	    table_end_find(shim_table(), st.st_ino, &end) &&
	    (end.kind == FD_STREAM || end.kind == FD_LISTENER || end.kind == FD_MUTE)) {
		s = fds_new(fd, (enum fd_kind)end.kind);
		if (s) {
			s->end = end;
			s->bound_len = min_u64(end.bound_len, sizeof(end.bound));
			memcpy(&s->bound, end.bound, s->bound_len);
			s->told = true;
		}
	}
	errno = saved;
	return s;
}

void fds_publish(const struct fd_slot *s)
{
	if (shim_table())
		table_end_learn(shim_table(), &s->end);
}

void fds_set_control(struct fd_slot *s, int control)
{
	struct stat st;

	s->control = control >= 0 && fstat(control, &st) == 0 ? control : -1;
	s->control_inode = s->control >= 0 ? st.st_ino : 0;
}

int fds_control(const struct fd_slot *s)
{
	int saved = errno, fd = s->control;
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) < 0 ? errno == EBADF : st.st_ino != s->control_inode))
		fd = -1;
	errno = saved;
	return fd;
}

void fds_end_control(struct fd_slot *s)
{
	int control = fds_control(s);

	/* Of two threads one closes it. */
	if (atomic_exchange(&s->control, -1) == control && control >= 0)
		NEXT(close)(control);
}

void fds_forget(int fd)
{
	enum fd_kind kind = fds_kind(fd);
	struct fd_slot *s = slot_of(fd);

	atomic_store(&fds_kinds[fd], FD_OTHER);
	if (kind == FD_CONNECTING && s)
		fds_end_control(s);
}

void fds_copy(int from, int to)
{
	enum fd_kind kind = fds_kind(from);
	struct fd_slot *a = slot_of(from), *b;

	if ((unsigned)to >= FDS_MAX)
		return;
	end_stale(to);
	if (kind == FD_OTHER || kind == FD_FRESH || kind == FD_TABLE || !a) {
		atomic_store(&fds_kinds[to], FD_OTHER);
		return;
	}
	b = slot_made(to);
	if (!b)
		return;
	*b = *a;
	/* Each asks the daemon's connection by itself how it went. */
	b->control = -1;
	if (kind == FD_CONNECTING && fds_control(a) >= 0)
		fds_set_control(b, NEXT(fcntl)(a->control, F_DUPFD_CLOEXEC, 0));
	fds_become(to, kind);
}

int fds_listener(uint16_t port)
{
	for (int fd = 0; fd <= atomic_load(&listeners_to); fd++) {
		struct fd_slot *s = fds_kind(fd) == FD_LISTENER ? fds_ours(fd) : NULL;

		if (s && s->end.local_port == port)
			return fd;
	}
	return -1;
}

void fds_set_option(struct fd_slot *s, int level, int name, int value)
{
	for (uint32_t i = 0; i < s->options; i++) {
		if (s->option[i].level == level && s->option[i].name == name) {
			s->option[i].value = value;
			return;
		}
	}
	if (s->options < FDS_OPTIONS)
		s->option[s->options++] = (struct fd_option){level, name, value};
}

bool fds_option(const struct fd_slot *s, int level, int name, int *value)
{
	for (uint32_t i = 0; i < s->options; i++) {
		if (s->option[i].level != level || s->option[i].name != name)
			continue;
		*value = s->option[i].value;
		return true;
	}
	return false;
}
