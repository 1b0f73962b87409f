"""What a provider reports by itself: stored first, then applied like a look. Late or foreign news changes nothing.

A delivery names the attempt in its address and the prediction in its signed body. The body
is what counts: the address only says whose body it claims to be.
"""

import logging
import math
import re
from collections.abc import Mapping
from typing import Any, cast

from django.db import IntegrityError, InterfaceError, OperationalError, transaction

from campaigns.database.clock import database_now
from generation import lifecycle
from generation.catalogue.providers import REPLICATE
from generation.engine import outcomes, render_requests
from generation.engine.nudges import Nudge
from generation.models import Generation, GenerationState, WebhookDelivery
from generation.providers import registry
from generation.providers.replicate.adapter import ReplicateProvider
from generation.providers.replicate.answers import read_prediction
from generation.rules.values import ProviderError, RenderStatus

logger = logging.getLogger(__name__)

PROVIDER = REPLICATE.name
ATTEMPT = re.compile(r"gen_[0-9A-HJKMNP-TV-Z]{26}")
EXTERNAL_ID = re.compile(r"[A-Za-z0-9_-]{1,120}")
# What is read later: pictures in the input would fill the table.
KEPT = ("id", "status", "model", "version", "output", "error", "metrics", "data_removed", "deadline", "completed_at")
LONGEST_TEXT = 4_000
LONGEST_LIST = 20
# A prediction may still be attached to these: its answer is awaited, was lost, or was given up for lost.
AWAITING = (GenerationState.SUBMITTING, GenerationState.IN_DOUBT, GenerationState.QUEUED)


class UnknownAttempt(Exception):
    """No generation here is concerned by this delivery."""


def store_delivery(*, delivery_id: str, attempt: str, content: Mapping[str, Any]) -> WebhookDelivery | None:
    """Keep a verified delivery; None where it was kept before. Raises UnknownAttempt; then nothing was written."""
    generation = find_generation(attempt=attempt, content=content)
    if not is_about(generation, content):
        raise UnknownAttempt
    delivery, created = WebhookDelivery.objects.get_or_create(
        provider=PROVIDER,
        delivery_id=delivery_id,
        defaults={"generation": generation, "body": storable(content)},
    )
    return delivery if created else None


def find_generation(*, attempt: str, content: Mapping[str, Any]) -> Generation:
    """By our key in the address, else by the provider's id. Raises UnknownAttempt."""
    rows = Generation.objects.select_related("workspace", "campaign", "shot", "parent").filter(provider=PROVIDER)
    if attempt:
        found = rows.filter(pk=attempt).first() if ATTEMPT.fullmatch(attempt) else None
    else:
        found = rows.filter(external_id=external_id_of(content)).first()
    if found is None:
        raise UnknownAttempt
    return found


def external_id_of(content: Mapping[str, Any]) -> str:
    """The prediction's id in a body. Raises UnknownAttempt where there is none."""
    external_id = content.get("id")
    if not isinstance(external_id, str) or not EXTERNAL_ID.fullmatch(external_id):
        raise UnknownAttempt
    return external_id


def is_about(generation: Generation, content: Mapping[str, Any]) -> bool:
    """Whether the signed body speaks of this very generation, now or of an earlier sending of it."""
    external_id = external_id_of(content)
    if external_id == generation.external_id or external_id in generation.earlier_ids:
        return True
    if generation.external_id or generation.state not in AWAITING:
        return False
    if Generation.objects.filter(provider=PROVIDER, external_id=external_id).exists():
        return False
    return _is_what_we_sent(generation, content)


def _is_what_we_sent(generation: Generation, content: Mapping[str, Any]) -> bool:
    try:
        provider = cast(ReplicateProvider, registry.image_provider(PROVIDER))
        return provider.recognises(request=render_requests.plain_request(generation), content=content)
    except ProviderError:
        return False


def handle_delivery(delivery_pk: int) -> list[Nudge]:
    """Apply one stored delivery, once; returns the steps that follow. Safe to repeat."""
    delivery = WebhookDelivery.objects.filter(pk=delivery_pk, handled_at__isnull=True).first()
    if delivery is None or delivery.generation_id is None:
        return []
    following: list[Nudge] = []
    try:
        following = _apply(delivery)
    except (OperationalError, InterfaceError):
        raise  # the database is away: the sweep comes back to it
    except Exception:
        # the provider can still be asked: a body that cannot be applied must not be tried for ever
        logger.exception("Delivery %s could not be applied", delivery_pk)
    WebhookDelivery.objects.filter(pk=delivery_pk).update(handled_at=database_now())
    return following


def _apply(delivery: WebhookDelivery) -> list[Nudge]:
    content: dict[str, Any] = delivery.body
    try:
        progress = read_prediction(content)
    except ProviderError:
        return []
    if progress.status is RenderStatus.RUNNING:
        return []
    generation = Generation.objects.select_related("workspace", "campaign", "shot", "parent", "requested_by").get(
        pk=delivery.generation_id
    )
    external_id = external_id_of(content)
    if generation.state in AWAITING and not _attach(generation, external_id):
        return []
    if generation.state != GenerationState.RENDERING or generation.external_id != external_id:
        return []
    return outcomes.record_report(generation, progress)


def _attach(generation: Generation, external_id: str) -> bool:
    """Give the prediction to the generation whose answer has not arrived; False where somebody was faster."""
    if generation.external_id or external_id in generation.earlier_ids:
        return False
    try:
        with transaction.atomic():
            note = "The provider reported it."
            if generation.state == GenerationState.QUEUED and not lifecycle.move(
                generation, to=GenerationState.SUBMITTING, note=note
            ):
                return False
            return lifecycle.move(
                generation,
                to=GenerationState.RENDERING,
                note=note,
                external_id=external_id,
                due_at=None,
                error_kind="",
                error_text="",
            )
    except IntegrityError:
        return False  # it belongs to another generation


def unhandled_deliveries(*, limit: int) -> list[int]:
    """Stored and not yet applied: their nudge was lost."""
    waiting = WebhookDelivery.objects.filter(handled_at__isnull=True).order_by("pk")
    return list(waiting.values_list("pk", flat=True)[:limit])


def storable(content: Mapping[str, Any]) -> dict[str, Any]:
    """The members that are read later, in a form that every database takes."""
    kept = {name: _plain(content[name]) for name in KEPT if name in content}
    given = content.get("input")
    if isinstance(given, dict) and isinstance(given.get("seed"), int):
        kept["input"] = {"seed": given["seed"]}
    return kept


def _plain(value: Any) -> Any:
    """Without NUL, lone surrogates, infinities and endless texts."""
    if isinstance(value, str):
        return value[:LONGEST_TEXT].replace("\0", "").encode(errors="replace").decode()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_plain(entry) for entry in value[:LONGEST_LIST]]
    if isinstance(value, dict):
        return {_plain(str(name)): _plain(entry) for name, entry in list(value.items())[:LONGEST_LIST]}
    return value
