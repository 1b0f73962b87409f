"""The forms in which Claude answers, and the reading of them. Pure: JSON in, our dataclasses out.

A schema guides the model, but promises nothing about ranges: everything is checked again here, and what was not asked
for (an average, a pass) is left aside.
"""

import json
import re
from dataclasses import replace
from typing import Any

from generation.rules.revisions import Revision, write_revision
from generation.rules.values import (
    BriefReading,
    DimensionScore,
    RewrittenPrompt,
    ShotIdea,
    StructuredPrompt,
    Usage,
    WrittenPrompt,
)

DIMENSIONS = ("composition", "relevance", "coherence", "mood_match")
BRAND_DIMENSION = "brand_fit"
KINDS = ("hero", "lifestyle", "detail", "social", "illustration", "other")
LOWEST, HIGHEST = 1.0, 10.0
# Pixels a side: 1,369 tokens for a square, enough to judge by, under a third of what the largest would cost.
SCORED_EDGE = 1024
MOST_WORDS, MOST_SHOTS, MOST_REASON, MOST_INSTRUCTION_WORDS = 120, 12, 300, 40

_NO_USAGE = Usage(provider="anthropic", model="")
_RATIO = re.compile(r"\d{1,2}(?:\.\d{1,2})?:\d{1,2}(?:\.\d{1,2})?")
_HEX = re.compile(r"#[0-9a-fA-F]{6}")


class Malformed(ValueError):
    """The answer does not fit. The message is written for the model that shall repair it."""


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


_TEXT: dict[str, Any] = {"type": "string"}
_TEXTS: dict[str, Any] = {"type": "array", "items": _TEXT}
_SCORE = _object(score={"type": "number", "description": "1 to 10, halves allowed"}, reason=_TEXT)

REWRITE_SCHEMA = _object(text=_TEXT)
PROMPT_SCHEMA = _object(
    scene=_TEXT, lighting=_TEXT, palette=_TEXTS, composition=_TEXT, aspect_ratio=_TEXT, negatives=_TEXTS
)
REVISION_SCHEMA = _object(regions=_TEXTS, remarks=_TEXTS)
BRIEF_SCHEMA = _object(
    title=_TEXT,
    key_points=_TEXTS,
    mood=_TEXT,
    shots={
        "type": "array",
        "items": _object(
            slug=_TEXT,
            title=_TEXT,
            description=_TEXT,
            mood=_TEXT,
            kind={"type": "string", "enum": list(KINDS)},
            aspect_ratio={"type": "string", "description": 'such as "16:9"'},
            wants_text={"type": "boolean"},
        ),
    },
    sensitive={"type": "boolean"},
)


def score_schema(*, with_brand: bool) -> dict[str, Any]:
    """The critic's form: one score with its reason for each dimension."""
    names = (*DIMENSIONS, BRAND_DIMENSION) if with_brand else DIMENSIONS
    return _object(**dict.fromkeys(names, _SCORE))


# --- reading -------------------------------------------------------------------------------


def read_json(text: str) -> dict[str, Any]:
    """The JSON object that an answer must be. Raises Malformed."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise Malformed("it was not JSON.") from None
    if not isinstance(content, dict):
        raise Malformed("it was not a JSON object.")
    return content


def read_scores(content: dict[str, Any], *, with_brand: bool) -> dict[str, DimensionScore]:
    """Every dimension with a score from 1 to 10 and a reason. Raises Malformed."""
    scores = {}
    for name in (*DIMENSIONS, BRAND_DIMENSION) if with_brand else DIMENSIONS:
        entry = content.get(name)
        score = entry.get("score") if isinstance(entry, dict) else None
        if not isinstance(entry, dict) or isinstance(score, bool) or not isinstance(score, int | float):
            raise Malformed(f'"{name}" has no score.')
        if not LOWEST <= score <= HIGHEST:
            raise Malformed(f'the score of "{name}" must lie between 1 and 10.')
        reason = _text(entry, "reason", most=MOST_REASON)
        scores[name] = DimensionScore(score=round(float(score), 1), reason=reason)
    return scores


def read_rewrite(content: dict[str, Any], *, most_words: int = MOST_WORDS) -> RewrittenPrompt:
    """A softened or directed prompt, its lines as they are. Raises Malformed."""
    value = content.get("text")
    if not isinstance(value, str) or not value.strip():
        raise Malformed('"text" is missing.')
    text = "\n".join(" ".join(line.split()) for line in value.strip().splitlines())[:8_000]
    _check_words(text, most=most_words)
    return RewrittenPrompt(text=text, usage=_NO_USAGE)


def read_revision(content: dict[str, Any], *, revision: Revision) -> RewrittenPrompt:
    """One instruction for each region and each remark, in their order; places and kinds stay ours. Raises Malformed."""
    given: dict[str, list[str]] = {}
    for name, wanted in (("regions", len(revision.regions)), ("remarks", len(revision.remarks))):
        lines = content.get(name)
        if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
            raise Malformed(f'"{name}" must be a list of prompts.')
        if len(lines) != wanted:
            raise Malformed(f'"{name}" must hold exactly {wanted} texts, one for each in the material, in its order.')
        given[name] = [" ".join(line.split()) for line in lines]
        if any(len(line.split()) > MOST_INSTRUCTION_WORDS for line in given[name]):
            raise Malformed(f"an instruction has more than {MOST_INSTRUCTION_WORDS} words.")
    text = write_revision(revision, regions=given["regions"], remarks=given["remarks"])
    return RewrittenPrompt(text=text, usage=_NO_USAGE)


def read_prompt(content: dict[str, Any], *, idea: ShotIdea) -> WrittenPrompt:
    """A structured prompt; the whole text is put together by us. The shot's own aspect ratio stands."""
    palette = _texts(content, "palette")
    if not 1 <= len(palette) <= 6:
        raise Malformed('"palette" must name three or four colours.')
    ratio = idea.aspect_ratio if _RATIO.fullmatch(idea.aspect_ratio) else _ratio(content)
    prompt = StructuredPrompt(
        scene=_text(content, "scene"),
        lighting=_text(content, "lighting"),
        palette=palette,
        composition=_text(content, "composition"),
        aspect_ratio=ratio,
        negatives=_negatives(content, wants_text=idea.wants_text),
        text="",
    )
    text = put_together(prompt, wants_text=idea.wants_text)
    _check_words(text)
    return WrittenPrompt(prompt=replace(prompt, text=text), usage=_NO_USAGE)


