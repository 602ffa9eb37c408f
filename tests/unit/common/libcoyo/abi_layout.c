/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints what programs, libraries and daemons of different versions have to agree on: sizes, places and numbers of coyo.h and of the segment. */
#include "ipc/applane.h"
#include "ipc/appopts.h"
#include "libcoyo/coyo.h"

#include <stdio.h>

#define SIZE(type)          printf("size %s %zu\n", #type, sizeof(type))
#define FIELD(type, member) printf("place %s.%s %zu\n", #type, #member, offsetof(type, member))
#define NUMBER(name)        printf("number %s %lld\n", #name, (long long)(name))

static void of_programs(void)
{
	NUMBER(AF_COYO);
	NUMBER(COYO_ID_BYTES);
	NUMBER(COYO_WHY_MAX);
	NUMBER(COYO_TEXT_MAX);
	SIZE(struct sockaddr_coyo);
	FIELD(struct sockaddr_coyo, scoyo_family);
	FIELD(struct sockaddr_coyo, scoyo_port);
	FIELD(struct sockaddr_coyo, scoyo_id);
}

static void of_slots(void)
{
	SIZE(struct appseg_slot);
	FIELD(struct appseg_slot, stream.out.head);
	FIELD(struct appseg_slot, stream.out.tail);
	FIELD(struct appseg_slot, stream.in.head);
	FIELD(struct appseg_slot, stream.in.tail);
	FIELD(struct appseg_slot, stream.asked);
	FIELD(struct appseg_slot, stream.told);
	FIELD(struct appseg_slot, stream.out_full);
	FIELD(struct appseg_slot, stream.in_full);
	FIELD(struct appseg_slot, stream.worker_kicked);
	FIELD(struct appseg_slot, stream.err);
	FIELD(struct appseg_slot, in_waits);
	FIELD(struct appseg_slot, out_waits);
	FIELD(struct appseg_slot, local_port);
	FIELD(struct appseg_slot, peer_port);
	FIELD(struct appseg_slot, peer);
	FIELD(struct appseg_slot, option_err);
	FIELD(struct appseg_slot, option_seq);
	FIELD(struct appseg_slot, info);
	SIZE(struct appinfo);
	FIELD(struct appinfo, rto);
	FIELD(struct appinfo, option);
	FIELD(struct appinfo, cwnd);
	FIELD(struct appinfo, retransmits);
	NUMBER(STREAM_SHUT);
	NUMBER(STREAM_EOF);
	NUMBER(STREAM_ERROR);
	NUMBER(APPSEG_UP);
	NUMBER(APPSEG_FREE);
	NUMBER(APPWAIT_SLEEPS);
	NUMBER(APPWAIT_EVENT);
}

static void of_lanes(void)
{
	NUMBER(APPLANE_VERSION);
	NUMBER(APPLANE_PAGE);
	NUMBER(APPLANE_MSGS);
	NUMBER(APPLANE_BYTES);
	NUMBER(APPSEG_WORDS_BYTES);
	NUMBER(APPSEG_SLOT_BYTES);
	NUMBER(BYTERING_FIRST);
	FIELD(struct bytering_shared, head);
	FIELD(struct bytering_shared, shape);
	FIELD(struct bytering_shared, tail);
	SIZE(struct applane);
	FIELD(struct applane, to_worker);
	FIELD(struct applane, to_app);
	FIELD(struct applane, worker_asleep);
	FIELD(struct applane, kicks_missed);
	FIELD(struct applane, app_asleep);
	FIELD(struct applane, frees_missed);
	SIZE(struct applane_msg);
	FIELD(struct applane_msg, abort);
	FIELD(struct applane_msg, port);
	FIELD(struct applane_msg, slot);
	FIELD(struct applane_msg, token);
	FIELD(struct applane_msg, option);
	FIELD(struct applane_msg, value);
	FIELD(struct applane_msg, seq);
	FIELD(struct applane_msg, id);
	NUMBER(APPLANE_CONNECT);
	NUMBER(APPLANE_ACCEPT_INTO);
	NUMBER(APPLANE_KICK);
	NUMBER(APPLANE_CLOSE);
	NUMBER(APPLANE_OPTION);
	NUMBER(APPLANE_INFO);
	NUMBER(APPLANE_ACCEPTED);
	NUMBER(APPLANE_READY);
	NUMBER(APPLANE_LISTENER_GONE);
	NUMBER(APP_OPT_NODELAY);
	NUMBER(APP_OPT_LINGER_MS);
	NUMBER(APP_OPT_WARNINGS);
}

static void of_datagrams(void)
{
	SIZE(struct appdgram);
	FIELD(struct appdgram, len);
	FIELD(struct appdgram, port);
	FIELD(struct appdgram, id);
	SIZE(struct appdgram_path);
	FIELD(struct appdgram_path, key);
	FIELD(struct appdgram_path, most);
	NUMBER(APPDGRAM_MOST);
	NUMBER(APPDGRAM_ALIGN);
	NUMBER(APPDGRAM_PATHS);
	NUMBER(APPSEG_DATAGRAM_ERROR);
	NUMBER(APPSEG_BOUND);
	NUMBER(APPLANE_PEER);
	NUMBER(APPLANE_OPT_IN_MOST);
}

int main(void)
{
	of_programs();
	of_slots();
	of_lanes();
	of_datagrams();
	return 0;
}
