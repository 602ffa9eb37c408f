/* SPDX-License-Identifier: BSD-3-Clause */
/* The daemon's side of libcoyo's rings for tests: its thread, its socket, and what each message does. */
#include "otherside.h"
#include "ipc/appabi.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define APPS      8
#define LISTENERS 16
#define NOBODY    UINT32_MAX

const struct node_id otherside_id = {{0x12, 0x34, 0x56}};

struct end {
	bool given, up, closing, abort, fin_told, freed;
	bool ready_due;  /* there was no room for a READY */
	uint32_t posted; /* token, 0: not posted */
	uint32_t listener_slot;
	uint32_t wants; /* port that it connects to, 0: none */
	uint32_t worker;
	uint32_t peer; /* slot */
	struct appseg_side side;
	/* Of a port for datagrams: its token, 0: it is a stream. */
	uint32_t port_token;
	struct node_id only; /* APPLANE_PEER; only_port 0: none */
	uint16_t only_port;
	bool kicked; /* looked at when it was kicked, so that nothing overtakes what was said before */
	uint32_t option[APP_OPTIONS];
};

struct listener {
	uint32_t token, port;
	uint32_t owner;
	bool datagrams;
};

struct app {
	int connection, wake_read, wake_write, memory;
	int worker[APPLANE_WORKERS_MAX];
	uint8_t *segment;
	struct bytering requests[APPLANE_WORKERS_MAX], events[APPLANE_WORKERS_MAX];
	struct end *end;
	struct listener listener[LISTENERS];
	char line[APP_LINE_MAX];
	size_t have;
};

struct otherside {
	struct otherside_cfg cfg;
	struct appseg_layout layout;
	char folder[64], path[96];
	int listen_fd;
	pthread_t thread;
	_Atomic bool serving, stop, hold, mute;
	_Atomic uint32_t slots, option;
	_Atomic int64_t option_value;
	struct app app[APPS];
	unsigned apps;
	_Atomic(struct app *) last;
	uint32_t tokens, free_port;
	struct otherside_count count;
};

static struct appseg_slot *words_of(struct otherside *o, struct app *a, uint32_t slot)
{
	return (struct appseg_slot *)(a->segment + appseg_words_at(&o->layout, slot));
}

static struct applane *lane_of(struct app *a, uint32_t worker)
{
	return (struct applane *)(a->segment + appseg_lane_at(worker));
}

/* ---- telling ---- */

