# SPDX-License-Identifier: BSD-3-Clause
"""Streams to the 512-bit ids of IPvCoyo, as Python's socket and asyncio have them. An address is (NODE, PORT): NODE an id in any text form or a name.

    with coyo.create_connection(("nas", 7000)) as s:
        s.sendall(b"hello")

    reader, writer = await coyo.open_connection("nas", 7000)

Over libcoyo.so, which has to be installed; the daemon is $COYO_SOCKET's, or that of the machine.
"""
from coyo.library import AF_COYO, COYO_HOPS, COYO_PATH, COYO_PATH_ANY, COYO_PATH_DIRECT, SOL_COYO, format_id, local_id, resolve
from coyo.sockets import Socket, create_connection, create_server, poll
from coyo.streams import Server, create_transport, open_connection, start_server

__all__ = ["AF_COYO", "COYO_HOPS", "COYO_PATH", "COYO_PATH_ANY", "COYO_PATH_DIRECT", "SOL_COYO", "Server", "Socket", "create_connection", "create_server", "create_transport", "format_id", "local_id", "open_connection", "poll",
           "resolve", "start_server"]
