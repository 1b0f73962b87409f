"""Reads a brief as a studio manager does: title, mood, what must be minded, and the shots that are asked for.

A brief is data. Its structure (headings, list items, "Mood: ..." lines, sentences) decides
what is read; no sentence in it is an instruction to Loupe. Every step is linear in the
length of the brief.
"""

import re
from dataclasses import dataclass

from generation.providers.base import ShotIdea
from generation.providers.local import lookbook
from generation.providers.local.sensitivity import find_sensitive_topics
from generation.providers.local.shot_finding import find_shots, read_kind
from generation.providers.local.wording import clean, clip_words, count_words, split_sentences, unique

_HEADING = re.compile(r"^\s{0,3}(#{1,6})\s+(.+?)\s*#*$")
_UNDERLINE = re.compile(r"^\s*(?:={3,}|-{3,})\s*$")
_ITEM = re.compile(r"^\s*(?:[-*+•–·▪◦‣]|\(?\d{1,2}[.)]|\(?[a-h][.)]|\[[ xX]?\])\s+(.+)$")
_FIELD = re.compile(r"^\s*\**([A-Z][A-Za-z &/'-]{1,40}?)\**\s*[:：]\**\s*(.+)$")
_TICKET = re.compile(r"^\s*\[?[A-Z][A-Z0-9]{1,9}-\d+\]?\s*[:.,–-]*\s*")
_TITLE_FIELDS = frozenset({"title", "subject", "campaign", "project", "campaign name", "name", "titel", "projekt"})
_MOOD_FIELDS = frozenset(
    {"mood", "tone", "tonality", "look and feel", "look & feel", "feel", "atmosphere", "style", "stimmung", "tone of voice"}
)
_PRODUCT_FIELDS = frozenset({"product", "produkt", "what", "item", "brand"})
_GENERIC_TITLES = frozenset({"brief", "creative brief", "campaign brief", "briefing", "image brief", "background", "overview"})

# What makes a sentence worth checking by a person, and how much.
_WEIGHTS: tuple[tuple[str, int], ...] = (
    (r"must(?: not)?|never|always|only|do not|don't|avoid|required|mandatory|legal|comply|correct|no (?:text|logo|people)\w*", 3),
    (r"by (?:lunch|noon|monday|tuesday|wednesday|thursday|friday|tomorrow|\d)|deadline|due|needed by|live on|launch(?:es|ing)? on|until", 3),
    (r"audience|target|aimed at|whom|people who|customers?|buyers?|readers?|not for", 3),
    (r"message|claim|slogan|tagline|headline|benefit|promise|the one thing|say", 3),
    (r"product|material|aluminium|aluminum|leather|battery|colou?rs?|price|eur|usd|feature|made of|finish", 2),
    (r"mood|tone|look|feel|light|palette|style", 2),
    (r"channel|website|newsletter|social|instagram|linkedin|print|poster|banner|budget", 2),
)  # fmt: skip
_COMPILED_WEIGHTS = tuple((re.compile(rf"\b(?:{words})\b", re.IGNORECASE), weight) for words, weight in _WEIGHTS)
_MOST_KEY_POINTS, _MOST_POINT_WORDS, _MOST_SHOTS = 8, 28, 12
# Longer briefs are read whole for shots and title; key points come from the first thousands of sentences.
_MOST_CANDIDATES = 4_000

