"""The revision composer: what people said, as words and a mask, with its price, before it is sent."""

from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from campaigns.accounts.requests import MemberRequest, member_required
from generation.models import Generation, Purpose
from generation.money.pricing import estimate_words_cost
from review.access import generation_for_review
from review.models import Decision
from review.queries.loupe import picture_of
from review.queries.sheet import loupe_address, model_label
from review.queries.sheet_filter import read_filter
from review.services.revisions import (
    UPSCALE_WORDS,
    VARIATION_WORDS,
    RevisionRefused,
    propose_revision,
    send_revision,
    word_revision,
)
from review.services.verdicts import VerdictRefused, record_verdict

TITLES = {"variation": "Variation", "upscale": "Upscale", "": "Revision"}
WORDS = {"variation": VARIATION_WORDS, "upscale": UPSCALE_WORDS, "": ""}


@require_http_methods(["GET", "POST"])
@member_required()
def revise(request: MemberRequest, pk: str) -> HttpResponse:
    """GET: the composer. POST: send the revision, only ask for changes, or have the words written."""
    generation = generation_for_review(request.membership, pk)
    wanted = request.GET.get("as", "")
    wanted = wanted if wanted in TITLES else ""
    if request.method == "GET":
        part = "#revise-panel" if request.htmx and "model" in request.GET else ""
        return render(request, f"review/revise.html{part}", _compose(request, generation, wanted))
    try:
        return _act(request, generation, wanted)
    except (RevisionRefused, VerdictRefused) as refused:
        context = _compose(request, generation, wanted) | {
            "problem": str(refused),
            "prompt": request.POST.get("prompt", ""),
        }
        # words that were to be written stand in their own part of the page, with what went wrong
        part = "#prompt-field" if request.htmx else ""
        return render(request, f"review/revise.html{part}", context, status=200 if part else 422)


def _act(request: MemberRequest, generation: Generation, wanted: str) -> HttpResponse:
    back = loupe_address(generation.pk, read_filter(request.GET).query())
    seen = request.POST.get("seen_version", "")
    seen_version = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 10 else 0
    if request.POST.get("act") == "ask":
        record_verdict(
            generation=generation,
            decision=Decision.CHANGES,
            by=request.membership.user,
            seen_version=seen_version,
        )
        messages.success(request, "Changes asked")
        return redirect(back)
    if request.POST.get("act") == "word":
        worded = word_revision(generation, by=request.membership.user)
        context = _compose(request, generation, wanted) | {"prompt": worded, "worded": True}
        part = "#prompt-field" if request.htmx else ""
        return render(request, f"review/revise.html{part}", context)
    made = send_revision(
        generation,
        by=request.membership.user,
        wanted=wanted,
        model=request.POST.get("model", ""),
        prompt=request.POST.get("prompt", "").replace("\r\n", "\n"),
        request_key=request.POST.get("request_key", "")[:40] or uuid4().hex,
        seen_version=seen_version,
    )
    messages.success(request, f"Version {made.version} is on its way. It appears in the same stack.")
    return redirect(back)


def _compose(request: MemberRequest, generation: Generation, wanted: str) -> dict[str, Any]:
    proposal = propose_revision(
        generation, wanted=wanted, model=request.POST.get("model") or request.GET.get("model", "")
    )
    query = read_filter(request.GET).query()
    standing = getattr(generation, "standing", None)
    return {
        "generation": generation,
        "campaign": generation.campaign,
        "shot": generation.shot,
        "proposal": proposal,
        "picture": picture_of(generation),
        "title": TITLES[wanted],
        "wanted": wanted,
        "words": WORDS[wanted],
        "choices": [(name, label, name == wanted) for name, label in (("", "From the marks"), *_CHOICES)],
        "is_edit": proposal.purpose in (Purpose.REFINE, Purpose.INPAINT),
        "model": model_label(proposal.model) if proposal.model else "",
        "prompt": proposal.prompt,
        "problem": "",
        "worded": False,
        "word_price": estimate_words_cost(prompts=1),
        "request_key": uuid4().hex,
        "seen": standing.version if standing else 0,
        "exact": proposal.price < 1,
        "shapes": [
            {
                "number": region.number,
                "kind": region.kind,
                "pin": region.place.shape == "pin",
                "points": " ".join(f"{x},{y}" for x, y in _outline(region.place)),
                "x": region.place.box[0],
                "y": region.place.box[1],
            }
            for region in proposal.regions
        ],
        "back": loupe_address(generation.pk, query),
        "query": query,
    }


_CHOICES = (("variation", "Variation"), ("upscale", "Upscale"))


def _outline(place: Any) -> list[tuple[float, float]]:
    if place.shape != "rectangle":
        return list(place.points)
    left, top, across, down = place.box
    return [(left, top), (left + across, top), (left + across, top + down), (left, top + down)]
