"""The five branches, their successors, and honest words for each."""

import pytest

from generation.catalogue import available_models, get_model
from generation.catalogue.constraints import fold_constraints, usual_constraints
from generation.catalogue.router import Branch, NoModelFits, RoutingRequest, choose_branch, other_safety_profile, route

ALL = available_models(frozenset({"local", "replicate"}))
STUDIO = available_models(frozenset({"local"}))
COG = available_models(frozenset({"local", "cog"}))
FLUX = get_model("black-forest-labs/flux-1.1-pro")
SDXL = get_model("stability-ai/sdxl")


@pytest.mark.parametrize(
    ("request_", "model"),
    [
        (RoutingRequest(kind="social", wants_text=True), "ideogram-ai/ideogram-v2"),
        (RoutingRequest(kind="hero", photoreal=True), "black-forest-labs/flux-1.1-pro"),
        (RoutingRequest(kind="hero"), "black-forest-labs/flux-1.1-pro"),
        (RoutingRequest(draft=True), "bytedance/sdxl-lightning-4step"),
        (RoutingRequest(kind="illustration"), "playgroundai/playground-v2.5-1024px-aesthetic"),
        (RoutingRequest(illustration=True, wants_text=True), "ideogram-ai/ideogram-v2"),
        (RoutingRequest(editing=True, wants_text=True), "black-forest-labs/flux-kontext-pro"),
        (RoutingRequest(inpainting=True), "black-forest-labs/flux-fill-pro"),
        (RoutingRequest(upscaling=True), "philz1337x/clarity-upscaler"),
    ],
)
def test_each_branch_has_its_model(request_: RoutingRequest, model: str) -> None:
    proposal = route(request_, ALL)
    assert proposal.model_key == model
    assert get_model(model).label in proposal.reason
    assert proposal.model_key not in proposal.alternatives
    assert len(set(proposal.alternatives)) == len(proposal.alternatives)


def test_editing_never_meets_plain_text_to_image() -> None:
    for request_ in (RoutingRequest(editing=True), RoutingRequest(inpainting=True), RoutingRequest(upscaling=True)):
        proposal = route(request_, ALL)
        for key in (proposal.model_key, *proposal.alternatives):
            assert get_model(key).fields.image


def test_no_route_leads_to_a_retired_model() -> None:
    for branch in Branch:
        request_ = RoutingRequest(
            wants_text=branch is Branch.TEXT, draft=branch is Branch.DRAFT, illustration=branch is Branch.ILLUSTRATION
        )
        proposal = route(request_, ALL)
        assert all(get_model(key).enabled for key in (proposal.model_key, *proposal.alternatives))


def test_the_local_studio_says_what_it_is() -> None:
    proposal = route(RoutingRequest(kind="hero"), STUDIO)
    assert proposal.model_key == "studio/comp"
    assert proposal.alternatives == ()
    assert proposal.reason == (
        "No Replicate token: the local studio draws a comp. "
        "With a token this shot would go to FLUX 1.1 pro: photoreal product without text."
    )


def test_a_self_hosted_model_comes_before_the_studio_where_it_can_do_the_work() -> None:
    proposal = route(RoutingRequest(kind="hero"), COG)
    assert proposal.model_key == "cog/self-hosted"
    assert proposal.alternatives == ("studio/comp",)
    assert route(RoutingRequest(wants_text=True), COG).model_key == "studio/comp"


def test_the_next_choice_is_named_when_the_first_is_missing() -> None:
    proposal = route(RoutingRequest(), [model for model in ALL if model.key != FLUX.key])
    assert proposal.model_key == "black-forest-labs/flux-2-pro"
    assert "FLUX 1.1 pro is not available" in proposal.reason


def test_nothing_available_is_an_error_for_people() -> None:
    with pytest.raises(NoModelFits, match="REPLICATE_API_TOKEN"):
        route(RoutingRequest(), [])


def test_the_branch_without_a_hint_is_photoreal() -> None:
    assert choose_branch(RoutingRequest()) is Branch.PHOTOREAL


def test_constraints_are_folded_where_there_is_no_negative_prompt() -> None:
    prompt, negative = fold_constraints(FLUX, "Headphones on slate, no text", "watermark, text, logo")
    assert negative == ""
    assert prompt == "Headphones on slate, no text. The picture shows none of these: watermark, logo."
    assert fold_constraints(FLUX, prompt, "text") == (prompt, "")
    assert fold_constraints(SDXL, "Headphones", "text, logo") == ("Headphones", "text, logo")
    assert fold_constraints(FLUX, "Headphones", " ") == ("Headphones", "")


@pytest.mark.parametrize(
    ("shows", "wants_text", "added"),
    [
        ("Headphones on slate", False, "watermark, text, logo, hands, person, low quality, deformed"),
        ("A woman wearing the headphones", False, "watermark, text, logo, hands, low quality, deformed"),
        ("A hand holding the cup", False, "watermark, text, logo, person, low quality, deformed"),
        ("A poster", True, "watermark, logo, hands, person, low quality, deformed"),
    ],
)
def test_what_is_usually_kept_out_stays_out_unless_the_shot_wants_it(shows: str, wants_text: bool, added: str) -> None:
    constraints = usual_constraints(FLUX, given=("glare",), shows=shows, wants_text=wants_text)
    assert ", ".join(constraints) == f"glare, {added}"
    twice = usual_constraints(FLUX, given=("Watermarks", "logo"), shows=shows, wants_text=wants_text)
    assert [entry.casefold().rstrip("s") for entry in twice].count("watermark") == 1
    assert twice.count("logo") == 1


@pytest.mark.parametrize(
    ("refused", "request_", "other"),
    [
        ("black-forest-labs/flux-1.1-pro", RoutingRequest(kind="hero"), "black-forest-labs/flux-dev"),
        ("ideogram-ai/ideogram-v2", RoutingRequest(wants_text=True), "recraft-ai/recraft-v3"),
        ("bytedance/sdxl-lightning-4step", RoutingRequest(draft=True), "black-forest-labs/flux-schnell"),
        ("playgroundai/playground-v2.5-1024px-aesthetic", RoutingRequest(illustration=True), "recraft-ai/recraft-v3"),
        ("black-forest-labs/flux-kontext-pro", RoutingRequest(editing=True), "stability-ai/sdxl"),
        ("black-forest-labs/flux-fill-pro", RoutingRequest(inpainting=True), "ideogram-ai/ideogram-v2"),
        ("stability-ai/sdxl", RoutingRequest(inpainting=True), "black-forest-labs/flux-fill-pro"),
        ("philz1337x/clarity-upscaler", RoutingRequest(upscaling=True), "nightmareai/real-esrgan"),
    ],
)
def test_another_safety_profile_is_really_another_and_does_the_same_work(
    refused: str, request_: RoutingRequest, other: str
) -> None:
    assert other_safety_profile(refused, request_, ALL) == other
    assert get_model(other).safety_profile != get_model(refused).safety_profile
    if request_.inpainting:
        assert get_model(other).fields.mask


def test_the_studio_never_stands_in_for_a_refused_picture() -> None:
    for model in ALL:
        assert other_safety_profile(model.key, RoutingRequest(), STUDIO) is None
