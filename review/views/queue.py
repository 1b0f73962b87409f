"""The review queue: its page, the button that hands out an image, and the door that the loupe keeps it by."""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_http_methods, require_POST

from campaigns.accounts.access import campaign_for
from campaigns.accounts.requests import MemberRequest, member_required
from review.models import Standing
from review.queries.queue import Queue, open_queue, read_decided_last, read_progress, waiting
from review.queries.sheet import MARK_WORDS
from review.queries.sheet_filter import read_filter
from review.services.queue import MOST_AHEAD, hold

MOST_IDS = 300
_ID = re.compile(r"gen_[0-9A-Z]{26}")


class UnreadableCall(Exception):
    """What the page's script sent cannot be read. The message is for people."""


@dataclass(frozen=True, slots=True)
class Call:
    """What the loupe holds, does not want now and gives back, how many it wants ahead, and whether it counts anew.

    `until`: when the leases that it gives back end, as far as it was told.
    """

    holding: list[str]
    skip: list[str]
    release: list[str]
    until: datetime | None
    ahead: int
    count: bool


@require_http_methods(["GET", "HEAD", "POST"])
@member_required()
def queue(request: MemberRequest, pk: int | None = None) -> HttpResponse:
    """GET: how far the queue is. POST: hand out one image and go there; back to the page where there is none."""
    line = _open(request, pk)
    if request.method == "POST":
        taken = hold(queue=line, count=1).taken
        return redirect(line.address_of(taken[0]) if taken else line.url)
    context = {
        "queue": line,
        "campaign": line.campaign,
        "progress": read_progress(line),
        "free": waiting(line).exists(),
        "last": read_decided_last(line),
        "duds_url": _duds_url(line),
    }
    return render(request, "review/queue.html", context)


@require_POST
@member_required()
def queue_hold(request: MemberRequest, pk: int | None = None) -> HttpResponse:
    """Renew, give back and hand out, as JSON for the loupe. 422: the call cannot be read, nothing was changed."""
    line = _open(request, pk)
    try:
        call = _read_call(request)
    except UnreadableCall as error:
        return JsonResponse({"message": str(error)}, status=422)
    outcome = hold(
        queue=line,
        count=call.ahead,
        holding=call.holding,
        skip=call.skip,
        release=call.release,
        released_until=call.until,
    )
    answer: dict[str, Any] = {
        "until": outcome.until.isoformat(),
        "items": [{"id": taken, "url": line.address_of(taken)} for taken in outcome.taken],
        "lost": {lost: f"{user} has this picture in hand now." for lost, user in outcome.lost.items()},
        "decided": _decided_by_others(line, call.holding),
    }
    if call.count:
        progress = read_progress(line)
        answer |= {"done": progress.done, "total": progress.total}
    return JsonResponse(answer)


def _open(request: MemberRequest, pk: int | None) -> Queue:
    return open_queue(
        workspace_id=request.membership.workspace_id,
        viewer=request.membership.user,
        campaign=campaign_for(request.membership, pk) if pk is not None else None,
        wanted=read_filter(request.GET),
    )


def _read_call(request: MemberRequest) -> Call:
    try:
        told = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise UnreadableCall("What arrived cannot be read. Reload the page.") from error
    if not isinstance(told, dict):
        raise UnreadableCall("What arrived says nothing about a queue. Reload the page.")
    ahead = told.get("ahead", 0)
    if not isinstance(ahead, int) or isinstance(ahead, bool) or not 0 <= ahead <= MOST_AHEAD:
        raise UnreadableCall(f"At most {MOST_AHEAD} pictures are handed out at once. Reload the page.")
    lists = {name: _read_ids(told.get(name, [])) for name in ("holding", "skip", "release")}
    return Call(**lists, until=_read_until(told.get("until")), ahead=ahead, count=told.get("count") is True)


def _read_until(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        until = parse_datetime(value)
    except (TypeError, ValueError):
        until = None
    if until is None or until.tzinfo is None:
        raise UnreadableCall("The time of the call cannot be read. Reload the page.")
    return until


def _read_ids(value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) > MOST_IDS:
        raise UnreadableCall("The list of pictures cannot be read. Reload the page.")
    return [name for name in value if isinstance(name, str) and _ID.fullmatch(name)]


def _decided_by_others(line: Queue, ids: list[str]) -> dict[str, dict[str, Any]]:
    """What colleagues decided on what this person holds; nothing where first looks are independent."""
    rows = (
        Standing.objects.filter(pk__in=ids, workspace_id=line.workspace_id, decision__in=MARK_WORDS)
        .filter(campaign__independent_first_look=False)
        .exclude(decided_by=line.viewer)
        .select_related("decided_by")
    )
    return {
        row.pk: {
            "decision": row.decision,
            "version": row.version,
            "words": f"{MARK_WORDS[row.decision]}{f' by {row.decided_by}' if row.decided_by else ''}",
        }
        for row in rows
    }


def _duds_url(line: Queue) -> str:
    """The sheet of what a campaign's queue leaves out."""
    if line.campaign is None or line.campaign.independent_first_look:
        return ""
    return f"{reverse('sheet', kwargs={'pk': line.campaign.pk})}?below=1&unreviewed=1"
