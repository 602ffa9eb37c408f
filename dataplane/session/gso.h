/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs: consecutive segments of one TCP or UDP flow as one IPv6 packet, as the kernel's segmentation offloads (TSO, USO) hand them over and its
 * receive offload (GRO) takes them; cut into pieces here. Pure. */
#pragma once
#include "wire/ip6.h"

enum gso_kind { GSO_NONE = 0, GSO_TCP, GSO_UDP };

/* How a run is to be cut. */
struct gso {
	uint8_t kind;  /* enum gso_kind; GSO_NONE: it is no run, the rest is 0 */
	uint16_t size; /* payload bytes of each piece; the last has the rest */
	uint16_t l4;   /* where the TCP or UDP header begins, bytes from the start of the packet */
	uint16_t head; /* where the payload begins */
};

/* Sets *g for a run of `len` bytes whose transport header begins at l4, with `size` payload bytes a piece. False: the headers are not all there, or
 * there is no payload, and *g is not set. */
bool gso_read(struct gso *g, enum gso_kind kind, uint16_t size, uint16_t l4, const uint8_t *packet,
              size_t len) COYO_NODISCARD;
/* How many pieces it has. */
unsigned gso_pieces(const struct gso *g, size_t len);
/* Bytes of piece i (0 is the first, and the longest) behind its IPv6 header. */
size_t gso_piece_bytes(const struct gso *g, size_t len, unsigned i);
/* Writes what stands behind the IPv6 header of piece i of the run: extension headers, the transport header as this piece has it with its checksum,
 * payload. Returns gso_piece_bytes(). */
size_t gso_piece(const struct gso *g, const uint8_t *packet, size_t len, unsigned i, uint8_t *out);
/* Writes piece i as a packet by itself, of IP6_HEADER_BYTES + gso_piece_bytes(), which it returns. */
size_t gso_packet(const struct gso *g, const uint8_t *packet, size_t len, unsigned i, uint8_t *out);
/* The sum (RFC 1071, not complemented) of the pseudo-header of `bytes` of transport header and payload. */
uint16_t gso_pseudo(const uint8_t *packet, uint8_t protocol, size_t bytes);
