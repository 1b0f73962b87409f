"""The models on Replicate: names, pins, inputs and prices as published, read 2026-11. Data only.

Input names and ranges: the models' OpenAPI input schemas. Prices: the price lists of the model pages;
community models cost seconds of their hardware. FLUX's pixel sizes by ratio are those of its open source server.
"""

from datetime import date
from decimal import Decimal

from generation.catalogue.shapes import (
    Ability,
    AspectSize,
    CatalogueModel,
    FreeSize,
    InputFields,
    InputSize,
    ListedSize,
    PricePart,
    PriceRule,
    PriceUnit,
)

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

FLUX_RATIOS = {
    "1:1": (1024, 1024),
    "16:9": (1344, 768),
    "21:9": (1536, 640),
    "3:2": (1216, 832),
    "2:3": (832, 1216),
    "4:5": (896, 1088),
    "5:4": (1088, 896),
    "3:4": (896, 1152),
    "4:3": (1152, 896),
    "9:16": (768, 1344),
    "9:21": (640, 1536),
}


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


_A = Ability

FLUX = (
    CatalogueModel(
        key="black-forest-labs/flux-1.1-pro",
        provider="replicate",
        label="FLUX 1.1 pro",
        endpoint="official",
        abilities=frozenset({_A.PHOTOREAL}),
        size=FreeSize(256, 1440, 32, fixed={"aspect_ratio": "custom"}),
        price=per_unit("image", "0.04"),
        typical_seconds=6.0,
        safety_profile="black-forest-labs",
        fields=InputFields(seed="seed", width="width", height="height", references="image_prompt", most_references=1),
        default_negative=PRODUCT_NEGATIVE,
        parameters={"output_format": "png", "prompt_upsampling": False},
    ),
    CatalogueModel(
        key="black-forest-labs/flux-1.1-pro-ultra",
        provider="replicate",
        label="FLUX 1.1 pro ultra",
        endpoint="official",
        abilities=frozenset({_A.PHOTOREAL}),
        size=ratios("21:9 16:9 3:2 4:3 5:4 1:1 4:5 3:4 2:3 9:16 9:21", megapixels=4.0),
        price=per_unit("image", "0.06"),
        typical_seconds=10.0,
        safety_profile="black-forest-labs",
        fields=InputFields(seed="seed", aspect_ratio="aspect_ratio", references="image_prompt", most_references=1),
        default_negative=PRODUCT_NEGATIVE,
        parameters={"output_format": "png"},
    ),
    CatalogueModel(
        key="black-forest-labs/flux-2-pro",
        provider="replicate",
        label="FLUX 2 pro",
        endpoint="official",
        abilities=frozenset({_A.PHOTOREAL, _A.EDIT}),
        size=FreeSize(256, 2048, 16, fixed={"aspect_ratio": "custom"}),
        price=PriceRule(
            parts=(
                PricePart("run", Decimal("0.015")),
                PricePart("megapixel", Decimal("0.015")),
                PricePart("input_megapixel", Decimal("0.015")),
            ),
            priced_on=READ_ON,
            source=PRICE_LIST,
        ),
        typical_seconds=9.0,
        safety_profile="black-forest-labs",
        fields=InputFields(
            seed="seed",
            width="width",
            height="height",
            image="input_images",
            references="input_images",
            most_references=8,
            lists=frozenset({"input_images"}),
        ),
        default_negative=PRODUCT_NEGATIVE,
        parameters={"output_format": "png"},
    ),
    CatalogueModel(
        key="black-forest-labs/flux-2-flex",
        provider="replicate",
        label="FLUX 2 flex",
        endpoint="official",
        abilities=frozenset({_A.PHOTOREAL, _A.EDIT}),
        size=FreeSize(256, 2048, 16, fixed={"aspect_ratio": "custom"}),
        price=per_unit("megapixel", "0.06"),
        typical_seconds=14.0,
        safety_profile="black-forest-labs",
        fields=InputFields(
            seed="seed",
            width="width",
            height="height",
            image="input_images",
            references="input_images",
            most_references=10,
            guidance="guidance",
            steps="steps",
            lists=frozenset({"input_images"}),
        ),
        guidance=3.5,
        guidance_range=(1.5, 10.0),
        steps=28,
        steps_range=(1, 50),
        default_negative=PRODUCT_NEGATIVE,
        parameters={"output_format": "png", "prompt_upsampling": False},
    ),
    CatalogueModel(
        key="black-forest-labs/flux-dev",
        provider="replicate",
        label="FLUX dev",
        endpoint="official",
        abilities=frozenset({_A.PHOTOREAL, _A.EDIT}),
        size=AspectSize(FLUX_RATIOS),
        price=per_unit("image", "0.025"),
        typical_seconds=4.0,
        safety_profile="black-forest-labs open",
        fields=InputFields(
            seed="seed",
            aspect_ratio="aspect_ratio",
            image="image",
            guidance="guidance",
            steps="num_inference_steps",
        ),
        guidance=3.5,
        guidance_range=(0.0, 10.0),
        steps=28,
        steps_range=(1, 50),
        default_negative=PRODUCT_NEGATIVE,
        parameters={"num_outputs": 1, "output_format": "png", "go_fast": False},
    ),
    CatalogueModel(
        key="black-forest-labs/flux-schnell",
        provider="replicate",
        label="FLUX schnell",
        endpoint="official",
        abilities=frozenset({_A.DRAFT}),
        size=AspectSize(FLUX_RATIOS),
        price=per_unit("image", "0.003"),
        typical_seconds=1.5,
        safety_profile="black-forest-labs open",
        fields=InputFields(seed="seed", aspect_ratio="aspect_ratio", steps="num_inference_steps"),
        steps=4,
        steps_range=(1, 4),
        # go_fast is quicker, but the same seed then gives another picture
        parameters={"num_outputs": 1, "output_format": "png", "go_fast": False},
    ),
    CatalogueModel(
        key="black-forest-labs/flux-kontext-pro",
        provider="replicate",
        label="FLUX Kontext pro",
        endpoint="official",
        abilities=frozenset({_A.EDIT}),
        size=InputSize(longest=1440),
        price=per_unit("image", "0.04"),
        typical_seconds=6.0,
        safety_profile="black-forest-labs",
        fields=InputFields(seed="seed", image="input_image"),
        parameters={"aspect_ratio": "match_input_image", "output_format": "png", "prompt_upsampling": False},
    ),
    CatalogueModel(
        key="black-forest-labs/flux-fill-pro",
        provider="replicate",
        label="FLUX Fill pro",
        endpoint="official",
        abilities=frozenset({_A.INPAINT}),
        size=InputSize(longest=1440),
        price=per_unit("image", "0.05"),
        typical_seconds=14.0,
        safety_profile="black-forest-labs",
        fields=InputFields(seed="seed", image="image", mask="mask", guidance="guidance", steps="steps"),
        mask_polarity="white",
        guidance=60.0,
        guidance_range=(1.5, 100.0),
        steps=50,
        steps_range=(15, 50),
        parameters={"output_format": "png", "prompt_upsampling": False},
    ),
)

