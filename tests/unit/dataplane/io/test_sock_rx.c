/* SPDX-License-Identifier: BSD-3-Clause */
/* Reception from sockets in bursts: coalesced runs are taken apart in order, also across the end of a burst; nothing is lost or read twice. */
#include "core/mbuf.h"
#include "core/worker.h"
#include "io/io.h"
#include "plane.h"
#include "worker/eal.h"

#include <linux/udp.h>
#include <sched.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

#define SIZE    50 /* of a datagram */
#define RUN     40 /* datagrams of one message: two do not fit a burst */
#define SOCKETS 3

static struct dp_cfg cfg;
static struct workers all = {.cfg = &cfg};
static struct eal *eal;
static struct worker worker, *w = &worker;
static struct io *io;
static int fd[SOCKETS], from;
static uint16_t port[SOCKETS], from_port;
static struct link links[SOCKETS];
static struct dp_link_counters counters[SOCKETS];

static int setup(void **state)
{
	char err[512] = "";
	int rx = 1 << 20;
	cpu_set_t one;

	cfg = (struct dp_cfg){.name = "sockrx", .workers = 1, .no_huge = true};
	eal = eal_start(&cfg, 64, err, sizeof(err));
	if (!eal)
		fail_msg("%s", err);
	all.pool = rte_pktmbuf_pool_create("packets", 2047, 64, PACKET_BYTES, MBUF_DATA,
	                                   SOCKET_ID_ANY);
	assert_non_null(all.pool);
	assert_int_equal(worker_init(w, &all, 0, err, sizeof(err)), 0);
	io = io_new(w, err, sizeof(err));
	assert_non_null(io);
	/* The loopback keeps the order of what one CPU sent. */
	CPU_ZERO(&one);
	CPU_SET((unsigned)sched_getcpu(), &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	from = loop_socket(&from_port);
	for (uint16_t i = 0; i < SOCKETS; i++) {
		fd[i] = loop_socket(&port[i]);
		setsockopt(fd[i], SOL_SOCKET, SO_RCVBUF, &rx, sizeof(rx));
		links[i].cfg = (struct cp_link){
		        .link = i, .type = LINK_UDP_SOCKET, .sealed = i != 2, .fd = fd[i]};
		links[i].number = i;
		links[i].count = &counters[i];
		w->link[i] = &links[i];
		assert_int_equal(io_link_set(io, &links[i]), 0);
	}
	return 0;
}

static int teardown(void **state)
{
	unsigned buffers;

	for (unsigned i = 0; i < SOCKETS; i++) {
		io_link_del(io, &links[i]);
		w->link[i] = NULL;
	}
	io_free(io);
	worker_end(w);
	buffers = rte_mempool_avail_count(all.pool);
	rte_mempool_free(all.pool);
	eal_stop(eal);
	assert_int_equal(buffers, 2047);
	return 0;
}

/* n numbered datagrams as one message where the kernel can, the last one shorter. */
static void send_run(uint16_t to, uint32_t first, unsigned n)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
	                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	                        .sin_port = htons(to)};
	uint8_t bytes[RUN * SIZE] = {0};
	int segment = SIZE;

	for (unsigned i = 0; i < n; i++)
		be32_store(bytes + i * SIZE, first + i);
	if (setsockopt(from, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment)) == 0) {
		assert_int_equal(
		        sendto(from, bytes, n * SIZE - 7, 0, (struct sockaddr *)&a, sizeof(a)),
		        n * SIZE - 7);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		loop_send(from, to, bytes + i * SIZE, i + 1 < n ? SIZE : SIZE - 7);
}

/* A socket bound to any address: a packet tells which of this machine's it came to, and an answer leaves from there again. */
static void answers_leave_from_the_address_asked(void **state)
{
	struct sockaddr_in any = {.sin_family = AF_INET}, to = {.sin_family = AF_INET},
	                   back = {.sin_family = AF_INET};
	socklen_t len = sizeof(any);
	struct link l = {.number = SOCKETS, .count = &counters[0]};
	struct burst b = {0};
	struct rte_mbuf *m;
	struct io_frames sent;
	uint8_t bytes[16];
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	assert_int_equal(bind(s, (struct sockaddr *)&any, sizeof(any)), 0);
	assert_int_equal(getsockname(s, (struct sockaddr *)&any, &len), 0);
	l.cfg = (struct cp_link){.link = SOCKETS, .type = LINK_UDP_SOCKET, .sealed = true, .fd = s};
	w->link[SOCKETS] = &l;
	assert_int_equal(io_link_set(io, &l), 0);
	to.sin_port = any.sin_port;
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 8);
	assert_int_equal(sendto(from, "question", 8, 0, (struct sockaddr *)&to, sizeof(to)), 8);
	while (io_rx(io, &b) == 0)
		;
	assert_int_equal(b.nsealed, 1);
	m = b.sealed[0];
	b.nsealed = 0;
	assert_memory_equal(packet_of(m)->local, &to.sin_addr, 4);
	assert_int_not_equal(packet_of(m)->local_if, 0);
	/* A raw answer, and then one to the link's own remote. */
	for (unsigned raw = 0; raw < 2; raw++) {
		if (!raw) {
			rte_mbuf_refcnt_update(m, 1);
			memcpy(l.cfg.local_addr, packet_of(m)->local, 16);
			memcpy(l.cfg.remote_addr, packet_of(m)->addr, 16);
			l.cfg.family = 4;
			l.cfg.remote_port = from_port;
		}
		sent = io_frames_of(&m, 1);
		io_tx(io, &l, &sent, raw ? PACKET_TX_RAW : PACKET_TX);
		len = sizeof(back);
		assert_int_equal(
		        recvfrom(from, bytes, sizeof(bytes), 0, (struct sockaddr *)&back, &len), 8);
		assert_int_equal(back.sin_addr.s_addr, to.sin_addr.s_addr);
	}
	while (io_rx(io, &b))
		;
	io_link_del(io, &l);
	w->link[SOCKETS] = NULL;
	close(s);
}

