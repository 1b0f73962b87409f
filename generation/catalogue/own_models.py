"""The models that run in the house: the local studio, and a self-hosted Cog container. Data only."""

from dataclasses import replace
from decimal import Decimal

from generation.catalogue.builders import READ_ON
from generation.catalogue.schema import Ability, CatalogueModel, FreeSize, InputFields, PricePart, PriceRule

FREE = PriceRule(parts=(PricePart("image", Decimal(0)),), priced_on=READ_ON, source="runs on your own machine")

STUDIO = CatalogueModel(
    key="studio/comp",
    provider="local",
    label="Local studio",
    endpoint="local",
    # It draws comps: everything but words.
    abilities=frozenset(set(Ability) - {Ability.TEXT}),
    size=FreeSize(256, 4096, 1),
    price=FREE,
    typical_seconds=1.0,
    safety_profile="none",
    fields=InputFields(
        negative_prompt="negative_prompt",
        seed="seed",
        width="width",
        height="height",
        image="image",
        mask="mask",
        references="references",
        most_references=8,
        scale="scale",
    ),
    mask_polarity="white",
)

COG = CatalogueModel(
    key="cog/self-hosted",
    provider="cog",
    label="Self-hosted model",
    endpoint="cog",
    # Whoever runs it says what it is good at and what it lacks (`describe_self_hosted`); these are what most
    # containers are. What it really takes is read from its schema before each render; a field it lacks is not sent.
    abilities=frozenset({Ability.PHOTOREAL, Ability.DRAFT, Ability.ILLUSTRATION}),
    size=FreeSize(256, 2048, 8),
    price=FREE,
    typical_seconds=10.0,
    safety_profile="self-hosted",
    fields=InputFields(
        negative_prompt="negative_prompt",
        seed="seed",
        width="width",
        height="height",
        image="image",
        mask="mask",
        guidance="guidance_scale",
        steps="num_inference_steps",
        scale="scale",
    ),
    mask_polarity="white",
    steps=28,
    steps_range=(1, 200),
    guidance=3.5,
    guidance_range=(0.0, 50.0),
)


def describe_self_hosted(*, abilities: frozenset[Ability], lacks: frozenset[str] = frozenset()) -> CatalogueModel:
    """The container as whoever runs it describes it: what it is good at, and what it has no input for.

    `lacks`: of "negative_prompt" and "seed".
    """
    negative_prompt, seed = (None if name in lacks else name for name in ("negative_prompt", "seed"))
    return replace(COG, abilities=abilities, fields=replace(COG.fields, negative_prompt=negative_prompt, seed=seed))
