/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands about one session to the worker that owns it. */
#include "endpoint/tell.h"

#include "endpoint/path.h"

#include <errno.h>
#include <string.h>

static void session_set(struct node *n, struct session *s, const struct lsp *proven)
{
	struct cp_cmd c = {.type = CMD_SESSION_SET};
	const struct lsp *l = s->path;

	COYO_ASSERT(!l == !session_ready(s));
	c.u.session.session = s->index;
	c.u.session.remote = s->remote;
	c.u.session.out_label = LABEL_NONE;
	if (l) {
		const struct peer *p = l->role == LSP_INGRESS ? l->down : l->up;

		c.u.session.out_link = p->link;
		c.u.session.out_label = l->role == LSP_INGRESS ? l->fwd_out : l->rev_out;
		c.u.session.hops = path_direct(s) ? 1 : l->hops > 2 ? l->hops : 2;
	}
	if (proven) {
		c.u.session.in_link = proven->up->link;
		c.u.session.in_label = proven->fwd_in;
	}
	c.u.session.path_mtu = l && l->mtu > LSP_OVERHEAD ? (uint16_t)(l->mtu - LSP_OVERHEAD) : 0;
	out_command(n, s->worker, &c);
	s->in_worker = true;
}

void tell_path(struct node *n, struct session *s)
{
	session_set(n, s, NULL);
}

void tell_proven(struct node *n, struct session *s, const struct lsp *l)
{
	COYO_ASSERT(l->role == LSP_EGRESS && l->up && l->fwd_in != LABEL_NONE);
	session_set(n, s, l);
}

void tell_end(struct node *n, struct session *s)
{
	struct cp_cmd c = {.type = CMD_SESSION_DEL};

	if (!s->in_worker)
		return;
	c.u.session.session = s->index;
	c.u.session.remote = s->remote;
	out_command(n, s->worker, &c);
	s->in_worker = false;
}

void tell_unreachable(struct node *n, const struct session *s, int err, int64_t opening_ns)
{
	struct cp_cmd c = {.type = CMD_UNREACHABLE};

	/* Programs know no error for "too far"; to them the host is unreachable. */
	c.u.unreachable.err = err == EMULTIHOP ? EHOSTUNREACH : err;
	c.u.unreachable.opening_ms = (uint32_t)(opening_ns / NS_PER_MS);
	c.u.unreachable.waiting_ms = TELL_WAITING_NS / NS_PER_MS;
	c.u.unreachable.remote = s->remote;
	out_command(n, s->worker, &c);
}

void tell_no_neighbour(struct node *n, const struct node_id *remote)
{
	struct cp_cmd c = {.type = CMD_UNREACHABLE};

	c.u.unreachable.err = EHOSTUNREACH;
	c.u.unreachable.direct = true;
	c.u.unreachable.remote = *remote;
	out_command(n, cp_session_worker(remote, n->cfg.workers), &c);
}

/* ---- keys ---- */

/* Completes c with the session and the key, and sends it. */
static void key(struct node *n, const struct session *s, struct cp_cmd *c, uint8_t phase,
                uint8_t alg, const uint8_t secret[32])
{
	COYO_ASSERT(phase < SESSION_PHASES && alg != 0);
	c->u.key.session = s->index;
	c->u.key.index = phase;
	c->u.key.alg = alg;
	noise_lane_key(secret, 0, c->u.key.key);
	out_command(n, s->worker, c);
	explicit_bzero(c, sizeof(*c));
}

void tell_rx_key(struct node *n, const struct session *s, const struct session_hs *hs,
                 const uint8_t secret[32])
{
	struct cp_cmd c = {.type = CMD_SESSION_RX_KEY};

	c.u.key.incarnation = hs->incarnation;
	key(n, s, &c, hs->phase, hs->alg, secret);
}

void tell_tx_key(struct node *n, const struct session *s, uint8_t phase, uint8_t alg,
                 const uint8_t secret[32], bool when_used)
{
	struct cp_cmd c = {.type = CMD_SESSION_TX_KEY};

	c.u.key.link = when_used ? CP_KEY_WHEN_USED : 0;
	key(n, s, &c, phase, alg, secret);
}

void tell_rx_del(struct node *n, const struct session *s, uint8_t phase)
{
	struct cp_cmd c = {.type = CMD_SESSION_RX_DEL};

	c.u.key.session = s->index;
	c.u.key.index = phase;
	out_command(n, s->worker, &c);
}

/* ---- packets ---- */

static void send(struct node *n, const struct session *s, uint8_t type, uint8_t number, uint8_t ttl,
                 const uint8_t *data, size_t len)
{
	struct cp_cmd c;

	COYO_ASSERT(len <= sizeof(c.u.send_session.data));
	memset(&c, 0, offsetof(struct cp_cmd, u.send_session.data));
	c.type = CMD_SEND_SESSION;
	c.u.send_session.session = s->index;
	c.u.send_session.clear = type == TUNNEL_HANDSHAKE || type == TUNNEL_OAM_CLEAR;
	c.u.send_session.tunnel_type = type;
	c.u.send_session.number = number;
	c.u.send_session.ttl = ttl;
	c.u.send_session.len = (uint16_t)len;
	memcpy(c.u.send_session.data, data, len);
	out_command(n, s->worker, &c);
}

void tell_send_handshake(struct node *n, const struct session *s, uint8_t number,
                         const uint8_t *msg, size_t len)
{
	send(n, s, TUNNEL_HANDSHAKE, number, 0, msg, len);
}

void tell_send_oam(struct node *n, const struct session *s, const struct oam *m, uint8_t ttl)
{
	uint8_t buf[OAM_BYTES + ID_BYTES + 8];
	struct wr w = wr_init(buf, sizeof(buf));

	oam_write(&w, m);
	send(n, s, TUNNEL_OAM, 0, ttl, buf, wr_len(&w));
}

void tell_send_keepalive(struct node *n, const struct session *s, bool answer)
{
	struct oam m = {.type = OAM_KEEPALIVE, .flags = answer ? OAM_FLAG_ANSWER : 0};

	tell_send_oam(n, s, &m, 0);
}
