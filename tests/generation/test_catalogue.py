"""The catalogue agrees with the published inputs, snaps honestly and counts to the cent."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation import catalogue
from generation.catalogue import MODELS, Ability, bill, estimate_cost, get_model, snap_size
from generation.catalogue.schema import AspectSize, FreeSize, ListedSize
from generation.rules.values import RenderStatus, Usage

FLUX = get_model("black-forest-labs/flux-1.1-pro")
SDXL = get_model("stability-ai/sdxl")


def test_every_model_is_complete() -> None:
    assert len({model.key for model in MODELS}) == len(MODELS)
    for model in MODELS:
        assert model.key.count("/") == 1, model.key
        assert all((model.label, model.abilities, model.typical_seconds > 0, model.safety_profile)), model.key
        assert bool(model.version) == (model.endpoint == "version"), model.key
        assert model.enabled != bool(model.disabled_reason), model.key
        assert (Ability.INPAINT in model.abilities) == (model.mask_polarity is not None) or model.provider == "cog"
        if model.abilities & {Ability.EDIT, Ability.INPAINT, Ability.UPSCALE}:
            assert model.fields.image is not None or not model.enabled, model.key
        for value, allowed in ((model.guidance, model.guidance_range), (model.steps, model.steps_range)):
            assert (value is None) == (allowed is None)
            if allowed is not None and value is not None:
                assert allowed[0] <= value <= allowed[1], model.key


def test_the_figures_of_the_product_are_the_defaults() -> None:
    flux_dev = get_model("black-forest-labs/flux-dev")
    assert (flux_dev.guidance, flux_dev.steps) == (3.5, 28)
    assert (SDXL.guidance, SDXL.steps) == (7.5, 30)
    assert SDXL.default_negative == "text, watermark, logo, blurry, distorted, low quality, overexposed"
    assert FLUX.default_negative == "watermark, text, logo, hands, person, low quality, deformed"


@pytest.mark.parametrize("key", ["google/imagen-3", "google/imagen-4", "google/nano-banana"])
def test_a_retired_model_is_listed_with_its_reason_but_never_available(key: str) -> None:
    live = frozenset({"local", "replicate", "cog"})
    assert key not in [model.key for model in catalogue.available_models(live)]
    reasons = {model.key: reason for model, reason in catalogue.catalogue(live_providers=live)}
    assert "takes its place" in reasons[key]


def test_without_keys_only_the_studio_is_there() -> None:
    live = frozenset({"local"})
    assert [model.key for model in catalogue.available_models(live)] == ["studio/comp"]
    reasons = {model.key: reason for model, reason in catalogue.catalogue(live_providers=live)}
    assert reasons["studio/comp"] == ""
    assert "REPLICATE_API_TOKEN" in reasons[FLUX.key]
    assert "cog/self-hosted" not in reasons


def test_an_unknown_model_is_named() -> None:
    with pytest.raises(catalogue.UnknownModel, match="nobody/nothing"):
        get_model("nobody/nothing")


# --- sizes -------------------------------------------------------------------------------

sides = st.integers(min_value=1, max_value=12_000)


@given(st.sampled_from(MODELS), sides, sides)
def test_a_snapped_size_is_always_legal_and_says_when_it_changed(
    model: catalogue.CatalogueModel, width: int, height: int
) -> None:
    snapped = snap_size(model, width, height)
    rule = model.size
    if isinstance(rule, FreeSize):
        for side in (snapped.width, snapped.height):
            assert rule.minimum <= side <= rule.maximum
            assert side % rule.multiple == 0
    elif isinstance(rule, AspectSize):
        assert snapped.aspect_ratio is not None
        assert rule.pixels[snapped.aspect_ratio] == (snapped.width, snapped.height)
    elif isinstance(rule, ListedSize):
        assert (snapped.width, snapped.height) in rule.sizes
    changed = (snapped.width, snapped.height) != (width, height)
    if Ability.UPSCALE not in model.abilities or model.provider == "local":
        assert bool(snapped.notice) == changed


@pytest.mark.parametrize(
    ("key", "asked", "drawn"),
    [
        ("black-forest-labs/flux-1.1-pro", (1024, 1024), (1024, 1024)),
        ("black-forest-labs/flux-1.1-pro", (1344, 768), (1344, 768)),
        ("black-forest-labs/flux-1.1-pro", (1000, 1000), (992, 992)),
        ("black-forest-labs/flux-1.1-pro", (200, 200), (256, 256)),
        ("black-forest-labs/flux-dev", (1920, 1080), (1344, 768)),
        ("recraft-ai/recraft-v3", (1080, 1920), (1024, 1820)),
        ("black-forest-labs/flux-fill-pro", (1080, 1920), (810, 1440)),  # as observed
        ("studio/comp", (1344, 768), (1344, 768)),
    ],
)
def test_the_nearest_legal_size(key: str, asked: tuple[int, int], drawn: tuple[int, int]) -> None:
    snapped = snap_size(get_model(key), *asked)
    assert (snapped.width, snapped.height) == drawn


def test_the_notice_speaks_to_people() -> None:
    snapped = snap_size(get_model("ideogram-ai/ideogram-v2"), 1920, 1080)
    assert snapped.aspect_ratio == "16:9"
    assert snapped.notice == (
        "Ideogram v2 draws by aspect ratio: 16:9, about 1360 × 768, is the nearest to 1920 × 1080."
    )


def test_a_size_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="one pixel"):
        snap_size(FLUX, 0, 100)


# --- money -------------------------------------------------------------------------------


def test_four_flux_shots_cost_sixteen_cents() -> None:
    assert sum(estimate_cost(FLUX, 1024, 1024) for _ in range(4)) == Decimal("0.160000")


@pytest.mark.parametrize(
    ("key", "metrics", "outcome", "amount"),
    [
        ("black-forest-labs/flux-1.1-pro", {"image_count": 1, "predict_time": 3.4}, "succeeded", "0.040000"),
        ("black-forest-labs/flux-1.1-pro", {"image_output_count": 2}, "succeeded", "0.080000"),
        ("black-forest-labs/flux-1.1-pro", {"predict_time": 3.4}, "failed", "0"),
        ("black-forest-labs/flux-1.1-pro", {"predict_time": 3.4}, "cancelled", "0"),
        ("stability-ai/sdxl", {"predict_time": 4.436664102}, "succeeded", "0.004326"),
        ("stability-ai/sdxl", {"predict_time": 2.0}, "cancelled", "0.001950"),
        ("stability-ai/sdxl", {}, "cancelled", "0"),
        ("stability-ai/sdxl", {"predict_time": 4.0}, "refused", "0"),
        ("black-forest-labs/flux-2-pro", {"image_output_megapixel_count": 1.0}, "succeeded", "0.030000"),
        (
            "black-forest-labs/flux-2-pro",
            {"image_output_megapixel_count": 1.0, "image_input_megapixel_count": 1.2},
            "succeeded",
            "0.060000",
        ),
        ("studio/comp", {}, "succeeded", "0.000000"),
    ],
)
def test_the_bill_follows_the_metrics(key: str, metrics: dict[str, float], outcome: str, amount: str) -> None:
    assert bill(get_model(key), metrics, 1024, 1024, outcome=RenderStatus(outcome)) == Decimal(amount)


def test_every_enabled_model_has_its_prices_in_the_list() -> None:
    listed = {(price.provider, price.model, price.unit) for price in catalogue.list_prices()}
    assert len(listed) == len(catalogue.list_prices())
    for model in MODELS:
        if model.enabled:
            assert all((model.provider, model.key, part.unit) in listed for part in model.price.parts)
    assert ("anthropic", "claude-haiku-5-5", "cache_read_token") in listed


def test_tokens_are_priced_by_kind() -> None:
    usage = Usage(
        "anthropic",
        "claude-haiku-5-5",
        {"input_token": 1_000_000, "output_token": 100_000, "cache_write_token": 10_000, "cache_read_token": 100_000},
    )
    amounts = {line.unit: line.amount for line in catalogue.bill_usage(usage)}
    assert amounts == {
        "input_token": Decimal("0.100000"),
        "output_token": Decimal("0.050000"),
        "cache_write_token": Decimal("0.001250"),
        "cache_read_token": Decimal("0.001000"),
    }
    assert catalogue.bill_usage(Usage("local", "studio", {})) == ()


def test_image_tokens_match_the_published_examples() -> None:
    assert catalogue.image_tokens(1024, 1024) == 1_369
    assert catalogue.image_tokens(1920, 1080) == 2_691
    assert catalogue.image_tokens(8000, 8000) == 4_784


def test_an_unlisted_claude_is_counted_at_the_dearest_price() -> None:
    unknown = catalogue.estimate_prompt_cost("claude-of-next-year")
    assert unknown == catalogue.estimate_prompt_cost("claude-fable-5-1")
    dated = catalogue.estimate_prompt_cost("claude-haiku-4-5-20251001")
    assert dated == catalogue.estimate_prompt_cost("claude-haiku-4-5")


def test_the_data_is_plain() -> None:
    for model in MODELS:
        json.dumps(dict(model.parameters))