LETTERING = (
    CatalogueModel(
        key="ideogram-ai/ideogram-v2",
        provider="replicate",
        label="Ideogram v2",
        endpoint="official",
        abilities=frozenset({_A.TEXT, _A.ILLUSTRATION, _A.INPAINT}),
        size=ratios("1:1 16:9 9:16 4:3 3:4 3:2 2:3 16:10 10:16 3:1 1:3"),
        price=per_unit("image", "0.08"),
        typical_seconds=11.0,
        safety_profile="ideogram",
        fields=InputFields(
            negative_prompt="negative_prompt",
            seed="seed",
            aspect_ratio="aspect_ratio",
            image="image",
            mask="mask",
        ),
        mask_polarity="black",
        # its own prompt writer would change the words that a person approved
        parameters={"magic_prompt_option": "Off"},
    ),
    CatalogueModel(
        key="ideogram-ai/ideogram-v3-turbo",
        provider="replicate",
        label="Ideogram v3 turbo",
        endpoint="official",
        abilities=frozenset({_A.TEXT, _A.ILLUSTRATION, _A.INPAINT}),
        size=ratios("1:3 3:1 1:2 2:1 9:16 16:9 10:16 16:10 2:3 3:2 3:4 4:3 4:5 5:4 1:1"),
        price=per_unit("image", "0.03"),
        typical_seconds=6.0,
        safety_profile="ideogram",
        fields=InputFields(
            seed="seed",
            aspect_ratio="aspect_ratio",
            image="image",
            mask="mask",
            references="style_reference_images",
            most_references=3,
            lists=frozenset({"style_reference_images"}),
        ),
        mask_polarity="black",
        parameters={"magic_prompt_option": "Off"},
    ),
    CatalogueModel(
        key="recraft-ai/recraft-v3",
        provider="replicate",
        label="Recraft v3",
        endpoint="official",
        abilities=frozenset({_A.TEXT, _A.ILLUSTRATION}),
        size=listed(
            "1024x1024 1365x1024 1024x1365 1536x1024 1024x1536 1820x1024 1024x1820 1024x2048 2048x1024 "
            "1434x1024 1024x1434 1024x1280 1280x1024 1024x1707 1707x1024"
        ),
        price=per_unit("image", "0.04"),
        typical_seconds=9.0,
        safety_profile="recraft",
        fields=InputFields(size="size"),
        parameters={"style": "any"},
    ),
)

