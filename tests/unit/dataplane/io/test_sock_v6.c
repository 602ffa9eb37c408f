/* SPDX-License-Identifier: BSD-3-Clause */
/* A socket bound to any address of IPv6: answers leave from the address that was asked, also from one of several of one interface alone. In a
 * network namespace of its own, which has such addresses. */
#include "core/mbuf.h"
#include "core/worker.h"
#include "io/io.h"
#include "plane.h"
#include "worker/eal.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>

#define SKIPPED 77

static struct dp_cfg cfg = {.name = "sockv6", .workers = 1, .no_huge = true};
static struct workers all = {.cfg = &cfg};
static struct eal *eal;
static struct worker worker, *w = &worker;
static struct io *io;
static struct link l;
static struct dp_link_counters counters;
static struct sockaddr_in6 any = {.sin6_family = AF_INET6};

static int setup(void **state)
{
	char err[512] = "";
	socklen_t len = sizeof(any);
	int s = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	eal = eal_start(&cfg, 64, err, sizeof(err));
	if (!eal)
		fail_msg("%s", err);
	all.pool =
	        rte_pktmbuf_pool_create("packets", 255, 16, PACKET_BYTES, MBUF_DATA, SOCKET_ID_ANY);
	assert_non_null(all.pool);
	assert_int_equal(worker_init(w, &all, 0, err, sizeof(err)), 0);
	io = io_new(w, err, sizeof(err));
	assert_non_null(io);
	assert_int_equal(bind(s, (struct sockaddr *)&any, sizeof(any)), 0);
	assert_int_equal(getsockname(s, (struct sockaddr *)&any, &len), 0);
	l.cfg = (struct cp_link){.type = LINK_UDP_SOCKET, .sealed = true, .fd = s};
	l.count = &counters;
	w->link[0] = &l;
	assert_int_equal(io_link_set(io, &l), 0);
	return 0;
}

static int teardown(void **state)
{
	io_link_del(io, &l);
	w->link[0] = NULL;
	close(l.cfg.fd);
	io_free(io);
	worker_end(w);
	assert_int_equal(rte_mempool_avail_count(all.pool), 255);
	rte_mempool_free(all.pool);
	eal_stop(eal);
	return 0;
}

static struct sockaddr_in6 address(const char *text, unsigned interface)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_scope_id = interface};

	assert_int_equal(inet_pton(AF_INET6, text, &a.sin6_addr), 1);
	return a;
}

/* Whoever has the address `asker` asks `asked`; the answers, a raw one and one of the link, must come from there. */
static void ask(const char *asker, const char *asked, unsigned interface)
{
	struct sockaddr_in6 me = address(asker, interface), to = address(asked, interface), back;
	struct burst b = {0};
	struct rte_mbuf *m;
	struct io_frames sent;
	struct packet *p;
	uint8_t bytes[16];
	socklen_t len = sizeof(me);
	int s = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct timeval patience = {.tv_sec = 10};

	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(bind(s, (struct sockaddr *)&me, sizeof(me)), 0);
	assert_int_equal(getsockname(s, (struct sockaddr *)&me, &len), 0);
	to.sin6_port = any.sin6_port;
	assert_int_equal(sendto(s, "question", 8, 0, (struct sockaddr *)&to, sizeof(to)), 8);
	while (io_rx(io, &b) == 0)
		;
	assert_int_equal(b.nsealed, 1);
	m = b.sealed[0];
	p = packet_of(m);
	assert_int_equal(p->family, 6);
	assert_memory_equal(p->addr, &me.sin6_addr, 16);
	assert_memory_equal(p->local, &to.sin6_addr, 16);
	assert_int_not_equal(p->local_if, 0);
	if (interface)
		assert_int_equal(p->local_if, interface);
	for (unsigned raw = 0; raw < 2; raw++) {
		if (!raw) {
			rte_mbuf_refcnt_update(m, 1);
			memcpy(l.cfg.local_addr, p->local, 16);
			l.cfg.local_if = p->local_if;
			memcpy(l.cfg.remote_addr, p->addr, 16);
			l.cfg.remote_port = p->port;
			l.cfg.family = 6;
		}
		sent = io_frames_of(&m, 1);
		io_tx(io, &l, &sent, raw ? PACKET_TX_RAW : PACKET_TX);
		len = sizeof(back);
		assert_int_equal(
		        recvfrom(s, bytes, sizeof(bytes), 0, (struct sockaddr *)&back, &len), 8);
		assert_memory_equal(&back.sin6_addr, &to.sin6_addr, 16);
		assert_int_equal(back.sin6_port, any.sin6_port);
	}
	b.nsealed = 0;
	while (io_rx(io, &b))
		;
	close(s);
}

static void answers_leave_from_the_address_asked(void **state)
{
	ask("::1", "fd00::1", 0);
	ask("::1", "fd00::2", 0);
	ask("fd00::1", "fd00::2", 0);
	ask("fd00::2", "fd00::1", 0);
}

/* Addresses of one interface alone: two interfaces have the same network, so the scope says which is meant. */
static void answers_leave_from_the_link_local_address_asked(void **state)
{
	for (unsigned i = 0; i < 2; i++) {
		unsigned interface = if_nametoindex(i ? "v1" : "v0");

		assert_int_not_equal(interface, 0);
		ask(i ? "fe80::1:1" : "fe80::1", i ? "fe80::1:2" : "fe80::2", interface);
		ask(i ? "fe80::1:2" : "fe80::2", i ? "fe80::1:1" : "fe80::1", interface);
	}
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* False: this machine does not let an ordinary user have a network namespace, or has no IPv6. */
static bool own_network(void)
{
	char map[64];

	snprintf(map, sizeof(map), "0 %u 1", (unsigned)getuid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) || !write_file("/proc/self/uid_map", map))
		return false;
	return system("ip link set lo up && ip link add v0 type veth peer name v1 &&"
	              "ip addr add fd00::1/128 dev lo nodad && ip addr add fd00::2/128 dev lo "
	              "nodad &&"
	              "ip addr add fe80::1/64 dev v0 nodad && ip addr add fe80::2/64 dev v0 nodad "
	              "&&"
	              "ip addr add fe80::1:1/64 dev v1 nodad && ip addr add fe80::1:2/64 dev v1 "
	              "nodad &&"
	              "ip link set v0 up && ip link set v1 up") == 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(answers_leave_from_the_address_asked),
	        cmocka_unit_test(answers_leave_from_the_link_local_address_asked),
	};

	if (!own_network())
		return SKIPPED;
	return cmocka_run_group_tests(tests, setup, teardown);
}
