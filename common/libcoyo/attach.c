/* SPDX-License-Identifier: BSD-3-Clause */
/* Attaching to the daemon. What it gives is checked before it is mapped: the seals (else it could take the memory away while it is read), the
 * size, and the numbers that the layout follows from. */
#include "libcoyo/attach.h"
#include "libcoyo/clock.h"
#include "libcoyo/dial.h"
#include "libcoyo/door.h"
#include "libcoyo/lock.h"
#include "libcoyo/seat.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE_NS \
	(5 * NS_PER_S) /* a daemon that is busy answers later, one that is stopped never */
#define PAUSE_NS NS_PER_MS

/* New sockets belong to the last; the others' daemon has ended. */
static struct {
	pthread_mutex_t lock;
	_Atomic unsigned count;
	struct attachment at[ATTACHMENTS];
} process = {.lock = PTHREAD_MUTEX_INITIALIZER};

void attach_lock(void)
{
	pthread_mutex_lock(&process.lock);
}

void attach_unlock(void)
{
	pthread_mutex_unlock(&process.lock);
}

unsigned attach_count(void)
{
	return atomic_load_explicit(&process.count, memory_order_acquire);
}

struct attachment *attach_at(unsigned index)
{
	return index < attach_count() ? &process.at[index] : NULL;
}

/* As many streams as the process may have descriptors: what a program that counts on sockets has been given. */
static uint32_t slots_wanted(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur == 0)
		return 1024;
	return (uint32_t)min_u64(l.rlim_cur, APPLANE_SLOTS_MAX);
}

/* What the two descriptors are that everything hangs on. */
static int note_files(struct attachment *a)
{
	struct stat c, m;

	if (fstat(a->connection, &c) < 0 || fstat(a->memory, &m) < 0)
		return -errno;
	a->connection_dev = c.st_dev;
	a->connection_ino = c.st_ino;
	a->memory_dev = m.st_dev;
	a->memory_ino = m.st_ino;
	return 0;
}

static int map_segment(struct attachment *a, const struct appseg_layout *l)
{
	int seals = fcntl(a->memory, F_GET_SEALS);
	struct stat st;
	void *at;

	if (!appseg_layout_ok(l) || seals < 0 ||
	    (seals & (F_SEAL_SHRINK | F_SEAL_GROW)) != (F_SEAL_SHRINK | F_SEAL_GROW) ||
	    fstat(a->memory, &st) < 0 || (uint64_t)st.st_size < appseg_bytes(l))
		return -EPROTO;
	at = mmap(NULL, appseg_bytes(l), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
	          a->memory, 0);
	if (at == MAP_FAILED)
		return -errno;
	a->segment = at;
	return 0;
}

static void init_lanes(struct attachment *a)
{
	for (uint32_t w = 0; w < a->region->layout.workers; w++) {
		struct applane *shared = attach_lane(a, w);
		struct lane *l = &a->region->lane[w];
		uint32_t bytes = APPLANE_MSGS * (uint32_t)sizeof(struct applane_msg);

		lock_init(&l->put);
		lock_init(&l->take);
		bytering_view(&l->requests, &shared->to_worker, applane_requests(shared), bytes);
		bytering_view(&l->events, &shared->to_app, applane_events(shared), bytes);
	}
}

/* The region: only what is used is ever touched. There may be twice as many sockets as slots, since those that are not connected have none. */
static int make_region(struct attachment *a, const struct app_answer *ans)
{
	struct region head = {.layout = ans->layout,
	                      .local = ans->id,
	                      .socks_max = 2 * ans->layout.slots,
	                      .slot_free = NONE,
	                      .closing_first = NONE,
	                      .closing_last = NONE,
	                      .sock_free = NONE};
	size_t bytes = region_bytes(&head);
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	                MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		return -errno;
	a->region = at;
	memcpy(at, &head, sizeof(head));
	lock_init(&a->region->request);
	lock_init(&a->region->table);
	lock_init(&a->region->sleep);
	lock_init(&a->region->change);
	init_lanes(a);
	return 0;
}

