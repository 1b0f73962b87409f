"""Downloads of rendered outputs, by our own rules: the address of an output is a stranger's word.

Only http(s), only hosts on the allow-list, only public addresses unless a host:port is named in the settings. The
name is resolved once by us and the connection goes to that very address, so that a name cannot point elsewhere
between check and use. Redirects are followed by hand, each checked again. No credentials, except to the one host
that they belong to.
"""

import ipaddress
import math
import socket
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urljoin, urlsplit

import httpx

from generation.rules.values import OutputUnusable, ProviderBusy

MOST_REDIRECTS = 3
TIMEOUT = httpx.Timeout(30.0, connect=10.0)
# A server that sends a byte now and then must not hold a worker for ever.
MOST_SECONDS = 180.0
DEFAULT_PORTS = {"http": 80, "https": 443}
# IPv6 ranges that carry an IPv4 address inside: NAT64, and its local twin.
NAT64 = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class FetchRules:
    """Where outputs may come from.

    `hosts`: public hosts, https on the usual port; ".name" means every host below it. `named`: "host:port" entries
    that may be plain http and may have a private address. `tokens`: bearer token by "host:port", sent there only.
    """

    hosts: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()
    tokens: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def build(
        cls, *, hosts: Iterable[str], named: Iterable[str] = (), tokens: Mapping[str, str] | None = None
    ) -> "FetchRules":
        """Rules from settings' words; an entry of `named` without a port means both usual ports."""
        places: set[str] = set()
        for entry in named:
            entry = entry.strip().lower()
            if not entry:
                continue
            has_port = entry.rpartition(":")[2].isdigit() and not entry.endswith("]")
            places.update([entry] if has_port else [f"{entry}:80", f"{entry}:443"])
        return cls(frozenset(host.lower() for host in hosts), frozenset(places), dict(tokens or {}))


@dataclass(frozen=True, slots=True)
class _Target:
    """One checked hop: what to ask, and the very address to connect to."""

    url: str
    scheme: str
    host: str
    port: int
    path: str
    address: str

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port}"


def fetch_output(url: str, *, max_bytes: int, rules: FetchRules) -> Iterator[bytes]:
    """Stream one output in chunks, at most `max_bytes` bytes of it.

    Raises OutputUnusable (forbidden_address, gone, too_large, truncated, not_an_image) or, where another try later
    may do, ProviderBusy. Nothing is asked before the first chunk is.
    """
    deadline = time.monotonic() + MOST_SECONDS
    for _ in range(MOST_REDIRECTS + 1):
        target = _check(url, rules)
        with httpx.Client(verify=tls_context(), timeout=TIMEOUT, trust_env=False, follow_redirects=False) as client:
            try:
                with client.stream(
                    "GET",
                    _pinned_url(target),
                    headers=_headers(target, rules),
                    extensions={"sni_hostname": target.host.strip("[]")},
                ) as response:
                    if response.status_code in (301, 302, 303, 307, 308):
                        url = urljoin(target.url, response.headers.get("location", ""))
                        continue
                    _refuse_failure(response)
                    yield from _read(response, max_bytes=max_bytes, deadline=deadline)
                    return
            except httpx.RemoteProtocolError as error:
                raise OutputUnusable("The output ended before it was whole.", kind="truncated") from error
            except httpx.TransportError as error:
                raise ProviderBusy("The output could not be downloaded just now.", kind="download") from error
    raise OutputUnusable("The output was redirected too often.", kind="forbidden_address")


def _headers(target: _Target, rules: FetchRules) -> dict[str, str]:
    plain = target.port == DEFAULT_PORTS[target.scheme]
    headers = {
        "Host": target.host if plain else target.place,
        "Accept": "image/*",
        # a compressed answer could unpack to anything: pictures are compressed already
        "Accept-Encoding": "identity",
        "User-Agent": "Loupe",
    }
    if token := rules.tokens.get(target.place):
        headers["Authorization"] = f"Bearer {token}"
    return headers


