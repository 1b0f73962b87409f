"""What the contact sheet reads: a page of cards without payload columns, in a fixed number of queries.

Where the campaign asks for an independent first look, score and colleagues' verdicts of an image
stay hidden, from filters and orders too, until the viewer's own verdict on it is in.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, Q, QuerySet, Subquery
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Campaign, Shot, User
from generation import catalogue
from generation.models import WORKING, Generation, GenerationState
from generation.pictures.files import rendition_url, srcset
from generation.pictures.placeholders import placeholder_data_uri
from generation.rules.gate import show_average
from review.models import Assignment, Standing, Verdict
from review.queries.last_changes import read_pulse
from review.queries.sheet_filter import ORDERS, SheetFilter
from review.queries.stacks import on_top
from review.queries.waiting import is_open, own_verdict, to_review

PAGE = 60
SIGNED = "signed"
FAILED = (GenerationState.FAILED, GenerationState.REFUSED, GenerationState.CANCELLED)
# A card is drawn from these; prompts and parameters stay in the table.
COLUMNS = (
    "id", "shot_id", "campaign_id", "workspace_id", "version", "state", "width", "height", "image_width",
    "image_height", "renditions", "thumbhash", "average", "passed", "weakest", "escalated", "model", "completed_at",
    "shot__title", "shot__position",
    "standing__decision", "standing__version", "standing__decided_at", "standing__decided_by",
    "standing__decided_by__name",
    "standing__decided_by__email",
)  # fmt: skip
STATE_WORDS = {
    GenerationState.QUEUED: "Waiting its turn",
    GenerationState.IN_DOUBT: "Asking the provider",
    GenerationState.SCORING: "Being scored",
    GenerationState.FAILED: "Could not be made",
    GenerationState.REFUSED: "Refused by a safety filter",
    GenerationState.CANCELLED: "Cancelled",
}
# What a filter by decision lets through: what is signed is still approved.
ALSO = {"approved": ("approved", SIGNED), "rejected": ("rejected",), "changes": ("changes",), SIGNED: (SIGNED,)}
# The grease pencil: its sign by what stands.
MARKS = {"approved": "approved", "rejected": "rejected", "changes": "changes", SIGNED: SIGNED}
MARK_WORDS = {
    "approved": "Approved",
    "rejected": "Rejected",
    "changes": "Changes asked",
    SIGNED: "Signed",
}


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Where an image stands, as this viewer may see it. `seen` goes along with the next verdict."""

    decision: str
    words: str
    seen: int
    hidden: bool


def filtered(campaign: Campaign, wanted: SheetFilter, *, viewer: User) -> QuerySet[Generation]:
    """The images that this filter lets through, in no order."""
    rows: QuerySet[Generation]
    if wanted.sort == "shot":
        # through the wanted shots in their order: nothing is to be sorted
        rows = Generation.objects.filter(shot__campaign=campaign.pk, shot__removed_at__isnull=True)
    else:
        # not by a join: the database would look at every shot of the table before it takes the first page
        removed = Shot.objects.filter(campaign=campaign.pk, removed_at__isnull=False)
        rows = Generation.objects.filter(~Q(shot__in=removed), campaign=campaign.pk)
    rows = _of_state(rows, wanted.state)
    if wanted.shot is not None:
        rows = rows.filter(shot_id=wanted.shot)
    if wanted.model:
        rows = rows.filter(model=wanted.model)
    if wanted.escalated:
        rows = rows.filter(escalated=True)
    if wanted.assigned is not None:
        rows = rows.filter(pk__in=Assignment.objects.filter(to_id=wanted.assigned).values("generation_id"))
    if wanted.mine:
        assigned = Assignment.objects.filter(to=viewer.pk).order_by().values("generation_id")
        decided = Verdict.objects.filter(by=viewer.pk, standing=True).order_by().values("generation_id")
        rows = rows.filter(pk__in=assigned.union(decided, all=True))
    blind = campaign.independent_first_look
    if wanted.unreviewed:
        # whoever asks for what is below the bar sees those attempts too that the machines followed up
        rows = rows.filter((is_open if wanted.below else to_review)(viewer=viewer, blind=blind))
    hides = wanted.decision or wanted.below or wanted.weakest or wanted.sort in ("best", "worst")
    if blind and (hides or wanted.score_from is not None or wanted.score_to is not None):
        rows = rows.filter(Exists(own_verdict(viewer)))
    if wanted.stack and not wanted.state:
        rows = on_top(rows, blind=blind, by_shot=wanted.sort == "shot")
    return _of_judgement(rows, wanted)


def _of_state(rows: QuerySet[Generation], state: str) -> QuerySet[Generation]:
    if state == "working":
        return rows.filter(state__in=WORKING)
    if state == "failed":
        return rows.filter(state__in=FAILED)
    return rows if state == "all" else rows.filter(state=GenerationState.READY)


def _of_judgement(rows: QuerySet[Generation], wanted: SheetFilter) -> QuerySet[Generation]:
    if wanted.decision:
        rows = rows.filter(decision__in=ALSO[wanted.decision])
    if wanted.below:
        rows = rows.filter(passed=False)
    if wanted.weakest:
        rows = rows.filter(weakest=wanted.weakest)
    if wanted.score_from is not None:
        rows = rows.filter(average__gte=wanted.score_from)
    if wanted.score_to is not None:
        rows = rows.filter(average__lte=wanted.score_to)
    return rows


