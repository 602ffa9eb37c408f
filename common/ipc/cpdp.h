/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages between the control thread and the workers: fixed structs, no pointers, one writer per direction.
 *
 * Commands: control -> worker, one SPSC ring per worker; executed in order. The worker publishes the sequence number
 * of its last executed command in one word it alone writes (release); control reads it (acquire). That is the
 * acknowledgement of "program, acknowledge, announce": nothing is announced to a peer before every worker that can
 * receive it has passed the command's number.
 * Events: worker -> control, one SPSC ring per worker; bounded, a full ring drops the event and counts it.
 */
#pragma once
#include "base/assert.h"
#include "base/time.h"
#include "ipc/sample.h"
#include "ipc/want.h"
#include "wire/id.h"

#include <stdbool.h>
#include <stdint.h>

#define CPDP_PACKET_MAX  1536 /* largest packet that crosses either ring, bytes */
#define CPDP_LINKS_MAX   8192 /* link index < this; the upper half is for links that listeners make */
#define CPDP_LANES_MAX   16   /* sending workers per sealed direction */
#define CPDP_WORKERS_MAX 16
#define CPDP_ALL_WORKERS 0xff
#define LABEL_NONE       UINT32_MAX /* "no label" wherever a 20-bit label is expected */

enum link_type {
	LINK_ETHERNET = 1,   /* a DPDK port (and VLAN) */
	LINK_UDP = 2,        /* IP/UDP made by the worker on a DPDK port */
	LINK_UDP_SOCKET = 3, /* a kernel UDP socket */
};

/* What a worker does with an in-label. */
enum ilm_op {
	ILM_SWAP = 1,    /* transit: swap, TTL - 1, transmit on out_link */
	ILM_SESSION = 2, /* ultimate hop: the label names a session lane */
	ILM_SINK =
	        3, /* far end of a session-less tunnel (finger): OAM is punted, anything else counted and dropped */
};

/* The session of an in-label (ILM_SESSION) whose other end has proven nothing yet: handshake messages go to control, all else waits for
 * CMD_SESSION_SET to name the label. */
#define CP_SESSION_NONE UINT32_MAX

enum cp_cmd_type {
	CMD_NOP = 0,
	CMD_LINK_SET,    /* create or change a link */
	CMD_LINK_DEL,    /* forget link, its keys and its ILM */
	CMD_LINK_REMOTE, /* UDP: send to this address from now on */
	CMD_LINK_TX_KEY, /* this worker's sending lane of a sealed link */
	CMD_LINK_RX_KEY, /* accept a receiver index; goes to the worker the index names */
	CMD_LINK_RX_DEL, /* stop accepting a receiver index */
	CMD_LINK_OPEN, /* labelled packets may (1) / may not (0) cross: the peer is authenticated and alive */
	CMD_ILM_SET,
	CMD_ILM_DEL,
	CMD_SESSION_SET, /* create or change: id, path mtu, out tunnel (NHLFE) */
	CMD_SESSION_TX_KEY,
	CMD_SESSION_RX_KEY,
	CMD_SESSION_RX_DEL, /* forget the key of one phase */
	CMD_SESSION_DEL,
	CMD_UNREACHABLE, /* no way to this id: connections that have waited too long end with err */
	CMD_SEND,        /* transmit this packet on a link */
	CMD_SEND_SESSION,     /* seal and transmit an OAM body inside a session */
	CMD_QUERY_LABEL,      /* answer with EVT_LABEL_USE */
	CMD_DUMP_CONNECTIONS, /* answer with some EVT_CONNECTION rows, see cp_dump, then EVT_DUMP_END */
	CMD_DRAIN,            /* refuse new connections; existing ones go on */
	CMD_LINK_RUNS, /* udp-socket: how datagrams go from now on, and the next run begins a sample */
	CMD_LINK_SAMPLE, /* answer with EVT_LINK_SAMPLE: the sample ends */
	CMD_LANE_SEEN,   /* answer with EVT_LANE_SEEN; goes to the worker the index names */
	CMD_PORT, /* a DPDK port may be used (on 1), or is not touched any more until then (0) */
	CMD_RESOLVED, /* answer to EVT_RESOLVE */
	CMD_TYPES
};

