/* SPDX-License-Identifier: BSD-3-Clause */
/* The memory that is computed is the memory that is taken: for every corner of the configuration a data plane starts and DPDK's own
 * account of its heap is compared with the sum. */
#include "plane.h"
#include "worker/memory.h"

#include <errno.h>
#include <rte_malloc.h>
#include <sys/wait.h>

#define MIB (1u << 20)

struct used {
	size_t dpdk, rss;
	char err[512];
	int rc;
};

static size_t rss(void)
{
	unsigned long size, pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%lu %lu", &size, &pages) != 2)
		pages = 0;
	if (f)
		fclose(f);
	return pages * 4096;
}

/* EAL starts once in a process, so each configuration has one of its own. */
static void start(const struct dp_cfg *cfg, struct used *u)
{
	int fds[2], status = -1;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct rte_malloc_socket_stats s = {0};
		struct used mine = {0};
		struct dataplane *dp;
		size_t before = rss();

		mine.rc = dp_start(cfg, &dp, mine.err, sizeof(mine.err));
		if (mine.rc == 0) {
			for (int i = 0; i < RTE_MAX_NUMA_NODES; i++)
				if (rte_malloc_get_socket_stats(i, &s) == 0)
					mine.dpdk += s.heap_allocsz_bytes;
			mine.rss = rss() - before;
			dp_stop(dp);
		}
		_exit(write(fds[1], &mine, sizeof(mine)) == (ssize_t)sizeof(mine) ? 0 : 1);
	}
	close(fds[1]);
	if (read(fds[0], u, sizeof(*u)) != (ssize_t)sizeof(*u))
		u->rc = -EIO;
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Starts cfg and compares; what this machine has no room for must be refused by both, with the same words. */
static void corner(struct dp_cfg *cfg)
{
	struct memory m;
	struct used u;
	char err[512] = "";
	int rc;

	cfg->name = "corner";
	cfg->no_huge = true;
	cfg->punt_rate = 20000;
	memory_compute(cfg, &m);
	rc = dp_check(cfg, err, sizeof(err));
	start(cfg, &u);
	print_message("%2u workers %2u ports %7u connections %5u sessions: %zu MiB, %zu of %zu MiB "
	              "resident, %s\n",
	              cfg->workers, cfg->nports, cfg->connections_max, cfg->sessions_max,
	              m.dpdk_bytes / MIB, u.rss / MIB, (m.dpdk_bytes + m.own_bytes) / MIB,
	              u.rc ? u.err : "started");
	assert_int_equal(u.rc, rc);
	if (rc) {
		/* How much can be had changes between the two. */
		assert_memory_equal(u.err, err, strcspn(err, ","));
		return;
	}
	assert_true(u.dpdk <= m.dpdk_bytes);
	assert_true((size_t)m.dpdk_mb * MIB >= m.dpdk_bytes);
	if (!cfg->memory_mb)
		assert_true((size_t)m.dpdk_mb * MIB < m.dpdk_bytes + 8 * MIB);
	/* What drivers may take, and nothing else, is beyond what is taken here. */
	assert_true(m.dpdk_bytes - u.dpdk <
	            6 * MIB + (size_t)cfg->nports * (2 + cfg->workers) * MIB);
	assert_true(u.rss < m.dpdk_bytes + m.own_bytes);
}

static void test_every_corner_starts_with_what_is_computed(void **state)
{
	static const unsigned workers[] = {1, 6, 16};
	static const uint32_t connections[] = {16, (1u << 20) - 1}, sessions[] = {16, 65536},
	                      buffers[] = {16384, 1u << 30};

	(void)state;
	for (unsigned w = 0; w < 3; w++)
		for (unsigned c = 0; c < 4; c++) {
			struct dp_cfg cfg = {
			        .workers = workers[w],
			        .connections_max = connections[c & 1],
			        .sessions_max = sessions[c >> 1 & 1],
			        .tcp_sndbuf = buffers[c & 1],
			        .tcp_rcvbuf = buffers[c >> 1],
			};

			corner(&cfg);
		}
}

static void test_every_count_starts(void **state)
{
	(void)state;
	for (unsigned w = 2; w < CPDP_WORKERS_MAX; w++) {
		struct dp_cfg cfg = {.workers = w, .connections_max = 4096, .sessions_max = 1024};

		corner(&cfg);
	}
}

static void test_ports(void **state)
{
	static struct dp_port_cfg ports[4];

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		snprintf(ports[i].name, sizeof(ports[i].name), "p%u", i);
		snprintf(ports[i].device, sizeof(ports[i].device), "net_null%u", i);
	}
	for (unsigned w = 1; w <= CPDP_WORKERS_MAX; w += 15) {
		struct dp_cfg cfg = {.workers = w,
		                     .connections_max = 4096,
		                     .sessions_max = 1024,
		                     .ports = ports,
		                     .nports = 4};

		corner(&cfg);
	}
}

/* A figure of the operator's own: one MiB below the need is refused with the need in the sentence, and the need is enough. */
static void test_memory_of_ones_own(void **state)
{
	struct dp_cfg cfg = {.workers = 2, .connections_max = 4096, .sessions_max = 1024};
	char err[512] = "", want[32];
	struct memory m;
	unsigned need;

	(void)state;
	cfg.no_huge = true;
	memory_compute(&cfg, &m);
	need = (unsigned)((m.dpdk_bytes + MIB - 1) / MIB);
	cfg.memory_mb = need - 1;
	corner(&cfg);
	assert_int_equal(dp_check(&cfg, err, sizeof(err)), -ENOMEM);
	snprintf(want, sizeof(want), "which need %u;", need);
	assert_non_null(strstr(err, want));
	cfg.memory_mb = need;
	assert_int_equal(dp_check(&cfg, err, sizeof(err)), 0);
	corner(&cfg);
	cfg.memory_mb = 0;
	cfg.mbufs = m.mbufs_least;
	corner(&cfg);
	cfg.mbufs--;
	corner(&cfg);
	assert_int_equal(dp_check(&cfg, err, sizeof(err)), -EINVAL);
	snprintf(want, sizeof(want), "which need %u;", m.mbufs_least);
	assert_non_null(strstr(err, want));
}

/* More than any machine has, and more than this one has: refused before anything is taken. */
static void test_more_than_there_is(void **state)
{
	struct dp_cfg cfg = {.workers = 16, .connections_max = 4096, .sessions_max = 1024};
	char err[512] = "";

	(void)state;
	cfg.memory_mb = 1048576;
	corner(&cfg);
	assert_int_equal(dp_check(&cfg, err, sizeof(err)), -ENOMEM);
	assert_non_null(strstr(err, " MiB of memory, and "));
	assert_non_null(strstr(err, "can be had"));
	cfg.memory_mb = 0;
	cfg.no_huge = false;
	assert_int_equal(dp_check(&cfg, err, sizeof(err)), -ENOMEM);
	assert_non_null(strstr(err, "of huge pages, and "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_every_corner_starts_with_what_is_computed),
	        cmocka_unit_test(test_every_count_starts),
	        cmocka_unit_test(test_ports),
	        cmocka_unit_test(test_memory_of_ones_own),
	        cmocka_unit_test(test_more_than_there_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