def own_decision(viewer: User) -> Any:
    """This person's standing verdict on the image of a row, as a column."""
    return Subquery(own_verdict(viewer).values("decision")[:1])


def _with_own_verdict(rows: QuerySet[Generation], viewer: User) -> QuerySet[Generation]:
    return (
        rows.annotate(own_decision=own_decision(viewer))
        .select_related("shot", "standing", "standing__decided_by")
        .only(*COLUMNS)
    )


def values_of(generation: Generation, wanted: SheetFilter) -> tuple[Any, ...]:
    """Where an image stands in the order of this filter."""
    values: dict[str, Any] = {
        "pk": generation.pk,
        "average": generation.average,
        "shot__position": generation.shot.position,
        "shot_id": generation.shot_id,
        "version": generation.version,
    }
    return tuple(values[term.column] for term in ORDERS[wanted.sort])


def verdicts_of(generation: Generation, *, blind: bool) -> Verdicts:
    """What this viewer may see of an image's standing. Reads `own_decision`, which the query annotated."""
    standing: Standing | None = getattr(generation, "standing", None)
    return show_standing(
        decision=standing.decision if standing else "",
        version=standing.version if standing else 0,
        who=str(standing.decided_by) if standing and standing.decided_by else "",
        hidden=blind and not getattr(generation, "own_decision", None),
    )


def show_standing(*, decision: str, version: int, who: str, hidden: bool) -> Verdicts:
    """In words. `hidden`: the viewer has an independent first look to take; a signature is no secret."""
    if hidden and decision != SIGNED:
        return Verdicts("", "", version, hidden=True)
    if decision not in MARKS:
        return Verdicts("", "", version, hidden=False)
    return Verdicts(
        decision, f"{MARK_WORDS[decision]} by {who}" if who else MARK_WORDS[decision], version, hidden=False
    )


def _score_of(generation: Generation) -> str:
    return "" if generation.average is None else show_average(generation.average, passed=generation.passed)


def thumb_of(generation: Generation, standing: Verdicts, *, eager: bool = False) -> dict[str, Any]:
    """The image box of components/thumb.html."""
    ready = generation.state == GenerationState.READY
    scored = ready and generation.average is not None and not standing.hidden
    return {
        "aspect": round(generation.aspect, 4),
        "alt": "",
        "src": rendition_url(generation, width=640) if ready else "",
        "srcset": srcset(generation) if ready else "",
        "sizes": "(max-width: 48rem) 50vw, 28rem",
        "placeholder": placeholder_data_uri(generation.thumbhash),
        "mark": standing.decision,
        "mark_words": "",
        "score": _score_of(generation) if scored else "",
        "below": scored and generation.passed is False,
        "label": "",
        "waiting": GenerationState(generation.state) in WORKING,
        "words": "" if ready else STATE_WORDS.get(GenerationState(generation.state), "Being made"),
        "eager": eager,
    }


def read_shots(campaign: Campaign) -> list[Shot]:
    """The shots that are still wanted, in their order. One query."""
    return list(campaign.shots.filter(removed_at__isnull=True).only("id", "campaign_id", "title", "position"))


def read_models(campaign: Campaign) -> list[tuple[str, str]]:
    """Every model that made something here, with its name for people. One query."""
    keys = Generation.objects.filter(campaign=campaign).values_list("model", flat=True).distinct().order_by("model")
    return [(key, model_label(key)) for key in keys]


def model_label(key: str) -> str:
    """A model's name for people; its key where the catalogue does not know it."""
    try:
        return catalogue.get_model(key).label
    except catalogue.UnknownModel:
        return key


def read_changes(campaign: Campaign, wanted: SheetFilter, *, viewer: User, since: datetime) -> dict[str, Any]:
    """What happened on this sheet since a moment: images that arrived, verdicts of anybody. One query where nothing
    did, else three.
    """
    # a little overlap: a row that was being committed while we looked is seen the next time
    now = (timezone.now() - timedelta(seconds=3)).isoformat()
    pulse = read_pulse(campaign)
    if not wanted.state and pulse.is_calm_since(since):
        return {"arrived": [], "standings": [], "busy": pulse.busy, "now": now}
    rows = filtered(campaign, wanted, viewer=viewer)
    arrived = list(rows.filter(completed_at__gt=since).order_by("-pk").values_list("pk", flat=True)[: PAGE * 4])
    decided = _with_own_verdict(
        Generation.objects.filter(campaign=campaign, standing__decided_at__gt=since), viewer
    ).order_by("-standing__decided_at")[:PAGE]
    standings = []
    for generation in decided:
        seen = verdicts_of(generation, blind=campaign.independent_first_look)
        standings.append({"id": generation.pk, "decision": seen.decision, "words": seen.words, "version": seen.seen})
    return {"arrived": arrived, "standings": standings, "busy": pulse.busy, "now": now}


def loupe_address(pk: str, query: str) -> str:
    """The address of one image; the sheet's filter goes along."""
    address = reverse("loupe", kwargs={"pk": pk})
    return f"{address}?{query}" if query else address
