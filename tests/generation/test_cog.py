"""A self-hosted container: one at a time, no way to ask for an answer that was missed."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from generation.providers import cog
from generation.providers.cog import CogProvider, id_of
from generation.rules.values import ImageInput, ProviderBusy, ProviderRefused, RenderRequest, RenderStatus
from tests.fakes.pictures import draw_picture
from tests.fakes.running import RunningFake

T = TypeVar("T")


def cog_request(**changes: Any) -> RenderRequest:
    values: dict[str, Any] = {
        "key": "gen_01COG",
        "model": "cog/self-hosted",
        "prompt": "Headphones on slate",
        "negative_prompt": "text",
        "width": 512,
        "height": 512,
        "seed": 5,
    }
    return RenderRequest(**{**values, **changes})


def run(fake: RunningFake, folder: Path, work: Callable[[CogProvider], Awaitable[T]]) -> T:
    async def work_and_close() -> T:
        provider = CogProvider(base_url=fake.url, state_dir=folder)
        try:
            return await work(provider)
        finally:
            await provider.aclose()

    return asyncio.run(work_and_close())


async def finish(provider: CogProvider, request: RenderRequest) -> Any:
    external_id = (await provider.submit(request)).external_id
    for _ in range(200):
        progress = await provider.poll(external_id)
        if progress.status is not RenderStatus.RUNNING:
            return progress
        await asyncio.sleep(0.02)
    raise AssertionError("It never ended.")


@pytest.mark.parametrize(
    ("rule", "status", "kind"),
    [
        ({"fault": "safety"}, RenderStatus.REFUSED, "safety"),
        ({"fault": "empty"}, RenderStatus.REFUSED, "safety"),
        ({"fault": "failed", "text": "CUDA out of memory"}, RenderStatus.FAILED, "out_of_memory"),
        ({"fault": "failed", "text": "Unsupported image"}, RenderStatus.FAILED, "model_error"),
        ({"fault": "500"}, RenderStatus.INTERRUPTED, "infrastructure"),
        ({"fault": "drop"}, RenderStatus.INTERRUPTED, "infrastructure"),
        ({"fault": "drop_late"}, RenderStatus.INTERRUPTED, "infrastructure"),
        ({"fault": "garbage"}, RenderStatus.INTERRUPTED, "infrastructure"),
    ],
    ids=lambda value: "-".join(str(part) for part in value.values()) if isinstance(value, dict) else "",
)
def test_every_end_has_its_meaning(
    fake_cog: RunningFake, tmp_path: Path, rule: dict[str, Any], status: RenderStatus, kind: str
) -> None:
    fake_cog.script({"on": "predict", **rule}, latency=0.05)
    progress = run(fake_cog, tmp_path, lambda provider: finish(provider, cog_request()))
    assert (progress.status, progress.error_kind) == (status, kind)


def test_after_an_interruption_the_same_request_begins_anew(fake_cog: RunningFake, tmp_path: Path) -> None:
    fake_cog.script({"on": "predict", "fault": "drop"}, latency=0.05)
    assert run(fake_cog, tmp_path, lambda p: finish(p, cog_request())).status is RenderStatus.INTERRUPTED
    assert run(fake_cog, tmp_path, lambda p: finish(p, cog_request())).status is RenderStatus.SUCCEEDED


@pytest.mark.parametrize("status", ["BUSY", "STARTING", "SETUP_FAILED"])
def test_a_container_that_is_not_ready_is_busy(fake_cog: RunningFake, tmp_path: Path, status: str) -> None:
    fake_cog.script({"on": "health", "fault": status})
    with pytest.raises(ProviderBusy):
        run(fake_cog, tmp_path, lambda provider: provider.submit(cog_request()))
    assert fake_cog.state()["creates"] == 0
    assert run(fake_cog, tmp_path, lambda provider: provider.find(request=cog_request(), sent_at=None)) is None  # type: ignore[arg-type]


def test_a_refusal_at_once_is_raised_and_leaves_nothing_behind(fake_cog: RunningFake, tmp_path: Path) -> None:
    fake_cog.script({"on": "predict", "fault": "409"})
    with pytest.raises(ProviderBusy, match="at work"):
        run(fake_cog, tmp_path, lambda provider: provider.submit(cog_request()))
    fake_cog.script(fields={"prompt": {}, "width": {"maximum": 256}, "height": {}})
    with pytest.raises(ProviderRefused, match=r"width: .*256"):
        run(fake_cog, tmp_path, lambda provider: provider.submit(cog_request()))
    assert list(tmp_path.glob("*.json")) == []


def test_only_inputs_that_the_container_knows_are_sent(fake_cog: RunningFake, tmp_path: Path) -> None:
    """A self-trained GAN may know nothing but a seed; another one calls its steps otherwise."""
    fake_cog.script(fields={"seed": {}}, latency=0.05)
    run(fake_cog, tmp_path, lambda provider: finish(provider, cog_request()))
    fake_cog.script(fields={"prompt": {}, "steps": {}}, latency=0.05)
    run(fake_cog, tmp_path, lambda provider: finish(provider, cog_request(key="gen_2")))
    first, second = (entry["input"] for entry in fake_cog.entries())
    assert first == {"seed": 5}
    # where it has no negative prompt, the prompt says what must not be there
    assert second == {"prompt": "Headphones on slate. The picture shows none of these: text.", "steps": 28}


def test_a_seed_that_could_not_be_handed_over_is_said(fake_cog: RunningFake, tmp_path: Path) -> None:
    fake_cog.script(latency=0.05)
    assert not run(fake_cog, tmp_path, lambda provider: finish(provider, cog_request())).seedless
    fake_cog.script(fields={"prompt": {}}, latency=0.05)
    assert run(fake_cog, tmp_path, lambda provider: finish(provider, cog_request(key="gen_2"))).seedless
    assert not run(fake_cog, tmp_path, lambda provider: finish(provider, cog_request(key="gen_3", seed=None))).seedless


def test_a_container_without_pictures_refuses_an_edit(fake_cog: RunningFake, tmp_path: Path) -> None:
    fake_cog.script(fields={"prompt": {}})
    parent = ImageInput(draw_picture(64, 64, 1), "image/png", "parent")
    with pytest.raises(ProviderRefused, match="takes no pictures"):
        run(fake_cog, tmp_path, lambda provider: provider.submit(cog_request(inputs=(parent,))))


def test_a_crash_while_it_renders_loses_nothing(
    fake_cog: RunningFake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that waited is gone; another one looks, puts the same id again and gets the picture."""
    fake_cog.script(latency=0.6)
    submission = run(fake_cog, tmp_path, lambda provider: provider.submit(cog_request()))
    monkeypatch.setattr(cog, "SIGN_OF_LIFE_SECONDS", 0.01)
    progress = run(fake_cog, tmp_path, lambda provider: finish_looking(provider, submission.external_id))
    assert progress.status is RenderStatus.SUCCEEDED
    provider = CogProvider(base_url=fake_cog.url, state_dir=tmp_path)
    assert b"".join(provider.fetch(progress.output_urls[0], max_bytes=5_000_000)) == draw_picture(512, 512, 5)


