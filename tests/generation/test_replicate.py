"""The adapter against a server that speaks Replicate's wire format, every trap of it included."""

import asyncio
import io
import json
from base64 import b64decode
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import httpx
import pytest
from PIL import Image

from generation.catalogue import MODELS, Ability, bill, get_model
from generation.catalogue.schema import AspectSize
from generation.providers.replicate.adapter import TIMEOUT, ReplicateProvider, add_key
from generation.providers.replicate.transport import ReplicateTransport
from generation.rules.values import (
    ImageInput,
    OutcomeUnknown,
    ProviderBusy,
    ProviderError,
    ProviderRefused,
    RenderRequest,
    RenderStatus,
)
from tests.fakes import pictures
from tests.fakes.replicate_faults import PUBLISHED
from tests.fakes.running import RunningFake

T = TypeVar("T")
FLUX = "black-forest-labs/flux-1.1-pro"
SDXL = "stability-ai/sdxl"


def flux_request(**changes: Any) -> RenderRequest:
    values: dict[str, Any] = {
        "key": "gen_01TEST",
        "model": FLUX,
        "prompt": "Headphones on slate",
        "negative_prompt": "",
        "width": 1024,
        "height": 1024,
        "seed": 4471,
    }
    return RenderRequest(**{**values, **changes})


def run(fake: RunningFake, work: Callable[[ReplicateProvider], Awaitable[T]], **options: Any) -> T:
    """Do some work with a provider in an event loop of its own, and close what it opened."""

    async def work_and_close() -> T:
        values = {"token": "r8_test", "base_url": fake.url, "output_hosts": [fake.place], **options}
        provider = ReplicateProvider(**values)
        try:
            return await work(provider)
        finally:
            await provider.aclose()

    return asyncio.run(work_and_close())


async def wait_for_end(provider: ReplicateProvider, external_id: str) -> Any:
    for _ in range(200):
        progress = await provider.poll(external_id)
        if progress.status is not RenderStatus.RUNNING:
            return progress
        await asyncio.sleep(0.02)
    raise AssertionError("It never ended.")


def render(fake: RunningFake, request: RenderRequest) -> Any:
    async def work(provider: ReplicateProvider) -> Any:
        submission = await provider.submit(request)
        return await wait_for_end(provider, submission.external_id)

    return run(fake, work)


# --- the good way ------------------------------------------------------------------------


def test_a_render_from_words_to_bytes(fake_replicate: RunningFake) -> None:
    fake_replicate.script(latency=0.05)
    progress = render(fake_replicate, flux_request())
    assert progress.status is RenderStatus.SUCCEEDED
    assert progress.seed == 4471
    provider = ReplicateProvider(token="r8_test", base_url=fake_replicate.url, output_hosts=[fake_replicate.place])
    content = b"".join(provider.fetch(progress.output_urls[0], max_bytes=20_000_000))
    with Image.open(io.BytesIO(content)) as image:
        assert image.size == (1024, 1024)
    assert fake_replicate.bill == bill(get_model(FLUX), progress.metrics, 1024, 1024) == Decimal("0.04")


@pytest.mark.parametrize("model", [model for model in MODELS if model.provider == "replicate" and model.enabled])
def test_every_model_gets_an_input_that_its_published_schema_accepts(fake_replicate: RunningFake, model: Any) -> None:
    """The fake checks names, types, ranges and choices against the published schemas."""
    fake_replicate.script(latency=0.0)
    photo = ImageInput(pictures.draw_picture(640, 512, 3), "image/png", "parent")
    mask = ImageInput(pictures.draw_picture(640, 512, 4), "image/png", "mask")
    product = ImageInput(pictures.draw_picture(256, 256, 5), "image/png", "product")
    inputs: tuple[ImageInput, ...] = (product,) if model.fields.references else ()
    if model.fields.image and not model.fields.references:
        inputs = (photo, mask) if model.fields.mask else (photo,)
    request = flux_request(model=model.key, inputs=inputs, negative_prompt="text, logo", guidance=99.0, steps=900)
    progress = render(fake_replicate, request)
    assert progress.status is RenderStatus.SUCCEEDED, progress
    assert len(progress.output_urls) == 1
    sent = fake_replicate.entries()[0]
    assert sent["version"] == (model.version or "hidden")
    prompt = sent["input"].get("prompt", "")
    if not model.supports_negative and model.fields.prompt:
        assert "logo" in prompt
    estimate = bill(model, progress.metrics, 1024, 1024)
    if model.key != "black-forest-labs/flux-2-pro" and model.key != "black-forest-labs/flux-2-flex":
        assert estimate == fake_replicate.bill


