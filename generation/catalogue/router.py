"""Which model for this shot, and why: the decision tree as data. Pure; the answer is a proposal, a person may override.

A model that has been retired stays out of the lists below; its successor stands in its place
(docs/adr/0003-models-of-the-router.md).
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from generation.catalogue import Ability, CatalogueModel, get_model
from generation.catalogue.providers import COG, PROVIDERS, REPLICATE


class Branch(StrEnum):
    """The branches of the tree; editing has three hands."""

    UPSCALE = "upscale"
    INPAINT = "inpaint"
    EDIT = "edit"
    TEXT = "text"
    DRAFT = "draft"
    ILLUSTRATION = "illustration"
    PHOTOREAL = "photoreal"


class NoModelFits(LookupError):
    """Not one model can be asked. The message is for people."""


@dataclass(frozen=True, slots=True)
class RoutingRequest:
    """What is to be drawn. `kind` is the shot's: hero, lifestyle, detail, social, illustration, other."""

    kind: str = "other"
    wants_text: bool = False
    photoreal: bool = False
    draft: bool = False
    illustration: bool = False
    editing: bool = False
    inpainting: bool = False
    upscaling: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """The proposal: a model, the reason in plain words, and the others that could do it, best first."""

    model_key: str
    reason: str
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Rule:
    """What the branch is for, the ability it needs, its models in order, and why the first is first."""

    task: str
    ability: Ability
    models: tuple[str, ...]
    because: str


_RULES: dict[Branch, _Rule] = {
    Branch.TEXT: _Rule(
        "Legible text in the image",
        Ability.TEXT,
        ("ideogram-ai/ideogram-v2", "ideogram-ai/ideogram-v3-turbo", "recraft-ai/recraft-v3"),
        "keeps more than one word readable",
    ),
    Branch.PHOTOREAL: _Rule(
        "Photoreal product without text",
        Ability.PHOTOREAL,
        (
            "black-forest-labs/flux-1.1-pro",
            "black-forest-labs/flux-2-pro",
            "black-forest-labs/flux-1.1-pro-ultra",
            "black-forest-labs/flux-dev",
            "stability-ai/sdxl",
        ),
        "gives believable materials and light",
    ),
    Branch.DRAFT: _Rule(
        "Draft, thumbnail or moodboard",
        Ability.DRAFT,
        ("bytedance/sdxl-lightning-4step", "black-forest-labs/flux-schnell"),
        "answers in under three seconds for a fraction of a cent",
    ),
    Branch.ILLUSTRATION: _Rule(
        "Stylised illustration or poster",
        Ability.ILLUSTRATION,
        (
            "playgroundai/playground-v2.5-1024px-aesthetic",
            "recraft-ai/recraft-v3",
            "ideogram-ai/ideogram-v3-turbo",
            "stability-ai/sdxl",
        ),
        "holds a graphic style over the whole picture",
    ),
    Branch.EDIT: _Rule(
        "Editing an existing picture",
        Ability.EDIT,
        ("black-forest-labs/flux-kontext-pro", "black-forest-labs/flux-2-pro", "stability-ai/sdxl"),
        "starts from the picture itself, never from words alone",
    ),
    Branch.INPAINT: _Rule(
        "Changing the marked region only",
        Ability.INPAINT,
        ("black-forest-labs/flux-fill-pro", "ideogram-ai/ideogram-v2", "stability-ai/sdxl"),
        "repaints what the mask shows and leaves the rest",
    ),
    Branch.UPSCALE: _Rule(
        "Enlarging a finished picture",
        Ability.UPSCALE,
        ("philz1337x/clarity-upscaler", "nightmareai/real-esrgan"),
        "adds fine detail while it enlarges",
    ),
}


def choose_branch(request: RoutingRequest) -> Branch:
    """The branch of the tree. An existing picture comes first, then legible text; without a hint: photoreal."""
    if request.upscaling:
        return Branch.UPSCALE
    if request.inpainting:
        return Branch.INPAINT
    if request.editing:
        return Branch.EDIT
    if request.wants_text:
        return Branch.TEXT
    if request.draft:
        return Branch.DRAFT
    if request.illustration or (request.kind == "illustration" and not request.photoreal):
        return Branch.ILLUSTRATION
    return Branch.PHOTOREAL


def route(request: RoutingRequest, available: Collection[CatalogueModel]) -> Route:
    """Propose a model among the `available` ones (`catalogue.available_models`).

    The branch's own models come first, then any other with the ability (a self-hosted one), then the local studio,
    which draws a comp of anything. Raises NoModelFits where nothing can be asked.
    """
    rule = _RULES[choose_branch(request)]
    usable = {model.key: model for model in available if model.enabled}
    fitting = _fitting(rule, usable)
    studio = [model for model in usable.values() if PROVIDERS[model.provider].draws_comps]
    if not fitting and not studio:
        raise NoModelFits(f"{rule.task}: no model that can do this is available. Set REPLICATE_API_TOKEN or COG_URL.")
    chosen, *others = [*fitting, *studio]
    return Route(chosen.key, _reason(rule, chosen, usable), tuple(model.key for model in others))


def _fitting(rule: _Rule, usable: dict[str, CatalogueModel]) -> list[CatalogueModel]:
    """The branch's own models in their order, then any other with the ability; the studio aside."""
    fitting = [usable[key] for key in rule.models if key in usable]
    return fitting + [
        model
        for model in usable.values()
        if rule.ability in model.abilities and model not in fitting and not PROVIDERS[model.provider].draws_comps
    ]


def _reason(rule: _Rule, chosen: CatalogueModel, usable: dict[str, CatalogueModel]) -> str:
    first = get_model(rule.models[0])
    task = rule.task[0].lower() + rule.task[1:]
    if PROVIDERS[chosen.provider].draws_comps:
        if not any(model.provider == REPLICATE.name for model in usable.values()):
            return (
                f"No Replicate token: the local studio draws a comp. "
                f"With a token this shot would go to {first.label}: {task}."
            )
        return f"{rule.task}: no other model that can do this is available, so the local studio draws a comp."
    if chosen.key == first.key:
        return f"{rule.task}: {chosen.label} {rule.because}."
    if chosen.provider == COG.name:
        return f"{rule.task}: your self-hosted model draws it. With a Replicate token it would go to {first.label}."
    return f"{rule.task}: {first.label} is not available, {chosen.label} is the next choice."


def other_safety_profile(model_key: str, request: RoutingRequest, available: Collection[CatalogueModel]) -> str | None:
    """Another model for the same work with a different safety filter, or None: the first that fits the branch.

    The local studio is no answer: a comp in the place of a finished picture would hide the refusal.
    """
    refused = get_model(model_key)
    usable = {model.key: model for model in available if model.enabled}
    fitting = _fitting(_RULES[choose_branch(request)], usable)
    return next((model.key for model in fitting if model.safety_profile != refused.safety_profile), None)
