/* SPDX-License-Identifier: BSD-3-Clause */
/* The gateway's ground, what it must hold at any time, and its workers. */
#include "gateway_world.h"
#include "app/gw_accept.h"
#include "app/gw_attach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FDS_LOOKED_AT 96
#define ROUNDS_MAX    4000

static bool open_before[FDS_LOOKED_AT];

void require(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "the gateway: %s\n", what);
	abort();
}

static void listen_here(struct gate_world *w)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	socklen_t len = sizeof(at);
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = &w->g.server_node};

	w->g.server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Without a path the kernel gives it an abstract one. */
	require(bind(w->g.server, (struct sockaddr *)&at, sizeof(at.sun_family)) == 0 &&
	                getsockname(w->g.server, (struct sockaddr *)&at, &len) == 0 &&
	                listen(w->g.server, 16) == 0 &&
	                epoll_ctl(w->g.epoll, EPOLL_CTL_ADD, w->g.server, &e) == 0,
	        "has no socket to serve");
	w->address_len = len;
	memcpy(w->address, &at, len);
}

static struct gate_world *make(void)
{
	static struct gate_world w;
	struct gateway *g = &w.g;

	for (unsigned i = 0; i < GATE_WORKERS; i++) {
		require(bridge_init(&w.bridge[i]) == 0, "has no bridge");
		w.bridges[i] = &w.bridge[i];
		w.bridge[i].gateway_asleep = &g->asleep;
		w.bridge[i].gateway_fd = -1;
	}
	memset(g->id.b, 7, ID_BYTES);
	g->bridges = w.bridges;
	g->nbridges = GATE_WORKERS;
	g->fds_max = GATE_FDS;
	g->slots_max = 4;
	g->apps_max = 2;
	g->line_cost = gw_line_cost();
	g->server_node.kind = GW_SERVER;
	g->wake = -1;
	g->epoll = epoll_create1(EPOLL_CLOEXEC);
	gw_lists_init(g);
	g->listeners = calloc(GW_LISTENERS_MAX, sizeof(*g->listeners));
	g->port_token = calloc(GW_PORTS, sizeof(*g->port_token));
	listen_here(&w);
	return &w;
}

struct gate_world *gate_fresh(void)
{
	static struct gate_world *w;

	if (!w)
		w = make();
	memset(w->stream, 0, sizeof(w->stream));
	memset(w->listener, 0, sizeof(w->listener));
	w->g.nlisteners = 0;
	w->next_conn = 0;
	for (int i = 0; i < FDS_LOOKED_AT; i++)
		open_before[i] = fcntl(i, F_GETFD) >= 0;
	return w;
}

/* What must hold after each round. */
static void check(const struct gateway *g)
{
	const struct gw_client *c;
	const struct gw_stream *s;
	struct gw_app *a;
	unsigned clients = 0, fds = 0;

	TAILQ_FOREACH (c, &g->clients, all) {
		clients++;
		fds++;
		require(!c->node.dead && c->fd >= 0 && c->have <= sizeof(c->line),
		        "keeps a client that is gone");
	}
	TAILQ_FOREACH (s, &g->streams, all) {
		fds += (s->fd >= 0) + (s->app_fd >= 0);
		require(!s->node.dead, "keeps a stream that is dead");
		require(!s->let_go || (s->fd < 0 && s->app_fd < 0),
		        "keeps the descriptor of a stream that it has let go of");
	}
	TAILQ_FOREACH (a, &g->apps, all) {
		fds += (a->memfd >= 0) + (a->their_fd >= 0) + (a->seg.app_fd >= 0);
		for (unsigned i = 0; i < a->nworkers; i++)
			fds += gw_app_wake_fds(a)[i] >= 0;
		require(!a->client || a->client->app == a, "has an application without a client");
	}
	require(clients == g->nclients, "miscounts its clients");
	require(fds == g->fds, "miscounts its descriptors");
	require(fds <= GATE_FDS, "holds more descriptors than it may");
}