def test_a_deployment_of_ones_own_serves_the_model(fake_replicate: RunningFake) -> None:
    async def work(provider: ReplicateProvider) -> Any:
        return await provider.submit(flux_request(model=SDXL))

    run(fake_replicate, work, deployments={SDXL: "aurora/sdxl-warm"})
    assert fake_replicate.entries()[0]["model"] == "aurora/sdxl-warm"


def test_metadata_and_our_key_never_reach_the_model(fake_replicate: RunningFake) -> None:
    render(fake_replicate, flux_request(key="gen_SECRET"))
    assert "gen_SECRET" not in json.dumps(fake_replicate.entries()[0]["input"])


def test_cancel_after_is_sent_and_ends_what_nobody_waits_for(fake_replicate: RunningFake) -> None:
    fake_replicate.script({"on": "outcome", "fault": "stuck"})

    async def work(provider: ReplicateProvider) -> Any:
        submission = await provider.submit(flux_request())
        return await provider.poll(submission.external_id)

    assert run(fake_replicate, work, cancel_after_seconds=600).status is RenderStatus.RUNNING
    entry = fake_replicate.entries()[0]
    begun, deadline = (datetime.fromisoformat(entry[name]) for name in ("created_at", "deadline"))
    assert deadline - begun == timedelta(seconds=600)


def test_what_the_fake_checks_is_what_the_provider_published_and_every_model_is_in_it() -> None:
    """Names, pins and choices: the catalogue against the published input schemas, real-esrgan alone has none there."""
    for model in MODELS:
        if model.provider != "replicate" or not model.enabled or model.key == "nightmareai/real-esrgan":
            continue
        published = PUBLISHED[model.key]
        names = {value for value in asdict(model.fields).values() if isinstance(value, str)}
        assert names | set(model.parameters) <= set(published["inputs"]), model.key
        if model.endpoint == "version":
            assert model.version == published["version"]
        assert (model.endpoint == "official") == published["official"]
        assert model.supports_negative == ("negative_prompt" in published["inputs"])
        assert model.supports_seed == ("seed" in published["inputs"])
        if isinstance(model.size, AspectSize):
            assert set(model.size.pixels) <= set(published["inputs"]["aspect_ratio"]["enum"])


# --- pictures handed over ------------------------------------------------------------------


def test_small_pictures_go_as_data_and_large_ones_as_files_once(fake_replicate: RunningFake) -> None:
    small = ImageInput(pictures.draw_picture(64, 64, 1), "image/png", "product")
    noise = Image.effect_noise((900, 900), 90).convert("RGB")
    target = io.BytesIO()
    noise.save(target, "PNG")
    large = ImageInput(target.getvalue(), "image/png", "product")
    assert len(large.content) > 256_000

    async def work(provider: ReplicateProvider) -> None:
        await provider.submit(flux_request(inputs=(small,)))
        await provider.submit(flux_request(inputs=(large,)))
        await provider.submit(flux_request(inputs=(large,)))

    run(fake_replicate, work)
    first, second, third = (entry["input"]["image_prompt"] for entry in fake_replicate.entries())
    assert b64decode(first.split(",")[1]) == small.content
    assert second == third
    assert second.startswith(fake_replicate.url)
    assert fake_replicate.state()["calls"]["upload"] == 1


