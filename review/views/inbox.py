"""What needs me now."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET, require_POST

from campaigns.accounts.requests import MemberRequest, member_required
from review.models import Notice
from review.queries.inbox import read_inbox
from review.queries.navigation import read_around
from review.services.notice_channels import target_of


@require_GET
@member_required()
def inbox(request: MemberRequest) -> HttpResponse:
    """The page; its list polls itself while something runs."""
    around = request.around = read_around(request.membership)  # type: ignore[attr-defined]
    found = read_inbox(request.membership, waiting=around.waiting)
    part = "#inbox-list" if request.htmx else ""
    response = render(request, f"review/inbox.html{part}", {"inbox": found, "today": timezone.localdate()})
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_POST
@member_required()
def open_notice(request: MemberRequest, pk: int) -> HttpResponse:
    """Mark one's own notice as read and go where it points; `stay` only marks it."""
    notice = get_object_or_404(Notice, pk=pk, user_id=request.user.pk, workspace_id=request.membership.workspace_id)
    Notice.objects.filter(pk=notice.pk, read_at__isnull=True).update(read_at=timezone.now())
    return redirect("inbox" if request.POST.get("stay") else target_of(notice))