/* False: there is no room. */
static bool tell_event(struct otherside *o, struct app *a, uint32_t worker,
                       const struct applane_msg *m)
{
	uint64_t one = 1;
	void *piece;

	if (bytering_reserve(&a->events[worker], &piece) < sizeof(*m))
		return false;
	memcpy(piece, m, sizeof(*m));
	bytering_commit(&a->events[worker], sizeof(*m));
	if (atomic_exchange(&lane_of(a, worker)->app_asleep, 0)) {
		o->count.app_wakes++;
		if (send(a->wake_write, &one, sizeof(one), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
			/* Nobody is woken who lets it fill. */
		}
	}
	return true;
}

static void tell_ready(struct otherside *o, struct app *a, uint32_t slot)
{
	struct applane_msg m = {.type = APPLANE_READY, .slot = slot};

	a->end[slot].ready_due = !tell_event(o, a, a->end[slot].worker, &m);
}

static void wake(struct otherside *o, struct app *a, uint32_t slot, _Atomic uint32_t *word)
{
	uint32_t bits = atomic_exchange(word, 0);

	if (bits & APPWAIT_EVENT)
		tell_ready(o, a, slot);
	if (bits & APPWAIT_SLEEPS) {
		o->count.futex_wakes++;
		syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
	}
}

static void tell(struct otherside *o, struct app *a, uint32_t slot, uint32_t bits, int err)
{
	struct appseg_slot *w = words_of(o, a, slot);

	if (bits & STREAM_ERROR)
		atomic_store(&w->stream.err, err);
	atomic_fetch_or(&w->stream.told, bits);
	wake(o, a, slot, &w->in_waits);
	wake(o, a, slot, &w->out_waits);
}

static void give_back(struct otherside *o, struct app *a, uint32_t slot)
{
	struct end *e = &a->end[slot];

	if (!e->given || e->freed)
		return;
	e->freed = true;
	e->given = false;
	atomic_fetch_sub(&o->slots, 1);
	tell(o, a, slot, APPSEG_FREE, 0);
}

/* ---- slots ---- */

static void begin(struct otherside *o, struct app *a, uint32_t slot, uint32_t worker)
{
	a->end[slot] = (struct end){.given = true, .worker = worker, .peer = NOBODY};
	memcpy(a->end[slot].option, otherside_defaults, sizeof(otherside_defaults));
	atomic_fetch_add(&o->slots, 1);
	appseg_slot_view(&a->end[slot].side, a->segment, &o->layout, slot);
}

static struct listener *listener_at(struct app *a, uint32_t port)
{
	for (unsigned i = 0; i < LISTENERS; i++)
		if (a->listener[i].token && a->listener[i].port == port &&
		    !a->listener[i].datagrams)
			return &a->listener[i];
	return NULL;
}

static struct listener *listener_named(struct app *a, uint32_t token)
{
	for (unsigned i = 0; i < LISTENERS; i++)
		if (a->listener[i].token == token)
			return &a->listener[i];
	return NULL;
}

/* ---- datagrams ---- */

/* The slot of that port with a worker; NOBODY: nobody has it. */
static uint32_t datagram_end(struct otherside *o, struct app *a, uint32_t worker, uint16_t port)
{
	for (uint32_t i = 0; i < o->layout.slots; i++) {
		struct listener *l = a->end[i].given && a->end[i].port_token
		                             ? listener_named(a, a->end[i].port_token)
		                             : NULL;

		if (l && l->port == port && a->end[i].worker == worker)
			return i;
	}
	return NOBODY;
}

static void datagram_error(struct otherside *o, struct app *a, uint32_t slot,
                           const struct appdgram *h, int err)
{
	struct end *e = &a->end[slot];

	if (e->only_port != h->port || !id_eq(&e->only, &h->id))
		return;
	atomic_store(&words_of(o, a, slot)->stream.err, err);
	tell(o, a, slot, APPSEG_DATAGRAM_ERROR, err);
}

/* One goes to the port of this node that it is for. Any other node is one step away, carries 1 000 bytes and sends back what it gets. */
static void datagram(struct otherside *o, struct app *a, uint32_t slot, struct appdgram *h,
                     const uint8_t *payload)
{
	struct end *e = &a->end[slot];
	bool here = id_eq(&h->id, &otherside_id);
	uint16_t own = (uint16_t)listener_named(a, e->port_token)->port;
	uint32_t to = here ? datagram_end(o, a, e->worker, h->port) : slot;
	struct bytering *in;

	appdgram_path_set(appseg_paths(words_of(o, a, slot)), &h->id, here ? APPDGRAM_MOST : 1000);
	if (!here && h->len > 1000) {
		datagram_error(o, a, slot, h, EMSGSIZE);
		return;
	}
	if (here && to != NOBODY && a->end[to].only_port && a->end[to].only_port != own)
		to = NOBODY;
	if (to == NOBODY) {
		datagram_error(o, a, slot, h, ECONNREFUSED);
		return;
	}
	in = &a->end[to].side.in;
	if (bytering_room(in) < appdgram_bytes(h->len))
		return;
	if (here)
		h->port = own;
	appdgram_put(in, 0, h, sizeof(*h));
	appdgram_put(in, sizeof(*h), payload, h->len);
	bytering_commit(in, appdgram_bytes(h->len));
	wake(o, a, to, &words_of(o, a, to)->in_waits);
}

static bool datagrams(struct otherside *o, struct app *a, uint32_t slot)
{
	struct end *e = &a->end[slot];
	struct bytering *out = &e->side.out;
	uint8_t payload[APPDGRAM_MOST];
	struct appdgram h;
	bool did = false;

	e->kicked = false;
	while (appdgram_first(out, bytering_used(out), &h) > 0) {
		appdgram_get(out, sizeof(h), payload, h.len);
		bytering_consume(out, appdgram_bytes(h.len));
		datagram(o, a, slot, &h, payload);
		did = true;
	}
	if (did && atomic_exchange(&words_of(o, a, slot)->stream.out_full, 0))
		wake(o, a, slot, &words_of(o, a, slot)->out_waits);
	return did;
}

/* ---- streams ---- */

/* One that connects meets a slot that was posted, if there is one. */
static bool match(struct otherside *o, struct app *a, uint32_t slot)
{
	struct end *e = &a->end[slot];
	struct listener *l = listener_at(a, e->wants);
	uint32_t port = 40000 + slot % 20000;

	if (!l) {
		e->wants = 0;
		tell(o, a, slot, STREAM_ERROR, ECONNREFUSED);
		return true;
	}
	for (uint32_t i = 0; i < o->layout.slots; i++) {
		struct end *p = &a->end[i];

		if (!p->given || p->posted != l->token || p->worker != e->worker)
			continue;
		p->posted = 0;
		e->wants = 0;
		e->peer = i;
		p->peer = slot;
		e->up = p->up = true;
		words_of(o, a, slot)->local_port = (uint16_t)port;
		words_of(o, a, i)->local_port = (uint16_t)l->port;
		tell(o, a, slot, APPSEG_UP, 0);
		tell(o, a, i, APPSEG_UP, 0);
		tell_event(o, a, p->worker,
		           &(struct applane_msg){.type = APPLANE_ACCEPTED,
		                                 .token = l->token,
		                                 .slot = i,
		                                 .port = (uint16_t)port,
		                                 .id = otherside_id});
		wake(o, a, p->listener_slot, &words_of(o, a, p->listener_slot)->in_waits);
		return true;
	}
	return false;
}

static size_t copy(struct otherside *o, struct app *a, uint32_t from, uint32_t to)
{
	struct end *f = &a->end[from], *t = &a->end[to];
	struct appseg_slot *fw = words_of(o, a, from), *tw = words_of(o, a, to);
	size_t moved = 0;

	for (;;) {
		const void *src;
		void *dst;
		uint32_t n = bytering_peek(&f->side.out, &src), room;

		if (n == 0)
			break;
		room = bytering_reserve(&t->side.in, &dst);
		if (room == 0) {
			atomic_exchange(&tw->stream.in_full, 1);
			room = bytering_reserve(&t->side.in, &dst);
			if (room == 0)
				break;
		}
		n = n < room ? n : room;
		memcpy(dst, src, n);
		bytering_commit(&t->side.in, n);
		bytering_consume(&f->side.out, n);
		moved += n;
	}
	if (moved) {
		wake(o, a, to, &tw->in_waits);
		if (atomic_exchange(&fw->stream.out_full, 0))
			wake(o, a, from, &fw->out_waits);
	}
	return moved;
}

/* What one end has written goes to the other, and its end after it. */
static bool pump(struct otherside *o, struct app *a, uint32_t slot)
{
	struct end *e = &a->end[slot], *p;
	bool last = atomic_load(&words_of(o, a, slot)->stream.asked) & STREAM_SHUT, did = false;

	if (!e->given || !e->up)
		return false;
	p = e->peer == NOBODY ? NULL : &a->end[e->peer];
	if (p)
		did = copy(o, a, slot, e->peer) > 0;
	if (!p && bytering_used(&e->side.out) > 0 && !e->fin_told && !e->closing) {
		e->fin_told = true;
		tell(o, a, slot, STREAM_ERROR, ECONNRESET);
		return true;
	}
	if (p && bytering_used(&e->side.out) == 0 && (last || e->closing) && !e->fin_told) {
		e->fin_told = true;
		tell(o, a, e->peer, e->closing && e->abort ? STREAM_ERROR : STREAM_EOF, ECONNRESET);
		did = true;
	}
	if (e->closing && (!p || bytering_used(&e->side.out) == 0 || e->side.out.broken)) {
		if (p)
			p->peer = NOBODY;
		give_back(o, a, slot);
		did = true;
	}
	return did;
}

static void close_slot(struct otherside *o, struct app *a, const struct applane_msg *m)
{
	struct end *e = &a->end[m->slot];

	e->closing = true;
	e->abort = m->abort;
	if (!e->up)
		give_back(o, a, m->slot);
}

static void option(struct otherside *o, struct app *a, const struct applane_msg *m)
{
	struct appseg_slot *w = words_of(o, a, m->slot);

	atomic_store(&o->option_value, m->value);
	atomic_store(&o->option, m->option);
	if (o->cfg.mute_options)
		return;
	w->option_err = m->value == 4321 ? EINVAL : 0;
	if (m->option < APP_OPTIONS && w->option_err == 0)
		a->end[m->slot].option[m->option] = (uint32_t)m->value;
	atomic_store(&w->option_seq, m->seq);
	wake(o, a, m->slot, &w->in_waits);
}

static void info(struct otherside *o, struct app *a, const struct applane_msg *m)
{
	struct appseg_slot *w = words_of(o, a, m->slot);

	w->info = otherside_info;
	memcpy(w->info.option, a->end[m->slot].option, sizeof(w->info.option));
	w->option_err = 0;
	atomic_store(&w->option_seq, m->seq);
	wake(o, a, m->slot, &w->in_waits);
}

static void message(struct otherside *o, struct app *a, uint32_t worker,
                    const struct applane_msg *m)
{
	o->count.messages++;
	if (m->slot >= o->layout.slots)
		return;
	switch (m->type) {
	case APPLANE_CONNECT:
		begin(o, a, m->slot, worker);
		a->end[m->slot].wants = m->port;
		o->count.directs += m->option == APPLANE_DIRECT;
		break;
	case APPLANE_ACCEPT_INTO:
		begin(o, a, m->slot, worker);
		if (!listener_named(a, m->token)) {
			give_back(o, a, m->slot); /* its end has overtaken it */
			break;
		}
		if (listener_named(a, m->token)->datagrams) {
			a->end[m->slot].port_token = m->token;
			appseg_fixed_view(&a->end[m->slot].side.out, a->segment, &o->layout,
			                  m->slot, false);
			appseg_fixed_view(&a->end[m->slot].side.in, a->segment, &o->layout, m->slot,
			                  true);
			tell(o, a, m->slot, APPSEG_BOUND, 0);
			break;
		}
		a->end[m->slot].posted = m->token;
		a->end[m->slot].listener_slot = m->option;
		break;
	case APPLANE_PEER:
		a->end[m->slot].only = m->id;
		a->end[m->slot].only_port = m->port;
		break;
	case APPLANE_KICK:
		o->count.after_close += !a->end[m->slot].given || a->end[m->slot].closing;
		a->end[m->slot].kicked = true;
		atomic_exchange(&words_of(o, a, m->slot)->stream.worker_kicked, 0);
		break;
	case APPLANE_CLOSE:
		close_slot(o, a, m);
		break;
	case APPLANE_OPTION:
		option(o, a, m);
		break;
	case APPLANE_INFO:
		info(o, a, m);
		break;
	default:
		break;
	}
}

/* Takes what lies in the lanes. */
static bool hear(struct otherside *o, struct app *a)
{
	bool did = false;

	for (uint32_t w = 0; w < o->layout.workers; w++) {
		const void *piece;

		while (bytering_peek(&a->requests[w], &piece) >= sizeof(struct applane_msg)) {
			struct applane_msg m;

			memcpy(&m, piece, sizeof(m));
			bytering_consume(&a->requests[w], sizeof(m));
			message(o, a, w, &m);
			did = true;
		}
	}
	return did;
}

static bool serve(struct otherside *o, struct app *a)
{
	bool did = hear(o, a);

	for (uint32_t i = 0; i < o->layout.slots; i++) {
		if (a->end[i].given && a->end[i].wants)
			did |= match(o, a, i);
		if (a->end[i].given && a->end[i].port_token)
			did |= a->end[i].kicked && datagrams(o, a, i);
		else
			did |= pump(o, a, i);
		if (a->end[i].ready_due)
			tell_ready(o, a, i);
	}
	return did;
}

/* ---- lines ---- */

static void answer(struct app *a, const struct app_answer *ans, const int *fd, unsigned n)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(64 * sizeof(int))];
	} control = {.room = {0}};
	char line[APP_LINE_MAX];
	struct iovec iov = {line, app_answer_write(ans, line)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	if (n > 0) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(n * sizeof(int));
		*CMSG_FIRSTHDR(&m) = (struct cmsghdr){.cmsg_len = CMSG_LEN(n * sizeof(int)),
		                                      .cmsg_level = SOL_SOCKET,
		                                      .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), fd, n * sizeof(int));
	}
	if (sendmsg(a->connection, &m, MSG_NOSIGNAL) < 0) {
		/* It has gone. */
	}
}

