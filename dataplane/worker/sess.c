/* SPDX-License-Identifier: BSD-3-Clause */
/* End-to-end sessions of one worker: the table of sessions, control's commands, the worker's calls. */
#include "seal/seal.h"
#include "worker/sess_int.h"

#include <errno.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_CONNS 16384 /* from so many connections on TCP's memory asks for huge pages */

/* ---- sessions ---- */

static struct session *session_of(const struct sessions *s, uint32_t index)
{
	return index < s->table_size ? s->table[index] : NULL;
}

static void key_free_rx(struct session *x, unsigned phase)
{
	if (!x->rx[phase])
		return;
	seal_key_wipe(&x->rx[phase]->aead);
	free(x->rx[phase]);
	x->rx[phase] = NULL;
}

static void key_free_tx(struct tx_key **k)
{
	if (!*k)
		return;
	seal_key_wipe(&(*k)->aead);
	free(*k);
	*k = NULL;
}

static void session_free(struct sessions *s, struct session *x, struct instant now)
{
	struct peer *p = &s->peers[x->peer];
	uint32_t peer = x->peer;

	rx_drop_waiting(s, x, DROP_NO_SESSION);
	key_free_tx(&x->tx);
	key_free_tx(&x->staged);
	for (unsigned i = 0; i < SESS_PHASES; i++)
		key_free_rx(x, i);
	s->table[x->index] = NULL;
	if (p->session == x->index) {
		p->session = SESS_NONE;
		p->told_in_use = false;
		/* Connections outlive their session: they are held, and control is asked for another. */
		peer_update(s, peer, now);
		peer_release(s, peer);
	}
	free(x);
}

static struct session *session_new(struct sessions *s, const struct cp_session *c)
{
	uint32_t peer = peer_get(s, &c->remote);
	struct session *x;

	if (peer == SESS_NONE)
		return NULL;
	x = calloc(1, sizeof(*x));
	if (!x) {
		peer_release(s, peer);
		return NULL;
	}
	x->index = c->session;
	x->peer = peer;
	x->out_label = LABEL_NONE;
	bucket_init(&x->punts, SESS_PUNT_RATE, SESS_PUNT_RATE);
	bucket_init(&x->echoes, SESS_ECHO_RATE, SESS_ECHO_RATE);
	s->table[c->session] = x;
	s->peers[peer].session = c->session;
	s->peers[peer].told_in_use = false;
	if (s->peers[peer].in_use)
		peer_in_use(s, peer);
	return x;
}

static void answer_echo(struct sessions *s, struct session *x)
{
	if (!x->echo_due || !sess_may_send(x))
		return;
	x->echo_due = false;
	tx_oam(s, x, x->echo, sizeof(x->echo), 0);
}

static void cmd_session_set(struct sessions *s, const struct cp_session *c, struct instant now)
{
	struct session *x = session_of(s, c->session);
	uint16_t segment = c->path_mtu > SESS_SEG_MAX ? SESS_SEG_MAX : c->path_mtu;

	if (c->session >= s->table_size || (c->out_label != LABEL_NONE && c->out_label > 0xfffff)) {
		drop_count(s->w, DROP_BAD_COMMAND, 1);
		return;
	}
	if (x && !id_eq(&s->peers[x->peer].remote, &c->remote)) {
		session_free(s, x, now);
		x = NULL;
	}
	if (!x)
		x = session_new(s, c);
	if (!x) {
		drop_count(s->w, DROP_BAD_COMMAND, 1);
		return;
	}
	x->out_link = c->out_link;
	x->out_label = c->out_label;
	if (segment != x->path_mtu && segment > 20 && s->peers[x->peer].session == x->index)
		tcp_peer_mtu(s->tcp, x->peer, (uint16_t)(segment - 20));
	x->path_mtu = segment;
	peer_update(s, x->peer, now);
	answer_echo(s, x);
}

/* A key in use keeps its counter and its window: a repeated command must never repeat a nonce or let one in again. */
static bool same_key(const struct aead_key *k, const struct cp_lane_key *c)
{
	return k->alg == c->alg && memcmp(k->key, c->key, sizeof(c->key)) == 0;
}

static void tx_key_set(struct sessions *s, struct session *x, struct tx_key *k, struct instant now)
{
	key_free_tx(&x->tx);
	x->tx = k;
	peer_update(s, x->peer, now);
	answer_echo(s, x);
}

