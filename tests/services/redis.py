"""A throw-away Redis on loopback, without persistence, that ends with the tests."""

from pathlib import Path

from config import embedded
from tests.services.service_process import ServiceProcess, accepts


def start(*, folder: Path) -> tuple[str, ServiceProcess]:
    """Brings up a server; returns its REDIS_URL and its guard."""
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
    service = ServiceProcess(command, log=folder / "redis.log")
    service.wait_until(lambda: accepts(port))
    return f"redis://127.0.0.1:{port}/0", service
