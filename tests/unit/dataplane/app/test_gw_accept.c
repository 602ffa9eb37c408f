/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams are handed to a listener's client no faster than it takes them: worker, client and neighbours on this node are played by the test. */
#include "gwtest.h"

#include <poll.h>

#define PORT    7000
#define BACKLOG 4

static struct gwtest t;
static int user; /* the client's end */

static struct gw_client *client(int *end)
{
	struct gw_client *c = calloc(1, sizeof(*c));
	int fd[2];

	assert_non_null(c);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	c->node.kind = GW_CLIENT;
	c->fd = fd[0];
	*end = fd[1];
	TAILQ_INIT(&c->accepted);
	TAILQ_INSERT_TAIL(&t.g.clients, c, all);
	t.g.nclients++;
	t.g.fds++;
	assert_int_equal(epoll_ctl(t.g.epoll, EPOLL_CTL_ADD, c->fd,
	                           &(struct epoll_event){.events = EPOLLIN, .data.ptr = c}),
	                 0);
	return c;
}

static struct gw_client *owner;
static struct gw_listener *l;

static int setup(void **state)
{
	struct bridge_msg m = {0};

	gwtest_start(&t);
	memset(t.g.id.b, 7, sizeof(t.g.id.b));
	owner = client(&user);
	assert_int_equal(gw_listen(&t.g, owner, PORT, BACKLOG, false), 0);
	l = owner->listener;
	owner->busy = true;
	gw_listeners_flush(&t.g);
	for (unsigned w = 0; w < GW_WORKERS; w++) {
		assert_true(gwtest_message(&t, w, &m));
		assert_int_equal(m.backlog + m.credit, BACKLOG + 1);
	}
	return 0;
}

static void bury(void)
{
	struct gw_client *c;

	while ((c = TAILQ_FIRST(&t.g.dead_clients))) {
		TAILQ_REMOVE(&t.g.dead_clients, c, all);
		free(c);
	}
}

static int teardown(void **state)
{
	uint32_t token = l->token;
	struct gw_stream *s;
	struct bridge_msg m = {0};

	gw_client_free(&t.g, owner);
	gw_listeners_flush(&t.g);
	for (unsigned w = 0; w < GW_WORKERS; w++)
		gw_unlistened(&t.g, w, token);
	assert_null(t.g.listeners[token & 0xffff]);
	while ((s = TAILQ_FIRST(&t.g.streams)))
		gw_stream_kill(&t.g, s);
	for (unsigned w = 0; w < GW_WORKERS; w++)
		while (gwtest_message(&t, w, &m))
			;
	bury();
	close(user);
	gwtest_end(&t);
	return 0;
}

static void ready(void)
{
	for (unsigned w = 0; w < GW_WORKERS; w++)
		if (gw_listening(&t.g, w, l->token, 0))
			gw_client_listening(&t.g, owner, l, 0, PORT);
}

/* Worker w offers a connection. */
static struct gw_stream *offer(unsigned w, uint32_t conn)
{
	struct bridge_msg m = {
	        .type = BRIDGE_ACCEPT, .token = l->token, .conn = conn, .port = 40000};

	return gw_accepted(&t.g, w, &m);
}

/* One line from the client's socket, its descriptor closed. Returns its first letter, 0: there is none. */
static char take(void)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	char line[APP_LINE_MAX];
	size_t n = 0;

	do {
		struct iovec iov = {line + n, 1};
		struct msghdr m = {.msg_iov = &iov,
		                   .msg_iovlen = 1,
		                   .msg_control = &control,
		                   .msg_controllen = sizeof(control)};
		int fd;

		if (recvmsg(user, &m, MSG_DONTWAIT) != 1)
			return 0;
		if (CMSG_FIRSTHDR(&m)) {
			memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
			close(fd);
		}
	} while (line[n++] != '\n');
	return line[0];
}

/* What epoll tells about the owner. Returns whether it told anything. */
static bool events(void)
{
	struct epoll_event e;
	bool any = false;

	while (epoll_wait(t.g.epoll, &e, 1, 0) == 1) {
		if (e.data.ptr == owner)
			gw_client_event(&t.g, owner, e.events);
		any |= e.data.ptr == owner;
	}
	return any;
}

