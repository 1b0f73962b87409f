"""Marks and words on an image, as pages and scripts read them. Two queries, one more for a thread that names people."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db.models import prefetch_related_objects

from campaigns.models import User
from generation.models import Generation
from review.models import Annotation, Comment
from review.rules.mentions import split_mentions
from review.rules.places import NoTarget, read_place


@dataclass(frozen=True, slots=True)
class Words:
    """One message of a thread."""

    id: int
    by: str
    initials: str
    text: str
    at: datetime
    # the text in pieces; True: a name that reached somebody
    pieces: list[tuple[str, bool]]


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark with its thread. `left` and `top`: where its number sits, in per cent of the image."""

    id: str
    number: int
    kind: str
    kind_words: str
    shape: str
    target: dict[str, Any]
    version: int
    by: str
    mine: bool
    resolved: bool
    resolved_words: str
    left: float
    top: float
    words: list[Words]
    at: datetime


def read_marks(generation: Generation, *, viewer: User) -> list[Mark]:
    """The marks of an image, oldest first, numbered from 1, each with its words."""
    rows = (
        Annotation.objects.filter(generation=generation, deleted_at__isnull=True)
        .select_related("by", "resolved_by")
        .order_by("created_at", "pk")
    )
    threads: dict[str, list[Words]] = {}
    for comment in _comments(generation, annotation__isnull=False):
        threads.setdefault(str(comment.annotation_id), []).append(_words(comment))
    return [
        _mark(row, number=number, generation=generation, viewer=viewer, words=threads.get(row.pk, []))
        for number, row in enumerate(rows, start=1)
    ]


def read_comments(generation: Generation) -> list[Words]:
    """The thread on the whole image, oldest first."""
    return [_words(comment) for comment in _comments(generation, annotation__isnull=True)]


def for_script(marks: list[Mark]) -> list[dict[str, Any]]:
    """The marks as JSON for the page's script."""
    return [asdict(mark) for mark in marks]


def _comments(generation: Generation, **which: bool) -> list[Comment]:
    found = list(Comment.objects.filter(generation=generation, **which).select_related("by"))
    prefetch_related_objects([comment for comment in found if "@" in comment.text], "mentions")
    return found


def _words(comment: Comment) -> Words:
    people = list(comment.mentions.all()) if "@" in comment.text else []
    pieces = split_mentions(comment.text, people=people)
    return Words(comment.pk, str(comment.by), comment.by.initials, comment.text, comment.at, pieces)


def _mark(row: Annotation, *, number: int, generation: Generation, viewer: User, words: list[Words]) -> Mark:
    width = generation.image_width or generation.width
    height = generation.image_height or generation.height
    try:
        place = read_place(shape=row.shape, target=row.target, width=width, height=height)
        left, top = place.box[:2] if row.shape in ("pin", "rectangle") else min(place.points, key=lambda at: at[1])
    except NoTarget:
        left, top = 0.0, 0.0
    return Mark(
        id=row.pk,
        number=number,
        kind=row.kind,
        kind_words=row.get_kind_display(),
        shape=row.shape,
        target=row.target,
        version=row.version,
        by=str(row.by),
        mine=row.by_id == viewer.pk,
        resolved=row.resolved_at is not None,
        resolved_words=f"Resolved by {row.resolved_by}" if row.resolved_at else "",
        left=round(left / width * 100, 3),
        top=round(top / height * 100, 3),
        words=words,
        at=row.created_at,
    )
