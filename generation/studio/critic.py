"""`LocalCritic`: scores a picture by measuring it.

It cannot recognise things. It scores what can be measured of each rubric dimension, says so in its name, and every
deduction has a figure. Words in the picture or in the brief have no influence: from the texts only placement, palette
and mood words are read, by dictionary.

A dimension starts at 8.9 and loses points for each measured fault; the reason names the largest one with the
instruction that repairs it, in the words of `corrections.py`.
"""

from dataclasses import dataclass
from statistics import mean, pstdev

from generation.rules.values import BrandGuide, CriticAnswer, DimensionScore, ProviderError, ScoreRequest, Usage
from generation.studio.colours import hex_to_lab
from generation.studio.measures import Measures, measure, palette_distance, palette_missing
from generation.studio.seams import seam_share
from generation.studio.vocabulary import Composition, Direction, Mood, read_direction, read_mood

VERSION = "local-measures-1"
START = 8.9
THIRD_LEFT, MIDDLE, THIRD_RIGHT = 0.345, 0.5, 0.655


@dataclass(frozen=True, slots=True)
class Fault:
    """Points lost, and the sentence for it: what was measured, then what to do."""

    points: float
    finding: str
    remedy: str


class LocalCritic:
    """Scores by measurement; free, repeatable, no network."""

    name = "local"
    # it measures sharpness, noise and size: a picture scaled down would be another picture
    max_edge = 4096

    def score(self, request: ScoreRequest) -> CriticAnswer:
        """Score one picture. Raises ProviderError (`unscored`) where it cannot be decoded."""
        try:
            found = measure(request.image)
            seam = seam_share(request.image, request.mask) if request.mask else 0.0
        except ValueError as error:
            raise ProviderError(
                "The picture cannot be read, so it was not scored. A person must look.", kind="unscored"
            ) from error
        asked = read_direction(request.prompt)
        palette = tuple(colour for colour in request.palette if _is_colour(colour)) or asked.palette
        mood = read_mood(request.mood)
        if not mood.words:
            mood = asked.mood
        dimensions = {
            "composition": _told(composition_faults(found, asked), "the mass sits where it was asked for"),
            "relevance": _told(
                relevance_faults(found, request, asked, palette),
                "format, palette and subject as asked for",
            ),
            "coherence": _told([*coherence_faults(found, asked), seam_fault(seam)], "clean tones and edges"),
            "mood_match": _told(mood_faults(found, mood, palette), "light and colour carry the mood"),
        }
        if request.brand is not None and (request.brand.palette or request.brand.mood):
            dimensions["brand_fit"] = _told(brand_faults(found, request.brand), "within the brand's colours and mood")
        return CriticAnswer(dimensions, Usage("local", VERSION, {"image": 1}), VERSION)


def _is_colour(text: str) -> bool:
    try:
        hex_to_lab(text)
    except ValueError:
        return False
    return True


def _told(faults: list[Fault], praise: str) -> DimensionScore:
    """Score, and the reason alone: name and figure stand beside it.

    Faults add up, each next one counting less: five small ones are not one disaster.
    """
    ordered = sorted((fault for fault in faults if fault.points > 0.05), key=lambda fault: -fault.points)
    lost = sum(fault.points * 0.7**rank for rank, fault in enumerate(ordered))
    score = round(min(10.0, max(1.0, START - lost)), 1)
    if not ordered or ordered[0].points < 0.6:
        return DimensionScore(score, _sentence(praise))
    return DimensionScore(score, _sentence(f"{ordered[0].finding}; {ordered[0].remedy}"))


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


def over(value: float, free: float, per_point: float, most: float = 6.0) -> float:
    """Points lost for exceeding a tolerance: one for every `per_point` beyond `free`, at most `most`."""
    return min(most, max(0.0, (value - free) / per_point))


def composition_faults(found: Measures, asked: Direction) -> list[Fault]:
    """Balanced and visually clear.

    The centre of visual mass against the place asked for (thirds or centre; where nothing was asked the nearest of
    the three, after the rule of thirds and the balance studies of Locher 1998); mass cut by the border; too much or too
    little of the frame filled for the framing asked for.
    """
    faults = [_placement_fault(found, asked.composition), *_filling_faults(found, asked)]
    # A landscape carries its weight low; a thing on a plinth does not.
    free_height = 0.24 if asked.kind == "vista" else 0.09
    lost = over(abs(found.mass_y - 0.52), free_height, 0.05, 3.0)
    faults.append(Fault(lost, "the mass sits too far from the middle height", "balance the frame"))
    return faults