/* One turn's reception. next[l]: the number that link l's next datagram bears. */
static unsigned turn(uint32_t next[SOCKETS])
{
	struct burst b = {0};
	unsigned bursts = 0;

	while (io_rx(io, &b)) {
		struct rte_mbuf *got[BURST];
		unsigned n = b.nsealed + b.nlabelled;

		assert_true(n <= BURST && b.nlocal + b.nleaving == 0);
		memcpy(got, b.sealed, b.nsealed * sizeof(got[0]));
		memcpy(got + b.nsealed, b.labelled, b.nlabelled * sizeof(got[0]));
		for (unsigned i = 0; i < n; i++) {
			const struct packet *p = packet_of(got[i]);
			uint32_t number = be32_load(rte_pktmbuf_mtod(got[i], uint8_t *));

			assert_int_equal(p->link == 2, i >= b.nsealed);
			assert_int_equal(number, next[p->link]++);
			assert_int_equal(got[i]->data_len,
			                 number % RUN == RUN - 1 ? SIZE - 7 : SIZE);
			assert_int_equal(p->family, 4);
			assert_int_equal(p->port, from_port);
		}
		rte_pktmbuf_free_bulk(got, n);
		b.nsealed = b.nlabelled = 0;
		bursts += n > 0;
	}
	return bursts;
}

/* Turns until so many datagrams have come from the first `sockets` of them, each in a burst or in several; how many bursts that took. Where
 * the machine is very busy a datagram arrives some time after it was sent. */
static unsigned receive(uint32_t next[SOCKETS], unsigned sockets, uint32_t each)
{
	int64_t end = clock_ms() + WAIT_MS;
	struct pollfd f = {.events = POLLIN};
	unsigned bursts = 0;

	for (unsigned s = 0; s < sockets; s++)
		while (next[s] < each && clock_ms() < end) {
			f.fd = fd[s];
			poll(&f, 1, 10);
			bursts += turn(next);
		}
	for (unsigned s = 0; s < sockets; s++)
		assert_int_equal(next[s], each);
	assert_int_equal(turn(next), 0);
	return bursts;
}

static void test_runs_end_in_the_middle_of_a_burst(void **state)
{
	uint32_t next[SOCKETS] = {0};

	for (uint32_t i = 0; i < 5; i++)
		send_run(port[0], i * RUN, RUN);
	assert_true(receive(next, 1, 5 * RUN) >= 4);
}

/* More messages wait than one look takes: the rest comes in the next turn. */
static void test_many_sockets(void **state)
{
	uint32_t next[SOCKETS] = {0};

	for (uint32_t i = 0; i < 20; i++)
		for (unsigned s = 0; s < SOCKETS; s++)
			send_run(port[s], i * RUN, RUN);
	receive(next, SOCKETS, 20 * RUN);
	/* The link without sealing: its packets are accepted as they are. */
	assert_int_equal(counters[2].rx_packets, 20 * RUN);
	assert_int_equal(counters[0].rx_packets, 0);
	assert_int_equal(links[2].cfg.remote_port, from_port);
	assert_int_equal(links[0].cfg.remote_port, 0);
}

/* What fits no buffer is counted, and what stands behind it arrives. */
static void test_too_big(void **state)
{
	static const uint8_t big[WORKER_ROOM + 1];
	uint32_t next[SOCKETS] = {0};
	uint64_t before = w->drops[DROP_TOO_BIG];

	loop_send(fd[1], port[0], big, sizeof(big));
	loop_send(fd[1], port[0], big, 0);
	send_run(port[0], 0, RUN);
	receive(next, 1, RUN);
	assert_int_equal(w->drops[DROP_TOO_BIG], before + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(answers_leave_from_the_address_asked),
	        cmocka_unit_test(test_runs_end_in_the_middle_of_a_burst),
	        cmocka_unit_test(test_many_sockets),
	        cmocka_unit_test(test_too_big),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
