/* SPDX-License-Identifier: BSD-3-Clause */
/* The one table of every configuration option: section, field, key, kind, range, choices, default, help.
 *
 * A row is O(S, field, key, kind, lo, hi, choices, default, help); S is handed through to the expander.
 * kind names a type conf_<kind>_t in conf.h and a reader in value.c. lo and hi bound numbers, lengths of text and
 * sizes in bytes. default NULL: the option is required; "": it has none and may be left out.
 */
#pragma once
#include "ipc/paths.h"

#define CONF_NODE_OPTIONS(O, S)                                                                   \
	O(S, name, "name", str, 1, 31, NULL, "coyod", "name of this node in logs and output")     \
	O(S, key, "key", path, 1, 255, NULL, NULL,                                                \
	  "key file made by coyo keygen, mode 0600; ephemeral: a new key at each start")          \
	O(S, state, "state", path, 1, 240, NULL, "",                                              \
	  "directory where known contacts are kept over a restart; none: they are forgotten")     \
	O(S, control, "control", path, 1, 107, NULL, PATH_CONTROL_SOCKET,                         \
	  "path of the socket that coyoctl talks to")                                             \
	O(S, control_mode, "control-mode", mode, 0, 0777, NULL, "0600",                           \
	  "permissions of the control socket, octal")                                             \
	O(S, network, "network", uint, 0, 4294967295, NULL, "1",                                  \
	  "network number; nodes of different networks refuse each other")                        \
	O(S, transit, "transit", rate, 1, 1000000, NULL, "yes",                                   \
	  "relay for others: yes, no, or the tunnel set-ups per second taken from one neighbour") \
	O(S, sessions, "sessions", uint, 16, 65536, NULL, "1024",                                 \
	  "most end-to-end sessions at a time")                                                   \
	O(S, tunnels, "tunnels", uint, 0, 16777216, NULL, "0",                                    \
	  "most tunnels that others build through or to this node, shared fairly among "          \
	  "neighbours; 0: an eighth of the machine's memory")                                     \
	O(S, hello_active_ms, "hello-active-ms", uint, 20, 10000, NULL, "250",                    \
	  "time between hellos on a link in use")                                                 \
	O(S, hello_idle_ms, "hello-idle-ms", uint, 20, 60000, NULL, "3000",                       \
	  "time between hellos on an idle link")                                                  \
	O(S, hello_misses, "hello-misses", uint, 1, 20, NULL, "3",                                \
	  "hellos missed in a row after which a link is down")                                    \
	O(S, rekey_s, "rekey-s", uint, 1, 3600, NULL, "120", "age at which a key is replaced")    \
	O(S, key_reject_s, "key-reject-s", uint, 2, 7200, NULL, "180",                            \
	  "age at which a key is refused; above rekey-s")                                         \
	O(S, key_overlap_s, "key-overlap-s", uint, 1, 60, NULL, "10",                             \
	  "time the old key is still accepted; at most rekey-s counts")                           \
	O(S, tunnel_idle_s, "tunnel-idle-s", uint, 1, 3600, NULL, "45",                           \
	  "time after which the ends stop using an idle tunnel")                                  \
	O(S, tunnel_forget_s, "tunnel-forget-s", uint, 2, 7200, NULL, "60",                       \
	  "time after which transit nodes forget an idle tunnel; above tunnel-idle-s")            \
	O(S, connect_timeout_ms, "connect-timeout-ms", uint, 100, 60000, NULL, "5000",            \
	  "time after which a destination that cannot be found is unreachable")                   \
	O(S, user, "user", str, 1, 31, NULL, "auto",                                              \
	  "user that the daemon becomes once root has started it; auto: coyod, else nobody")      \
	O(S, sandbox, "sandbox", choice, 0, 0, "deny|kill|no", "deny",                            \
	  "system calls that the daemon never makes: denied, or they end it; no: not looked at")  \
	O(S, core_dumps, "core-dumps", flag, 0, 0, NULL, "no",                                    \
	  "allow core files and tracing, which show keys")

