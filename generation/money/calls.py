"""Metered calls to writers and critics. Only writer of ModelCall: from before the question to its bill.

A call is written down before anything is sent and settled once: with what was consumed, or, where nobody will ever
learn it, with the most that it can have been. So money on record is never below the provider's bill
(docs/adr/0006-a-doubt-that-stays-is-counted-as-spent.md).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from django.db import transaction

from campaigns.database.clock import database_now
from campaigns.models import Campaign, Shot, User, Workspace
from generation import catalogue
from generation.models import Generation, ModelCall
from generation.money import ledger
from generation.providers.metering import metered
from generation.rules.values import ProviderError, Usage

# Longer than any answer takes (the client gives up after two minutes); a process that waits longer has died.
ANSWER_SECONDS = 180.0
RELATED = ("workspace", "campaign", "shot", "generation", "by")
COUNTED = "Outcome unknown, counted as spent."


class Answer(Protocol):
    """Whatever a writer or critic returns."""

    @property
    def usage(self) -> Usage:
        """What it consumed."""


Given = TypeVar("Given", bound=Answer)


def ask(question: Callable[[], Given], *, purpose: str, **context: Any) -> Given:
    """Ask a writer or critic and pay for the answer. `context`: workspace, campaign, shot, generation, by.

    Not to be called inside a transaction: the call must stand in the table before it is sent. Raises what the
    provider raises, its bill booked, and ledger.NoHeadRoom where nothing was asked.
    """
    meter = _Meter(purpose=purpose, context=context)
    try:
        with metered(meter):
            answer = question()
    except ProviderError as error:
        meter.settle(error.usage, note=f"Not used: {error}")
        raise
    meter.settle(answer.usage)
    return answer


class _Meter:
    """Opens a call at the first request that costs."""

    def __init__(self, *, purpose: str, context: dict[str, Any]) -> None:
        self.purpose, self.context = purpose, context
        self.call: ModelCall | None = None

    def sending(self, at_most: Usage) -> None:
        if self.call is None:
            expected = catalogue.estimate_prompt_cost(at_most.model)
            self.call = open_call(at_most, expected=expected, purpose=self.purpose, **self.context)
        else:
            ModelCall.objects.filter(pk=self.call.pk).update(at_most=at_most.units, alive_until=_alive(ANSWER_SECONDS))

    def settle(self, usage: Usage | None, *, note: str = "") -> None:
        if self.call is not None:
            units, requests = (usage.units, usage.requests) if usage else ({}, ())
            settle_call(self.call, units, requests=requests, note=note)


@transaction.atomic
def open_call(
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
) -> ModelCall:
    """Write down what is about to be asked. Raises ledger.NoHeadRoom: then it must not be sent.

    `expected` USD are held in the budgets meanwhile; a call about a generation is in its own reservation already.
    """
    held = Decimal(0) if generation else expected
    ledger.hold(workspace=workspace, campaign=campaign, amount=held)
    return ModelCall.objects.create(
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
        alive_until=_alive(seconds),
    )


@transaction.atomic
def settle_call(
    call: ModelCall, units: Mapping[str, int], *, requests: Sequence[Mapping[str, int]] = (), note: str = ""
) -> None:
    """Book what it consumed and release what was held, once. `requests`: the units of each, where it took several.

    An answer that comes after its call was counted as spent corrects that by further entries.
    """
    if _end(call, counted=False):
        _book(call, units, requests=requests, key=f"words:{call.pk}", note=note)
    elif ModelCall.objects.filter(pk=call.pk, counted=True).update(counted=False) == 1:
        counted = ModelCall.objects.values_list("at_most", flat=True).get(pk=call.pk)
        differences = {unit: units.get(unit, 0) - counted.get(unit, 0) for unit in {*units, *counted}}
        # what was counted is taken back as one bill, as it was booked
        bills = [*(requests or [units]), {unit: -count for unit, count in counted.items()}]
        note = "Corrected: the answer came after all."
        _book(call, differences, requests=bills, key=f"words:{call.pk}:late", note=note)


def name_batch(call: ModelCall, batch: str) -> None:
    """Keep the provider's id under which a batch is collected."""
    ModelCall.objects.filter(pk=call.pk).update(batch=batch)


def settle_batch(batch: str) -> None:
    """End a batch whose answers were each booked by themselves. Safe to repeat."""
    call = ModelCall.objects.select_related(*RELATED).filter(batch=batch).first()
    if call is not None:
        settle_call(call, {})


def abandoned_calls(*, limit: int) -> list[int]:
    """Find calls whose process has died: nobody will learn what they cost."""
    rows = ModelCall.objects.filter(settled_at__isnull=True, alive_until__lt=database_now()).order_by("alive_until")
    return list(rows.values_list("pk", flat=True)[:limit])


@transaction.atomic
def count_as_spent(pk: int) -> None:
    """Settle an abandoned call with the most that it can have cost. Safe to repeat."""
    abandoned = ModelCall.objects.filter(pk=pk, settled_at__isnull=True, alive_until__lt=database_now())
    call = abandoned.select_related(*RELATED).first()
    if call is not None and _end(call, counted=True):
        _book(call, call.at_most, key=f"words:{call.pk}", note=COUNTED)


def _end(call: ModelCall, *, counted: bool) -> bool:
    """Release what was held; False where it has ended before."""
    rows = ModelCall.objects.filter(pk=call.pk, settled_at__isnull=True)
    if rows.update(settled_at=database_now(), counted=counted) != 1:
        return False
    ledger.release(workspace=call.workspace, campaign=call.campaign, amount=call.held)
    return True


def _book(
    call: ModelCall, units: Mapping[str, int], *, key: str, note: str, requests: Sequence[Mapping[str, int]] = ()
) -> None:
    usage = Usage(call.provider, call.model, units=dict(units), requests=tuple(requests))
    ledger.charge_usage(
        key=key,
        usage=usage,
        purpose=call.purpose,
        workspace_id=call.workspace_id,
        campaign=call.campaign,
        shot_id=call.shot_id,
        generation_id=call.generation_id,
        by_id=call.by_id,
        note=note,
    )


def _alive(seconds: float) -> Any:
    return database_now() + timedelta(seconds=seconds)