def _pinned_url(target: _Target) -> str:
    address = f"[{target.address}]" if ":" in target.address else target.address
    return f"{target.scheme}://{address}:{target.port}{target.path}"


def _check(url: str, rules: FetchRules) -> _Target:
    """The hop behind `url`, if the rules allow it. Raises OutputUnusable; ProviderBusy where no name server answers."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _forbidden("its address cannot be read") from error
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise _forbidden("it is not a web address")
    if parts.username or parts.password:
        raise _forbidden("its address carries a name or password")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname.lower().rstrip(".")
    port = port or DEFAULT_PORTS[parts.scheme]
    named = f"{host}:{port}" in rules.named
    if not named and not _is_listed(host, rules):
        raise _forbidden(f"{host} is not on the list of hosts that outputs may come from")
    if not named and (parts.scheme, port) != ("https", 443):
        raise _forbidden("only https on the usual port is used for it")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    address = _resolve(host, port, private_allowed=named)
    return _Target(url, parts.scheme, host, port, path, address)


def _is_listed(host: str, rules: FetchRules) -> bool:
    return host in rules.hosts or any(entry.startswith(".") and host.endswith(entry) for entry in rules.hosts)


def _resolve(host: str, port: int, *, private_allowed: bool) -> str:
    """One address of `host`. If any of its addresses is not public, none is used."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise _forbidden("its host name cannot be read") from error
    except OSError as error:
        raise ProviderBusy(f"The name {host} cannot be found just now.", kind="download") from error
    addresses = [str(entry[4][0]).split("%")[0] for entry in found]
    if not addresses:
        raise ProviderBusy(f"The name {host} cannot be found just now.", kind="download")
    if not private_allowed and not all(is_public(ipaddress.ip_address(address)) for address in addresses):
        raise _forbidden(f"{host} points to an address that is not public")
    return addresses[0]


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public internet, the IPv4 address inside an IPv6 one included."""
    if isinstance(address, ipaddress.IPv6Address):
        inside = address.ipv4_mapped or address.sixtofour
        if address.teredo:
            inside = address.teredo[1]
        if any(address in network for network in NAT64):
            inside = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inside is not None:
            return is_public(inside)
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _refuse_failure(response: httpx.Response) -> None:
    status = response.status_code
    if status == 429 or status >= 500:
        raise ProviderBusy(
            "The output could not be downloaded just now.",
            kind="download",
            retry_after=read_retry_after(response.headers),
        )
    if status != 200:
        raise OutputUnusable("The provider no longer has this output.", kind="gone")
    media_type = response.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type.startswith("text/") or "svg" in media_type or "json" in media_type:
        raise OutputUnusable("What the provider sent is not a picture.", kind="not_an_image")
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise OutputUnusable("What the provider sent is packed in a way that we do not open.", kind="not_an_image")


def _read(response: httpx.Response, *, max_bytes: int, deadline: float) -> Iterator[bytes]:
    promised = response.headers.get("content-length", "")
    if promised.isdigit() and int(promised) > max_bytes:
        raise _too_large(max_bytes)
    received = 0
    for chunk in response.iter_raw():  # as they come: waiting for full chunks would wait for a dripping server
        received += len(chunk)
        if received > max_bytes:
            raise _too_large(max_bytes)
        if time.monotonic() > deadline:
            raise ProviderBusy("The output came too slowly.", kind="download")
        yield chunk
    if received == 0 or (promised.isdigit() and received != int(promised)):
        raise OutputUnusable("The output ended before it was whole.", kind="truncated")


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from a Retry-After header in seconds; None where there is none."""
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _forbidden(why: str) -> OutputUnusable:
    return OutputUnusable(f"The output was not downloaded: {why}.", kind="forbidden_address")


def _too_large(max_bytes: int) -> OutputUnusable:
    return OutputUnusable(f"The output is larger than {max_bytes / 1_000_000:.0f} MB.", kind="too_large")


@lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    """One context a process: building it reads every certificate of the system."""
    return httpx.create_ssl_context(trust_env=False)
