/* SPDX-License-Identifier: BSD-3-Clause */
/* Ring messages: the bytes that are said to matter hold every member whole, and the two planes agree on owners. */
#include "ipc/cpdp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#define HOLDS(size, type, member) \
	assert_true((size) >= offsetof(type, member) + sizeof(((type *)0)->member))

static void commands(void **state)
{
	static struct cp_cmd c;

	for (uint32_t type = CMD_NOP; type < CMD_TYPES; type++) {
		uint32_t n;

		memset(&c, 0, sizeof(c));
		c.type = type;
		n = cp_cmd_size(&c);
		assert_true(n <= sizeof(c));
		if (type == CMD_SEND || type == CMD_SEND_SESSION)
			continue;
		HOLDS(n, struct cp_cmd, u.link);
		HOLDS(n, struct cp_cmd, u.key);
		HOLDS(n, struct cp_cmd, u.ilm);
		HOLDS(n, struct cp_cmd, u.session);
		HOLDS(n, struct cp_cmd, u.unreachable);
		HOLDS(n, struct cp_cmd, u.open);
		HOLDS(n, struct cp_cmd, u.runs);
		HOLDS(n, struct cp_cmd, u.lane_seen);
		HOLDS(n, struct cp_cmd, u.dump);
	}
}

/* A command that has been passed on keeps everything but its key. */
static void keys_are_wiped(void **state)
{
	static const uint8_t none[32];
	static struct cp_cmd c, was;

	for (uint32_t type = CMD_NOP; type < CMD_TYPES; type++) {
		bool key = type == CMD_LINK_TX_KEY || type == CMD_LINK_RX_KEY ||
		           type == CMD_SESSION_TX_KEY || type == CMD_SESSION_RX_KEY;

		memset(&c, 0x5a, sizeof(c));
		c.type = type;
		was = c;
		cp_cmd_wipe(&c);
		if (key) {
			assert_memory_equal(c.u.key.key, none, sizeof(none));
			memcpy(c.u.key.key, was.u.key.key, sizeof(none));
		}
		assert_memory_equal(&c, &was, sizeof(c));
	}
}

static void packets(void **state)
{
	static struct cp_cmd c;
	static struct dp_event e;

	for (uint16_t len = 0; len <= CPDP_PACKET_MAX; len++) {
		c.type = CMD_SEND;
		c.u.send.len = len;
		assert_int_equal(cp_cmd_size(&c), offsetof(struct cp_cmd, u.send.data) + len);
		assert_true(cp_cmd_size(&c) <= sizeof(c));
		c.type = CMD_SEND_SESSION;
		c.u.send_session.len = len;
		assert_int_equal(cp_cmd_size(&c),
		                 offsetof(struct cp_cmd, u.send_session.data) + len);
		assert_true(cp_cmd_size(&c) <= sizeof(c));
		e.type = EVT_PACKET;
		e.u.packet.len = len;
		assert_int_equal(dp_event_size(&e), offsetof(struct dp_event, u.packet.data) + len);
		assert_true(dp_event_size(&e) <= sizeof(e));
	}
}

static void events(void **state)
{
	static struct dp_event e;

	for (uint32_t type = EVT_NONE; type < EVT_TYPES; type++) {
		uint32_t n;

		if (type == EVT_PACKET)
			continue;
		memset(&e, 0, sizeof(e));
		e.type = type;
		n = dp_event_size(&e);
		assert_true(n <= sizeof(e));
		HOLDS(n, struct dp_event, u.want);
		HOLDS(n, struct dp_event, u.use);
		HOLDS(n, struct dp_event, u.key);
		HOLDS(n, struct dp_event, u.learnt);
		HOLDS(n, struct dp_event, u.connection);
		HOLDS(n, struct dp_event, u.dump_end);
		HOLDS(n, struct dp_event, u.idle);
		HOLDS(n, struct dp_event, u.sample);
		HOLDS(n, struct dp_event, u.lane_seen);
	}
}

static void owners(void **state)
{
	for (unsigned workers = 1; workers <= CPDP_WORKERS_MAX; workers++) {
		unsigned seen[CPDP_WORKERS_MAX] = {0};
		struct node_id id = {{0}};

		for (unsigned v = 0; v < 65536; v++) {
			id.b[0] = (uint8_t)(v >> 8);
			id.b[1] = (uint8_t)v;
			assert_true(cp_session_worker(&id, workers) < workers);
			seen[cp_session_worker(&id, workers)]++;
			assert_true(cp_index_worker(v * 65521u, workers) < workers);
		}
		for (unsigned w = 0; w < workers; w++)
			assert_in_range(seen[w], 65536 / workers, 65536 / workers + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(commands), cmocka_unit_test(keys_are_wiped),
	        cmocka_unit_test(packets),  cmocka_unit_test(events),
	        cmocka_unit_test(owners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
