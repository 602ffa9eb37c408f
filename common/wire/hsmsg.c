/* SPDX-License-Identifier: BSD-3-Clause */
/* Handshakes as bytes: prologue, authenticated payload, and the padded envelope with its two macs. */
#include "wire/hsmsg.h"

#include "base/assert.h"
#include "base/cur.h"

#include <string.h>

#define FLAG_STAMP 1

size_t hs_payload_write(const struct hs_payload *p, void *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);

	COYO_ASSERT(p->nrx <= HS_LANES_MAX && p->tx_lanes >= 1 && p->tx_lanes <= HS_LANES_MAX);
	wr_u8(&w, HS_VERSION);
	wr_u8(&w, p->tx_lanes);
	wr_be16(&w, p->caps);
	wr_be32(&w, p->epoch);
	wr_be16(&w, p->mtu);
	wr_u8(&w, p->nrx);
	wr_u8(&w, p->stamp ? FLAG_STAMP : 0);
	wr_copy(&w, p->key, sizeof(p->key));
	if (p->stamp)
		wr_be64(&w, p->stamp);
	for (unsigned i = 0; i < p->nrx && i < HS_LANES_MAX; i++)
		wr_be32(&w, p->rx[i]);
	return wr_ok(&w) ? wr_len(&w) : 0;
}

bool hs_payload_read(const void *buf, size_t len, struct hs_payload *out)
{
	struct rd r = rd_init(buf, len);
	uint8_t version = rd_u8(&r), flags;

	out->tx_lanes = rd_u8(&r);
	out->caps = rd_be16(&r);
	out->epoch = rd_be32(&r);
	out->mtu = rd_be16(&r);
	out->nrx = rd_u8(&r);
	flags = rd_u8(&r);
	rd_copy(&r, out->key, sizeof(out->key));
	out->stamp = flags & FLAG_STAMP ? rd_be64(&r) : 0;
	if (out->nrx > HS_LANES_MAX)
		return false;
	for (unsigned i = 0; i < out->nrx; i++)
		out->rx[i] = rd_be32(&r);
	return rd_done(&r) && version == HS_VERSION && out->tx_lanes >= 1 &&
	       out->tx_lanes <= HS_LANES_MAX && (flags & FLAG_STAMP) == (out->stamp != 0);
}

size_t hs_prologue(uint32_t network, enum hs_context context, const struct node_id *initiator,
                   const struct node_id *responder, uint8_t out[HS_PROLOGUE_MAX])
{
	size_t n = 14;

	memcpy(out, "IPvCoyo 2", 9);
	be32_store(out + 9, network);
	out[13] = (uint8_t)context;
	if (context == HS_CONTEXT_SESSION) {
		memcpy(out + n, initiator->b, ID_BYTES);
		memcpy(out + n + ID_BYTES, responder->b, ID_BYTES);
		n += 2 * ID_BYTES;
	}
	COYO_ASSERT(n <= HS_PROLOGUE_MAX);
	return n;
}

size_t hs_envelope_write(const uint8_t *noise, size_t noise_len, size_t total, uint8_t *buf,
                         size_t cap)
{
	size_t need = noise_len + HS_ENVELOPE_OVERHEAD;

	if (total < need)
		total = need;
	if (total > cap || noise_len > UINT16_MAX)
		return 0;
	memset(buf, 0, total);
	be16_store(buf, (uint16_t)noise_len);
	if (noise_len)
		memcpy(buf + 2, noise, noise_len);
	return total;
}

bool hs_envelope_read(const uint8_t *buf, size_t len, struct hs_envelope *out)
{
	if (len < HS_ENVELOPE_OVERHEAD)
		return false;
	out->noise_len = be16_load(buf);
	out->noise = buf + 2;
	out->mac1_at = len - HS_MACS_BYTES;
	return out->noise_len <= len - HS_ENVELOPE_OVERHEAD;
}
