"""Lets a test drive the client: a command a line comes in, an event a line goes out.

`{"do": "join", "args": ["tea"], "call": 1}` is followed by `{"event": "done", "call": 1}` once the
server has answered it, or by `{"event": "refused", "call": 1, "code": ...}`. Bytes are written as
`{"base64": "..."}`. It ends with its input.
"""

import asyncio
import base64
import contextlib
import json
import sys
import urllib.request

from onesocket import Client, Refused

HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def tell(event):
    """Writes an event."""
    if isinstance(event.get("data"), bytes):
        event["bytes"] = {"base64": base64.b64encode(event.pop("data")).decode()}
    print(json.dumps(event), flush=True)


def read(arg):
    """Reads an argument of a command."""
    return base64.b64decode(arg["base64"]) if isinstance(arg, dict) and "base64" in arg else arg


def fetch(url, user):
    """Gets a token for a user from the server, as a page would from its own back end."""
    body = json.dumps({"user": user}).encode()
    with HTTP.open(urllib.request.Request(url, body)) as response:
        return json.load(response)["token"]


async def main(url, token_url, user):
    loop = asyncio.get_running_loop()

    async def get_token():
        tell({"event": "token"})
        if token_url.startswith("http"):
            return await loop.run_in_executor(None, fetch, token_url, user)
        return token_url

    client = Client(url, get_token, tell)

    async def report(call, answer):
        try:
            await answer
            tell({"event": "done", "call": call})
        except Refused as refused:
            tell({"event": "refused", "call": call, "code": refused.args[0]})

    async def take_commands():
        reports = set()
        lines = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        while line := await lines.readline():
            command = json.loads(line)
            answer = getattr(client, command["do"])(*[read(arg) for arg in command["args"]])
            reports.add(loop.create_task(report(command["call"], answer)))

        if client.outgoing:
            client.outgoing.put_nowait(None)
        else:
            run.cancel()

    run = loop.create_task(client.run())
    commands = loop.create_task(take_commands())
    code, reason = await run
    tell({"event": "ended", "code": code, "reason": reason})
    await commands


if __name__ == "__main__":
    with contextlib.suppress(asyncio.CancelledError, KeyboardInterrupt):
        asyncio.run(main(*sys.argv[1:]))
