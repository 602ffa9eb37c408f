/* SPDX-License-Identifier: BSD-3-Clause */
/* Initial sequence numbers (RFC 6528), timestamp offsets (RFC 7323 section 5.4) and ephemeral ports (RFC 6056 3.3.4). */
#include "tcp/stack.h"

static uint64_t tuple_hash(const struct tcp_key *k, uint32_t peer, uint16_t lport, uint16_t rport)
{
	return tcp_keyed(k, peer, (uint64_t)lport << 16 | rport);
}

uint32_t isn_make(const struct tcp_stack *s, uint32_t peer, uint16_t lport, uint16_t rport)
{
	/* M counts 4 us: 2^32 of them are 4.77 hours. */
	return (uint32_t)(s->now / 4000) + (uint32_t)tuple_hash(&s->key_isn, peer, lport, rport);
}

uint32_t isn_ts_offset(const struct tcp_stack *s, uint32_t peer, uint16_t lport, uint16_t rport)
{
	/* The ports are left out: a reused pair of ports must see timestamps go on (RFC 6191). */
	(void)lport;
	(void)rport;
	return (uint32_t)tuple_hash(&s->key_ts, peer, 0, 0);
}

uint16_t isn_port(struct tcp_stack *s, uint32_t peer, uint16_t rport)
{
	uint32_t n = s->cfg.port_last - s->cfg.port_first + 1;
	uint32_t offset = (uint32_t)tuple_hash(&s->key_port, peer, 0, rport);

	for (uint32_t i = 0; i < n; i++) {
		uint16_t port = (uint16_t)(s->cfg.port_first + (offset + s->port_next++) % n);

		if (!table_find(s, peer, port, rport))
			return port;
	}
	return 0;
}
