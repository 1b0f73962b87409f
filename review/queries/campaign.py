"""One campaign, live: a page of shots with their stacks, progress, spend, what happened. A fixed number of queries."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet, Sum
from django.urls import reverse

from campaigns.models import Budget, Campaign, Shot, User
from generation.catalogue import UnknownModel
from generation.engine.heartbeats import silence_banner
from generation.models import WORKING, Generation, GenerationEvent, GenerationState, LedgerEntry, Score
from generation.planning.estimates import estimate_shot
from generation.planning.runs import came_to_nothing
from generation.rules.gate import LABELS, show_average
from review.models import SignOff, Verdict
from review.queries.counts import read_counts
from review.queries.progress import Progress, read_progress
from review.queries.sheet import (
    COLUMNS,
    STATE_WORDS,
    Verdicts,
    _with_own_verdict,
    loupe_address,
    model_label,
    thumb_of,
    verdicts_of,
)
from review.queries.waiting import to_review
from review.since import since_words

PAGE = 20
ACTIVITY = 12
# The newest of a stack; the sheet has them all.
VERSIONS = 12
# What an admin reads; everybody else is told in words.
TECHNICAL = "Traceback (most recent call last)"
SAID_OF_FAILURE = {
    "parked": "One step ended badly several times and was set aside. Everything so far is kept.",
    "unscored": "It could not be scored, so a person decides.",
}


@dataclass(frozen=True, slots=True)
class Version:
    """One frame of a stack. `words` are read aloud, `short` stands under it."""

    id: str
    url: str
    number: int
    thumb: dict[str, Any]
    words: str
    short: str
    standing: Verdicts


@dataclass(frozen=True, slots=True)
class Trouble:
    """A render that failed. `technical` is for admins only, who may retry; `for_admins`: an admin could."""

    id: str
    number: int
    words: str
    technical: str
    may_retry: bool
    for_admins: bool


@dataclass(frozen=True, slots=True)
class Try:
    """One thing the machines tried before they gave up."""

    number: int
    model: str
    change: str
    outcome: str
    prompt: str
    seed: int | None


@dataclass(frozen=True, slots=True)
class Again:
    """No picture came of a shot: starting it again, with its price in USD, and where its words are changed."""

    price: Decimal
    plan: str


@dataclass(frozen=True, slots=True)
class ShotRow:
    """A shot with its stack, newest first."""

    shot: Shot
    number: int
    kind: str
    words: str
    versions: list[Version]
    older: int
    tried: list[Try] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    again: Again | None = None


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the activity: somebody's words about a shot, or a shot that something happened to (`after`)."""

    icon: str
    words: str
    shot: str
    url: str
    at: datetime
    after: str = ""

    @property
    def since(self) -> str:
        """How long ago it happened."""
        return since_words(self.at)


@dataclass(frozen=True, slots=True)
class CampaignLive:
    """Everything on the page. `before` and `after` are addresses of the neighbouring pages of shots, or ""."""

    rows: list[ShotRow]
    shots: int
    first: int
    before: str
    after: str
    progress: Progress
    spent: Decimal
    budget: Budget | None
    activity: list[Happening]
    to_review: int
    unstarted: int
    silence: str


def read_campaign(campaign: Campaign, *, viewer: User, after: str = "", admin: bool = False) -> CampaignLive:
    """The page of 20 shots that begins at the number `after` (0 for the first)."""
    skip = int(after) if after.isdecimal() and len(after) < 7 else 0
    shots = list(campaign.shots.filter(removed_at__isnull=True).order_by("position", "pk")[skip : skip + PAGE + 1])
    shown = shots[:PAGE]
    stacks = _stacks(campaign, shown, viewer=viewer)
    rows = [
        _row(shot, number=skip + place, stack=stacks.get(shot.pk, []), campaign=campaign, admin=admin)
        for place, shot in enumerate(shown, start=1)
    ]
    here = reverse("campaign", args=[campaign.pk])
    wanted = campaign.shots.filter(removed_at__isnull=True)
    return CampaignLive(
        rows=_with_tries(rows, stacks),
        shots=wanted.count(),
        first=skip + 1 if shown else 0,
        before=f"{here}?after={max(0, skip - PAGE)}" if skip else "",
        after=f"{here}?after={skip + PAGE}" if len(shots) > PAGE else "",
        progress=read_progress([campaign.pk]).get(campaign.pk, Progress()),
        spent=LedgerEntry.objects.filter(campaign=campaign).aggregate(total=Sum("amount"))["total"] or Decimal(0),
        budget=Budget.objects.filter(campaign=campaign).first(),
        activity=read_activity(campaign, viewer=viewer),
        to_review=read_counts(campaign, viewer=viewer).to_review,
        unstarted=wanted.filter(generations__isnull=True).count(),
        silence=silence_banner(),
    )


