"""Reads a brief as a studio manager does: title, mood, what must be minded, and the shots that are asked for.

A brief is data. Its structure (headings, list items, "Mood: ..." lines, sentences) decides
what is read; no sentence in it is an instruction to Loupe. Every step is linear in the
length of the brief.
"""

import re
from dataclasses import dataclass

from generation.rules.values import ShotIdea
from generation.studio.brief_lines import Line, split_lines
from generation.studio.sensitivity import find_sensitive_topics
from generation.studio.shot_finding import find_shots, read_kind
from generation.studio.wording import clip_words, count_words, split_sentences, unique

_TICKET = re.compile(r"^\s*(?:[Tt]icket )?\[?[A-Z][A-Z0-9]{1,9}-\d+\]?\s*[:.,–-]*\s*")
_TITLE_FIELDS = frozenset({"title", "subject", "campaign", "project", "campaign name", "name", "titel", "projekt"})
_MOOD_FIELDS = frozenset(
    {
        "mood",
        "tone",
        "tonality",
        "look and feel",
        "look & feel",
        "feel",
        "atmosphere",
        "style",
        "stimmung",
        "tone of voice",
    }
)
# "Four launch shots" heads a list; it is not what the campaign is about.
_SHOT_HEADING = re.compile(
    r"(?:[\w-]+ ){0,3}(?:shots?|pictures?|images?|visuals?|photos?)(?: list| needed| wanted| (?:we|you) need)?",
    re.IGNORECASE,
)
# A brief that came as a mail: who wrote it and when is nothing to be shown.
_MAIL_FIELDS = frozenset({"from", "to", "cc", "date", "sent", "reply-to", "von", "an", "datum"})
_ANSWERED = re.compile(r"(?:(?:re|fwd?|aw|wg) ?: *)+", re.IGNORECASE)
_PRODUCT_FIELDS = frozenset({"product", "produkt", "what", "item", "brand"})
_MOOD_OTHERWISE = "clean, confident"
_NO_TITLE = "Untitled campaign"
_FOR_PRODUCT = re.compile(
    r"\bfor (?:the |our |a )?(?:new |latest |next |upcoming )?([A-Z][\w-]*(?: [\w-]+){0,3}?)"
    r"(?= by | with | in | on | before | until | this | to |[,.:;]|$)"
)
_DAYS = re.compile(
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|january|february|march|april|may|june|july|august|september|october"
    r"|november|december|christmas|easter|instagram|linkedin",
    re.IGNORECASE,
)
_CAMPAIGN_WORDS = re.compile(
    r"\b(?:launch|campaign|brief|visuals?|images?|shots?|key|creative|marketing|for|the|our|new|we|need|please)\b|\d+",
    re.IGNORECASE,
)
_GENERIC_TITLES = frozenset(
    {"brief", "creative brief", "campaign brief", "briefing", "image brief", "background", "overview"}
)

# What makes a sentence worth checking by a person, and how much.
_WEIGHTS: tuple[tuple[str, int], ...] = (
    (
        r"must(?: not)?|never|always|only|do not|don't|avoid|required|mandatory|legal|comply|correct|no (?:text"
        r"|logo|people)\w*",
        3,
    ),
    (
        r"by (?:lunch|noon|monday|tuesday|wednesday|thursday|friday|tomorrow|\d)|deadline|due|needed by|live on"
        r"|launch(?:es|ing)? on|until",
        3,
    ),
    (r"audience|target|aimed at|whom|people who|customers?|buyers?|readers?|not for", 3),
    (r"message|claim|slogan|tagline|headline|benefit|promise|the one thing|say", 3),
    (r"product|material|aluminium|aluminum|leather|battery|colou?rs?|price|eur|usd|feature|made of|finish", 2),
    (r"mood|tone|look|feel|light|palette|style", 2),
    (r"channel|website|newsletter|social|instagram|linkedin|print|poster|banner|budget", 2),
)
_COMPILED_WEIGHTS = tuple((re.compile(rf"\b(?:{words})\b", re.IGNORECASE), weight) for words, weight in _WEIGHTS)
_MOST_KEY_POINTS, _MOST_POINT_WORDS, _MOST_SHOTS = 8, 28, 12
# Longer briefs are read whole for shots and title; key points come from the first thousands of sentences.
_MOST_CANDIDATES = 4_000

