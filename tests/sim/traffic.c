/* SPDX-License-Identifier: BSD-3-Clause */
/* What frames are made of, read from their fixed places: the frames are the nodes' own, not hostile. */
#include "traffic.h"
#include "base/be.h"
#include "wire/kadmsg.h"
#include "wire/linkmsg.h"
#include "wire/lse.h"
#include "wire/lspmsg.h"
#include "wire/routed.h"

static const char *const names[TRAFFIC_KINDS] = {
        "link handshake", "hello", "ann",    "seq",   "sample",   "tear",  "grant",
        "link error",     "setup", "finger", "reply", "refresh",  "exq",   "exr",
        "update",         "find",  "found",  "retry", "dead end", "probe", "mtu",
        "other",          "data"};

const char *traffic_name(unsigned kind)
{
	return kind < TRAFFIC_KINDS ? names[kind] : NULL;
}

static enum traffic_kind local_kind(uint8_t type)
{
	switch (type) {
	case LINKMSG_HELLO:
		return TRAFFIC_HELLO;
	case LINKMSG_ANN:
		return TRAFFIC_ANN;
	case LINKMSG_SEQ:
		return TRAFFIC_SEQ;
	case LINKMSG_SAMPLE:
		return TRAFFIC_SAMPLE;
	case LINKMSG_TEAR:
	case LINKMSG_TEAR_ACK:
	case LINKMSG_MOVE:
		return TRAFFIC_TEAR;
	case LINKMSG_GRANT:
		return TRAFFIC_GRANT;
	case LINKMSG_ERROR:
		return TRAFFIC_LINK_ERROR;
	case LINKMSG_PROBE:
	case LINKMSG_SEEN:
		return TRAFFIC_PROBE;
	case LINKMSG_MTU:
		return TRAFFIC_MTU;
	default:
		return TRAFFIC_OTHER;
	}
}

static enum traffic_kind kad_kind(uint8_t op)
{
	static const uint8_t kind[] = {TRAFFIC_OTHER, TRAFFIC_EXQ,   TRAFFIC_EXR,  TRAFFIC_UPDATE,
	                               TRAFFIC_FIND,  TRAFFIC_FOUND, TRAFFIC_RETRY};

	return op < sizeof(kind) ? kind[op] : TRAFFIC_OTHER;
}

enum traffic_kind traffic_kind(const struct frame *f)
{
	uint32_t at = 0, body;
	uint8_t next;

	if (f->raw)
		return TRAFFIC_HANDSHAKE;
	if (f->len < LSE_BYTES)
		return TRAFFIC_OTHER;
	if (lse_label(be32_load(f->data)) > LABEL_RESERVED_MAX)
		return TRAFFIC_DATA;
	if (lse_label(be32_load(f->data)) == LABEL_ROUTER_ALERT)
		at += 2 * LSE_BYTES;
	at += LSE_BYTES + ACH_BYTES;
	if (f->len < at + 2)
		return TRAFFIC_OTHER;
	if (be16_load(f->data + at - 2) == ACH_LINKLOCAL)
		return local_kind(f->data[at]);
	if (f->len < at + ROUTED_HEADER_BYTES)
		return TRAFFIC_OTHER;
	next = f->data[at + 6];
	body = at + ROUTED_HEADER_BYTES;
	if (next == NEXT_ROUTE && f->len > body + 4) {
		next = f->data[body];
		body += 4 + 4u * f->data[body + 1];
	}
	if (next == NEXT_KAD && f->len > body + 1)
		return kad_kind(f->data[body + 1]);
	if (next == NEXT_SETUP && f->len > body + 1)
		return f->data[body + 1] & SETUP_FLAG_FINGER ? TRAFFIC_FINGER : TRAFFIC_SETUP;
	return next == NEXT_REPLY     ? TRAFFIC_REPLY
	       : next == NEXT_REFRESH ? TRAFFIC_REFRESH
	       : next == NEXT_ERROR   ? TRAFFIC_ROUTED_ERROR
	                              : TRAFFIC_OTHER;
}
