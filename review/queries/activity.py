"""What happened to an image, by machines and people, in one order of time. A fixed number of queries."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from generation.models import Generation, GenerationEvent
from review.models import Comment, Decision, ImageEvent, SignOff, Verdict

LONGEST_NOTE = 240
STEP_WORDS = {
    "queued": "Queued",
    "submitting": "Sent to the model",
    "in_doubt": "Answer lost: asking the provider",
    "rendering": "Being rendered",
    "fetching": "Rendered, being fetched",
    "scoring": "Stored, being scored",
    "ready": "Ready",
    "failed": "Could not be made",
    "refused": "Refused by a safety filter",
    "cancelled": "Cancelled",
}
VERDICT_WORDS = {
    Decision.APPROVED: "approved",
    Decision.REJECTED: "rejected",
    Decision.CHANGES: "asked for changes",
    Decision.WITHDRAWN: "took the decision back",
}
VERDICT_ICONS = {"approved": "approve", "rejected": "cross", "changes": "changes", "withdrawn": "undo"}
# What followed from this image: asked for by a person, and by itself.
CHILD_WORDS = {
    "retry": ("asked for another attempt", "Followed by a directed retry"),
    "refine": ("asked for an edit", "Followed by an edit"),
    "inpaint": ("asked for an edit of the marked region", "Followed by an edit of the marked region"),
    "variation": ("asked for a variation", "Followed by a variation"),
    "upscale": ("asked for an upscale", "Followed by an upscale"),
}
EVENT_ICONS = {
    "marked": "pin",
    "resolved": "check",
    "reopened": "undo",
    "deleted": "trash",
    "assigned": "person",
    "unassigned": "person",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the activity. `who` is "" where a machine did it."""

    who: str
    words: str
    note: str
    at: datetime
    icon: str


def read_activity(generation: Generation, *, verdicts: list[Verdict], numbers: Mapping[str, int]) -> list[Step]:
    """Newest first. `verdicts`: those that the viewer may see; `numbers`: of the marks on the page, by id."""
    steps = [
        *_made(generation),
        *_decided(verdicts),
        *_marked_and_asked(generation, numbers),
        *_said(generation, numbers),
        *_followed(generation),
        *_signed(generation),
    ]
    return sorted(steps, key=lambda step: step.at, reverse=True)


def _made(generation: Generation) -> Iterator[Step]:
    for event in GenerationEvent.objects.filter(generation=generation).select_related("by"):
        note = "" if "Traceback" in event.note else event.note
        icon = "image" if event.to == "ready" else "clock"
        yield Step(_name(event.by), STEP_WORDS.get(event.to, "Went on"), note, event.at, icon)


def _decided(verdicts: list[Verdict]) -> Iterator[Step]:
    for verdict in verdicts:
        reason = f", {verdict.filed_under.lower()}" if verdict.reason else ""
        undone = "went back and " if verdict.undoes_id and verdict.decision != Decision.WITHDRAWN else ""
        words = f"{undone}{VERDICT_WORDS[Decision(verdict.decision)]}{reason}"
        icon = "undo" if verdict.undoes_id else VERDICT_ICONS[verdict.decision]
        yield Step(str(verdict.by), words, verdict.note, verdict.at, icon)


def _marked_and_asked(generation: Generation, numbers: Mapping[str, int]) -> Iterator[Step]:
    rows = ImageEvent.objects.filter(generation=generation).select_related("by", "whom", "annotation__resolved_in")
    for event in rows:
        yield Step(str(event.by), _event_words(event, numbers), "", event.at, EVENT_ICONS[event.kind])


def _event_words(event: ImageEvent, numbers: Mapping[str, int]) -> str:
    if event.kind == ImageEvent.Kind.ASSIGNED:
        return "took it on" if event.whom_id == event.by_id else f"asked {event.whom} to look at it"
    if event.kind == ImageEvent.Kind.UNASSIGNED:
        return "gave it back" if event.whom_id == event.by_id else f"asks {event.whom} no more"
    number = numbers.get(event.annotation_id or "")
    mark = f"mark {number}" if number else "a mark"
    if event.kind == ImageEvent.Kind.MARKED:
        return f"drew {mark}"
    if event.kind == ImageEvent.Kind.RESOLVED:
        answer = event.annotation.resolved_in if event.annotation else None
        return f"resolved {mark}{f', answered by version {answer.version}' if answer else ''}"
    return f"{event.kind} {mark}"


def _said(generation: Generation, numbers: Mapping[str, int]) -> Iterator[Step]:
    for comment in Comment.objects.filter(generation=generation).select_related("by"):
        number = numbers.get(str(comment.annotation_id), 0)
        where = f" on mark {number}" if number else " on a mark" if comment.annotation_id else ""
        yield Step(str(comment.by), f"commented{where}", _short(comment.text), comment.at, "comment")


def _followed(generation: Generation) -> Iterator[Step]:
    children = Generation.objects.filter(parent=generation).select_related("requested_by")
    for child in children.only("version", "purpose", "created_at", "requested_by", "parent"):
        asked, by_itself = CHILD_WORDS.get(child.purpose, ("asked for a new version", "Followed by a new version"))
        words = asked if child.requested_by else by_itself
        yield Step(_name(child.requested_by), f"{words}: version {child.version}", "", child.created_at, "variations")


def _signed(generation: Generation) -> Iterator[Step]:
    for signature in SignOff.objects.filter(generation=generation).select_related("by", "withdrawn_by"):
        yield Step(str(signature.by), "signed it", _short(signature.note), signature.at, "sign-off")
        if signature.withdrawn_at:
            yield Step(_name(signature.withdrawn_by), "withdrew the signature", "", signature.withdrawn_at, "undo")


def _name(person: object) -> str:
    return str(person) if person else ""


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_NOTE else f"{text[: LONGEST_NOTE - 1]}…"
