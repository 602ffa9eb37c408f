/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker's sessions as its loop sees them: commands, one poll in a turn, when to wake. */
#include "session/datagram.h"
#include "session/direct.h"
#include "session/hold.h"
#include "session/ip.h"
#include "session/lane.h"
#include "session/lowat.h"
#include "session/stream.h"
#include "session/tx.h"
#include "session/wait.h"
#include "ipc/appopts.h"

#include <errno.h>

/* Applications name TCP's settings by numbers that do not change. */
#define SAME_OPTION(NAME, name, what) \
	_Static_assert((int)TCP_OPT_##NAME == (int)APP_OPT_##NAME, "ipc/appopts.h");
TCP_OPTS(SAME_OPTION)
#undef SAME_OPTION

static int send(struct worker_sessions *s, const struct cp_send_session *c)
{
	struct tunnel_end *e = end_of(s, c->session);

	if (!e || c->len > CPDP_PACKET_MAX)
		return -EINVAL;
	if (c->clear)
		tx_clear(s, e, c);
	else
		tx_oam(s, e, c->data, c->len, c->ttl);
	return 0;
}

static void unreachable(struct worker_sessions *s, const struct cp_unreachable *c,
                        struct instant now)
{
	uint32_t remote = remote_find(s, &c->remote);

	if (remote == SESS_NONE)
		return;
	if (c->direct) {
		direct_unreachable(s, remote, c->err > 0 ? c->err : EHOSTUNREACH, now);
		return;
	}
	tcp_peer_unreachable(s->tcp, remote, c->err > 0 ? c->err : EHOSTUNREACH,
	                     c->opening_ms * NS_PER_MS, c->waiting_ms * NS_PER_MS, now);
	app_events(s, now);
	ip_unreachable(s, remote, c->opening_ms * NS_PER_MS, now);
	datagram_unreachable(s, remote, c->err > 0 ? c->err : EHOSTUNREACH,
	                     c->opening_ms * NS_PER_MS, now);
}

static int rx_key(struct worker_sessions *s, const struct cp_lane_key *c, struct instant now)
{
	int rc = end_rx_key(s, c);

	if (rc > 0)
		rx_rerun(s, end_of(s, c->session), now);
	return rc < 0 ? rc : 0;
}

static void rx_del(struct worker_sessions *s, const struct cp_lane_key *c)
{
	struct tunnel_end *e = end_of(s, c->session);

	if (e && c->index < SESS_PHASES)
		end_drop_rx_key(e, c->index);
}

int sess_command(struct worker_sessions *s, const struct cp_cmd *c, struct instant now)
{
	struct tunnel_end *e;

	OWNER_CHECK(&s->w->thread);
	/* Packets that came before the command are opened under the keys that were valid then. */
	rx_flush(s, now);
	switch (c->type) {
	case CMD_SESSION_SET:
		return end_set(s, &c->u.session, now);
	case CMD_SESSION_TX_KEY:
		return end_tx_key(s, &c->u.key, now);
	case CMD_SESSION_RX_KEY:
		return rx_key(s, &c->u.key, now);
	case CMD_SESSION_RX_DEL:
		rx_del(s, &c->u.key);
		return 0;
	case CMD_SESSION_DEL:
		e = end_of(s, c->u.session.session);
		if (e)
			end_free(s, e, now);
		return 0;
	case CMD_UNREACHABLE:
		unreachable(s, &c->u.unreachable, now);
		return 0;
	case CMD_RESOLVED:
		return ip_resolved(s, &c->u.resolved);
	case CMD_SEND_SESSION:
		return send(s, &c->u.send_session);
	case CMD_DUMP_CONNECTIONS:
		return dump_start(s, c->cookie, &c->u.dump, now);
	case CMD_DRAIN:
		s->draining = true;
		listen_drain(s);
		return 0;
	default:
		return -EINVAL;
	}
}

/* Once a second while something waits: wants are repeated, unused remotes let go of, packets that found no key dropped. */
static void tick(struct worker_sessions *s, struct instant now)
{
	if (!instant_reached(s->tick, now))
		return;
	s->tick = INSTANT_NEVER;
	remotes_tick(s);
	wait_tick(s, now);
	ip_tick(s, now);
	datagram_tick(s, now);
	if (direct_tick(s, now) || s->nwanted || s->look || s->waiting || s->nunproven ||
	    ip_waits(s) || s->datagrams->nheld)
		sess_tick_soon(s, now);
}

/* What was sent makes place for bytes that TCP was not to have before: until nothing more leaves. */
static unsigned send_all(struct worker_sessions *s, struct instant now)
{
	unsigned sent = tx_run(s, now);
	struct app_streams due = TAILQ_HEAD_INITIALIZER(due);
	struct app_stream *st;

	if (likely_(!sent || TAILQ_EMPTY(&s->lowat)))
		return sent;
	TAILQ_CONCAT(&due, &s->lowat, lowat_link);
	while ((st = TAILQ_FIRST(&due))) {
		TAILQ_REMOVE(&due, st, lowat_link);
		st->in_lowat = false;
		stream_pump(s, st, now);
	}
	return sent;
}

unsigned sess_poll(struct worker_sessions *s, struct instant now)
{
	unsigned done = s->nrx;

	OWNER_CHECK(&s->w->thread);
	rx_flush(s, now);
	/* Tells TCP the time, too: what applications write has been waiting since now, not since the turn before. */
	tcp_advance(s->tcp, now);
	done += app_run(s, now);
	app_events(s, now);
	ending_run(s, now);
	tick(s, now);
	direct_run(s, now);
	done += send_all(s, now);
	done += ip_run(s, now);
	done += datagram_run(s, now);
	hold_run(s, now);
	done += app_flush(s, now);
	if (s->dump.on && instant_reached(s->dump.retry, now))
		done += dump_run(s, now);
	return done;
}

struct instant sess_deadline(const struct worker_sessions *s)
{
	struct instant t = instant_min(instant_min(s->tick, s->watch), tcp_next_deadline(s->tcp));

	t = instant_min(instant_min(t, s->ports_retry), hold_deadline(s));
	return s->dump.on ? instant_min(t, s->dump.retry) : t;
}

int sess_wake_fd(const struct worker_sessions *s)
{
	return s->bridge.worker_fd;
}

bool sess_sleep_ok(struct worker_sessions *s)
{
	if (s->nrx || app_owes(s) || datagram_owes(s) || tcp_output_pending(s->tcp) ||
	    !lanes_sleep_ok(s))
		return false;
	s->maybe_asleep = true;
	atomic_exchange(&s->bridge.worker_asleep, 1);
	return bridge_peek(&s->bridge.to_worker_rx) == NULL && ip_sleep_ok(s);
}

struct bridge *sess_bridge(struct worker_sessions *s)
{
	return &s->bridge;
}

struct tunring *sess_tunring(struct worker_sessions *s, unsigned queue)
{
	return s->ip && queue < s->ip->nrings ? s->ip->ring[queue] : NULL;
}