def _placement_fault(found: Measures, composition: Composition) -> Fault:
    place = _nearest_place(found.mass_x, composition)
    away = found.mass_x - place
    side, other = ("right", "left") if away > 0 else ("left", "right")
    finding = f"visual mass sits {abs(away) * 100:.0f} % too far {side} of the third"
    if abs(place - MIDDLE) < 0.01:
        finding = f"visual mass sits {abs(away) * 100:.0f} % {side} of centre"
    remedy = f"move the subject to the {other}, more empty space on the {side}"
    return Fault(over(abs(away), 0.015, 0.021), finding, remedy)


def _filling_faults(found: Measures, asked: Direction) -> list[Fault]:
    framing = asked.composition.framing
    low, high = {"macro": (0.12, 0.95), "close": (0.1, 0.8), "medium": (0.05, 0.6), "wide": (0.02, 0.5)}[framing]
    if asked.kind in ("vista", "poster", "flatlay", "interior"):
        low, high = 0.02, 0.95
    share = f"{found.mass_share * 100:.0f} % of the frame"
    faults = [
        Fault(over(low - found.mass_share, 0, 0.012), f"only {share} is subject", "step closer, larger in the frame"),
        Fault(over(found.mass_share, high, 0.06), f"{share} is filled", "step back, smaller in the frame"),
    ]
    if framing in ("medium", "wide") and asked.kind == "studio":
        finding = f"the mass runs into {found.cut * 100:.0f} % of the border"
        faults.append(Fault(over(found.cut, 0.06, 0.06, 4.0), finding, "step back, balance the frame"))
    return faults


def _nearest_place(mass_x: float, composition: Composition) -> float:
    if composition.x is not None:
        if composition.framing in ("macro", "close"):
            return 0.5 + (composition.x - 0.5) * 0.6
        return composition.x
    places = (THIRD_LEFT, THIRD_RIGHT) if composition.thirds else (THIRD_LEFT, MIDDLE, THIRD_RIGHT)
    return min(places, key=lambda place: abs(mass_x - place))


def relevance_faults(found: Measures, request: ScoreRequest, asked: Direction, palette: tuple[str, ...]) -> list[Fault]:
    """What of "shows what was asked" can be measured.

    The requested palette against the dominant colours (CIELAB; 12 is a clear difference between neighbouring surfaces,
    Mokrzycki and Tatol 2011), palette colours that are absent, a subject that stands out, and the format.
    """
    faults = _palette_faults(found, palette) + _format_faults(found, request)
    distinct = 18 if asked.kind == "vista" else 32
    lost = over(distinct - found.standing_out, 0, 6.0, 4.0)
    faults.append(Fault(lost, "the subject hardly stands out from its surroundings", "more contrast, step closer"))
    return faults


def _palette_faults(found: Measures, palette: tuple[str, ...]) -> list[Fault]:
    if not palette:
        return []
    distance, missing = palette_distance(found, palette), palette_missing(found, palette)
    return [
        Fault(
            over(distance, 6.0, 3.6),
            f"colours lie {distance:.0f} ΔE from what was asked",
            f"closer to the palette {' '.join(palette[:4])}",
        ),
        Fault(
            over(len(missing) / len(palette), 0.05, 0.2, 3.0),
            f"{len(missing)} of {len(palette)} palette colours are absent",
            f"closer to the palette {' '.join(missing[:3])}",
        ),
    ]


def _format_faults(found: Measures, request: ScoreRequest) -> list[Fault]:
    skew = abs((found.width / max(1, found.height)) / (request.width / max(1, request.height)) - 1)
    small = 1 - (found.width * found.height) / max(1, request.width * request.height)
    sizes = f"{found.width} x {found.height}, not {request.width} x {request.height}"
    return [
        Fault(over(skew, 0.02, 0.06), f"the format is {sizes}", "keep the requested format"),
        Fault(over(small, 0.1, 0.2, 3.0), "the picture is smaller than asked", "keep the requested size"),
    ]


