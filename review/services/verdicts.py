"""What people decide on an image. Only writer of Verdict; what stands is written by `review.services.decision_status`.

Verdicts are append-only: a person's newest one stands, taking one back appends a row that says
which it undoes. Standing is the image's one row for lists; its version is compared and set in
one UPDATE, so that of two people who saw the same page one decides and the other is told.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from django.db import transaction
from django.utils import timezone

from campaigns.database.prepared import Addition, Given, Statement
from campaigns.models import Shot, User
from generation.models import Generation, GenerationState
from review.models import Decision, RejectReason, SignOff, Standing, Verdict
from review.services.decision_status import claim_standing, ensure_standing, put_standing

SIGNED = "signed"
LONGEST_NOTE = 2000
# Tries to get in between colleagues whose verdicts one is not to see; each loses to a verdict that was stored.
FIRST_LOOK_TRIES = 20
WORDS = {
    Decision.APPROVED: "approved it",
    Decision.REJECTED: "rejected it",
    Decision.CHANGES: "asked for changes",
    Standing.UNDECIDED: "took the decision back",
    SIGNED: "signed it",
}


class VerdictRefused(Exception):
    """Nothing was stored. The message is for people."""


class StackSigned(VerdictRefused):
    """The shot has a signed final: its stack is locked."""


class StaleVerdict(VerdictRefused):
    """Somebody decided since the page was read. `standing` is what stands now."""

    def __init__(self, standing: Standing) -> None:
        self.standing = standing
        who = str(standing.decided_by) if standing.decided_by else "Somebody"
        reason = ""
        if standing.verdict and standing.verdict.reason:
            reason = f" ({standing.verdict.filed_under.lower()})"
        super().__init__(f"{who} {WORDS[standing.decision]}{reason} while you were looking.")


def record_verdict(
    *, generation: Generation, decision: str, by: User, seen_version: int, reason: str = "", note: str = ""
) -> Verdict:
    """Store one decision; the same decision sent twice is stored once.

    `seen_version` is the Standing's version on the page that the person decided on (0 before
    the first decision). A rejection names a reason of its workspace, by code. Where the campaign asks
    for an independent first look, a colleague's verdict that the person may not see yet is no conflict.
    Raises VerdictRefused, StackSigned, StaleVerdict.
    """
    check_verdict(decision=decision, note=note)
    if generation.state != GenerationState.READY:
        raise VerdictRefused("This image is not finished yet, so there is nothing to decide on.")
    filed = _find_reason(generation.workspace_id, reason, note=note) if decision == Decision.REJECTED else None
    tries = FIRST_LOOK_TRIES if generation.campaign.independent_first_look else 1
    for remaining in reversed(range(tries)):
        try:
            return _record(generation, decision, by, seen_version, filed, note.strip())
        except StaleVerdict as stale:
            own = stale.standing.decided_by_id == by.pk
            if own or not remaining or not is_first_look(generation=generation, by=by):
                raise
            seen_version = stale.standing.version
    raise AssertionError("the last try returns or raises")


def check_verdict(*, decision: str, note: str) -> None:
    """Raises VerdictRefused where this cannot be a verdict."""
    if decision not in (Decision.APPROVED, Decision.REJECTED, Decision.CHANGES):
        raise VerdictRefused("Approve, reject, or ask for changes.")
    if len(note) > LONGEST_NOTE:
        raise VerdictRefused(f"The note is longer than {LONGEST_NOTE} characters. Shorten it.")


def _find_reason(workspace_id: int, code: str, *, note: str) -> RejectReason:
    """The workspace's reason for a rejection, which may ask for a note. Raises VerdictRefused."""
    reason = RejectReason.objects.filter(workspace_id=workspace_id, code=code.replace("\x00", "")).first()
    if reason is None:
        raise VerdictRefused("Choose the reason for the rejection, so that the next version can be better.")
    if reason.retired_at is not None:
        raise VerdictRefused(f"“{reason.label}” is no reason here any more. Reload the page and choose another one.")
    if reason.asks_note and not note.strip():
        raise VerdictRefused(f"“{reason.label}” says too little by itself. Add a note on what is wrong.")
    return reason


def is_first_look(*, generation: Generation, by: User) -> bool:
    """Whether the campaign hides colleagues' verdicts and this person has not decided yet."""
    return (
        generation.campaign.independent_first_look
        and not Verdict.objects.filter(generation=generation, by=by, standing=True).exists()
    )


def _record(
    generation: Generation, decision: str, by: User, seen_version: int, filed: RejectReason | None, note: str
) -> Verdict:
    reason, words = (filed.code, filed.label) if filed else ("", "")
    with transaction.atomic():
        ensure_standing(generation)
        # whoever saw version 0 saw that nobody has decided: where that still holds there is none of theirs to replace
        own = Verdict.objects.filter(generation=generation, by=by, standing=True).first() if seen_version else None
        if own and (own.decision, own.reason, own.note) == (decision, reason, note) and _is_latest(generation, own):
            refuse_signed(generation.shot_id)
            return own
        if claim_standing(generation_id=generation.pk, version=seen_version):
            if own:
                # the claim holds the row: nobody has put another one in its place
                Verdict.objects.filter(generation=generation, by=by, standing=True).update(standing=False)
            verdict = _append(generation, by, decision=decision, reason=reason, reason_words=words, note=note)
            _show(generation, verdict=verdict, by=by)
            return verdict
    # nothing was written, and after the transaction nothing is rolled back: that would forget every kept plan
    return _repeat_or_stale(generation, decision, by, reason, note)


