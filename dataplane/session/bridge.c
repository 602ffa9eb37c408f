/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory of message rings and streams, and the wake-up. */
#include "session/bridge.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define RING_BYTES (BRIDGE_MSGS * (uint32_t)sizeof(struct bridge_msg))

/* syscalls at the start: eventfd */
int bridge_init(struct bridge *b)
{
	*b = (struct bridge){.worker_fd = -1, .worker_epoll = -1, .gateway_fd = -1};
	b->memory = aligned_alloc(COYO_CACHELINE, 2 * RING_BYTES);
	if (!b->memory)
		return -ENOMEM;
	b->worker_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (b->worker_fd < 0) {
		int err = errno;

		free(b->memory);
		b->memory = NULL;
		return -err;
	}
	bytering_shared_init(&b->to_worker_shared);
	bytering_shared_init(&b->to_gateway_shared);
	bytering_view(&b->to_worker_tx, &b->to_worker_shared, b->memory, RING_BYTES);
	bytering_view(&b->to_worker_rx, &b->to_worker_shared, b->memory, RING_BYTES);
	bytering_view(&b->to_gateway_tx, &b->to_gateway_shared, b->memory + RING_BYTES, RING_BYTES);
	bytering_view(&b->to_gateway_rx, &b->to_gateway_shared, b->memory + RING_BYTES, RING_BYTES);
	return 0;
}

/* syscalls: close */
void bridge_free(struct bridge *b)
{
	if (b->worker_fd >= 0)
		close(b->worker_fd);
	free(b->memory);
	b->memory = NULL;
	b->worker_fd = -1;
}

/* syscalls: write */
void bridge_wake(_Atomic uint32_t *asleep, int fd)
{
	uint64_t one = 1;

	if (asleep && atomic_exchange(asleep, 0) && write(fd, &one, sizeof(one)) < 0) {
		/* EAGAIN: the counter is at its limit, so it is readable: as good as written. */
	}
}

/* The worker's words, those of both, the rings: each from a page of its own, so that what both reach can be mapped alone. */
#define PAGE   4096u
#define SHARED ((sizeof(struct app_stream) + PAGE - 1) / PAGE * PAGE)
#define RINGS  (SHARED + (sizeof(struct appseg_stream) + PAGE - 1) / PAGE * PAGE)
#define BYTES  (RINGS + 2 * (size_t)BRIDGE_STREAM_BYTES)

/* Anonymous memory: only what a stream really uses is ever touched, and all of it goes back at its end.
 * syscalls: mmap */
struct app_stream *stream_new(struct appseg_side *app)
{
	uint8_t *at = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct app_stream *st = (struct app_stream *)at;
	struct appseg_stream *shared;

	if (at == MAP_FAILED)
		return NULL;
	shared = (struct appseg_stream *)(at + SHARED);
	appseg_stream_init(shared);
	appseg_side_init(&st->side, shared, at + RINGS, at + RINGS + BRIDGE_STREAM_BYTES,
	                 BRIDGE_STREAM_BYTES);
	*app = st->side;
	return st;
}

/* syscalls: munmap */
void stream_free(struct app_stream *st)
{
	munmap(st, BYTES);
}
