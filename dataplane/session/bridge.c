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
	*b = (struct bridge){.worker_fd = -1, .gateway_fd = -1};
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

/* Anonymous memory: only what a stream really uses is ever touched, and all of it goes back at its end. */
static size_t stream_bytes(void)
{
	return (sizeof(struct app_stream) + 4095) / 4096 * 4096 + 2 * (size_t)BRIDGE_STREAM_BYTES;
}

/* syscalls: mmap */
struct app_stream *stream_new(void)
{
	size_t n = stream_bytes();
	struct app_stream *st;
	uint8_t *data;

	st = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (st == MAP_FAILED)
		return NULL;
	data = (uint8_t *)st + n - 2 * (size_t)BRIDGE_STREAM_BYTES;
	bytering_shared_init(&st->out_shared);
	bytering_shared_init(&st->in_shared);
	bytering_view(&st->worker.out, &st->out_shared, data, BRIDGE_STREAM_BYTES);
	bytering_view(&st->gateway.out, &st->out_shared, data, BRIDGE_STREAM_BYTES);
	data += BRIDGE_STREAM_BYTES;
	bytering_view(&st->worker.in, &st->in_shared, data, BRIDGE_STREAM_BYTES);
	bytering_view(&st->gateway.in, &st->in_shared, data, BRIDGE_STREAM_BYTES);
	return st;
}

/* syscalls: munmap */
void stream_free(struct app_stream *st)
{
	munmap(st, stream_bytes());
}
