/* SPDX-License-Identifier: BSD-3-Clause */
/* A queue's thread between a kernel, which is a socket here, and two workers, which the test plays: packets find their worker, what is asked for waits,
 * and a kernel that refuses runs gets their pieces. */
#include "app/tun_queue.h"
#include "base/be.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <linux/virtio_net.h>

#define WORKERS 2

static _Atomic bool refuses; /* the kernel refuses runs */
static _Atomic unsigned told;
static struct bridge bridge[WORKERS];
static struct tunring *ring[WORKERS];
static struct tun_queue *t;
static int kernel;
static uint8_t buf[TUN_VNET_BYTES + TUN_RUN_MOST];

ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);

/* As Linux 6.6.44 did. */
ssize_t __wrap_write(int fd, const void *p, size_t n)
{
	struct virtio_net_hdr v;

	if (t && fd == t->fd && n >= sizeof(v)) {
		memcpy(&v, p, sizeof(v));
		if (refuses && v.gso_type != VIRTIO_NET_HDR_GSO_NONE) {
			errno = EINVAL;
			return -1;
		}
	}
	return __real_write(fd, p, n);
}

static void hear(void *arg, enum dp_log_level level, const char *line)
{
	if (strstr(line, "refuses runs of TCP"))
		told++;
}

static int setup(void **state)
{
	static struct dp_tun_cfg tun = {.name = "coyo0", .prefix = 0xfd, .mtu = 1280, .queues = 1};
	static struct dp_cfg cfg = {.tun = &tun, .log = hear, .workers = WORKERS};
	char err[200];
	int fd[2];

	memset(cfg.id.b, 0x11, ID_BYTES);
	refuses = false;
	told = 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fd) < 0)
		return -1;
	kernel = fd[1];
	for (unsigned i = 0; i < WORKERS; i++)
		ring[i] = tunring_new(&bridge[i]);
	t = tun_queue_new(&cfg, 0, fd[0], 1u << GSO_TCP | 1u << GSO_UDP, err, sizeof(err));
	return t && tun_queue_start(t, ring, WORKERS, err, sizeof(err)) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
	tun_queue_stop(t);
	tun_queue_free(t);
	t = NULL;
	for (unsigned i = 0; i < WORKERS; i++)
		tunring_free(ring[i]);
	close(kernel);
	return 0;
}

static struct node_id node(uint8_t n)
{
	struct node_id id;

	memset(id.b, n, ID_BYTES);
	return id;
}

/* A TCP packet from one node to another. */
static uint32_t make(uint8_t *p, uint8_t from, uint8_t to, uint32_t payload)
{
	const struct ip6_elided h = {.prefix = 0xfd, .next_header = IP6_NEXT_TCP, .hop_limit = 64};
	struct node_id f = node(from), d = node(to);

	ip6_header_put(p, &h, 20 + payload, &f, &d);
	memset(p + 40, 0, 20);
	be16_store(p + 42, 80);
	p[52] = 0x50;
	p[53] = 0x10;
	for (uint32_t i = 0; i < payload; i++)
		p[60 + i] = (uint8_t)(i * 13 >> 3);
	return 60 + payload;
}

/* What the kernel gets next, its length without the header in front; 0: nothing for that long. */
static size_t kernel_gets(int ms)
{
	struct pollfd p = {.fd = kernel, .events = POLLIN};
	ssize_t n;

	if (poll(&p, 1, ms) <= 0)
		return 0;
	n = recv(kernel, buf, sizeof(buf), 0);
	assert_true(n > TUN_VNET_BYTES);
	return (size_t)n - TUN_VNET_BYTES;
}

static void kernel_gives(const struct virtio_net_hdr *v, const uint8_t *p, uint32_t n)
{
	memcpy(buf, v, sizeof(*v));
	memcpy(buf + sizeof(*v), p, n);
	assert_int_equal(send(kernel, buf, sizeof(*v) + n, 0), sizeof(*v) + n);
}

/* A worker puts a packet of node 2 into its ring, a run of pieces of that size, if any. */
static void worker_gives(unsigned worker, uint32_t payload, uint16_t size)
{
	struct tunring *r = ring[worker];
	struct tun_slot *slot = tunring_slot(&r->to_tun_tx, TUN_RUN_MOST);

	memset(slot, 0, TUN_SLOT_HEAD);
	slot->kind = TUN_PACKET;
	slot->id = node(2);
	slot->len = make(slot->packet, 2, 0x11, payload);
	if (size) {
		struct virtio_net_hdr v = {.gso_type = VIRTIO_NET_HDR_GSO_TCPV6, .gso_size = size};

		memcpy(slot->vnet, &v, sizeof(v));
		assert_true(gso_read(&slot->gso, GSO_TCP, size, 40, slot->packet, slot->len));
	}
	tunring_commit(&r->to_tun_tx, slot);
	bridge_wake(r->tun_asleep, r->tun_fd);
}

