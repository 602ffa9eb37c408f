/* SPDX-License-Identifier: BSD-3-Clause */
/* Transmission on sockets: runs that the kernel refuses go singly, and are tried again after a pause. */
#include "core/mbuf.h"
#include "core/worker.h"
#include "io/io.h"
#include "plane.h"
#include "worker/eal.h"

#include <errno.h>

#define BURST_SENT 8
#define SIZE       200

static struct dp_cfg cfg;
static struct workers all = {.cfg = &cfg};
static struct eal *eal;
static struct worker worker, *w = &worker;
static struct io *io;
static int fd;
static uint16_t port;
static struct link l;
static struct dp_link_counters counters;
static int refuse; /* errno for runs, 0: they are taken */
static unsigned runs, packets, refused;

/* In place of the C library's: what a kernel that refuses runs does, without sending anything. */
int sendmmsg(int sock, struct mmsghdr *m, unsigned n, int flags)
{
	for (unsigned i = 0; i < n; i++) {
		size_t k = m[i].msg_hdr.msg_iovlen;

		if (k > 1 && refuse) {
			refused++;
			errno = refuse;
			return i ? (int)i : -1;
		}
		runs += k > 1;
		packets += (unsigned)k;
	}
	return (int)n;
}

static int setup(void **state)
{
	char err[512] = "";

	cfg = (struct dp_cfg){.name = "socktx", .workers = 1, .no_huge = true};
	eal = eal_start(&cfg, 64, err, sizeof(err));
	if (!eal)
		fail_msg("%s", err);
	all.pool =
	        rte_pktmbuf_pool_create("packets", 255, 16, PACKET_BYTES, MBUF_DATA, SOCKET_ID_ANY);
	assert_non_null(all.pool);
	assert_int_equal(worker_init(w, &all, 0, err, sizeof(err)), 0);
	io = io_new(w, err, sizeof(err));
	assert_non_null(io);
	fd = loop_socket(&port);
	l.cfg = (struct cp_link){
	        .type = LINK_UDP_SOCKET, .sealed = true, .fd = fd, .family = 4, .remote_port = 9};
	l.cfg.remote_addr[0] = 127;
	l.cfg.remote_addr[3] = 1;
	l.count = &counters;
	w->link[0] = &l;
	assert_int_equal(io_link_set(io, &l), 0);
	return 0;
}

static int teardown(void **state)
{
	io_link_del(io, &l);
	w->link[0] = NULL;
	io_free(io);
	worker_end(w);
	assert_int_equal(rte_mempool_avail_count(all.pool), 255);
	rte_mempool_free(all.pool);
	eal_stop(eal);
	close(fd);
	return 0;
}

/* A burst of equal packets at this time, ms. True: a run was tried. */
static bool send_at(int64_t ms)
{
	struct rte_mbuf *m[BURST_SENT];
	unsigned before = packets, tried = runs + refused;

	w->now.ns = (1000000 + ms) * NS_PER_MS;
	for (unsigned i = 0; i < BURST_SENT; i++) {
		m[i] = worker_mbuf(w);
		assert_non_null(m[i]);
		memset(rte_pktmbuf_append(m[i], SIZE), (int)i, SIZE);
		*packet_of(m[i]) = (struct packet){.label = LABEL_NONE};
	}
	io_tx(io, &l, m, BURST_SENT, PACKET_TX);
	assert_int_equal(packets, before + BURST_SENT);
	return runs + refused > tried;
}

static void test_runs_come_back_after_a_pause(void **state)
{
	static const int errors[] = {EMSGSIZE, EIO, EINVAL};
	int64_t at = 0;

	for (unsigned i = 0; i < 3; i++) {
		int64_t pause = 1000;

		if (!send_at(at))
			skip(); /* this kernel knows no runs */
		refuse = errors[i];
		for (unsigned round = 0; round < 12; round++) {
			assert_true(send_at(at)); /* refused: every packet goes all the same */
			assert_false(send_at(at + 1));
			assert_false(send_at(at + pause - 1));
			at += pause;
			pause = pause * 2 < 300000 ? pause * 2 : 300000;
		}
		refuse = 0;
		assert_true(send_at(at));
		at += 400000;
		/* One refusal after a long time of working is a first one. */
		assert_true(send_at(at));
		refuse = errors[i];
		assert_true(send_at(at));
		refuse = 0;
		assert_false(send_at(at + 999));
		at += 1000;
		assert_true(send_at(at));
		at += 400000;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_runs_come_back_after_a_pause)};

	return cmocka_run_group_tests(tests, setup, teardown);
}
