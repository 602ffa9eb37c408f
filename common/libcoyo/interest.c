/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets in epoll sets: a table by handle, and for each set the list of what is due. */
#include "libcoyo/interest.h"
#include "libcoyo/changes.h"
#include "libcoyo/listener.h"
#include "libcoyo/ready.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#define CHAINS_FIRST 64u
#define EVENTS                                                                               \
	(EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM | EPOLLRDHUP | EPOLLPRI | EPOLLERR | \
	 EPOLLHUP)
#define OUTPUT (POLLOUT | POLLWRNORM)

_Static_assert(EPOLLIN == POLLIN && EPOLLOUT == POLLOUT && EPOLLRDHUP == POLLRDHUP &&
                       EPOLLERR == POLLERR && EPOLLHUP == POLLHUP && EPOLLRDNORM == POLLRDNORM &&
                       EPOLLWRNORM == POLLWRNORM,
               "what poll() calls them");

/* One socket in one set. */
struct interest {
	struct interest *next; /* of the same chain */
	TAILQ_ENTRY(interest) of_set, of_due;
	struct interest_set *set;
	epoll_data_t data;
	uint32_t events;
	/* The socket's entry, when it was added: another one means that it is another socket's by now. */
	uint32_t use;
	int handle;
	bool due;
};

/* All sets of the process. */
static struct {
	pthread_mutex_t lock;
	struct interest **chain;
	uint32_t chains, count;
	/* How far changes of each attachment were read, and whether its end was noticed. */
	uint64_t seen[ATTACHMENTS];
	bool over[ATTACHMENTS];
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void take(void)
{
	pthread_mutex_lock(&table.lock);
}

static void give(void)
{
	pthread_mutex_unlock(&table.lock);
}

void interest_fork_lock(void)
{
	take();
}

void interest_fork_unlock(void)
{
	give();
}

void interest_init(struct interest_set *s)
{
	TAILQ_INIT(&s->all);
	TAILQ_INIT(&s->due);
}

/* ---- the table, under its lock ---- */

/* Handles follow each other, so that their lowest bits spread them. */
static struct interest **chain_of(int handle)
{
	return &table.chain[(uint32_t)handle & (table.chains - 1)];
}

/* Room for one more. 0 or -ENOMEM. */
static int grow(void)
{
	uint32_t before = table.chains, n = before ? before * 2 : CHAINS_FIRST;
	struct interest **old = table.chain, **chain;

	if (table.count < before)
		return 0;
	chain = calloc(n, sizeof(*chain));
	if (!chain)
		return -ENOMEM;
	table.chain = chain;
	table.chains = n;
	for (uint32_t i = 0; i < before; i++)
		while (old[i]) {
			struct interest *x = old[i], **to = chain_of(x->handle);

			old[i] = x->next;
			x->next = *to;
			*to = x;
		}
	free(old);
	return 0;
}

static struct interest *find(const struct interest_set *s, int handle)
{
	struct interest *x = table.chains ? *chain_of(handle) : NULL;