def coherence_faults(found: Measures, asked: Direction) -> list[Fault]:
    """Technical soundness: clipping, flat or missing contrast, blurred edges, noise.

    Clipping above one percent of the frame shows as holes; edges softer than about two pixels read as out of focus;
    noise above three code values is visible on a plain backdrop (just noticeable at about one, ISO 15739).
    """
    return [
        Fault(
            over(found.clipped_high, 0.012, 0.025),
            f"{found.clipped_high * 100:.0f} % of the frame is burnt out",
            "hold back the highlights",
        ),
        Fault(
            over(found.clipped_low, 0.05, 0.06),
            f"{found.clipped_low * 100:.0f} % of the frame is black",
            "lift the shadows",
        ),
        Fault(
            over(0.56 - found.sharpness, 0, 0.08, 5.0),
            f"edges are soft ({found.sharpness:.2f} of 1)",
            "make it sharper",
        ),
        Fault(over(found.noise, 2.0, 1.0, 4.0), f"noise of {found.noise:.1f} code values", "cleaner grain"),
        Fault(
            over(12.0 - found.contrast, 0, 1.6, 4.0),
            f"the tones lie within {found.contrast:.0f} L* of each other",
            "more contrast",
        ),
    ]


def seam_fault(share: float) -> Fault:
    """An edit that shows where it ends. A mark close around a thing has its edge along up to a third of it."""
    finding = f"the edit shows along {share * 100:.0f} % of its border"
    return Fault(over(share, 0.3, 0.1, 5.0), finding, "mark the whole thing, or less around it")


def mood_faults(found: Measures, mood: Mood, palette: tuple[str, ...]) -> list[Fault]:
    """Brightness, warmth, saturation and contrast against the mood words (axes after Valdez and Mehrabian 1994).

    The palette sets the starting point, the words move it. Without words on an axis its tolerance is wide.
    """
    labs = [hex_to_lab(colour) for colour in palette] or [hex_to_lab("#a9a49c"), hex_to_lab("#d8d2c8")]
    lights = [float(lab[0]) for lab in labs]
    warmths = [float(lab[2] + 0.4 * lab[1]) for lab in labs]
    chromas = [float((lab[1] ** 2 + lab[2] ** 2) ** 0.5) for lab in labs]
    light = 0.55 * 60 + 0.45 * mean(lights) + 15 * mood.brightness - found.lightness
    warm = 0.75 * mean(warmths) + 9 * mood.warmth - found.warmth
    chroma = 0.7 * mean(chromas) * (1 + 0.4 * mood.saturation) - found.chroma
    contrast = 14 + 6 * mood.contrast - found.contrast
    # A palette of opposites may be carried by either side of it: the wider it is, the wider the tolerance.
    free_light = 5.0 + 0.12 * pstdev(lights) + (0 if mood.brightness else 4.0)
    free_warm = 6.0 + 0.45 * pstdev(warmths) + (0 if mood.warmth else 4.0)
    free_chroma = 7.0 + 0.45 * pstdev(chromas) + (0 if mood.saturation else 4.0)
    free_contrast = 6.0 if mood.contrast else 9.0
    return [
        Fault(over(light, free_light, 3.3), f"{light:.0f} L* too dark for the mood", "brighter"),
        Fault(over(-light, free_light + 2, 4.0), f"{-light:.0f} L* too light for the mood", "darker"),
        Fault(over(warm, free_warm, 4.0, 4.0), f"{warm:.0f} units too cool for the mood", "warmer light"),
        Fault(over(-warm, free_warm, 4.0, 4.0), f"{-warm:.0f} units too warm for the mood", "cooler light"),
        Fault(over(chroma, free_chroma, 5.0, 3.0), "colours are too pale for the mood", "more saturated"),
        Fault(over(-chroma, free_chroma, 5.0, 3.0), "colours are too loud for the mood", "less saturated"),
        Fault(over(contrast, free_contrast, 3.0, 3.0), "too flat for the mood", "more contrast"),
        Fault(over(-contrast, free_contrast + 6, 4.0, 3.0), "too hard for the mood", "softer contrast"),
    ]


def brand_faults(found: Measures, brand: BrandGuide) -> list[Fault]:
    """Distance to the brand's palette and mood; stricter on colour than relevance is."""
    faults = []
    palette = tuple(colour for colour in brand.palette if _is_colour(colour))
    if palette:
        distance = palette_distance(found, palette)
        faults.append(
            Fault(
                over(distance, 6.0, 3.4),
                f"colours lie {distance:.0f} ΔE from the brand",
                f"closer to the brand palette {' '.join(palette[:4])}",
            )
        )
    mood = read_mood(" ".join(brand.mood))
    if mood.words:
        worst = max(mood_faults(found, mood, palette), key=lambda fault: fault.points)
        faults.append(Fault(0.7 * worst.points, worst.finding.replace("the mood", "the brand"), worst.remedy))
    return faults
