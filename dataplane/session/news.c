/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a stream's news go: messages for the gateway, words, futexes and messages for an application with a segment. */
#include "session/news.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BIT(type)    (1u << (type))
#define RETRY_MIN_NS NS_PER_MS
#define RETRY_MAX_NS (64 * NS_PER_MS)

/* ---- to the gateway ---- */

static void announce(struct worker_sessions *s, struct app_stream *st, uint32_t bits)
{
	st->announce |= bits;
	if (st->listed)
		return;
	st->listed = true;
	TAILQ_INSERT_TAIL(&s->announce, st, news_link);
}

static void kick_gateway(struct worker_sessions *s, struct app_stream *st)
{
	if (!atomic_exchange(&st->side.shared->app_kicked, 1))
		announce(s, st, BIT(BRIDGE_KICK));
}

/* The type of the next message that is due about a stream, 0: none. GONE is always the last. */
static uint32_t next_announcement(const struct app_stream *st)
{
	static const uint8_t order[] = {BRIDGE_CONNECTED, BRIDGE_FAILED, BRIDGE_KICK, BRIDGE_GONE};

	for (size_t i = 0; i < sizeof(order); i++)
		if (st->announce & BIT(order[i]))
			return order[i];
	return 0;
}

unsigned news_flush(struct worker_sessions *s)
{
	struct bridge *b = &s->bridge;
	struct app_stream *st;
	unsigned done = 0;

	while ((st = TAILQ_FIRST(&s->announce))) {
		uint32_t type = next_announcement(st);
		struct bridge_msg *m = bridge_slot(&b->to_gateway_tx);

		if (!m)
			break;
		*m = (struct bridge_msg){.type = (uint8_t)type,
		                         .port = st->local_port,
		                         .err = st->err,
		                         .stream = st};
		st->announce &= ~BIT(type);
		if (st->announce == 0) {
			TAILQ_REMOVE(&s->announce, st, news_link);
			st->listed = false;
		}
		/* After this the gateway may free a stream that is gone. */
		bytering_commit(&b->to_gateway_tx, sizeof(*m));
		b->to_gateway_new = true;
		done++;
	}
	return done;
}

/* ---- to an application ---- */

static void ready_due(struct app_stream *st)
{
	if (st->listed)
		return;
	st->listed = true;
	TAILQ_INSERT_TAIL(&st->port->news, st, news_link);
}

/* All that wait on the word, in whatever process they have it mapped.
 * syscalls: futex */
static void futex_wake(struct worker_sessions *s, _Atomic uint32_t *word)
{
	count_add(&s->w->count.app_futex_wakes, 1);
	if (syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0) == 0)
		count_add(&s->w->count.app_idle_wakes, 1);
}

/* What was changed before must be seen by who sets the word, or the word here: the fence pairs with the one between its setting and the second
 * look. */
void news_wake(struct worker_sessions *s, struct app_stream *st, _Atomic uint32_t *waits)
{
	uint32_t bits;

	atomic_thread_fence(memory_order_seq_cst);
	if (likely_(!atomic_load_explicit(waits, memory_order_relaxed)))
		return;
	bits = atomic_exchange(waits, 0);
	if (bits & APPWAIT_SLEEPS)
		futex_wake(s, waits);
	if ((bits & APPWAIT_EVENT) && st)
		ready_due(st);
}

static void wake_reader(struct worker_sessions *s, struct app_stream *st)
{
	if (!st->port->leaving)
		news_wake(s, st, &news_slot(st)->in_waits);
}

static void wake_writer(struct worker_sessions *s, struct app_stream *st)
{
	if (!st->port->leaving)
		news_wake(s, st, &news_slot(st)->out_waits);
}

struct applane_msg *news_message(struct worker_sessions *s, struct app_port *p)
{
	void *piece;

	if (!p->full && bytering_reserve(&p->tx, &piece) >= sizeof(struct applane_msg)) {
		p->retry_ns = 0;
		memset(piece, 0, sizeof(struct applane_msg));
		return piece;
	}
	if (!p->full) {
		p->full = true;
		p->retry_ns = p->retry_ns ? p->retry_ns * 2 : RETRY_MIN_NS;
		if (p->retry_ns > RETRY_MAX_NS)
			p->retry_ns = RETRY_MAX_NS;
		s->ports_retry = instant_min(s->ports_retry, instant_add(s->ports_at, p->retry_ns));
	}
	return NULL;
}

void news_send(struct app_port *p)
{
	bytering_commit(&p->tx, sizeof(struct applane_msg));
	p->sent = true;
}