static void attach(struct otherside *o, struct app *a)
{
	int fd[2 + APPLANE_WORKERS_MAX], wake[2];
	size_t bytes = appseg_bytes(&o->layout);
	uint32_t ring = APPLANE_MSGS * (uint32_t)sizeof(struct applane_msg);

	a->memory = memfd_create("otherside", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (a->memory < 0 ||
	    ftruncate(a->memory, (off_t)(o->cfg.short_memory ? bytes / 2 : bytes)) < 0)
		abort();
	if (!o->cfg.no_seals)
		fcntl(a->memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, wake) < 0)
		abort();
	if (!o->cfg.short_memory) {
		a->segment = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
		                  a->memory, 0);
		if (a->segment == MAP_FAILED)
			abort();
	}
	a->wake_read = wake[0];
	a->wake_write = wake[1];
	a->end = calloc(o->layout.slots, sizeof(*a->end));
	fd[0] = a->memory;
	fd[1] = a->wake_read;
	for (uint32_t w = 0; w < o->layout.workers && !o->cfg.short_memory; w++) {
		struct applane *l = lane_of(a, w);

		bytering_view(&a->requests[w], &l->to_worker, applane_requests(l), ring);
		bytering_view(&a->events[w], &l->to_app, applane_events(l), ring);
		memcpy(applane_defaults(l), otherside_defaults, sizeof(otherside_defaults));
	}
	for (uint32_t w = 0; w < o->layout.workers; w++)
		fd[2 + w] = a->worker[w] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	answer(a,
	       &(struct app_answer){
	               .type = APP_ANS_SEGMENT, .layout = o->layout, .id = otherside_id},
	       fd, 2 + o->layout.workers);
	if (!o->cfg.short_memory)
		atomic_store(&o->last, a);
}