void gate_round(struct gate_world *w)
{
	gw_round(&w->g, false);
	check(&w->g);
}

/* ---- workers ---- */

static struct gate_stream *held(struct gate_world *w, const struct app_stream *st)
{
	for (unsigned i = 0; i < GATE_STREAMS; i++)
		if (w->stream[i].st == st)
			return &w->stream[i];
	return NULL;
}

static struct gate_stream *free_place(struct gate_world *w)
{
	for (unsigned i = 0; i < GATE_STREAMS; i++)
		if (!w->stream[i].st && !w->stream[i].offered)
			return &w->stream[i];
	return NULL;
}

static void tell(struct gate_world *w, unsigned worker, struct bridge_msg m)
{
	require(bridge_put(&w->bridge[worker].to_gateway_tx, &m), "does not take messages");
}

static void kick(struct gate_world *w, struct gate_stream *s)
{
	if (!atomic_exchange(&s->st->side.shared->app_kicked, 1))
		tell(w, s->worker, (struct bridge_msg){.type = BRIDGE_KICK, .stream = s->st});
}

/* Takes what the application has written: it must be what it wrote, in order. */
static void read_out(struct gate_world *w, struct gate_stream *s, uint32_t most)
{
	const void *piece;
	uint32_t n;

	while (most && (n = bytering_peek(&s->st->side.out, &piece))) {
		n = n < most ? n : most;
		for (uint32_t i = 0; i < n; i++)
			require(((const uint8_t *)piece)[i] == gate_out_byte(s->out++),
			        "changes what an application has written");
		bytering_consume(&s->st->side.out, n);
		most -= n;
		if (atomic_exchange(&s->st->side.shared->out_full, 0))
			kick(w, s);
	}
}

static void write_in(struct gate_world *w, struct gate_stream *s, uint32_t n)
{
	void *piece;
	uint32_t room;

	while (n && !s->ended && (room = bytering_reserve(&s->st->side.in, &piece))) {
		room = room < n ? room : n;
		for (uint32_t i = 0; i < room; i++)
			((uint8_t *)piece)[i] = gate_in_byte(s->in++);
		bytering_commit(&s->st->side.in, room);
		n -= room;
	}
	kick(w, s);
}

static struct gate_listener *listener_of(struct gate_world *w, unsigned worker,
                                         const struct app_listener *at)
{
	for (unsigned i = 0; i < GATE_PORTS * 2; i++)
		if (w->listener[worker][i].at == at)
			return &w->listener[worker][i];
	return NULL;
}

static struct gate_stream *offer_of(struct gate_world *w, unsigned worker, uint32_t conn)
{
	for (unsigned i = 0; i < GATE_STREAMS; i++)
		if (w->stream[i].offered && w->stream[i].conn == conn &&
		    w->stream[i].worker == worker)
			return &w->stream[i];
	return NULL;
}

static void take_listener(struct gate_world *w, unsigned worker, const struct bridge_msg *m)
{
	struct gate_listener *l = listener_of(w, worker, m->listener);

	switch (m->type) {
	case BRIDGE_LISTEN:
	case BRIDGE_DATAGRAMS:
		require(!l, "makes one listener twice");
		l = listener_of(w, worker, NULL);
		require(l && m->port && m->backlog, "listens without a port or more than once");
		*l = (struct gate_listener){.at = m->listener,
		                            .token = m->token,
		                            .credit = m->credit,
		                            .ahead = m->credit};
		break;
	case BRIDGE_TAKEN:
		require(l && !l->leaving && m->credit, "gives credit to a listener that is gone");
		l->credit += m->credit;
		require(l->credit <= l->ahead, "gives more credit than there is room for");
		break;
	default:
		require(l && !l->leaving, "ends a listener that is gone");
		l->leaving = true;
		break;
	}
}

