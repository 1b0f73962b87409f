"""`manage.py generate` as a person meets it: a real process, alone, stopped and started again."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings
from PIL import Image

from tests.fakes.running import RunningFake

POSTS = [
    {
        "slug": "quiet",
        "title": "Quiet hours",
        "description": "headphones on a plinth, lit from the left",
        "mood": "calm",
        "width": 320,
        "height": 256,
    },
    {
        "slug": "cup",
        "title": "A cup of coffee",
        "description": "a clay cup on linen",
        "mood": "warm",
        "width": 320,
        "height": 256,
    },
    {
        "slug": "bottle",
        "title": "A bottle",
        "description": "a glass bottle by a window",
        "mood": "fresh",
        "width": 320,
        "height": 256,
    },
]


def run(environment: dict[str, str], *arguments: str, stop_when: Path | None = None) -> tuple[int, str]:
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "generate", *arguments]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        if stop_when is not None:
            deadline = time.monotonic() + 60
            while not list(stop_when.rglob("*.png")) and time.monotonic() < deadline and process.poll() is None:
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=110)
        return process.returncode, output


def test_passing_pictures_and_a_log_of_every_attempt(process_environment: dict[str, str], tmp_path: Path) -> None:
    posts, output = tmp_path / "posts.json", tmp_path / "out"
    posts.write_text(json.dumps(POSTS))
    first = run(process_environment, str(posts), "--output", str(output), "--ticket", "MKT-1", stop_when=tmp_path)
    assert first[0] == 130, first[1]
    begun = {entry["id"] for item in json.loads((output / "results.json").read_text()) for entry in item["log"]}
    code, said = run(process_environment, str(posts), "--output", str(output))
    assert code in {0, 2}, said
    items = json.loads((output / "results.json").read_text())
    assert [item["slug"] for item in items] == ["quiet", "cup", "bottle"]
    assert begun <= {entry["id"] for item in items for entry in item["log"]}
    assert sum(entry["attempt"] == 1 for item in items for entry in item["log"]) == 3
    for item in items:
        assert item["attempts"] == len(item["log"]) <= 3
        assert item["model"] == "studio/comp" and item["cost"] == "0.000000"
        best = max(entry["average"] for entry in item["log"])
        assert (item["file"] is not None) == (best >= 7)
        assert set(item["scores"]) == {"composition", "relevance", "coherence", "mood_match"}
        if item["file"]:
            with Image.open(output / item["file"]) as picture:
                assert picture.size == (320, 256)


def test_a_broken_file_is_named_and_nothing_is_made(process_environment: dict[str, str], tmp_path: Path) -> None:
    posts = tmp_path / "posts.json"
    posts.write_text('[{"slug": "a", "title": "A"}, {"slug": "a", "title": "B"}]')
    code, said = run(process_environment, str(posts), "--output", str(tmp_path / "out"))
    assert code == 1
    assert "“a”" in said or '"a"' in said
    assert "Traceback" not in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [("--bar", "11", "1 to 10"), ("--model", "nobody/nothing", "cannot be asked"), ("--workspace", "x y z", "")],
)
def test_options_that_cannot_be(
    process_environment: dict[str, str], tmp_path: Path, option: str, value: str, words: str
) -> None:
    posts = tmp_path / "posts.json"
    posts.write_text(json.dumps(POSTS[:1]))
    code, said = run(process_environment, str(posts), "--output", str(tmp_path / "out"), option, value)
    assert words in said and "Traceback" not in said
    assert code == (0 if option == "--workspace" else 1) or code == 2


def test_a_busy_writer_is_waited_for(
    process_environment: dict[str, str], tmp_path: Path, fake_anthropic: RunningFake
) -> None:
    fake_anthropic.script({"on": "message", "fault": "529", "retry_after": 1, "times": 2})
    posts = tmp_path / "posts.json"
    posts.write_text(json.dumps(POSTS[:1]))
    environment = {**process_environment, "ANTHROPIC_API_KEY": "sk-test", "ANTHROPIC_BASE_URL": fake_anthropic.url}
    code, said = run(environment, str(posts), "--output", str(tmp_path / "out"))
    assert code == 0, said
    [item] = json.loads((tmp_path / "out" / "results.json").read_text())
    assert item["file"] == "quiet.png"
    assert set(item["scores"].values()) == {8.0}
