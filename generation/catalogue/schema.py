"""The shapes of the catalogue: what is known about a model, as frozen data. Pure.

Figures come from the providers' published input schemas and price lists, gathered up to
2026-11; prices drift, so each rule says when it was read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal


class Ability(StrEnum):
    """What a model is good for; the router's words."""

    TEXT = "text"  # legible text in the image
    PHOTOREAL = "photoreal"
    DRAFT = "draft"  # under three seconds, for thumbnails and moodboards
    ILLUSTRATION = "illustration"
    EDIT = "edit"  # changes an existing picture by instruction or image-to-image
    INPAINT = "inpaint"  # repaints the masked region only
    UPSCALE = "upscale"


class UnknownModel(LookupError):
    """No model of this name is in the catalogue. The message is for people."""


@dataclass(frozen=True, slots=True)
class FreeSize:
    """Any width and height from `minimum` to `maximum` pixels, both multiples of `multiple`.

    `fixed` holds inputs that must go along (FLUX takes a width only with aspect_ratio "custom").
    """

    minimum: int
    maximum: int
    multiple: int
    fixed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AspectSize:
    """One of a list of aspect ratios; `pixels` is the size that the model then draws (about, where not published)."""

    pixels: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class ListedSize:
    """One of a list of sizes, each sent as "1024x1536" """

    sizes: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class InputSize:
    """The size of the picture handed in, times `scale`; longer sides than `longest` pixels are drawn smaller."""

    longest: int
    scale: int = 1


SizeRule = FreeSize | AspectSize | ListedSize | InputSize

PriceUnit = Literal["run", "image", "second", "megapixel", "input_megapixel"]


@dataclass(frozen=True, slots=True)
class PricePart:
    """USD for one unit: a run, an output image, a second of `hardware`, an output or an input megapixel."""

    unit: PriceUnit
    amount: Decimal
    hardware: str = ""


@dataclass(frozen=True, slots=True)
class PriceRule:
    """What one render costs: the sum of its parts. `priced_on` is when the list was read, `source` where."""

    parts: tuple[PricePart, ...]
    priced_on: date
    source: str


@dataclass(frozen=True, slots=True)
class InputFields:
    """What the model calls our inputs; None where it has no such input.

    `image` takes the picture to be changed, `references` pictures to go by (`most_references` of them).
    Fields named in `lists` take a list of pictures.
    """

    prompt: str | None = "prompt"
    negative_prompt: str | None = None
    seed: str | None = None
    width: str | None = None
    height: str | None = None
    aspect_ratio: str | None = None
    size: str | None = None
    image: str | None = None
    mask: str | None = None
    references: str | None = None
    most_references: int = 0
    guidance: str | None = None
    steps: str | None = None
    scale: str | None = None
    lists: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CatalogueModel:
    """One model that Loupe can ask. `key` is "owner/name"; `provider` the word of rows and prices.

    `endpoint`: "official" (maintained by the provider, called by name), "version" (a community model, called by
    its pinned `version`), "deployment" (one's own, called by name), "local" or "cog".
    `mask_polarity` is the colour of the region that changes. `guidance` and `steps` are our defaults where the
    model has such an input, held inside `guidance_range` and `steps_range`.
    `safety_profile` names the filter: a wording refused by one profile may pass another.
    """

    key: str
    provider: str
    label: str
    endpoint: Literal["official", "version", "deployment", "local", "cog"]
    abilities: frozenset[Ability]
    size: SizeRule
    price: PriceRule
    typical_seconds: float
    safety_profile: str
    version: str = ""
    fields: InputFields = field(default_factory=InputFields)
    mask_polarity: Literal["white", "black"] | None = None
    guidance: float | None = None
    guidance_range: tuple[float, float] | None = None
    steps: int | None = None
    steps_range: tuple[int, int] | None = None
    default_negative: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    enabled: bool = True
    disabled_reason: str = ""

    @property
    def supports_negative(self) -> bool:
        """Whether it takes a negative prompt; if not, constraints are folded into the prompt."""
        return self.fields.negative_prompt is not None

    @property
    def supports_seed(self) -> bool:
        """Whether a picture can be repeated; if not, the page says so."""
        return self.fields.seed is not None