static void take(struct gate_world *w, unsigned worker, const struct bridge_msg *m)
{
	struct gate_stream *s = m->stream ? held(w, m->stream) : NULL;

	switch (m->type) {
	case BRIDGE_CONNECT:
		require(!s && m->port, "connects one stream twice");
		s = free_place(w);
		require(s != NULL, "holds more streams than it may");
		*s = (struct gate_stream){.st = m->stream, .worker = worker, .asked = true};
		break;
	case BRIDGE_ATTACH:
		require(!s, "attaches one stream twice");
		s = offer_of(w, worker, m->conn);
		require(s != NULL, "attaches a connection that was not offered");
		s->offered = false;
		s->st = m->stream;
		break;
	case BRIDGE_REFUSE:
		s = offer_of(w, worker, m->conn);
		require(s != NULL, "refuses a connection that was not offered");
		*s = (struct gate_stream){0};
		break;
	case BRIDGE_KICK:
		require(s && !s->let_go, "says something about a stream after the last message");
		atomic_exchange(&s->st->side.shared->worker_kicked, 0);
		break;
	case BRIDGE_LET_GO:
		require(s && !s->let_go, "lets go of one stream twice");
		s->let_go = true;
		break;
	case BRIDGE_APP_ATTACH:
		tell(w, worker, (struct bridge_msg){.type = BRIDGE_APP_ATTACHED, .app = m->app});
		break;
	case BRIDGE_APP_LEAVE:
		tell(w, worker, (struct bridge_msg){.type = BRIDGE_APP_GONE, .app = m->app});
		break;
	default:
		take_listener(w, worker, m);
		break;
	}
}

void gate_worker_takes(struct gate_world *w, unsigned worker, unsigned n)
{
	const struct bridge_msg *m;

	while (n-- && (m = bridge_peek(&w->bridge[worker].to_worker_rx))) {
		take(w, worker, m);
		bridge_done(&w->bridge[worker].to_worker_rx);
	}
}

static void answer(struct gate_world *w, struct gate_stream *s, uint8_t how)
{
	struct bridge_msg m = {.stream = s->st, .type = BRIDGE_GONE};

	if (s->let_go) {
		read_out(w, s, UINT32_MAX);
		*s = (struct gate_stream){.worker = s->worker};
	} else if (s->asked) {
		s->asked = false;
		s->ended = how != 0;
		m.type = how ? BRIDGE_FAILED : BRIDGE_CONNECTED;
		m.err = how ? ECONNREFUSED : 0;
		m.port = 40000;
	} else {
		return;
	}
	tell(w, s->worker, m);
}

static void answer_listener(struct gate_world *w, unsigned worker, struct gate_listener *l,
                            uint8_t how)
{
	struct bridge_msg m = {.token = l->token};

	if (!l->told) {
		l->told = true;
		m.type = BRIDGE_LISTENING;
		m.err = how % 8 == 1 ? EADDRINUSE : 0;
		l->credit = l->ahead = m.err ? 0 : l->credit;
	} else if (l->leaving) {
		m.type = BRIDGE_UNLISTENED;
		*l = (struct gate_listener){0};
	} else {
		return;
	}
	tell(w, worker, m);
}

static void offer(struct gate_world *w, unsigned worker, struct gate_listener *l)
{
	struct gate_stream *s = free_place(w);
	struct bridge_msg m = {.type = BRIDGE_ACCEPT, .token = l->token, .port = 50000};

	if (!s || !l->told || l->leaving || !l->credit)
		return;
	l->credit--;
	*s = (struct gate_stream){.worker = worker, .offered = true, .conn = ++w->next_conn};
	m.conn = s->conn;
	memset(m.id.b, 9, ID_BYTES);
	tell(w, worker, m);
}

static void end(struct gate_world *w, struct gate_stream *s, uint8_t how)
{
	if (s->ended)
		return;
	s->ended = true;
	atomic_store(&s->st->side.shared->err, ECONNRESET);
	atomic_fetch_or(&s->st->side.shared->told, how & 1 ? STREAM_ERROR : STREAM_EOF);
	kick(w, s);
}

