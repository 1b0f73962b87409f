"""From what people said of an image to its next version: composed, priced, edited by a person, sent once."""

from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction

from campaigns.models import User
from generation import catalogue
from generation.catalogue.router import NoModelFits
from generation.models import Generation, GenerationState, Purpose
from generation.money import calls, ledger
from generation.planning import refine
from generation.planning.runs import CannotStart
from generation.providers import registry
from generation.rules.revisions import Revision, write_revision
from generation.rules.values import ProviderError
from review.models import Annotation, Comment, Decision, RejectReason, Verdict
from review.rules.places import NoTarget, read_place
from review.rules.revision_words import Region, build_revision, draw_mask, write_reason
from review.services.verdicts import record_verdict, refuse_signed

LONGEST_PROMPT = 8000
VARIATION_WORDS = "The same picture with another seed: light, subject and composition vary, the words stay."
UPSCALE_WORDS = "The same picture, larger. Nothing in it is changed."


class RevisionRefused(Exception):
    """Nothing was sent. The message is for people."""


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A model that can do this, with what it asks for, in USD."""

    key: str
    label: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class Proposal:
    """A revision ready to be looked at: words, regions, model with its reason, price in USD, room left in USD.

    `models`: those that can do it, the proposed one first; `notices`: what the chosen one does differently.
    """

    purpose: Purpose
    prompt: str
    regions: list[Region]
    has_mask: bool
    model: str
    model_reason: str
    price: Decimal
    head_room: Decimal | None
    problem: str
    models: list[ModelChoice]
    notices: list[str]


def propose_revision(generation: Generation, *, wanted: str = "", model: str = "") -> Proposal:
    """What a revision would be. `wanted`: "variation", "upscale", or "" for an edit from the marks; `model`: a
    person's choice among `models`, "" for the proposed one.

    An edit with a region of kind change or remove is an inpainting, without one an edit of the whole.
    Where it cannot be sent, `problem` says why; nothing is written.
    """
    regions = open_regions(generation)
    purpose = {"variation": Purpose.VARIATION, "upscale": Purpose.UPSCALE}.get(wanted, Purpose.REFINE)
    width, height = generation.image_size
    mask = draw_mask(regions=regions, width=width, height=height) if purpose is Purpose.REFINE else None
    if mask is not None:
        purpose = Purpose.INPAINT
    is_edit = purpose in (Purpose.REFINE, Purpose.INPAINT)
    prompt = write_revision(_revision_of(generation, regions)) if is_edit else generation.prompt
    models, reason, problem = _plan(generation, purpose)
    chosen = next((choice for choice in models if choice.key == model), models[0] if models else None)
    price = chosen.price if chosen else Decimal(0)
    if chosen and chosen is not models[0]:
        reason = f"You chose {chosen.label}."
    elif model and chosen and model != chosen.key:
        problem = "This model cannot do that here. Choose another one."
    balance = ledger.balance(workspace=generation.campaign.workspace, campaign=generation.campaign)
    if not problem and balance.head_room is not None and price > balance.head_room:
        problem = f"${balance.head_room:.2f} are left and ${price:.2f} are asked for. Ask an admin for more budget."
    return Proposal(
        purpose=purpose,
        prompt=prompt,
        regions=regions,
        has_mask=mask is not None,
        model=chosen.key if chosen else "",
        model_reason=reason,
        price=price,
        head_room=balance.head_room,
        problem=problem,
        models=models,
        notices=_notices(chosen.key, purpose=purpose, width=width, height=height) if chosen else [],
    )


def _plan(generation: Generation, purpose: Purpose) -> tuple[list[ModelChoice], str, str]:
    """The models that can do it, the reason for the first, and what stands in the way."""
    if generation.state != GenerationState.READY:
        return [], "", "This picture is not finished yet, so there is nothing to revise."
    try:
        route = refine.choose_model_for(generation, purpose=purpose)
    except NoModelFits as nothing:
        return [], "", str(nothing)
    choices = [
        ModelChoice(key, registry.get_model(key).label, refine.price_of(generation, purpose=purpose, model=key))
        for key in (route.model_key, *route.alternatives)
    ]
    return choices, route.reason, ""


def _notices(model_key: str, *, purpose: Purpose, width: int, height: int) -> list[str]:
    """What a person should know of the chosen model before the click."""
    model = registry.get_model(model_key)
    said = []
    if purpose in (Purpose.REFINE, Purpose.INPAINT) and (notice := catalogue.snap_size(model, width, height).notice):
        said.append(notice)
    if not model.supports_seed:
        said.append("This model takes no seed: its picture cannot be repeated.")
    return said


def word_revision(generation: Generation, *, by: User) -> str:
    """The revision from the marks in the writer's words, which is paid for. Raises RevisionRefused; nothing is sent."""
    refuse_signed(generation.shot_id)
    campaign = generation.campaign
    revision = _revision_of(generation, open_regions(generation))
    writer = registry.prompt_writer()
    try:
        return calls.ask(
            lambda: writer.compile_revision(revision),
            purpose="revise",
            workspace=campaign.workspace,
            campaign=campaign,
            shot=generation.shot,
            by=by,
        ).text
    except (ProviderError, ledger.NoHeadRoom) as error:
        raise RevisionRefused(f"The words stay as they were. {error}") from error


