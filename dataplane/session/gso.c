/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs cut into pieces. */
#include "session/gso.h"
#include "base/be.h"
#include "tcp/csum.h"

#define UDP_BYTES 8
#define UDP_LEN   4 /* where in the header */
#define UDP_CSUM  6
#define TCP_BYTES 20
#define TCP_SEQ   4
#define TCP_DOFF  12
#define TCP_FLAGS 13
#define TCP_CSUM  16
#define TCP_LAST  0x09 /* FIN and PSH: of the last piece alone */
#define TCP_FIRST 0x80 /* CWR: of the first piece alone */

bool gso_read(struct gso *g, enum gso_kind kind, uint16_t size, uint16_t l4, const uint8_t *packet,
              size_t len)
{
	size_t head = l4 + (kind == GSO_UDP ? (size_t)UDP_BYTES : TCP_BYTES);

	if (kind == GSO_NONE || size == 0 || l4 < IP6_HEADER_BYTES || len <= head)
		return false;
	if (kind == GSO_TCP) {
		unsigned doff = (packet[l4 + TCP_DOFF] >> 4) * 4u;

		head = (size_t)l4 + doff;
		if (doff < TCP_BYTES || len <= head)
			return false;
	}
	*g = (struct gso){.kind = (uint8_t)kind, .size = size, .l4 = l4, .head = (uint16_t)head};
	return true;
}

unsigned gso_pieces(const struct gso *g, size_t len)
{
	return (unsigned)((len - g->head + g->size - 1) / g->size);
}

/* Payload bytes of piece i. */
static size_t share(const struct gso *g, size_t len, unsigned i)
{
	size_t at = (size_t)g->head + (size_t)i * g->size;

	COYO_ASSERT(at < len);
	return len - at < g->size ? len - at : g->size;
}

size_t gso_piece_bytes(const struct gso *g, size_t len, unsigned i)
{
	return g->head - IP6_HEADER_BYTES + share(g, len, i);
}

uint16_t gso_pseudo(const uint8_t *packet, uint8_t protocol, size_t bytes)
{
	return tcp_csum_fold((uint32_t)tcp_csum_sum(packet + 8, 2 * IP6_ADDR_BYTES) +
	                     (uint32_t)(bytes >> 16) + (uint32_t)(bytes & 0xffff) + protocol);
}

size_t gso_piece(const struct gso *g, const uint8_t *packet, size_t len, unsigned i, uint8_t *out)
{
	size_t n = share(g, len, i), head = g->head - IP6_HEADER_BYTES;
	size_t l4_bytes = g->head - g->l4 + n, csum_at = g->kind == GSO_TCP ? TCP_CSUM : UDP_CSUM;
	uint8_t *l4 = out + (g->l4 - IP6_HEADER_BYTES);
	uint32_t sum;

	memcpy(out, packet + IP6_HEADER_BYTES, head);
	if (g->kind == GSO_TCP) {
		be32_store(l4 + TCP_SEQ, be32_load(l4 + TCP_SEQ) + i * (uint32_t)g->size);
		if (g->head + (size_t)i * g->size + n < len)
			l4[TCP_FLAGS] &= (uint8_t)~TCP_LAST;
		if (i > 0)
			l4[TCP_FLAGS] &= (uint8_t)~TCP_FIRST;
	} else {
		be16_store(l4 + UDP_LEN, (uint16_t)l4_bytes);
	}
	be16_store(l4 + csum_at, 0);
	sum = gso_pseudo(packet, g->kind == GSO_TCP ? IP6_NEXT_TCP : IP6_NEXT_UDP, l4_bytes);
	sum += tcp_csum_sum(l4, g->head - g->l4);
	sum += tcp_csum_copy(out + head, packet + g->head + (size_t)i * g->size, n);
	sum = (uint16_t)~tcp_csum_fold(sum);
	/* Of UDP 0 says that there is none, and 0xffff is the same sum. */
	be16_store(l4 + csum_at, sum == 0 && g->kind == GSO_UDP ? 0xffff : (uint16_t)sum);
	return head + n;
}

size_t gso_packet(const struct gso *g, const uint8_t *packet, size_t len, unsigned i, uint8_t *out)
{
	size_t n = gso_piece(g, packet, len, i, out + IP6_HEADER_BYTES);

	memcpy(out, packet, IP6_HEADER_BYTES);
	be16_store(out + 4, (uint16_t)n);
	return IP6_HEADER_BYTES + n;
}
