"""One image on the light table."""

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from campaigns.accounts.requests import MemberRequest, member_required
from campaigns.models import Role
from generation.models import Generation
from review.access import generation_for_review
from review.models import Annotation
from review.queries.assigned import read_colleagues
from review.queries.before_after import read_before_after
from review.queries.comparison import MODES, read_comparison
from review.queries.counts import read_counts
from review.queries.filmstrip import read_film
from review.queries.loupe import read_loupe
from review.queries.queue import CAMPAIGN, Queue, QueueProgress, open_queue, read_progress
from review.queries.sheet_filter import SheetFilter, read_filter
from review.services.reasons import living_reasons


@require_safe
@member_required()
def loupe(request: MemberRequest, pk: str) -> HttpResponse:
    """The loupe; for its script, which swaps one image for the next, the inner part alone."""
    generation = generation_for_review(request.membership, pk)
    is_fragment = bool(request.headers.get("HX-Request"))
    wanted = read_filter(request.GET)
    query = wanted.query()
    queue = _queue(request, generation, wanted)
    comparison = read_comparison(generation, other_id=request.GET.get("compare", ""), mode=request.GET.get("mode", ""))
    page = read_loupe(generation, wanted, viewer=request.membership.user)
    context = {
        "generation": generation,
        "campaign": generation.campaign,
        "shot": generation.shot,
        "page": page,
        "comparison": comparison,
        "answered": read_before_after(generation),
        "modes": MODES.items(),
        "reasons": list(enumerate(living_reasons(generation.workspace_id), start=1)),
        "colleagues": [] if is_fragment else read_colleagues(generation.workspace_id),
        "kinds": Annotation.Kind.choices,
        "film": page.film,
        "locked": page.film.signed is not None,
        "counts": page.counts,
        "may_sign": request.membership.reaches(Role.APPROVER),
        "query": query,
        "queue": queue,
        # its script knows better where it stands from the second image on
        "progress": read_progress(queue) if queue and not is_fragment else QueueProgress(0, 0, 0),
        "sheet_url": _way_back(generation, wanted, queue),
    }
    template = "review/loupe.html#loupe" if is_fragment else "review/loupe.html"
    response = render(request, template, context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _queue(request: MemberRequest, generation: Generation, wanted: SheetFilter) -> Queue | None:
    """The review queue that the address names."""
    if not wanted.queue:
        return None
    return open_queue(
        workspace_id=generation.workspace_id,
        viewer=request.membership.user,
        campaign=generation.campaign if wanted.queue == CAMPAIGN else None,
        wanted=wanted,
    )


def _way_back(generation: Generation, wanted: SheetFilter, queue: Queue | None) -> str:
    """Where Escape leads: the frame on its sheet, or the inbox from a queue of the whole workspace."""
    if queue is not None and queue.campaign is None:
        return reverse("inbox")
    sheet = reverse("sheet", kwargs={"pk": generation.campaign_id})
    query = wanted.query(queue="")
    return f"{sheet}{'?' + query if query else ''}#frame-{generation.pk}"


@require_safe
@member_required()
def film(request: MemberRequest, pk: str) -> HttpResponse:
    """The film strip alone: it asks for itself while a version of the shot is on its way."""
    generation = generation_for_review(request.membership, pk)
    wanted = read_filter(request.GET)
    strip = read_film(generation, wanted, viewer=request.membership.user)
    context = {
        "generation": generation,
        "shot": generation.shot,
        "film": strip,
        "counts": read_counts(generation.campaign, viewer=request.membership.user),
        "query": wanted.query(),
    }
    return render(request, "review/loupe.html#film", context)
