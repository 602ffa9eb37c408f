/* SPDX-License-Identifier: BSD-3-Clause */
/* Applications with a segment, as tests play them. */
#include "laneapp.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

void lapp_bridge(struct lapp *a, struct bridge_msg m)
{
	assert_true(bridge_put(&a->b->to_worker_tx, &m));
}

void lapp_start(struct sessnet *n, struct lapp *a, unsigned side, uint32_t slots,
                uint32_t ring_bytes)
{
	const uint32_t ring = APPLANE_MSGS * (uint32_t)sizeof(struct applane_msg);
	struct appseg_layout l = {.workers = 1, .slots = slots, .ring_bytes = ring_bytes};
	int fd[2];

	memset((void *)a, 0, sizeof(*a));
	a->b = sess_bridge(n->side[side].sess);
	a->seg.layout = l;
	a->token = TOKEN;
	a->listens_on = PORT;
	a->seg.at = mmap(NULL, appseg_bytes(&l), PROT_READ | PROT_WRITE,
	                 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(a->seg.at, MAP_FAILED);
	a->seg.slots = calloc(slots, sizeof(*a->seg.slots));
	a->seg.holder = calloc(slots, sizeof(*a->seg.holder));
	a->slot = calloc(slots, sizeof(*a->slot));
	a->port = aligned_alloc(COYO_CACHELINE, sizeof(*a->port));
	assert_true(a->seg.slots && a->seg.holder && a->slot && a->port);
	memset(a->port, 0, sizeof(*a->port));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
	a->app_fd = fd[0];
	a->seg.app_fd = fd[1];
	a->port->seg = &a->seg;
	a->port->lane = (struct applane *)a->seg.at;
	bytering_view(&a->port->rx, &a->port->lane->to_worker, applane_requests(a->port->lane),
	              ring);
	bytering_view(&a->port->tx, &a->port->lane->to_app, applane_events(a->port->lane), ring);
	a->tx = a->port->rx;
	a->rx = a->port->tx;
	lapp_bridge(a, (struct bridge_msg){.type = BRIDGE_APP_ATTACH, .app = a->port});
}

void lapp_free(struct lapp *a)
{
	if (!a->port)
		return;
	munmap(a->seg.at, appseg_bytes(&a->seg.layout));
	free(a->seg.slots);
	free((void *)a->seg.holder);
	free(a->slot);
	free(a->port);
	close(a->app_fd);
	close(a->seg.app_fd);
}

void lapp_fresh(struct lapp *a, uint32_t slot)
{
	const struct appseg_layout *l = &a->seg.layout;
	struct lslot *s = &a->slot[slot];

	s->words = (struct appseg_slot *)(a->seg.at + appseg_words_at(l, slot));
	memset((void *)s->words, 0, sizeof(*s->words));
	appseg_slot_view(&s->side, a->seg.at, l, slot);
	s->sent = s->got = 0;
}

bool lapp_say(struct lapp *a, struct applane_msg m)
{
	void *piece;

	if (bytering_reserve(&a->tx, &piece) < sizeof(m))
		return false;
	memcpy(piece, &m, sizeof(m));
	bytering_commit(&a->tx, sizeof(m));
	a->wakes += atomic_exchange(&a->port->lane->worker_asleep, 0);
	return true;
}

void lapp_connect(struct lapp *a, uint32_t slot, const struct node_id *id, uint16_t port)
{
	lapp_fresh(a, slot);
	assert_true(lapp_say(
	        a, (struct applane_msg){
	                   .type = APPLANE_CONNECT, .slot = slot, .port = port, .id = *id}));
}

void lapp_post(struct lapp *a, uint32_t slot, uint32_t own)
{
	lapp_fresh(a, slot);
	/* A port for datagrams has no slot but this one. */
	if (own == slot) {
		appseg_fixed_view(&a->slot[slot].side.out, a->seg.at, &a->seg.layout, slot, false);
		appseg_fixed_view(&a->slot[slot].side.in, a->seg.at, &a->seg.layout, slot, true);
	}
	assert_true(lapp_say(a, (struct applane_msg){.type = APPLANE_ACCEPT_INTO,
	                                             .slot = slot,
	                                             .token = a->token,
	                                             .option = own}));
}

void lapp_listen(struct lapp *a)
{
	lapp_bridge(a, (struct bridge_msg){.type = BRIDGE_LISTEN,
	                                   .listener = &a->l,
	                                   .app = a->port,
	                                   .token = a->token,
	                                   .port = a->listens_on,
	                                   .shared = a->shares,
	                                   .pid = a->seg.pid,
	                                   .uid = a->seg.uid,
	                                   .backlog = a->backlog ? a->backlog : 400});
}

void lapp_unlisten(struct lapp *a)
{
	lapp_bridge(a, (struct bridge_msg){.type = BRIDGE_UNLISTEN, .listener = &a->l});
}

void lapp_kick(struct lapp *a, uint32_t slot)
{
	if (!atomic_exchange(&a->slot[slot].words->stream.worker_kicked, 1))
		assert_true(lapp_say(a, (struct applane_msg){.type = APPLANE_KICK, .slot = slot}));
}

void lapp_shut(struct lapp *a, uint32_t slot)
{
	atomic_fetch_or(&a->slot[slot].words->stream.asked, STREAM_SHUT);
	lapp_kick(a, slot);
}

void lapp_close(struct lapp *a, uint32_t slot, bool abort)
{
	assert_true(lapp_say(
	        a, (struct applane_msg){.type = APPLANE_CLOSE, .slot = slot, .abort = abort}));
}

uint32_t lapp_told(const struct lapp *a, uint32_t slot)
{
	return atomic_load(&a->slot[slot].words->stream.told);
}

int lapp_err(const struct lapp *a, uint32_t slot)
{
	return atomic_load(&a->slot[slot].words->stream.err);
}

void lapp_write(struct lapp *a, uint32_t slot, uint64_t end)
{
	struct lslot *s = &a->slot[slot];
	uint64_t before = s->sent;

	while (s->sent < end) {
		void *piece;
		uint64_t k = min_u64(bytering_reserve(&s->side.out, &piece), end - s->sent);

		if (k == 0) {
			atomic_exchange(&s->words->stream.out_full, 1);
			k = min_u64(bytering_reserve(&s->side.out, &piece), end - s->sent);
			if (k == 0)
				break;
		}
		for (uint64_t i = 0; i < k; i++)
			((uint8_t *)piece)[i] = byte_at(s->sent + i);
		bytering_commit(&s->side.out, k);
		s->sent += k;
	}
	if (s->sent != before)
		lapp_kick(a, slot);
}

void lapp_read(struct lapp *a, uint32_t slot, uint64_t most)
{
	struct lslot *s = &a->slot[slot];
	const void *piece;
	uint64_t n;

	while (most > 0 && (n = min_u64(bytering_peek(&s->side.in, &piece), most)) > 0) {
		for (uint64_t i = 0; i < n; i++)
			if (((const uint8_t *)piece)[i] != byte_at(s->got + i))
				fail_msg("byte %llu is wrong", (unsigned long long)(s->got + i));
		bytering_consume(&s->side.in, n);
		s->got += n;
		most -= n;
	}
	if (atomic_exchange(&s->words->stream.in_full, 0))
		lapp_kick(a, slot);
}

static void lapp_event(struct lapp *a, const struct applane_msg *m)
{
	switch (m->type) {
	case APPLANE_ACCEPTED:
		assert_int_equal(m->token, a->token);
		assert_true(m->slot < a->seg.layout.slots && m->port > 0);
		a->accepted++;
		a->last_accepted = m->slot;
		break;
	case APPLANE_READY:
		a->ready++;
		a->last_ready = m->slot;
		break;
	case APPLANE_LISTENER_GONE:
		assert_int_equal(m->token, a->token);
		assert_false(a->listener_gone);
		a->listener_gone = true;
		break;
	default:
		fail_msg("event %u", m->type);
	}
}

static void hear(struct lapp *a, const struct bridge_msg *m)
{
	a->attached |= m->type == BRIDGE_APP_ATTACHED && m->app == a->port;
	a->gone |= m->type == BRIDGE_APP_GONE && m->app == a->port;
	if (m->token != a->token)
		return;
	a->listening |= m->type == BRIDGE_LISTENING && m->err == 0;
	a->unlistened |= m->type == BRIDGE_UNLISTENED;
}

void lapp_poll(struct lapp *a)
{
	const struct bridge_msg *m;
	const void *piece;

	if (!a->b)
		return;
	while ((m = bridge_peek(&a->b->to_gateway_rx))) {
		for (struct lapp *x = a; x; x = x->beside)
			hear(x, m);
		bridge_done(&a->b->to_gateway_rx);
	}
	while (!a->deaf && bytering_peek(&a->rx, &piece) >= sizeof(struct applane_msg)) {
		lapp_event(a, piece);
		bytering_consume(&a->rx, sizeof(struct applane_msg));
	}
}

void lanes_step(struct lanes *w, int64_t ns)
{
	sessnet_step(&w->n, ns);
	lapp_poll(&w->a);
	lapp_poll(&w->b);
}

void lanes_for(struct lanes *w, int64_t ns)
{
	struct instant end = instant_add(w->n.now, ns);

	while (instant_before(w->n.now, end))
		lanes_step(w, instant_sub(end, w->n.now));
}