def _append(generation: Generation, by: User, **said: str) -> Verdict:
    """A decision that stands, added to those on record."""
    now = timezone.now()
    verdict = Verdict(generation=generation, by=by, at=now, **said)
    verdict.pk = _addition().run(generation=generation.pk, by=by.pk, at=now, **said)
    verdict._state.adding, verdict._state.db = False, generation._state.db
    return verdict


@lru_cache(maxsize=1)
def _addition() -> Addition:
    names = ("generation", "by", "decision", "reason", "reason_words", "note", "at")
    places: dict[str, Any] = {name: Given(name, Verdict._meta.get_field(name)) for name in names}
    return Addition(Verdict, **places, standing=True, undoes=None)


def undo_verdict(*, generation: Generation, by: User, seen_version: int) -> Verdict:
    """Take one's own last decision back: the one before it stands again, else none of this person's.

    Appends a row whose `undoes` is the decision taken back. Raises VerdictRefused, StackSigned,
    StaleVerdict.
    """
    return _take_back(generation, by, seen_version) or _repeated_undo_or_stale(generation, by, seen_version)


@transaction.atomic
def _take_back(generation: Generation, by: User, seen_version: int) -> Verdict | None:
    """The row of the undo; None where somebody decided since the page was read."""
    ensure_standing(generation)
    if not claim_standing(generation_id=generation.pk, version=seen_version):
        return None
    decisions = living_decisions(Verdict.objects.filter(generation=generation, by=by).order_by("pk"))
    if not decisions:
        raise VerdictRefused("You have not decided on this image, so there is nothing to undo.")
    undone = decisions.pop()
    previous = decisions[-1] if decisions else None
    Verdict.objects.filter(generation=generation, by=by, standing=True).update(standing=False)
    appended = Verdict.objects.create(
        generation=generation,
        by=by,
        decision=previous.decision if previous else Decision.WITHDRAWN,
        reason=previous.reason if previous else "",
        reason_words=previous.reason_words if previous else "",
        note=previous.note if previous else "",
        standing=previous is not None,
        undoes=undone,
    )
    newest = Verdict.objects.filter(generation=generation, standing=True).order_by("-pk").first()
    _show(generation, verdict=newest, by=newest.by if newest else by)
    return appended


def living_decisions(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """One person's decisions that were not taken back, oldest first. `verdicts`: all of that person, oldest first."""
    living: list[Verdict] = []
    for verdict in verdicts:
        if verdict.undoes_id is None:
            living.append(verdict)
        elif living:
            living.pop()
    return living


def refuse_signed(shot_id: int) -> None:
    """Raises StackSigned where the shot has a living signature."""
    for version, name, email in _signature().run(shot=shot_id):
        raise StackSigned(
            f"Version {version} of this shot was signed by {name or email}, which locks the shot. "
            "An approver can withdraw the signature."
        )


def is_locked(shot_id: int) -> bool:
    """Whether the shot has a living signature, so that no version takes decisions or marks. One query."""
    return bool(_signature().run(shot=shot_id))


@lru_cache(maxsize=1)
def _signature() -> Statement:
    living = SignOff.objects.filter(shot_id=Given("shot", Shot._meta.pk), withdrawn_at__isnull=True)
    return Statement(living.values_list("generation__version", "by__name", "by__email")[:1])


def read_standing(generation: Generation) -> Standing:
    """The row as it stands now, with who decided."""
    return Standing.objects.select_related("decided_by", "verdict").get(pk=generation.pk)


def _repeat_or_stale(generation: Generation, decision: str, by: User, reason: str, note: str) -> Verdict:
    """The stored verdict where this very decision arrived before (a double click, an answer that was lost)."""
    refuse_signed(generation.shot_id)
    standing = read_standing(generation)
    stored = standing.verdict
    if stored and stored.by_id == by.pk and (stored.decision, stored.reason, stored.note) == (decision, reason, note):
        return stored
    raise StaleVerdict(standing)


def _repeated_undo_or_stale(generation: Generation, by: User, seen_version: int) -> Verdict:
    """The row of the undo where this very one arrived before."""
    refuse_signed(generation.shot_id)
    standing = read_standing(generation)
    newest = Verdict.objects.filter(generation=generation).order_by("-pk").first()
    if newest and newest.by_id == by.pk and newest.undoes_id and standing.version == seen_version + 1:
        return newest
    raise StaleVerdict(standing)


def _is_latest(generation: Generation, verdict: Verdict) -> bool:
    return Standing.objects.filter(pk=generation.pk, verdict=verdict).exists()


def _show(generation: Generation, *, verdict: Verdict | None, by: User) -> None:
    """Bring the image's row up to the verdict that counts now. The caller has claimed the version."""
    put_standing(
        generation_id=generation.pk,
        decision=verdict.decision if verdict else Standing.UNDECIDED,
        verdict_id=verdict.pk if verdict else None,
        by_id=by.pk,
        at=timezone.now(),
    )