@pytest.mark.parametrize(
    ("key", "kept"), [("black-forest-labs/flux-fill-pro", True), ("ideogram-ai/ideogram-v2", False)]
)
def test_the_mask_has_the_polarity_that_the_model_reads(fake_replicate: RunningFake, key: str, kept: bool) -> None:
    mask = Image.new("L", (64, 64), 0)
    mask.paste(255, (16, 16, 32, 32))
    target = io.BytesIO()
    mask.save(target, "PNG")
    photo = ImageInput(pictures.draw_picture(64, 64, 9), "image/png", "parent")
    request = flux_request(model=key, inputs=(photo, ImageInput(target.getvalue(), "image/png", "mask")))
    progress = render(fake_replicate, request)
    sent = pictures.read_data_uri(fake_replicate.entries()[0]["input"]["mask"])
    assert sent is not None
    with Image.open(io.BytesIO(sent)) as image:
        assert image.convert("L").getpixel((20, 20)) == (255 if kept else 0)
        assert image.convert("L").getpixel((2, 2)) == (0 if kept else 255)
    provider = ReplicateProvider(token="t", base_url=fake_replicate.url, output_hosts=[fake_replicate.place])
    content = b"".join(provider.fetch(progress.output_urls[0], max_bytes=10_000_000))
    with Image.open(io.BytesIO(content)) as result, Image.open(io.BytesIO(photo.content)) as before:
        assert result.getpixel((2, 2)) == before.getpixel((2, 2))
        assert result.getpixel((20, 20)) != before.getpixel((20, 20))


def test_a_model_that_only_takes_words_refuses_a_picture_to_change(fake_replicate: RunningFake) -> None:
    photo = ImageInput(pictures.draw_picture(64, 64, 9), "image/png", "parent")
    with pytest.raises(ProviderRefused, match=r"FLUX 1\.1 pro cannot work with an existing picture") as refused:
        render(fake_replicate, flux_request(inputs=(photo,)))
    assert refused.value.kind == "invalid_input"
    assert fake_replicate.state()["creates"] == 0


# --- what goes wrong at the create ---------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "error", "kind", "words"),
    [
        ({"fault": "401"}, ProviderRefused, "unauthorised", "REPLICATE_API_TOKEN"),
        ({"fault": "402"}, ProviderRefused, "no_credit", "credit"),
        ({"fault": "404"}, ProviderRefused, "not_found", "Choose another"),
        ({"fault": "422"}, ProviderRefused, "invalid_input", 'request: output_format must .*"jpg", "png"'),
        ({"fault": "429", "retry_after": 7}, ProviderBusy, "throttled", "slow down"),
        ({"fault": "503"}, ProviderBusy, "unavailable", "503"),
        ({"fault": "500"}, OutcomeUnknown, "server_error", "may have begun"),
        ({"fault": "502"}, OutcomeUnknown, "server_error", "may have begun"),
        ({"fault": "504"}, OutcomeUnknown, "server_error", "may have begun"),
        ({"fault": "drop"}, OutcomeUnknown, "lost", "may have begun"),
        ({"fault": "hang"}, OutcomeUnknown, "lost", "may have begun"),
        ({"fault": "html"}, OutcomeUnknown, "garbled", "could not be read"),
        ({"fault": "garbage_after"}, OutcomeUnknown, "garbled", "could not be read"),
        ({"fault": "drop_after"}, OutcomeUnknown, "lost", "may have begun"),
        ({"fault": "hang_after"}, OutcomeUnknown, "lost", "may have begun"),
        ({"fault": "500_after"}, OutcomeUnknown, "server_error", "may have begun"),
    ],
    ids=lambda value: value["fault"] if isinstance(value, dict) else "",
)
def test_a_create_that_fails_says_what_happens_next_and_is_sent_once(
    fake_replicate: RunningFake, rule: dict[str, Any], error: type[ProviderError], kind: str, words: str
) -> None:
    fake_replicate.script({"on": "create", **rule})

    async def work(provider: ReplicateProvider) -> Any:
        return await provider.submit(flux_request())

    with pytest.raises(error, match=words) as raised:
        run(fake_replicate, work, timeout=httpx.Timeout(0.4))
    assert raised.value.kind == kind
    if isinstance(raised.value, ProviderBusy) and "retry_after" in rule:
        assert raised.value.retry_after == 7
    state = fake_replicate.state()
    assert state["calls"]["create"] == 1
    assert state["creates"] == (1 if rule["fault"].endswith("_after") else 0)