/* How a link reaches its wire. Addresses are in network byte order. */
struct cp_link {
	uint16_t link;
	uint8_t type; /* enum link_type */
	bool sealed;
	uint16_t mtu;  /* largest labelled packet in bytes (stack included), without link framing */
	uint8_t owner; /* the worker that does this link's system calls; others hand over to it */
	uint8_t check_mac; /* ethernet: drop frames whose source MAC is not peer_mac */
	int32_t fd; /* udp-socket: bound, non-blocking; owned by the worker until CMD_LINK_DEL has been acknowledged, then by control again (close) */
	uint16_t port;       /* ethernet, udp: DPDK port id */
	uint16_t vlan;       /* 0: untagged */
	uint8_t peer_mac[6]; /* all-zero: broadcast until learnt */
	uint8_t family; /* udp*: 4 or 6; 0: learn the remote from the first authenticated packet */
	uint8_t pad;
	uint16_t remote_port, local_port;
	uint8_t remote_addr[16];
	/* udp-socket: sends from this address where the socket is bound to any (all-zero: the kernel chooses), out of this interface (0: any). */
	uint8_t local_addr[16];
	uint32_t local_if;
};

/* A session's sending key with this flag is used from the first packet on that is opened under its phase: only that packet proves that the
 * other side has the key. A sending key without the flag is used at once and takes the place of one that still waits. */
#define CP_KEY_WHEN_USED 1

struct cp_lane_key {
	uint16_t link; /* sessions, sending key: CP_KEY_WHEN_USED or 0 */
	uint8_t lane;  /* sending worker's number at the sender */
	uint8_t alg;   /* enum aead_alg */
	/* Link: receiver index (sent in the header / accepted); session: key phase 0..3. */
	uint32_t index;
	uint32_t session; /* session index, or unused */
	/* Sessions, receiving key: the incarnation that the other side named, 0: none. */
	uint32_t incarnation;
	uint8_t key[32];
};

struct cp_ilm {
	uint16_t in_link;
	uint8_t op; /* enum ilm_op */
	uint8_t pad;
	uint32_t in_label;
	uint16_t out_link;   /* ILM_SWAP */
	uint16_t twin_link;  /* the reverse direction's in-link ... */
	uint32_t out_label;  /* ILM_SWAP */
	uint32_t twin_label; /* ... and in-label here; LABEL_NONE when not yet known */
	uint32_t session;    /* ILM_SESSION */
};

struct cp_session {
	uint32_t session;  /* index chosen by control, < cfg.sessions_max; low bits do not matter */
	uint16_t out_link; /* NHLFE of the tunnel in use */
	/* Largest transport segment (TCP header included) that fits one sealed packet. */
	uint16_t path_mtu;
	uint32_t out_label; /* LABEL_NONE: no tunnel now, hold segments (repair is under way) */
	/* Packets that wait under this in-label, which had no session, are this one's. 0: none are. */
	uint32_t in_label;
	uint16_t in_link;
	uint8_t hops; /* links that the tunnel crosses (1 and more than 1 are certain, how many more is not), 0: no tunnel */
	struct node_id remote;
};

struct cp_unreachable {
	int32_t err; /* positive errno: EHOSTUNREACH, ENETUNREACH, ETIMEDOUT */
	/* Connections end that have been opening, or whose data has been waiting, for at least so long; others only remember err. */
	uint32_t opening_ms, waiting_ms;
	uint8_t direct; /* not 0: only those end that wait for a path of one link, since it is no neighbour */
	struct node_id remote;
};

/* A packet from control. raw: the bytes are a complete link frame (sealed header included: handshakes, cookies) and go
 * out unsealed even on a sealed link; otherwise they start with the label stack and are framed and sealed as usual. */
struct cp_send {
	uint16_t link;
	uint8_t raw;
	uint8_t has_addr; /* udp: to addr below, not to the link's remote (a handshake before that is known, a question whether it is there) */
	uint16_t addr_port;
	uint16_t len;
	uint8_t addr[16];
	uint8_t family;
	uint8_t mac[6];
	uint8_t pad;
	uint8_t local_addr[16]; /* with addr: as in cp_link */
	uint32_t local_if;
	uint8_t data[CPDP_PACKET_MAX];
};