/* syscalls: send */
void news_wake_app(struct worker_sessions *s, struct app_port *p)
{
	uint64_t one = 1;

	if (!p->sent)
		return;
	p->sent = false;
	atomic_thread_fence(memory_order_seq_cst);
	if (likely_(!atomic_load_explicit(&p->lane->app_asleep, memory_order_relaxed)) ||
	    !atomic_exchange(&p->lane->app_asleep, 0))
		return;
	count_add(&s->w->count.app_wakes, 1);
	/* An application that lets it fill has itself to blame. */
	(void)!send(p->seg->app_fd, &one, sizeof(one), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* The slot becomes nobody's. In the same moment another worker may be given it, so nothing of the worker's is touched afterwards; who waits on
 * the slot's words is woken all the same. A poll hears of it by a READY where the ring has room, else by a word of
 * the lane: a ring that is full is read soon, and then whoever polls looks at everything. */
static void free_slot(struct worker_sessions *s, struct app_stream *st)
{
	struct appseg_slot *slot = news_slot(st);
	struct app_port *p = st->port;
	uint32_t number = (uint32_t)(st - p->seg->slots), bits;
	bool ready = st->listed;
	struct applane_msg *m;

	if (st->listed)
		TAILQ_REMOVE(&p->news, st, news_link);
	p->held--;
	if (st->charged)
		account_release(p->seg->account);
	if (st->grown)
		account_shrink(p->seg->account);
	atomic_store_explicit(&p->seg->holder[number], 0, memory_order_release);
	if (p->leaving)
		return;
	atomic_fetch_or(&slot->stream.told, APPSEG_FREE);
	bits = atomic_exchange(&slot->in_waits, 0);
	if (bits & APPWAIT_SLEEPS)
		futex_wake(s, &slot->in_waits);
	if (!ready && !(bits & APPWAIT_EVENT))
		return;
	p->sent = true;
	m = news_message(s, p);
	if (!m) {
		atomic_exchange(&p->lane->frees_missed, 1);
		return;
	}
	m->type = APPLANE_READY;
	m->slot = number;
	news_send(p);
}

unsigned news_flush_port(struct worker_sessions *s, struct app_port *p)
{
	struct app_stream *st;
	unsigned done = 0;

	while ((st = TAILQ_FIRST(&p->gone))) {
		TAILQ_REMOVE(&p->gone, st, watch_link);
		free_slot(s, st);
		done++;
	}
	while ((st = TAILQ_FIRST(&p->news))) {
		struct applane_msg *m = p->leaving ? NULL : news_message(s, p);

		if (!m && !p->leaving)
			break;
		if (m) {
			m->type = APPLANE_READY;
			m->slot = (uint32_t)(st - p->seg->slots);
			news_send(p);
		}
		TAILQ_REMOVE(&p->news, st, news_link);
		st->listed = false;
		done++;
	}
	return done;
}

/* ---- either ---- */

void news_connected(struct worker_sessions *s, struct app_stream *st)
{
	if (!st->port) {
		announce(s, st, BIT(BRIDGE_CONNECTED));
		return;
	}
	news_slot(st)->local_port = st->local_port;
	atomic_fetch_or(&st->side.shared->told, APPSEG_UP);
	wake_reader(s, st);
	wake_writer(s, st);
}

void news_failed(struct worker_sessions *s, struct app_stream *st, int err)
{
	st->err = err;
	if (st->port)
		news_ended(s, st, err);
	else
		announce(s, st, BIT(BRIDGE_FAILED));
}

void news_in(struct worker_sessions *s, struct app_stream *st)
{
	if (st->port)
		wake_reader(s, st);
	else
		kick_gateway(s, st);
}

void news_room(struct worker_sessions *s, struct app_stream *st)
{
	if (st->port)
		wake_writer(s, st);
	else
		kick_gateway(s, st);
}

void news_ended(struct worker_sessions *s, struct app_stream *st, int err)
{
	atomic_store(&st->side.shared->err, err);
	atomic_fetch_or(&st->side.shared->told, STREAM_ERROR);
	news_in(s, st);
	if (st->port)
		wake_writer(s, st);
}

void news_gone(struct worker_sessions *s, struct app_stream *st)
{
	COYO_ASSERT(!st->port || !st->gone);
	st->gone = true;
	if (st->port)
		TAILQ_INSERT_TAIL(&st->port->gone, st, watch_link);
	else
		announce(s, st, BIT(BRIDGE_GONE));
}