	while (x && (x->handle != handle || x->set != s))
		x = x->next;
	return x;
}

static void set_due(struct interest *x)
{
	if (x->due)
		return;
	x->due = true;
	TAILQ_INSERT_TAIL(&x->set->due, x, of_due);
}

static void not_due(struct interest *x)
{
	if (x->due)
		TAILQ_REMOVE(&x->set->due, x, of_due);
	x->due = false;
}

static void drop(struct interest *x)
{
	struct interest **link = chain_of(x->handle);

	not_due(x);
	TAILQ_REMOVE(&x->set->all, x, of_set);
	while (*link != x)
		link = &(*link)->next;
	*link = x->next;
	table.count--;
	free(x);
}

/* ---- what has changed, under the table's lock ---- */

/* A socket of the attachment with that number has changed, or any may have. */
static void changed(void *arg, uint32_t index)
{
	unsigned attachment = *(const unsigned *)arg;
	int handle = sock_handle(attachment, index);

	if (index == NONE) {
		for (uint32_t i = 0; i < table.chains; i++)
			for (struct interest *x = table.chain[i]; x; x = x->next)
				if ((unsigned)(x->handle - HANDLE_FIRST) / HANDLE_STRIDE ==
				    attachment)
					set_due(x);
		return;
	}
	for (struct interest *x = table.chains ? *chain_of(handle) : NULL; x; x = x->next)
		if (x->handle == handle)
			set_due(x);
}

static void read_changes(void)
{
	for (unsigned i = 0; i < attach_count(); i++) {
		struct attachment *a = attach_at(i);

		if (!attach_dead(a)) {
			changes_read(a, &table.seen[i], changed, &i);
		} else if (!table.over[i]) {
			table.over[i] = true;
			changed(&i, NONE);
		}
	}
}

/* ---- looking ---- */

/* What the socket is ready for, of what the set asks. Where that is nothing a worker will say when there is something. */
static uint32_t look(const struct interest *x, const struct ref *r)
{
	short events = (short)(x->events & EVENTS), found = ready_look(r, events, false);

	if (!(x->events & EPOLLET))
		return (uint32_t)(found ? found : ready_look(r, events, true));
	/* The next change is asked for at once. Room that is there is none: it is asked for by the send that finds none. */
	if (found & OUTPUT)
		return (uint32_t)((found & OUTPUT) |
		                  ready_look(r, (short)(events & ~OUTPUT), true));
	return (uint32_t)ready_look(r, events, true);
}

/* Looks at one that is due: whether *out tells of it. */
static bool collect(struct interest *x, struct epoll_event *out, bool *again)
{
	bool posted = true;
	uint32_t found;
	struct ref r;

	if (sock_find(x->handle, &r) < 0 || r.use != x->use) {
		drop(x);
		return false;
	}
	if (!(x->events & EVENTS)) {
		not_due(x);
		return false;
	}
	if (atomic_load(&r.s->state) == SOCK_LISTENING)
		posted = listener_post(&r);
	/* What changes from here on makes it due anew. */
	not_due(x);
	found = look(x, &r) & EVENTS;
	if (!posted) {
		*again = true;
		set_due(x);
	}
	if (!found)
		return false;
	*out = (struct epoll_event){.events = found, .data = x->data};
	if (x->events & EPOLLONESHOT)
		x->events &= ~(uint32_t)EVENTS;
	else if (!(x->events & EPOLLET))
		set_due(x);
	return true;
}

int interest_collect(struct interest_set *s, struct epoll_event *out, int most, bool *again)
{
	struct interest *x, *last;
	int n = 0;

	*again = false;
	take();
	read_changes();
	last = TAILQ_LAST(&s->due, interest_list);
	while (n < most && (x = TAILQ_FIRST(&s->due))) {
		bool end = x == last;

		n += collect(x, &out[n], again);
		if (end)
			break;
	}
	give();
	return n;
}

bool interest_due(struct interest_set *s)
{
	bool any;

	take();
	any = !TAILQ_EMPTY(&s->due);
	give();
	return any;
}

/* ---- what is in a set ---- */

static int add(struct interest_set *s, const struct ref *r, int handle, const struct epoll_event *e)
{
	struct interest *x;

	if (grow() < 0 || !(x = malloc(sizeof(*x))))
		return -ENOMEM;
	*x = (struct interest){.set = s,
	                       .data = e->data,
	                       .events = e->events | EPOLLERR | EPOLLHUP,
	                       .use = r->use,
	                       .handle = handle,
	                       .next = *chain_of(handle)};
	*chain_of(handle) = x;
	table.count++;
	TAILQ_INSERT_TAIL(&s->all, x, of_set);
	changes_watch(r);
	set_due(x);
	return 0;
}

/* As Linux has it: EPOLLEXCLUSIVE is said when a socket is added, and with few others. */
static bool events_ok(int op, uint32_t events)
{
	return !(events & EPOLLEXCLUSIVE) ||
	       (op == EPOLL_CTL_ADD && !(events & (EPOLLONESHOT | EPOLLRDHUP)));
}

static int control(struct interest_set *s, int op, int handle, const struct ref *r,
                   const struct epoll_event *e)
{
	struct interest *x = find(s, handle);

	if (x && x->use != r->use) {
		drop(x);
		x = NULL;
	}
	if (op == EPOLL_CTL_ADD)
		return x ? -EEXIST : add(s, r, handle, e);
	if (!x)
		return -ENOENT;
	if (op == EPOLL_CTL_DEL) {
		drop(x);
		return 0;
	}
	x->events = e->events | EPOLLERR | EPOLLHUP;
	x->data = e->data;
	set_due(x);
	return 0;
}

int interest_ctl(struct interest_set *s, int op, int handle, const struct epoll_event *e)
{
	struct ref r;
	int err = sock_find(handle, &r);

	if (err < 0)
		return err;
	if (op != EPOLL_CTL_ADD && op != EPOLL_CTL_MOD && op != EPOLL_CTL_DEL)
		return -EINVAL;
	if (op != EPOLL_CTL_DEL && !e)
		return -EFAULT;
	if (op != EPOLL_CTL_DEL && !events_ok(op, e->events))
		return -EINVAL;
	take();
	err = control(s, op, handle, &r, e);
	give();
	return err;
}

void interest_forget(int handle)
{
	struct interest *x, *next;

	take();
	for (x = table.chains ? *chain_of(handle) : NULL; x; x = next) {
		next = x->next;
		if (x->handle == handle)
			drop(x);
	}
	give();
}

void interest_clear(struct interest_set *s)
{
	struct interest *x;

	take();
	while ((x = TAILQ_FIRST(&s->all)))
		drop(x);
	give();
}
