"""The door for signs of life: small, never in the way of a page."""

from django.http import HttpResponse, JsonResponse
from django.views.decorators.http import require_POST

from campaigns.accounts.requests import MemberRequest, member_required
from review.access import generation_for_review
from review.services.presence import leave, look, read_present


@require_POST
@member_required()
def presence(request: MemberRequest, pk: str) -> HttpResponse:
    """One looks at this image (or, with `leave`, no longer); answers who else does."""
    generation = generation_for_review(request.membership, pk)
    if request.POST.get("leave"):
        leave(generation=generation, by=request.membership.user)
        return JsonResponse({"others": []})
    look(generation=generation, by=request.membership.user)
    present = read_present(generation.workspace_id, viewer=request.membership.user)
    return JsonResponse({"others": present.get(generation.pk, [])})
