"""The lock files hold what requirements.txt chose, and the hash of every file that pip may take."""

import re
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
FILES = [("requirements.txt", "requirements.lock"), ("tests/requirements.txt", "tests/requirements.lock")]


def read_chosen(text: str) -> set[str]:
    """Every line of a requirements.txt as `name==version`, extras and markers left aside."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return {pin(Requirement(line)) for line in lines if line}


def read_locked(text: str, *, chosen_in: str) -> set[str]:
    """Every entry of a lock file that stands there because `chosen_in` names it."""
    entries = re.split(r"\n(?=\w)", text)
    source = re.compile(rf"^    #.* -r {re.escape(chosen_in)}$", re.MULTILINE)
    return {pin(Requirement(entry.partition(" \\")[0])) for entry in entries if source.search(entry)}


def pin(requirement: Requirement) -> str:
    return f"{canonicalize_name(requirement.name)}{requirement.specifier}"


@pytest.mark.parametrize(("chosen", "lock"), FILES)
def test_a_change_of_requirements_is_locked_as_well(chosen: str, lock: str) -> None:
    locked = read_locked((ROOT / lock).read_text(), chosen_in=chosen)
    assert read_chosen((ROOT / chosen).read_text()) == locked, "run `make lock`, and commit what it wrote"


@pytest.mark.parametrize(
    ("old", "new"), [("Django==5.2", "Django==5.3"), ("rich==", "poor=="), ("rich==15", "#rich==15")]
)
def test_a_changed_requirement_without_its_lock_is_seen(old: str, new: str) -> None:
    text = (ROOT / "requirements.txt").read_text()
    assert old in text
    locked = read_locked((ROOT / "requirements.lock").read_text(), chosen_in="requirements.txt")
    assert read_chosen(text.replace(old, new)) != locked


@pytest.mark.parametrize("lock", [lock for _, lock in FILES])
def test_every_file_is_known_by_its_hash_and_none_by_its_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    entries = [entry for entry in re.split(r"\n(?=\w)", text) if "==" in entry.partition("\n")[0]]
    assert len(entries) > 50
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in text


def test_both_files_lock_one_version_of_a_package() -> None:
    versions: dict[str, set[str]] = {}
    for _, lock in FILES:
        for name, version in re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / lock).read_text(), re.MULTILINE):
            versions.setdefault(name, set()).add(f"{lock} {version}")
    shared = {name: found for name, found in versions.items() if len({entry.split()[0] for entry in found}) > 1}
    assert "django" in shared
    assert {name: found for name, found in shared.items() if len({entry.split()[1] for entry in found}) > 1} == {}


def test_the_checks_before_a_commit_are_of_the_locked_versions() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    revisions = {entry["repo"].rpartition("/")[2].lower(): entry.get("rev") for entry in hooks["repos"]}
    pins = read_chosen((ROOT / "tests/requirements.txt").read_text())
    assert f"ruff=={revisions['ruff-pre-commit'].removeprefix('v')}" in pins
    assert f"djlint=={revisions['djlint'].removeprefix('v')}" in pins
    assert set(revisions) == {"ruff-pre-commit", "djlint", "local"}