static void close_all(const int *fd, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		close(fd[i]);
}

/* The daemon's answer and its descriptors become *a. What fails leaves nothing behind. */
static int take_answer(struct attachment *a, int connection, const struct app_answer *ans,
                       const int *fd, unsigned nfds)
{
	int r;

	if (ans->type != APP_ANS_SEGMENT || nfds != APP_SEGMENT_FDS(ans->layout.workers))
		return -EPROTO;
	*a = (struct attachment){.connection = connection, .memory = fd[0], .wake = fd[1]};
	memcpy(a->worker, fd + 2, (nfds - 2) * sizeof(int));
	r = note_files(a);
	if (r == 0)
		r = map_segment(a, &ans->layout);
	if (r < 0)
		return r;
	a->poke = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = a->poke < 0 ? -errno : make_region(a, ans);
	if (r < 0) {
		munmap(a->segment, appseg_bytes(&ans->layout));
		if (a->poke >= 0)
			close(a->poke);
		return r;
	}
	a->seat = seat_first(a->region, a->memory);
	return 0;
}

static void pause_until(int64_t deadline)
{
	int64_t left = deadline - clock_ns(), ns = left < PAUSE_NS ? left : PAUSE_NS;

	if (ns > 0)
		nanosleep(&(struct timespec){.tv_nsec = ns}, NULL);
}

/* A connection to the daemon that never blocks, or a negative errno. */
static int reach(int64_t deadline)
{
	int fd;

	while ((fd = dial_daemon(NULL, SOCK_STREAM | SOCK_NONBLOCK, NULL)) == -EAGAIN) {
		if (clock_ns() >= deadline)
			return -ETIMEDOUT;
		pause_until(deadline);
	}
	return fd;
}

static int send_line(int connection, const struct app_request *req)
{
	char line[APP_LINE_MAX];
	int r = dial_send(connection, line, app_request_write(req, line));

	return r == -EAGAIN ? -ETIMEDOUT : r;
}

/* As dial_answer(), until that time: -ETIMEDOUT then. */
static int await_answer(int connection, struct app_answer *ans, int *fd, unsigned most,
                        unsigned *nfds, int64_t deadline)
{
	struct pollfd p = {.fd = connection, .events = POLLIN};
	int r;

	while ((r = dial_answer(connection, ans, fd, most, nfds, MSG_DONTWAIT, NULL)) == -EAGAIN) {
		int64_t left = deadline - clock_ns();

		if (left <= 0)
			return -ETIMEDOUT;
		/* A piece of a line is there already. */
		if (p.revents)
			pause_until(deadline);
		poll(&p, 1, (int)(left / NS_PER_MS) + 1);
	}
	return r;
}

static int open_attachment(struct attachment *a)
{
	struct app_request req = {
	        .type = APP_REQ_ATTACH, .version = APPLANE_VERSION, .slots = slots_wanted()};
	int64_t deadline = clock_ns() + PATIENCE_NS;
	int fd[APP_SEGMENT_FDS(APPLANE_WORKERS_MAX)], connection = reach(deadline), r;
	unsigned nfds = 0, door = door_now();
	struct app_answer ans;

	if (connection < 0)
		return connection;
	r = send_line(connection, &req);
	if (r == 0)
		r = await_answer(connection, &ans, fd, ARRAY_LEN(fd), &nfds, deadline);
	if (r == 0)
		r = take_answer(a, connection, &ans, fd, nfds);
	if (r < 0) {
		close_all(fd, nfds);
		close(connection);
	}
	a->door = door;
	return r;
}

/* The daemon of this attachment has ended and no socket of it is open: its memory goes back to the system, its addresses stay, for a thread may
 * still be on its way out of a call. */