#define CONF_WORKER_OPTIONS(O, S)                                                         \
	O(S, count, "count", uint, 1, 16, NULL, "1", "worker threads, one per core")      \
	O(S, idle, "idle", choice, 0, 0, "adaptive|busy", "adaptive",                     \
	  "what a worker without packets does: adaptive sleeps, busy polls on (servers)") \
	O(S, hugepages, "hugepages", choice, 0, 0, "auto|yes|no", "auto",                 \
	  "auto: hugepages where this process may use them, ordinary memory elsewhere")   \
	O(S, memory_mb, "memory-mb", uint, 0, 1048576, NULL, "0",                         \
	  "memory for packet buffers and tables; 0: computed and printed at the start")   \
	O(S, mbufs, "mbufs", uint, 0, 4194304, NULL, "0",                                 \
	  "packet buffers; 0: computed from ports and workers")                           \
	O(S, punt_rate, "punt-rate", uint, 1, 10000000, NULL, "20000",                    \
	  "packets per second that one neighbour may send to the control plane")          \
	O(S, connections, "connections", uint, 16, 1048575, NULL, "4096",                 \
	  "most connections per worker")                                                  \
	O(S, tcp_sndbuf, "tcp-sndbuf", size, 16384, 1073741824, NULL, "4M",               \
	  "largest send buffer of one connection, bytes (K, M, G)")                       \
	O(S, tcp_rcvbuf, "tcp-rcvbuf", size, 16384, 1073741824, NULL, "4M",               \
	  "largest receive buffer of one connection, bytes (K, M, G)")

#define CONF_API_OPTIONS(O, S)                                                                     \
	O(S, socket, "socket", path, 1, 107, NULL, "",                                             \
	  "path of the socket that applications use; none: no local applications")                 \
	O(S, mode, "mode", mode, 0, 0777, NULL, "0600",                                            \
	  "permissions of the application socket, octal")                                          \
	O(S, slots, "slots", uint, 1, 65536, NULL, "1024",                                         \
	  "most streams of one application that shares memory with the workers")                   \
	O(S, applications, "applications", uint, 1, 4096, NULL, "64",                              \
	  "most applications of one user that share memory with the workers")                      \
	O(S, memory, "memory", size, 0, 1099511627776, NULL, "0",                                  \
	  "memory that one of them may use in its streams' rings, bytes (K, M, G); 0: no limit")   \
	O(S, connects, "connects", uint, 0, 10000000, NULL, "0",                                   \
	  "connects a second of one of them, on each worker; 0: no limit")                         \
	O(S, user_streams, "user-streams", uint, 0, 16777216, NULL, "0",                           \
	  "most streams of one user's together, with what waits at listeners or was closed and "   \
	  "is not over; 0: three quarters of the workers' connections")                            \
	O(S, user_memory, "user-memory", size, 0, 1099511627776, NULL, "1G",                       \
	  "memory that one user's may use together, bytes (K, M, G); 0: no limit")                 \
	O(S, user_connects, "user-connects", uint, 0, 10000000, NULL, "0",                         \
	  "connects a second of one user's together, on each worker; 0: no limit")                 \
	O(S, privileged, "privileged", flag, 0, 0, NULL, "no",                                     \
	  "any application may listen on ports below 1024; no: those of root and of the daemon's " \
	  "user")

#define CONF_TUN_OPTIONS(O, S)                                                            \
	O(S, name, "name", str, 1, 15, NULL, "coyo0", "name of the interface")            \
	O(S, prefix, "prefix", byte, 1, 253, NULL, "fd",                                  \
	  "first byte of the addresses, hexadecimal; the same on all nodes that use it")  \
	O(S, mtu, "mtu", uint, 1280, 1500, NULL, "1280",                                  \
	  "largest packet, bytes; what a path carries less of is told by ICMPv6")         \
	O(S, route, "route", flag, 0, 0, NULL, "yes",                                     \
	  "send all of the prefix to the interface; no: routes are made by others")       \
	O(S, queues, "queues", uint, 0, 16, NULL, "0",                                    \
	  "queues of the interface, each with a thread; 0: as many as there are workers") \
	O(S, offload, "offload", flag, 0, 0, NULL, "yes",                                 \
	  "exchange runs of segments with the kernel as one packet (TSO, USO, GRO)")      \
	O(S, allow, "allow", allow, 4, 1000, NULL, "none",                                \
	  "what may come unasked: none, or rules like tcp/22, tcp/80 from ID, icmp from any")

