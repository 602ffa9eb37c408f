/* SPDX-License-Identifier: BSD-3-Clause */
/* The connection table: open addressing with linear probes and backward shift, keyed so that no peer can aim at a bucket. */
#include "tcp/stack.h"

uint32_t table_hash(const struct tcp_stack *s, uint32_t peer, uint16_t lport, uint16_t rport)
{
	return (uint32_t)tcp_keyed(&s->key_table, peer, (uint64_t)lport << 16 | rport);
}

void table_insert(struct tcp_stack *s, struct conn *c)
{
	uint32_t i;

	c->hash = table_hash(s, c->peer, c->lport, c->rport);
	for (i = c->hash & s->table_mask; s->table[i].conn; i = (i + 1) & s->table_mask)
		;
	s->table[i] = (struct table_entry){.hash = c->hash, .conn = c->index + 1};
}

void table_remove(struct tcp_stack *s, struct conn *c)
{
	uint32_t i = c->hash & s->table_mask, hole;

	for (; s->table[i].conn != c->index + 1; i = (i + 1) & s->table_mask)
		if (!s->table[i].conn)
			return;
	hole = i;
	for (;;) {
		uint32_t home;

		i = (i + 1) & s->table_mask;
		if (!s->table[i].conn)
			break;
		home = s->table[i].hash & s->table_mask;
		/* Moves back only what would still be found from its home. */
		if (((i - home) & s->table_mask) >= ((i - hole) & s->table_mask)) {
			s->table[hole] = s->table[i];
			hole = i;
		}
	}
	s->table[hole].conn = 0;
}

void table_prefetch(const struct tcp_stack *s, uint32_t hash)
{
	__builtin_prefetch(&s->table[hash & s->table_mask]);
}

uint32_t table_guess(const struct tcp_stack *s, uint32_t hash)
{
	for (uint32_t i = hash & s->table_mask; s->table[i].conn; i = (i + 1) & s->table_mask)
		if (s->table[i].hash == hash)
			return s->table[i].conn - 1;
	return CONN_NONE;
}

struct conn *table_find_hash(const struct tcp_stack *s, uint32_t hash, uint32_t peer,
                             uint16_t lport, uint16_t rport)
{
	for (uint32_t i = hash & s->table_mask; s->table[i].conn; i = (i + 1) & s->table_mask) {
		struct conn *c;

		if (s->table[i].hash != hash)
			continue;
		c = &s->conns[s->table[i].conn - 1];
		if (c->peer == peer && c->lport == lport && c->rport == rport)
			return c;
	}
	return NULL;
}

struct conn *table_find(const struct tcp_stack *s, uint32_t peer, uint16_t lport, uint16_t rport)
{
	return table_find_hash(s, table_hash(s, peer, lport, rport), peer, lport, rport);
}
