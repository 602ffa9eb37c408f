/* SPDX-License-Identifier: BSD-3-Clause */
/* The memory that processes of one run share: addresses and ids, bounded, and safe where many write. */
#include "libcoyo/preload/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct table *shared(void)
{
	void *p = mmap(NULL, sizeof(struct table), PROT_READ | PROT_WRITE,
	               MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	return p;
}

static struct node_id id_of(uint32_t n)
{
	struct node_id id;

	for (unsigned i = 0; i < ID_BYTES; i++) {
		n = n * 1664525 + 1013904223;
		id.b[i] = (uint8_t)(n >> 24);
	}
	return id;
}

static void test_there_and_back(void **state)
{
	struct table *t = shared();
	struct node_id id = id_of(1), found;
	struct in6_addr a;

	(void)state;
	ip6_of_id(&id, 0xfd, a.s6_addr);
	assert_int_equal(a.s6_addr[0], 0xfd);
	assert_memory_equal(a.s6_addr + 1, id.b, 15);
	assert_false(table_id_of(t, &a, &found));
	table_learn(t, &id);
	assert_true(table_id_of(t, &a, &found));
	assert_true(id_eq(&id, &found));
	/* Another prefix is the caller's to tell apart; another address is not found. */
	a.s6_addr[15] ^= 1;
	assert_false(table_id_of(t, &a, &found));
	munmap(t, sizeof(*t));
}

/* Two ids that share 120 bits have one address: it means the one that was named last, never half of each. */
static void test_same_start(void **state)
{
	struct table *t = shared();
	struct node_id one = id_of(2), other = one, found;
	struct in6_addr a;

	(void)state;
	other.b[63] ^= 1;
	ip6_of_id(&one, 0xfd, a.s6_addr);
	table_learn(t, &one);
	table_learn(t, &other);
	assert_true(table_id_of(t, &a, &found));
	assert_true(id_eq(&other, &found));
	munmap(t, sizeof(*t));
}

/* More ids than there is room for: the memory does not grow, and one in use stays. */
static void test_bounded(void **state)
{
	struct table *t = shared();
	struct node_id mine = id_of(77), found;
	unsigned kept = 0;
	struct in6_addr a;

	(void)state;
	table_learn(t, &mine);
	for (uint32_t i = 1000; i < 1000 + 4 * TABLE_MOST; i++) {
		struct node_id id = id_of(i);

		table_learn(t, &id);
		ip6_of_id(&mine, 0xfd, a.s6_addr);
		assert_true(table_id_of(t, &a, &found));
	}
	for (uint32_t i = 1000; i < 1000 + 4 * TABLE_MOST; i++) {
		struct node_id id = id_of(i);

		ip6_of_id(&id, 0xfd, a.s6_addr);
		kept += table_id_of(t, &a, &found);
	}
	assert_in_range(kept, TABLE_MOST / 2, TABLE_MOST);
	munmap(t, sizeof(*t));
}

static void test_ends(void **state)
{
	struct table *t = shared();
	struct table_end end = {.inode = 5, .kind = 6, .local_port = 7}, found;

	(void)state;
	assert_false(table_end_find(t, 5, &found));
	table_end_learn(t, &end);
	end.local_port = 8; /* the number of an inode comes again */
	table_end_learn(t, &end);
	assert_true(table_end_find(t, 5, &found));
	assert_int_equal(found.local_port, 8);
	for (uint64_t i = 100; i < 100 + 3 * TABLE_MOST; i++) {
		end.inode = i;
		table_end_learn(t, &end);
	}
	assert_true(table_end_find(t, 99 + 3 * TABLE_MOST, &found));
	assert_false(table_end_find(t, 5, &found));
	munmap(t, sizeof(*t));
}

/* Four processes write and read the same few sets; one is killed in the middle of it. What is found is always whole. */
static void test_many_writers(void **state)
{
	struct table *t = shared();
	pid_t pids[4];

	(void)state;
	for (unsigned p = 0; p < 4; p++) {
		pids[p] = fork();
		if (pids[p] != 0)
			continue;
		for (uint32_t i = 0; p == 3 || i < 100000; i++) {
			struct node_id id = id_of(i % 64), found;
			struct in6_addr a;

			id.b[13] = 0; /* all in few sets */
			id.b[14] &= 1;
			table_learn(t, &id);
			ip6_of_id(&id, 0xfd, a.s6_addr);
			if (table_id_of(t, &a, &found) && !id_eq(&id, &found))
				_exit(1);
		}
		_exit(0);
	}
	usleep(20000);
	kill(pids[3], SIGKILL);
	for (unsigned p = 0; p < 4; p++) {
		int status;

		assert_int_equal(waitpid(pids[p], &status, 0), pids[p]);
		assert_true(p == 3 ? WIFSIGNALED(status) : status == 0);
	}
	munmap(t, sizeof(*t));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_same_start),
	        cmocka_unit_test(test_bounded),        cmocka_unit_test(test_ends),
	        cmocka_unit_test(test_many_writers),
	};

	return cmocka_run_group_tests_name("preload table", tests, NULL, NULL);
}
