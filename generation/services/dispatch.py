"""What the conductor records: who was sent, what was seen. Short transactions, no network."""

import random
from dataclasses import replace
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from campaigns.models import Reference
from generation import catalogue, ladder, ledger, lifecycle
from generation.clock import database_now
from generation.files import read_file
from generation.models import Generation
from generation.providers.base import (
    ImageInput,
    OutcomeUnknown,
    ProviderBusy,
    ProviderError,
    ProviderRefused,
    RenderProgress,
    RenderRequest,
    RenderStatus,
    Submission,
)
from generation.states import GenerationState

SUBMIT_LEASE_SECONDS = 30.0
# A lost POST may still be on its way: ask only after the provider's list can know it.
DOUBT_SECONDS = 5.0
# A report comes within a second of the end and is tried again for a minute: looks are rarer, never absent.
REPORTED_PATIENCE = 2.0
REPORTING = "replicate"
EDITING = {"refine", "inpaint", "variation", "upscale"}


def plain_request(generation: Generation) -> RenderRequest:
    """The provider's view of a generation but for its pictures. No ticket, no names, no query."""
    return RenderRequest(
        key=generation.pk,
        model=generation.model,
        prompt=generation.prompt,
        negative_prompt=generation.negative_prompt,
        width=generation.width,
        height=generation.height,
        seed=generation.seed,
        guidance=generation.guidance,
        steps=generation.steps,
        purpose=generation.purpose,
        parameters=generation.parameters,
        webhook_url=webhook_url(generation),
    )


def build_request(generation: Generation) -> RenderRequest:
    """The provider's view with the bytes of references, parent and mask."""
    if not needs_pictures(generation):
        return plain_request(generation)
    inputs = [
        ImageInput(content=read_file(reference.image.name), media_type=reference.media_type, role=reference.role)
        for reference in Reference.objects.filter(pk__in=generation.references).order_by("pk")
    ]
    if generation.parent and generation.purpose in EDITING:
        parent = generation.parent
        inputs.append(ImageInput(content=read_file(parent.image.name), media_type=parent.media_type, role="parent"))
    if generation.mask:
        inputs.append(ImageInput(content=read_file(generation.mask.name), media_type="image/png", role="mask"))
    return replace(plain_request(generation), inputs=tuple(inputs))


def needs_pictures(generation: Generation) -> bool:
    """Whether files go along."""
    edits = generation.parent_id is not None and generation.purpose in EDITING
    return bool(generation.references or generation.mask or edits)


def webhook_url(generation: Generation) -> str | None:
    """Where the provider may report, with our own key; None without a public address."""
    if not settings.LOUPE_PUBLIC_URL or generation.provider != REPORTING:
        return None
    return f"{settings.LOUPE_PUBLIC_URL}/webhooks/{generation.provider}/?attempt={generation.pk}"


def wait_before_look(provider: str, *, looks: int, estimated_seconds: float) -> float:
    """Seconds until the next look. Where the provider reports by itself, looking is only for reports that were lost."""
    if settings.LOUPE_PUBLIC_URL and provider == REPORTING:
        return REPORTED_PATIENCE * ladder.wait_before_look(looks=looks, estimated_seconds=estimated_seconds)
    return ladder.wait_before_look(looks=looks, estimated_seconds=estimated_seconds)


def record_submission(generation: Generation, submission: Submission) -> bool:
    """The provider took it: rendering, first look after the estimate."""
    return lifecycle.move(
        generation,
        to=GenerationState.RENDERING,
        external_id=submission.external_id,
        estimated_seconds=submission.estimated_seconds,
        looks=0,
        due_at=database_now()
        + timedelta(
            seconds=wait_before_look(generation.provider, looks=0, estimated_seconds=submission.estimated_seconds)
        ),
        error_kind="",
        error_text="",
    )


