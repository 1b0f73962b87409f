"""Downloads follow our rules, whatever the address, the name server or the other side says."""

import io
import ipaddress
import socket
import threading
from typing import Any

import pytest
from PIL import Image

from generation.providers.safe_download import FetchRules, fetch_output, is_public
from generation.rules.values import OutputUnusable, ProviderBusy
from tests.fakes import pictures
from tests.fakes.running import RunningFake, run_in_thread
from tests.fakes.wire import Answer, Request

PICTURE = pictures.draw_picture(256, 256, 7)
LIMIT = 5_000_000


class Shelf:
    """A server with one file a path, and a note of what was asked with which headers."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[Request] = []
        self.lock = threading.Lock()

    def handle(self, request: Request) -> Answer:
        with self.lock:
            self.asked.append(request)
        return self.answers.get(request.path, Answer(404, b"no", {"content-type": "text/plain"}))


@pytest.fixture
def shelf() -> Any:
    with_files = Shelf()
    with_files.answers["/picture.png"] = Answer(200, PICTURE, {"content-type": "image/png"})
    with run_in_thread(with_files.handle) as running:
        yield with_files, running


def named(running: RunningFake, **options: Any) -> FetchRules:
    return FetchRules.build(hosts=["replicate.delivery", ".replicate.delivery"], named=[running.place], **options)


def fetch(url: str, rules: FetchRules, *, max_bytes: int = LIMIT) -> bytes:
    return b"".join(fetch_output(url, max_bytes=max_bytes, rules=rules))


def test_a_picture_arrives_whole(shelf: Any) -> None:
    files, running = shelf
    content = fetch(f"{running.url}/picture.png?signature=1", named(running))
    assert content == PICTURE
    with Image.open(io.BytesIO(content)) as image:
        image.verify()
    assert files.asked[0].headers["host"] == running.place
    assert "authorization" not in files.asked[0].headers
    assert files.asked[0].query == {"signature": "1"}


def test_the_token_goes_only_to_its_own_host(shelf: Any) -> None:
    files, running = shelf
    fetch(f"{running.url}/picture.png", named(running, tokens={running.place: "r8_x"}))
    fetch(f"{running.url}/picture.png", named(running, tokens={"api.replicate.com:443": "r8_x"}))
    assert [request.headers.get("authorization") for request in files.asked] == ["Bearer r8_x", None]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{other}/picture.png",  # another port of the same machine
        "http://localhost:{port}/picture.png",  # another name of a named place
        "http://2130706433:{port}/picture.png",
        "http://0x7f.1:{port}/picture.png",
        "http://[::1]:{port}/picture.png",
        "http://[::ffff:127.0.0.1]:{port}/picture.png",
        "http://0.0.0.0:{port}/picture.png",
        "http://169.254.169.254/latest/meta-data/",
        "http://user:secret@127.0.0.1:{port}/picture.png",
        "http://127.0.0.1:{port}@evil.example/picture.png",
        "http://replicate.delivery/picture.png",  # not https
        "https://replicate.delivery:8443/picture.png",
        "https://replicate.delivery.evil.example/picture.png",
        "https://notreplicate.delivery/picture.png",
        "file:///etc/passwd",
        "ftp://127.0.0.1:{port}/picture.png",
        "gopher://127.0.0.1:{port}/x",
        "data:image/png;base64,AAAA",
        "//127.0.0.1:{port}/picture.png",
        "http://127.0.0.1:99999/picture.png",
        "http://[::1/picture.png",
        "",
        "javascript:alert(1)",
    ],
)
def test_an_address_outside_the_rules_is_never_asked(shelf: Any, url: str) -> None:
    files, running = shelf
    port = int(running.place.partition(":")[2])
    with pytest.raises(OutputUnusable) as refused:
        fetch(url.format(port=port, other=port + 1 if port < 65_535 else port - 1), named(running))
    assert refused.value.kind == "forbidden_address"
    assert files.asked == []


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.0.9", "172.16.0.1", "169.254.169.254", "0.0.0.0", "::1", "fe80::1", "fd00::1"],
)
def test_a_listed_name_that_points_inside_is_refused(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET

    def resolve(host: str, port: int, **options: Any) -> Any:
        public = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("104.18.1.1", port))
        return [public, (family, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(OutputUnusable, match="not public"):
        fetch("https://replicate.delivery/picture.png", FetchRules.build(hosts=["replicate.delivery"]))


def test_the_connection_goes_to_the_address_that_was_checked(shelf: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rebinding: the second answer of the name server is never asked for."""
    files, running = shelf
    port = int(running.place.partition(":")[2])
    real, answers = socket.getaddrinfo, []

    def resolve(host: Any, *rest: Any, **options: Any) -> Any:
        if host == "pictures.example":
            answers.append(host)
            address = "127.0.0.1" if len(answers) == 1 else "127.0.0.66"
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]
        return real(host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    rules = FetchRules.build(hosts=[], named=[f"pictures.example:{port}"])
    assert fetch(f"http://pictures.example:{port}/picture.png", rules) == PICTURE
    assert answers == ["pictures.example"]
    assert files.asked[0].headers["host"] == f"pictures.example:{port}"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("104.18.1.1", True),
        ("2606:4700::6812:101", True),
        ("100.64.0.1", False),  # carrier NAT
        ("192.0.2.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::7f00:1", False),  # NAT64 of 127.0.0.1
        ("2002:7f00:1::", False),  # 6to4 of 127.0.0.1
        ("::", False),
    ],
)
def test_what_counts_as_public(address: str, public: bool) -> None:
    assert is_public(ipaddress.ip_address(address)) is public


