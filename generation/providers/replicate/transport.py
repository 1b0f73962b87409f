"""The connections below the official client, and the calls that it cannot carry: thousands of creates, polls and lists
in flight, their JSON read whole. aiohttp takes a third of the processor time of httpcore (docs/adr/0007).

What matters is what a failure means. Only where no connection was made is it a ConnectError (nothing was sent);
whatever happens after that is a ReadError or ReadTimeout: the request may have been taken. aiohttp repeats no POST
(pinned by a test).
"""

import asyncio
import io
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import aiohttp
import httpx
from multidict import CIMultiDict
from yarl import URL

from generation.providers.safe_download import tls_context

# As many as the conductor sends at once: who waits for a connection loses time of his claim.
CONNECTIONS = 200
KEPT_ALIVE_SECONDS = 30.0
LARGE_BODY = 1_000_000
Headers = Mapping[str, str] | list[tuple[str, str]]

# Of an answer that succeeded nothing else is read.
READ_HEADERS = ("content-type", "location")


def read_timeout(limits: Mapping[str, float | None]) -> aiohttp.ClientTimeout:
    """Turn httpx's time limits (a time-out's `as_dict`, in seconds) into aiohttp's."""
    return aiohttp.ClientTimeout(
        connect=limits.get("pool"), sock_connect=limits.get("connect"), sock_read=limits.get("read")
    )


@lru_cache(maxsize=256)
def _address(url: str) -> URL:
    return URL(url, encoded=True)


class HttpFailure(Exception):
    """An answer of 300 or more, whole: the official client would keep only three words of it."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(f"HTTP {status}")
        self.status, self.headers, self.body = status, headers, body


class Answer(NamedTuple):
    """A whole answer below 300; of its headers only `READ_HEADERS`."""

    status: int
    headers: dict[str, str]
    content: bytes


class ReplicateTransport(httpx.AsyncBaseTransport):
    """One event loop's connections to an API at `base_url` (without "/v1").

    Under the client's own retries raising keeps failures whole, and keeps the client from sleeping on them: when to
    ask again is the conductor's decision, under one rate limit for everybody.
    """

    def __init__(self, *, base_url: str, token: str, timeout: httpx.Timeout) -> None:
        self._base_url = base_url
        self._headers = CIMultiDict({"Authorization": f"Bearer {token}", "User-Agent": "loupe"})
        self._limits = read_timeout(timeout.as_dict())
        self._session: aiohttp.ClientSession | None = None

    async def post(self, path: str, body: bytes, *, headers: Mapping[str, str]) -> Answer:
        """Send JSON once and read the whole answer. Raises HttpFailure, or httpx's errors as the module says."""
        headers = CIMultiDict({**self._headers, "Content-Type": "application/json", **headers})
        return await self._send("POST", self._base_url + path, headers=headers, body=body, limits=self._limits)

    async def get(self, path: str) -> Answer:
        """Read the whole answer. Raises as `post`."""
        return await self._send("GET", self._base_url + path, headers=self._headers, body=b"", limits=self._limits)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Carry a request of the official client. Raises as `post`."""
        answer = await self._send(
            request.method,
            str(request.url),
            headers=request.headers.multi_items(),
            body=await request.aread(),
            limits=read_timeout(request.extensions.get("timeout", {})),
        )
        return httpx.Response(answer.status, headers=answer.headers, content=answer.content, request=request)

    async def _send(
        self, method: str, url: str, *, headers: Headers, body: bytes, limits: aiohttp.ClientTimeout
    ) -> Answer:
        try:
            async with self._connected().request(
                method,
                _address(url),
                headers=headers,
                # an upload is read from a file-like object, piece by piece
                data=io.BytesIO(body) if len(body) > LARGE_BODY else body or None,
                allow_redirects=False,
                timeout=limits,
            ) as answer:
                content = await answer.read()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise httpx.ConnectError(str(error)) from error
        except TimeoutError as error:
            raise httpx.ReadTimeout("The answer took too long.") from error
        except (aiohttp.ClientError, OSError) as error:
            raise httpx.ReadError(f"{type(error).__name__}: {error}") from error
        if answer.status >= 300:
            raise HttpFailure(answer.status, answer.headers, content)
        read = {name: answer.headers[name] for name in READ_HEADERS if name in answer.headers}
        return Answer(answer.status, read, content)

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=KEPT_ALIVE_SECONDS, ssl=tls_context())
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._session

    async def aclose(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None
            # a transport closes in the next turn of the loop
            await asyncio.sleep(0)