_MOOD_WORDS = re.compile(
    r"\b(?:" + "|".join(pattern for pattern, _ in lookbook.PALETTE_BY_MOOD).replace("|green", "").replace("|light", "") + r")\b"
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a brief. `role`: heading, item, field or text; `section`: the heading above it, lower case."""

    role: str
    text: str
    section: str
    name: str = ""  # of a field, lower case


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read, without the bill."""

    title: str
    key_points: tuple[str, ...]
    mood: str
    shots: tuple[ShotIdea, ...]
    sensitive: bool


def read(brief: str) -> Reading:
    """Title, key points (up to 8 and a note each where shots were left out or a topic is sensitive), mood, 1 to 12 shots."""
    lines = split_lines(brief)
    title = _find_title(lines)
    mood = _find_mood(lines)
    product = _find_product(lines, title)
    shots = find_shots(lines, product=product, mood=mood)
    points = _find_key_points(lines)
    if len(shots) > _MOST_SHOTS:
        points.append(f"The brief names {len(shots)} shots; the first {_MOST_SHOTS} are proposed here.")
    topics = find_sensitive_topics(" \n".join(line.text for line in lines))
    if topics:
        points.append(f"Sensitive: it speaks of {' and '.join(topics)}. A person must pick every image.")
    return Reading(title, tuple(points), mood, tuple(shots[:_MOST_SHOTS]), bool(topics))


def split_lines(brief: str) -> list[Line]:
    """Headings, list items, fields and text, each cleaned of markup, with the section it stands in."""
    lines: list[Line] = []
    section = ""
    for raw in re.split(r"\r\n|\r|\n|\u2028|\u2029", brief):
        if not raw.strip():
            continue
        if _UNDERLINE.match(raw):
            if lines and lines[-1].role == "text":
                heading = lines.pop()
                section = heading.text.lower()
                lines.append(Line("heading", heading.text, section))
            continue
        line = _read_line(raw, section)
        if line.role == "heading":
            section = line.text.lower()
        if line.text:
            lines.append(line)
    return lines


def _read_line(raw: str, section: str) -> Line:
    if heading := _HEADING.match(raw[:400]):
        return Line("heading", clean(heading.group(2)), clean(heading.group(2)).lower())
    if item := _ITEM.match(raw):
        return Line("item", clean(item.group(1)), section)
    if field := _FIELD.match(raw):
        return Line("field", clean(field.group(2)), section, name=clean(field.group(1)).lower())
    text = clean(raw)
    short_lead = text.endswith(":") and count_words(text) <= 8
    return Line("heading" if short_lead else "text", text.rstrip(":") if short_lead else text, section)


def _find_title(lines: list[Line]) -> str:
    for line in lines[:200]:
        if line.role == "field" and line.name in _TITLE_FIELDS:
            return _as_title(line.text)
    candidates = [line for line in lines[:40] if line.role == "heading"] + [
        line for line in lines[:40] if line.role in ("text", "item", "field")
    ]
    for line in candidates:
        title = _as_title(line.text)
        if title and title.lower() not in _GENERIC_TITLES:
            return title
    return "Untitled campaign"


def _as_title(text: str) -> str:
    text = _TICKET.sub("", text)
    first = (split_sentences(text) or [""])[0]
    return clip_words(first.rstrip(".:"), 12)[:120].strip()


def _find_mood(lines: list[Line]) -> str:
    for line in lines:
        if line.role == "field" and line.name in _MOOD_FIELDS:
            return clip_words(line.text.rstrip("."), 8)
    found: list[str] = []
    for line in lines[:2_000]:
        found += _MOOD_WORDS.findall(line.text.lower())
        if len(found) > 24:
            break
    return ", ".join(unique(found)[:4]) or "clean, confident"


def _find_product(lines: list[Line], title: str) -> str:
    for line in lines[:400]:
        if line.role == "field" and line.name in _PRODUCT_FIELDS:
            return clip_words(re.split(r"[,.;(]", line.text)[0], 6)
    text = title
    for line in lines[:60]:
        match = re.search(r"\bfor (?:the |our |a )?((?:[A-Z][\w-]*)(?: [\w-]+){0,3}?)(?= by | with | in | on | before |[,.:;]|$)", line.text)
        if match:
            text = match.group(1)
            break
    text = re.split(r"[,:–;(]| - ", text)[0]
    words = re.sub(r"\b(?:launch|campaign|brief|visuals?|images?|shots?|key|creative|marketing|for|the|our|new)\b", " ", text, flags=re.I)
    return clip_words(" ".join(words.split()), 5) or "the product"


def _find_key_points(lines: list[Line]) -> list[str]:
    candidates: list[tuple[int, int, str]] = []
    for line in lines:
        if line.role == "heading" or (line.role == "item" and _is_shot_section(line)):
            continue
        prefix = f"{line.name.capitalize()}: " if line.role == "field" else ""
        for sentence in split_sentences(line.text)[:50]:
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
    return bool(re.search(r"\b(?:shots?|images?|visuals?|pictures?|deliverables?|assets?|motifs?)\b", line.section)) and (
        read_kind(line.text) != "other"
    )
