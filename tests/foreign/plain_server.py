"""A WebSocket server of somebody else's making (Python's `websockets`), which knows nothing of
onesocket: it sends back what it gets. plain_server.mjs is the same in Node.js.

The texts `ping`, `mute` and `close CODE` do what they say. What happens is told on standard output, a
line of JSON each.
"""

import asyncio
import json
import re

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed


def tell(**line):
    print(json.dumps(line), flush=True)


def select_subprotocol(_, offered):
    return "chat" if "chat" in offered else None


async def talk(socket):
    muted = False
    offered = socket.request.headers.get("Sec-WebSocket-Protocol", "")
    protocols = [protocol for protocol in re.split(", *", offered) if protocol]
    tell(event="opened", path=socket.request.path, protocols=protocols)
    try:
        async for data in socket:
            if isinstance(data, bytes):
                tell(event="bytes", bytes=list(data))
                await socket.send(data)
                continue
            tell(event="text", text=data)
            if data == "mute":
                muted = True
            elif data.startswith("close "):
                await socket.close(int(data[6:]))
            elif not muted:
                await socket.send("pong" if data == "ping" else data)
    except ConnectionClosed:
        pass
    finally:
        tell(event="closed")


async def main():
    # It does not ping by itself: that is the client's affair here.
    settings = {"select_subprotocol": select_subprotocol, "ping_interval": None}
    async with serve(talk, "127.0.0.1", 0, **settings) as server:
        tell(event="listening", port=server.sockets[0].getsockname()[1])
        await server.serve_forever()


asyncio.run(main())
