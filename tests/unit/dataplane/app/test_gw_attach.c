/* SPDX-License-Identifier: BSD-3-Clause */
/* Applications that attach: what they are given, what each worker is told and in which order, quotas, and that all of it is freed. */
#include "gwtest.h"
#include "app/gw_attach.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>

static struct gwtest t;

struct user {
	struct gw_client *c;
	int fd; /* the application's end */
	int fds[APP_SEGMENT_FDS(GW_WORKERS)];
	unsigned nfds;
	char line[APP_LINE_MAX];
};

static int setup(void **state)
{
	gwtest_start(&t);
	t.g.slots_max = 64;
	t.g.apps_max = 3;
	memset(t.g.id.b, 7, ID_BYTES);
	return 0;
}

static void join(struct user *u)
{
	struct epoll_event e = {.events = EPOLLRDHUP | EPOLLIN};
	int fd[2];

	*u = (struct user){.fd = -1};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd), 0);
	u->c = calloc(1, sizeof(*u->c));
	u->c->node.kind = GW_CLIENT;
	u->c->fd = fd[0];
	gw_peer_learn(u->c);
	e.data.ptr = &u->c->node;
	assert_int_equal(epoll_ctl(t.g.epoll, EPOLL_CTL_ADD, fd[0], &e), 0);
	u->fd = fd[1];
	t.g.fds++;
	t.g.nclients++;
	TAILQ_INIT(&u->c->accepted);
	TAILQ_INSERT_TAIL(&t.g.clients, u->c, all);
}

static void say(struct user *u, const char *line)
{
	assert_int_equal(send(u->fd, line, strlen(line), MSG_DONTWAIT), (ssize_t)strlen(line));
	gw_round(&t.g, false);
}