@pytest.mark.parametrize("header_only", [True, False])
def test_the_wait_is_read_from_header_or_body(fake_replicate: RunningFake, header_only: bool) -> None:
    fake_replicate.script({"on": "create", "fault": "429", "retry_after": 30, "header_only": header_only})
    with pytest.raises(ProviderBusy) as busy:
        render(fake_replicate, flux_request())
    assert busy.value.retry_after == 30


def test_nobody_listening_is_busy_for_nothing_was_sent() -> None:
    nobody = RunningFake("http://127.0.0.1:9")
    with pytest.raises(ProviderBusy, match="Nothing was sent"):
        render(nobody, flux_request())


def test_an_unknown_model_is_refused_before_anything_is_sent(fake_replicate: RunningFake) -> None:
    with pytest.raises(ProviderRefused) as refused:
        render(fake_replicate, flux_request(model="nobody/nothing"))
    assert refused.value.kind == "not_found"


def test_a_version_that_is_gone_is_named_as_such(fake_replicate: RunningFake) -> None:
    old = replace(get_model(SDXL), version="0" * 64)

    async def work(provider: ReplicateProvider) -> Any:
        return await provider.submit(flux_request(model=SDXL))

    with pytest.raises(ProviderRefused, match="version") as refused:
        run(fake_replicate, work, models=lambda key: old)
    assert refused.value.kind == "not_found"


# --- what it comes to ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "status", "kind"),
    [
        ({"fault": "safety", "which": "flagged"}, RenderStatus.REFUSED, "safety"),
        ({"fault": "safety", "which": "nsfw_flux"}, RenderStatus.REFUSED, "safety"),
        ({"fault": "safety", "which": "nsfw_sdxl"}, RenderStatus.REFUSED, "safety"),
        ({"fault": "empty"}, RenderStatus.REFUSED, "safety"),
        ({"fault": "failed", "which": "E001"}, RenderStatus.INTERRUPTED, "infrastructure"),
        ({"fault": "failed", "which": "E002"}, RenderStatus.INTERRUPTED, "infrastructure"),
        ({"fault": "failed", "which": "E003"}, RenderStatus.INTERRUPTED, "infrastructure"),
        ({"fault": "failed", "which": "E004"}, RenderStatus.INTERRUPTED, "infrastructure"),
        ({"fault": "failed", "which": "E1000"}, RenderStatus.INTERRUPTED, "infrastructure"),
        ({"fault": "failed", "which": "E6716"}, RenderStatus.INTERRUPTED, "infrastructure"),
        ({"fault": "failed", "which": "interrupted"}, RenderStatus.INTERRUPTED, "infrastructure"),
        ({"fault": "failed", "which": "director"}, RenderStatus.INTERRUPTED, "infrastructure"),
        ({"fault": "failed", "which": "prediction_failed"}, RenderStatus.INTERRUPTED, "infrastructure"),
        ({"fault": "failed", "which": "E1001"}, RenderStatus.FAILED, "out_of_memory"),
        ({"fault": "failed", "which": "model"}, RenderStatus.FAILED, "model_error"),
        ({"fault": "removed"}, RenderStatus.GONE, "gone"),
        ({"fault": "canceled"}, RenderStatus.CANCELLED, "cancelled"),
        ({"fault": "aborted"}, RenderStatus.CANCELLED, "aborted"),
    ],
    ids=lambda value: "-".join(str(part) for part in value.values()) if isinstance(value, dict) else "",
)
def test_every_end_has_its_meaning(
    fake_replicate: RunningFake, rule: dict[str, Any], status: RenderStatus, kind: str
) -> None:
    fake_replicate.script({"on": "outcome", **rule}, latency=0.02)
    progress = render(fake_replicate, flux_request())
    assert (progress.status, progress.error_kind) == (status, kind)
    assert progress.error_text
    if status in (RenderStatus.REFUSED, RenderStatus.INTERRUPTED, RenderStatus.FAILED):
        assert fake_replicate.bill == 0


