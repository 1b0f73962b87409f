"""The image and compose.yaml say the same as the Procfile and the settings."""

from pathlib import Path

import yaml

from tests.services.plugin import documented_variables

HOUSE = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((HOUSE / "compose.yaml").read_text())


def test_every_process_has_its_service_and_its_queue() -> None:
    lines = (HOUSE / "Procfile").read_text().splitlines()
    processes = {name: command for name, _, command in (line.partition(": ") for line in lines)}
    assert set(processes) == {"web", "worker-cpu", "worker-io", "beat", "conductor"}
    assert set(processes) <= set(COMPOSE["services"])
    for name, queue in (("worker-cpu", "cpu"), ("worker-io", "io")):
        assert f"--queues {queue}" in processes[name]
        assert f"--queues {queue}" in COMPOSE["services"][name]["command"]


def test_compose_sets_only_variables_that_are_explained() -> None:
    given = set(COMPOSE["services"]["web"]["environment"])
    assert given <= set(documented_variables())
    assert {"DATABASE_URL", "REDIS_URL", "SECRET_KEY"} <= given


def test_the_image_holds_every_room() -> None:
    lines = (HOUSE / "Dockerfile").read_text()
    for room in ("config", "campaigns", "generation", "review", "templates", "static"):
        assert f"COPY {room} {room}\n" in lines
    assert "\nUSER loupe\n" in lines
