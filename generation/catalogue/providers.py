"""The providers that Loupe knows, one row each: whatever depends on which provider it is reads it here. Data only."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Provider:
    """`name` is the word of rows and prices, `label` that of pages.

    `setting`: the setting that switches it on; "" where it is always there. `at_once`: how many renders it takes at a
    time, for one that runs beside us; None where only its rate limits us. `rate_setting`: creates a minute.
    `free`: it has no price list. `reports`: it tells the end of a render by webhook. `draws_comps`: what it makes
    stands for a finished image and is not one.
    """

    name: str
    label: str
    setting: str = ""
    at_once: int | None = None
    rate_setting: str = ""
    free: bool = False
    reports: bool = False
    draws_comps: bool = False


LOCAL = Provider("local", "This machine", at_once=4, free=True, draws_comps=True)
REPLICATE = Provider(
    "replicate",
    "Replicate",
    setting="REPLICATE_API_TOKEN",
    rate_setting="REPLICATE_CREATES_PER_MINUTE",
    reports=True,
)
COG = Provider("cog", "Self-hosted", setting="COG_URL", at_once=8, free=True)
# Writes and scores; the others render.
ANTHROPIC = Provider("anthropic", "Anthropic", setting="ANTHROPIC_API_KEY")

IMAGE_PROVIDERS = {provider.name: provider for provider in (LOCAL, REPLICATE, COG)}
PROVIDERS = {**IMAGE_PROVIDERS, ANTHROPIC.name: ANTHROPIC}
