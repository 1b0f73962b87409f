"""Only writer of LedgerEntry, Reservation and the counters of Budget.

Reserve before anything is sent; charge what was billed; close when the generation is over.
The budget row is held by one conditional UPDATE, so that parallel starts cannot promise the
same dollar twice. Order of rows is always workspace, then campaign: no deadlock. A failed
write raises and so fails the caller's step.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from operator import attrgetter
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import F, QuerySet, Sum, Value
from django.db.models.functions import Greatest
from django.utils import timezone

from campaigns.database.bulk import among, insert_many
from campaigns.database.clock import database_now
from campaigns.models import Budget, Campaign, UsdField, Workspace, round_usd
from generation.models import Generation, LedgerEntry, ModelCall, Reservation
from generation.money.bills import Charge, price_in_force
from generation.rules.values import Usage

LONGEST_NOTE = 240


class NoHeadRoom(Exception):
    """The budget does not reach. Nothing was reserved and nothing was started."""

    def __init__(self, *, budget: Budget, asked: Decimal) -> None:
        self.budget = budget
        self.asked = asked
        whose = "this campaign" if budget.campaign_id else "the workspace"
        super().__init__(
            f"The budget of {whose} has ${max(budget.head_room, Decimal(0)):.2f} left and ${asked:.2f} are asked for. "
            "Nothing was started. Raise the budget or start fewer shots."
        )


@dataclass(frozen=True, slots=True)
class Balance:
    """What may still be promised; limits in USD, None where no budget is set."""

    head_room: Decimal | None
    spent: Decimal
    reserved: Decimal
    limit: Decimal | None


@transaction.atomic
def set_limit(*, workspace: Workspace, campaign: Campaign | None, limit: Decimal) -> Budget:
    """Set the limit of a workspace or of one campaign; a new budget starts with what the record already holds."""
    budget, created = Budget.objects.select_for_update().get_or_create(
        workspace=workspace, campaign=campaign, defaults={"limit": limit}
    )
    if created:
        entries = LedgerEntry.objects.filter(workspace=workspace)
        promises = Reservation.objects.filter(generation__workspace=workspace, state="open")
        calls = ModelCall.objects.filter(workspace=workspace, settled_at__isnull=True)
        if campaign:
            entries, calls = entries.filter(campaign=campaign), calls.filter(campaign=campaign)
            promises = promises.filter(generation__campaign=campaign)
        budget.spent = _total(entries, "amount")
        budget.reserved = _total(promises, "remaining") + _total(calls, "held")
    budget.limit = limit
    budget.save()
    return budget


def _total(rows: QuerySet[Any], column: str) -> Decimal:
    return rows.aggregate(total=Sum(column))["total"] or Decimal(0)


def _usd(amount: Decimal) -> Value:
    return Value(amount, output_field=UsdField())


def _binding(*, workspace_id: int, campaign_id: int | None) -> list[QuerySet[Budget]]:
    """The budgets that bind, workspace first, unread."""
    found = [Budget.objects.filter(workspace_id=workspace_id, campaign__isnull=True)]
    if campaign_id:
        found.append(Budget.objects.filter(campaign_id=campaign_id))
    return found


def _budgets(*, workspace_id: int, campaign_id: int | None) -> list[Budget]:
    """The budgets that bind, workspace first."""
    return [budget for found in _binding(workspace_id=workspace_id, campaign_id=campaign_id) for budget in found]


def balance(*, workspace: Workspace, campaign: Campaign | None = None) -> Balance:
    """The tightest head-room over the budgets that bind."""
    budgets = _budgets(workspace_id=workspace.pk, campaign_id=campaign.pk if campaign else None)
    if not budgets:
        return Balance(head_room=None, spent=Decimal(0), reserved=Decimal(0), limit=None)
    tightest = min(budgets, key=lambda budget: budget.head_room)
    return Balance(head_room=tightest.head_room, spent=tightest.spent, reserved=tightest.reserved, limit=tightest.limit)


def costs_of(generations: Iterable[Generation]) -> dict[str, Decimal]:
    """What each has cost in USD by its id, renders and scores together: the sum of its entries, 0 without any."""
    keys = [generation.pk for generation in generations]
    entries = LedgerEntry.objects.filter(among("generation_id", keys)).order_by()
    billed = dict(entries.values_list("generation_id").annotate(total=Sum("amount")))
    return {key: billed.get(key, Decimal(0)) for key in keys}


def cost_of(generation: Generation) -> Decimal:
    """What one has cost in USD."""
    return costs_of([generation])[generation.pk]


@transaction.atomic
def reserve(*, amounts: Sequence[tuple[Generation, Decimal]], asked: Decimal | None = None) -> None:
    """Promise each generation its amount, all or none; they belong to one campaign.

    `asked` (at least the sum) is the head-room that must be there. Raises NoHeadRoom.
    """
    if not amounts:
        return
    first = amounts[0][0]
    total = sum((round_usd(amount) for _, amount in amounts), Decimal(0))
    needed = max(total, asked or total)
    _hold(budgets=_budgets(workspace_id=first.workspace_id, campaign_id=first.campaign_id), total=total, needed=needed)
    Reservation.objects.bulk_create(
        Reservation(generation=generation, amount=round_usd(amount), remaining=round_usd(amount))
        for generation, amount in amounts
    )


def _hold(*, budgets: Sequence[Budget], total: Decimal, needed: Decimal) -> None:
    """Raise `reserved` by `total` where `needed` fits, one conditional UPDATE a budget. Raises NoHeadRoom."""
    for budget in budgets:
        held = Budget.objects.filter(pk=budget.pk, limit__gte=F("spent") + F("reserved") + _usd(needed)).update(
            reserved=F("reserved") + _usd(total)
        )
        # what costs nothing may start whatever the budget says
        if held != 1 and needed > 0:
            budget.refresh_from_db()
            raise NoHeadRoom(budget=budget, asked=needed)


class _Line(NamedTuple):
    """A charge with its price: what is booked."""

    charge: Charge
    unit_price: Decimal
    amount: Decimal


CHARGED = tuple(field.name for field in fields(Charge) if field.name != "bills")
_values_of = attrgetter(*CHARGED)


@transaction.atomic
def charge(charges: Sequence[Charge]) -> None:
    """Book what was billed, once a key, at the price in force; takes it out of the generations' reservations first.

    What a provider has billed is always booked, even over the limit: the record is true, and the next start is
    refused. Rows are locked in one order everywhere: reservations, workspaces, campaigns, each by id.
    """
    booked = LedgerEntry.objects.filter(among("key", [charge.key for charge in charges]))
    known = set(booked.values_list("key", flat=True))
    fresh = {charge.key: charge for charge in charges if charge.key not in known}
    if not fresh:
        return
    lines = _price(fresh.values())
    _spend(lines, drawn=_draw(_sum_by(lines, "generation_id")))
    now = timezone.now()
    insert_many(
        LedgerEntry,
        (*CHARGED, "unit_price", "amount", "at"),
        [(*_values_of(line.charge), line.unit_price, line.amount, now) for line in lines],
    )


def _price(charges: Iterable[Charge]) -> list[_Line]:
    now = database_now()
    prices: dict[tuple[str, str, str], Decimal] = {}
    lines = []
    for charge in charges:
        article = (charge.provider, charge.model, charge.unit)
        if article not in prices:
            prices[article] = price_in_force(provider=charge.provider, model=charge.model, unit=charge.unit, at=now)
        unit_price = prices[article]
        bills = charge.bills or (charge.quantity,)
        lines.append(_Line(charge, unit_price, sum((round_usd(unit_price * bill) for bill in bills), Decimal(0))))
    return lines


def _draw(wanted: Mapping[Any, Decimal]) -> dict[str, Decimal]:
    """Take what is there out of the open reservations; what was taken, by generation."""
    costly = {generation_id: amount for generation_id, amount in wanted.items() if generation_id and amount > 0}
    reservations = (
        Reservation.objects.select_for_update()
        .filter(among("generation_id", list(costly)), state="open")
        .order_by("pk")
        .values_list("pk", "generation_id", "remaining")
    )
    drawn: dict[str, Decimal] = {}
    alike: dict[Decimal, list[int]] = {}
    for pk, generation_id, remaining in reservations if costly else ():
        drawn[generation_id] = min(remaining, costly[generation_id])
        alike.setdefault(drawn[generation_id], []).append(pk)
    for amount, keys in alike.items():
        Reservation.objects.filter(among("pk", keys)).update(remaining=F("remaining") - _usd(amount))
    return drawn


def _spend(lines: Sequence[_Line], *, drawn: Mapping[str, Decimal]) -> None:
    """Move the counters of every budget that binds, workspaces first."""
    place = {line.charge.generation_id: line.charge for line in lines}
    for column, whose in (("workspace_id", {"campaign__isnull": True}), ("campaign_id", {})):
        spent = _sum_by(lines, column)
        freed = dict.fromkeys(spent, Decimal(0))
        for generation_id, amount in drawn.items():
            freed[getattr(place[generation_id], column)] += amount
        for owner in sorted(owner for owner in spent if owner is not None):
            Budget.objects.filter(**{column: owner}, **whose).update(
                spent=F("spent") + _usd(spent[owner]),
                reserved=Greatest(F("reserved") - _usd(freed[owner]), _usd(Decimal(0))),
            )


def _sum_by(lines: Iterable[_Line], column: str) -> dict[Any, Decimal]:
    sums: dict[Any, Decimal] = {}
    for line in lines:
        owner = getattr(line.charge, column)
        sums[owner] = sums.get(owner, Decimal(0)) + line.amount
    return sums


def charge_usage(
    *,
    key: str,
    usage: Usage,
    purpose: str,
    workspace_id: int,
    campaign: Campaign | None,
    shot_id: int | None = None,
    generation_id: str | None = None,
    by_id: int | None = None,
    note: str = "",
) -> None:
    """Book every unit of an answer of a writer or critic, one entry a unit; a correction has negative quantities.

    An answer that took several requests costs what their bills come to, to the micro-dollar.
    """
    charge(
        [
            Charge(
                key=f"{key}:{unit}",
                unit=unit,
                quantity=Decimal(quantity),
                provider=usage.provider,
                model=usage.model,
                purpose=purpose,
                workspace_id=workspace_id,
                campaign_id=campaign.pk if campaign else None,
                shot_id=shot_id,
                generation_id=generation_id,
                ticket=campaign.ticket if campaign else "",
                by_id=by_id,
                note=note[:LONGEST_NOTE],
                bills=tuple(map(Decimal, usage.billed(unit))),
            )
            for unit, quantity in sorted(usage.units.items())
            if any(usage.billed(unit))
        ]
    )


@transaction.atomic
def close(generation: Generation) -> None:
    """Give back what is left of the promise; harmless when it was closed before."""
    reservation = Reservation.objects.select_for_update().filter(generation=generation, state="open").first()
    if reservation is None:
        return
    spent_some = reservation.remaining < reservation.amount
    state = Reservation.State.SETTLED if spent_some else Reservation.State.RELEASED
    ended = Reservation.objects.filter(pk=reservation.pk, state="open", remaining=reservation.remaining).update(
        state=state, ended_at=database_now(), remaining=Decimal(0)
    )
    if ended == 1:
        _lower_reserved(
            workspace_id=generation.workspace_id, campaign_id=generation.campaign_id, amount=reservation.remaining
        )


@transaction.atomic
def reopen(generation: Generation, *, amount: Decimal) -> None:
    """Promise `amount` USD once more for a generation whose promise has ended. Raises NoHeadRoom.

    A promise that is still open is left as it is: nothing is promised twice.
    """
    amount = round_usd(amount)
    reservation = Reservation.objects.select_for_update().filter(generation=generation).first()
    if reservation is None:
        reserve(amounts=[(generation, amount)])
        return
    opened = (
        Reservation.objects.filter(pk=reservation.pk)
        .exclude(state=Reservation.State.OPEN)
        .update(state=Reservation.State.OPEN, ended_at=None, amount=F("amount") + _usd(amount), remaining=amount)
    )
    if opened == 1:
        _hold(
            budgets=_budgets(workspace_id=generation.workspace_id, campaign_id=generation.campaign_id),
            total=amount,
            needed=amount,
        )


def require_room(*, workspace: Workspace, campaign: Campaign | None, amount: Decimal) -> None:
    """Nothing is promised. Raises NoHeadRoom where `amount` USD could not be."""
    for budget in _budgets(workspace_id=workspace.pk, campaign_id=campaign.pk if campaign else None):
        if amount > 0 and budget.head_room < amount:
            raise NoHeadRoom(budget=budget, asked=amount)


@transaction.atomic
def hold(*, workspace: Workspace, campaign: Campaign | None, amount: Decimal) -> None:
    """Promise `amount` USD to something that is no generation; `release` gives it back. Raises NoHeadRoom."""
    if amount:
        budgets = _budgets(workspace_id=workspace.pk, campaign_id=campaign.pk if campaign else None)
        _hold(budgets=budgets, total=amount, needed=amount)


def release(*, workspace: Workspace, campaign: Campaign | None, amount: Decimal) -> None:
    """Give back what `hold` promised."""
    _lower_reserved(workspace_id=workspace.pk, campaign_id=campaign.pk if campaign else None, amount=amount)


def _lower_reserved(*, workspace_id: int, campaign_id: int | None, amount: Decimal) -> None:
    if amount:
        for binding in _binding(workspace_id=workspace_id, campaign_id=campaign_id):
            binding.update(reserved=Greatest(F("reserved") - _usd(amount), _usd(Decimal(0))))
