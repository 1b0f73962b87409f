"""Models that people know and ask for, but that Loupe does not call, each with the reason. Data only.

They stay listed so that an old campaign still reads well and the page can say why a model is greyed out.
"""

from generation.catalogue.builders import per_unit, ratios
from generation.catalogue.schema import Ability, CatalogueModel, InputFields, PriceRule

_GOOGLE_RATIOS = "1:1 9:16 16:9 3:4 4:3"


def _retired(
    *, key: str, label: str, abilities: set[Ability], price: PriceRule, reason: str, seconds: float, safety: str
) -> CatalogueModel:
    return CatalogueModel(
        key=key,
        provider="replicate",
        label=label,
        endpoint="official",
        abilities=frozenset(abilities),
        size=ratios(_GOOGLE_RATIOS),
        price=price,
        typical_seconds=seconds,
        safety_profile=safety,
        fields=InputFields(aspect_ratio="aspect_ratio"),
        enabled=False,
        disabled_reason=reason,
    )


_IMAGEN = "Google shut Imagen down between 2026-06-24 and 2026-08-17. Ideogram v2 takes its place."
_BANANA = "Past the shutdown date that Google announced. FLUX Kontext pro takes its place."
_UNPRICED = "Its price on Replicate is not published in a form that we could check, so its cost could not be promised."

RETIRED = (
    _retired(
        key="google/imagen-3",
        label="Imagen 3",
        abilities={Ability.TEXT, Ability.PHOTOREAL},
        price=per_unit("image", "0.05"),
        reason=_IMAGEN,
        seconds=8.0,
        safety="google",
    ),
    _retired(
        key="google/imagen-4",
        label="Imagen 4",
        abilities={Ability.TEXT, Ability.PHOTOREAL},
        price=per_unit("image", "0.04"),
        reason=_IMAGEN,
        seconds=8.0,
        safety="google",
    ),
    _retired(
        key="google/imagen-4-fast",
        label="Imagen 4 fast",
        abilities={Ability.TEXT, Ability.DRAFT},
        price=per_unit("image", "0.02"),
        reason=_IMAGEN,
        seconds=3.0,
        safety="google",
    ),
    _retired(
        key="google/nano-banana",
        label="Nano Banana",
        abilities={Ability.EDIT},
        price=per_unit("image", "0.039"),
        reason=_BANANA,
        seconds=8.0,
        safety="google",
    ),
    _retired(
        key="prunaai/hidream-l1-fast",
        label="HiDream L1 fast",
        abilities={Ability.ILLUSTRATION},
        price=per_unit("run", "0"),
        reason=_UNPRICED + " Playground v2.5 takes its place.",
        seconds=6.0,
        safety="none",
    ),
    _retired(
        key="recraft-ai/recraft-v4",
        label="Recraft v4",
        abilities={Ability.TEXT, Ability.ILLUSTRATION},
        price=per_unit("run", "0"),
        reason=_UNPRICED + " Recraft v3 takes its place.",
        seconds=9.0,
        safety="recraft",
    ),
)
