/* SPDX-License-Identifier: BSD-3-Clause */
/* What the kernel says in front of its packets: checksums that it has left are completed, runs are told apart, nonsense is refused. */
#include "app/tun_vnet.h"
#include "base/be.h"
#include "base/rng.h"
#include "tcp/csum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <linux/virtio_net.h>

static struct tun_slot slot;

/* A packet with the sum of its pseudo-header where the checksum is to be, as the kernel leaves it. */
static void make(uint8_t protocol, uint32_t len, uint32_t offset)
{
	struct rng_seeded seeded;
	struct rng rng;

	rng_seeded_init(&seeded, len);
	rng = rng_from_seeded(&seeded);
	rng_fill(&rng, slot.packet, len);
	slot.len = len;
	slot.packet[0] = 0x60;
	slot.packet[52] = 0x50;
	be16_store(slot.packet + 40 + offset, gso_pseudo(slot.packet, protocol, len - 40));
}

static bool look(struct virtio_net_hdr v)
{
	memcpy(slot.vnet, &v, sizeof(v));
	return tun_vnet_read(&slot);
}

static void test_checksums_are_completed(void **state)
{
	for (uint32_t len = 60; len < 1500; len++) {
		make(17, len, 6);
		assert_true(look((struct virtio_net_hdr){
		        .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 40, .csum_offset = 6}));
		assert_int_equal(slot.gso.kind, GSO_NONE);
		assert_int_not_equal(be16_load(slot.packet + 46), 0);
		assert_int_equal(tcp_csum_fold((uint32_t)tcp_csum_sum(slot.packet + 40, len - 40) +
		                               gso_pseudo(slot.packet, 17, len - 40)),
		                 0xffff);
	}
}

static void test_runs(void **state)
{
	struct virtio_net_hdr v = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
	                           .gso_type = VIRTIO_NET_HDR_GSO_TCPV6 | VIRTIO_NET_HDR_GSO_ECN,
	                           .gso_size = 1000,
	                           .hdr_len = 60,
	                           .csum_start = 40,
	                           .csum_offset = 16};

	make(6, 5060, 16);
	assert_true(look(v));
	assert_true(slot.gso.kind == GSO_TCP && slot.gso.size == 1000 && slot.gso.l4 == 40 &&
	            slot.gso.head == 60);
	v.gso_type = 5;
	assert_true(look(v));
	assert_true(slot.gso.kind == GSO_UDP && slot.gso.head == 48);
}

static void test_nonsense_is_refused(void **state)
{
	struct virtio_net_hdr v = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM};

	make(6, 100, 16);
	assert_false(look(v)); /* within the IPv6 header */
	v.csum_start = 40;
	v.csum_offset = 59;
	assert_false(look(v)); /* beyond the end */
	v.csum_offset = 58;
	assert_true(look(v));
	v.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
	assert_false(look(v));
	v.gso_type = VIRTIO_NET_HDR_GSO_TCPV6;
	assert_false(look(v)); /* pieces of no size */
	slot.len = 0;
	v = (struct virtio_net_hdr){0};
	assert_true(look(v)); /* what it is others find */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_checksums_are_completed),
	        cmocka_unit_test(test_runs),
	        cmocka_unit_test(test_nonsense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
