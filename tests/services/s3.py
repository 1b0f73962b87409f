"""A throw-away S3 server (moto) that speaks real HTTP on loopback."""

import sys
from pathlib import Path

from config import embedded
from tests.services.service_process import ServiceProcess, accepts


def start(*, folder: Path) -> tuple[str, ServiceProcess]:
    """Brings up a server; returns its endpoint URL and its guard."""
    port = embedded.free_port()
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    service = ServiceProcess(command, log=folder / "s3.log")
    service.wait_until(lambda: accepts(port))
    return f"http://127.0.0.1:{port}", service
