"""Draws the cards of a sheet: the page's own template once for each look a card can have, then texts filled in.

Sixty cards take a third of a millisecond instead of thirty (docs/adr/0009). What a card is drawn from is said in
`review.queries.cards.Card`: its words and numbers are filled in, escaped; everything else (flags, the decision, who
is to look at it) belongs to its look, and the template may decide and loop over it as ever.
"""

import re
from collections.abc import Sequence
from operator import attrgetter, itemgetter
from types import SimpleNamespace
from typing import Any

from django.template.loader import get_template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from review.queries.cards import Card

TEMPLATE = "review/sheet.html#card"
SIZES = "(max-width: 48rem) 50vw, 28rem"
LOOKS = (
    "decision",
    "state_words",
    *(name for name, kind in Card.__annotations__.items() if kind not in (str, int, float)),
)
TEXTS = tuple(name for name in Card._fields if name not in LOOKS)
# Looks that a process remembers.
REMEMBERED = 2000
_texts, _looks = attrgetter(*TEXTS), attrgetter(*LOOKS)
_PLACE = re.compile("\x02(\\d+)\x03")
_BLANK = re.compile(r"[ \n]+")
_BETWEEN = "\x1f"
# The pieces of each look, and which text goes between them.
_drawn: dict[tuple[Any, ...], tuple[str, Any]] = {}


def draw_cards(cards: Sequence[Card]) -> SafeString:
    """The HTML of these cards, one after the other."""
    rows = [tuple(map(str, _texts(card))) for card in cards]
    texts = escape(_BETWEEN.join(_BETWEEN.join(row) for row in rows)).split(_BETWEEN)
    if len(texts) != len(rows) * len(TEXTS):
        # somebody's title holds the very sign that stands between texts
        texts = [escape(text) for row in rows for text in row]
    pieces = []
    for place, card in enumerate(cards):
        row = texts[place * len(TEXTS) : (place + 1) * len(TEXTS)]
        look = (_looks(card), tuple(map(bool, row)))
        form, chosen = _drawn.get(look) or _remember(look, _draw(card, row))
        pieces.append(form % chosen(row))
    return mark_safe("".join(pieces))  # noqa: S308  # every text was escaped above


def _remember(look: tuple[Any, ...], drawn: tuple[str, Any]) -> tuple[str, Any]:
    if len(_drawn) >= REMEMBERED:
        _drawn.clear()
    _drawn[look] = drawn
    return drawn


def _draw(card: Card, row: Sequence[str]) -> tuple[str, Any]:
    """The template with signs in place of this card's texts, as a form to fill in."""
    signs = {
        name: f"\x02{place}\x03" if text else "" for place, (name, text) in enumerate(zip(TEXTS, row, strict=True))
    }
    shown = SimpleNamespace(**dict(zip(LOOKS, _looks(card), strict=True)), **signs)
    shown.thumb = _thumb(shown)
    html = _BLANK.sub(" ", get_template(TEMPLATE).render({"card": shown}))
    literal = _PLACE.split(html)
    form = "%s".join(piece.replace("%", "%%") for piece in literal[::2])
    return form, itemgetter(*map(int, literal[1::2]))


def _thumb(card: SimpleNamespace) -> dict[str, Any]:
    """The image box, for components/thumb.html."""
    return {
        "aspect": card.aspect,
        "alt": "",
        "src": card.src,
        "srcset": card.srcset,
        "sizes": SIZES,
        "placeholder": "",
        "thumbhash": card.thumbhash,
        "colour": card.colour,
        "mark": card.decision,
        "mark_words": "",
        "score": card.score,
        "below": card.below,
        "label": "",
        "waiting": card.waiting,
        "words": card.state_words,
        "eager": card.eager,
    }