def record_submission_error(generation: Generation, error: ProviderError) -> None:
    """Refused: the ladder. Busy: back to the queue, no strike. Unknown: in doubt, the reservation is held."""
    if isinstance(error, ProviderRefused):
        _refuse(generation, kind=error.kind, text=str(error))
    elif isinstance(error, ProviderBusy):
        _send_later(generation, text=str(error), kind=error.kind, retry_after=error.retry_after)
    elif isinstance(error, OutcomeUnknown):
        lifecycle.move(
            generation,
            to=GenerationState.IN_DOUBT,
            note=str(error),
            due_at=database_now() + timedelta(seconds=DOUBT_SECONDS),
            error_kind="outcome_unknown",
            error_text=str(error),
        )
    else:
        fail(generation, kind=error.kind, text=str(error))


def record_found(generation: Generation, external_id: str | None) -> None:
    """What asking the provider told of a generation in doubt: attached again, or never arrived and sent once more."""
    if external_id:
        lifecycle.move(
            generation,
            to=GenerationState.RENDERING,
            note="Found at the provider.",
            external_id=external_id,
            looks=0,
            due_at=None,
            error_kind="",
            error_text="",
        )
    else:
        lifecycle.move(
            generation, to=GenerationState.QUEUED, note="It never reached the provider.", due_at=None, error_kind=""
        )


def take_in_doubt(*, limit: int) -> list[Generation]:
    """Generations whose POST is unknown and may be asked about now, oldest first."""
    now = database_now()
    return list(
        Generation.objects.select_related("shot", "campaign", "parent").filter(
            Q(due_at__isnull=True) | Q(due_at__lte=now), state=GenerationState.IN_DOUBT
        )[:limit]
    )


def doubt_abandoned_submissions() -> int:
    """Submissions whose process died: nobody knows whether they were sent, so they are in doubt."""
    abandoned = Generation.objects.filter(state=GenerationState.SUBMITTING, claimed_until__lt=database_now())
    return sum(
        lifecycle.move(
            generation,
            to=GenerationState.IN_DOUBT,
            note="The process ended while it was being sent.",
            due_at=None,
            error_kind="outcome_unknown",
        )
        for generation in abandoned
    )


def take_looks(*, limit: int) -> list[Generation]:
    """Renders that are due for a look, the longest waiting first."""
    now = database_now()
    return list(
        Generation.objects.filter(Q(due_at__isnull=True) | Q(due_at__lte=now), state=GenerationState.RENDERING)
        .select_related("shot", "campaign", "workspace", "parent")
        .order_by("due_at")[:limit]
    )


def record_progress(generation: Generation, progress: RenderProgress) -> bool:
    """Write what a look (or a webhook) told; True where the image waits to be fetched. Late news changes nothing."""
    status = progress.status
    if status is RenderStatus.RUNNING:
        _look_again(generation)
    elif status is RenderStatus.SUCCEEDED and progress.output_urls:
        return _finish_render(generation, progress)
    elif status in {RenderStatus.SUCCEEDED, RenderStatus.REFUSED}:
        # an empty output list is a picture that the safety filter dropped silently
        text = progress.error_text or "The provider's safety filter returned no picture."
        _refuse(generation, kind=progress.error_kind or "safety", text=text, progress=progress)
    elif status is RenderStatus.INTERRUPTED:
        _send_later(generation, text=progress.error_text, kind=progress.error_kind, retry_after=None)
    elif status is RenderStatus.CANCELLED:
        with transaction.atomic():
            if lifecycle.move(generation, to=GenerationState.CANCELLED, note=progress.error_text, due_at=None):
                _charge_render(generation, progress)
                ledger.close(generation)
    else:
        kind = progress.error_kind or ("gone" if status is RenderStatus.GONE else "failed")
        fail(generation, kind=kind, text=progress.error_text or "The provider no longer has this picture.")
    return False


def record_look_error(generation: Generation, error: ProviderError) -> None:
    """The provider could not be asked; look again later, no strike."""
    retry_after = error.retry_after if isinstance(error, ProviderBusy) else None
    wait = ladder.wait_before_try(tries=generation.looks, retry_after=retry_after, jitter=random.random())
    lifecycle.postpone(generation, seconds=min(wait, 30.0), note=str(error))