static bool has_port(struct app *a, uint32_t port, bool datagrams)
{
	for (unsigned i = 0; i < LISTENERS; i++)
		if (a->listener[i].token && a->listener[i].port == port &&
		    a->listener[i].datagrams == datagrams)
			return true;
	return false;
}

static void listen_line(struct otherside *o, struct app *a, const struct app_request *req)
{
	bool datagrams = req->type == APP_REQ_DATAGRAMS;
	uint32_t port = req->port ? req->port : ++o->free_port;

	for (unsigned i = 0; i < LISTENERS; i++) {
		if (has_port(a, port, datagrams))
			break;
		if (a->listener[i].token)
			continue;
		a->listener[i] = (struct listener){
		        .token = ++o->tokens, .port = port, .datagrams = datagrams};
		answer(a,
		       &(struct app_answer){.type = APP_ANS_LISTENING,
		                            .token = o->tokens,
		                            .port = (uint16_t)port},
		       NULL, 0);
		return;
	}
	answer(a, &(struct app_answer){.type = APP_ANS_ERROR, .err = EADDRINUSE, .why = "in use"},
	       NULL, 0);
}

/* What was sent before a port for datagrams ends still goes. */
static void unlisten_line(struct otherside *o, struct app *a, uint32_t token)
{
	hear(o, a);
	for (uint32_t i = 0; i < o->layout.slots; i++)
		if (a->end[i].given && a->end[i].port_token == token)
			datagrams(o, a, i);
	for (unsigned i = 0; i < LISTENERS; i++)
		if (a->listener[i].token == token)
			a->listener[i] = (struct listener){0};
	for (uint32_t i = 0; i < o->layout.slots; i++)
		if (a->end[i].given && (a->end[i].posted == token || a->end[i].port_token == token))
			give_back(o, a, i);
	answer(a, &(struct app_answer){.type = APP_ANS_OK}, NULL, 0);
}

