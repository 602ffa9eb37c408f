/* SPDX-License-Identifier: BSD-3-Clause */
/* Why a packet was dropped: one row for each reason, {enum, name of the counter, sentence for the operator}. */
#pragma once
#include <stdint.h>

#define DROP_ROWS(X)                                                                             \
	/* arrival */                                                                            \
	X(RUNT, "runt", "frame shorter than its headers")                                        \
	X(MAC, "wrong_mac", "source MAC is not the neighbour's")                                 \
	X(ETHERTYPE, "ethertype", "EtherType is neither MPLS nor sealed")                        \
	X(VLAN, "unknown_vlan", "no link is configured on this port and VLAN")                   \
	X(TOO_BIG, "too_big", "packet does not fit a buffer or the link MTU")                    \
	X(NO_BUFFER, "no_buffer", "packet buffers exhausted")                                    \
	X(PLAIN_ON_SEALED, "plain_on_sealed", "clear packet on a sealed link")                   \
	X(SOCKET_FULL, "socket_full", "kernel socket buffer overran before it was read")         \
	X(PORT_GONE, "port_gone", "port whose device is gone, or is being made again")           \
	X(PORT_MISSED, "port_missed", "port receive queue overran before it was read")           \
	/* sealed links */                                                                       \
	X(BAD_HEADER, "bad_header", "link header: version, type or length")                      \
	X(UNKNOWN_RECEIVER, "unknown_receiver", "no key for the receiver index")                 \
	X(REPLAY, "replay", "counter seen before or too old")                                    \
	X(AUTH, "auth_failed", "frame is not authentic")                                         \
	X(NO_KEY, "no_key", "sealed link has no sending key")                                    \
	X(KEY_SPENT, "key_spent", "sending key reached its last counter")                        \
	X(LINK_CLOSED, "link_closed", "neighbour is not authenticated or not alive")             \
	/* handshakes between neighbours */                                                      \
	X(DOOR_MAC1, "door_mac1_bad", "first message that is not meant for this node")           \
	X(DOOR_INDEX, "door_index_bad",                                                          \
	  "answer to a handshake that this node did not begin there")                            \
	X(DOOR_COOKIE, "door_cookie_sent", "first message under load, answered by a cookie")     \
	X(DOOR_MAC2, "door_mac2_bad", "the same, whose own cookie is wrong or too old")          \
	X(DOOR_NO_COOKIE, "door_cookie_rate", "the same, beyond the rate of such answers")       \
	X(DOOR_SHARE, "door_share_full", "source prefix exceeds its share of handshakes")        \
	/* labels */                                                                             \
	X(BAD_STACK, "bad_stack", "label stack is cut short or of a shape not accepted")         \
	X(UNKNOWN_LABEL, "unknown_label", "label was not granted to this neighbour")             \
	X(TTL, "ttl_expired", "TTL ran out (a sample is answered)")                              \
	X(SINK, "sink", "data at the end of a tunnel that carries none")                         \
	X(NO_LINK, "no_link", "packet for a link that does not exist")                           \
	/* end-to-end sessions */                                                                \
	X(NO_SESSION, "no_session", "label names a session that is gone")                        \
	X(UNPROVEN, "unproven", "too much along a tunnel whose other end has not proven itself") \
	X(SESSION_HEADER, "session_header", "tunnel control word malformed")                     \
	X(SESSION_NO_KEY, "session_no_key", "no key of this phase came in time")                 \
	X(SESSION_WAIT, "session_wait", "too many packets wait for a session's key")             \
	X(SESSION_REPLAY, "session_replay", "session counter repeated or too old")               \
	X(SESSION_AUTH, "session_auth", "packet is not from the other end")                      \
	X(SESSION_SPENT, "session_spent", "session key reached its last counter")                \
	X(SESSION_OAM, "session_oam", "OAM body malformed or over its rate")                     \
	X(TRANSPORT, "transport", "transport protocol is not spoken here")                       \
	/* Datagrams of applications */                                                          \
	X(UDP, "udp", "datagram malformed")                                                      \
	X(UDP_PORT, "udp_port", "datagram to a port that nobody has, or not for this sender")    \
	X(UDP_FULL, "udp_full", "application leaves no room for the datagrams that come")        \
	X(UDP_HELD, "udp_held", "datagram waits for a session for too long, or too many do")     \
	/* IPv6 of the TUN */                                                                    \
	X(TUN_HEADER, "tun_header", "IPv6 packet malformed, or longer than the TUN takes")       \
	X(TUN_PREFIX, "tun_prefix", "IPv6 packet of a node whose [tun] has another prefix")      \
	X(TUN_HALF, "tun_half", "half of a split IPv6 packet whose other half did not come")     \
	X(TUN_HELD, "tun_held", "too many IPv6 packets wait for a session or an id")             \
	X(TUN_FULL, "tun_full", "ring to or from the TUN is full")                               \
	X(TUN_SCOPE, "tun_scope", "IPv6 packet of this node to no node: multicast, discovery")   \
	X(TUN_SOURCE, "tun_source", "IPv6 packet of this node whose source is not its address")  \
	X(TUN_REFUSED, "tun_refused", "IPv6 packet that nobody here asked for or allows")        \
	X(TUN_DOWN, "tun_down", "interface of the TUN takes no packet")                          \
	/* to control */                                                                         \
	X(PUNT_RATE, "punt_rate", "neighbour exceeds its rate of packets to control")            \
	X(PUNT_FULL, "punt_full", "event ring to control is full")                               \
	X(HANDOVER_FULL, "handover_full", "ring to another worker is full")                      \
	/* departure */                                                                          \
	X(TX_FULL, "tx_full", "port or socket takes no more")                                    \
	X(TX_ERROR, "tx_error", "kernel refused the datagram")                                   \
	X(NO_REMOTE, "no_remote", "the neighbour's address is not known yet")                    \
	X(BAD_COMMAND, "bad_command", "control asked for something impossible")

enum drop_reason {
#define X(id, name, text) DROP_##id,
	DROP_ROWS(X)
#undef X
	        DROP_REASONS
};

struct drop_row {
	const char *name;
	const char *text;
};
/* By enum drop_reason: the name in counters, and what it means in a few words. */
extern const struct drop_row drop_rows[DROP_REASONS];
