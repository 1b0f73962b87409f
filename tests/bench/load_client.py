"""A small client in a process of its own: kept connections, requests one after the other, what each took.

Reads one JSON object on standard input (see `Load` in sheet_load.py) and writes one.
"""

import asyncio
import json
import os
import sys
import time
from typing import Any


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> int:
    """Send one request and read its whole answer; the status."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower()
    start = lines.index(b"content-length:") + 15
    await reader.readexactly(int(lines[start : lines.index(b"\r\n", start)]))
    return int(head[9:12])


async def visit(load: dict[str, Any], mine: list[bytes], found: list[tuple[float, int]], until: float) -> None:
    """One client: its requests in turns, until the time or, where they are for once only, they are over."""
    reader, writer = await asyncio.open_connection("127.0.0.1", load["port"], limit=1 << 20)
    place = 0
    while time.perf_counter() < until and (place < len(mine) or not load["once"]):
        began = time.perf_counter()
        if writer.is_closing() or reader.at_eof():
            reader, writer = await asyncio.open_connection("127.0.0.1", load["port"], limit=1 << 20)
        try:
            status = await ask(reader, writer, mine[place % len(mine)])
        except (ConnectionError, asyncio.IncompleteReadError):
            # the server let an idle connection go
            reader, writer = await asyncio.open_connection("127.0.0.1", load["port"], limit=1 << 20)
            status = await ask(reader, writer, mine[place % len(mine)])
        found.append((time.perf_counter() - began, status))
        place += 1
        if load["pause"]:
            await asyncio.sleep(load["pause"])
    writer.close()


async def run(load: dict[str, Any]) -> dict[str, Any]:
    """All clients at once."""
    found: list[tuple[float, int]] = []
    requests = [request.encode() for request in load["requests"]]
    began = time.perf_counter()
    shares = [requests[place :: load["clients"]] or requests for place in range(load["clients"])]
    await asyncio.gather(*(visit(load, share, found, began + load["seconds"]) for share in shares))
    wall = time.perf_counter() - began
    spent = os.times()
    waits = sorted(wait * 1_000 for wait, _ in found)
    return {
        "wall": wall,
        "count": len(found),
        "refused": sum(status != 200 for _, status in found),
        "p50": waits[len(waits) // 2],
        "p95": waits[int(len(waits) * 0.95)],
        "processor": spent.user + spent.system,
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(json.load(sys.stdin)))))
