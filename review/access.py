"""Permission is part of fetching: an image of another workspace does not exist (404)."""

from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404

from generation.models import Generation


def generation_for_review(request: Any, pk: str) -> Generation:
    """An image of the person's workspace with its shot, campaign and standing, or 404."""
    if not request.membership:
        raise Http404
    return get_object_or_404(
        Generation.objects.select_related(
            "shot", "campaign", "campaign__workspace", "standing", "standing__decided_by", "standing__verdict"
        ),
        pk=pk,
        workspace_id=request.membership.workspace_id,
    )