void sess_phase_used(struct sessions *s, struct session *x, unsigned phase, struct instant now)
{
	struct tx_key *k = x->staged;

	if (!k || k->phase != phase)
		return;
	x->staged = NULL;
	tx_key_set(s, x, k, now);
}

static void cmd_tx_key(struct sessions *s, const struct cp_lane_key *c, struct instant now)
{
	struct session *x = session_of(s, c->session);
	struct tx_key *k;

	if (!x || c->index >= SESS_PHASES) {
		drop_count(s->w, DROP_BAD_COMMAND, 1);
		return;
	}
	if (c->link != CP_KEY_WHEN_USED || (x->staged && !same_key(&x->staged->aead, c)))
		key_free_tx(&x->staged);
	if ((x->tx && same_key(&x->tx->aead, c)) || x->staged)
		return;
	k = aligned_alloc(COYO_CACHELINE,
	                  (sizeof(*k) + COYO_CACHELINE - 1) / COYO_CACHELINE * COYO_CACHELINE);
	if (!k || seal_key_init(&k->aead, c->alg, c->key, true, TUNNEL_HEADER_BYTES) < 0) {
		drop_count(s->w, DROP_BAD_COMMAND, 1);
		free(k);
		return;
	}
	k->counter = 0;
	k->phase = (uint8_t)c->index;
	k->rekey_told = false;
	if (c->link == CP_KEY_WHEN_USED)
		x->staged = k;
	else
		tx_key_set(s, x, k, now);
}

static void cmd_rx_key(struct sessions *s, const struct cp_lane_key *c, struct instant now)
{
	struct session *x = session_of(s, c->session);
	struct rx_key *k;

	if (!x || c->index >= SESS_PHASES) {
		drop_count(s->w, DROP_BAD_COMMAND, 1);
		return;
	}
	if (x->rx[c->index] && same_key(&x->rx[c->index]->aead, c))
		return;
	k = aligned_alloc(COYO_CACHELINE,
	                  (sizeof(*k) + COYO_CACHELINE - 1) / COYO_CACHELINE * COYO_CACHELINE);
	if (!k || seal_key_init(&k->aead, c->alg, c->key, false, TUNNEL_HEADER_BYTES) < 0) {
		drop_count(s->w, DROP_BAD_COMMAND, 1);
		free(k);
		return;
	}
	memset(&k->window, 0, sizeof(k->window));
	k->used = false;
	key_free_rx(x, c->index);
	x->rx[c->index] = k;
	rx_rerun(s, x, now);
}

static void cmd_send_session(struct sessions *s, const struct cp_send_session *c)
{
	struct session *x = session_of(s, c->session);

	if (!x || c->len > CPDP_PACKET_MAX) {
		drop_count(s->w, DROP_BAD_COMMAND, 1);
		return;
	}
	if (c->clear)
		tx_clear(s, x, c);
	else
		tx_oam(s, x, c->data, c->len, c->ttl);
}

static void cmd_unreachable(struct sessions *s, const struct cp_unreachable *c, struct instant now)
{
	uint32_t peer = peer_find(s, &c->remote);

	if (peer == SESS_NONE)
		return;
	tcp_peer_unreachable(s->tcp, peer, c->err > 0 ? c->err : EHOSTUNREACH);
	app_events(s, now);
}

/* ---- dump ---- */

static void dump_row(struct sessions *s, const struct tcp_info *info)
{
	struct dp_connection *row = &s->dump.row.u.connection;

	s->dump.row = (struct dp_event){.type = EVT_CONNECTION, .cookie = s->dump.cookie};
	if (!info->listener && info->peer < s->npeers)
		row->remote = s->peers[info->peer].remote;
	row->local_port = info->local_port;
	row->remote_port = info->remote_port;
	row->state = info->state;
	snprintf(row->state_name, sizeof(row->state_name), "%s", info->state_name);
	row->cwnd = (uint32_t)min_u64(info->cwnd, UINT32_MAX);
	row->srtt_us = (uint32_t)(info->srtt_ns / 1000);
	row->bytes_in = info->bytes_in;
	row->bytes_out = info->bytes_out;
	row->retransmits = info->retransmits;
}

