"""Marks on an image. Only writer of Annotation, and of what happened to marks in ImageEvent.

A page sends what it added, changed and deleted, each by the mark's id, which the browser made:
an addition that arrives twice is stored once and never overwrites, a change carries the version
it was made on. What cannot be stored is answered item by item; the others are stored.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from campaigns.models import User
from generation.models import Generation
from review.models import Annotation, ImageEvent
from review.rules.places import NoTarget, read_place, write_target
from review.services.comments import CommentRefused, add_comment
from review.services.verdicts import StackSigned, refuse_signed

MOST_ITEMS = 200
MOST_MARKS = 500
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-]{7,39}")


class MarksRefused(Exception):
    """Nothing of what was sent is stored. The message is for people."""


class _ItemRefused(Exception):
    """This one item is not stored."""


class _ItemConflict(Exception):
    """Somebody changed this mark since."""


@dataclass(slots=True)
class SavedMarks:
    """What became of each item, by the mark's id. `conflicts` and `refused` carry words for people."""

    saved: list[str] = field(default_factory=list)
    conflicts: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


def save_marks(
    *,
    generation: Generation,
    by: User,
    additions: Sequence[Any] = (),
    changes: Sequence[Any] = (),
    deletions: Sequence[Any] = (),
) -> SavedMarks:
    """Store additions, then changes, then deletions; each item commits alone.

    Additions: `{"id", "shape", "kind", "target", "text"?}`. Changes: `{"id", "version"}` with any of
    `kind`, `target`, `resolved` (with `resolved_in`, a later version). Deletions: `{"id", "version"}`.
    Raises MarksRefused where the stack is signed or the parcel is too large.
    """
    if len(additions) + len(changes) + len(deletions) > MOST_ITEMS:
        raise MarksRefused(f"At most {MOST_ITEMS} marks are saved at once. Nothing was lost: send them in parts.")
    try:
        refuse_signed(generation.shot_id)
    except StackSigned as signed:
        raise MarksRefused(str(signed)) from signed
    outcome = SavedMarks()
    steps: tuple[tuple[Sequence[Any], Callable[..., None]], ...] = (
        (additions, _add),
        (changes, _change),
        (deletions, _delete),
    )
    for items, store in steps:
        for item in items:
            _store_one(outcome, item, store, generation=generation, by=by)
    return outcome


def _store_one(outcome: SavedMarks, item: Any, store: Callable[..., None], *, generation: Generation, by: User) -> None:
    name = item.get("id") if isinstance(item, dict) else None
    if not isinstance(name, str) or not _ID.fullmatch(name):
        outcome.refused[str(name)[:40]] = "This mark has no name that Loupe can keep. Draw it again."
        return
    try:
        with transaction.atomic():
            store(item, generation=generation, by=by)
        outcome.saved.append(name)
    except _ItemConflict as conflict:
        outcome.conflicts[name] = str(conflict)
    except (_ItemRefused, NoTarget, CommentRefused) as refused:
        outcome.refused[name] = str(refused)


def _add(item: Mapping[str, Any], *, generation: Generation, by: User) -> None:
    existing = Annotation.objects.filter(pk=item["id"]).first()
    if existing is not None:
        # sent again after an answer that was lost
        if existing.generation_id == generation.pk and existing.by_id == by.pk:
            return
        raise _ItemRefused("Another mark has this name already. Draw it again.")
    if generation.annotations.filter(deleted_at__isnull=True).count() >= MOST_MARKS:
        raise _ItemRefused(f"This image has {MOST_MARKS} marks, which is the most it can carry.")
    text = item.get("text") or ""
    if not isinstance(text, str):
        raise _ItemRefused("The words of this mark cannot be read.")
    place = _read_place(item, generation)
    try:
        with transaction.atomic():
            mark = Annotation.objects.create(
                id=item["id"],
                generation=generation,
                by=by,
                kind=_read_kind(item),
                shape=place.shape,
                target=write_target(place=place, source=generation.pk),
            )
    except IntegrityError:
        return  # the same addition arrived twice at the same moment: the other one stored it, words included
    _record(mark, ImageEvent.Kind.MARKED, by)
    if text.strip():
        add_comment(generation=generation, by=by, text=text, annotation=mark)


