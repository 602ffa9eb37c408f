/* SPDX-License-Identifier: BSD-3-Clause */
/* The stack as a whole: its memory laid out in the caller's arena, time, lists of connections, counters. */
#include "tcp/stack.h"

#include <string.h>

#define ALIGN64(n) (((n) + 63) & ~(size_t)63)

/* Byte offsets of the parts within the arena. */
struct layout {
	size_t conns, timers, free_conns, table, peers, replies, freed, chunks, total;
	uint32_t table_entries;
};

static struct layout layout_of(const struct tcp_cfg *cfg)
{
	struct layout l;
	size_t at = ALIGN64(sizeof(struct tcp_stack));

	l.table_entries = 16;
	while (l.table_entries < 2 * cfg->max_conns)
		l.table_entries *= 2;
	l.conns = at;
	at += ALIGN64((size_t)cfg->max_conns * sizeof(struct conn));
	l.timers = at;
	at += ALIGN64((size_t)cfg->max_conns * sizeof(struct wheel_node));
	l.free_conns = at;
	at += ALIGN64((size_t)cfg->max_conns * sizeof(uint32_t));
	l.table = at;
	at += ALIGN64((size_t)l.table_entries * sizeof(struct table_entry));
	l.peers = at;
	at += ALIGN64((size_t)cfg->max_peers * sizeof(struct tcp_peer));
	l.replies = at;
	at += ALIGN64((size_t)cfg->reply_queue * sizeof(struct tcp_reply));
	l.freed = at;
	at += ALIGN64((size_t)cfg->chunks * sizeof(uint32_t));
	l.chunks = at;
	at += cfg->chunks * tcp_pool_stride((uint32_t)__builtin_ctz(cfg->chunk_bytes));
	l.total = at;
	return l;
}

size_t tcp_stack_size(const struct tcp_cfg *cfg)
{
	return tcp_cfg_check(cfg, NULL) ? 0 : layout_of(cfg).total;
}

static void keys_derive(struct tcp_stack *s)
{
	struct tcp_key root[2],
	        *keys[] = {&s->key_table, &s->key_isn, &s->key_port, &s->key_ts, &s->key_cookie};

	memcpy(root, s->cfg.secret, sizeof(root));
	for (uint64_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		keys[i]->k0 = tcp_keyed(&root[0], i, 0);
		keys[i]->k1 = tcp_keyed(&root[1], i, 1);
	}
}

static struct tcp_cfg cfg_clamped(const struct tcp_cfg *cfg, const struct tcp_pool *pool)
{
	struct tcp_cfg c = *cfg;
	uint32_t span = tcp_buf_span_max(pool);

	/* A ring cannot span more than its directory; the configuration's buffers yield to that. */
	if (c.sndbuf_max > span)
		c.sndbuf_max = span;
	if (c.rcvbuf_max > span)
		c.rcvbuf_max = span;
	if (c.sndbuf > c.sndbuf_max)
		c.sndbuf = c.sndbuf_max;
	if (c.rcvbuf > c.rcvbuf_max)
		c.rcvbuf = c.rcvbuf_max;
	/* The ranges of a connection lie in one chunk. */
	if (c.max_ooo > cfg->chunk_bytes / sizeof(struct tcp_sack_range))
		c.max_ooo = cfg->chunk_bytes / sizeof(struct tcp_sack_range);
	return c;
}

struct tcp_stack *tcp_stack_init(void *mem, size_t size, const struct tcp_cfg *cfg,
                                 struct instant now)
{
	struct tcp_stack *s = mem;
	uint8_t *base = mem;
	struct layout l;

	if (tcp_cfg_check(cfg, NULL) || ((uintptr_t)mem & 63))
		return NULL;
	l = layout_of(cfg);
	if (size < l.total)
		return NULL;
	memset(s, 0, sizeof(*s));
	s->pool.base = base + l.chunks;
	s->pool.freed = (uint32_t *)(void *)(base + l.freed);
	s->pool.total = cfg->chunks;
	s->pool.shift = (uint32_t)__builtin_ctz(cfg->chunk_bytes);
	s->pool.fails = cfg->alloc_fails;
	s->pool.fails_arg = cfg->alloc_arg;
	s->cfg = cfg_clamped(cfg, &s->pool);
	s->conns = (struct conn *)(void *)(base + l.conns);
	s->free_conns = (uint32_t *)(void *)(base + l.free_conns);
	s->table = (struct table_entry *)(void *)(base + l.table);
	s->table_mask = l.table_entries - 1;
	s->peers = (struct tcp_peer *)(void *)(base + l.peers);
	s->replies = (struct tcp_reply *)(void *)(base + l.replies);
	memset(s->table, 0, (size_t)l.table_entries * sizeof(*s->table));
	memset(s->peers, 0, (size_t)cfg->max_peers * sizeof(*s->peers));
	for (uint32_t i = 0; i < cfg->max_peers; i++)
		s->peers[i].conns = (struct conn_list){CONN_NONE, CONN_NONE};
	s->ready = s->events = s->time_wait = (struct conn_list){CONN_NONE, CONN_NONE};
	keys_derive(s);
	tcp_wheel_init(&s->wheel, base + l.timers, sizeof(struct wheel_node), now.ns);
	s->now = -1;
	stack_time(s, now);
	s->challenge_from = now.ns - NS_PER_S;
	s->cookie_at = INT64_MIN / 2;
	s->port_next = (uint32_t)tcp_keyed(&s->key_port, 1, 2);
	return s;
}

void tcp_stack_counters(const struct tcp_stack *s, struct tcp_counters *out)
{
	*out = s->n;
	out->conns = s->nconns;
	out->conns_max = s->cfg.max_conns;
	out->chunks_used = s->pool.used;
	out->chunks_max = s->pool.total;
}

void stack_time(struct tcp_stack *s, struct instant now)
{
	if (now.ns <= s->now)
		return;
	s->now = now.ns;
	s->ts_now = (uint64_t)now.ns / s->cfg.ts_clock_ns;
}

static struct conn_link *link_at(struct tcp_stack *s, uint32_t i, size_t offset)
{
	return (struct conn_link *)(void *)((uint8_t *)&s->conns[i] + offset);
}

void list_add(struct tcp_stack *s, struct conn_list *l, uint32_t i, size_t link_offset)
{
	struct conn_link *k = link_at(s, i, link_offset);

	k->next = CONN_NONE;
	k->prev = l->tail;
	if (l->tail != CONN_NONE)
		link_at(s, l->tail, link_offset)->next = i;
	else
		l->head = i;
	l->tail = i;
}

void list_del(struct tcp_stack *s, struct conn_list *l, uint32_t i, size_t link_offset)
{
	struct conn_link *k = link_at(s, i, link_offset);

	if (k->prev != CONN_NONE)
		link_at(s, k->prev, link_offset)->next = k->next;
	else
		l->head = k->next;
	if (k->next != CONN_NONE)
		link_at(s, k->next, link_offset)->prev = k->prev;
	else
		l->tail = k->prev;
}
