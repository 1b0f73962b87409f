"""The reasons of a workspace for a rejection. Only writer of RejectReason.

The row of the workspace is the lock: two admins at once neither add a tenth reason nor mix up the order.
"""

from functools import lru_cache
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from campaigns.database.prepared import Given, Statement
from campaigns.models import Workspace
from review.models import RejectReason

# The digits 1 to 9 pick them.
MOST_REASONS = 9
LONGEST_LABEL, LONGEST_HINT = 40, 200
# Code, label, what a revision is told.
DEFAULTS = (
    ("composition", "Composition", "one clear subject, balanced, with room around it"),
    ("off_brand", "Off-brand", "the brand's palette, mood and rules, followed more closely"),
    ("artefacts", "Artefacts", "clean edges and surfaces, nothing mangled or melted"),
    ("text", "Text", "letters exactly as they were asked for, and none where none were"),
    ("anatomy", "Anatomy", "hands, faces and limbs as in life"),
    ("product", "Product wrong", "the product as in its reference: shape, colours and parts"),
    ("legal", "Legal", "nothing that belongs to others: no foreign marks, designs or likenesses"),
    ("other", "Other", ""),
)


class ReasonRefused(Exception):
    """Nothing was changed. The message is for people."""


def give_default_reasons(workspace: Workspace) -> None:
    """The list that a new workspace begins with; where one has reasons already nothing happens."""
    if RejectReason.objects.filter(workspace=workspace).exists():
        return
    RejectReason.objects.bulk_create(
        [
            RejectReason(
                workspace=workspace, code=code, label=label, hint=hint, asks_note=code == "other", position=position
            )
            for position, (code, label, hint) in enumerate(DEFAULTS)
        ],
        ignore_conflicts=True,
    )


def welcome_workspace(*, instance: Workspace, created: bool, raw: bool = False, **_signal: Any) -> None:
    """Receiver: a workspace has its reasons from its first moment on, whoever makes it."""
    if created and not raw:
        give_default_reasons(instance)


def living_reasons(workspace_id: int) -> list[RejectReason]:
    """The reasons that are offered, in the order of their digits. One query."""
    return [RejectReason.from_db("default", _COLUMNS, row) for row in _living().run(workspace=workspace_id)]


_COLUMNS = [field.attname for field in RejectReason._meta.concrete_fields]


@lru_cache(maxsize=1)
def _living() -> Statement:
    rows = RejectReason.objects.filter(workspace=Given("workspace", Workspace._meta.pk), retired_at__isnull=True)
    return Statement(rows.values_list(*_COLUMNS))


@transaction.atomic
def add_reason(*, workspace: Workspace, label: str, hint: str = "", asks_note: bool = False) -> RejectReason:
    """A further reason, in the last place. Raises ReasonRefused."""
    living = _locked(workspace)
    _refuse_tenth(living)
    label = _free_label(label, among=living)
    return RejectReason.objects.create(
        workspace=workspace,
        code=_free_code(workspace, label),
        label=label,
        hint=_clean_hint(hint),
        asks_note=asks_note,
        position=_last_place(living),
    )


@transaction.atomic
def change_reason(reason: RejectReason, *, label: str, hint: str, asks_note: bool) -> RejectReason:
    """Other words for a reason; what was filed under the old ones keeps them. Raises ReasonRefused."""
    living = _locked(reason.workspace)
    reason.label = _free_label(label, among=[each for each in living if each.pk != reason.pk])
    reason.hint, reason.asks_note = _clean_hint(hint), asks_note
    reason.save(update_fields=["label", "hint", "asks_note"])
    return reason


@transaction.atomic
def move_reason(reason: RejectReason, *, by: int) -> None:
    """One place up (-1) or down (1); at the end of the list, and for a retired one, nothing happens."""
    living = _locked(reason.workspace)
    places = [each.pk for each in living]
    if reason.pk not in places:
        return
    at = places.index(reason.pk)
    to = min(max(at + by, 0), len(places) - 1)
    places.insert(to, places.pop(at))
    for position, pk in enumerate(places):
        RejectReason.objects.filter(pk=pk).exclude(position=position).update(position=position)


@transaction.atomic
def retire_reason(reason: RejectReason) -> None:
    """Offer it no more. Raises ReasonRefused for the last one: a rejection names its reason."""
    living = _locked(reason.workspace)
    if [each.pk for each in living] == [reason.pk]:
        raise ReasonRefused("This is the only reason left, and a rejection names one. Add another one first.")
    RejectReason.objects.filter(pk=reason.pk, retired_at__isnull=True).update(retired_at=timezone.now())


@transaction.atomic
def restore_reason(reason: RejectReason) -> None:
    """Offer a retired one again, in the last place. Raises ReasonRefused."""
    living = _locked(reason.workspace)
    if any(each.pk == reason.pk for each in living):
        return
    _refuse_tenth(living)
    _free_label(reason.label, among=living)
    RejectReason.objects.filter(pk=reason.pk).update(retired_at=None, position=_last_place(living))


def _locked(workspace: Workspace) -> list[RejectReason]:
    Workspace.objects.select_for_update().get(pk=workspace.pk)
    return living_reasons(workspace.pk)


def _refuse_tenth(living: list[RejectReason]) -> None:
    if len(living) >= MOST_REASONS:
        raise ReasonRefused(f"{MOST_REASONS} reasons fit, one for each digit. Retire one first.")


def _free_label(label: str, *, among: list[RejectReason]) -> str:
    label = _plain(label)
    if not label:
        raise ReasonRefused("Give the reason a name.")
    if len(label) > LONGEST_LABEL:
        raise ReasonRefused(f"The name is longer than {LONGEST_LABEL} characters. Shorten it.")
    if any(each.label.casefold() == label.casefold() for each in among):
        raise ReasonRefused(f"Another reason is called “{label}” already.")
    return label


def _clean_hint(hint: str) -> str:
    hint = _plain(hint)
    if len(hint) > LONGEST_HINT:
        raise ReasonRefused(f"The hint is longer than {LONGEST_HINT} characters. Shorten it.")
    return hint


def _plain(words: str) -> str:
    """One line without control characters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in words).split())


def _free_code(workspace: Workspace, label: str) -> str:
    stem = slugify(label)[:30] or "reason"
    taken = set(RejectReason.objects.filter(workspace=workspace).values_list("code", flat=True))
    code, number = stem, 2
    while code in taken:
        code, number = f"{stem}-{number}", number + 1
    return code


def _last_place(living: list[RejectReason]) -> int:
    return max((each.position for each in living), default=-1) + 1