struct cp_send_session {
	uint32_t session;
	uint16_t len;        /* <= CPDP_PACKET_MAX */
	uint8_t clear;       /* 1: tunnel type 3 (OAM clear) or 1 (handshake), see tunnel_type */
	uint8_t tunnel_type; /* wire/tunnel.h packet type */
	uint8_t number;      /* handshake message number */
	uint8_t ttl;         /* 0: the initial TTL */
	uint8_t pad[2];
	uint8_t data[CPDP_PACKET_MAX];
};

/* A slice of the worker's connections, so that neither ring carries more than its reader has room for. A connection keeps its place as long as
 * it lives: one that is there during all slices is in exactly one of them. */
struct cp_dump {
	uint32_t from; /* 0, or dp_dump_end.next of the slice before */
	uint32_t most; /* rows, at least 1 */
};

/* One command slot. `seq` is assigned by the sender of the ring, 1, 2, 3 ... per worker. */
struct cp_cmd {
	uint32_t type;   /* enum cp_cmd_type */
	uint32_t cookie; /* echoed in the answer of query and dump commands */
	uint64_t seq;
	union {
		struct cp_link link;
		struct cp_lane_key key;
		struct cp_link_runs runs; /* CMD_LINK_RUNS, CMD_LINK_SAMPLE (link alone) */
		struct cp_lane_seen lane_seen;
		struct cp_ilm ilm;
		struct cp_session session;
		struct cp_unreachable unreachable;
		struct cp_resolved resolved;
		struct cp_send send;
		struct cp_send_session send_session;
		struct {
			uint16_t link;
			uint8_t on;
		} open;
		struct cp_dump dump;
		struct {
			uint16_t port;
			uint8_t on;
		} port;
	} u;
};

/* The worker that owns the session (and every connection) with this remote id: both planes compute it alike. */
static inline uint8_t cp_session_worker(const struct node_id *remote, unsigned workers)
{
	COYO_ASSERT(workers >= 1 && workers <= CPDP_WORKERS_MAX);
	return (uint8_t)((((uint32_t)remote->b[0] << 8 | remote->b[1]) * workers) >> 16);
}

/* The worker that owns a receiver index or a label that terminates here. Control chooses both so. */
static inline uint8_t cp_index_worker(uint32_t index_or_label, unsigned workers)
{
	COYO_ASSERT(workers >= 1 && workers <= CPDP_WORKERS_MAX);
	return (uint8_t)(index_or_label % workers);
}

/* Bytes of a command that matter: the ring copies no more than this. */
uint32_t cp_cmd_size(const struct cp_cmd *c);
/* Overwrites the key that a command carries, if it carries one, once the command has been passed on or carried out. */
void cp_cmd_wipe(struct cp_cmd *c);

enum dp_event_type {
	EVT_NONE = 0,
	EVT_PACKET, /* a punted packet */
	EVT_WANT, /* no session (direct: over one link) for this id: a local connect or datagram is held */
	EVT_LABEL_USE,    /* answer to CMD_QUERY_LABEL */
	EVT_SESSION_USED, /* first packet opened under a session's new phase, or (session all-one) under a link's receiver index */
	EVT_REKEY,        /* a lane's counter has reached the rekey limit */
	EVT_LINK_LEARNT,  /* udp: authenticated packet from a new source address */
	EVT_CONNECTION,   /* one row of CMD_DUMP_CONNECTIONS */
	EVT_DUMP_END,
	EVT_SESSION_IDLE, /* no connection uses the session any more (1) / again in use (0) */
	EVT_LINK_TOO_BIG, /* udp-socket: the kernel refused a packet as longer than the way carries */
	EVT_TUNNEL_TOO_BIG, /* a packet did not fit the MTU of the link it was to leave on (a sample of them) */
	EVT_LINK_RUN,    /* udp-socket: a sample of what leaves has begun */
	EVT_LINK_SAMPLE, /* answer to CMD_LINK_SAMPLE */
	EVT_LANE_SEEN,   /* answer to CMD_LANE_SEEN; none where there is no such lane */
	EVT_RESOLVE, /* which id begins with the leading 120 bits of want.remote? The TUN has a packet for it */
	EVT_TYPES
};

