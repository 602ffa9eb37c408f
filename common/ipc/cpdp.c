/* SPDX-License-Identifier: BSD-3-Clause */
/* Sizes of the control <-> worker messages, so that rings copy no more than what matters. */
#include "ipc/cpdp.h"

#include "base/assert.h"

#include <stddef.h>
#include <string.h>

uint32_t cp_cmd_size(const struct cp_cmd *c)
{
	const uint32_t head = offsetof(struct cp_cmd, u);

	switch (c->type) {
	case CMD_SEND:
		COYO_ASSERT(c->u.send.len <= CPDP_PACKET_MAX);
		return head + (uint32_t)offsetof(struct cp_send, data) + c->u.send.len;
	case CMD_SEND_SESSION:
		COYO_ASSERT(c->u.send_session.len <= CPDP_PACKET_MAX);
		return head + (uint32_t)offsetof(struct cp_send_session, data) +
		       c->u.send_session.len;
	default:
		return head + (uint32_t)sizeof(struct cp_link) +
		       (uint32_t)sizeof(struct cp_session);
	}
}

void cp_cmd_wipe(struct cp_cmd *c)
{
	switch (c->type) {
	case CMD_LINK_TX_KEY:
	case CMD_LINK_RX_KEY:
	case CMD_SESSION_TX_KEY:
	case CMD_SESSION_RX_KEY:
		explicit_bzero(c->u.key.key, sizeof(c->u.key.key));
		break;
	default:
		break;
	}
}

uint32_t dp_event_size(const struct dp_event *e)
{
	const uint32_t head = offsetof(struct dp_event, u);

	if (e->type == EVT_PACKET) {
		COYO_ASSERT(e->u.packet.len <= CPDP_PACKET_MAX);
		return head + (uint32_t)offsetof(struct dp_packet, data) + e->u.packet.len;
	}
	return head + (uint32_t)sizeof(struct dp_connection);
}

_Static_assert(sizeof(struct cp_link) + sizeof(struct cp_session) >= sizeof(struct cp_ilm), "size");
_Static_assert(sizeof(struct cp_link) + sizeof(struct cp_session) >= sizeof(struct cp_unreachable),
               "size");
_Static_assert(sizeof(struct cp_link) + sizeof(struct cp_session) >= sizeof(struct cp_lane_key),
               "size");
_Static_assert(sizeof(struct cp_link) + sizeof(struct cp_session) >= sizeof(struct cp_resolved),
               "size");
_Static_assert(sizeof(struct cp_link) + sizeof(struct cp_session) >= sizeof(struct cp_dump),
               "size");
_Static_assert(sizeof(struct dp_connection) >= sizeof(struct dp_dump_end), "size");
_Static_assert(sizeof(struct dp_connection) >= sizeof(struct dp_want), "size");
_Static_assert(sizeof(struct dp_connection) >= sizeof(struct cp_lane_key), "size");
_Static_assert(sizeof(struct dp_connection) >= sizeof(struct dp_label_use), "size");
_Static_assert(sizeof(struct dp_connection) >= sizeof(struct dp_link_sample), "size");
_Static_assert(sizeof(struct dp_connection) >= sizeof(struct dp_lane_seen), "size");
_Static_assert(sizeof(struct cp_cmd) <= 2048 && sizeof(struct dp_event) <= 2048, "one ring slot");