def _stacks(campaign: Campaign, shots: list[Shot], *, viewer: User) -> dict[int, list[Generation]]:
    """The versions of these shots, newest first, with what their rows need. One query."""
    waits = to_review(viewer=viewer, blind=campaign.independent_first_look)
    generations = Generation.objects.filter(shot__in=shots).annotate(waits=waits)
    rows: QuerySet[Generation] = _with_own_verdict(generations, viewer).only(
        *COLUMNS,
        "error_kind",
        "error_text",
        "direction",
        "purpose",
        "metadata",
        "attempt",
        "followed_up",
        "seed",
    )
    stacks: dict[int, list[Generation]] = {}
    for row in rows.order_by("shot_id", "-version"):
        row.campaign = campaign
        stacks.setdefault(row.shot_id, []).append(row)
    return stacks


def _row(shot: Shot, *, number: int, stack: list[Generation], campaign: Campaign, admin: bool) -> ShotRow:
    blind = campaign.independent_first_look
    versions = [_version(row, blind=blind) for row in stack[:VERSIONS]]
    kind, words = state_of_stack(stack, versions)
    return ShotRow(
        shot=shot,
        number=number,
        kind=kind,
        words=words,
        versions=versions,
        older=max(0, len(stack) - VERSIONS),
        troubles=[_trouble(row, admin=admin) for row in stack[:VERSIONS] if _is_trouble(row)],
        again=_again(shot, stack),
    )


def _again(shot: Shot, stack: list[Generation]) -> Again | None:
    if not stack or not came_to_nothing(stack[0]) or any(row.state == GenerationState.READY for row in stack):
        return None
    try:
        estimate = estimate_shot(model_key=shot.model, width=shot.width, height=shot.height)
    except UnknownModel:
        return None
    place = f"?after={shot.position - 1}-0" if shot.position else ""
    plan = f"{reverse('plan', args=[shot.campaign_id])}{place}#shot-{shot.pk}"
    return Again(price=estimate.price + estimate.scoring, plan=plan)


def _version(row: Generation, *, blind: bool) -> Version:
    standing = verdicts_of(row, blind=blind)
    thumb = thumb_of(row, standing) | {"sizes": "18rem"}
    words = standing.words or _said_of(row, hidden=standing.hidden)
    short = words.split(" by ")[0].split(":")[0]
    return Version(row.pk, loupe_address(row.pk, ""), row.version, thumb, words, short, standing)


def _said_of(row: Generation, *, hidden: bool) -> str:
    if row.state != GenerationState.READY:
        return STATE_WORDS.get(GenerationState(row.state), "Being made")
    if hidden or row.passed is None:
        return "" if hidden else "Not scored"
    return "Passed" if row.passed else f"Below the bar: {LABELS.get(row.weakest, 'score').lower()}"


def state_of_stack(stack: list[Generation], versions: list[Version]) -> tuple[str, str]:
    """Kind of sign and words for a shot, from its newest versions; their `waits` says which are to be reviewed."""
    if not stack:
        return "waiting", "Not started"
    decisions = {version.standing.decision for version in versions}
    if "signed" in decisions:
        return "signed", "Signed"
    waiting = sum(row.waits for row in stack)  # type: ignore[attr-defined]
    if "approved" in decisions:
        return "good", f"Approved, {waiting} to review" if waiting else "Approved"
    newest, standing = stack[0], versions[0].standing
    if newest.state in WORKING:
        words = STATE_WORDS.get(GenerationState(newest.state), "Being made")
        return "running", f"{words}, {waiting} to review" if waiting else words
    if waiting:
        return "ready", f"{waiting} to review"
    if newest.escalated:
        return "changes", "Needs a person"
    if standing.decision == "changes":
        return "changes", "Changes asked"
    if standing.decision == "rejected":
        return "bad", "Rejected"
    if newest.state != GenerationState.READY:
        return "bad", STATE_WORDS[GenerationState(newest.state)]
    return "waiting", "Below the bar"


def _is_trouble(row: Generation) -> bool:
    """Failed, or given up for another reason than what one sees: unscored, no budget, a step that was parked."""
    given_up = row.escalated and bool(row.error_kind) and row.error_kind != "safety"
    return row.state == GenerationState.FAILED or given_up