void gate_worker_acts(struct gate_world *w, unsigned worker, uint8_t what, uint8_t how)
{
	struct gate_stream *s = &w->stream[how < 192 ? how % 4 : how % GATE_STREAMS];
	struct gate_listener *l =
	        &w->listener[worker][how < 192 ? how % 2 : how % (GATE_PORTS * 2)];

	if (what % 8 == 0 && l->at)
		offer(w, worker, l);
	else if (what % 8 == 1 && l->at)
		answer_listener(w, worker, l, what >> 3);
	else if (!s->st)
		return;
	else if (what % 8 == 2)
		answer(w, s, what >> 3);
	else if (!s->asked && !s->let_go && what % 8 == 3)
		read_out(w, s, (what >> 3) * 4096u);
	else if (!s->asked && !s->let_go && what % 8 <= 5)
		write_in(w, s, 1 + (what >> 3) * 3000u);
	else if (!s->asked && !s->let_go && what % 8 == 6)
		end(w, s, what >> 3);
}

void gate_worker_settles(struct gate_world *w, unsigned worker, uint8_t how)
{
	gate_worker_takes(w, worker, UINT32_MAX);
	for (unsigned i = 0; i < GATE_PORTS * 2; i++)
		if (w->listener[worker][i].at)
			answer_listener(w, worker, &w->listener[worker][i], how);
	for (unsigned i = 0; i < GATE_STREAMS; i++)
		if (w->stream[i].st && w->stream[i].worker == worker)
			answer(w, &w->stream[i], how);
}

static bool at_rest(const struct gate_world *w)
{
	bool listens = false;

	for (uint32_t i = 0; i < w->g.nlisteners; i++)
		listens |= w->g.listeners[i] != NULL;
	return TAILQ_EMPTY(&w->g.clients) && TAILQ_EMPTY(&w->g.streams) &&
	       TAILQ_EMPTY(&w->g.apps) && !listens;
}

void gate_end(struct gate_world *w)
{
	struct gateway *g = &w->g;

	/* Each line that was written takes a turn of its own: a client that has left is noticed behind its last one. */
	for (unsigned i = 0; i < ROUNDS_MAX && (i < 4 || !at_rest(w)); i++) {
		gate_round(w);
		for (unsigned k = 0; k < GATE_WORKERS; k++)
			gate_worker_settles(w, k, 0);
	}
	gate_round(w);
	require(TAILQ_EMPTY(&g->clients) && g->nclients == 0, "keeps clients that have left");
	require(TAILQ_EMPTY(&g->streams), "keeps streams that nobody holds");
	require(TAILQ_EMPTY(&g->limits.users), "keeps users who hold nothing");
	require(TAILQ_EMPTY(&g->mute), "waits for a client that has left");
	gw_users_free(&g->limits);
	require(TAILQ_EMPTY(&g->apps), "keeps applications that have left");
	require(TAILQ_EMPTY(&g->owe_listeners) && TAILQ_EMPTY(&g->owe_apps) &&
	                TAILQ_EMPTY(&g->ready),
	        "is never done");
	for (uint32_t i = 0; i < g->nlisteners; i++)
		require(!g->listeners[i], "keeps a listener whose client has left");
	for (unsigned i = 0; i < GATE_STREAMS; i++)
		require(!w->stream[i].st && !w->stream[i].offered, "leaves a stream to its worker");
	for (unsigned i = 0; i < GATE_WORKERS; i++)
		require(!bridge_peek(&w->bridge[i].to_worker_rx), "never says its last");
	require(!g->server_paused, "serves nobody any more");
	for (int i = 0; i < FDS_LOOKED_AT; i++)
		require((fcntl(i, F_GETFD) >= 0) == open_before[i], "has leaked a descriptor");
}