STABLE_DIFFUSION = (
    CatalogueModel(
        key="stability-ai/sdxl",
        provider="replicate",
        label="SDXL",
        endpoint="version",
        version="7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc",
        abilities=frozenset({_A.PHOTOREAL, _A.ILLUSTRATION, _A.EDIT, _A.INPAINT}),
        size=FreeSize(512, 1536, 8),
        price=per_second("l40s"),
        typical_seconds=5.0,
        safety_profile="stable diffusion checker",
        fields=InputFields(
            negative_prompt="negative_prompt",
            seed="seed",
            width="width",
            height="height",
            image="image",
            mask="mask",
            guidance="guidance_scale",
            steps="num_inference_steps",
        ),
        mask_polarity="white",
        guidance=7.5,
        guidance_range=(1.0, 50.0),
        steps=30,
        steps_range=(1, 500),
        default_negative=SDXL_NEGATIVE,
        parameters={"num_outputs": 1, "apply_watermark": False},
    ),
    CatalogueModel(
        key="bytedance/sdxl-lightning-4step",
        provider="replicate",
        label="SDXL Lightning",
        endpoint="version",
        version="6f7a773af6fc3e8de9d5a3c00be77c17308914bf67772726aff83496ba1e3bbe",
        abilities=frozenset({_A.DRAFT}),
        size=FreeSize(256, 1280, 8),
        price=per_second("l40s"),
        typical_seconds=2.0,
        safety_profile="stable diffusion checker",
        fields=InputFields(
            negative_prompt="negative_prompt",
            seed="seed",  # 0 means random: our seeds begin at 1
            width="width",
            height="height",
            guidance="guidance_scale",
            steps="num_inference_steps",
        ),
        guidance=0.0,
        guidance_range=(0.0, 0.0),
        steps=4,
        steps_range=(4, 4),
        default_negative=SDXL_NEGATIVE,
        parameters={"num_outputs": 1},
    ),
    CatalogueModel(
        key="playgroundai/playground-v2.5-1024px-aesthetic",
        provider="replicate",
        label="Playground v2.5",
        endpoint="version",
        version="a45f82a1382bed5c7aeb861dac7c7d191b0fdf74d8d57c4a0e6ed7d4d0bf7d24",
        abilities=frozenset({_A.ILLUSTRATION, _A.EDIT, _A.INPAINT}),
        size=FreeSize(256, 1536, 8),
        price=per_second("l40s"),
        typical_seconds=7.0,
        safety_profile="stable diffusion checker",
        fields=InputFields(
            negative_prompt="negative_prompt",
            seed="seed",
            width="width",
            height="height",
            image="image",
            mask="mask",
            guidance="guidance_scale",
            steps="num_inference_steps",
        ),
        mask_polarity="white",
        guidance=3.0,
        guidance_range=(0.1, 20.0),
        steps=25,
        steps_range=(1, 60),
        default_negative="text, watermark, logo, deformed, noisy, blurry, distorted",
        parameters={"num_outputs": 1, "apply_watermark": False},
    ),
)

UPSCALERS = (
    CatalogueModel(
        key="philz1337x/clarity-upscaler",
        provider="replicate",
        label="Clarity upscaler",
        endpoint="version",
        version="dfad41707589d68ecdccd1dfa600d55a208f9310748e44bfe35b4a6291453d5e",
        abilities=frozenset({_A.UPSCALE}),
        size=InputSize(longest=2048, scale=2),
        price=per_second("a100-80g"),
        typical_seconds=15.0,
        safety_profile="stable diffusion checker",
        fields=InputFields(
            negative_prompt="negative_prompt",
            seed="seed",
            image="image",
            steps="num_inference_steps",
            scale="scale_factor",
        ),
        steps=18,
        steps_range=(1, 100),
        default_negative="(worst quality, low quality, normal quality:2) JuggernautNeg",
        parameters={"creativity": 0.35, "resemblance": 0.6, "dynamic": 6, "output_format": "png"},
    ),
    CatalogueModel(
        key="nightmareai/real-esrgan",
        provider="replicate",
        label="Real-ESRGAN",
        endpoint="version",
        version="42fed1c4974146d4d2414e2be2c5277c7fcf05fcc3a73abf41610695738c1d7b",
        abilities=frozenset({_A.UPSCALE}),
        size=InputSize(longest=1440, scale=2),
        price=per_second("t4"),
        typical_seconds=8.0,
        safety_profile="none",
        fields=InputFields(prompt=None, image="image", scale="scale"),
        parameters={"face_enhance": False},
    ),
)
