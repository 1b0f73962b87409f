"""One image on the light table."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from campaigns.access import member_required
from campaigns.models import Role
from review.access import generation_for_review
from review.models import Annotation
from review.queries.before_after import read_before_after
from review.queries.comparison import MODES, read_comparison
from review.queries.loupe import read_loupe
from review.queries.sheet_filter import read_filter
from review.services.reasons import living_reasons


@require_safe
@member_required()
def loupe(request: HttpRequest, pk: str) -> HttpResponse:
    """The loupe; for its script, which swaps one image for the next, the inner part alone."""
    generation = generation_for_review(request, pk)
    wanted = read_filter(request.GET)
    query = wanted.query()
    sheet_url = reverse("sheet", kwargs={"pk": generation.campaign_id})
    comparison = read_comparison(generation, other_id=request.GET.get("compare", ""), mode=request.GET.get("mode", ""))
    context = {
        "generation": generation,
        "campaign": generation.campaign,
        "shot": generation.shot,
        "page": read_loupe(generation, wanted, viewer=request.user),  # type: ignore[arg-type]
        "comparison": comparison,
        "answered": read_before_after(generation),
        "modes": MODES.items(),
        "reasons": list(enumerate(living_reasons(generation.workspace_id), start=1)),
        "kinds": Annotation.Kind.choices,
        "may_sign": request.membership.reaches(Role.APPROVER),  # type: ignore[attr-defined]
        "query": query,
        "sheet_url": f"{sheet_url}{'?' + query if query else ''}#frame-{generation.pk}",
    }
    template = "review/loupe.html#loupe" if request.headers.get("HX-Request") else "review/loupe.html"
    response = render(request, template, context)
    patch_vary_headers(response, ["HX-Request"])
    return response
