/* SPDX-License-Identifier: BSD-3-Clause */
/* What frames are made of: bytes and frames by kind of message, so that a noisy one can be named. */
#pragma once
#include "frame.h"

enum traffic_kind {
	TRAFFIC_HANDSHAKE,
	TRAFFIC_HELLO,
	TRAFFIC_ANN,
	TRAFFIC_SEQ,
	TRAFFIC_SAMPLE,
	TRAFFIC_TEAR,
	TRAFFIC_GRANT,
	TRAFFIC_LINK_ERROR,
	TRAFFIC_SETUP,
	TRAFFIC_FINGER,
	TRAFFIC_REPLY,
	TRAFFIC_REFRESH,
	TRAFFIC_EXQ,
	TRAFFIC_EXR,
	TRAFFIC_UPDATE,
	TRAFFIC_FIND,
	TRAFFIC_FOUND,
	TRAFFIC_RETRY,
	TRAFFIC_ROUTED_ERROR,
	TRAFFIC_PROBE,
	TRAFFIC_MTU,
	TRAFFIC_OTHER,
	TRAFFIC_DATA,
	TRAFFIC_KINDS
};

const char *traffic_name(unsigned kind);
/* By the first message in it. */
enum traffic_kind traffic_kind(const struct frame *f);
