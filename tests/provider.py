"""Provider of SMS with Twilio's form protocol that fails on request, for chaos tests and measurements.

Run as a script it prints its port and serves until its standard input closes; `running` does that. Each accepted
message is stored before the answer and stays stored, even if a process dies afterwards.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs, unquote_plus

SLOW_SECONDS = 0.2
WAYS = ("slow", "twice", "taken and 500", "not taken and 500", "taken and cut", "not taken and cut", "busy")
"""How a request is answered that is not answered plainly."""


@dataclass(frozen=True)
class Timing:
    """Clock that runs faster than the real one: it showed `start` (seconds of the epoch) at the real time `began`."""

    start: float
    began: float
    speed: float = 1.0

    def now(self) -> float:
        return self.start + (time.time() - self.began) * self.speed


@dataclass(frozen=True)
class Provider:
    url: str

    def taken(self) -> list[tuple[str, str]]:
        """Return (number, id of our attempt) of each accepted message, in order."""
        return [(to, attempt) for to, attempt in self._get("/taken")]

    def count(self) -> int:
        return int(self._get("/count"))

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return json.load(answer)


@contextmanager
def running(
    *, delay: float = 0.0, chaos: float = 0.0, seed: int = 1, timing: Timing | None = None
) -> Iterator[Provider]:
    """Run the provider. `delay`: seconds before each answer. `chaos`: the share of requests that fail in some way."""
    told = {"delay": delay, "chaos": chaos, "seed": seed, "timing": vars(timing) if timing else None}
    command = [sys.executable, "-I", __file__, json.dumps(told)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Provider(f"http://127.0.0.1:{int(process.stdout.readline())}")
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


# --- the server -----------------------------------------------------------------------------------


class _Desk:
    def __init__(self, delay: float, chaos: float, seed: int, timing: Timing) -> None:
        self.delay, self.chaos, self.timing = delay, chaos, timing
        self.dice = random.Random(seed)
        self.taken: list[dict[str, str]] = []
        self.by_number: dict[str, list[dict[str, str]]] = {}

    def way(self) -> str:
        return self.dice.choice(WAYS) if self.chaos and self.dice.random() < self.chaos else "plain"

    def take(self, form: bytes) -> dict[str, str]:
        fields = dict(part.split("=", 1) for part in form.decode().split("&"))
        message = {
            "sid": f"SM{len(self.taken):032d}",
            "to": unquote_plus(fields["To"]),
            "body": unquote_plus(fields["Body"]),
            "attempt": unquote_plus(fields.get("StatusCallback", "")).partition("attempt=")[2],
            "date_created": formatdate(self.timing.now()),
        }
        self.taken.append(message)
        self.by_number.setdefault(message["to"], []).append(message)
        return message

    def listed(self, number: str) -> bytes:
        said = {"status": "sent", "direction": "outbound-api"}
        found = [message | said for message in reversed(self.by_number.get(number, []))]
        return json.dumps({"messages": found, "next_page_uri": None}).encode()


class _Connection(asyncio.Protocol):
    def __init__(self, desk: _Desk) -> None:
        self.desk, self.buffer = desk, b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end]
            at = head.lower().find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.buffer) < end + 4 + length:
                return
            body = self.buffer[end + 4 : end + 4 + length]
            self.buffer = self.buffer[end + 4 + length :]
            self.asked(head.split(b" ", 2), body)

    def asked(self, line: list[bytes], body: bytes) -> None:
        method, path = line[0], line[1].decode()
        if method == b"POST":
            self.message(body)
        elif path == "/count":
            self.answer(200, str(len(self.desk.taken)).encode())
        elif path == "/taken":
            self.answer(200, json.dumps([(m["to"], m["attempt"]) for m in self.desk.taken]).encode())
        else:
            self.answer(200, self.desk.listed(parse_qs(path.partition("?")[2])["To"][0]))

    def message(self, body: bytes) -> None:
        way = self.desk.way()
        if way == "busy":
            self.answer(429, b'{"code": 20429, "status": 429}')
            return
        if way.startswith("not taken"):
            self.fail(way)
            return
        message = self.desk.take(body)
        if way.startswith("taken"):
            self.fail(way)
            return
        said = f'{{"sid": "{message["sid"]}", "to": "{message["to"]}", "status": "queued"}}'.encode()
        delay = self.desk.delay + (SLOW_SECONDS if way == "slow" else 0)
        for _ in range(2 if way == "twice" else 1):
            if delay:
                asyncio.get_running_loop().call_later(delay, self.answer, 201, said)
            else:
                self.answer(201, said)

    def fail(self, way: str) -> None:
        if way.endswith("cut"):
            self.transport.abort()
        else:
            self.answer(500, b'{"code": 20500, "status": 500}')

    def answer(self, status: int, body: bytes) -> None:
        if self.transport.is_closing():
            return
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.transport.write(head.encode() + body)


async def serve(desk: _Desk) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(desk), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - whoever started it reads this
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()


if __name__ == "__main__":
    told = json.loads(sys.argv[1])
    told["timing"] = Timing(**told["timing"]) if told["timing"] else Timing(time.time(), time.time())
    asyncio.run(serve(_Desk(**told)))
