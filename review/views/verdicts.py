"""The door for decisions: one POST a verdict, answered as JSON to the page's script and by redirect to a form."""

from functools import lru_cache
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from campaigns.accounts.requests import MemberRequest, member_required
from campaigns.database.prepared import Given, Statement
from generation.models import Generation
from review.access import generation_to_decide
from review.models import Standing
from review.queries.sheet import loupe_address, show_standing
from review.queries.sheet_filter import read_filter
from review.services.verdicts import (
    StackSigned,
    StaleVerdict,
    VerdictRefused,
    record_verdict,
    undo_verdict,
)

UNDO = "undo"


@require_POST
@member_required()
def verdict(request: MemberRequest, pk: str) -> HttpResponse:
    """Store or take back a decision. 409: a colleague was faster, or the stack is signed; 422: it is no verdict."""
    generation = generation_to_decide(request.membership, pk)
    try:
        _decide(request, generation)
        answer, status, words = _describe(pk), 200, ""
    except (StaleVerdict, StackSigned) as conflict:
        words, status = str(conflict), 409
        answer = {**_describe(pk), "message": words}
        answer["locked"] = isinstance(conflict, StackSigned)
    except VerdictRefused as refused:
        words, status = str(refused), 422
        answer = {"message": words}
    if request.headers.get("Accept", "").startswith("application/json"):
        return JsonResponse({"id": pk, **answer}, status=status)
    if words:
        messages.warning(request, words)
    return redirect(loupe_address(pk, read_filter(request.GET).query()))


def _decide(request: MemberRequest, generation: Generation) -> None:
    seen = request.POST.get("seen_version", "")
    if not (seen.isascii() and seen.isdigit() and len(seen) < 10):
        raise VerdictRefused("The page does not say which version it showed. Reload it and decide again.")
    if request.POST.get("decision") == UNDO:
        undo_verdict(generation=generation, by=request.membership.user, seen_version=int(seen))
        return
    record_verdict(
        generation=generation,
        decision=request.POST.get("decision", ""),
        by=request.membership.user,
        seen_version=int(seen),
        reason=request.POST.get("reason", ""),
        note=request.POST.get("note", "").replace("\x00", ""),
    )


def _describe(pk: str) -> dict[str, Any]:
    """What stands now, for the card. One query."""
    for decision, version, name, email in _standing().run(pk=pk):
        seen = show_standing(decision=decision, version=version, who=name or email or "", hidden=False)
        return {"decision": seen.decision, "version": seen.seen, "words": seen.words}
    return {"decision": "", "version": 0, "words": ""}


@lru_cache(maxsize=1)
def _standing() -> Statement:
    rows = Standing.objects.filter(pk=Given("pk", Generation._meta.pk))
    return Statement(rows.values_list("decision", "version", "decided_by__name", "decided_by__email"))
