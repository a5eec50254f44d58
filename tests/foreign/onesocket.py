"""A client of onesocket.v1, written from PROTOCOL.md and nothing else."""

import asyncio
import base64
import json
import re
import secrets

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

FINAL = {1000, 1002, 1003, 1007, 1008, 1009, 1010, *range(4400, 4500)}
OPTIONS = {"ping_interval": None, "compression": None, "max_size": None, "proxy": None}
PATIENCE = 10  # seconds until the welcome, and beyond a ping that is due


class Refused(Exception):
    """Something was refused or lost; the arguments are a code and a sentence."""


def write(head, *payload):
    """Writes a frame, with its payload if it has one: a text, bytes, or JSON."""
    data = payload[0] if payload else None
    if isinstance(data, str):
        head = {**head, "format": "text"}
    text = json.dumps(head)
    if isinstance(data, bytes):
        return f"{text}\n".encode() + data
    return "\n".join([text, *(d if isinstance(d, str) else json.dumps(d) for d in payload)])


def read(received):
    """Reads a frame; its payload, if it has one, is `data`."""
    end = b"\n" if isinstance(received, bytes) else "\n"
    head, found, payload = received.partition(end)
    frame = json.loads(head)
    if found:
        is_json = isinstance(received, str) and "format" not in frame
        frame["data"] = json.loads(payload) if is_json else payload
    return frame


class Client:
    """One client: it outlives its sockets and numbers what it says."""

    def __init__(self, url, get_token, on_event):
        self.url, self.get_token, self.on_event = url, get_token, on_event
        self.name = secrets.token_urlsafe(16)
        self.outgoing = None  # what waits to be written, while connected; `None` in it closes
        self.last_id = self.sent = 0  # `sent`: up to this one the server may have had it
        self.groups = {}  # those to be in, with the answers to their joins
        self.kept, self.answers, self.epoch = {}, {}, None  # messages to send again; all futures

    async def run(self):
        """Connects, and comes back until a close is final; returns its code and its reason."""
        fresh = False  # whether a new token has been tried since a welcome
        while True:
            code, reason, welcomed = await self._connection()
            self.on_event({"event": "closed", "code": code, "reason": reason})
            again, fresh = code == 4401 and (welcomed or not fresh), code == 4401
            if code in FINAL and not again and code != 4529:
                self._settle([*self.kept], Refused("closed", f"{code} {reason}"))
                return code, reason
            delay = re.fullmatch(r"retry-after-ms=(\d+)", reason) if code == 4529 else None
            await asyncio.sleep(0 if again else int(delay[1]) / 1000 if delay else 0.1)

    def message(self, data):
        """Something for the server itself, text, bytes or JSON; the future has its answer."""
        return self._ask({"type": "message"}, payload=[data])

    def publish(self, group, data):
        """Something for the other members of a group; the future has its answer."""
        return self._ask({"type": "publish", "group": group}, payload=[data])

    def join(self, group):
        """Hears a group from now on, after reconnects too."""
        self.groups[group] = self._ask({"type": "join", "group": group})
        return self.groups[group]

    def leave(self, group):
        """Hears a group no more."""
        self.groups.pop(group, None)
        return self._ask({"type": "leave", "group": group})

    def _ask(self, head, answer=None, payload=()):
        self.last_id += 1
        frame = write({**head, "id": self.last_id}, *payload)
        if payload:
            self.kept[self.last_id] = frame
        self._say(frame)
        self.answers[self.last_id] = answer or asyncio.get_running_loop().create_future()
        return self.answers[self.last_id]

    def _say(self, frame):
        if self.outgoing:
            self.sent = self.last_id
            self.outgoing.put_nowait(frame)

    async def _connection(self):
        """One socket up to its close: the code, the reason, and whether there was a welcome."""
        socket, tasks = None, []
        try:
            token = base64.urlsafe_b64encode((await self.get_token()).encode()).decode().rstrip("=")
            offered = ["onesocket.v1", f"onesocket.token.{token}", f"onesocket.client.{self.name}"]
            socket = await connect(self.url, subprotocols=offered, **OPTIONS)
            welcome = read(await asyncio.wait_for(socket.recv(), PATIENCE))
            self._welcomed(welcome)
            tasks.append(asyncio.create_task(self._write(socket, self.outgoing)))
            tasks.append(asyncio.create_task(self._refresh(welcome.get("tokenExpiresInMs", 0))))
            while True:
                silence = welcome["pingIntervalMs"] / 1000 + PATIENCE
                self._heard(await asyncio.wait_for(socket.recv(), silence))
        except (OSError, EOFError, asyncio.TimeoutError, WebSocketException) as error:
            if socket is None:
                return 1006, str(error), False
            await socket.close(4408, "silence")  # says nothing where it has been closed
            return socket.close_code, socket.close_reason, bool(self.outgoing)
        finally:
            self.outgoing = None
            for task in tasks:
                task.cancel()

    def _welcomed(self, welcome):
        self.on_event({"event": "welcome", **welcome})
        self.outgoing = asyncio.Queue()
        if welcome.get("epoch", False) != self.epoch:  # it has forgotten, or never remembers
            sent = [number for number in self.kept if number <= self.sent]
            self._settle(sent, Refused("unknown", "the server does not remember it"))
        self.epoch = welcome.get("epoch")
        asked = sorted(self.answers.keys() - self.kept.keys())
        gone = [number for number in asked if self.answers[number] not in self.groups.values()]
        self._settle(gone, Refused("lost", "asked over a connection that has ended"))
        self.answers = {number: self.answers[number] for number in self.kept}
        for group, answer in self.groups.items():
            self._ask({"type": "join", "group": group}, answer)
        for frame in self.kept.values():
            self._say(frame)

    async def _write(self, socket, outgoing):
        while frame := await outgoing.get():
            await socket.send(frame)
        await socket.close()

    async def _refresh(self, life):
        """Refreshes the token a minute before it runs out, at half its life where that is later."""
        while life:
            await asyncio.sleep(max(life - 60_000, life / 2) / 1000)
            answer = await self._ask({"type": "refresh", "token": await self.get_token()})
            life = answer["tokenExpiresInMs"]

    def _heard(self, received):
        frame = read(received)
        kind, number = frame["type"], frame.get("id")
        if kind == "ping":
            self._say(write({"type": "pong"}))
        elif kind == "error":
            self._settle([number], Refused(frame["code"], frame["message"]))
        elif kind in ("ack", "refreshed"):
            earlier = [kept for kept in self.kept if number in self.kept and kept < number]
            self._settle([*earlier, number], frame)
        self.on_event({"event": kind, **frame})

    def _settle(self, numbers, outcome):
        for number in numbers:
            answer, _ = self.answers.pop(number, None), self.kept.pop(number, None)
            if answer and not answer.done():
                refused = isinstance(outcome, Refused)
                answer.set_exception(outcome) if refused else answer.set_result(outcome)
