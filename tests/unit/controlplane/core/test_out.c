/* SPDX-License-Identifier: BSD-3-Clause */
/* Outputs come out whole and in order, however they fall into blocks, and cost no allocation while they are drained. */
#include "ground.h"

static const struct news deaf;

static void test_order(void **state)
{
	static struct node_output out;
	static uint8_t packet[CPDP_PACKET_MAX];
	struct ground g;
	struct node *n;
	unsigned queued = 0, drained = 0;

	ground_open(&g, 1);
	n = ground_node(&g, &deaf);
	for (unsigned round = 0; round < 2000; round++) {
		unsigned more = (unsigned)rng_below(&g.rng, 6),
		         gone = (unsigned)rng_below(&g.rng, 6);

		for (unsigned i = 0; i < more; i++, queued++) {
			size_t len = 4 + rng_below(&g.rng, sizeof(packet) - 3);

			memset(packet, (int)(queued & 0xff), len);
			memcpy(packet, &queued, sizeof(queued));
			out_packet(n, (uint16_t)len, packet, len);
		}
		for (unsigned i = 0; i < gone && node_output(n, &out); i++, drained++) {
			const struct cp_cmd *c = &out.u.command.cmd;
			unsigned number;

			assert_int_equal(out.type, OUT_COMMAND);
			assert_int_equal(c->type, CMD_SEND);
			assert_int_equal(c->u.send.len, c->u.send.link);
			memcpy(&number, c->u.send.data, sizeof(number));
			assert_int_equal(number, drained);
			for (unsigned b = sizeof(number); b < c->u.send.len; b++)
				assert_int_equal(c->u.send.data[b], drained & 0xff);
			assert_int_equal(c->seq, drained + 1);
		}
	}
	assert_true(queued > drained);
	ctx_destroy(n); /* with outputs that nobody took */
	ground_close(&g);
}

static void test_no_allocation(void **state)
{
	struct ground g;
	struct node *n;
	uint8_t packet[200] = {0};
	size_t bytes;
	long live;

	ground_open(&g, 2);
	n = ground_node(&g, &deaf);
	out_packet(n, 1, packet, sizeof(packet));
	assert_int_equal(ground_drain(n, CMD_SEND), 1);
	live = g.live;
	bytes = n->mem.bytes;
	for (unsigned i = 0; i < 100; i++) {
		for (unsigned k = 0; k < 5; k++)
			out_packet(n, 1, packet, sizeof(packet));
		assert_int_equal(g.live, live);
		assert_int_equal(ground_drain(n, CMD_SEND), 5);
	}
	/* A burst takes more, and gives it back. */
	for (unsigned i = 0; i < 1000; i++)
		out_packet(n, 1, packet, sizeof(packet));
	assert_true(n->mem.bytes > bytes);
	assert_int_equal(ground_drain(n, CMD_SEND), 1000);
	assert_int_equal(n->mem.bytes, bytes);
	assert_int_equal(g.live, live);
	ctx_destroy(n);
	ground_close(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_order),
	        cmocka_unit_test(test_no_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
