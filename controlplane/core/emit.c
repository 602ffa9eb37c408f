/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames a control packet for the neighbour on a link, and queues it. */
#include "core/emit.h"

#include "base/assert.h"
#include "wire/lse.h"

#include <errno.h>
#include <string.h>

void emit_local_at(struct node *n, uint16_t link, const struct emit_at *at, size_t most,
                   const void *body, size_t len)
{
	struct cp_cmd c;
	struct wr w = wr_init(c.u.send.data, most);

	COYO_ASSERT(most <= CPDP_PACKET_MAX);
	memset(&c, 0, offsetof(struct cp_cmd, u.send.data));
	c.type = CMD_SEND;
	c.u.send.link = link;
	if (at->to.family) {
		c.u.send.has_addr = 1;
		c.u.send.family = at->to.family;
		c.u.send.addr_port = at->to.port;
		memcpy(c.u.send.addr, at->to.addr, sizeof(at->to.addr));
		memcpy(c.u.send.local_addr, at->local_addr, sizeof(at->local_addr));
		c.u.send.local_if = at->local_if;
	}
	control_stack_write(&w, LABEL_NONE, 1);
	ach_write(&w, ACH_LINKLOCAL);
	wr_copy(&w, body, len);
	if (!wr_ok(&w)) {
		count(n, CTR_TOO_BIG);
		return;
	}
	c.u.send.len = (uint16_t)wr_len(&w);
	out_command(n, at->worker, &c);
}

void emit_local(struct node *n, uint16_t link, const void *body, size_t len)
{
	static const struct emit_at remote;

	emit_local_at(n, link, &remote, CONTROL_PACKET_MAX, body, len);
}

int emit_routed(struct node *n, uint16_t link, uint32_t tunnel_label, const struct routed_header *h,
                const struct route_ext *e, const void *body, size_t len)
{
	uint8_t buf[CONTROL_PACKET_MAX];
	struct wr w = wr_init(buf, sizeof(buf)), at;
	struct routed_header head = *h;

	control_stack_write(&w, tunnel_label, TTL_START);
	ach_write(&w, ACH_ROUTED);
	at = w;
	if (e)
		head.next = NEXT_ROUTE;
	routed_header_write(&w, &head);
	if (e)
		route_ext_write(&w, e);
	wr_copy(&w, body, len);
	if (!wr_ok(&w)) {
		count(n, CTR_TOO_BIG);
		return -EMSGSIZE;
	}
	head.length = (uint16_t)(wr_len(&w) - wr_len(&at) - ROUTED_HEADER_BYTES);
	routed_header_write(&at, &head);
	out_packet(n, link, buf, wr_len(&w));
	return 0;
}