/* The next line, and what came with it. False: none has come. */
static bool hear(struct user *u)
{
	char room[CMSG_SPACE(sizeof(u->fds))];
	struct iovec iov = {u->line, sizeof(u->line) - 1};
	struct msghdr m = {.msg_iov = &iov,
	                   .msg_iovlen = 1,
	                   .msg_control = room,
	                   .msg_controllen = sizeof(room)};
	ssize_t n = recvmsg(u->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *h;

	if (n <= 0)
		return false;
	u->line[n] = 0;
	h = CMSG_FIRSTHDR(&m);
	if (h) {
		assert_int_equal(h->cmsg_type, SCM_RIGHTS);
		u->nfds = (unsigned)((h->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(u->fds, CMSG_DATA(h), u->nfds * sizeof(int));
	}
	return true;
}

static struct bridge_msg next(unsigned worker, uint8_t type)
{
	struct bridge_msg m;

	assert_true(gwtest_message(&t, worker, &m));
	assert_int_equal(m.type, type);
	return m;
}

static void tell(unsigned worker, struct bridge_msg m)
{
	assert_true(bridge_put(&t.bridge[worker].to_gateway_tx, &m));
	gw_round(&t.g, false);
}

/* Both workers take the application. */
static void attach(struct user *u, const char *line, struct app_port *port[GW_WORKERS])
{
	say(u, line);
	for (unsigned w = 0; w < GW_WORKERS; w++) {
		port[w] = next(w, BRIDGE_APP_ATTACH).app;
		assert_false(hear(u));
		tell(w, (struct bridge_msg){.type = BRIDGE_APP_ATTACHED, .app = port[w]});
	}
	assert_true(hear(u));
}

static void leave(struct user *u)
{
	close(u->fd);
	for (unsigned i = 0; i < u->nfds; i++)
		close(u->fds[i]);
	gw_round(&t.g, false);
}

/* Both workers let go. */
static void gone(struct app_port *const port[GW_WORKERS])
{
	for (unsigned w = 0; w < GW_WORKERS; w++) {
		assert_ptr_equal(next(w, BRIDGE_APP_LEAVE).app, port[w]);
		tell(w, (struct bridge_msg){.type = BRIDGE_APP_GONE, .app = port[w]});
	}
}

static void end(void)
{
	struct bridge_msg m;

	gw_round(&t.g, false);
	assert_true(TAILQ_EMPTY(&t.g.apps) && TAILQ_EMPTY(&t.g.owe_apps));
	for (unsigned w = 0; w < GW_WORKERS; w++)
		assert_false(gwtest_message(&t, w, &m));
	gwtest_end(&t);
}

static struct app_answer answer_of(const struct user *u)
{
	struct app_answer ans;

	assert_int_equal(app_answer_parse(u->line, strlen(u->line) - 1, &ans), 0);
	return ans;
}

/* The numbers, the memory behind them, which nobody can make smaller, and each descriptor in its place. */
static void test_what_an_application_is_given(void **state)
{
	struct app_port *port[GW_WORKERS];
	struct app_answer ans;
	struct user u;
	uint64_t eight = 1;
	size_t bytes;
	uint8_t *at;

	join(&u);
	attach(&u, "attach 3\n", port);
	ans = answer_of(&u);
	assert_int_equal(ans.type, APP_ANS_SEGMENT);
	assert_int_equal(ans.layout.workers, GW_WORKERS);
	assert_int_equal(ans.layout.slots, 64);
	assert_true(id_eq(&ans.id, &t.g.id));
	assert_int_equal(u.nfds, 2 + GW_WORKERS);
	bytes = appseg_bytes(&ans.layout);
	assert_int_equal(lseek(u.fds[0], 0, SEEK_END), bytes);
	assert_int_equal(ftruncate(u.fds[0], 4096), -1);
	assert_int_equal(ftruncate(u.fds[0], (off_t)bytes * 2), -1);
	assert_int_equal(fcntl(u.fds[0], F_ADD_SEALS, F_SEAL_WRITE), -1);
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, u.fds[0], 0);
	assert_ptr_not_equal(at, MAP_FAILED);
	for (unsigned w = 0; w < GW_WORKERS; w++) {
		assert_ptr_equal((uint8_t *)port[w]->lane, port[w]->seg->at + appseg_lane_at(w));
		at[appseg_lane_at(w)] = (uint8_t)(w + 1);
		assert_int_equal(*(uint8_t *)port[w]->lane, w + 1);
		assert_int_equal(write(u.fds[2 + w], &eight, 8), 8);
	}
	munmap(at, bytes);
	/* What wakes it: once sent, readable once; and it cannot be filled by the application. */
	assert_int_equal(send(u.fds[1], &eight, 8, MSG_NOSIGNAL), -1);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(send(port[0]->seg->app_fd, &eight, 8, MSG_DONTWAIT), 8);
	assert_int_equal(read(u.fds[1], &eight, 8), 8);
	assert_int_equal(read(u.fds[1], &eight, 8), -1);
	leave(&u);
	gone(port);
	end();
}

/* A pipe is locked while somebody copies bytes out of it into memory that is not there; nothing of a socket is. Nor does one that is full, or shut by
 * the application, make a worker wait; and the wakes that an application leaves unread have room. */
static void test_what_wakes_an_application_makes_no_worker_wait(void **state)
{
	struct app_port *port[GW_WORKERS];
	uint64_t eight = 1;
	unsigned wakes = 0;
	struct stat st;
	struct user u;

	join(&u);
	attach(&u, "attach 3 5\n", port);
	assert_int_equal(fstat(port[0]->seg->app_fd, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(fcntl(u.fds[1], F_SETFL, 0), 0);
	while (send(port[0]->seg->app_fd, &eight, 8, MSG_DONTWAIT | MSG_NOSIGNAL) == 8)
		wakes++;
	assert_int_equal(errno, EAGAIN);
	assert_true(wakes >= 150);
	assert_int_equal(shutdown(u.fds[1], SHUT_RD), 0);
	assert_int_equal(send(port[0]->seg->app_fd, &eight, 8, MSG_DONTWAIT | MSG_NOSIGNAL), -1);
	assert_int_equal(errno, EPIPE);
	leave(&u);
	gone(port);
	end();
}

static void test_slots_are_granted_up_to_the_limit(void **state)
{
	static const struct {
		const char *line;
		uint32_t slots;
	} rows[] = {{"attach 3 5\n", 5}, {"attach 3 65536\n", 64}, {"attach 3\n", 64}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct app_port *port[GW_WORKERS];
		struct user u;

		join(&u);
		attach(&u, rows[i].line, port);
		assert_int_equal(answer_of(&u).layout.slots, rows[i].slots);
		leave(&u);
		gone(port);
	}
	end();
}

static void test_another_version_is_refused(void **state)
{
	static const char *const others[] = {"attach 2\n", "attach 4\n"};
	struct user u;

	for (unsigned i = 0; i < ARRAY_LEN(others); i++) {
		join(&u);
		say(&u, others[i]);
		assert_true(hear(&u));
		assert_int_equal(answer_of(&u).err, EPROTONOSUPPORT);
		assert_null(u.c->app);
		leave(&u);
	}
	end();
}

/* One user has so many at a time, and one that workers still hold counts. */
static void test_applications_of_a_user_are_bounded(void **state)
{
	struct app_port *port[4][GW_WORKERS];
	struct user u[4];

	for (unsigned i = 0; i < 4; i++)
		join(&u[i]);
	for (unsigned i = 0; i < 3; i++)
		attach(&u[i], "attach 3 1\n", port[i]);
	say(&u[3], "attach 3 1\n");
	assert_true(hear(&u[3]));
	assert_int_equal(answer_of(&u[3]).err, EDQUOT);
	leave(&u[1]);
	say(&u[3], "attach 3 1\n");
	assert_true(hear(&u[3]));
	assert_int_equal(answer_of(&u[3]).err, EDQUOT);
	gone(port[1]);
	attach(&u[3], "attach 3 1\n", port[3]);
	leave(&u[0]);
	gone(port[0]);
	leave(&u[2]);
	gone(port[2]);
	leave(&u[3]);
	gone(port[3]);
	end();
}

/* It has closed its connection before the workers have answered, or before they were told. */
static void test_gone_before_it_was_attached(void **state)
{
	struct app_port *port;
	struct user u;

	join(&u);
	say(&u, "attach 3\n");
	leave(&u);
	for (unsigned w = 0; w < GW_WORKERS; w++) {
		port = next(w, BRIDGE_APP_ATTACH).app;
		assert_ptr_equal(next(w, BRIDGE_APP_LEAVE).app, port);
		tell(w, (struct bridge_msg){.type = BRIDGE_APP_ATTACHED, .app = port});
		tell(w, (struct bridge_msg){.type = BRIDGE_APP_GONE, .app = port});
	}
	join(&u);
	gwtest_fill(&t, 0);
	say(&u, "attach 3\n");
	leave(&u);
	next(1, BRIDGE_APP_ATTACH);
	port = next(1, BRIDGE_APP_LEAVE).app;
	tell(1, (struct bridge_msg){.type = BRIDGE_APP_GONE, .app = port});
	assert_false(TAILQ_EMPTY(&t.g.apps));
	gwtest_drain(&t, 0);
	gw_round(&t.g, false);
	port = next(0, BRIDGE_APP_ATTACH).app;
	next(0, BRIDGE_APP_LEAVE);
	tell(0, (struct bridge_msg){.type = BRIDGE_APP_GONE, .app = port});
	end();
}

static struct gw_listener *listens(struct user *u, const char *line, struct app_port *const port[])
{
	struct bridge_msg m;

	say(u, line);
	for (unsigned w = 0; w < GW_WORKERS; w++) {
		m = next(w, BRIDGE_LISTEN);
		assert_ptr_equal(m.app, port[w]);
		tell(w, (struct bridge_msg){.type = BRIDGE_LISTENING, .token = m.token});
	}
	assert_true(hear(u));
	assert_int_equal(answer_of(u).type, APP_ANS_LISTENING);
	assert_int_equal(answer_of(u).token, m.token);
	return t.g.listeners[m.token & 0xffff];
}

static void unlistened(const struct gw_listener *l)
{
	uint32_t token = l->token;

	for (unsigned w = 0; w < GW_WORKERS; w++) {
		assert_int_equal(next(w, BRIDGE_UNLISTEN).token, token);
		tell(w, (struct bridge_msg){.type = BRIDGE_UNLISTENED, .token = token});
	}
}

/* Any number of listeners by one connection, each named by its token; others cannot end them. */
static void test_listeners_of_an_application(void **state)
{
	struct app_port *port[GW_WORKERS];
	struct gw_listener *a, *b;
	struct user u;
	char line[APP_LINE_MAX];
	uint32_t token;

	join(&u);
	attach(&u, "attach 3\n", port);
	a = listens(&u, "listen 7000 4\n", port);
	assert_int_equal(answer_of(&u).port, 7000);
	b = listens(&u, "listen 0\n", port);
	assert_in_range(b->port, 32768, 60999);
	assert_int_equal(answer_of(&u).port, b->port);
	say(&u, "listen 7000\n");
	assert_true(hear(&u));
	assert_int_equal(answer_of(&u).err, EADDRINUSE);
	snprintf(line, sizeof(line), "unlisten %u\n", a->token ^ 0x70000);
	say(&u, line);
	assert_true(hear(&u));
	assert_int_equal(answer_of(&u).err, ENOENT);
	snprintf(line, sizeof(line), "unlisten %u\n", a->token);
	say(&u, line);
	assert_true(hear(&u));
	assert_string_equal(u.line, "ok\n");
	unlistened(a);
	a = listens(&u, "listen 7000\n", port);
	/* What is left ends with it, and the segment outlives its listeners. */
	token = a->token;
	leave(&u);
	unlistened(b);
	assert_int_equal(t.g.port_token[7000], 0);
	for (unsigned w = 0; w < GW_WORKERS; w++)
		assert_int_equal(next(w, BRIDGE_UNLISTEN).token, token);
	gone(port);
	assert_false(TAILQ_EMPTY(&t.g.apps));
	tell(0, (struct bridge_msg){.type = BRIDGE_UNLISTENED, .token = token});
	tell(1, (struct bridge_msg){.type = BRIDGE_UNLISTENED, .token = token});
	end();
}

/* What only one kind of connection may ask for is refused on the other. */
static void test_requests_of_the_other_kind(void **state)
{
	static const char *const plain[] = {"unlisten 7\n", "listen 0\n"};
	static const char *const attached[] = {"attach 3\n"};
	struct app_port *port[GW_WORKERS];
	struct user u;

	join(&u);
	for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
		say(&u, plain[i]);
		assert_true(hear(&u));
		assert_int_equal(answer_of(&u).err, EINVAL);
	}
	attach(&u, "attach 3\n", port);
	for (size_t i = 0; i < ARRAY_LEN(attached); i++) {
		say(&u, attached[i]);
		assert_true(hear(&u));
		assert_int_equal(answer_of(&u).err, EINVAL);
	}
	leave(&u);
	gone(port);
	end();
}

/* The daemon's own user may use low ports, which is who runs this. */
static void test_low_ports(void **state)
{
	struct gw_client nobody = {.fd = -1};
	struct user u;

	join(&u);
	assert_true(gw_may_listen(&t.g, u.c, 80));
	assert_false(gw_may_listen(&t.g, &nobody, 80));
	assert_false(gw_may_listen(&t.g, &nobody, 1023));
	assert_true(gw_may_listen(&t.g, &nobody, 1024));
	assert_true(gw_may_listen(&t.g, &nobody, 0));
	t.g.privileged = true;
	assert_true(gw_may_listen(&t.g, &nobody, 80));
	leave(&u);
	end();
}

static char logged[3][200];
static unsigned nlogged;

static void hear_log(void *arg, enum dp_log_level level, const char *line)
{
	(void)arg;
	assert_int_equal(level, DP_LOG_WARN);
	assert_true(nlogged < ARRAY_LEN(logged));
	snprintf(logged[nlogged++], sizeof(logged[0]), "%s", line);
}

/* The next round measures, whatever time it is. */
static void measured(void)
{
	t.g.limits.measured_at = 0;
	gw_round(&t.g, false);
}

/* What an application has written to is measured, refusals are logged once, and who takes twice of what the user may have is detached; another one of the
 * same user is not. */
static void test_memory_is_measured(void **state)
{
	struct app_port *port[2][GW_WORKERS];
	const struct app_account *account, *user;
	struct user u[2];
	char line[200];
	uint8_t *at;

	t.g.limits.user.bytes = 1 << 20;
	t.g.limits.log = hear_log;
	nlogged = 0;
	for (unsigned i = 0; i < 2; i++) {
		join(&u[i]);
		attach(&u[i], "attach 3 8\n", port[i]);
	}
	account = port[0][0]->seg->account;
	user = account->user;
	assert_ptr_equal(user, port[1][0]->seg->account->user);
	at = port[0][0]->seg->at;
	memset(at, 0, 600 * 1024);
	measured();
	assert_int_equal(account->bytes, 600 * 1024);
	assert_int_equal(user->bytes, 600 * 1024);
	memset(port[1][0]->seg->at, 0, 424 * 1024);
	measured();
	assert_int_equal(user->bytes, 1 << 20);
	assert_int_equal(nlogged, 0);
	atomic_fetch_add(&port[1][0]->seg->account->user->refused[ACCOUNT_BYTES], 3);
	measured();
	measured();
	assert_int_equal(nlogged, 1);
	snprintf(line, sizeof(line),
	         "3 connects of uid %u refused: it has all that it may have (user-memory in the "
	         "section [api])",
	         (unsigned)getuid());
	assert_string_equal(logged[0], line);
	memset(at, 0, 1700 * 1024);
	measured();
	measured();
	assert_int_equal(nlogged, 2);
	snprintf(line, sizeof(line), "process %d of uid %u is detached: it has written to 1 MiB",
	         (int)getpid(), (unsigned)getuid());
	assert_memory_equal(logged[1], line, strlen(line));
	assert_false(hear(&u[0]));
	gone(port[0]);
	assert_non_null(u[1].c->app);
	measured();
	assert_int_equal(user->bytes, 424 * 1024);
	for (unsigned i = 0; i < 2; i++)
		leave(&u[i]);
	gone(port[1]);
	assert_true(TAILQ_EMPTY(&t.g.limits.users));
	end();
}

/* Whoever attaches anew goes on with what is left of the user's connects, instead of with all of them. */
static void test_leaving_fills_no_bucket(void **state)
{
	const struct instant now = {1};
	struct app_port *port[GW_WORKERS];
	enum account_limit limit;
	unsigned had = 0;
	struct user u;

	(void)state;
	t.g.limits.user.connects = 4;
	for (unsigned i = 0; i < 10; i++) {
		join(&u);
		attach(&u, "attach 3 8\n", port);
		while (account_connect(port[0]->seg->account, 0, now, &limit) == 0)
			had++;
		for (uint32_t n = tcp_charge_held(&port[0]->seg->account->streams); n > 0; n--)
			account_release(port[0]->seg->account);
		leave(&u);
		gone(port);
	}
	assert_int_equal(had, 3);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup(test_what_an_application_is_given, setup),
	        cmocka_unit_test_setup(test_what_wakes_an_application_makes_no_worker_wait, setup),
	        cmocka_unit_test_setup(test_slots_are_granted_up_to_the_limit, setup),
	        cmocka_unit_test_setup(test_another_version_is_refused, setup),
	        cmocka_unit_test_setup(test_applications_of_a_user_are_bounded, setup),
	        cmocka_unit_test_setup(test_gone_before_it_was_attached, setup),
	        cmocka_unit_test_setup(test_listeners_of_an_application, setup),
	        cmocka_unit_test_setup(test_requests_of_the_other_kind, setup),
	        cmocka_unit_test_setup(test_low_ports, setup),
	        cmocka_unit_test_setup(test_leaving_fills_no_bucket, setup),
	        cmocka_unit_test_setup(test_memory_is_measured, setup),
	};

	return cmocka_run_group_tests_name("attach", tests, NULL, NULL);
}
