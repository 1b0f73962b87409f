"""The settings of a house: what is live, models and prices, the budget."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from campaigns.accounts.requests import MemberRequest, member_required
from campaigns.models import Role
from generation.forms import BudgetForm
from generation.money import ledger
from review.queries.settings import read_models, read_parts, workspace_budget


@require_GET
@member_required(Role.ADMIN)
def settings(request: MemberRequest) -> HttpResponse:
    """The page."""
    return _show(request, BudgetForm())


@require_POST
@member_required(Role.ADMIN)
def set_workspace_budget(request: MemberRequest) -> HttpResponse:
    """The limit of everything in the house."""
    form = BudgetForm(request.POST)
    if not form.is_valid():
        return _show(request, form, status=422)
    limit = form.cleaned_data["limit"]
    ledger.set_limit(workspace=request.membership.workspace, campaign=None, limit=limit)
    messages.success(request, f"The workspace may spend ${limit:.2f}.")
    return redirect("settings")


def _show(request: MemberRequest, form: BudgetForm, *, status: int = 200) -> HttpResponse:
    workspace = request.membership.workspace
    context = {
        "parts": read_parts(),
        "models": read_models(),
        "budget": workspace_budget(workspace),
        "budget_form": form,
        "members": workspace.memberships.count(),
        "kits": workspace.brand_kits.count(),
    }
    return render(request, "review/settings.html", context, status=status)