/* As many rows as the event ring takes now; the rest at the next calls, when the ring is full a little later. Returns rows. */
static unsigned dump_run(struct sessions *s, struct instant now)
{
	struct tcp_info info;
	unsigned i;

	for (i = 0; i < 64 && s->dump.on; i++) {
		if (!s->dump.have) {
			if (tcp_iterate(s->tcp, &s->dump.cursor, &info))
				dump_row(s, &info);
			else
				s->dump.row = (struct dp_event){.type = EVT_DUMP_END,
				                                .cookie = s->dump.cookie};
			s->dump.have = true;
		}
		if (!worker_event(s->w, &s->dump.row)) {
			s->dump.retry = instant_add(now, DUMP_RETRY_NS);
			break;
		}
		s->dump.have = false;
		s->dump.on = s->dump.row.type != EVT_DUMP_END;
	}
	return i;
}

static void cmd_dump(struct sessions *s, uint32_t cookie, struct instant now)
{
	s->dump.on = true;
	s->dump.have = false;
	s->dump.cookie = cookie;
	s->dump.cursor = 0;
	dump_run(s, now);
}

/* ---- what the worker calls ---- */

void sess_command(struct sessions *s, const struct cp_cmd *c, struct instant now)
{
	struct session *x;

	/* Packets taken in so far belong before the command. */
	rx_flush(s, now);
	switch (c->type) {
	case CMD_SESSION_SET:
		cmd_session_set(s, &c->u.session, now);
		break;
	case CMD_SESSION_TX_KEY:
		cmd_tx_key(s, &c->u.key, now);
		break;
	case CMD_SESSION_RX_KEY:
		cmd_rx_key(s, &c->u.key, now);
		break;
	case CMD_SESSION_RX_DEL:
		x = session_of(s, c->u.key.session);
		if (x && c->u.key.index < SESS_PHASES)
			key_free_rx(x, c->u.key.index);
		break;
	case CMD_SESSION_DEL:
		x = session_of(s, c->u.session.session);
		if (x)
			session_free(s, x, now);
		break;
	case CMD_UNREACHABLE:
		cmd_unreachable(s, &c->u.unreachable, now);
		break;
	case CMD_SEND_SESSION:
		cmd_send_session(s, &c->u.send_session);
		break;
	case CMD_DUMP_CONNECTIONS:
		cmd_dump(s, c->cookie, now);
		break;
	case CMD_DRAIN:
		s->draining = true;
		app_drain(s);
		break;
	default:
		drop_count(s->w, DROP_BAD_COMMAND, 1);
	}
}

unsigned sess_poll(struct sessions *s, struct instant now)
{
	unsigned done = s->nrx;

	rx_flush(s, now);
	done += app_run(s, now);
	tcp_advance(s->tcp, now);
	app_events(s, now);
	peers_tick(s, now);
	done += tx_run(s, now);
	done += app_flush(s);
	if (s->dump.on && instant_reached(s->dump.retry, now))
		done += dump_run(s, now);
	return done;
}

struct instant sess_deadline(const struct sessions *s)
{
	struct instant t = instant_min(s->tick, tcp_next_deadline(s->tcp));

	return s->dump.on ? instant_min(t, s->dump.retry) : t;
}

int sess_wake_fd(const struct sessions *s)
{
	return s->bridge.worker_fd;
}

bool sess_sleep_ok(struct sessions *s)
{
	if (s->nrx || app_owes(s) || tcp_output_pending(s->tcp))
		return false;
	s->maybe_asleep = true;
	atomic_exchange(&s->bridge.worker_asleep, 1);
	return bridge_peek(&s->bridge.to_worker_rx) == NULL;
}

struct bridge *sess_bridge(struct sessions *s)
{
	return &s->bridge;
}

/* ---- beginning and end ---- */