static void request(struct otherside *o, struct app *a, size_t len)
{
	struct app_request req;
	char why[APP_WHY_MAX];

	if (app_request_parse(a->line, len, &req, why) < 0)
		return;
	if (req.type == APP_REQ_ATTACH)
		attach(o, a);
	else if (req.type == APP_REQ_LISTEN || req.type == APP_REQ_DATAGRAMS)
		listen_line(o, a, &req);
	else if (req.type == APP_REQ_UNLISTEN)
		unlisten_line(o, a, req.token);
}

static void app_end(struct otherside *o, struct app *a)
{
	close(a->connection);
	a->connection = -1;
	if (!a->end)
		return;
	for (uint32_t i = 0; i < o->layout.slots; i++)
		if (a->end[i].given)
			atomic_fetch_sub(&o->slots, 1);
	close(a->wake_read);
	close(a->wake_write);
	close(a->memory);
	for (uint32_t w = 0; w < o->layout.workers; w++)
		close(a->worker[w]);
}

static void readable(struct otherside *o, struct app *a)
{
	ssize_t n = recv(a->connection, a->line + a->have, sizeof(a->line) - a->have, MSG_DONTWAIT);
	char *end;

	if (n <= 0) {
		app_end(o, a);
		return;
	}
	a->have += (size_t)n;
	while ((end = memchr(a->line, '\n', a->have))) {
		size_t len = (size_t)(end - a->line);

		request(o, a, len);
		a->have -= len + 1;
		memmove(a->line, end + 1, a->have);
	}
}

/* ---- its thread ---- */