async def finish_looking(provider: CogProvider, external_id: str) -> Any:
    for _ in range(400):
        progress = await provider.poll(external_id)
        if progress.status is not RenderStatus.RUNNING:
            return progress
        await asyncio.sleep(0.02)
    raise AssertionError("It never ended.")


def test_one_that_never_finishes_is_not_asked_for_ever(
    fake_cog: RunningFake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cog, "SIGN_OF_LIFE_SECONDS", 0.0)
    fake_cog.script(latency=30)
    external_id = id_of(cog_request())
    run(fake_cog, tmp_path, lambda provider: provider.submit(cog_request()))
    for _ in range(cog.MOST_STARTS + 1):
        progress = run(fake_cog, tmp_path, lambda provider: provider.poll(external_id))
    assert progress.status is RenderStatus.INTERRUPTED


def test_old_files_are_deleted(fake_cog: RunningFake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_cog.script(latency=0.05)
    run(fake_cog, tmp_path, lambda provider: finish(provider, cog_request()))
    assert len(list(tmp_path.iterdir())) == 2
    monkeypatch.setattr(cog, "KEPT_SECONDS", -1.0)
    run(fake_cog, tmp_path, lambda provider: finish(provider, cog_request(key="gen_2")))
    assert id_of(cog_request()) not in {file.stem.partition("-0")[0] for file in tmp_path.iterdir()}


def test_an_id_cannot_name_another_file(fake_cog: RunningFake, tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text('{"outcome": null, "starts": 0, "input": {}}')
    provider = CogProvider(base_url=fake_cog.url, state_dir=tmp_path / "state")
    assert asyncio.run(provider.poll("../secret")).status is RenderStatus.GONE
