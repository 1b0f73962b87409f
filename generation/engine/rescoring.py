"""Pictures scored anew: with another critic, rubric or brand kit. The score is new, the state stays what it was.

Only the columns that lists filter by are brought up to date; earlier scores stay on record.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from itertools import islice
from typing import NamedTuple

from django.db import transaction

from campaigns.models import Campaign
from generation.engine.scoring import ask_critic, build_score_request, charge_score, keep_score
from generation.models import Generation, GenerationState, LedgerEntry
from generation.money import calls
from generation.money.pricing import estimate_score_cost
from generation.providers import registry
from generation.providers.anthropic.adapter import AnthropicCritic
from generation.providers.anthropic.batches import (
    MOST_REQUESTS,
    batch_entries,
    most_of_batch,
    read_batch,
    send_batch,
    wait_for_batch,
)
from generation.providers.base import Critic
from generation.rules import gate
from generation.rules.values import CriticAnswer, OutcomeUnknown, ProviderError

# A batch takes a day at most; after that nobody will ask for it any more.
BATCH_SECONDS = 26 * 3600.0


class Rescored(NamedTuple):
    """One picture done. `problem` says why it kept its old score."""

    generation_id: str
    problem: str = ""


def rescorable(campaign: Campaign) -> list[str]:
    """Ids of the finished pictures of a campaign, oldest first."""
    rows = Generation.objects.filter(campaign=campaign, state=GenerationState.READY).exclude(image="")
    return list(rows.order_by("pk").values_list("pk", flat=True))


def rescore(generation_ids: Iterable[str]) -> Iterator[Rescored]:
    """Score each anew, one after the other. Raises ProviderBusy: what is done is done, the rest can be asked again."""
    for generation_id in generation_ids:
        generation = _read(generation_id)
        try:
            answer = ask_critic(generation, build_score_request(generation))
        except ProviderError as error:
            if error.kind != "unscored":
                raise
            yield Rescored(generation_id, str(error))
        else:
            yield _record(generation, answer)


def send_rescoring(generation_ids: Iterable[str], *, campaign: Campaign) -> Iterator[str]:
    """Hand them in as batches at half the price; the id of each. Raises NotForBatches, ledger.NoHeadRoom."""
    critic = _batch_critic(registry.critic())
    remaining = iter(generation_ids)
    while keys := list(islice(remaining, MOST_REQUESTS)):
        asked = [_read(key) for key in keys]
        entries = batch_entries(critic, {row.pk: build_score_request(row) for row in asked})
        call = calls.open_call(
            most_of_batch(critic, entries),
            expected=sum((estimate_score_cost(width=row.width, height=row.height) for row in asked), Decimal(0)) / 2,
            purpose="score",
            workspace=campaign.workspace,
            campaign=campaign,
            seconds=BATCH_SECONDS,
        )
        try:
            batch_id = send_batch(critic, entries)
        except OutcomeUnknown:
            raise  # counted as spent, once it could not be collected any more
        except ProviderError:
            calls.settle_call(call, {})
            raise
        calls.name_batch(call, batch_id)
        yield batch_id


def collect_rescoring(
    batch_id: str, *, campaign: Campaign, pause: Callable[[float], None] = time.sleep
) -> Iterator[Rescored]:
    """Wait for a batch and record its answers; safe to repeat: what is recorded is not booked again."""
    critic = _batch_critic(registry.critic())
    wait_for_batch(critic, batch_id, pause=pause)
    for key, answer in read_batch(critic, batch_id, with_brand=campaign.brand_kit_id is not None):
        generation = _read(key)
        booked = f"score:{key}:{batch_id}"
        if LedgerEntry.objects.filter(key__startswith=f"{booked}:").exists():
            yield Rescored(key)
        elif isinstance(answer, ProviderError):
            if answer.usage is not None:
                charge_score(generation, answer.usage, key=booked, note=f"Not used: {answer}")
            yield Rescored(key, str(answer))
        else:
            yield _record_of_batch(generation, answer, key=booked)
    # every answer is on record by itself
    calls.settle_batch(batch_id)


class NotForBatches(Exception):
    """The critic of this Loupe takes no batches. The message says what to do."""


def _batch_critic(critic: Critic) -> AnthropicCritic:
    if not isinstance(critic, AnthropicCritic):
        raise NotForBatches("The local critic is free and needs no batches: leave --batch away.")
    return critic


def _read(generation_id: str) -> Generation:
    return Generation.objects.select_related("shot", "campaign", "campaign__brand_kit", "workspace").get(
        pk=generation_id
    )


def _record(generation: Generation, answer: CriticAnswer) -> Rescored:
    try:
        with transaction.atomic():
            score = keep_score(generation, answer)
            Generation.objects.filter(pk=generation.pk).update(
                average=score.average, weakest=score.weakest, passed=score.passed
            )
    except gate.MalformedScore as error:
        return Rescored(generation.pk, str(error))
    return Rescored(generation.pk)


@transaction.atomic
def _record_of_batch(generation: Generation, answer: CriticAnswer, *, key: str) -> Rescored:
    """With its bill, which comes with the answer."""
    charge_score(generation, answer.usage, key=key)
    return _record(generation, answer)