static bool serve_all(struct otherside *o)
{
	bool did = false;

	atomic_store(&o->serving, true);
	for (unsigned i = 0; i < o->apps; i++)
		if (o->app[i].connection >= 0 && o->app[i].segment && !atomic_load(&o->hold))
			did |= serve(o, &o->app[i]);
	atomic_store(&o->serving, false);
	return did;
}

static void set_asleep(struct otherside *o, uint32_t to)
{
	for (unsigned i = 0; i < o->apps; i++)
		for (uint32_t w = 0;
		     o->app[i].connection >= 0 && o->app[i].segment && w < o->layout.workers; w++)
			atomic_exchange(&lane_of(&o->app[i], w)->worker_asleep, to);
}

static void sleep_once(struct otherside *o)
{
	struct pollfd p[1 + APPS * (1 + APPLANE_WORKERS_MAX)];
	unsigned n = 0;
	uint64_t count;

	p[n++] = (struct pollfd){.fd = o->listen_fd, .events = POLLIN};
	for (unsigned i = 0; i < APPS; i++)
		p[n++] = (struct pollfd){
		        .fd = i < o->apps && !atomic_load(&o->mute) ? o->app[i].connection : -1,
		        .events = POLLIN};
	for (unsigned i = 0; i < o->apps; i++)
		for (uint32_t w = 0;
		     o->app[i].connection >= 0 && o->app[i].segment && w < o->layout.workers; w++)
			p[n++] = (struct pollfd){.fd = o->app[i].worker[w], .events = POLLIN};
	/* Bounded, so that stop and hold are seen. */
	poll(p, n, 5);
	for (unsigned i = 1 + APPS; i < n; i++)
		if (p[i].revents && read(p[i].fd, &count, sizeof(count)) < 0)
			continue;
	for (unsigned i = 0; i < o->apps; i++)
		if (p[1 + i].revents && !atomic_load(&o->mute))
			readable(o, &o->app[i]);
	if (p[0].revents && o->apps < APPS) {
		o->app[o->apps].connection = accept4(o->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		o->apps++;
	}
}

static void *run(void *arg)
{
	struct otherside *o = arg;

	while (!atomic_load(&o->stop)) {
		if (serve_all(o))
			continue;
		set_asleep(o, 1);
		if (!serve_all(o)) {
			o->count.turns_asleep++;
			sleep_once(o);
		}
		set_asleep(o, 0);
	}
	return NULL;
}

struct otherside *otherside_start(const struct otherside_cfg *cfg)
{
	struct otherside *o = calloc(1, sizeof(*o));
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	assert_non_null(o);
	o->cfg = *cfg;
	o->layout = (struct appseg_layout){cfg->workers, cfg->slots, cfg->ring_bytes};
	o->free_port = 50000;
	strcpy(o->folder, "/tmp/otherside-XXXXXX");
	assert_non_null(mkdtemp(o->folder));
	snprintf(o->path, sizeof(o->path), "%s/app.sock", o->folder);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", o->path);
	o->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(o->listen_fd >= 0);
	assert_int_equal(bind(o->listen_fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(o->listen_fd, 16), 0);
	setenv(APP_SOCKET_ENV, o->path, 1);
	assert_int_equal(pthread_create(&o->thread, NULL, run, o), 0);
	return o;
}

void otherside_stop(struct otherside *o)
{
	atomic_store(&o->stop, true);
	pthread_join(o->thread, NULL);
	close(o->listen_fd);
	unlink(o->path);
	rmdir(o->folder);
	for (unsigned i = 0; i < o->apps; i++) {
		struct app *a = &o->app[i];

		if (a->connection >= 0)
			app_end(o, a);
		if (a->segment)
			munmap(a->segment, appseg_bytes(&o->layout));
		free(a->end);
	}
	free(o);
}

struct otherside_count *otherside_count(struct otherside *o)
{
	return &o->count;
}

void otherside_hold(struct otherside *o, bool held)
{
	atomic_store(&o->hold, held);
	while (held && atomic_load(&o->serving)) /* a turn that had begun ends first */
		usleep(20);
}

void otherside_mute(struct otherside *o, bool mute)
{
	atomic_store(&o->mute, mute);
}

uint8_t *otherside_segment(struct otherside *o, struct appseg_layout *layout)
{
	struct app *a = atomic_load(&o->last);

	*layout = o->layout;
	return a ? a->segment : NULL;
}

unsigned otherside_slots(struct otherside *o)
{
	return atomic_load(&o->slots);
}

uint32_t otherside_option(struct otherside *o, int64_t *value)
{
	*value = atomic_load(&o->option_value);
	return atomic_load(&o->option);
}