def _trouble(row: Generation, *, admin: bool) -> Trouble:
    technical = row.error_text if TECHNICAL in row.error_text or row.error_kind == "parked" else ""
    retriable = row.state == GenerationState.FAILED or row.error_kind == "parked"
    plain = SAID_OF_FAILURE.get(row.error_kind, "") or ("" if technical else row.error_text)
    return Trouble(
        id=row.pk,
        number=row.version,
        words=plain or "It failed for a technical reason. Everything so far is kept.",
        technical=technical if admin else "",
        may_retry=admin and retriable,
        for_admins=retriable and not admin,
    )


def _with_tries(rows: list[ShotRow], stacks: dict[int, list[Generation]]) -> list[ShotRow]:
    """What was tried, for the shots whose newest version was given up. Two queries."""
    given_up = {shot_id: stack for shot_id, stack in stacks.items() if stack[0].escalated and not _decided(stack[0])}
    ids = [row.pk for stack in given_up.values() for row in stack]
    prompts = dict(Generation.objects.filter(pk__in=ids).values_list("pk", "prompt"))
    reasons = dict(Score.objects.filter(generation__in=ids).order_by("pk").values_list("generation_id", "reason"))
    for row in rows:
        for generation in reversed(given_up.get(row.shot.pk, [])):
            row.tried.append(_try(generation, prompt=prompts[generation.pk], reason=reasons.get(generation.pk, "")))
    return rows


def _decided(row: Generation) -> bool:
    standing = getattr(row, "standing", None)
    return standing is not None and standing.decision not in ("undecided", "withdrawn")


def _try(row: Generation, *, prompt: str, reason: str) -> Try:
    hidden = verdicts_of(row, blind=row.campaign.independent_first_look).hidden
    if row.state == GenerationState.READY and row.average is not None:
        average = show_average(row.average, passed=row.passed)
        weakest = f". {LABELS[row.weakest]}: {reason}" if reason and row.weakest in LABELS else ""
        outcome = "Scored" if hidden else f"{average}, needs {row.campaign.bar}{weakest}"
    elif row.state in (GenerationState.REFUSED, GenerationState.FAILED) and TECHNICAL not in row.error_text:
        outcome = row.error_text or STATE_WORDS[GenerationState(row.state)]
        outcome = f"Refused: {outcome}" if row.state == GenerationState.REFUSED and row.error_text else outcome
    else:
        outcome = STATE_WORDS.get(GenerationState(row.state), "Not scored")
    change = row.direction or ("First attempt" if row.version == 1 else "Another attempt")
    return Try(
        number=row.version,
        model=model_label(row.model),
        change=change,
        outcome=outcome,
        prompt=prompt,
        seed=row.seed,
    )


EVENTS = {
    "ready": ("image", "arrived"),
    "failed": ("warning", "could not be made"),
    "refused": ("warning", "was refused by a safety filter"),
    "cancelled": ("stop", "was cancelled"),
}
DECISIONS = {
    "approved": ("approve", "approved"),
    "rejected": ("cross", "rejected"),
    "changes": ("changes", "asked for changes on"),
    "withdrawn": ("undo", "took back a decision on"),
}


def read_activity(campaign: Campaign, *, viewer: User) -> list[Happening]:
    """The last twelve things that happened, newest first; colleagues' verdicts stay hidden where looks are
    independent. Three queries."""
    about = ("generation__shot__title", "generation__version", "generation_id")
    events = (
        GenerationEvent.objects.filter(generation__campaign=campaign, to__in=EVENTS)
        .order_by("-pk")
        .values_list("to", "at", *about)[:ACTIVITY]
    )
    lines = [
        Happening(EVENTS[to][0], "", f"{title}, version {version}", loupe_address(pk, ""), at, after=EVENTS[to][1])
        for to, at, title, version, pk in events
    ]
    verdicts = Verdict.objects.filter(generation__campaign=campaign).select_related("by")
    if campaign.independent_first_look:
        verdicts = verdicts.filter(Q(by=viewer))
    for verdict in verdicts.select_related("generation__shot").order_by("-pk")[:ACTIVITY]:
        icon, words = DECISIONS[verdict.decision]
        shot = f"{verdict.generation.shot.title}, version {verdict.generation.version}"
        after = f"({verdict.filed_under.lower()})" if verdict.reason else ""
        lines.append(
            Happening(icon, f"{verdict.by} {words}", shot, loupe_address(verdict.generation_id, ""), verdict.at, after)
        )
    signatures = SignOff.objects.filter(shot__campaign=campaign).select_related("by", "shot").order_by("-pk")
    for signature in signatures[:ACTIVITY]:
        lines.append(
            Happening(
                "sign-off",
                f"{signature.by} signed",
                signature.shot.title,
                loupe_address(signature.generation_id, ""),
                signature.at,
            )
        )
    return sorted(lines, key=lambda line: line.at, reverse=True)[:ACTIVITY]