def _change(item: Mapping[str, Any], *, generation: Generation, by: User) -> None:
    mark = _find(item, generation)
    values: dict[str, Any] = {}
    if "target" in item or "kind" in item:
        _only_author(mark, by, "change")
    if "kind" in item:
        values["kind"] = _read_kind(item)
    if "target" in item:
        place = _read_place({"shape": mark.shape, **item}, generation)
        values |= {"shape": place.shape, "target": write_target(place=place, source=generation.pk)}
    if "resolved" in item:
        resolved = bool(item["resolved"])
        values |= {"resolved_at": timezone.now() if resolved else None, "resolved_by": by if resolved else None}
        values["resolved_in"] = _find_answer(item, generation) if resolved else None
    if values:
        _write(mark, item, values)
    if "resolved" in item and bool(item["resolved"]) != (mark.resolved_at is not None):
        _record(mark, ImageEvent.Kind.RESOLVED if item["resolved"] else ImageEvent.Kind.REOPENED, by)


def _find_answer(item: Mapping[str, Any], generation: Generation) -> Generation | None:
    """The later version of the same shot that a mark was resolved by, where the item names one."""
    name = item.get("resolved_in")
    if not isinstance(name, str) or "\x00" in name:
        return None
    return Generation.objects.filter(pk=name[:30], shot_id=generation.shot_id, version__gt=generation.version).first()


def _delete(item: Mapping[str, Any], *, generation: Generation, by: User) -> None:
    mark = Annotation.objects.filter(pk=item["id"], generation=generation).select_related("by").first()
    if mark is None or mark.deleted_at is not None:
        return  # gone is gone, however often it is asked for
    _only_author(mark, by, "delete")
    _write(mark, item, {"deleted_at": timezone.now()})
    _record(mark, ImageEvent.Kind.DELETED, by)


def _write(mark: Annotation, item: Mapping[str, Any], values: dict[str, Any]) -> None:
    version = item.get("version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise _ItemRefused("The change does not say which version of the mark it was made on. Reload the page.")
    changed = Annotation.objects.filter(pk=mark.pk, version=version, deleted_at__isnull=True).update(
        version=F("version") + 1, updated_at=timezone.now(), **values
    )
    if changed != 1:
        raise _ItemConflict("Somebody changed this mark while you did. Here is theirs; yours was not stored.")


def _record(mark: Annotation, kind: str, by: User) -> None:
    ImageEvent.objects.create(generation_id=mark.generation_id, annotation=mark, kind=kind, by=by)


def _find(item: Mapping[str, Any], generation: Generation) -> Annotation:
    mark = Annotation.objects.filter(pk=item["id"], generation=generation).select_related("by").first()
    if mark is None:
        raise _ItemRefused("This mark is not on this image.")
    if mark.deleted_at is not None:
        raise _ItemConflict("Somebody deleted this mark meanwhile.")
    return mark


def _only_author(mark: Annotation, by: User, what: str) -> None:
    if mark.by_id != by.pk:
        raise _ItemRefused(f"Only {mark.by} can {what} this mark. You can answer it or resolve it.")


def _read_kind(item: Mapping[str, Any]) -> str:
    kind = item.get("kind", Annotation.Kind.CHANGE)
    if kind not in Annotation.Kind.values:
        raise _ItemRefused("A mark says keep, change or remove.")
    return str(kind)


def _read_place(item: Mapping[str, Any], generation: Generation) -> Any:
    return read_place(
        shape=item.get("shape"),
        target=item.get("target"),
        width=generation.image_width or generation.width,
        height=generation.image_height or generation.height,
    )