static uint32_t credit(unsigned w)
{
	struct bridge_msg m = {0};
	uint32_t n = 0;

	gw_listeners_flush(&t.g);
	while (gwtest_message(&t, w, &m))
		if (m.type == BRIDGE_TAKEN) {
			assert_ptr_equal(m.listener, &l->at[w].shared);
			n += m.credit;
		}
	return n;
}

/* The worker is told of a stream at once, and gets its credit back when the client has taken the line, and not before. */
static void test_credit_comes_back_when_taken(void **state)
{
	struct bridge_msg m = {0};
	struct gw_stream *s;

	ready();
	assert_int_equal(take(), 'o');
	s = offer(1, 55);
	assert_non_null(s);
	gw_streams_flush(&t.g, 1);
	assert_true(gwtest_message(&t, 1, &m));
	assert_int_equal(m.type, BRIDGE_ATTACH);
	assert_int_equal(m.conn, 55);
	assert_ptr_equal(m.stream, s->stream);
	events();
	assert_int_equal(credit(1), 0);
	assert_int_equal(take(), 'a');
	assert_true(events());
	assert_int_equal(credit(1), 1);
	assert_int_equal(credit(0), 0);
	assert_false(events());
}

/* Lines of several workers are taken in their order, and each gets its own back. */
static void test_credit_goes_to_whose_it_was(void **state)
{
	ready();
	assert_non_null(offer(0, 1));
	assert_non_null(offer(1, 2));
	assert_int_equal(take(), 'o');
	assert_int_equal(take(), 'a');
	events();
	assert_int_equal(credit(0), 1);
	assert_int_equal(credit(1), 0);
	assert_int_equal(take(), 'a');
	events();
	assert_int_equal(credit(1), 1);
}

/* A connection that one worker offers before the other has answered comes after the answer to `listen`. */
static void test_nothing_before_the_answer(void **state)
{
	assert_null(gw_listening(&t.g, 0, l->token, 0));
	assert_non_null(offer(0, 1));
	assert_int_equal(take(), 0);
	assert_ptr_equal(gw_listening(&t.g, 1, l->token, 0), l);
	gw_client_listening(&t.g, owner, l, 0, PORT);
	assert_int_equal(take(), 'o');
	assert_int_equal(take(), 'a');
}

/* No descriptor is left, or the listener has gone: the connection is attached and reset, and the credit comes back. */
static void test_refused(void **state)
{
	struct bridge_msg m = {0};

	ready();
	t.g.fds_max = t.g.fds + 1;
	assert_non_null(offer(0, 9));
	gw_streams_flush(&t.g, 0);
	assert_true(gwtest_message(&t, 0, &m));
	assert_int_equal(m.type, BRIDGE_ATTACH);
	assert_int_equal(m.conn, 9);
	assert_true(gwtest_message(&t, 0, &m));
	assert_int_equal(m.type, BRIDGE_LET_GO);
	assert_true(m.abort);
	assert_int_equal(credit(0), 1);
}

/* More connects within the node than a backlog takes wait, go on when one is taken, and are refused when the listener goes. */
static void test_connects_within_the_node_wait(void **state)
{
	struct gw_client *c[BACKLOG + 3];
	char answer[APP_LINE_MAX];
	int end[BACKLOG + 3];

	ready();
	assert_int_equal(take(), 'o');
	for (unsigned i = 0; i < BACKLOG + 3; i++) {
		c[i] = client(&end[i]);
		gw_connect_here(&t.g, c[i], &t.g.id, PORT);
		assert_int_equal(c[i]->busy, i > BACKLOG);
	}
	assert_int_equal(take(), 'a');
	events();
	assert_false(c[BACKLOG + 1]->busy);
	assert_true(recv(end[BACKLOG + 1], answer, sizeof(answer), 0) > 2 &&
	            memcmp(answer, "ok ", 3) == 0);
	assert_true(c[BACKLOG + 2]->busy);
	gw_unlisten(&t.g, l);
	assert_false(c[BACKLOG + 2]->busy);
	assert_true(recv(end[BACKLOG + 2], answer, sizeof(answer), 0) > 18 &&
	            memcmp(answer, "error ECONNREFUSED", 18) == 0);
	for (unsigned i = 0; i < BACKLOG + 3; i++) {
		gw_client_free(&t.g, c[i]);
		close(end[i]);
	}
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        test(test_credit_comes_back_when_taken),  test(test_credit_goes_to_whose_it_was),
	        test(test_nothing_before_the_answer),     test(test_refused),
	        test(test_connects_within_the_node_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
