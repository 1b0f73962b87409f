"""The workspace's reasons for a rejection, for admins."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from campaigns.accounts.requests import MemberRequest, member_required
from campaigns.models import Role
from review.models import RejectReason
from review.services import reasons

ACTS: dict[str, tuple[Callable[[RejectReason], object], str]] = {
    "up": (lambda reason: reasons.move_reason(reason, by=-1), ""),
    "down": (lambda reason: reasons.move_reason(reason, by=1), ""),
    "retire": (reasons.retire_reason, "“{}” is offered no more. What was filed under it keeps its words."),
    "restore": (reasons.restore_reason, "“{}” is offered again."),
}


@require_http_methods(["GET", "POST"])
@member_required(Role.ADMIN)
def reject_reasons(request: MemberRequest) -> HttpResponse:
    """The list; POST adds one."""
    if request.method == "GET":
        return _show(request)
    words = _read(request)
    try:
        reason = reasons.add_reason(workspace=request.membership.workspace, **words)
    except reasons.ReasonRefused as refused:
        return _show(request, problem=str(refused), draft=words)
    messages.success(request, f"“{reason.label}” is offered from now on.")
    return redirect("reject-reasons")


@require_POST
@member_required(Role.ADMIN)
def reject_reason(request: MemberRequest, pk: int) -> HttpResponse:
    """Change, move, retire or restore one."""
    reason = get_object_or_404(
        RejectReason.objects.select_related("workspace"), pk=pk, workspace_id=request.membership.workspace_id
    )
    act, told = ACTS.get(request.POST.get("do", ""), (None, "“{}” is saved."))
    try:
        if act is None:
            reasons.change_reason(reason, **_read(request))
        else:
            act(reason)
    except reasons.ReasonRefused as refused:
        return _show(request, problem=str(refused), problem_at=reason.pk, draft=_read(request) if act is None else {})
    if told:
        messages.success(request, told.format(reason.label))
    return redirect("reject-reasons")


def _read(request: MemberRequest) -> dict[str, Any]:
    return {
        "label": request.POST.get("label", ""),
        "hint": request.POST.get("hint", ""),
        "asks_note": request.POST.get("asks_note") == "yes",
    }


def _show(
    request: MemberRequest, *, problem: str = "", problem_at: int | None = None, draft: dict[str, Any] | None = None
) -> HttpResponse:
    """The page; after a refusal with what was typed, where it was typed."""
    found = list(RejectReason.objects.filter(workspace_id=request.membership.workspace_id))
    for reason in found:
        if draft and reason.pk == problem_at:
            reason.label, reason.hint, reason.asks_note = draft["label"], draft["hint"], draft["asks_note"]
    living = [reason for reason in found if reason.retired_at is None]
    context = {
        "living": living,
        "retired": [reason for reason in found if reason.retired_at is not None],
        "is_full": len(living) >= reasons.MOST_REASONS,
        "most": reasons.MOST_REASONS,
        "problem": problem,
        "problem_at": problem_at,
        "draft": draft if draft and problem_at is None else {"label": "", "hint": "", "asks_note": False},
    }
    return render(request, "review/reject_reasons.html", context, status=422 if problem else 200)
