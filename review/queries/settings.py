"""What the settings page says: which part is live and which stands in locally, models and prices. No secret is read."""

from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

from campaigns.models import Budget, Workspace
from generation import catalogue
from generation.catalogue.providers import ANTHROPIC, IMAGE_PROVIDERS, REPLICATE
from generation.providers import registry

UNITS = {
    "run": "a run",
    "image": "an image",
    "second": "a second",
    "megapixel": "a megapixel",
    "input_megapixel": "an input megapixel",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One exchangeable part of the house. `switch` is the environment variable that makes it real."""

    name: str
    live: bool
    words: str
    switch: str
    otherwise: str = "Local"


@dataclass(frozen=True, slots=True)
class ModelLine:
    """One model of the catalogue. `reason` says why it cannot be asked; "" if it can."""

    label: str
    key: str
    provider: str
    abilities: str
    price: str
    each: Decimal
    seconds: float
    repeatable: bool
    reason: str


def read_parts() -> list[Part]:
    """What is live and what is local."""
    live = registry.live_providers()
    is_postgres = connection.vendor == "postgresql"
    bucket = settings.EXPORT_BUCKET
    return [
        Part(
            "Database",
            is_postgres,
            "PostgreSQL" if is_postgres else "The embedded SQLite, good for one team on one machine.",
            "DATABASE_URL",
        ),
        Part(
            "Redis",
            bool(settings.REDIS_URL),
            f"Redis at {_host(settings.REDIS_URL)}"
            if settings.REDIS_URL
            else "A Redis of our own, started with Loupe.",
            "REDIS_URL",
        ),
        Part(
            "Pictures",
            any(name in live for name, provider in IMAGE_PROVIDERS.items() if not provider.draws_comps),
            _pictures(live),
            "REPLICATE_API_TOKEN or COG_URL",
        ),
        Part(
            "Prompt writer",
            ANTHROPIC.name in live,
            f"Claude, {settings.LOUPE_WRITER_MODEL}"
            if ANTHROPIC.name in live
            else "The local writer fills the structure.",
            "ANTHROPIC_API_KEY",
        ),
        Part(
            "Critic",
            ANTHROPIC.name in live,
            f"Claude, {settings.LOUPE_CRITIC_MODEL}"
            if ANTHROPIC.name in live
            else "The local critic measures light, colour, balance and sharpness.",
            "ANTHROPIC_API_KEY",
        ),
        Part(
            "Exports",
            bool(bucket),
            f"The bucket {bucket}" if bucket else "Files on this machine, in the exports folder.",
            "EXPORT_BUCKET",
        ),
        Part(
            "Webhooks",
            bool(settings.LOUPE_PUBLIC_URL and REPLICATE.name in live),
            f"Received at {_host(settings.LOUPE_PUBLIC_URL)}"
            if settings.LOUPE_PUBLIC_URL
            else "Off: the providers are asked instead, which works as well.",
            "LOUPE_PUBLIC_URL",
            otherwise="Off",
        ),
    ]


def _pictures(live: frozenset[str]) -> str:
    names = [
        provider.label for provider in IMAGE_PROVIDERS.values() if provider.name in live and not provider.draws_comps
    ]
    return " and ".join(names) or "The local studio draws comps; they cost nothing."


def _host(address: str) -> str:
    """Where it is, without the name and password that the address may carry."""
    return urlsplit(address).hostname or "this machine"


def read_models() -> list[ModelLine]:
    """The catalogue with prices, the ones that can be asked first. No query."""
    lines = []
    for model, reason in registry.listed_models():
        lines.append(
            ModelLine(
                label=model.label,
                key=model.key,
                provider=IMAGE_PROVIDERS[model.provider].label,
                abilities=", ".join(sorted(model.abilities)),
                price=_price(model),
                each=_one_picture(model),
                seconds=model.typical_seconds,
                repeatable=model.supports_seed,
                reason=reason,
            )
        )
    return sorted(lines, key=lambda line: bool(line.reason))


def _price(model: catalogue.CatalogueModel) -> str:
    parts = [
        f"${part.amount.normalize():f} {UNITS[part.unit]}" + (f" of {part.hardware}" if part.hardware else "")
        for part in model.price.parts
        if part.amount
    ]
    return " + ".join(parts) or ("free" if IMAGE_PROVIDERS[model.provider].free else "not published")


def _one_picture(model: catalogue.CatalogueModel) -> Decimal:
    size = catalogue.snap_size(model, 1024, 1024)
    return catalogue.estimate_cost(model, size.width, size.height)


def workspace_budget(workspace: Workspace) -> Budget | None:
    """The limit of the whole house, if one is set."""
    return Budget.objects.filter(workspace=workspace, campaign__isnull=True).first()