def put_together(prompt: StructuredPrompt, *, wants_text: bool) -> str:
    """The parts as one text: scene, light, palette, composition, ratio, and what must not be there."""
    parts = [
        _sentence(prompt.scene),
        _sentence(prompt.lighting),
        f"Colour palette: {', '.join(prompt.palette)}.",
        _sentence(prompt.composition),
        f"Aspect ratio {prompt.aspect_ratio}.",
        "No watermarks, no logos." if wants_text else "No text, no watermarks, no logos.",
    ]
    return " ".join(part for part in parts if part)


def read_brief(content: dict[str, Any]) -> BriefReading:
    """Key points and one to twelve shots with unique slugs. Raises Malformed."""
    given = content.get("shots")
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_SHOTS:
        raise Malformed(f'"shots" must hold 1 to {MOST_SHOTS} shots.')
    if not isinstance(content.get("sensitive"), bool):
        raise Malformed('"sensitive" must be true or false.')
    shots: list[ShotIdea] = []
    for number, entry in enumerate(given, start=1):
        if not isinstance(entry, dict):
            raise Malformed("a shot was not an object.")
        shots.append(_read_shot(entry, number=number, taken={shot.slug for shot in shots}))
    points = _texts(content, "key_points")
    if not points:
        raise Malformed('"key_points" is empty.')
    return BriefReading(
        title=_text(content, "title", most=200),
        key_points=points[:12],
        mood=_text(content, "mood", most=300),
        shots=tuple(shots),
        sensitive=content["sensitive"],
        usage=_NO_USAGE,
    )


def _read_shot(entry: dict[str, Any], *, number: int, taken: set[str]) -> ShotIdea:
    slug = re.sub(r"[^a-z0-9]+", "-", str(entry.get("slug", "")).lower()).strip("-")[:60] or f"shot-{number}"
    if slug in taken:
        slug = f"{slug[:56]}-{number}"
    kind = entry.get("kind")
    return ShotIdea(
        slug=slug,
        title=_text(entry, "title", most=200),
        description=_text(entry, "description", most=2_000),
        mood=str(entry.get("mood") or "").strip()[:300],
        kind=kind if kind in KINDS else "other",
        aspect_ratio=_ratio(entry),
        wants_text=entry.get("wants_text") is True,
    )


def _ratio(content: dict[str, Any]) -> str:
    ratio = str(content.get("aspect_ratio", "")).strip()
    if not _RATIO.fullmatch(ratio) or "0" in ratio.split(":"):
        raise Malformed('"aspect_ratio" must look like "16:9".')
    return ratio


def _negatives(content: dict[str, Any], *, wants_text: bool) -> tuple[str, ...]:
    negatives = [entry.removeprefix("no ").strip() for entry in _texts(content, "negatives")]
    if wants_text:
        negatives = [entry for entry in negatives if entry.casefold() not in ("text", "words", "lettering")]
    return tuple(dict.fromkeys(negatives))[:16]


def _text(content: dict[str, Any], name: str, *, most: int = 1_000) -> str:
    value = content.get(name)
    if not isinstance(value, str) or not value.strip():
        raise Malformed(f'"{name}" is missing.')
    return " ".join(value.split())[:most]


def _texts(content: dict[str, Any], name: str) -> tuple[str, ...]:
    value = content.get(name)
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise Malformed(f'"{name}" must be a list of prompts.')
    return tuple(" ".join(entry.split())[:300] for entry in value if entry.strip())


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _check_words(text: str, *, most: int = MOST_WORDS) -> None:
    count = len(text.split())
    if count > most:
        raise Malformed(f"it has {count} words; at most {most} are allowed, all parts together.")
