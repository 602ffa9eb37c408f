/* SPDX-License-Identifier: BSD-3-Clause */
/* Transmission on sockets: runs that the kernel refuses go singly, and are tried again after a pause; samples tell what left in runs. */
#include "core/mbuf.h"
#include "core/ring.h"
#include "core/worker.h"
#include "io/io.h"
#include "plane.h"
#include "wire/link.h"
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
	struct io_frames sent;
	unsigned before = packets, tried = runs + refused;

	w->now.ns = (1000000 + ms) * NS_PER_MS;
	for (unsigned i = 0; i < BURST_SENT; i++) {
		m[i] = worker_mbuf(w);
		assert_non_null(m[i]);
		memset(rte_pktmbuf_append(m[i], SIZE), (int)i, SIZE);
		*packet_of(m[i]) = (struct packet){.label = LABEL_NONE};
	}
	sent = io_frames_of(m, BURST_SENT);
	io_tx(io, &l, &sent, PACKET_TX);
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

/* ---- samples ---- */

static uint64_t counter; /* of the next frame */

/* n frames of one size and lane. */
static void frames(unsigned n, uint32_t index, uint16_t size)
{
	struct rte_mbuf *m[LINK_BURST];
	struct io_frames sent;

	for (unsigned i = 0; i < n; i++) {
		uint8_t *p;

		m[i] = worker_mbuf(w);
		assert_non_null(m[i]);
		p = (uint8_t *)rte_pktmbuf_append(m[i], size);
		link_header_put(p, &(struct link_header){.type = LINK_DATA,
		                                         .length = size - LINK_HEADER_BYTES,
		                                         .receiver = index,
		                                         .counter = counter++});
		*packet_of(m[i]) = (struct packet){.label = LABEL_NONE};
	}
	sent = io_frames_of(m, n);
	io_tx(io, &l, &sent, PACKET_TX);
}

static int command(enum cp_cmd_type type, uint8_t mode)
{
	struct cp_cmd c = {.type = type, .u.runs = {.mode = mode}};

	return io_runs_command(w, &l, &c);
}

/* The next event is of this type; EVT_NONE: there is none. */
static struct dp_event event(enum dp_event_type type)
{
	struct dp_event *slot = ring_take_begin(w->events, sizeof(*slot)), ev = {0};

	if (slot) {
		memcpy(&ev, slot, sizeof(ev));
		ring_take_end(w->events);
	}
	assert_int_equal(ev.type, type);
	return ev;
}

static struct dp_link_sample sample(void)
{
	assert_int_equal(command(CMD_LINK_SAMPLE, 0), 0);
	return event(EVT_LINK_SAMPLE).u.sample;
}

static int begin(void **state)
{
	refuse = 0;
	l.runs = (struct run_sample){0};
	w->now.ns += 1000 * NS_PER_S;
	counter = 1000;
	frames(2, 7, 100);
	if (!runs)
		skip();
	assert_int_equal(command(CMD_LINK_RUNS, LINK_RUNS_ALL), 0);
	while (ring_take_begin(w->events, sizeof(struct dp_event)))
		ring_take_end(w->events);
	return 0;
}

static void test_a_sample_tells_what_left_in_runs(void **state)
{
	struct dp_link_sample s;

	frames(1, 7, 100); /* no run: the sample waits */
	event(EVT_NONE);
	frames(5, 7, 200);
	event(EVT_LINK_RUN);
	frames(1, 7, 200);
	frames(2, 8, 200); /* another lane */
	event(EVT_NONE);
	s = sample();
	assert_int_equal(s.index, 7);
	assert_int_equal(s.first, 1003);
	assert_int_equal(s.sent[0], 0x3f);
	assert_int_equal(s.member[0], 0x1f);
	assert_true(!s.sent[1] && !s.sent[2] && !s.sent[3]);
	/* None begins before control says so. */
	frames(5, 7, 200);
	event(EVT_NONE);
	assert_int_equal(sample().sent[0], 0);
	assert_int_equal(command(CMD_LINK_RUNS, LINK_RUNS_ALL), 0);
	for (unsigned i = 0; i < 10; i++)
		frames(60, 7, 100);
	event(EVT_LINK_RUN);
	s = sample();
	for (unsigned i = 0; i < CPDP_SAMPLE_WORDS; i++)
		assert_true(s.sent[i] == UINT64_MAX && s.member[i] == UINT64_MAX);
}

static void test_runs_are_turned_off_by_control(void **state)
{
	unsigned before = runs;
	struct dp_link_sample s;

	assert_int_equal(command(CMD_LINK_RUNS, LINK_RUNS_NONE), 0);
	frames(1, 7, 300);
	frames(4, 7, 200);
	assert_int_equal(runs, before);
	event(EVT_LINK_RUN);
	frames(1, 7, 300);
	frames(2, 7, 200);
	s = sample(); /* what would have left in runs */
	assert_int_equal(s.sent[0], 0x7f);
	assert_int_equal(s.member[0], 0x6f);
	assert_int_equal(runs, before);
	/* One run for each sample. */
	assert_int_equal(command(CMD_LINK_RUNS, LINK_RUNS_ONE), 0);
	frames(3, 7, 200);
	frames(3, 7, 200);
	event(EVT_LINK_RUN);
	assert_int_equal(runs, before + 1);
	s = sample();
	assert_int_equal(s.sent[0], 0x3f);
	assert_int_equal(s.member[0], 0x7);
	frames(3, 7, 200);
	assert_int_equal(runs, before + 1);
	assert_int_equal(command(CMD_LINK_RUNS, LINK_RUNS_ONE + 1), -EINVAL);
}

/* What the kernel refused in runs and then took singly was a member of none. */
static void test_refused_runs_have_no_members(void **state)
{
	struct dp_link_sample s;

	frames(3, 7, 200);
	event(EVT_LINK_RUN);
	refuse = EIO;
	frames(3, 7, 200);
	s = sample();
	assert_int_equal(s.sent[0], 0x3f);
	assert_int_equal(s.member[0], 0x7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_runs_come_back_after_a_pause),
	        cmocka_unit_test_setup(test_a_sample_tells_what_left_in_runs, begin),
	        cmocka_unit_test_setup(test_runs_are_turned_off_by_control, begin),
	        cmocka_unit_test_setup(test_refused_runs_have_no_members, begin),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
