"""A small HTTP/1.1 server on asyncio for the fakes: exact bytes on the wire, faults included, little CPU.

No framework: a fake must be able to cut an answer in half, promise more than it sends, or never answer, and to hold
thousands of connections beside the program under test.
"""

import argparse
import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(slots=True)
class Request:
    """One request as received; header names in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON, None where it is not."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass(slots=True)
class Answer:
    """One answer, sent after `delay` seconds.

    `fault`: "hang" never answers, "drop" closes without a byte, "truncate" promises the whole and sends half,
    "endless" sends the body again and again without a length, "drip" sends a byte a second.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    fault: str = ""


Handler = Callable[[Request], Answer]


def json_answer(content: Any, *, status: int = 200, delay: float = 0.0, **headers: str) -> Answer:
    """JSON as the providers send it. Header names are given with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(
        status=status,
        body=json.dumps(content).encode(),
        headers={"content-type": "application/json", **named},
        delay=delay,
    )


class _Connection(asyncio.Protocol):
    def __init__(self, server: "HttpServer") -> None:
        self.server = server
        self.buffer = b""
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.server.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (request := self._take_request()) is not None:
            self._answer(request)

    def _take_request(self) -> Request | None:
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if headers.get("transfer-encoding", "").lower() == "chunked":
            taken = _take_chunks(rest)
            if taken is None:
                return None
            body, self.buffer = taken
        else:
            length = int(headers.get("content-length", "0"))
            if len(rest) < length:
                return None
            body, self.buffer = rest[:length], rest[length:]
        method, target, _ = first.split(" ", 2)
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        return Request(method, unquote(parts.path), query, headers, body)

    def _answer(self, request: Request) -> None:
        try:
            answer = self.server.handler(request)
        except Exception as error:  # the fake itself is wrong: say so to the test
            answer = Answer(599, f"{type(error).__name__}: {error}".encode())
            self.server.mistakes.append(answer.body.decode())
        if answer.fault == "hang":
            return
        if answer.delay > 0:
            asyncio.get_running_loop().call_later(answer.delay, self._send, request, answer)
        else:
            self._send(request, answer)

    def _send(self, request: Request, answer: Answer) -> None:
        if self.transport.is_closing():
            return
        if answer.fault == "drop":
            self.transport.abort()
            return
        try:
            phrase = HTTPStatus(answer.status).phrase
        except ValueError:
            phrase = "Unknown"
        headers = dict(answer.headers)
        if answer.fault == "endless":
            headers["connection"] = "close"
        else:
            headers["content-length"] = str(len(answer.body))
        head = f"HTTP/1.1 {answer.status} {phrase}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.transport.write(f"{head}\r\n".encode("latin-1"))
        if request.method == "HEAD":
            return
        self._send_body(answer)

    def _send_body(self, answer: Answer) -> None:
        if answer.fault == "truncate":
            self.transport.write(answer.body[: len(answer.body) // 2])
            self.transport.close()
        elif answer.fault == "endless":
            self._repeat(answer.body or b"\0" * 65_536)
        elif answer.fault == "drip":
            self._drip(answer.body)
        else:
            self.transport.write(answer.body)

    def _repeat(self, body: bytes) -> None:
        if not self.transport.is_closing():
            if self.transport.get_write_buffer_size() < 1_000_000:
                self.transport.write(body)
            asyncio.get_running_loop().call_later(0.001, self._repeat, body)

    def _drip(self, body: bytes) -> None:
        if body and not self.transport.is_closing():
            self.transport.write(body[:1])
            asyncio.get_running_loop().call_later(1.0, self._drip, body[1:])


def _take_chunks(data: bytes) -> tuple[bytes, bytes] | None:
    """The joined chunks and what follows them, None while they are not all there."""
    body = b""
    while True:
        size_line, found, rest = data.partition(b"\r\n")
        if not found:
            return None
        size = int(size_line.split(b";")[0], 16)
        if len(rest) < size + 2:
            return None
        if size == 0:
            return body, rest[2:]
        body, data = body + rest[:size], rest[size + 2 :]


class HttpServer:
    """Listens on 127.0.0.1 and answers with `handler`. `mistakes` holds the fake's own errors."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.connections: set[_Connection] = set()
        self.mistakes: list[str] = []
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0) -> int:
        """Listen; returns the port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", port, backlog=1024)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close the door and every connection."""
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.transport.abort()
        await asyncio.sleep(0)


async def serve_for_ever(handler: Handler) -> None:
    """What `python -m tests.fakes.NAME_server --port N` does: prints its address, then serves until it is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    port = await HttpServer(handler).start(parser.parse_args().port)
    print(f"http://127.0.0.1:{port}", flush=True)
    await asyncio.Event().wait()