def test_a_deadline_of_ours_may_be_sent_again(fake_replicate: RunningFake) -> None:
    fake_replicate.script({"on": "outcome", "fault": "stuck"})

    async def work(provider: ReplicateProvider) -> Any:
        assert provider._cancel_after == "5s"  # the least that the API takes
        provider._cancel_after = "1s"
        submission = await provider.submit(flux_request())
        await asyncio.sleep(1.1)
        return await provider.poll(submission.external_id)

    progress = run(fake_replicate, work, cancel_after_seconds=1)
    assert (progress.status, progress.error_kind) == (RenderStatus.INTERRUPTED, "deadline")


def test_cancel_stops_it_and_is_silent_when_it_is_over(fake_replicate: RunningFake) -> None:
    fake_replicate.script(latency=30)

    async def work(provider: ReplicateProvider) -> Any:
        submission = await provider.submit(flux_request(model=SDXL))
        await provider.cancel(submission.external_id)
        await provider.cancel(submission.external_id)
        await provider.cancel("fake9999")
        return await provider.poll(submission.external_id)

    progress = run(fake_replicate, work)
    assert progress.status is RenderStatus.CANCELLED
    cost = bill(get_model(SDXL), progress.metrics, 1024, 1024, outcome=progress.status)
    assert cost == fake_replicate.bill


@pytest.mark.parametrize("fault", ["429", "500", "503", "401", "garbage", "html", "drop"])
def test_a_look_that_fails_is_later_and_is_asked_once(fake_replicate: RunningFake, fault: str) -> None:
    fake_replicate.script({"on": "get", "fault": fault, "times": None})

    async def work(provider: ReplicateProvider) -> Any:
        submission = await provider.submit(flux_request())
        return await provider.poll(submission.external_id)

    with pytest.raises(ProviderBusy):
        run(fake_replicate, work)
    # a connection that was kept and is cut may be a stale one: a read over it is repeated once
    assert fake_replicate.state()["calls"]["get"] <= (2 if fault == "drop" else 1)


def test_many_are_looked_at_in_few_calls(fake_replicate: RunningFake) -> None:
    fake_replicate.script(
        {"on": "outcome", "fault": "stuck", "prompt": "never"},
        {"on": "outcome", "fault": "safety", "prompt": "skin"},
        {"on": "outcome", "fault": "removed", "prompt": "old"},
        latency=0.0,
        page_size=10,
    )

    async def work(provider: ReplicateProvider) -> Any:
        since = datetime.now(UTC)
        prompts = ["never", "skin", "old", *(f"Shot {number}" for number in range(32))]
        ids = [(await provider.submit(flux_request(prompt=prompt))).external_id for prompt in prompts]
        return ids, await provider.poll_many([*ids, "fakeunknown"], since=since)

    ids, found = run(fake_replicate, work)
    assert fake_replicate.state()["calls"] == {"create": 35, "list": 4}
    assert found[ids[0]].status is RenderStatus.RUNNING
    assert found[ids[1]].status is RenderStatus.REFUSED
    assert ids[2] not in found  # the list does not tell it whole: it is looked at alone
    assert "fakeunknown" not in found
    assert all(found[external_id].status is RenderStatus.SUCCEEDED for external_id in ids[3:])


def test_an_unknown_prediction_is_gone(fake_replicate: RunningFake) -> None:
    async def work(provider: ReplicateProvider) -> Any:
        return await provider.poll("fakeunknown")

    assert run(fake_replicate, work).status is RenderStatus.GONE


def test_an_id_can_not_reach_another_path(fake_replicate: RunningFake) -> None:
    async def work(provider: ReplicateProvider) -> Any:
        return await provider.poll("../account?x=")

    with pytest.raises(ProviderRefused):
        run(fake_replicate, work)


# --- found again ---------------------------------------------------------------------------


