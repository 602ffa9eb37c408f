/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of tunnels: set-up, reply, soft state, end. */
#pragma once
#include "core/ctx.h"
#include "route/route.h"
#include "table/tunnel.h"
#include "wire/linkmsg.h"
#include "wire/lspmsg.h"

/* Bytes of the path MTU that a segment cannot use: label, control word, inner header, tag. */
#define LSP_OVERHEAD (4 + 12 + 2 + 16)

/* What an end asks for. */
struct lsp_request {
	uint64_t nonce; /* names the set-up; 0: any */
	struct node_id dst;
	uint8_t flags;           /* SETUP_FLAG_* */
	bool astray;             /* where no way is known, a neighbour is to find one */
	const uint8_t *envelope; /* <= LSP_ENVELOPE_MAX */
	uint16_t envelope_len;
	uint32_t session;
	int16_t worker;
	/* The destination's, where known: then the set-up goes by coords, else greedily by id. */
	const struct place *places;
	unsigned nplaces;
	uint32_t notvia[SETUP_NOTVIA_MAX][2];
	uint8_t nnotvia;
};

/* Begins a tunnel from here. *out lives until news.lsp_over() (a finger: lsp_failed() or lsp_gone()). -EHOSTUNREACH: no way from here;
 * -ENOSPC: no label left on the link; -ENOMEM; -EMSGSIZE: no room for the envelope. */
int lsp_build(struct node *n, const struct lsp_request *q, struct lsp **out);
/* Egress: accepts what news.lsp_offer() gave; the reply leaves when the workers have acknowledged. */
int lsp_accept(struct node *n, struct lsp *l, uint32_t session, int16_t worker,
               const uint8_t *envelope, size_t len);
/* Egress: a tunnel that was accepted without a session, and stands, is this session's; its in-label leads there as soon as the workers have
 * executed that. */
void lsp_bind(struct node *n, struct lsp *l, uint32_t session);
/* Egress: refuses it. */
void lsp_refuse(struct node *n, struct lsp *l, uint8_t code);
/* Withdraws a tunnel on behalf of its owner, to whom only news.lsp_over() is reported from now on. */
void lsp_release(struct node *n, struct lsp *l, uint8_t reason);
/* Withdraws a replaced tunnel after a few seconds, so that packets sent before the other side heard of the replacement still arrive. */
void lsp_retire(struct node *n, struct lsp *l);

/* ---- inputs ---- */
/* A set-up from q->from: passed on, offered to this node (news.lsp_offer()), or refused. q says where it came from; body stands behind
 * the route extension. */
void lsp_setup_rx(struct node *n, const struct route_query *q, const struct routed_header *h,
                  struct rd *body);
/* A reply from the neighbour that the set-up was given to; from any other it is stale, and counted. */
void lsp_reply_rx(struct node *n, struct peer *from, const struct routed_header *h,
                  struct rd *body);
/* A refresh came along l. */
void lsp_refresh_rx(struct node *n, struct lsp *l);
/* `from`, to which the set-up was passed on, says that it failed: its tunnel is destroyed and the previous hop told. */
void lsp_error_rx(struct node *n, struct peer *from, const struct linkmsg_error *m);
/* A message about a short-cut, see linkmsg_grant: the request for a label, the label, or a refusal. */
void lsp_grant_rx(struct node *n, struct peer *from, const struct linkmsg_grant *m);
/* The neighbour withdraws a tunnel; it is answered whether there is one or not. */
void lsp_tear_rx(struct node *n, struct peer *from, const struct linkmsg_tear *m);
/* The neighbour has withdrawn a tunnel that this node tears down. */
void lsp_tear_ack_rx(struct node *n, struct peer *from, const struct linkmsg_tear *m);
/* A worker says when an entry was last used. */
void lsp_label_use(struct node *n, const struct dp_label_use *u);
/* The neighbour says that a tunnel carries only smaller packets from here on; passed on to the tunnel's end. */
void lsp_mtu_rx(struct node *n, struct peer *from, const struct linkmsg_mtu *m);
/* A packet that was to leave to p with this label is longer than the link carries: the end of that tunnel is told, again where it was told
 * before. Walks the link's tunnels. */
void lsp_too_big(struct node *n, struct peer *p, uint32_t label);
/* The link of p carries only packets up to p->mtu: its tunnels' ends are told. */
void lsp_peer_mtu(struct node *n, struct peer *p);
/* The tunnel with this nonce in which we granted `from` the label `yours`, LABEL_NONE where it knows none. Several sources may use one
 * nonce: the tunnel is the one that this neighbour and label belong to. NULL: none. */
struct lsp *lsp_of_labels(struct node *n, struct peer *from, uint64_t nonce, uint32_t yours);
/* The link of p is down: its tunnels end, and none points at p when this returns. */
void lsp_peer_down(struct node *n, struct peer *p);
/* A link on the tunnel's way, named by the tags of its two nodes, is about to be removed; passed on to the tunnel's end. */
void lsp_move_rx(struct node *n, struct peer *from, const struct linkmsg_move *m);
/* The link of p is about to be removed: the ends of its tunnels are told, so that they build others around it. May be repeated. */
void lsp_peer_leaves(struct node *n, struct peer *p);
/* A timer of PART_LSP; its owner is the tunnel. */
void lsp_timer(struct node *n, struct timer *t);

/* ---- used between this part's files ---- */
/* Puts both directions into every worker; `then` runs with l when all have acknowledged. */
void lsp_program(struct node *n, struct lsp *l, void (*then)(struct node *, void *));
/* Takes one direction out of every worker again; without a neighbour or label there: nothing. */
void lsp_entry_remove(struct node *n, const struct lsp *l, bool forward);
/* As lsp_release(), but reports to the end's owner through news.lsp_failed() or lsp_gone(). lost: the neighbour that needs no tear-down,
 * since it sent one or its link is down; NULL: none. */
void lsp_close(struct node *n, struct lsp *l, uint8_t reason, const struct peer *lost);
/* Tells the upstream neighbour, if there is one, that the set-up failed (code: enum setup_error) at the hop named by two tags, 0: none. */
void lsp_send_error(struct node *n, struct lsp *l, uint8_t code, uint32_t tag_from,
                    uint32_t tag_to);
/* The request for a short-cut was answered, or no answer came in time: the reply goes on. */
void lsp_shortcut_timeout(struct node *n, struct lsp *l);
/* The workers hold the tunnel's entries: it is up, and its ends may be routed to. */
void lsp_mark_up(struct node *n, struct lsp *l);
/* The timer of a tunnel that is up: asks the workers when it was last used, refreshes a finger, closes the tunnel when idle. */
void lsp_soft_tick(struct node *n, struct lsp *l);