/* What a worker has from the thread next. */
static struct tun_slot *worker_gets(unsigned worker)
{
	struct tun_slot *slot = NULL;

	for (unsigned i = 0; i < 5000 && !slot; i++) {
		slot = tunring_peek(&ring[worker]->to_worker_rx);
		if (!slot)
			usleep(1000);
	}
	assert_non_null(slot);
	return slot;
}

static void test_runs_go_to_the_kernel_as_they_are(void **state)
{
	worker_gives(0, 5000, 1200);
	assert_int_equal(kernel_gets(5000), 5060);
	assert_int_equal(ring[0]->runs, 6);
	assert_int_equal(told, 0);
}

/* It is told once, the pieces come whole, and the workers make no more of them. */
static void test_a_kernel_that_refuses_runs(void **state)
{
	uint8_t run[6000], piece[1500];
	uint32_t len = make(run, 2, 0x11, 5000);
	struct gso g;

	refuses = true;
	assert_true(gso_read(&g, GSO_TCP, 1200, 40, run, len));
	for (unsigned again = 0; again < 2; again++) {
		worker_gives(again, 5000, 1200);
		for (unsigned i = 0; i < 5; i++) {
			size_t n = gso_packet(&g, run, len, i, piece);

			assert_int_equal(kernel_gets(5000), n);
			assert_memory_equal(buf + TUN_VNET_BYTES, piece, n);
			for (unsigned k = 0; k < TUN_VNET_BYTES; k++)
				assert_int_equal(buf[k], 0);
		}
	}
	for (unsigned i = 0; i < WORKERS; i++)
		assert_int_equal(ring[i]->runs, 1u << GSO_UDP);
	assert_int_equal(told, 1);
	worker_gives(0, 100, 0);
	assert_int_equal(kernel_gets(5000), 160);
}

/* A run to a node that nobody knows: the worker is asked on behalf of the program, its first pieces wait, and once the node is known, runs go to its
 * worker as they are, whichever worker had the packet before. */
static void test_unknown_then_known(void **state)
{
	const struct virtio_net_hdr v = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
	                                 .gso_type = VIRTIO_NET_HDR_GSO_TCPV6,
	                                 .gso_size = 1200,
	                                 .hdr_len = 60,
	                                 .csum_start = 40,
	                                 .csum_offset = 16};
	uint8_t run[10000], piece[1500];

	for (uint8_t n = 3; n < 19; n++) {
		struct node_id id = node(n);
		unsigned worker = cp_session_worker(&id, WORKERS), asked;
		uint32_t len = make(run, 0x11, n, 9000);
		struct tun_slot *slot;
		struct tunring *r;
		struct gso g;

		assert_true(gso_read(&g, GSO_TCP, 1200, 40, run, len));
		kernel_gives(&v, run, len);
		id = ip6_least_id(run + 24);
		asked = cp_session_worker(&id, WORKERS);
		slot = worker_gets(asked);
		assert_int_equal(slot->kind, TUN_RESOLVE);
		assert_int_equal(slot->asker, 6 << 16 | 80);
		tunring_done(&ring[asked]->to_worker_rx, slot);
		r = ring[0];
		slot = tunring_slot(&r->to_tun_tx, ID_BYTES);
		slot->kind = TUN_RESOLVED;
		slot->found = true;
		slot->len = ID_BYTES;
		slot->id = node(n);
		memcpy(slot->packet, &id, sizeof(id));
		tunring_commit(&r->to_tun_tx, slot);
		bridge_wake(r->tun_asleep, r->tun_fd);
		for (unsigned i = 0; i < TUN_ASK_HELD; i++) {
			size_t bytes = gso_packet(&g, run, len, i, piece);

			slot = worker_gets(worker);
			assert_true(slot->kind == TUN_PACKET && slot->gso.kind == GSO_NONE);
			assert_int_equal(slot->len, bytes);
			assert_memory_equal(slot->packet, piece, bytes);
			tunring_done(&ring[worker]->to_worker_rx, slot);
		}
		kernel_gives(&v, run, len);
		slot = worker_gets(worker);
		assert_true(slot->kind == TUN_PACKET && slot->gso.kind == GSO_TCP);
		assert_true(slot->gso.size == 1200 && slot->len == len);
		assert_memory_equal(slot->packet, run, len);
		tunring_done(&ring[worker]->to_worker_rx, slot);
	}
}

#define test(x) cmocka_unit_test_setup_teardown(x, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        test(test_runs_go_to_the_kernel_as_they_are),
	        test(test_a_kernel_that_refuses_runs),
	        test(test_unknown_then_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
