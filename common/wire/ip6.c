/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv6 headers with and without their addresses. */
#include "wire/ip6.h"
#include "base/cur.h"

#define FORM_SHIFT   30
#define PREFIX_SHIFT 20
#define RESERVED     UINT32_C(0x30000000)
#define FLOW_MASK    UINT32_C(0xfffff)

size_t ip6_elided_put(uint8_t *p, const struct ip6_elided *h)
{
	COYO_ASSERT(h->form <= IP6_SECOND && h->flow_label <= FLOW_MASK);
	be32_store(p, (uint32_t)h->form << FORM_SHIFT | (uint32_t)h->prefix << PREFIX_SHIFT |
	                      h->flow_label);
	p[4] = h->next_header;
	p[5] = h->hop_limit;
	if (h->form != IP6_WHOLE)
		be16_store(p + IP6_ELIDED_BYTES, h->split);
	return ip6_elided_bytes(h->form);
}

size_t ip6_elided_get(const uint8_t *p, size_t len, struct ip6_elided *h)
{
	uint32_t w;

	if (len < IP6_ELIDED_BYTES)
		return 0;
	w = be32_load(p);
	*h = (struct ip6_elided){.form = (uint8_t)(w >> FORM_SHIFT),
	                         .prefix = (uint8_t)(w >> PREFIX_SHIFT),
	                         .next_header = p[4],
	                         .hop_limit = p[5],
	                         .flow_label = w & FLOW_MASK};
	if (h->form > IP6_SECOND || (w & RESERVED) || len < ip6_elided_bytes(h->form))
		return 0;
	if (h->form != IP6_WHOLE)
		h->split = be16_load(p + IP6_ELIDED_BYTES);
	return ip6_elided_bytes(h->form);
}

bool ip6_header_get(const uint8_t *p, size_t len, struct ip6_elided *h)
{
	uint32_t w;

	if (len < IP6_HEADER_BYTES)
		return false;
	w = be32_load(p);
	*h = (struct ip6_elided){.form = IP6_WHOLE,
	                         .prefix = p[8],
	                         .traffic_class = (uint8_t)(w >> 20),
	                         .next_header = p[6],
	                         .hop_limit = p[7],
	                         .flow_label = w & FLOW_MASK};
	return w >> 28 == 6 && be16_load(p + 4) == len - IP6_HEADER_BYTES;
}

void ip6_header_put(uint8_t *p, const struct ip6_elided *h, size_t payload,
                    const struct node_id *from, const struct node_id *to)
{
	COYO_ASSERT(payload <= UINT16_MAX && h->flow_label <= FLOW_MASK);
	be32_store(p, UINT32_C(6) << 28 | (uint32_t)h->traffic_class << 20 | h->flow_label);
	be16_store(p + 4, (uint16_t)payload);
	p[6] = h->next_header;
	p[7] = h->hop_limit;
	ip6_of_id(from, h->prefix, p + 8);
	ip6_of_id(to, h->prefix, p + 24);
}
