"""A throw-away Redis on loopback, without persistence, that ends with the tests."""

from pathlib import Path

from config import embedded
from tests.services.kept import Kept, accepts


def start(*, folder: Path) -> tuple[str, Kept]:
    """Brings up a server; returns its REDIS_URL and its keeper."""
    port = embedded.free_port()
    command = [
        embedded.redis_executable(),
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--dir",
        str(folder),
    ]
    kept = Kept(command, log=folder / "redis.log")
    kept.wait_until(lambda: accepts(port))
    return f"redis://127.0.0.1:{port}/0", kept