def lose_and_find(
    fake: RunningFake, *requests: RenderRequest, sent_at: datetime | None = None, exclude: tuple[str, ...] = ()
) -> str | None:
    """Send requests whose answers are lost, then look for the first of them."""

    async def work(provider: ReplicateProvider) -> str | None:
        for request in requests[1:]:
            await provider.submit(request)
        with pytest.raises(OutcomeUnknown):
            await provider.submit(requests[0])
        return await provider.find(request=requests[0], sent_at=sent_at or datetime.now(UTC), exclude=exclude)

    return run(fake, work, timeout=httpx.Timeout(2.0))


@pytest.mark.parametrize("shown", [True, False])
def test_a_lost_answer_is_found_by_key_or_by_input(fake_replicate: RunningFake, shown: bool) -> None:
    fake_replicate.script(
        {"on": "create", "fault": "drop_after", "prompt": "slate"}, list_shows_webhook=shown, page_size=3
    )
    url = "http://127.0.0.1:9/hooks/replicate"
    others = [flux_request(key=f"gen_{n}", prompt=f"Other {n}", seed=n, webhook_url=url) for n in range(1, 9)]
    found = lose_and_find(fake_replicate, flux_request(webhook_url=url), *others)
    entry = next(entry for entry in fake_replicate.entries() if entry["id"] == found)
    assert entry["input"]["prompt"] == "Headphones on slate"
    assert entry["webhook"] == "http://127.0.0.1:9/hooks/replicate?key=gen_01TEST"


def test_what_never_arrived_is_not_found(fake_replicate: RunningFake) -> None:
    fake_replicate.script({"on": "create", "fault": "drop", "prompt": "slate"})
    almost = [flux_request(key="a", seed=4472, prompt="x"), flux_request(key="b", model=SDXL, prompt="y")]
    assert lose_and_find(fake_replicate, flux_request(), *almost) is None


def test_a_twin_that_belongs_to_another_row_is_left_out(fake_replicate: RunningFake) -> None:
    fake_replicate.script({"on": "create", "fault": "500", "times": 1})

    async def work(provider: ReplicateProvider) -> Any:
        with pytest.raises(OutcomeUnknown):
            await provider.submit(flux_request())
        twin = (await provider.submit(flux_request(key="gen_OTHER"))).external_id
        now = datetime.now(UTC)
        return (
            await provider.find(request=flux_request(), sent_at=now),
            await provider.find(request=flux_request(), sent_at=now, exclude=[twin]),
            twin,
        )

    without, excluded, twin = run(fake_replicate, work)
    assert without == twin
    assert excluded is None


def test_many_lost_requests_are_looked_for_in_one_walk_and_each_finds_its_own(fake_replicate: RunningFake) -> None:
    """One of them never arrived, and one asks while the others are being looked for."""
    fake_replicate.script({"on": "create", "fault": "drop", "prompt": "Never"}, page_size=10)

    async def work(provider: ReplicateProvider) -> Any:
        requests = [flux_request(key=f"gen_{n}", prompt=f"Shot {n}", seed=n) for n in range(1, 26)]
        created = [(await provider.submit(request)).external_id for request in requests]
        missing = flux_request(key="gen_26", prompt="Never", seed=26)
        with pytest.raises(OutcomeUnknown):
            await provider.submit(missing)
        now = datetime.now(UTC)
        together = asyncio.gather(*(provider.find(request=request, sent_at=now) for request in (*requests, missing)))
        await asyncio.sleep(0.06)
        late = flux_request(key="gen_27", prompt="Late", seed=27)
        external_id = (await provider.submit(late)).external_id
        assert await provider.find(request=late, sent_at=now) == external_id
        return await together, created

    found, created = run(fake_replicate, work)
    assert found == [*created, None]
    assert fake_replicate.state()["calls"]["list"] <= 6


def test_when_the_inputs_are_gone_a_person_decides(fake_replicate: RunningFake) -> None:
    fake_replicate.script({"on": "create", "fault": "drop_after"}, latency=0.0, forget_after=0.0)
    with pytest.raises(OutcomeUnknown) as unknown:
        lose_and_find(fake_replicate, flux_request())
    assert unknown.value.kind == "too_late"