_MOOD_WORDS = re.compile(
    r"\b(?:calm|serene|quiet|gentle|minimal|muted|tranquil|understated|dreamy|warm|cosy|cozy|golden|homely"
    r"|inviting|rustic|earthy"
    r"|premium|luxurious|elegant|refined|sophisticated|exclusive|dramatic|dark|moody|cinematic|mysterious|bold"
    r"|vibrant|vivid"
    r"|playful|energetic|joyful|lively|nostalgic|vintage|retro|romantic|pastel|delicate|cool|icy|nordic|clinical"
    r"|natural|organic"
    r"|honest|optimistic|hopeful|cheerful|friendly|uplifting|bright|clean|airy|fresh|crisp|confident|precise"
    r"|modern|editorial"
    r"|futuristic|sleek|sober|timeless)\b"
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read, without the bill."""

    title: str
    key_points: tuple[str, ...]
    mood: str
    shots: tuple[ShotIdea, ...]
    sensitive: bool


def read(brief: str, *, brand_mood: tuple[str, ...] = ()) -> Reading:
    """Title, mood, 1 to 12 shots, and up to 8 key points.

    A note is added where shots were left out and where a topic is sensitive.
    """
    lines = split_lines(brief)
    title = _find_title(lines)
    mood = _find_mood(lines) or ", ".join(brand_mood[:4]) or _MOOD_OTHERWISE
    product = _find_product(lines, title)
    shots, asked = find_shots(lines, product=product, mood=mood, most=_MOST_SHOTS)
    points = _find_key_points(lines)
    if asked > len(shots):
        points.append(f"The brief names {asked:,} shots; the first {len(shots)} are proposed here.")
    topics = find_sensitive_topics(" \n".join(line.text for line in lines))
    if topics:
        points.append(f"Sensitive: it speaks of {' and '.join(topics)}. A person must pick every image.")
    return Reading(title, tuple(points), mood, tuple(shots), bool(topics))


def _find_title(lines: list[Line]) -> str:
    for line in lines[:200]:
        if line.role == "field" and line.name in _TITLE_FIELDS:
            return _as_title(line.text)
    first = [line for line in lines[:40] if line.role in {"heading", "text"}]
    for line in [*first, *(line for line in lines[:40] if line.role == "field" and line.name not in _MAIL_FIELDS)]:
        title = _as_title(line.text)
        if title and title.lower() not in _GENERIC_TITLES and not _SHOT_HEADING.fullmatch(title):
            return title
    return _NO_TITLE


def _as_title(text: str) -> str:
    text = _ANSWERED.sub("", _TICKET.sub("", text).strip())
    first = (split_sentences(text) or [""])[0].split(": ")
    title = clip_words((first[0] if count_words(first[0]) >= 3 else ": ".join(first)).rstrip(".:"), 12)[:120].strip()
    return title[:1].upper() + title[1:]


def _find_mood(lines: list[Line]) -> str:
    for line in lines:
        if line.role == "field" and line.name in _MOOD_FIELDS:
            return clip_words(line.text.rstrip("."), 8)
    found: list[str] = []
    for line in lines[:2_000]:
        found += _MOOD_WORDS.findall(line.text.lower())
        if len(found) > 24:
            break
    return ", ".join(unique(found)[:4])


def _find_product(lines: list[Line], title: str) -> str:
    """What is to be shown: a "Product:" line, "for the Aurora headphones", a short title; else just "the product"."""
    for line in lines[:400]:
        if line.role == "field" and line.name in _PRODUCT_FIELDS:
            return clip_words(re.split(r"[,.;(]", line.text)[0], 6)
    for line in lines[:60]:
        for match in _FOR_PRODUCT.finditer(line.text[:5_000]):
            if not _DAYS.fullmatch(match.group(1).split()[0]):
                return clip_words(match.group(1), 5)
    words = _CAMPAIGN_WORDS.sub(" ", re.split(r"[,:–;(]| - ", title)[0]).split()
    return " ".join(words) if 1 <= len(words) <= 4 and title != _NO_TITLE else "the product"


def _find_key_points(lines: list[Line]) -> list[str]:
    candidates: list[tuple[int, int, str]] = []
    for line in lines:
        if line.role == "heading" or (line.role == "item" and _is_shot_section(line)):
            continue
        if line.role == "field" and line.name in _MAIL_FIELDS:
            continue
        prefix = f"{line.name.capitalize()}: " if line.role == "field" else ""
        for sentence in split_sentences(line.text):
            point = clip_words(prefix + sentence, _MOST_POINT_WORDS)[:220]
            if count_words(point) >= 3:
                candidates.append((_weigh(point, line), len(candidates), point))
            prefix = ""
        if len(candidates) > _MOST_CANDIDATES:
            break
    strongest = sorted(candidates, key=lambda candidate: (-candidate[0], candidate[1]))[: _MOST_KEY_POINTS * 2]
    return unique([point for _, _, point in sorted(strongest[:_MOST_KEY_POINTS], key=lambda candidate: candidate[1])])


def _weigh(point: str, line: Line) -> int:
    bonus = {"field": 2, "item": 1}.get(line.role, 0)
    return bonus + sum(weight for words, weight in _COMPILED_WEIGHTS if words.search(point))


def _is_shot_section(line: Line) -> bool:
    return bool(
        re.search(r"\b(?:shots?|images?|visuals?|pictures?|deliverables?|assets?|motifs?)\b", line.section)
    ) and (read_kind(line.text) != "other")