@transaction.atomic
def send_revision(
    generation: Generation,
    *,
    by: User,
    wanted: str,
    prompt: str,
    request_key: str,
    seen_version: int,
    model: str = "",
) -> Generation:
    """Queue the next version, once a `request_key`; an edit also stands as "changes asked".

    Raises RevisionRefused, and what `record_verdict` raises (StackSigned, StaleVerdict).
    """
    refuse_signed(generation.shot_id)
    prompt = "".join(letter for letter in prompt.strip() if letter == "\n" or letter.isprintable())
    if not prompt:
        raise RevisionRefused("Say what is to change.")
    if len(prompt) > LONGEST_PROMPT:
        raise RevisionRefused(f"The words are longer than {LONGEST_PROMPT} characters. Shorten them.")
    proposal = propose_revision(generation, wanted=wanted, model=model)
    if proposal.problem:
        raise RevisionRefused(proposal.problem)
    is_edit = proposal.purpose in (Purpose.REFINE, Purpose.INPAINT)
    if is_edit:
        record_verdict(generation=generation, decision=Decision.CHANGES, by=by, seen_version=seen_version)
    width, height = generation.image_size
    try:
        return refine.request_change(
            generation,
            purpose=proposal.purpose,
            by=by,
            request_key=request_key,
            prompt=prompt if is_edit else generation.prompt,
            model=proposal.model,
            mask=draw_mask(regions=proposal.regions, width=width, height=height) if is_edit else None,
            direction=_direction(proposal) if is_edit else "",
        )
    except (CannotStart, ledger.NoHeadRoom) as refused:
        raise RevisionRefused(str(refused)) from refused


def _revision_of(generation: Generation, regions: list[Region]) -> Revision:
    width, height = generation.image_size
    return build_revision(
        regions=regions, notes=_notes(generation), prompt=generation.prompt, width=width, height=height
    )


def open_regions(generation: Generation) -> list[Region]:
    """The marks that are not resolved, numbered as on the page, with what was said of each."""
    width, height = generation.image_size
    marks = Annotation.objects.filter(generation=generation, deleted_at__isnull=True).order_by("created_at", "pk")
    said: dict[str, list[str]] = {}
    for comment in Comment.objects.filter(generation=generation, annotation__isnull=False):
        said.setdefault(str(comment.annotation_id), []).append(comment.text)
    regions = []
    for number, mark in enumerate(marks, start=1):
        try:
            place = read_place(shape=mark.shape, target=mark.target, width=width, height=height)
        except NoTarget:
            continue
        if mark.resolved_at is None:
            regions.append(Region(number, mark.kind, " ".join(said.get(mark.pk, [])), place))
    return regions


def _notes(generation: Generation) -> list[str]:
    """What was said of the whole picture: comments, and the notes and reasons of standing verdicts."""
    comments = Comment.objects.filter(generation=generation, annotation__isnull=True).values_list("text", flat=True)
    notes = list(comments)
    verdicts = Verdict.objects.filter(
        generation=generation, standing=True, decision__in=[Decision.REJECTED, Decision.CHANGES]
    )
    hints = dict(RejectReason.objects.filter(workspace_id=generation.workspace_id).values_list("code", "hint"))
    told = [
        write_reason(words=verdict.filed_under, hint=hints.get(verdict.reason, ""), note=verdict.note)
        for verdict in verdicts
    ]
    return notes + [words for words in told if words]


def _direction(proposal: Proposal) -> str:
    count = len([region for region in proposal.regions if region.kind != "keep"])
    if not count:
        return "Revised by a person's words."
    return f"Revised by a person: {count} mark{'s' if count > 1 else ''}."
