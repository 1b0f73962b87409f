"""How published prices and sizes are written down here: the date of reading, hardware rates, ratios to pixels."""

from datetime import date
from decimal import Decimal

from generation.catalogue.schema import AspectSize, ListedSize, PricePart, PriceRule, PriceUnit

READ_ON = date(2026, 11, 1)
PRICE_LIST = "replicate.com model page"

# USD a second (replicate.com/pricing)
HARDWARE = {
    "cpu": Decimal("0.000100"),
    "t4": Decimal("0.000225"),
    "l40s": Decimal("0.000975"),
    "a100-80g": Decimal("0.001400"),
    "h100": Decimal("0.001525"),
}

PRODUCT_NEGATIVE = "watermark, text, logo, hands, person, low quality, deformed"
SDXL_NEGATIVE = "text, watermark, logo, blurry, distorted, low quality, overexposed"


def per_unit(unit: PriceUnit, amount: str) -> PriceRule:
    return PriceRule(parts=(PricePart(unit, Decimal(amount)),), priced_on=READ_ON, source=PRICE_LIST)


def per_second(hardware: str) -> PriceRule:
    part = PricePart("second", HARDWARE[hardware], hardware=hardware)
    return PriceRule(parts=(part,), priced_on=READ_ON, source="replicate.com/pricing")


def ratios(names: str, *, megapixels: float = 1.0, multiple: int = 16) -> AspectSize:
    """Sizes of about so many megapixels for each ratio, where the provider publishes only the ratios."""
    pixels = {}
    for name in names.split():
        across, down = (int(part) for part in name.split(":"))
        width = (megapixels * 1024 * 1024 * across / down) ** 0.5
        height = width * down / across
        pixels[name] = (max(1, round(width / multiple)) * multiple, max(1, round(height / multiple)) * multiple)
    return AspectSize(pixels)


def listed(names: str) -> ListedSize:
    return ListedSize(tuple((int(w), int(h)) for w, h in (name.split("x") for name in names.split())))