/* Buffer memory is address space until it is used: the pool is sized for many busy connections, idle ones take none of it. */
static void tcp_configure(struct tcp_cfg *t, const struct sessions *s, const struct dp_cfg *cfg)
{
	uint64_t chunks;

	tcp_cfg_default(t);
	t->max_conns = cfg->connections_max ? cfg->connections_max : t->max_conns;
	t->max_peers = s->npeers;
	if (cfg->tcp_sndbuf) {
		t->sndbuf_max = cfg->tcp_sndbuf;
		t->sndbuf = t->sndbuf < t->sndbuf_max ? t->sndbuf : t->sndbuf_max;
	}
	if (cfg->tcp_rcvbuf) {
		t->rcvbuf_max = cfg->tcp_rcvbuf;
		t->rcvbuf = t->rcvbuf < t->rcvbuf_max ? t->rcvbuf : t->rcvbuf_max;
	}
	chunks = (uint64_t)t->max_conns * 64 * 1024 / t->chunk_bytes;
	chunks = max_u64(chunks, 4 * ((uint64_t)t->sndbuf_max + t->rcvbuf_max) / t->chunk_bytes);
	t->chunks = (uint32_t)min_u64(chunks, (UINT64_C(1) << 30) / t->chunk_bytes);
	/* One Ethernet frame of room to spare: the path's own MSS comes with CMD_SESSION_SET. */
	t->mss_default = 1200;
	/* AEAD protects every segment in a session; the sum is right on the wire but need not be checked again. */
	t->checksum_always = false;
	memcpy(t->secret, cfg->seed, sizeof(t->secret));
	t->secret[0] ^= (uint8_t)(s->w->number + 1);
}

static int start_tcp(struct sessions *s, const struct dp_cfg *cfg, char *err, size_t errcap)
{
	struct instant zero = {0};
	struct tcp_cfg t;
	const char *why;

	tcp_configure(&t, s, cfg);
	if (tcp_cfg_check(&t, &why) < 0) {
		snprintf(err, errcap, "TCP configuration: %s", why);
		return -1;
	}
	s->tcp_bytes = tcp_stack_size(&t);
	s->tcp_memory = mmap(NULL, s->tcp_bytes, PROT_READ | PROT_WRITE,
	                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (s->tcp_memory == MAP_FAILED) {
		s->tcp_memory = NULL;
		snprintf(err, errcap,
		         "out of memory for TCP (%zu MiB of address space): lower the number of "
		         "connections or the buffer limits",
		         s->tcp_bytes >> 20);
		return -1;
	}
	/* A small node need not hold whole huge pages for its few connections. */
	if (t.max_conns >= HUGE_CONNS)
		(void)madvise(s->tcp_memory, s->tcp_bytes, MADV_HUGEPAGE);
	s->tcp = tcp_stack_init(s->tcp_memory, s->tcp_bytes, &t, zero);
	if (!s->tcp) {
		snprintf(err, errcap, "TCP refuses its configuration");
		return -1;
	}
	return 0;
}

struct sessions *sess_new(struct worker *w, struct fwd *fwd, char *err, size_t errcap)
{
	const struct dp_cfg *cfg = w->cfg;
	struct sessions *s = calloc(1, sizeof(*s));
	uint32_t n = cfg->sessions_max ? cfg->sessions_max : 1;
	int r;

	if (!s) {
		snprintf(err, errcap, "out of memory for sessions");
		return NULL;
	}
	s->w = w;
	s->fwd = fwd;
	s->id = cfg->id;
	s->bridge.worker_fd = -1;
	s->table_size = n;
	s->table = calloc(n, sizeof(*s->table));
	/* As many again for ids that are only being asked for. */
	r = s->table ? sess_peers_init(s, n + n / 4 + 64, cfg->seed) : -ENOMEM;
	if (r == 0)
		r = bridge_init(&s->bridge);
	if (r < 0) {
		snprintf(err, errcap, "cannot set up sessions: %s", strerror(-r));
		sess_free(s);
		return NULL;
	}
	if (start_tcp(s, cfg, err, errcap) < 0) {
		sess_free(s);
		return NULL;
	}
	return s;
}

void sess_free(struct sessions *s)
{
	struct instant zero = {0};

	for (unsigned i = 0; i < s->nrx; i++)
		rte_pktmbuf_free(s->rx[i].m);
	s->nrx = 0;
	tx_free(s);
	for (uint32_t i = 0; s->tcp && i < s->table_size; i++)
		if (s->table[i])
			session_free(s, s->table[i], zero);
	app_free(s);
	bridge_free(&s->bridge);
	if (s->tcp_memory)
		munmap(s->tcp_memory, s->tcp_bytes);
	sess_peers_free(s);
	free(s->table);
	free(s);
}