#define CONF_PORT_OPTIONS(O, S)                            \
	O(S, device, "device", device, 1, 191, NULL, NULL, \
	  "PCI address or virtual device of DPDK (net_memif0,role=server,...)")

#define CONF_LINK_OPTIONS(O, S)                                                                  \
	O(S, type, "type", choice, 0, 0, "udp-socket|ethernet", NULL, "how the link is carried") \
	O(S, local, "local", addr, 0, 65535, NULL, "",                                           \
	  "udp-socket: own address, 192.0.2.1:6635 or [2001:db8::1]:6635")                       \
	O(S, remote, "remote", ends, 1, 65535, NULL, "",                                         \
	  "udp-socket: the neighbour's address, or several that are tried in turn; none: wait "  \
	  "for it to call")                                                                      \
	O(S, peer, "peer", id, 0, 0, NULL, "",                                                   \
	  "id of the neighbour; any other is refused. None: whoever proves an id")               \
	O(S, seal, "seal", flag, 0, 0, NULL, "yes",                                              \
	  "encrypt and authenticate every packet; no: plain MPLS")                               \
	O(S, trusted, "trusted", flag, 0, 0, NULL, "no",                                         \
	  "the wire is the operator's own: needed for seal = no over IP")                        \
	O(S, control, "control", flag, 0, 0, NULL, "yes",                                        \
	  "no: no control plane on this link, only [lsp] entries; needs seal = no")              \
	O(S, mtu, "mtu", uint, 1200, 1500, NULL, "",                                             \
	  "largest labelled packet that is tried, bytes; probes find out what the way carries. " \
	  "Default: 1440 over IPv4, 1420 over IPv6, what the port carries on Ethernet")          \
	O(S, port, "port", str, 1, 31, NULL, "", "ethernet: NAME of the [port NAME]")            \
	O(S, vlan, "vlan", uint, 1, 4094, NULL, "", "ethernet: VLAN; none: untagged")            \
	O(S, mac, "mac", mac, 0, 0, NULL, "",                                                    \
	  "ethernet: the neighbour's address; none: learnt from its frames")                     \
	O(S, check_mac, "check-mac", flag, 0, 0, NULL, "no",                                     \
	  "ethernet: drop frames that do not come from mac")

#define CONF_LISTEN_OPTIONS(O, S)                                                                \
	O(S, type, "type", choice, 0, 0, "udp-socket", "udp-socket", "what it listens on")       \
	O(S, local, "local", addr, 1, 65535, NULL, NULL,                                         \
	  "own address, 192.0.2.1:6635, [2001:db8::1]:6635 or 0.0.0.0:6635")                     \
	O(S, max, "max", uint, 1, 4096, NULL, "1024", "neighbours at the same time")             \
	O(S, accept, "accept", accept, 1, 1000, NULL, "any",                                     \
	  "who may become a neighbour: any, none, ids, or a file with an id a line")             \
	O(S, mtu, "mtu", uint, 1200, 1500, NULL, "",                                             \
	  "largest labelled packet that is tried, bytes; probes find out what the way carries. " \
	  "Default: 1440 over IPv4, 1420 over IPv6")

#define CONF_FORWARD_OPTIONS(O, S)                                                                 \
	O(S, listen, "listen", where, 1, 65535, NULL, NULL,                                        \
	  "where connections come from: an address of this machine, 127.0.0.1:8080, or a port of " \
	  "this node, coyo:PORT")                                                                  \
	O(S, to, "to", where, 1, 65535, NULL, NULL,                                                \
	  "where they go: ID:PORT or NAME:PORT of another node, or with coyo:PORT an address")     \
	O(S, allow, "allow", accept, 1, 1000, NULL, "",                                            \
	  "coyo:PORT: who may come: ids, any, none, or a file with an id a line")

#define CONF_LSP_OPTIONS(O, S)                                                                 \
	O(S, in_link, "in-link", str, 1, 31, NULL, NULL, "NAME of the link packets come from") \
	O(S, in_label, "in-label", labels, 16, 1048575, NULL, NULL,                            \
	  "label or range FIRST-LAST they carry")                                              \
	O(S, out_link, "out-link", str, 1, 31, NULL, NULL, "NAME of the link they leave by")   \
	O(S, out_label, "out-label", labels, 16, 1048575, NULL, NULL,                          \
	  "label or range they get, as many as in-label")
