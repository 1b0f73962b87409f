"""The only writer of Inquiry: what writers and critics are asked, from before the question to its bill.

Opened before anything is sent, settled once: with what was consumed, or, where nobody will ever learn it, with the
most that it can have been. So money on record is never below the provider's bill
(docs/adr/0006-a-doubt-that-stays-is-counted-as-spent.md).
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from campaigns.database.clock import database_now
from campaigns.models import Campaign, Shot, User, Workspace
from generation.models import Generation, Inquiry
from generation.money import ledger
from generation.providers.base import Usage

# Longer than any answer takes (the client gives up after two minutes); whoever waits longer is dead.
ANSWER_SECONDS = 180.0
RELATED = ("workspace", "campaign", "shot", "generation", "by")
COUNTED = "Outcome unknown, counted as spent."


@transaction.atomic
def open_inquiry(
    at_most: Usage,
    *,
    expected: Decimal,
    purpose: str,
    workspace: Workspace,
    campaign: Campaign | None = None,
    shot: Shot | None = None,
    generation: Generation | None = None,
    by: User | None = None,
    seconds: float = ANSWER_SECONDS,
) -> Inquiry:
    """Write down what is about to be asked. Raises ledger.NoHeadRoom: then it must not be sent.

    `expected` USD are held in the budgets meanwhile; the words about a generation are in its own promise already.
    """
    held = Decimal(0) if generation else expected
    ledger.hold(workspace=workspace, campaign=campaign, amount=held)
    return Inquiry.objects.create(
        provider=at_most.provider,
        model=at_most.model,
        purpose=purpose,
        workspace=workspace,
        campaign=campaign,
        shot=shot,
        generation=generation,
        by=by,
        at_most=at_most.units,
        held=held,
        alive_until=database_now() + timedelta(seconds=seconds),
    )


def ask_more(inquiry: Inquiry, at_most: Usage) -> None:
    """One more request for the same question."""
    Inquiry.objects.filter(pk=inquiry.pk).update(
        at_most=at_most.units, alive_until=database_now() + timedelta(seconds=ANSWER_SECONDS)
    )


@transaction.atomic
def settle_inquiry(
    inquiry: Inquiry, units: Mapping[str, int], *, requests: Sequence[Mapping[str, int]] = (), note: str = ""
) -> None:
    """Book what it consumed and give back what was held, once. `requests`: the units of each, where it took several.

    An answer that comes after its question was counted as spent corrects that by further entries.
    """
    if _end(inquiry, counted=False):
        _book(inquiry, units, requests=requests, key=f"words:{inquiry.pk}", note=note)
    elif Inquiry.objects.filter(pk=inquiry.pk, counted=True).update(counted=False) == 1:
        counted = Inquiry.objects.values_list("at_most", flat=True).get(pk=inquiry.pk)
        differences = {unit: units.get(unit, 0) - counted.get(unit, 0) for unit in {*units, *counted}}
        # what was counted is taken back as one bill, as it was booked
        bills = [*(requests or [units]), {unit: -count for unit, count in counted.items()}]
        note = "Corrected: the answer came after all."
        _book(inquiry, differences, requests=bills, key=f"words:{inquiry.pk}:late", note=note)


def _end(inquiry: Inquiry, *, counted: bool) -> bool:
    """Give back what was held; False where it has ended before."""
    rows = Inquiry.objects.filter(pk=inquiry.pk, settled_at__isnull=True)
    if rows.update(settled_at=database_now(), counted=counted) != 1:
        return False
    ledger.release(workspace=inquiry.workspace, campaign=inquiry.campaign, amount=inquiry.held)
    return True


def name_batch(inquiry: Inquiry, batch: str) -> None:
    """Many were asked at once: the provider's id, under which they are collected."""
    Inquiry.objects.filter(pk=inquiry.pk).update(batch=batch)


def settle_batch(batch: str) -> None:
    """A batch was collected, each answer booked by itself: nothing more to pay. Safe to repeat."""
    inquiry = Inquiry.objects.select_related(*RELATED).filter(batch=batch).first()
    if inquiry is not None:
        settle_inquiry(inquiry, {})


def abandoned_inquiries(*, limit: int) -> list[int]:
    """Questions whose process is gone: nobody will learn what they cost."""
    rows = Inquiry.objects.filter(settled_at__isnull=True, alive_until__lt=database_now()).order_by("alive_until")
    return list(rows.values_list("pk", flat=True)[:limit])


@transaction.atomic
def count_as_spent(pk: int) -> None:
    """Settle an abandoned question with the most that it can have cost. Safe to repeat."""
    inquiry = (
        Inquiry.objects.select_related(*RELATED)
        .filter(pk=pk, settled_at__isnull=True, alive_until__lt=database_now())
        .first()
    )
    if inquiry is not None and _end(inquiry, counted=True):
        _book(inquiry, inquiry.at_most, key=f"words:{inquiry.pk}", note=COUNTED)


def _book(
    inquiry: Inquiry, units: Mapping[str, int], *, key: str, note: str, requests: Sequence[Mapping[str, int]] = ()
) -> None:
    where: dict[str, Any] = {
        name: getattr(inquiry, name) for name in ("purpose", "workspace", "campaign", "shot", "generation", "by")
    }
    usage = Usage(inquiry.provider, inquiry.model, units=dict(units), requests=tuple(requests))
    ledger.charge_usage(key=key, usage=usage, note=note[:240], **where)