def _look_again(generation: Generation) -> None:
    now = database_now()
    if generation.submitted_at and (now - generation.submitted_at).total_seconds() > ladder.DEADLINE_SECONDS:
        fail(generation, kind="timeout", text="The provider did not finish within 30 minutes.")
        return
    looks = generation.looks + 1
    wait = wait_before_look(generation.provider, looks=looks, estimated_seconds=generation.estimated_seconds)
    Generation.objects.filter(pk=generation.pk, state=GenerationState.RENDERING).update(
        looks=looks, due_at=now + timedelta(seconds=wait)
    )


def _finish_render(generation: Generation, progress: RenderProgress) -> bool:
    with transaction.atomic():
        moved = lifecycle.move(
            generation,
            to=GenerationState.FETCHING,
            provider_url=progress.output_urls[0],
            metrics=progress.metrics,
            due_at=None,
            error_kind="",
            error_text="",
        )
        if moved:
            _charge_render(generation, progress)
    return moved


def _charge_render(generation: Generation, progress: RenderProgress) -> None:
    model = catalogue.get_model(generation.model)
    lines = catalogue.bill_lines(model, progress.metrics, generation.width, generation.height, outcome=progress.status)
    for line in lines:
        ledger.charge(
            key=f"render:{generation.pk}:{generation.external_id}:{line.unit}",
            unit=line.unit,
            quantity=line.quantity,
            provider=generation.provider,
            model=generation.model,
            purpose="upscale" if generation.purpose == "upscale" else "render",
            workspace=generation.workspace,
            campaign=generation.campaign,
            shot=generation.shot,
            generation=generation,
            by=generation.requested_by,
        )


def _refuse(generation: Generation, *, kind: str, text: str, progress: RenderProgress | None = None) -> None:
    """Only a safety refusal climbs the ladder; wrong input, credit or access is a failure that people must mend."""
    if kind != "safety":
        fail(generation, kind=kind, text=text)
        return
    with transaction.atomic():
        moved = lifecycle.move(
            generation, to=GenerationState.REFUSED, note=text, error_kind=kind, error_text=text, due_at=None
        )
        if moved:
            if progress and progress.status is RenderStatus.SUCCEEDED:
                _charge_render(generation, progress)
            ledger.close(generation)


def _send_later(generation: Generation, *, text: str, kind: str, retry_after: float | None) -> None:
    if generation.tries >= ladder.MAX_TRIES * 4:
        fail(generation, kind="parked", text=f"Tried {generation.tries} times. The last answer: {text}")
        return
    wait = ladder.wait_before_try(tries=generation.tries, retry_after=retry_after, jitter=random.random())
    lifecycle.move(
        generation,
        to=GenerationState.QUEUED,
        note=text,
        due_at=database_now() + timedelta(seconds=wait),
        tries=generation.tries,
        error_kind=kind,
        error_text=text,
    )


def fail(generation: Generation, *, kind: str, text: str) -> bool:
    """End it as failed, with the reason, and give the promise back."""
    with transaction.atomic():
        moved = lifecycle.move(
            generation, to=GenerationState.FAILED, note=text, error_kind=kind[:40], error_text=text, due_at=None
        )
        if moved:
            ledger.close(generation)
    return moved


def providers_with_queue() -> list[str]:
    """Providers for which something is queued and due."""
    now = database_now()
    queued = Generation.objects.filter(
        Q(due_at__isnull=True) | Q(due_at__lte=now),
        state=GenerationState.QUEUED,
        campaign__paused_at__isnull=True,
    )
    return list(queued.order_by().values_list("provider", flat=True).distinct())


def room_for(provider: str, *, most: int) -> int:
    """How many more may be sent now: a provider in the house takes only so many at once."""
    if provider not in {"local", "cog"}:
        waiting = Generation.objects.filter(provider=provider, state=GenerationState.QUEUED)[: most + 1].count()
        return min(most, waiting)
    in_flight = Generation.objects.filter(
        provider=provider, state__in=[GenerationState.SUBMITTING, GenerationState.RENDERING]
    ).count()
    return max(0, most - in_flight)


def anything_in_flight() -> bool:
    """Whether the conductor should keep its quick pace."""
    return Generation.objects.filter(
        state__in=[
            GenerationState.QUEUED,
            GenerationState.SUBMITTING,
            GenerationState.IN_DOUBT,
            GenerationState.RENDERING,
        ]
    ).exists()
