/* SPDX-License-Identifier: BSD-3-Clause */
/* The entry points of this folder: what tunnels, workers, lookups and timers report about sessions. */
#pragma once
#include "endpoint/session.h"

struct contact_info;

/* Rows of news.h of the same names, for tunnels that are no fingers (an offer may be one). */
void session_offer(struct node *n, struct lsp *l, const struct setup_msg *m);
void session_lsp_up(struct node *n, struct lsp *l, const struct reply_msg *m);
void session_lsp_failed(struct node *n, struct lsp *l, uint8_t code, uint32_t tag_from,
                        uint32_t tag_to);
void session_lsp_gone(struct node *n, struct lsp *l);
void session_lsp_over(struct node *n, struct lsp *l);
/* A tunnel crosses a link that is about to be removed: if it is in use, another one is built. Tags as in news.lsp_leaves(). */
void session_lsp_leaves(struct node *n, struct lsp *l, uint32_t tag_from, uint32_t tag_to);
/* A tunnel carries only smaller packets than before: the worker is told if it is in use. */
void session_lsp_mtu(struct node *n, struct lsp *l);

/* A handshake packet from inside a tunnel, unauthenticated. */
void session_handshake_rx(struct node *n, const struct dp_packet *pk);
/* The worker has opened the first packet under this phase. */
void session_key_used(struct node *n, uint32_t index, uint8_t phase);
/* The worker's sending counter is running out. */
void session_rekey_wanted(struct node *n, uint32_t index);
/* The worker has no connection in this session any more (idle), or has one again. */
void session_idle(struct node *n, uint32_t index, bool idle);

/* The lookup that build.c began; exact and c as in news.lookup_done. */
void session_lookup_done(struct node *n, uint32_t index, bool exact, const struct contact_info *c);
/* Links or places have changed: there may be shorter paths now. */
void session_topology_changed(struct node *n);
/* A timer of this folder's sessions has fired. */
void session_timer(struct node *n, struct timer *t);
