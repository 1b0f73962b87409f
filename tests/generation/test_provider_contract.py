"""One contract for every provider of images: the local studio, the fake Replicate, the fake Cog container."""

import asyncio
import io
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from PIL import Image

from generation.catalogue import bill, get_model
from generation.providers.base import ImageProvider
from generation.providers.cog import CogProvider
from generation.providers.local import LocalImageProvider
from generation.providers.replicate.adapter import ReplicateProvider
from generation.rules.values import ImageInput, OutputUnusable, ProviderError, RenderRequest, RenderStatus
from tests.fakes.pictures import draw_picture
from tests.fakes.running import RunningFake

T = TypeVar("T")


@dataclass
class Subject:
    """A provider under contract, with models for plain and masked renders."""

    provider: Any
    model: str
    masked_model: str


@pytest.fixture(params=["local", "replicate", "cog"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    if request.param == "local":
        provider = LocalImageProvider(tmp_path / "studio", workers=1)
        yield Subject(provider, "studio/comp", "studio/comp")
        provider.close()
    elif request.param == "replicate":
        fake: RunningFake = request.getfixturevalue("fake_replicate")
        fake.script(latency=0.05)
        made = ReplicateProvider(token="r8_test", base_url=fake.url, output_hosts=[fake.place])
        yield Subject(made, "stability-ai/sdxl", "stability-ai/sdxl")
    else:
        container: RunningFake = request.getfixturevalue("fake_cog")
        container.script(latency=0.05)
        yield Subject(
            CogProvider(base_url=container.url, state_dir=tmp_path / "cog"), "cog/self-hosted", "cog/self-hosted"
        )


def run(subject: Subject, work: Callable[[ImageProvider], Awaitable[T]]) -> T:
    async def work_and_close() -> T:
        try:
            return await work(subject.provider)
        finally:
            if hasattr(subject.provider, "aclose"):
                await subject.provider.aclose()

    return asyncio.run(work_and_close())


def ask_for(subject: Subject, **changes: Any) -> RenderRequest:
    values: dict[str, Any] = {
        "key": "gen_01CONTRACT",
        "model": subject.model,
        "prompt": "Wireless headphones on a slate plinth, soft key light from the left, slate and amber",
        "negative_prompt": "text, watermark, logo",
        "width": 512,
        "height": 512,
        "seed": 4471,
    }
    return RenderRequest(**{**values, **changes})


async def finish(provider: ImageProvider, request: RenderRequest) -> Any:
    submission = await provider.submit(request)
    assert submission.external_id
    assert submission.estimated_seconds > 0
    for _ in range(600):
        progress = await provider.poll(submission.external_id)
        if progress.status is not RenderStatus.RUNNING:
            return progress
        await asyncio.sleep(0.05)
    raise AssertionError("It never ended.")


def picture_of(subject: Subject, progress: Any) -> Image.Image:
    assert progress.status is RenderStatus.SUCCEEDED, progress
    content = b"".join(subject.provider.fetch(progress.output_urls[0], max_bytes=20_000_000))
    with Image.open(io.BytesIO(content)) as image:
        return image.convert("RGB")


def test_words_become_a_picture_of_the_size_that_was_asked_for(subject: Subject) -> None:
    progress = run(subject, lambda provider: finish(provider, ask_for(subject)))
    assert picture_of(subject, progress).size == (512, 512)
    assert bill(get_model(subject.model), progress.metrics, 512, 512) >= 0


def test_the_same_seed_gives_the_same_picture_and_another_seed_another(subject: Subject) -> None:
    pictures = [
        picture_of(subject, run(subject, lambda p, r=request: finish(p, r))).tobytes()  # type: ignore[misc]
        for request in (
            ask_for(subject),
            ask_for(subject, key="gen_02"),
            ask_for(subject, key="gen_03", seed=4472),
        )
    ]
    assert pictures[0] == pictures[1]
    assert pictures[0] != pictures[2]


def test_a_mask_changes_only_what_is_white(subject: Subject) -> None:
    parent = ImageInput(draw_picture(512, 512, 12), "image/png", "parent")
    mask = Image.new("L", (512, 512), 0)
    mask.paste(255, (160, 160, 352, 352))
    target = io.BytesIO()
    mask.save(target, "PNG")
    request = ask_for(
        subject,
        model=subject.masked_model,
        purpose="inpaint",
        inputs=(parent, ImageInput(target.getvalue(), "image/png", "mask")),
    )
    after = picture_of(subject, run(subject, lambda provider: finish(provider, request)))
    with Image.open(io.BytesIO(parent.content)) as opened:
        before = opened.convert("RGB")
    for place in ((4, 4), (500, 500), (120, 256), (256, 500)):
        assert after.getpixel(place) == before.getpixel(place)
    region = (200, 200, 312, 312)
    assert after.crop(region).tobytes() != before.crop(region).tobytes()


def test_what_was_sent_is_found_by_its_key_or_input_and_what_was_not_is_none(subject: Subject) -> None:
    async def work(provider: ImageProvider) -> Any:
        sent_at = datetime.now(UTC)
        request = ask_for(subject)
        missing = await provider.find(request=request, sent_at=sent_at)
        external_id = (await provider.submit(request)).external_id
        found = await provider.find(request=request, sent_at=sent_at)
        excluded = await provider.find(request=request, sent_at=sent_at, exclude=[external_id])
        return missing, found == external_id, excluded

    missing, found, excluded = run(subject, work)
    assert missing is None
    assert found
    assert excluded is None or subject.provider.name == "local"


def test_cancel_is_silent_before_and_after_the_end(subject: Subject) -> None:
    async def work(provider: ImageProvider) -> Any:
        external_id = (await provider.submit(ask_for(subject))).external_id
        await provider.cancel(external_id)
        await provider.cancel(external_id)
        return await provider.poll(external_id)

    assert run(subject, work).status in (RenderStatus.CANCELLED, RenderStatus.SUCCEEDED, RenderStatus.RUNNING)


def test_a_render_that_nobody_knows_is_gone(subject: Subject) -> None:
    assert run(subject, lambda provider: provider.poll("unknown0")).status is RenderStatus.GONE


def test_the_size_of_a_download_is_capped(subject: Subject) -> None:
    progress = run(subject, lambda provider: finish(provider, ask_for(subject)))
    with pytest.raises(OutputUnusable) as refused:
        b"".join(subject.provider.fetch(progress.output_urls[0], max_bytes=100))
    assert refused.value.kind == "too_large"


@pytest.mark.parametrize(
    "address", ["http://169.254.169.254/latest/meta-data/", "file:///etc/passwd", "studio:../../x", "cog:../x/0", ""]
)
def test_no_other_address_is_fetched(subject: Subject, address: str) -> None:
    with pytest.raises(OutputUnusable) as refused:
        b"".join(subject.provider.fetch(address, max_bytes=1_000))
    assert refused.value.kind in ("forbidden_address", "gone")


def test_errors_speak_to_people(subject: Subject) -> None:
    with pytest.raises(ProviderError) as error:
        run(subject, lambda provider: provider.submit(replace(ask_for(subject), model="nobody/nothing", width=0)))
    assert len(str(error.value)) > 20
    assert "Traceback" not in str(error.value)
