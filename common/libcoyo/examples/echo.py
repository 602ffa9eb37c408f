#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""An echo by asyncio:  echo.py PORT           serves
                        echo.py NODE PORT TEXT  asks"""
import asyncio
import sys

import coyo


async def serve(reader, writer):
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.close()


async def listen(port):
    server = await coyo.start_server(serve, port)
    print("listening on", *server.getsockname(), flush=True)
    await server.serve_forever()


async def ask(node, port, text):
    reader, writer = await coyo.open_connection(node, port)
    writer.write(text.encode())
    writer.write_eof()
    print((await reader.read()).decode())
    writer.close()


if len(sys.argv) not in (2, 4):
    sys.exit(__doc__)
try:
    asyncio.run(listen(int(sys.argv[1])) if len(sys.argv) == 2 else ask(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
except OSError as e:
    sys.exit("echo.py: %s" % e)
except KeyboardInterrupt:
    pass