def test_redirects_are_followed_by_our_rules(shelf: Any) -> None:
    files, running = shelf
    files.answers["/moved"] = Answer(302, b"", {"location": "/picture.png"})
    assert fetch(f"{running.url}/moved", named(running)) == PICTURE
    for place in (
        "http://127.0.0.1:1/x",
        "http://169.254.169.254/",
        "http://0.0.0.0/",
        "http://[::1]/",
        "file:///x",
        "",
    ):
        files.answers["/moved"] = Answer(302, b"", {"location": place})
        with pytest.raises(OutputUnusable) as refused:
            fetch(f"{running.url}/moved", named(running))
        assert refused.value.kind == "forbidden_address"


def test_redirects_end(shelf: Any) -> None:
    files, running = shelf
    files.answers["/round"] = Answer(307, b"", {"location": "/round"})
    with pytest.raises(OutputUnusable, match="too often"):
        fetch(f"{running.url}/round", named(running))
    assert len(files.asked) == 4


def test_a_redirect_drops_the_token(shelf: Any) -> None:
    files, running = shelf
    other = Shelf()
    other.answers["/picture.png"] = Answer(200, PICTURE, {"content-type": "image/png"})
    with run_in_thread(other.handle) as elsewhere:
        files.answers["/moved"] = Answer(302, b"", {"location": f"{elsewhere.url}/picture.png"})
        rules = FetchRules.build(hosts=[], named=[running.place, elsewhere.place], tokens={running.place: "r8_x"})
        assert fetch(f"{running.url}/moved", rules) == PICTURE
    assert files.asked[0].headers["authorization"] == "Bearer r8_x"
    assert "authorization" not in other.asked[0].headers


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(404, b"x"), "gone"),
        (Answer(410, b"x"), "gone"),
        (Answer(403, b"x"), "gone"),
        (Answer(200, PICTURE, {"content-type": "image/png"}, fault="truncate"), "truncated"),
        (Answer(200, b"", {"content-type": "image/png"}), "truncated"),
        (Answer(200, pictures.HTML, {"content-type": "text/html; charset=utf-8"}), "not_an_image"),
        (Answer(200, pictures.SVG, {"content-type": "image/svg+xml"}), "not_an_image"),
        (Answer(200, PICTURE, {"content-type": "image/png", "content-encoding": "gzip"}), "not_an_image"),
        (Answer(200, b"\0" * 6_000_000, {"content-type": "image/png"}), "too_large"),
        (Answer(200, b"\0" * 65_536, {"content-type": "image/png"}, fault="endless"), "too_large"),
    ],
    ids=["404", "410", "403", "half", "empty", "html", "svg", "packed", "announced", "endless"],
)
def test_what_is_no_use_is_said_once_and_for_all(shelf: Any, answer: Answer, kind: str) -> None:
    files, running = shelf
    files.answers["/bad"] = answer
    with pytest.raises(OutputUnusable) as refused:
        fetch(f"{running.url}/bad", named(running))
    assert refused.value.kind == kind


def test_trouble_on_the_way_may_pass(shelf: Any) -> None:
    files, running = shelf
    for answer in (Answer(500, b"x"), Answer(503, b"x"), Answer(429, b"x", {"retry-after": "9"})):
        files.answers["/later"] = answer
        with pytest.raises(ProviderBusy) as busy:
            fetch(f"{running.url}/later", named(running))
    assert busy.value.retry_after == 9
    with pytest.raises(ProviderBusy):
        fetch("http://127.0.0.1:9/picture.png", FetchRules.build(hosts=[], named=["127.0.0.1:9"]))


def test_a_server_that_drips_does_not_hold_us(shelf: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    files, running = shelf
    monkeypatch.setattr("generation.providers.safe_download.MOST_SECONDS", 1.0)
    files.answers["/drip"] = Answer(200, PICTURE, {"content-type": "image/png"}, fault="drip")
    with pytest.raises(ProviderBusy, match="slowly"):
        fetch(f"{running.url}/drip", named(running))


def test_environment_proxies_are_not_used(shelf: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _, running = shelf
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert fetch(f"{running.url}/picture.png", named(running)) == PICTURE