def test_a_search_that_cannot_be_made_is_later(fake_replicate: RunningFake) -> None:
    fake_replicate.script({"on": "create", "fault": "drop_after"}, {"on": "list", "fault": "503"})
    with pytest.raises(ProviderBusy):
        lose_and_find(fake_replicate, flux_request())


# --- webhooks, credentials, the client -----------------------------------------------------


def test_the_webhook_carries_our_key_once() -> None:
    assert add_key("https://l.example/hook?a=b", key="gen_1") == "https://l.example/hook?a=b&key=gen_1"
    assert add_key("https://l.example/hook?attempt=gen_1", key="gen_1") == "https://l.example/hook?attempt=gen_1"


def test_the_secret_of_the_webhooks_can_be_asked_for(fake_replicate: RunningFake) -> None:
    async def work(provider: ReplicateProvider) -> str:
        return await provider.webhook_secret()

    assert run(fake_replicate, work).startswith("whsec_")


def test_the_token_is_sent_to_the_api_only(fake_replicate: RunningFake) -> None:
    """The listing's next page points elsewhere: it is read from the API's own host all the same."""
    fake_replicate.script(page_size=1, token="r8_test")

    async def work(provider: ReplicateProvider) -> Any:
        for number in range(3):
            await provider.submit(flux_request(seed=number + 1))
        return await provider.find(request=flux_request(seed=1), sent_at=datetime.now(UTC))

    assert run(fake_replicate, work) == fake_replicate.entries()[0]["id"]
    assert ReplicateProvider(token="r8_x")._rules.tokens == {"api.replicate.com:443": "r8_x"}


def test_the_official_client_still_has_what_the_adapter_leans_on() -> None:
    from replicate.__about__ import __version__
    from replicate.client import RetryTransport
    from replicate.prediction import Prediction

    assert __version__ == "1.0.7"
    assert "POST" not in RetryTransport.RETRYABLE_METHODS
    prediction = {"id": "p", "model": "m", "version": "v", "data_removed": True, "input": None, "output": None}
    rest = dict.fromkeys(["logs", "error", "metrics", "created_at", "started_at", "completed_at", "urls"])
    assert not hasattr(Prediction(**prediction, **rest, status="succeeded"), "data_removed")
    with pytest.raises(ValueError, match="status"):
        Prediction(**prediction, **rest, status="aborted")


def test_hundreds_in_flight_share_one_pool(fake_replicate: RunningFake) -> None:
    fake_replicate.script(latency=0.2)

    async def work(provider: ReplicateProvider) -> Any:
        async def one(number: int) -> Any:
            submission = await provider.submit(flux_request(key=f"gen_{number}", seed=number + 1))
            await asyncio.sleep(0.8)
            return await wait_for_end(provider, submission.external_id)

        return await asyncio.gather(*[one(number) for number in range(150)])

    ends = run(fake_replicate, work)
    assert all(end.status is RenderStatus.SUCCEEDED for end in ends)
    state = fake_replicate.state()
    assert state["creates"] == 150
    assert state["doubled_inputs"] == 0


def test_inpainting_models_all_take_masks() -> None:
    for model in MODELS:
        if Ability.INPAINT in model.abilities and model.enabled:
            assert model.fields.mask


def test_the_wire_repeats_nothing_and_knows_what_was_not_sent(fake_replicate: RunningFake) -> None:
    """aiohttp repeats idempotent requests by itself, and wraps lost answers and lost connections alike: pinned here."""

    async def post(base_url: str, failure: type[Exception]) -> None:
        transport = ReplicateTransport(base_url=base_url, token="x", timeout=TIMEOUT)
        try:
            with pytest.raises(failure):
                await transport.post("/v1/predictions", b"{}", headers={})
        finally:
            await transport.aclose()

    fake_replicate.script({"on": "create", "fault": "drop"})
    asyncio.run(post(fake_replicate.url, httpx.ReadError))
    assert fake_replicate.state()["calls"]["create"] == 1
    asyncio.run(post("http://127.0.0.1:9", httpx.ConnectError))