enum punt_reason {
	PUNT_HANDSHAKE =
	        1, /* link handshake or cookie frame, whole frame from its 16-byte header, unauthenticated */
	PUNT_CONTROL,    /* GAL at the top or below router alert: starts with the label stack */
	PUNT_TTL,        /* TTL ran out: starts with the label stack as received */
	PUNT_SESSION_HS, /* handshake packet inside a session's tunnel: from the control word on */
	PUNT_OAM, /* OAM opened in a session, or clear OAM at a tunnel's end: from the OAM type on (sealed=1 when it was opened) */
	PUNT_UNKNOWN_LABEL, /* rate-limited sample: starts with the label stack */
	PUNT_REASONS
};

struct dp_packet {
	uint16_t link;
	uint8_t reason;        /* enum punt_reason */
	uint8_t authenticated; /* 1: came through AEAD of this link's current peer, or the link is plain */
	uint32_t in_label; /* PUNT_TTL, PUNT_SESSION_HS, PUNT_OAM: the label it came with */
	uint32_t session;  /* PUNT_SESSION_HS, PUNT_OAM in a session */
	uint16_t len;
	uint16_t addr_port; /* where the frame came from (handshakes) */
	uint8_t family;     /* 0 ethernet, 4, 6 */
	uint8_t number;     /* PUNT_SESSION_HS: message number */
	uint8_t mac[6];
	uint8_t addr[16];
	/* The address it was sent to and the interface it came by, where the socket is bound to any address; else zero. */
	uint8_t local_addr[16];
	uint32_t local_if;
	uint8_t data[CPDP_PACKET_MAX];
};

struct dp_label_use {
	uint16_t link;
	uint32_t label;
	int64_t idle_ns; /* since the last packet, < 0: never used or no such entry */
	uint64_t packets, bytes;
};

struct dp_connection {
	struct node_id remote;
	uint16_t local_port, remote_port;
	uint8_t state; /* dataplane/tcp/tcp.h states, RFC 9293 order, as text below */
	char state_name[12];
	uint32_t cwnd; /* bytes */
	uint32_t srtt_us;
	uint64_t bytes_in, bytes_out;
	uint64_t retransmits;       /* segments */
	uint32_t pid, uid;          /* of the program that has it; uid UINT32_MAX: not known */
	uint32_t ring_in, ring_out; /* bytes that it has not read; that TCP has not taken of it */
	uint32_t member; /* > 0: a listener that shares its port with that of an earlier row */
};

struct dp_dump_end {
	uint32_t next; /* where the next slice begins */
	bool more;     /* false: no connection stands there or behind */
};

struct dp_event {
	uint32_t type; /* enum dp_event_type */
	uint32_t cookie;
	uint8_t worker; /* who sent it */
	uint8_t pad[7];
	union {
		struct dp_packet packet;
		struct dp_want want;
		struct dp_label_use use;
		/* EVT_SESSION_USED (session, index = phase), EVT_REKEY (link or session, index). */
		struct cp_lane_key key;
		struct {
			uint16_t link;
			uint16_t port;
			uint8_t family;
			uint8_t addr[16];
		} learnt;
		struct dp_connection connection;
		struct dp_dump_end dump_end;
		struct {
			uint16_t link;
			uint16_t size; /* with its label stack, without link framing */
		} too_big;
		struct {
			uint16_t link;  /* that the packet was to leave on */
			uint32_t label; /* with which it was to leave */
		} tunnel_too_big;
		struct {
			uint32_t session;
			uint8_t idle;
		} idle;
		uint16_t run_link; /* EVT_LINK_RUN */
		struct dp_link_sample sample;
		struct dp_lane_seen lane_seen;
	} u;
};

/* Bytes of an event that matter. */
uint32_t dp_event_size(const struct dp_event *e);