static void retire(struct attachment *a)
{
	if (!attach_dead(a) || a->region->socks_open > 0 || !attach_ours(a))
		return;
	if (mmap(a->segment, appseg_bytes(&a->region->layout), PROT_READ | PROT_WRITE,
	         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
		return;
	a->closed = true;
	close(a->connection);
	close(a->memory);
	close(a->wake);
	close(a->poke);
	close_all(a->worker, a->region->layout.workers);
}

COYO_EXPORT void coyo_private_retire(void)
{
	attach_lock();
	for (unsigned i = 0; i < attach_count(); i++)
		if (attach_look(&process.at[i]))
			retire(&process.at[i]);
	attach_unlock();
}

struct attachment *attach_get(unsigned *index)
{
	struct attachment *a = NULL;
	unsigned n;
	int r = 0;

	attach_lock();
	n = attach_count();
	if (n > 0 && process.at[n - 1].door == door_now() && !attach_look(&process.at[n - 1])) {
		a = &process.at[n - 1];
		*index = n - 1;
	} else if (n == ATTACHMENTS) {
		r = -ENFILE;
	} else {
		for (unsigned i = 0; i < n; i++)
			retire(&process.at[i]);
		a = &process.at[n];
		r = open_attachment(a);
		*index = n;
		if (r == 0)
			atomic_store_explicit(&process.count, n + 1, memory_order_release);
	}
	attach_unlock();
	if (r == 0)
		return a;
	errno = -r;
	return NULL;
}

/* After a process that died in the middle of a request the answer to it may still come; it is not this one's. */
static void discard(int connection)
{
	struct pollfd p = {.fd = connection, .events = POLLIN};
	char rest[APP_LINE_MAX];

	while (poll(&p, 1, 100) == 1 && recv(connection, rest, sizeof(rest), MSG_DONTWAIT) > 0)
		;
}

/* Answers that earlier requests did not wait for come first. A listener that one tells of was given up: it is ended. */
static int take_owed(struct attachment *a, int64_t deadline)
{
	struct app_answer late;
	unsigned passed;

	while (a->region->owed > 0) {
		int r = await_answer(a->connection, &late, NULL, 0, &passed, deadline);

		if (r == -ETIMEDOUT || attach_look(a))
			return r;
		a->region->owed--;
		if (r < 0 || late.type != APP_ANS_LISTENING)
			continue;
		r = send_line(a->connection,
		              &(struct app_request){.type = APP_REQ_UNLISTEN, .token = late.token});
		if (r < 0)
			return r;
		a->region->owed++;
	}
	return 0;
}

int attach_ask(struct attachment *a, const struct app_request *req, struct app_answer *ans)
{
	int64_t deadline = clock_ns() + PATIENCE_NS;
	unsigned passed;
	int r;

	if (attach_dead(a) || !attach_ours(a))
		return -ECONNRESET;
	if (lock_take(&a->region->request)) {
		discard(a->connection);
		a->region->owed = 0;
	}
	r = take_owed(a, deadline);
	if (r == 0)
		r = send_line(a->connection, req);
	if (r == 0) {
		r = await_answer(a->connection, ans, NULL, 0, &passed, deadline);
		a->region->owed += r == -ETIMEDOUT;
	}
	lock_give(&a->region->request);
	if (r < 0 && attach_look(a))
		return -ECONNRESET;
	return r;
}

static bool is_file(int fd, dev_t dev, ino_t ino)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

bool attach_ours(struct attachment *a)
{
	if (!atomic_load(&a->closed) &&
	    (!is_file(a->connection, a->connection_dev, a->connection_ino) ||
	     !is_file(a->memory, a->memory_dev, a->memory_ino)))
		atomic_store(&a->closed, true);
	return !atomic_load(&a->closed);
}

bool attach_look(struct attachment *a)
{
	struct pollfd p = {.fd = a->connection, .events = POLLRDHUP};

	if (!attach_dead(a) && attach_ours(a) && poll(&p, 1, 0) == 1 &&
	    (p.revents & (POLLHUP | POLLRDHUP | POLLERR)))
		atomic_store_explicit(&a->region->dead, 1, memory_order_release);
	return attach_dead(a);
}
